//! Network namespaces: machines of their own, joined by a cable. Linux with root and `ip`.

use std::process::Command;

/// Two namespaces, joined by a pair of virtual interfaces without a router; they go when this is
/// dropped.
#[derive(Debug)]
pub struct Cable {
    ends: [String; 2],
}

impl Cable {
    /// Joins two namespaces.
    ///
    /// # Errors
    /// Says why that cannot be done here.
    pub fn lay(name: &str) -> Result<Cable, String> {
        let cable =
            Cable { ends: [0, 1].map(|end| format!("dsp-{name}-{}-{end}", std::process::id())) };
        let [near, far] = &cable.ends;
        ip(&["netns", "add", near])?;
        ip(&["netns", "add", far])?;
        ip(&["-n", near, "link", "add", "wire", "type", "veth", "peer", "wire", "netns", far])?;
        for (end, name) in cable.ends.iter().enumerate() {
            let address = format!("10.98.0.{}/24", end + 1);
            ip(&["-n", name, "address", "add", &address, "dev", "wire"])?;
            ip(&["-n", name, "link", "set", "wire", "up"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        Ok(cable)
    }

    /// Returns the names of the namespaces.
    pub fn ends(&self) -> [&str; 2] {
        [&self.ends[0], &self.ends[1]]
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.ends {
            // It may never have been made.
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

fn ip(args: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(args).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
