//! `dsp diff`: tells what differs between two frames.

use std::fmt::Write as _;

use dsp_protocol::api::{
    ChangeName, ContentDiff, DiffSide, FileChange, FrameDiff, MetricChange, TableDiff,
};

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Colour, Ui, clean, quoted};

/// Tell what differs between two frames
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp diff sales/weekly
  dsp diff sales/weekly@v1 sales/weekly
  dsp diff alice:model bob:model --stat
  dsp diff model@head~3 model --json

With one frame, it is compared with its parent: what it changed. With two, the first one is the one
before. Text is shown as a unified diff, tables (CSV, TSV) by numbers of rows and by columns.")]
pub(crate) struct Args {
    /// Frame, or the stack whose head is meant; the one before where two are named
    #[arg(value_name = "A")]
    a: String,
    /// Frame after; when left out, A is compared with its parent
    #[arg(value_name = "B")]
    b: Option<String>,
    /// List the files that differ, and do not compare their bytes
    #[arg(long)]
    stat: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let url = Url::new(&["diff"])
        .query("ref", &args.a)
        .query_opt("to", args.b.as_deref())
        .query_opt("content", args.stat.then_some("false"));
    let diff: FrameDiff = client.get(&url).await?;
    app.ui.result(&diff, |ui| human(&diff, ui))?;
    let missing: Vec<&String> = diff.files.iter().flat_map(missing).collect();
    if let Some(first) = missing.first() {
        let files = human::count(missing.len() as u64, "file");
        app.ui.note(&format!("{files} not here: `dsp fetch {}` brings it", quoted(first)));
    }
    Ok(())
}

fn missing(file: &FileChange) -> &[String] {
    match &file.content {
        Some(ContentDiff::NotHere { missing }) => missing,
        _ => &[],
    }
}

/// Writes a difference with its sign, and without what the arithmetic of floats added to it.
fn signed(difference: f64) -> String {
    let rounded: f64 = format!("{difference:.11e}").parse().unwrap_or(difference);
    format!("{rounded:+}")
}

fn human(diff: &FrameDiff, ui: &Ui) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", ui.paint(&format!("--- {}", side(&diff.from)), Colour::Bold));
    let _ = writeln!(out, "{}", ui.paint(&format!("+++ {}", side(&diff.to)), Colour::Bold));
    if let Some(message) = &diff.message {
        let _ = writeln!(out, "message  {:?} -> {:?}", clean(&message.from), clean(&message.to));
    }
    let value = |value: Option<&serde_json::Value>| {
        value.map_or("-".to_owned(), |value| clean(&human::value(value)))
    };
    for param in &diff.params {
        let (from, to) = (value(param.from.as_ref()), value(param.to.as_ref()));
        let _ = writeln!(out, "param    {}  {from} -> {to}", clean(&param.name));
    }
    for metric in &diff.metrics {
        let MetricChange { name, from, to, difference } = metric;
        let (from, to) = (value(from.as_ref()), value(to.as_ref()));
        let difference = difference.map(|d| format!("  ({})", signed(d))).unwrap_or_default();
        let _ = writeln!(out, "metric   {}  {from} -> {to}{difference}", clean(name));
    }
    for input in &diff.inputs {
        let frame = input.frame.map_or("withheld".to_owned(), |frame| frame.short());
        let name = input.name.as_deref().map(|name| format!(" {}", clean(name)));
        let _ =
            writeln!(out, "input    {} {frame}{}", sign(input.change), name.unwrap_or_default());
    }
    for file in &diff.files {
        file_line(&mut out, file);
        if let Some(content) = &file.content {
            content_lines(&mut out, content, ui);
        }
    }
    let counts = &diff.counts;
    let differ = counts.added + counts.removed + counts.changed;
    if differ > diff.files.len() as u64 {
        let _ =
            writeln!(out, "and {} more", human::count(differ - diff.files.len() as u64, "file"));
    }
    let bytes = human::size(counts.bytes.unsigned_abs());
    let sign = if counts.bytes < 0 { '-' } else { '+' };
    let _ = writeln!(
        out,
        "{} added, {} removed, {} changed, {} the same, {sign}{bytes}",
        human::count(counts.added, "file"),
        counts.removed,
        counts.changed,
        counts.same
    );
    out
}

fn side(side: &DiffSide) -> String {
    let Some(frame) = side.frame else { return "nothing".to_owned() };
    let stack = side.reference.rsplit_once('@').map_or(&*side.reference, |(stack, _)| stack);
    let tags = side.tags.iter().map(|tag| format!(", {}", clean(tag))).collect::<String>();
    format!("{}@{}{tags}", clean(stack), frame.short())
}

fn sign(change: ChangeName) -> char {
    match change {
        ChangeName::Added => '+',
        ChangeName::Removed => '-',
        ChangeName::Changed => '~',
    }
}

fn file_line(out: &mut String, file: &FileChange) {
    let size = |side: &Option<dsp_protocol::api::FileSide>| {
        side.as_ref().map_or("-".to_owned(), |side| human::size(side.size))
    };
    let sizes = match file.change {
        ChangeName::Added => size(&file.to),
        ChangeName::Removed => size(&file.from),
        ChangeName::Changed => format!("{} -> {}", size(&file.from), size(&file.to)),
    };
    let _ = writeln!(out, "{} {}  {sizes}", sign(file.change), clean(&file.path));
}

fn content_lines(out: &mut String, content: &ContentDiff, ui: &Ui) {
    let line = match content {
        ContentDiff::Text { unified, cut, .. } => {
            for line in unified.lines() {
                let text = clean(line);
                let painted = match line.as_bytes().first() {
                    Some(b'+') => ui.paint(&text, Colour::Green),
                    Some(b'-') => ui.paint(&text, Colour::Red),
                    Some(b'@') => ui.paint(&text, Colour::Dim),
                    _ => text,
                };
                let _ = writeln!(out, "  {painted}");
            }
            match cut {
                true => "the rest is not shown".to_owned(),
                false => return,
            }
        }
        ContentDiff::Table(table) => {
            for column in &table.columns {
                let kind = |kind: &Option<String>| kind.clone().unwrap_or_else(|| "-".to_owned());
                let (from, to) = (kind(&column.from), kind(&column.to));
                let _ = writeln!(out, "  column {}  {from} -> {to}", clean(&column.name));
            }
            rows(table)
        }
        ContentDiff::Binary => "no text: the bytes differ".to_owned(),
        ContentDiff::Same => "the bytes are the same, whether it is executable is not".to_owned(),
        ContentDiff::TooLarge { most } => {
            format!("more than the {} that are compared", human::size(*most))
        }
        ContentDiff::NotHere { .. } => "its bytes are not here".to_owned(),
        ContentDiff::Unreadable { reason } => format!("not compared: {}", clean(reason)),
    };
    let _ = writeln!(out, "  {line}");
}

fn rows(table: &TableDiff) -> String {
    let rows = human::count(table.rows_to, "row");
    let (added, removed) = (table.added, table.removed);
    match &table.key {
        Some(key) => {
            let changed = table.changed;
            format!(
                "{rows}: {added} added, {removed} removed, {changed} changed (by {})",
                clean(key)
            )
        }
        None => format!("{rows}: {added} added, {removed} removed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_what_a_person_reckons() {
        for (difference, text) in [
            (0.9 - 0.81, "+0.09"),
            (1.0 - 3.0, "-2"),
            (1e300, &format!("{:+}", 1e300)),
            (1e-9, "+0.000000001"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(signed(difference), text);
        }
    }
}
