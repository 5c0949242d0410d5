//! `dsp archive`: carries a context as a file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;

use bytes::Bytes;
use clap::Subcommand;
use dsp_protocol::api::{
    ArchiveTaken, Came, ExportArchive, FollowState, NewTicket, Policy, RoleName,
};
use dsp_protocol::archive::{ArchiveError, Item, Reader};
use futures::{Stream, StreamExt as _};
use serde::Serialize;

use crate::App;
use crate::client::Url;
use crate::error::{Error, Result};
use crate::human;
use crate::output::clean;
use crate::progress::Bar;
use crate::value;

/// How much of a file is read at one time, in bytes.
const PIECE: usize = 256 << 10;

/// Carry a context as a file, from daemon to daemon without a network
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Write a context, or stacks of one, to a file
    #[command(after_help = "\
Examples:
  dsp archive export main /media/stick/main.dsp
  dsp archive export sales/weekly weekly.dsp --heads
  dsp archive export main news.dsp --since 3f2a91c0
  dsp archive export research - | ssh far dsp archive import -

An archive is not encrypted: whoever reads the file reads what is in it, and learns the names of
all stacks of the context and the ids of its members. With --with-ticket she may follow it, too.")]
    Export(Export),
    /// Take an archive in, checked as what comes from a peer
    #[command(after_help = "\
Examples:
  dsp archive import /media/stick/main.dsp
  dsp archive import - < main.dsp

A context that you do not follow is shown as from an archive: it gets no news before you follow it
by a ticket. Importing again adds what is missing and changes nothing else.")]
    Import {
        /// Archive to read, - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(clap::Args, Debug)]
struct Export {
    /// Context, or stacks and frames of one, and last the file to write, - for standard output
    #[arg(value_names = ["CONTEXT|REF", "FILE"], num_args = 1.., required = true)]
    what: Vec<String>,
    /// Leave out what is before the current heads
    #[arg(long)]
    heads: bool,
    /// Leave out this frame and all before it
    #[arg(long, value_name = "FRAME")]
    since: Option<String>,
    /// Put a new ticket in: whoever holds the file may follow the context
    #[arg(long)]
    with_ticket: bool,
    /// Say how long that ticket is good: 30m, 12h, 7d, 2w or never
    #[arg(long, value_name = "TIME", value_parser = value::duration, requires = "with_ticket")]
    expires: Option<u64>,
}

/// What an archive holds.
#[derive(Debug, Default, Serialize)]
struct Exported {
    /// The file; absent where it is standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Changes of catalogs.
    changes: u64,
    /// Frames.
    frames: u64,
    /// Blobs.
    blobs: u64,
    /// Bytes of the whole archive.
    bytes: u64,
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    match args.verb {
        Verb::Export(args) => export(args, app).await,
        Verb::Import { file } => import(&file, app).await,
    }
}

async fn export(mut args: Export, app: &App) -> Result<()> {
    let file = args.what.pop().filter(|_| !args.what.is_empty());
    let file = file.ok_or_else(|| {
        Error::usage("name what to export, and last the file to write, - for standard output")
    })?;
    let to_stdout = file == "-";
    if to_stdout && app.ui.json() {
        return Err(Error::usage("the archive goes to standard output, and so would the JSON")
            .hint("name a file"));
    }
    if to_stdout && app.ui.stdout_terminal() {
        return Err(Error::refused("an archive is binary data")
            .hint("send it to a file with > or name the file"));
    }
    if args.with_ticket {
        app.ui.explain("whoever holds the archive may follow the context by the ticket in it");
        app.ui.confirm("put a ticket in?")?;
    }
    if !to_stdout && Path::new(&file).exists() {
        // The last argument may have been meant as another stack.
        app.ui.confirm(&format!("replace {}?", clean(&file)))?;
    }
    let ticket = args.with_ticket.then_some(NewTicket {
        role: Some(RoleName::Reader),
        expires_seconds: args.expires,
        uses: None,
    });
    let Export { what, heads, since, .. } = args;
    let wanted = ExportArchive { what, heads, since, ticket };
    let client = app.client().await?;
    let bytes = client.post_for_bytes(&Url::new(&["archives", "export"]), &wanted).await?;
    let mut bar = Bar::new(&app.ui, "exporting");
    if to_stdout {
        copy(bytes, &mut bar, |piece| app.ui.out(piece)).await?;
        return Ok(());
    }
    let path = std::path::absolute(&file);
    let path = path.map_err(|e| Error::path("cannot use", Path::new(&file), &e))?;
    let exported = to_file(bytes, &path, &mut bar).await?;
    let exported = Exported { file: Some(path.display().to_string()), ..exported };
    app.ui.result(&exported, |_| {
        format!(
            "{}: {}, {}, {}, {}\n",
            clean(&file),
            human::count(exported.changes, "change"),
            human::count(exported.frames, "frame"),
            human::count(exported.blobs, "blob"),
            human::size(exported.bytes),
        )
    })
}

/// Writes an archive beside its place and moves it there when it is whole.
async fn to_file(
    bytes: impl Stream<Item = Result<Bytes>>,
    path: &Path,
    bar: &mut Bar<'_>,
) -> Result<Exported> {
    let name = path.file_name().ok_or_else(|| Error::usage("name a file to write"))?;
    let mut staged = name.to_owned();
    staged.push(format!(".{}.part", std::process::id()));
    let staged = path.with_file_name(staged);
    let made = File::options().write(true).create_new(true).open(&staged);
    let mut file = made.map_err(|e| Error::path("cannot make", &staged, &e))?;
    let failed = |e: io::Error| Error::path("cannot write", path, &e);
    let written = copy(bytes, bar, |piece| file.write_all(piece).map_err(failed)).await;
    let placed = written.and_then(|exported| {
        file.sync_all().map_err(failed)?;
        fs::rename(&staged, path).map_err(failed)?;
        Ok(exported)
    });
    if placed.is_err() {
        // Half an archive is of no use; that it could not be removed is not the news.
        let _ = fs::remove_file(&staged);
    }
    placed
}

/// Hands an archive on while reading it, so that what was written is known to be whole.
async fn copy(
    bytes: impl Stream<Item = Result<Bytes>>,
    bar: &mut Bar<'_>,
    mut write: impl FnMut(&[u8]) -> Result<()>,
) -> Result<Exported> {
    let (mut reader, mut exported) = (Reader::new(), Exported::default());
    let mut bytes = pin!(bytes);
    while let Some(piece) = bar.while_waiting(bytes.next()).await {
        let piece = piece.map_err(broke_off)?;
        reader.push(&piece);
        while let Some(item) = reader.next_item().map_err(|e| damaged(&e))? {
            match item {
                Item::Envelopes { envelopes, .. } => exported.changes += envelopes.len() as u64,
                Item::Frames(frames) => exported.frames += frames.len() as u64,
                Item::Blob { .. } => exported.blobs += 1,
                _ => {}
            }
        }
        write(&piece)?;
        exported.bytes += piece.len() as u64;
        bar.add(piece.len() as u64);
    }
    reader.finish().map_err(|e| damaged(&e))?;
    bar.end();
    Ok(exported)
}

fn broke_off(error: Error) -> Error {
    error.hint("something here may be damaged: `dsp verify` tells, `dsp doctor --repair` mends")
}

fn damaged(error: &ArchiveError) -> Error {
    Error::corrupt("the daemon wrote an archive that is none").cause(error)
}

async fn import(file: &Path, app: &App) -> Result<()> {
    let client = app.client().await?;
    let url = Url::new(&["archives", "import"]);
    let mut bar = Bar::new(&app.ui, "importing");
    let taken: ArchiveTaken = match file.as_os_str() == "-" {
        true => {
            let sending = client.send_bytes(&url, pieces(tokio::io::stdin()));
            bar.while_waiting(sending).await?
        }
        false => {
            let opened = tokio::fs::File::open(file).await;
            let opened = opened.map_err(|e| Error::path("cannot read", file, &e))?;
            bar.while_waiting(client.send_bytes(&url, pieces(opened))).await?
        }
    };
    bar.end();
    app.ui.result(&taken, |_| human(&taken))
}

/// Reads a file piece by piece.
fn pieces(
    source: impl tokio::io::AsyncRead + Send + Unpin + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    futures::stream::try_unfold(source, |mut source| async move {
        let mut piece = vec![0; PIECE];
        let read = tokio::io::AsyncReadExt::read(&mut source, &mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), source)))
    })
}

fn human(taken: &ArchiveTaken) -> String {
    let context = clean(&taken.context.label);
    let mut out = format!("took {context} in: ");
    out += &[
        line(&taken.changes, "change"),
        line(&taken.frames, "frame"),
        format!("{} ({})", line(&taken.blobs, "blob"), human::size(taken.bytes)),
    ]
    .join("; ");
    out.push('\n');
    if taken.partial {
        out += "the archive holds a part of the context\n";
    }
    if taken.changes.left_out > 0 {
        out += "left out: changes by who may not write there, or that hang on such ones\n";
    }
    if let Some(ticket) = &taken.ticket {
        out += &format!("{}\n", clean(ticket));
    }
    if taken.context.state == FollowState::Archived {
        out += "you do not follow it: no news comes before you do, by a ticket of its owner\n";
    } else if !taken.known && taken.context.policy == Policy::Lazy {
        out += &format!(
            "it makes you a member: news comes from now on, bytes when they are asked for; `dsp \
             context policy {context} --policy all` has them come by themselves\n"
        );
    }
    out
}

fn line(came: &Came, what: &str) -> String {
    let mut out = format!("{} new", human::count(came.accepted, what));
    for (count, how) in
        [(came.known, "here before"), (came.waiting, "waiting"), (came.left_out, "left out")]
    {
        if count > 0 {
            out += &format!(", {count} {how}");
        }
    }
    out
}
