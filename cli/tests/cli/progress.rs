//! What takes longer than a second says how far it is, on a terminal and nowhere else.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use dsp_protocol::api::BlobPut;
use dsp_protocol::id::BlobHash;

use crate::fake::Fake;
use crate::json::answers;
use crate::pty::Pty;
use crate::push::pushed;

const PUSH: [&str; 5] = ["push", "sales/weekly", "-", "--name", "r.csv"];

fn fake() -> Fake {
    let fake = Fake::new();
    fake.on("PUT /api/v1/blobs", &BlobPut { hash: BlobHash::of(b""), size: 0 });
    fake.on_steps("POST /api/v1/frames", &pushed());
    fake
}

/// Each verb that waits for the daemon, the call that lasts, and what is shown meanwhile.
const WAITING: &[(&[&str], &str, &str)] = &[
    (&["follow", "dsp1abc"], "POST /api/v1/follows", "looking for somebody who has it"),
    (&["fetch", "sales/weekly"], "POST /api/v1/fetch", "fetching"),
    (&["verify"], "POST /api/v1/verify", "verifying"),
    (&["pin", "sales/weekly"], "POST /api/v1/pins", "fetching"),
    (&["drop", "sales/weekly", "--yes"], "POST /api/v1/drop", "asking who else has it"),
    (&["unfollow", "main", "--keep"], "DELETE /api/v1/follows/main", "leaving"),
    (&["gc", "--yes"], "POST /api/v1/node/collect", "freeing"),
    (&["doctor"], "POST /api/v1/node/examine", "examining"),
];

/// Reads a screen until these words stand on it.
fn shown(screen: &mut File, words: &str) {
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains(words) {
        let mut byte = [0];
        if let Err(error) = screen.read_exact(&mut byte) {
            panic!("{words}: {error}: {}", String::from_utf8_lossy(&shown));
        }
        shown.push(byte[0]);
    }
}

#[test]
fn each_verb_that_waits_says_for_what() {
    let fake = Fake::new();
    answers(&fake);
    let begun = WAITING.iter().map(|(args, call, words)| {
        fake.hold(call);
        let pty = Pty::open();
        let mut command = fake.command(args);
        command.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(pty.side()).spawn().unwrap();
        drop(command);
        (child, pty.into_person(), args, words)
    });
    // All at one time: each shows nothing for a second.
    let mut begun: Vec<_> = begun.collect();
    for (_, screen, _, words) in &mut begun {
        shown(screen, words);
    }
    fake.release();
    for (mut child, mut screen, args, _) in begun {
        // The screen ends with an error where nobody has the other end.
        let _ = screen.read_to_end(&mut Vec::new());
        assert!(child.wait().unwrap().success(), "{args:?}");
    }
}

#[test]
fn a_terminal_shows_it_while_it_lasts() {
    let (fake, pty) = (fake(), Pty::open());
    let mut command = fake.command(&PUSH);
    command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(pty.side());
    let mut child = command.spawn().unwrap();
    drop(command);
    // Standard input stays open, so that the upload lasts until something was shown.
    shown(&mut pty.into_person(), "pushing");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn elsewhere_nothing_is_shown_however_long_it_lasts() {
    let fake = fake();
    let mut command = fake.command(&PUSH);
    command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // The first run shows when it would be shown; the second beside it shows that it is not.
    a_terminal_shows_it_while_it_lasts();
    drop(child.stdin.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    let shown = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(shown, "half way\n");
}
