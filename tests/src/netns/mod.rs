//! Network namespaces: machines of their own on one local network. Linux with root and `ip`.

mod capture;

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::Context as _;

pub use self::capture::{Capture, Packet};

/// The interface of every machine.
const WIRE: &str = "wire";

/// Some machines, each plugged into one switch, without a router; they go when this is dropped.
///
/// The machine `n` has the address [`address(n)`](address) and the interface `wire`. The system
/// itself sends nothing: there is no IPv6.
#[derive(Debug)]
pub struct Lan {
    switch: String,
    machines: Vec<String>,
}

impl Lan {
    /// Builds a network of at most 200 machines; `name` tells it from the others of this process,
    /// in at most eight letters.
    ///
    /// # Errors
    /// Says why that cannot be done here.
    pub fn build(name: &str, machines: u8) -> Result<Lan, String> {
        let named = |what: &dyn Display| format!("dsp-{name}-{}-{what}", std::process::id());
        let machines = (0..machines).map(|n| named(&n)).collect();
        let lan = Lan { switch: named(&"switch"), machines };
        lan.lay()?;
        Ok(lan)
    }

    fn lay(&self) -> Result<(), String> {
        let switch = &self.switch;
        self.namespace(switch)?;
        ip(&["-n", switch, "link", "add", "hub", "type", "bridge", "mcast_snooping", "0"])?;
        ip(&["-n", switch, "link", "set", "hub", "up"])?;
        for (n, machine) in self.machines.iter().enumerate() {
            self.namespace(machine)?;
            let port = format!("port{n}");
            let peer = ["type", "veth", "peer", WIRE, "netns", machine];
            ip(&[&["-n", switch, "link", "add", &port], &peer[..]].concat())?;
            ip(&["-n", switch, "link", "set", &port, "master", "hub", "up"])?;
            let address = format!("{}/24", address(n));
            ip(&["-n", machine, "address", "add", &address, "dev", WIRE])?;
            ip(&["-n", machine, "link", "set", WIRE, "up"])?;
            ip(&["-n", machine, "link", "set", "lo", "up"])?;
        }
        Ok(())
    }

    fn namespace(&self, name: &str) -> Result<(), String> {
        ip(&["netns", "add", name])?;
        // What the system says by itself over IPv6 would be taken for ours.
        let quiet = ["all", "default"].map(|which| format!("net.ipv6.conf.{which}.disable_ipv6=1"));
        ip(&["netns", "exec", name, "sysctl", "-q", "-w", &quiet[0], &quiet[1]])
    }

    /// Returns the namespace of a machine.
    ///
    /// # Panics
    /// There is no such machine.
    pub fn machine(&self, n: usize) -> &str {
        &self.machines[n]
    }

    /// Pulls the plug of a machine out of the switch: it has no carrier from now on, and keeps its
    /// address.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn pull(&self, n: usize) -> anyhow::Result<()> {
        self.port(n, "down")
    }

    /// Puts the plug of a machine back.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn plug(&self, n: usize) -> anyhow::Result<()> {
        self.port(n, "up")
    }

    fn port(&self, n: usize, way: &str) -> anyhow::Result<()> {
        done(ip(&["-n", &self.switch, "link", "set", &format!("port{n}"), way]))
    }

    /// Takes the address of machine `whose` from a machine that has it, as a system does that lost
    /// its lease.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn take_address(&self, n: usize, whose: usize) -> anyhow::Result<()> {
        self.address(n, "del", whose)
    }

    /// Gives a machine the address of machine `whose`, which need not exist.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn give_address(&self, n: usize, whose: usize) -> anyhow::Result<()> {
        self.address(n, "add", whose)
    }

    fn address(&self, n: usize, change: &str, whose: usize) -> anyhow::Result<()> {
        let address = format!("{}/24", address(whose));
        done(ip(&["-n", self.machine(n), "address", change, &address, "dev", WIRE]))
    }

    /// Lets a machine send what is for other networks into the wire, where nobody takes it on.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn route_out(&self, n: usize) -> anyhow::Result<()> {
        done(ip(&["-n", self.machine(n), "route", "add", "default", "dev", WIRE]))
    }

    /// Returns how often a machine wanted to send something for which it has no route.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn unrouted(&self, n: usize) -> anyhow::Result<u64> {
        let mut cat = Command::new("ip");
        cat.args(["netns", "exec", self.machine(n), "cat", "/proc/net/snmp"]);
        let text = String::from_utf8(cat.output()?.stdout)?;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip: "));
        let (names, values) = (lines.next(), lines.next());
        let (names, values) = names.zip(values).context("no counters of IP")?;
        let mut pairs = names.split(' ').zip(values.split(' '));
        let (_, count) =
            pairs.find(|(name, _)| *name == "OutNoRoutes").context("no OutNoRoutes")?;
        Ok(count.parse()?)
    }

    /// Captures every packet that a machine sends or gets from now on.
    ///
    /// # Errors
    /// The system does not allow it.
    pub fn capture(&self, n: usize) -> anyhow::Result<Capture> {
        Capture::start(self.machine(n))
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for name in self.machines.iter().chain([&self.switch]) {
            // It may never have been made.
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

/// Returns the address of a machine.
pub fn address(n: usize) -> Ipv4Addr {
    let last = u8::try_from(n + 1).expect("a network has at most 200 machines");
    Ipv4Addr::new(10, 98, 0, last)
}

fn ip(args: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(args).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

fn done(result: Result<(), String>) -> anyhow::Result<()> {
    result.map_err(anyhow::Error::msg)
}
