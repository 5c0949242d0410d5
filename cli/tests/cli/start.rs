//! Finding and starting the daemon.
//!
//! `dspd` is a script here that writes the client file of a daemon that only answers.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dsp_protocol::api::NodeStatus;
use dsp_protocol::id::{DeviceId, UserId};
use serde_json::json;

use crate::fake::{Fake, Ran, Seen, VERSION, run};
use crate::pty::Pty;

pub(crate) fn status() -> NodeStatus {
    NodeStatus {
        offers: Vec::new(),
        unread: 0,
        version: VERSION.into(),
        web: "ui".into(),
        pid: 42,
        started: "2026-11-16T09:30:00Z".into(),
        home: "/home/alice/.dsp".into(),
        address: "http://127.0.0.1:7700".into(),
        port_taken: None,
        user: UserId::from_bytes([3; 32]),
        name: "alice".into(),
        dstack_user: "alice".into(),
        device: DeviceId::from_bytes([5; 32]),
        device_name: "laptop".into(),
        device_revoked: false,
        context: "main".into(),
        backup_needed: true,
        listening: vec![],
        contexts: 1,
        stacks: 2,
        peers_connected: 0,
        transfers: 0,
        disk_free_bytes: 1_000_000_000,
        disk_full: false,
        used_bytes: 0,
        quota_bytes: None,
        collections_held: false,
        roles_pending: vec![],
    }
}

/// `dsp` in a folder of its own, so that no other `dspd` lies beside it.
struct Alone {
    dir: tempfile::TempDir,
}

impl Alone {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("dsp");
        let ours = Path::new(env!("CARGO_BIN_EXE_dsp"));
        if std::fs::hard_link(ours, &program).is_err() {
            std::fs::copy(ours, &program).unwrap();
        }
        Alone { dir }
    }

    fn starts(&self) -> PathBuf {
        self.dir.path().join("starts")
    }

    /// Puts a `dspd` beside it that runs these lines of shell; `$2` is the home.
    fn dspd(&self, lines: &str) {
        let path = self.dir.path().join("dspd");
        let log = self.starts();
        let text = format!("#!/bin/sh\necho \"$@\" >> {}\n{lines}\n", log.display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, fake: &Fake, args: &[&str]) -> Command {
        let mut command = Command::new(self.dir.path().join("dsp"));
        command.args(args).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("DSP_HOME", fake.home()).current_dir(fake.work());
        command
    }

    fn dsp(&self, fake: &Fake, args: &[&str]) -> Ran {
        run(self.command(fake, args), b"")
    }
}

/// A daemon that answers, whose client file appears when `dspd` is started.
fn hidden() -> Fake {
    let fake = Fake::new();
    fake.on("GET /api/v1/node", &status());
    let file = fake.home().join("run/client.json");
    std::fs::rename(&file, fake.home().join("prepared.json")).unwrap();
    fake
}

const APPEAR: &str = "cp \"$2/prepared.json\" \"$2/run/client.json\"";

#[test]
fn without_a_daemon_to_start_the_code_is_5() {
    let (fake, alone) = (Fake::silent(), Alone::new());
    let ran = alone.dsp(&fake, &["status"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.contains("\nhint: install dspd"), "{ran:?}");
}

#[test]
fn a_command_starts_the_daemon() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(APPEAR);
    let ran = alone.dsp(&fake, &["status"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("me         alice on laptop\n"), "{ran:?}");
    assert!(
        ran.out.ends_with("warning: the recovery key is not backed up; `dsp id backup` does it\n")
    );
    let starts = std::fs::read_to_string(alone.starts()).unwrap();
    assert_eq!(starts, format!("--home {}\n", fake.home().display()));
}

#[test]
fn commands_at_one_time_start_one_daemon() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(APPEAR);
    let runs = std::thread::scope(|scope| {
        let run = || alone.dsp(&fake, &["status"]);
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(runs.iter().all(|ran| ran.code == 0), "{runs:?}");
    assert_eq!(std::fs::read_to_string(alone.starts()).unwrap().lines().count(), 1);
}

#[test]
fn a_daemon_that_ends_at_once_says_why() {
    let (fake, alone) = (Fake::silent(), Alone::new());
    alone.dspd("echo 'the database is newer' >&2; exit 3");
    let ran = alone.dsp(&fake, &["status"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.contains("cause: the database is newer\n"), "{ran:?}");
}

#[test]
fn the_port_is_handed_on() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(APPEAR);
    let ran = alone.dsp(&fake, &["daemon", "start", "--port", "7700"]);
    assert_eq!(ran.out, format!("dspd {VERSION} started, pid 42, http://127.0.0.1:7700\n"));
    assert!(std::fs::read_to_string(alone.starts()).unwrap().ends_with(" --port 7700\n"));
    assert_eq!(alone.dsp(&fake, &["daemon", "start", "--port", "7701"]).code, 1);
}

#[test]
fn versions_and_first_steps_start_nothing() {
    let (fake, alone) = (Fake::silent(), Alone::new());
    alone.dspd("exit 1");
    let ran = alone.dsp(&fake, &["--version"]);
    assert_eq!(ran.out, format!("dsp {VERSION}\ndspd does not run\n"));
    let ran = alone.dsp(&fake, &[]);
    assert!(ran.code == 0 && ran.out.contains("dsp push STACK"), "{ran:?}");
    assert_eq!(alone.dsp(&fake, &["daemon", "status"]).code, 5);
    assert_eq!(alone.dsp(&fake, &["daemon", "stop"]).code, 0);
    assert!(!alone.starts().exists());

    let fake = Fake::new();
    fake.on("GET /api/v1/node", &status());
    let ran = fake.dsp(&["--version"]);
    let daemon = format!("dspd {VERSION} (web ui) at http://127.0.0.1:7700");
    assert_eq!(ran.out, format!("dsp {VERSION}\n{daemon}\n"));
    assert!(
        fake.dsp(&[]).out.starts_with("alice in main: 2 stacks in 1 context, 0 peers connected\n")
    );
}

#[test]
fn a_daemon_of_another_version_is_named_and_kept_without_consent() {
    let fake = Fake::new();
    fake.write_client_file("0.0.1", Some(&fake.socket()), "http://127.0.0.1:9");
    fake.on("GET /api/v1/node", &status());
    let ran = fake.dsp(&["status"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = format!("warning: dspd 0.0.1 is running and this is dsp {VERSION}; ");
    assert!(ran.err.starts_with(&told), "{ran:?}");
}

#[test]
fn a_daemon_of_another_version_is_restarted_with_consent() {
    let (old, new, alone) = (Fake::new(), hidden(), Alone::new());
    old.write_client_file("0.0.1", Some(&old.socket()), "http://127.0.0.1:9");
    old.on("POST /api/v1/node/stop", &serde_json::json!({}));
    let prepared = new.home().join("prepared.json");
    alone.dspd(&format!("cp {} \"$2/run/client.json\"", prepared.display()));
    new.on("GET /api/v1/node", &NodeStatus { port_taken: Some(4848), ..status() });
    let ran = alone.dsp(&old, &["status", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    old.only("POST /api/v1/node/stop");
    let asked = new.seen().iter().filter(|seen| seen.call == "GET /api/v1/node").count();
    assert_eq!(asked, 2, "the start looks at the port, and the command at all of it");
    let told = "warning: another program has port 4848, which is this home's";
    assert!(ran.err.contains(told), "{ran:?}");
}

#[test]
fn the_token_is_not_shown_to_whoever_took_the_port() {
    let (stranger, address) = Fake::tcp();
    let alone = Alone::new();
    stranger.write_client_file(VERSION, None, &address);
    stranger.on(
        "GET /api/v1/health",
        &serde_json::json!({"status": "ok", "version": VERSION, "pid": 1}),
    );
    assert_eq!(alone.dsp(&stranger, &["status"]).code, 5);
    assert!(stranger.seen().is_empty());

    // Nor is the port tried where the file names a socket.
    stranger.write_client_file(VERSION, Some(&stranger.socket()), &address);
    assert_eq!(alone.dsp(&stranger, &["status"]).code, 5);
    assert!(stranger.seen().is_empty());
}

#[test]
fn a_url_in_the_environment_is_called_and_nothing_started() {
    let (fake, address) = Fake::tcp();
    fake.on("GET /api/v1/node", &status());
    let mut command = fake.command(&["status"]);
    command.env("DSP_URL", &address).env("DSP_TOKEN", "mine");
    assert_eq!(run(command, b"").code, 0);
    assert_eq!(fake.only("GET /api/v1/node").token.as_deref(), Some("Bearer mine"));

    let mut command = fake.command(&["status"]);
    command.env("DSP_URL", "http://127.0.0.1:1");
    let ran = run(command, b"");
    assert_eq!(ran.code, 5, "{ran:?}");
}

#[test]
fn a_home_that_is_named_goes_before_the_environment() {
    let fake = Fake::new();
    fake.on("GET /api/v1/node", &status());
    let home = fake.home().to_str().unwrap().to_owned();
    let mut command = fake.command(&["--home", &home, "status"]);
    command.env("DSP_URL", "http://127.0.0.1:1").env("DSP_TOKEN", "of-somewhere-else");
    assert_eq!(run(command, b"").code, 0);
    let token = fake.only("GET /api/v1/node").token;
    assert_ne!(token.as_deref(), Some("Bearer of-somewhere-else"));
}

#[test]
fn verbs_of_dstack_are_translated() {
    let fake = Fake::new();
    for (verb, now) in [("server", "dsp daemon start"), ("remove", "dsp profile remove")] {
        let ran = run(fake.command(&["config", verb]), b"");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(&format!("`{now}`")), "{ran:?}");
    }
    fake.on("GET /api/v1/settings", &json!({"items": []}));
    assert_eq!(run(fake.command(&["config", "list"]), b"").code, 0);
}

#[test]
fn the_first_start_says_who_i_am_and_that_the_key_is_here_alone() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(APPEAR);
    std::fs::remove_dir(fake.home().join("keys")).unwrap();
    fake.on("POST /api/v1/login-codes", &json!({"url": "http://127.0.0.1:7700/login#c=abc"}));
    let ran = alone.dsp(&fake, &["status"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.starts_with("first start: you are alice on laptop, "), "{ran:?}");
    assert!(ran.err.contains("`dsp id backup`"), "{ran:?}");
    // Nobody reads it here, and a file would keep a code that logs in.
    assert!(!ran.err.contains("login"), "{ran:?}");
    let made = |seen: &Seen| seen.call == "POST /api/v1/login-codes";
    assert!(!fake.seen().iter().any(made), "none is made");
    // As dstack's server did: how clients are told of this one.
    for told in [
        "`dsp profile add` writes ~/.dstack/config.yaml for alice at http://127.0.0.1:7700/api\n",
        "server = \"http://127.0.0.1:7700/api\"); `dsp profile add --print` prints it with a token\n",
    ] {
        assert!(ran.err.contains(told), "{told}: {ran:?}");
    }
    assert!(!ran.err.contains("secret") && !ran.err.contains("pip"), "{ran:?}");
    assert!(!ran.err.contains("--home"), "{ran:?}");
    std::fs::create_dir(fake.home().join("keys")).unwrap();
    assert_eq!(alone.dsp(&fake, &["status"]).err, "", "it runs already");
}

#[test]
fn a_home_that_dsp_does_not_find_by_itself_is_named_at_the_first_start() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(APPEAR);
    std::fs::remove_dir(fake.home().join("keys")).unwrap();
    let home = fake.home();
    let mut command = alone.command(&fake, &["--home", home.to_str().unwrap(), "status"]);
    command.env_remove("DSP_HOME").env("HOME", fake.work());
    let ran = run(command, b"");
    for told in ["`dsp profile add --home ", "`dsp profile add --print --home "] {
        assert!(ran.err.contains(told), "{told}: {ran:?}");
    }
}

#[test]
fn on_a_terminal_the_first_start_shows_a_login_of_once() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(APPEAR);
    std::fs::remove_dir(fake.home().join("keys")).unwrap();
    fake.on("POST /api/v1/login-codes", &json!({"url": "http://127.0.0.1:7700/login#c=abc"}));
    let pty = Pty::open();
    let mut command = alone.command(&fake, &["status"]);
    command.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::null()).stderr(pty.side());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut shown = Vec::new();
    // The screen ends with an error where nobody has the other end.
    let _ = pty.into_person().read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8(shown).unwrap();
    for told in ["http://127.0.0.1:7700/login#c=abc", "`dsp profile add`", "configure("] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(!shown.contains("secret") && !shown.contains("pip install"), "{shown}");
}

#[test]
fn who_names_herself_before_there_is_an_identity_begins_it_so() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(&format!("echo \"$DSP_USER_NAME\" > \"$2/name\"\n{APPEAR}"));
    let setting = json!({"name": "user.name", "value": "dora", "source": "file", "default": "user",
        "about": "How you call yourself", "restart": false});
    fake.on("PATCH /api/v1/settings", &json!({"items": [setting]}));
    let ran = alone.dsp(&fake, &["config", "set", "user.name", "dora"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "user.name = dora (file)\n"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(fake.home().join("name")).unwrap(), "dora\n");
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_named() {
    let (fake, alone) = (hidden(), Alone::new());
    alone.dspd(APPEAR);
    let ran = alone.dsp(&fake, &["daemon", "start", "--port", "7701"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let warned = "warning: port 7701 is taken; the daemon is at http://127.0.0.1:7700\n";
    assert_eq!(ran.err, warned);
}
