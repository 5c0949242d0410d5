//! Settings: `config.toml`, `DSP_*` variables and flags, made into one checked [`Config`].
//!
//! A flag beats a variable, a variable beats the file, the file beats the default. Everything is
//! checked before the daemon does anything, and an unknown name is an error that says which name
//! is nearest. The list of settings is [`table::SETTINGS`]; what a setting may be stands there.

mod file;
mod table;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use dsp_protocol::api::{self, Policy};
use libp2p::Multiaddr;

pub use self::file::{ConfigFile, EditError};
pub use self::table::{Kind, SETTINGS, Setting};
use crate::files::FileError;

/// All settings, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `net.listen`: where peers reach this node. Port 0 is one that the system chooses once.
    pub listen: Vec<Multiaddr>,
    /// `net.mdns`: whether nodes on the local network are found.
    pub mdns: bool,
    /// `net.announce`: further addresses that tickets name.
    pub announce: Vec<Multiaddr>,
    /// `net.limit_up`: how many bytes of blobs go to peers in a second; 0 without a limit.
    pub limit_up: u64,
    /// `net.limit_down`: how many bytes of blobs come from peers in a second; 0 without a limit.
    pub limit_down: u64,
    /// `http.listen`: the loopback address of the API and the web UI.
    pub http_listen: IpAddr,
    /// `http.port`: the port of the API and the web UI; 0 is one that the system chooses once.
    pub http_port: u16,
    /// `http.single_port`: whether what others made is shown at the port of the web UI too.
    pub single_port: bool,
    /// `log.level`: a filter as [`crate::log::parse`] reads it.
    pub log_level: String,
    /// `user.name`: how the user calls herself.
    pub user_name: String,
    /// `device.name`: how this device is called.
    pub device_name: String,
    /// `store.min_free_bytes`: below this much free space nothing large is written.
    pub min_free_bytes: u64,
    /// `store.quota_bytes`: most bytes of blobs; 0 where there is no bound.
    pub quota_bytes: u64,
    /// `trash.keep`: how long what nothing names stays.
    pub trash_keep: Duration,
    /// `policy.default`: which blobs of a newly followed context are brought.
    pub policy: Policy,
}

impl Config {
    /// Returns the address of the API and the web UI.
    pub fn http(&self) -> SocketAddr {
        SocketAddr::new(self.http_listen, self.http_port)
    }
}

/// Where the value of a setting comes from, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// `config.toml`.
    File,
    /// A `DSP_*` variable.
    Env,
    /// A flag of `dspd`.
    Flag,
}

impl Source {
    /// Returns the word of the HTTP API.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::File => "file",
            Source::Env => "env",
            Source::Flag => "flag",
        }
    }
}

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no TOML.
    #[error("{} is not valid TOML", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml_edit::TomlError>,
    },
    /// No setting has this name.
    #[error("there is no setting `{name}`{}{}", within(origin), did_you_mean(nearest))]
    Unknown {
        /// The name.
        name: String,
        /// Where it stands.
        origin: Option<Origin>,
        /// The name it is most like, if it is like any.
        nearest: Option<&'static str>,
    },
    /// A value is not one that the setting takes.
    #[error("setting `{name}`{}: {reason}", within(origin))]
    Invalid {
        /// The setting.
        name: &'static str,
        /// Where it stands.
        origin: Option<Origin>,
        /// What is wrong.
        reason: String,
    },
}

/// Where a refused setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File(PathBuf),
    /// In a variable.
    Env(String),
    /// In a flag.
    Flag,
}

fn within(origin: &Option<Origin>) -> String {
    match origin {
        None => String::new(),
        Some(Origin::File(path)) => format!(" in {}", path.display()),
        Some(Origin::Env(name)) => format!(" in the variable {name}"),
        Some(Origin::Flag) => " of the flags".to_owned(),
    }
}

fn did_you_mean(nearest: &Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// What is set outside the file, fixed for the life of the process.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    values: BTreeMap<&'static str, (Source, Origin, String)>,
}

impl Overrides {
    /// Takes variables and flags. An empty variable counts as not set.
    ///
    /// # Errors
    /// A flag names no setting.
    pub fn new(
        env: impl Fn(&str) -> Option<String>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Overrides, ConfigError> {
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let variable = setting.variable();
            if let Some(value) = env(&variable).filter(|value| !value.is_empty()) {
                values.insert(setting.name, (Source::Env, Origin::Env(variable), value));
            }
        }
        for (name, value) in flags {
            let setting = find(&name, Some(Origin::Flag))?;
            values.insert(setting.name, (Source::Flag, Origin::Flag, value));
        }
        Ok(Overrides { values })
    }
}

/// The settings in force, with where each comes from.
#[derive(Clone, Debug)]
pub struct Settings {
    config: Config,
    sources: BTreeMap<&'static str, Source>,
}

impl Settings {
    /// Joins a file and what is set outside it.
    ///
    /// # Errors
    /// The first setting that is unknown or has a value it does not take.
    pub fn load(file: &ConfigFile, overrides: &Overrides) -> Result<Settings, ConfigError> {
        let mut config = table::defaults();
        let mut sources = BTreeMap::new();
        for (name, value) in file.entries() {
            let origin = Some(Origin::File(file.path().to_owned()));
            let setting = find(&name, origin.clone())?;
            let parts = setting.kind.parts_of_value(&value);
            let parts = parts.map_err(|reason| setting.invalid(origin.clone(), reason))?;
            (setting.apply)(&mut config, &parts).map_err(|r| setting.invalid(origin, r))?;
            sources.insert(setting.name, Source::File);
        }
        for (name, (source, origin, text)) in &overrides.values {
            let setting = find(name, Some(origin.clone()))?;
            setting.apply_text(&mut config, text, Some(origin.clone()))?;
            sources.insert(setting.name, *source);
        }
        Ok(Settings { config, sources })
    }

    /// Returns the checked settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns where the value of a setting comes from.
    pub fn source(&self, setting: &Setting) -> Source {
        self.sources.get(setting.name).copied().unwrap_or(Source::Default)
    }

    /// Returns every setting as the HTTP API shows it.
    pub fn list(&self) -> Vec<api::Setting> {
        let show = |setting: &Setting| api::Setting {
            name: setting.name.to_owned(),
            value: (setting.show)(&self.config),
            source: self.source(setting).as_str().to_owned(),
            about: setting.about.to_owned(),
            restart: setting.restart,
        };
        SETTINGS.iter().map(show).collect()
    }
}

/// Finds a setting by its name.
///
/// # Errors
/// [`ConfigError::Unknown`] with the nearest name.
pub fn find(name: &str, origin: Option<Origin>) -> Result<&'static Setting, ConfigError> {
    SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| ConfigError::Unknown {
        name: name.to_owned(),
        origin,
        nearest: crate::nearest::nearest(name, SETTINGS.iter().map(|setting| setting.name)),
    })
}

#[cfg(test)]
mod tests;
