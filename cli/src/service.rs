//! The daemon as a service of the account: a user unit of systemd.
//!
//! A unit is written for one home and one `dspd`, both by their absolute paths. Hardening is what
//! works for a unit of an account: no new privileges, a filter of system calls, and a file system
//! that is written in the home alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Why a path cannot stand in a unit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwritable(pub(crate) PathBuf);

/// Returns the name of the unit for a home; the usual one has the short name.
pub(crate) fn unit_name(home: &Path, usual: bool) -> String {
    match usual {
        true => "dspd.service".to_owned(),
        false => {
            let hash = blake3::hash(home.as_os_str().as_encoded_bytes()).to_hex();
            format!("dspd-{}.service", &hash[..8])
        }
    }
}

/// Returns the folder of an account's units.
pub(crate) fn folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let config = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(variable("HOME")?.join(".config")))?;
    Some(config.join("systemd/user"))
}

/// Returns the text of a unit that runs `program` on `home`.
///
/// # Errors
/// [`Unwritable`] for a path that no unit can hold: not UTF-8, or with a line feed.
pub(crate) fn unit(program: &Path, home: &Path) -> Result<String, Unwritable> {
    let (program, home) = (quoted(program)?, quoted(home)?);
    let mut text =
        String::from("# Written by `dsp daemon install`; `dsp daemon uninstall` removes it.\n");
    let _ = write!(
        text,
        "[Unit]\n\
         Description=dsp, the daemon that shares artifacts with peers\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={} --home {}\n\
         # `dsp daemon stop` ends it in order, and it stays ended.\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         # The home went while it ran.\n\
         RestartPreventExitStatus=3\n\
         TimeoutStopSec=60\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         ProtectSystem=strict\n\
         ReadWritePaths={}\n\
         LockPersonality=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
         SystemCallArchitectures=native\n\
         SystemCallFilter=@system-service\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        program.replace('$', "$$"),
        home.replace('$', "$$"),
        home,
    );
    Ok(text)
}

/// Quotes a path as a unit has it: in quotation marks, with `\`, `"` and `%` escaped.
fn quoted(path: &Path) -> Result<String, Unwritable> {
    let text = path.to_str().filter(|text| !text.contains(char::is_control));
    let text = text.ok_or_else(|| Unwritable(path.to_owned()))?;
    let text = text.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%");
    Ok(format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted() {
        let text = unit(Path::new("/opt/a $b/dspd"), Path::new("/home/a%b/\"c\\ d")).unwrap();
        let start = "ExecStart=\"/opt/a $$b/dspd\" --home \"/home/a%%b/\\\"c\\\\ d\"\n";
        assert!(text.contains(start), "{text}");
        assert!(text.contains("\nReadWritePaths=\"/home/a%%b/\\\"c\\\\ d\"\n"), "{text}");
        let feed = Path::new("/home/a\nExecStartPre=/bin/rm");
        assert_eq!(unit(Path::new("/d"), feed), Err(Unwritable(feed.to_owned())));
    }

    #[test]
    fn a_home_has_its_own_unit() {
        assert_eq!(unit_name(Path::new("/a"), true), "dspd.service");
        let other = unit_name(Path::new("/b"), false);
        assert!(other.starts_with("dspd-") && other != unit_name(Path::new("/c"), false));
    }

    #[test]
    fn units_are_where_the_account_has_them() {
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/a"));
        assert_eq!(folder(home), Some(PathBuf::from("/home/a/.config/systemd/user")));
        let both = |name: &str| Some(PathBuf::from(if name == "HOME" { "/h" } else { "/c" }));
        assert_eq!(folder(both), Some(PathBuf::from("/c/systemd/user")));
        assert_eq!(folder(|_| None), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn systemd_takes_the_unit() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home of \"a\" 100%");
        let program = folder.path().join("dspd");
        std::fs::create_dir(&home).unwrap();
        std::fs::copy("/bin/true", &program).unwrap();
        let path = folder.path().join("dspd.service");
        std::fs::write(&path, unit(&program, &home).unwrap()).unwrap();
        let verify = std::process::Command::new("systemd-analyze")
            .args(["--user", "--man=no", "verify"])
            .arg(&path)
            .env("XDG_RUNTIME_DIR", folder.path())
            .output();
        match verify {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let about_it: Vec<&str> = said.lines().filter(|l| l.contains("dspd")).collect();
                assert!(output.status.success() && about_it.is_empty(), "{said}");
            }
            Err(error) if std::env::var_os("CI").is_some() => panic!("systemd-analyze: {error}"),
            Err(error) => println!("SKIPPED: systemd-analyze: {error}"),
        }
    }
}
