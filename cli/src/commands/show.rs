//! `dsp show`: tells all about a frame.

use std::fmt::Write as _;

use dsp_protocol::api::{FileInfo, FrameInfo};
use serde_json::{Map, Value};

use crate::App;
use crate::error::Result;
use crate::human;
use crate::output::{Colour, Ui, clean, clean_lines};
use crate::reference::{RefArgs, pick};
use crate::table::{Column, Table};

/// Show a frame: message, parameters, metrics, files and where it comes from
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp show sales/weekly
  dsp show alice:sales/weekly@v1
  dsp show alice:sales/weekly@v1#plot.svg
  dsp show model@head~1 --json")]
pub(crate) struct Args {
    #[command(flatten)]
    reference: RefArgs,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let mut frame = args.reference.frame(&client, &app.ui).await?;
    if let Some(wanted) = args.reference.attachment() {
        let files = crate::reference::files(&client, &frame).await?;
        frame.files = vec![pick(&files, wanted, &frame)?.clone()];
        return app.ui.result(&frame, |ui| attachment(&frame, ui));
    }
    app.ui.result(&frame, |ui| human(&frame, ui))
}

/// Renders the attachment that was asked for.
fn attachment(frame: &FrameInfo, ui: &Ui) -> String {
    let mut out = String::new();
    for file in &frame.files {
        let path = ui.paint(&clean(&file.path), Colour::Bold);
        let of = format!("{} frame {}", clean(&frame.stack.reference), frame.id.short());
        let here = if file.here { "here" } else { "not here" };
        let mode = if file.executable { ", executable" } else { "" };
        let _ = writeln!(out, "{path}  of {of}");
        let _ = writeln!(out, "size  {} ({} bytes), {here}", human::size(file.size), file.size);
        let _ = writeln!(out, "type  {}{mode}", clean(&file.media));
        let _ = writeln!(out, "hash  {}", file.hash);
        if !file.params.is_empty() {
            let _ = writeln!(out, "params {}", pairs(&file.params));
        }
        if let Some(text) = &file.text {
            let _ = writeln!(out, "about {}", clean_lines(text).replace('\n', "\n      "));
        }
    }
    out
}

fn human(frame: &FrameInfo, ui: &Ui) -> String {
    let id = ui.paint(&frame.id.to_string(), Colour::Bold);
    let mut out = format!("frame {id}  {}\n", clean(&frame.stack.reference));
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            let _ = writeln!(out, "{name:<8}  {text}");
        }
    };
    line("made", human::moment(&frame.time));
    line("message", clean_lines(&frame.message).replace('\n', "\n          "));
    line("params", pairs(&frame.params));
    line("metrics", pairs(&frame.metrics));
    line("tags", clean(&frame.tags.join(", ")));
    let parents: Vec<String> = frame.parents.iter().map(|id| id.short()).collect();
    line("parents", parents.join(", "));
    let inputs = frame.inputs.iter().map(|input| match (&input.name, &input.frame) {
        (Some(name), Some(frame)) => format!("{} ({})", clean(name), frame.short()),
        (Some(name), None) => clean(name),
        (None, Some(frame)) => frame.short(),
        (None, None) => "withheld".to_owned(),
    });
    line("inputs", inputs.collect::<Vec<_>>().join(", "));
    line("needs", clean(&frame.needs.join(", ")));
    let here = match frame.bytes_here {
        bytes if bytes >= frame.bytes => "all here".to_owned(),
        bytes => format!("{} here", human::size(bytes)),
    };
    let files = human::count(frame.files_total, "file");
    line("files", format!("{files}, {}, {here}", human::size(frame.bytes)));
    if !frame.files.is_empty() {
        out += "\n";
        out += &table(&frame.files, ui);
    }
    let left = frame.files_total.saturating_sub(frame.files.len() as u64);
    if left > 0 && frame.files.len() > 1 {
        let _ = writeln!(out, "… and {} more", human::count(left, "file"));
    }
    out
}

fn pairs(map: &Map<String, Value>) -> String {
    let pairs = map.iter().map(|(name, value)| format!("{name}={}", human::value(value)));
    clean(&pairs.collect::<Vec<_>>().join("  "))
}

fn table(files: &[FileInfo], ui: &Ui) -> String {
    let told_apart = files.iter().any(|file| !file.params.is_empty());
    let mut columns = vec![
        Column::text("PATH"),
        Column::number("SIZE"),
        Column::text("HERE"),
        Column::text("TYPE"),
    ];
    columns.extend(told_apart.then(|| Column::long("PARAMS")));
    columns.push(Column::long("ABOUT"));
    let mut table = Table::new(&columns);
    for file in files {
        let mut row = vec![
            file.path.clone(),
            human::size(file.size),
            if file.here { "yes" } else { "no" }.to_owned(),
            file.media.clone(),
        ];
        row.extend(told_apart.then(|| pairs(&file.params)));
        row.push(file.text.clone().unwrap_or_default());
        table.row(row);
    }
    table.render(ui)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Manner;

    #[test]
    fn what_tells_attachments_apart_stands_beside_them() {
        let file = |path: &str, params: Value| -> FileInfo {
            serde_json::from_value(json!({
                "path": path, "hash": "00".repeat(32), "size": 3, "here": true,
                "executable": false, "media": "image/png", "params": params,
            }))
            .unwrap()
        };
        let ui = Ui::new(Manner::default());
        let shown = table(&[file("a.png", json!({"Coefficient": 1.5})), file("b", json!({}))], &ui);
        assert!(shown.contains("PARAMS") && shown.contains("Coefficient=1.5"), "{shown}");
        let shown = table(&[file("b", json!({}))], &ui);
        assert!(!shown.contains("PARAMS"), "{shown}");
    }
}
