//! What takes longer than a second says how far it is, on a terminal and nowhere else.

use std::io::Read as _;
use std::process::Stdio;

use dsp_protocol::api::BlobPut;
use dsp_protocol::id::BlobHash;

use crate::fake::Fake;
use crate::pty::Pty;
use crate::push::pushed;

const PUSH: [&str; 5] = ["push", "sales/weekly", "-", "--name", "r.csv"];

fn fake() -> Fake {
    let fake = Fake::new();
    fake.on("PUT /api/v1/blobs", &BlobPut { hash: BlobHash::of(b""), size: 0 });
    fake.on_steps("POST /api/v1/frames", &pushed());
    fake
}

#[test]
fn a_terminal_shows_it_while_it_lasts() {
    let (fake, pty) = (fake(), Pty::open());
    let mut command = fake.command(&PUSH);
    command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(pty.side());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut screen = pty.into_person();
    let mut shown = Vec::new();
    // Standard input stays open, so that the upload lasts until something was shown.
    while !String::from_utf8_lossy(&shown).contains("pushing") {
        let mut byte = [0];
        screen.read_exact(&mut byte).unwrap();
        shown.push(byte[0]);
    }
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
