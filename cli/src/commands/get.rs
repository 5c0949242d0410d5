//! `dsp get`: writes the files of a frame to a folder.
//!
//! Everything that would refuse is looked at before the first byte is written. Each file is
//! hashed while it is written and gets its name only if it is what the frame says.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use dsp_protocol::api::{FileInfo, FrameInfo};
use dsp_protocol::id::BlobHash;
use dsp_protocol::name::Collision;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::App;
use crate::client::Client;
use crate::content;
use crate::error::{Error, Exit, Result};
use crate::human;
use crate::output::clean;
use crate::progress::Bar;
use crate::reference::{RefArgs, exact, files, pick};
use crate::target::{Folder, Mode, Part, Present, Replace, check, check_together, confused};

/// Files that are asked for at one time.
const PARALLEL: usize = 8;
/// How many files an error names.
const NAMED: usize = 10;

/// Write the files of a frame to a folder
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp get sales/weekly
  dsp get alice:sales/weekly@v1 -o data
  dsp get sales/weekly#plot.svg
  dsp get sales/weekly#plot.svg -o figures/week46.svg --force
  dsp get sales/weekly#figures/

A file that differs is never overwritten unless --force is given: without it nothing is written.
One that is the same already is left as it is.")]
pub(crate) struct Args {
    #[command(flatten)]
    reference: RefArgs,
    /// Folder to write to, else named like the stack; for one attachment also a file
    #[arg(short, long, value_name = "DIR|FILE")]
    output: Option<PathBuf>,
    /// Replace files that differ
    #[arg(short, long)]
    force: bool,
}

/// What `dsp get --json` prints.
#[derive(Serialize)]
struct Got<'a> {
    /// The frame.
    frame: dsp_protocol::id::FrameId,
    /// The folder that was written to.
    folder: &'a Path,
    /// Files written.
    files: u64,
    /// Bytes written.
    bytes: u64,
    /// Files that were there and the same.
    same: u64,
}

/// A file and the name it gets in the folder.
struct Job {
    file: FileInfo,
    name: String,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    if args.output.as_ref().is_some_and(|output| output.as_os_str() == "-") {
        return Err(Error::usage("-o names a file or a folder")
            .hint("`dsp cat REF#PATH` writes to standard output"));
    }
    let client = app.client().await?;
    let frame = args.reference.frame(&client, &app.ui).await?;
    let all = files(&client, &frame).await?;
    let output = args.output.as_deref();
    let (folder, jobs) = match args.reference.attachment() {
        Some(wanted) => match below(&all, wanted.as_str()) {
            Some((name, jobs)) => (folder(name, output)?, jobs),
            None => one(pick(&all, wanted, &frame)?, output)?,
        },
        None => {
            let name = frame.stack.name.rsplit('/').next().unwrap_or_default();
            let jobs = all.into_iter().map(|file| Job { name: file.path.clone(), file });
            (folder(name, output)?, jobs.collect())
        }
    };
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    let (jobs, same) = plan(&folder, jobs, args.force)?;
    bring(args, (&client, app), &frame, &jobs).await?;
    if !jobs.is_empty() {
        apart(&folder, &names)?;
    }
    let replace = if args.force { Replace::Files } else { Replace::Never };
    write_all(&client, app, (&folder, &frame), &jobs, replace).await?;
    let bytes = jobs.iter().map(|job| job.file.size).sum();
    let got = Got { frame: frame.id, folder: &folder, files: jobs.len() as u64, bytes, same };
    app.ui.result(&got, |_| human(&got, &frame, &jobs))
}

fn human(got: &Got<'_>, frame: &FrameInfo, jobs: &[Job]) -> String {
    let place = match jobs {
        [job] => got.folder.join(&job.name),
        _ => got.folder.to_owned(),
    };
    let place = clean(&place.display().to_string());
    let reference = clean(&frame.stack.reference);
    let same = match got.same {
        0 => String::new(),
        1 => "; 1 file is the same already".to_owned(),
        n => format!("; {n} files are the same already"),
    };
    let files = human::count(got.files, "file");
    format!("{reference} -> {place}  {files}, {}{same}\n", human::size(got.bytes))
}

/// Brings what is not here: the whole frame at once, or each file that is asked for.
async fn bring(
    args: &Args,
    (client, app): (&Client, &App),
    frame: &FrameInfo,
    jobs: &[Job],
) -> Result<()> {
    let mut missing = jobs.iter().filter(|job| !job.file.here).peekable();
    if args.reference.attachment().is_none() {
        return match missing.peek() {
            Some(_) => super::fetch::bring(client, &app.ui, &exact(frame)).await,
            None => Ok(()),
        };
    }
    for job in missing {
        let reference = format!("{}#{}", exact(frame), job.file.path);
        super::fetch::bring(client, &app.ui, &reference).await?;
    }
    Ok(())
}

/// Finds the folder that files go to: the one asked for, else one of this name.
fn folder(name: &str, output: Option<&Path>) -> Result<PathBuf> {
    match output {
        Some(path) if path.is_file() => {
            let path = path.display();
            Err(Error::usage(format!("{path} is a file, and -o names a folder here"))
                .hint("`dsp get REF#PATH -o FILE` writes one attachment to a file"))
        }
        Some(folder) => Ok(folder.to_owned()),
        None => {
            check(name).map_err(|why| unsafe_name(name, &why))?;
            Ok(PathBuf::from(name))
        }
    }
}

/// Returns the files of a folder of the frame, and what it is called; nothing where no folder is
/// meant.
fn below<'a>(files: &[FileInfo], wanted: &'a str) -> Option<(&'a str, Vec<Job>)> {
    let path = wanted.trim_end_matches('/');
    if files.iter().any(|file| file.path == wanted) {
        return None;
    }
    let jobs: Vec<Job> = files
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix(path)?.strip_prefix('/')?;
            Some(Job { name: name.to_owned(), file: file.clone() })
        })
        .collect();
    let name = path.rsplit('/').next().unwrap_or(path);
    (!jobs.is_empty()).then_some((name, jobs))
}

/// Finds where one attachment goes: into a folder that exists or ends in `/`, else to a file.
fn one(file: &FileInfo, output: Option<&Path>) -> Result<(PathBuf, Vec<Job>)> {
    let base = file.path.rsplit('/').next().unwrap_or_default();
    let into_folder = |path: &Path| {
        path.is_dir() || path.as_os_str().to_string_lossy().ends_with(std::path::is_separator)
    };
    let (folder, name) = match output {
        None => (PathBuf::from("."), base.to_owned()),
        Some(folder) if into_folder(folder) => (folder.to_owned(), base.to_owned()),
        Some(path) => {
            let name = path.file_name().and_then(|name| name.to_str());
            let name =
                name.ok_or_else(|| Error::usage(format!("{} is no file name", path.display())))?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            (parent.unwrap_or(Path::new(".")).to_owned(), name.to_owned())
        }
    };
    // A name that the user chose is hers; one that came with the frame is checked.
    if output.is_none_or(into_folder) {
        check(&name).map_err(|why| unsafe_name(&file.path, &why))?;
    }
    Ok((folder, vec![Job { file: file.clone(), name }]))
}

fn unsafe_name(path: &str, why: &str) -> Error {
    Error::refused(format!("`{}` is not written: {why}", clean(path)))
        .hint("`dsp get REF#PATH -o FILE` writes it under another name")
}

/// Checks every path against the rules and what is there, and returns what is left to write and
/// how many files are the same already. Nothing is written.
fn plan(folder: &Path, jobs: Vec<Job>, force: bool) -> Result<(Vec<Job>, u64)> {
    // A name that the user chose is hers; those that came with the frame end its path.
    for job in jobs.iter().filter(|job| job.file.path.ends_with(&job.name)) {
        check(&job.name).map_err(|why| unsafe_name(&job.name, &why))?;
    }
    check_together(jobs.iter().map(|job| job.name.as_str())).map_err(|why| {
        Error::refused(format!("the files cannot stand beside each other: {why}"))
    })?;
    let there = match Folder::open(folder) {
        Ok(there) => there,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((jobs, 0)),
        Err(e) => return Err(Error::path("cannot write to", folder, &e)),
    };
    let (mut left, mut same, mut conflicts) = (Vec::new(), 0, Vec::new());
    for job in jobs {
        let path = folder.join(&job.name);
        match there.present(&job.name).map_err(|e| Error::path("cannot read", &path, &e))? {
            Present::Nothing => left.push(job),
            Present::File(mut file) => match is_same(&mut file, &job.file) {
                Ok(true) => same += 1,
                Ok(false) if force => left.push(job),
                Ok(false) => conflicts.push(path.display().to_string()),
                Err(e) => return Err(Error::path("cannot read", &path, &e)),
            },
            Present::Other("a link") if force => left.push(job),
            Present::Other(what) => conflicts.push(format!("{} ({what})", path.display())),
        }
    }
    if conflicts.is_empty() {
        return Ok((left, same));
    }
    let n = conflicts.len();
    let more = if n > NAMED { format!(" and {} more", n - NAMED) } else { String::new() };
    conflicts.truncate(NAMED);
    let text = format!("in the way, and different: {}{more}", conflicts.join(", "));
    Err(Error::conflict(text).hint("nothing was written; choose another place with -o, or --force"))
}

fn is_same(file: &mut std::fs::File, info: &FileInfo) -> std::io::Result<bool> {
    if file.metadata()?.len() != info.size {
        return Ok(false);
    }
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 256 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            n => hasher.update(&piece[..n]),
        };
    }
    Ok(BlobHash::from_bytes(*hasher.finalize().as_bytes()) == info.hash)
}

async fn write_all(
    client: &Client,
    app: &App,
    (folder, frame): (&Path, &FrameInfo),
    jobs: &[Job],
    replace: Replace,
) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let root = Folder::create(folder).map_err(|e| Error::path("cannot make", folder, &e))?;
    let bar = Mutex::new(Bar::new(&app.ui, "writing"));
    let jobs = stream::iter(jobs.iter().map(Ok::<_, Error>));
    let (root, bar) = (&root, &bar);
    let writing = jobs.try_for_each_concurrent(PARALLEL, |job| async move {
        let path = folder.join(&job.name);
        let fail = |e: &std::io::Error| Error::path("cannot write", &path, e);
        let mode = if job.file.executable { Mode::Executable } else { Mode::Plain };
        let mut part = root.begin(&job.name, mode).map_err(|e| fail(&e))?;
        match receive(client, &job.file, &mut part, &path, bar).await {
            Err(error) if matches!(error.exit(), Exit::Unreachable) => {
                let asked = (client, &app.ui);
                return Err(content::broken(error, asked, (frame, &job.file)).await);
            }
            received => received?,
        }
        match part.keep(replace) {
            // Another `dsp get` was faster, and wrote what this one would have.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                let same = match root.present(&job.name) {
                    Ok(Present::File(mut there)) => is_same(&mut there, &job.file),
                    _ => Ok(false),
                };
                if matches!(same, Ok(true)) { Ok(()) } else { Err(fail(&e)) }
            }
            kept => kept.map_err(|e| fail(&e)),
        }
    });
    // What is half written goes when it is dropped, and a signal alone would drop nothing.
    tokio::select! {
        written = writing => written,
        () = interrupted() => Err(Error::interrupted()),
    }
}

/// Waits until somebody presses Ctrl-C, or asks the process to end.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut ends) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = ends.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Refuses files of which the folder would keep one only, before any of them is written.
fn apart(folder: &Path, names: &[String]) -> Result<()> {
    Folder::create(folder).map_err(|e| Error::path("cannot make", folder, &e))?;
    let found = confused(folder, names.iter().map(String::as_str));
    match found.map_err(|e| Error::path("cannot write to", folder, &e))? {
        None => Ok(()),
        Some(Collision { first, second }) => {
            let text = format!("`{first}` and `{second}` are one file in {}", folder.display());
            Err(Error::refused(clean(&text)).hint(
                "nothing was written; `dsp get REF#PATH -o FILE` writes one of them under another \
                 name, or choose a folder on a file system that tells them apart",
            ))
        }
    }
}

/// Writes the bytes of a file as they come and checks that they are what the frame says.
async fn receive(
    client: &Client,
    file: &FileInfo,
    part: &mut Part,
    path: &Path,
    bar: &Mutex<Bar<'_>>,
) -> Result<()> {
    let mut bytes = std::pin::pin!(content::bytes(client, file).await?);
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    while let Some(piece) = bytes.next().await.transpose()? {
        size += piece.len() as u64;
        if size > file.size {
            break;
        }
        hasher.update(&piece);
        part.file.write_all(&piece).map_err(|e| Error::path("cannot write", path, &e))?;
        bar.lock().await.add(piece.len() as u64);
    }
    let actual = BlobHash::from_bytes(*hasher.finalize().as_bytes());
    if size != file.size || actual != file.hash {
        let text = format!("{} is not what the frame says: expected {}", file.path, file.hash);
        return Err(Error::corrupt(format!("{text}, got {actual}"))
            .hint("it was not written; `dsp verify` finds what is wrong here"));
    }
    Ok(())
}
