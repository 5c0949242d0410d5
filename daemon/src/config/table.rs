//! The list of settings: name, kind, default, help, and how a value is read and shown.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use dsp_protocol::api::{Policy, parse_bytes};
use dsp_protocol::limits::TRANSFER_RATE_LEAST as LEAST_RATE;
use dsp_protocol::name::{NameError, Petname};
use libp2p::Multiaddr;
use toml_edit::{Array, Value};

use super::{Config, ConfigError, Origin};

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name, `table.key` in the file.
    pub name: &'static str,
    /// What a value is in the file.
    pub kind: Kind,
    /// What it does, in a sentence without a full stop.
    pub about: &'static str,
    /// Whether a change takes effect only after a restart.
    pub restart: bool,
    pub(super) apply: fn(&mut Config, &[String]) -> Result<(), String>,
    pub(super) show: fn(&Config) -> String,
}

/// What the value of a setting is in the file; elsewhere it is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A string.
    Text,
    /// A list of strings; parted by commas where it is text.
    List,
}

/// Every setting, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "user.name",
        kind: Kind::Text,
        about: "How you call yourself; written into your identity at the first start",
        restart: false,
        apply: |c, v| name(v).map(|name| c.user_name = name),
        show: |c| c.user_name.clone(),
    },
    Setting {
        name: "device.name",
        kind: Kind::Text,
        about: "How this device is called; written into your identity at the first start",
        restart: false,
        apply: |c, v| name(v).map(|name| c.device_name = name),
        show: |c| c.device_name.clone(),
    },
    Setting {
        name: "net.listen",
        kind: Kind::List,
        about: "Addresses on which peers reach this node; port 0 is chosen once and kept",
        restart: true,
        apply: |c, v| addresses(v).map(|list| c.listen = list),
        show: |c| joined(&c.listen),
    },
    Setting {
        name: "net.announce",
        kind: Kind::List,
        about: "Further addresses that tickets name, such as that of a forwarded port",
        restart: false,
        apply: |c, v| addresses(v).map(|list| c.announce = list),
        show: |c| joined(&c.announce),
    },
    Setting {
        name: "net.mdns",
        kind: Kind::Bool,
        about: "Find nodes on the local network, and be found there under a random name",
        restart: true,
        apply: |c, v| truth(v).map(|on| c.mdns = on),
        show: |c| c.mdns.to_string(),
    },
    Setting {
        name: "net.limit_up",
        kind: Kind::Integer,
        about: "Bytes of blobs that go to peers in a second, such as 500KB, 64KiB at least; 0 for all",
        restart: false,
        apply: |c, v| rate(v).map(|rate| c.limit_up = rate),
        show: |c| c.limit_up.to_string(),
    },
    Setting {
        name: "net.limit_down",
        kind: Kind::Integer,
        about: "Bytes of blobs that come from peers in a second, 64KiB at least; 0 for all",
        restart: false,
        apply: |c, v| rate(v).map(|rate| c.limit_down = rate),
        show: |c| c.limit_down.to_string(),
    },
    Setting {
        name: "http.listen",
        kind: Kind::Text,
        about: "Loopback address of the web UI and the API",
        restart: true,
        apply: |c, v| loopback(v).map(|ip| c.http_listen = ip),
        show: |c| c.http_listen.to_string(),
    },
    Setting {
        name: "http.port",
        kind: Kind::Integer,
        about: "Port of the web UI and the API; the next free one is taken where it is in use",
        restart: true,
        apply: |c, v| number(v, u16::MAX).map(|port| c.http_port = port),
        show: |c| c.http_port.to_string(),
    },
    Setting {
        name: "http.single_port",
        kind: Kind::Bool,
        about: "Whether pages and media that others made come from the port of the web UI, not their own",
        restart: true,
        apply: |c, v| truth(v).map(|on| c.single_port = on),
        show: |c| c.single_port.to_string(),
    },
    Setting {
        name: "log.level",
        kind: Kind::Text,
        about: "What is logged: error, warn, info, debug, trace, or target=level by commas",
        restart: false,
        apply: |c, v| filter(v).map(|level| c.log_level = level),
        show: |c| c.log_level.clone(),
    },
    Setting {
        name: "store.min_free_bytes",
        kind: Kind::Integer,
        about: "Bytes that stay free on the disk, such as 1GB: with less, nothing large is written",
        restart: false,
        apply: |c, v| bytes(v).map(|bytes| c.min_free_bytes = bytes),
        show: |c| c.min_free_bytes.to_string(),
    },
    Setting {
        name: "store.quota_bytes",
        kind: Kind::Integer,
        about: "Bytes of files that there may be here, such as 100GB; 0 for no bound but the disk",
        restart: false,
        apply: |c, v| bytes(v).map(|bytes| c.quota_bytes = bytes),
        show: |c| c.quota_bytes.to_string(),
    },
    Setting {
        name: "trash.keep",
        kind: Kind::Text,
        about: "How long what nothing names stays before it is freed, such as 7d or 12h; 0 for none",
        restart: false,
        apply: |c, v| period(v).map(|period| c.trash_keep = period),
        show: |c| period_text(c.trash_keep),
    },
    Setting {
        name: "policy.default",
        kind: Kind::Text,
        about: "Which blobs of a newly followed context are brought: all, heads or lazy",
        restart: false,
        apply: |c, v| policy(v).map(|policy| c.policy = policy),
        show: |c| policy_word(c.policy).to_owned(),
    },
];

/// Returns the settings of a home in which nobody set any.
pub(super) fn defaults() -> Config {
    let address = |text: &str| text.parse().expect("the default addresses are well-formed");
    Config {
        listen: vec![address("/ip4/0.0.0.0/tcp/0"), address("/ip4/0.0.0.0/udp/0/quic-v1")],
        mdns: true,
        announce: Vec::new(),
        limit_up: 0,
        limit_down: 0,
        http_listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        http_port: 7700,
        single_port: false,
        log_level: "info".to_owned(),
        user_name: account_name(),
        device_name: host_name(),
        min_free_bytes: 1 << 30,
        quota_bytes: 0,
        trash_keep: Duration::from_secs(7 * DAY),
        policy: Policy::Heads,
    }
}

impl Setting {
    /// Returns the variable that sets it: `DSP_NET_LISTEN` for `net.listen`.
    pub fn variable(&self) -> String {
        format!("DSP_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Returns its value where nobody set it, as text.
    pub fn default(&self) -> String {
        (self.show)(&defaults())
    }

    /// Checks a value that is text, and returns it as it stands in the file.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] says what is wrong.
    pub fn check(&self, text: &str) -> Result<Value, ConfigError> {
        let mut config = defaults();
        self.apply_text(&mut config, text, None)?;
        let parts = self.kind.parts_of_text(text);
        let first = || parts[0].as_str();
        Ok(match self.kind {
            Kind::Bool => Value::from(first() == "true"),
            Kind::Integer => {
                let number = (self.show)(&config);
                Value::from(number.parse::<i64>().expect("it was checked"))
            }
            Kind::Text => Value::from(first()),
            Kind::List => Value::from(parts.iter().collect::<Array>()),
        })
    }

    pub(super) fn apply_text(
        &self,
        config: &mut Config,
        text: &str,
        origin: Option<Origin>,
    ) -> Result<(), ConfigError> {
        let parts = self.kind.parts_of_text(text);
        (self.apply)(config, &parts).map_err(|reason| self.invalid(origin, reason))
    }

    pub(super) fn invalid(&self, origin: Option<Origin>, reason: String) -> ConfigError {
        ConfigError::Invalid { name: self.name, origin, reason }
    }
}

impl Kind {
    fn parts_of_text(self, text: &str) -> Vec<String> {
        match self {
            Kind::List => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(str::to_owned).collect()
            }
            Kind::Bool | Kind::Integer | Kind::Text => vec![text.trim().to_owned()],
        }
    }

    pub(super) fn parts_of_value(self, value: &Value) -> Result<Vec<String>, String> {
        let wrong = |value: &Value| format!("expected {self}, got {}", value.type_name());
        let one = match self {
            Kind::Bool => value.as_bool().map(|b| b.to_string()),
            Kind::Integer => value.as_integer().map(|i| i.to_string()),
            Kind::Text => value.as_str().map(str::to_owned),
            Kind::List => {
                let list = value.as_array().ok_or_else(|| wrong(value))?.iter();
                let text = |item: &Value| {
                    let text = item.as_str().map(str::to_owned);
                    text.ok_or_else(|| format!("expected a string in it, got {}", item.type_name()))
                };
                return list.map(text).collect();
            }
        };
        one.map(|part| vec![part]).ok_or_else(|| wrong(value))
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Bool => "true or false",
            Kind::Integer => "a whole number",
            Kind::Text => "a string",
            Kind::List => "a list of strings",
        })
    }
}

fn only(parts: &[String]) -> &str {
    &parts[0] // Every kind but a list has one part.
}

/// Takes what others can show as a name of their own choice for it, so that it stays the same.
fn name(parts: &[String]) -> Result<String, String> {
    let name: Petname = only(parts).parse().map_err(|error: NameError| error.rule().to_string())?;
    Ok(name.to_string())
}

fn addresses(parts: &[String]) -> Result<Vec<Multiaddr>, String> {
    let parse = |part: &String| {
        part.parse()
            .map_err(|error| format!("`{part}` is no address such as /ip4/0.0.0.0/tcp/0: {error}"))
    };
    parts.iter().map(parse).collect()
}

fn truth(parts: &[String]) -> Result<bool, String> {
    let text = only(parts);
    text.parse().map_err(|_| format!("expected true or false, got `{text}`"))
}

fn number<T: std::str::FromStr + std::fmt::Display>(
    parts: &[String],
    most: T,
) -> Result<T, String> {
    let text = only(parts);
    text.parse().map_err(|_| format!("expected a whole number from 0 to {most}, got `{text}`"))
}

/// Reads a number of bytes, with a unit or without.
fn bytes(parts: &[String]) -> Result<u64, String> {
    let text = only(parts);
    parse_bytes(text)
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .ok_or_else(|| format!("expected a number of bytes such as 500MB or 1GiB, got `{text}`"))
}

/// Reads a number of bytes a second.
fn rate(parts: &[String]) -> Result<u64, String> {
    let rate = bytes(parts)?;
    match rate {
        1..LEAST_RATE => Err(format!(
            "with less than {LEAST_RATE} bytes a second peers take every transfer for one that \
             stalled; 0 is no limit"
        )),
        rate => Ok(rate),
    }
}

/// Seconds of a day.
const DAY: u64 = 86_400;
/// The units of a period in seconds, the largest first.
const PERIODS: [(char, u64); 3] = [('d', DAY), ('h', 3600), ('m', 60)];

/// Reads how long: `30m`, `12h`, `7d`, or `0`; ten years at most.
fn period(parts: &[String]) -> Result<Duration, String> {
    let text = only(parts);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit =
        PERIODS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
    let seconds = unit.and_then(|(number, seconds)| {
        let plain = number.bytes().all(|b| b.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| plain)?.checked_mul(seconds)
    });
    let seconds = seconds.filter(|seconds| *seconds <= 3653 * DAY);
    let wrong =
        || format!("expected a time such as 30m, 12h or 7d, ten years at most, or 0, got `{text}`");
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

fn period_text(period: Duration) -> String {
    let seconds = period.as_secs();
    let fits = PERIODS.iter().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
    match fits {
        Some((unit, length)) => format!("{}{unit}", seconds / length),
        None => "0".to_owned(),
    }
}

fn loopback(parts: &[String]) -> Result<IpAddr, String> {
    let text = only(parts);
    let ip: IpAddr = text.parse().map_err(|_| format!("`{text}` is no IP address"))?;
    if !ip.is_loopback() {
        return Err(format!(
            "{ip} can be reached from other machines, and the API gives all rights; use 127.0.0.1 \
             or ::1, and `ssh -L` from elsewhere"
        ));
    }
    Ok(ip)
}

fn filter(parts: &[String]) -> Result<String, String> {
    let text = only(parts);
    // A word alone would be taken for the name of a part of the program, and silence all others.
    let told = |part: &str| {
        part.contains('=') || part.trim().parse::<tracing::level_filters::LevelFilter>().is_ok()
    };
    match crate::log::parse(text) {
        Ok(_) if !text.is_empty() && text.split(',').all(told) => Ok(text.to_owned()),
        _ => {
            Err(format!("`{text}` is no log filter such as `info` or `info,dsp_daemon::net=debug`"))
        }
    }
}

fn policy(parts: &[String]) -> Result<Policy, String> {
    match only(parts) {
        "all" => Ok(Policy::All),
        "heads" => Ok(Policy::Heads),
        "lazy" => Ok(Policy::Lazy),
        other => Err(format!("expected all, heads or lazy, got `{other}`")),
    }
}

fn policy_word(policy: Policy) -> &'static str {
    match policy {
        Policy::All => "all",
        Policy::Heads => "heads",
        Policy::Lazy => "lazy",
    }
}

fn joined(list: &[Multiaddr]) -> String {
    list.iter().map(Multiaddr::to_string).collect::<Vec<_>>().join(",")
}

fn account_name() -> String {
    let set = |variable| std::env::var(variable).ok().and_then(|value| name(&[value]).ok());
    set("USER").or_else(|| set("LOGNAME")).or_else(|| set("USERNAME")).unwrap_or("user".to_owned())
}

fn host_name() -> String {
    let file = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host =
        file.or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok());
    let host = host.map(|host| host.trim().to_owned());
    host.and_then(|host| name(&[host]).ok()).unwrap_or("device".to_owned())
}
