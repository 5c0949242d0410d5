//! `dsp push`: makes a frame of files and moves the head of a stack to it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use dsp_protocol::api::{NewFile, NewFrame, Pushed};
use futures::{Stream, stream};
use serde_json::{Value, json};

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Colour, Ui, clean, quoted};
use crate::pattern::Pattern;
use crate::progress::Bar;
use crate::value;

/// How much of standard input is read at once, in bytes.
const PIECE: usize = 256 << 10;
/// The path of a folder whose files stand at the top of the frame.
const CONTENTS: &str = ".";

/// Make a new frame of files and put it on top of a stack
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp push sales/weekly report.parquet plot.svg -m \"week 46\" --param region=EU
  dsp push model weights/ --metric loss=0.25 --input sales/weekly@v1 --tag v2
  dsp push bills bills-*.svg --each 'bills-{species}.svg'
  dsp push code . --exclude .venv --exclude '*.tmp'
  make-report | dsp push sales/weekly - --name report.csv
  dsp push sales/config --param limits:='{\"low\": 1, \"high\": 9}' settings.toml")]
pub(crate) struct Args {
    /// Stack to push to; made when it is new
    #[arg(value_name = "STACK")]
    stack: String,
    /// Files and folders, or - for standard input; of `folder/` what is in it
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Say what the frame is about
    #[arg(short, long, default_value = "", hide_default_value = true)]
    message: String,
    /// Set a parameter; quotes force text, k:=JSON takes any JSON
    #[arg(long = "param", value_name = "K=V", value_parser = value::param)]
    params: Vec<(String, Value)>,
    /// Read parameters of single files from their names, such as 'plot-{region}.svg'
    #[arg(long, value_name = "PATTERN", value_parser = Pattern::read)]
    each: Option<Pattern>,
    /// Set a metric, a number
    #[arg(long = "metric", value_name = "K=V", value_parser = value::metric)]
    metrics: Vec<(String, Value)>,
    /// Put a tag on the frame
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Name a frame that it was made from
    #[arg(long = "input", value_name = "REF")]
    inputs: Vec<String>,
    /// Tell the readers of the frame also which frames of other contexts it was made from
    #[arg(long, requires = "inputs")]
    reveal_inputs: bool,
    /// Leave out of folders what has this name or path, as a line in .dspignore does
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Name the file that standard input becomes
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Returns what a frame says of the program that made it.
fn settings() -> serde_json::Map<String, Value> {
    let client = json!({ "client": "dsp", "version": env!("CARGO_PKG_VERSION") });
    serde_json::Map::from_iter([("client".to_owned(), client)])
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let began = Instant::now();
    something(&args)?;
    let stdin = args.paths.iter().filter(|path| path.as_os_str() == "-").count();
    let name = match (stdin, args.name.clone()) {
        (0, Some(_)) => return Err(Error::usage("--name names standard input; add - to push it")),
        (0, None) => None,
        (1, Some(name)) => Some(name),
        (1, None) => return Err(Error::usage("standard input has no name; add --name FILE")),
        _ => return Err(Error::usage("standard input can be pushed once only")),
    };
    let mut files = Vec::new();
    for path in args.paths.iter().filter(|path| path.as_os_str() != "-") {
        add(path, &mut files)?;
    }
    let (params, metrics) = (unique(&args.params, "parameter")?, unique(&args.metrics, "metric")?);
    for (name, text) in params.iter().filter_map(|(name, value)| Some((name, value.as_str()?))) {
        if text.parse::<f64>().is_ok_and(f64::is_infinite)
            && text.contains(|c: char| c.is_ascii_digit())
        {
            app.ui.warn(&format!("{name} is kept as text: {text} is too large for a number"));
        }
    }
    let client = app.client().await?;
    let mut bar = Bar::new(&app.ui, "pushing");
    if let Some(name) = name {
        let hash = Some(bar.while_waiting(upload(&client)).await?);
        files.push(NewFile { path: name, source: None, hash, ..NewFile::default() });
    }
    distinct(&files)?;
    if let Some(pattern) = &args.each {
        pattern.set(&mut files)?;
    }
    let Args { stack, message, tags, inputs, reveal_inputs, exclude, .. } = args;
    let frame = NewFrame {
        stack,
        message,
        params,
        metrics,
        files,
        tags,
        inputs,
        reveal_inputs,
        exclude,
        settings: settings(),
        ..NewFrame::default()
    };
    let pushed: Pushed = client.steps(&Url::new(&["frames"]), &frame, &mut bar).await?;
    app.ui.result(&pushed, |ui| human(&pushed, began, ui))
}

fn human(pushed: &Pushed, began: Instant, ui: &Ui) -> String {
    let frame = ui.paint(&pushed.frame.short(), Colour::Bold);
    let reference = clean(&pushed.reference);
    if pushed.unchanged {
        let mut done = Vec::new();
        if !pushed.tags.is_empty() {
            let tags = if pushed.tags.len() == 1 { "tag" } else { "tags" };
            done.push(format!("{tags} {} put", clean(&pushed.tags.join(", "))));
        }
        if pushed.restored > 0 {
            done.push(format!("{} restored", human::count(pushed.restored, "blob")));
        }
        if done.is_empty() {
            done.push("nothing pushed".to_owned());
        }
        return format!("frame {frame}  {reference}  unchanged; {}\n", done.join("; "));
    }
    let (files, bytes) = (human::count(pushed.files, "file"), human::size(pushed.bytes));
    let took = human::took(began.elapsed());
    let mut out = format!("frame {frame}  {reference}  {files}, {bytes}  {took}");
    if pushed.peers > 0 {
        out += &format!("  to {}", human::count(pushed.peers.into(), "peer"));
    }
    out + "\n"
}

/// Refuses a command line that names nothing: a forgotten argument would take the data out of
/// what everybody gets.
fn something(args: &Args) -> Result<()> {
    if !args.paths.is_empty() || !args.params.is_empty() || !args.metrics.is_empty() {
        return Ok(());
    }
    let error = Error::usage("no files are named, and a frame without files needs parameters");
    Err(match Path::new(&args.stack).exists() {
        true => error.hint(format!("did you mean `dsp push STACK {}`?", quoted(&args.stack))),
        false => error.hint(format!("`dsp push {} FILE…` pushes files", quoted(&args.stack))),
    })
}

/// Adds a file under its name, a folder under its name, or what is in `folder/`, `.` and `..`.
fn add(path: &Path, files: &mut Vec<NewFile>) -> Result<()> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::path("cannot read", path, &e))?;
    let text = path.to_string_lossy();
    let contents = text.ends_with(std::path::is_separator)
        || matches!(path.components().next_back(), Some(std::path::Component::ParentDir))
        || text == "."
        || text.ends_with("/.");
    files.push(match metadata.is_dir() && contents {
        true => contents_of(path)?,
        false => source(path)?,
    });
    Ok(())
}

fn contents_of(path: &Path) -> Result<NewFile> {
    let absolute = std::path::absolute(path).map_err(|e| Error::path("cannot read", path, &e))?;
    let source = absolute.to_str().ok_or_else(|| not_text(path))?.to_owned();
    Ok(NewFile { path: CONTENTS.into(), source: Some(source), hash: None, ..NewFile::default() })
}

fn not_text(path: &Path) -> Error {
    Error::usage(format!("{} is not valid UTF-8", path.display()))
}

fn source(path: &Path) -> Result<NewFile> {
    let no_text = || not_text(path);
    let absolute = std::path::absolute(path).map_err(|e| Error::path("cannot read", path, &e))?;
    let name = absolute.file_name().ok_or_else(|| {
        Error::usage(format!("{} has no name", path.display())).hint("push what is in it")
    })?;
    let path = name.to_str().ok_or_else(no_text)?.to_owned();
    let source = Some(absolute.to_str().ok_or_else(no_text)?.to_owned());
    Ok(NewFile { path, source, hash: None, ..NewFile::default() })
}

fn distinct(files: &[NewFile]) -> Result<()> {
    let mut seen = std::collections::BTreeMap::new();
    // What is in folders is told apart by the daemon, which walks them.
    for file in files.iter().filter(|file| file.path != CONTENTS) {
        let from = file.source.as_deref().unwrap_or("standard input");
        if let Some(first) = seen.insert(&file.path, from) {
            let path = &file.path;
            return Err(Error::usage(format!("{first} and {from} would both be `{path}`"))
                .hint("push the folder that holds them"));
        }
    }
    Ok(())
}

fn unique(pairs: &[(String, Value)], what: &str) -> Result<serde_json::Map<String, Value>> {
    let mut map = serde_json::Map::new();
    for (name, value) in pairs {
        if map.insert(name.clone(), value.clone()).is_some() {
            return Err(Error::usage(format!("{what} `{name}` is given twice")));
        }
    }
    Ok(map)
}

async fn upload(client: &Client) -> Result<dsp_protocol::id::BlobHash> {
    Ok(client.upload(stdin()).await?.hash)
}

fn stdin() -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold((), |()| async {
        let read = tokio::task::spawn_blocking(|| {
            let mut piece = Vec::with_capacity(PIECE);
            io::stdin().lock().take(PIECE as u64).read_to_end(&mut piece)?;
            Ok(Bytes::from(piece))
        });
        match read.await.unwrap_or_else(|e| Err(io::Error::other(e))) {
            Ok(piece) if piece.is_empty() => None,
            piece => Some((piece, ())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_a_slash_give_what_is_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir_all(data.join("deep")).unwrap();
        std::fs::write(data.join("a.csv"), "1").unwrap();
        let paths = |path: PathBuf| {
            let mut files = Vec::new();
            add(&path, &mut files).unwrap();
            files.into_iter().map(|file| file.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(data.clone()), ["data"]);
        assert_eq!(paths(data.join("")), ["."]);
        assert_eq!(paths(data.join("deep/..")), ["."]);
        assert_eq!(paths(data.join("a.csv")), ["a.csv"]);
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let file = |source: &str| NewFile {
            path: "a".into(),
            source: Some(source.into()),
            hash: None,
            ..NewFile::default()
        };
        assert!(distinct(&[file("/x/a"), file("/y/a")]).is_err());
        assert!(unique(&[("k".into(), 1.into()), ("k".into(), 2.into())], "parameter").is_err());
    }
}
