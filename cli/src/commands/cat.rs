//! `dsp cat`: writes an attachment to standard output.

use bytes::{Bytes, BytesMut};
use dsp_protocol::api::{FileInfo, FrameInfo, ProblemCode};
use dsp_protocol::id::BlobHash;
use futures::StreamExt as _;

use crate::App;
use crate::client::Client;
use crate::content;
use crate::error::{Error, Exit, Result};
use crate::human;
use crate::reference::{RefArgs, files, pick};

/// How much is looked at to tell text from the rest, in bytes.
const LOOK: usize = 8 << 10;

/// Write an attachment to standard output
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp cat sales/weekly#report.csv
  dsp cat alice:sales/weekly@v1#plot.svg > plot.svg
  dsp cat notes")]
pub(crate) struct Args {
    #[command(flatten)]
    reference: RefArgs,
    /// Write binary data to the terminal too
    #[arg(short, long)]
    force: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let frame = args.reference.frame(&client, &app.ui).await?;
    let files = files(&client, &frame).await?;
    let file = match (args.reference.attachment(), &files[..]) {
        (Some(wanted), files) => pick(files, wanted, &frame)?,
        (None, [only]) => only,
        (None, files) => return Err(which(&frame, files)),
    };
    if !file.here {
        super::fetch::bring(&client, &app.ui, &format!("{}#{}", frame_ref(&frame), file.path))
            .await?;
    }
    let mut written = 0;
    match write(&client, file, args.force, app, &mut written).await {
        Err(error) if broke_off(&error) => {
            let error = content::broken(error, (&client, &app.ui), (&frame, file)).await;
            Err(match written {
                0 => error,
                n => error.cause_text(format!("{} were written: do not use them", human::size(n))),
            })
        }
        done => done,
    }
}

/// Tells whether the daemon could not give all bytes.
fn broke_off(error: &Error) -> bool {
    matches!(error.exit(), Exit::Unreachable) || error.code() == ProblemCode::Corrupt
}

fn frame_ref(frame: &FrameInfo) -> String {
    crate::reference::exact(frame)
}

fn which(frame: &FrameInfo, files: &[FileInfo]) -> Error {
    let reference = &frame.stack.reference;
    let paths = files.iter().take(10).map(|file| format!("{reference}#{}", file.path));
    Error::ambiguous(
        format!("{reference} has {} files; name one after #", files.len()),
        paths.collect(),
    )
}

async fn write(
    client: &Client,
    file: &FileInfo,
    force: bool,
    app: &App,
    written: &mut u64,
) -> Result<()> {
    let mut bytes = std::pin::pin!(content::bytes(client, file).await?);
    let mut hasher = blake3::Hasher::new();
    // The first bytes are held back until it is known whether a terminal can take them.
    let mut held = BytesMut::new();
    let mut look = app.ui.stdout_terminal() && !force;
    loop {
        let piece = bytes.next().await.transpose()?;
        let ended = piece.is_none();
        let piece = piece.unwrap_or_default();
        hasher.update(&piece);
        held.extend_from_slice(&piece);
        if look && held.len() < LOOK && !ended {
            continue;
        }
        if look && is_binary(&held) {
            return Err(Error::refused(format!("{} is binary data", file.path))
                .hint("send it to a file with > or to the terminal with --force"));
        }
        look = false;
        *written += held.len() as u64;
        app.ui.out(&held.split())?;
        if ended {
            break;
        }
    }
    let actual = BlobHash::from_bytes(*hasher.finalize().as_bytes());
    match actual == file.hash {
        true => Ok(()),
        false => {
            Err(Error::corrupt(format!("{}: expected {}, got {actual}", file.path, file.hash)))
        }
    }
}

/// Tells whether the beginning of a file would upset a terminal.
fn is_binary(bytes: &[u8]) -> bool {
    let head = Bytes::copy_from_slice(&bytes[..bytes.len().min(LOOK)]);
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    match std::str::from_utf8(&head) {
        Ok(text) => text.contains(steers),
        // A letter may be cut in two where we stopped looking.
        Err(e) if e.error_len().is_none() => {
            String::from_utf8_lossy(&head[..e.valid_up_to()]).contains(steers)
        }
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_upsets_a_terminal_is_binary() {
        assert!(is_binary(b"\x89PNG\r\n"));
        assert!(is_binary(b"a\0b"));
        assert!(is_binary(b"text \x1b]0;title\x07"));
        assert!(!is_binary("größe,1\r\n\tx".as_bytes()));
        assert!(!is_binary(b""));
        assert!(!is_binary(&"ü".as_bytes()[..1]));
    }
}
