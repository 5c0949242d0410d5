//! The web UI: how large it is, and how long people wait for it, in Debian's Chromium.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::Effort;
use super::figure::{Figure, median};
use crate::files;
use crate::node::forget_settings;
use crate::workspace::{Programs, Workspace};

/// What is measured here, by key.
pub(super) const KEYS: [&str; 5] =
    ["web_bundle", "web_first_paint", "web_param_change", "web_live_update", "web_table_page"];
/// What a page needs before it shows anything, compressed, in kB.
const ENTRY_KB: f64 = 60.0;
/// Everything, compressed, in kB.
const ALL_KB: f64 = 2500.0;
/// Until Home shows something, with a thousand stacks.
const HOME: Duration = Duration::from_millis(300);
/// Until the page of a stack does.
const STACK: Duration = Duration::from_millis(500);
/// Until another choice is drawn.
const CHOICE: Duration = Duration::from_millis(100);
/// Until a page shows what its daemon lists.
const LIVE: Duration = Duration::from_millis(100);
/// Until the rows of another place of a table are there, nineteen times of twenty.
const ROWS: Duration = Duration::from_millis(100);
/// The heap of a page with ten thousand stacks, in MB.
const HEAP_MB: f64 = 100.0;

/// Builds the web UI, so that the programs built after it have it in them.
///
/// # Errors
/// Node is missing, or the build fails.
pub(super) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    let status = Command::new(workspace.root.join("scripts/web.sh")).status();
    ensure!(status.context("scripts/web.sh")?.success(), "the web UI could not be built");
    Ok(())
}

/// Measures all of it.
///
/// # Errors
/// Chromium is missing, or a page does not do what it is to do.
pub(super) fn measure(
    workspace: &Workspace,
    programs: &Programs,
    folder: &Path,
    effort: Effort,
) -> anyhow::Result<[Figure; 5]> {
    let web = workspace.root.join("web");
    let out = folder.join("web.json");
    let mut vitest = Command::new("npm");
    forget_settings(&mut vitest);
    vitest.current_dir(&web).args(["exec", "--", "vitest", "run"]);
    vitest.args(["--config", "e2e/bench.config.ts", "--reporter=dot"]);
    vitest.env("DSP_BENCH_OUT", &out).env("DSP_BENCH_SAMPLES", effort.transfers.to_string());
    vitest.env("DSP_PROGRAMS", programs.dsp.parent().context("dsp is in no folder")?);
    let output = vitest.output().context("npm")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the pages: {said}");
    let told = fs::read(&out).with_context(|| out.display().to_string())?;
    let told: HashMap<String, Vec<f64>> = serde_json::from_slice(&told).context("its result")?;
    let series = |name: &str| told.get(name).filter(|one| !one.is_empty()).context(name.to_owned());
    let times = |name: &str| -> anyhow::Result<Vec<Duration>> {
        Ok(series(name)?.iter().map(|ms| Duration::from_secs_f64(ms / 1000.0)).collect())
    };

    let mut bundle = bundle(&web.join("embed/ui"))?;
    bundle.also.push(Figure::new(series("heap_mb")?[0], "MB", HEAP_MB, 1.0));
    let mut paint = Figure::milliseconds(&times("home_paint")?, HOME);
    paint.also.push(Figure::milliseconds(&times("stack_paint")?, STACK));
    let live = Figure::milliseconds(&times("live_update")?, LIVE + median(&times("live_listed")?));
    let rows = Figure::milliseconds(&[late(&times("table_page")?)], ROWS);
    Ok([bundle, paint, Figure::milliseconds(&times("param_change")?, CHOICE), live, rows])
}

/// Returns the time that one in twenty is longer than.
fn late(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[(times.len() * 19 / 20).min(times.len() - 1)]
}

/// Measures what is embedded: the document with the scripts and styles that it names, and
/// everything.
fn bundle(ui: &Path) -> anyhow::Result<Figure> {
    let document = ui.join("index.html.br");
    let packed = fs::read(&document).with_context(|| document.display().to_string())?;
    let mut html = Vec::new();
    brotli_decompressor::BrotliDecompress(&mut packed.as_slice(), &mut html)?;
    let html = String::from_utf8(html).context("the document")?;
    let (mut entry, mut all) = (0, 0);
    for path in files::files(ui)? {
        let size = fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        all += size;
        let name = path.strip_prefix(ui)?.to_string_lossy();
        let name = name.trim_end_matches(".br");
        let code = name.ends_with(".js") || name.ends_with(".css");
        if path == document || code && html.contains(&format!("\"/{name}\"")) {
            entry += size;
        }
    }
    let kb = |bytes: u64| bytes as f64 / 1000.0;
    let mut figure = Figure::new(kb(entry), "kB", ENTRY_KB, 1.0);
    figure.also.push(Figure::new(kb(all), "kB", ALL_KB, 1.0));
    Ok(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_is_what_the_document_asks_for() {
        // `<link href="/a.css"><script src="/a.js">`, compressed.
        const DOCUMENT: [u8; 32] = [
            0x1b, 0x27, 0x00, 0xf8, 0x8d, 0xd4, 0x61, 0xad, 0xb3, 0x35, 0x6a, 0x11, 0x9f, 0xb0,
            0x39, 0xe5, 0x32, 0x96, 0xc1, 0x28, 0x23, 0x4f, 0xce, 0x51, 0x4a, 0x4a, 0xe6, 0xc9,
            0x47, 0xd1, 0x05, 0x00,
        ];
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        write("index.html.br", &DOCUMENT);
        write("a.js.br", &[0; 20_000]);
        write("a.css.br", &[0; 4_000]);
        write("assets/deep/plotly.js.br", &[0; 900_000]);
        let figure = bundle(folder.path()).unwrap();
        assert_eq!((figure.value, figure.also[0].value), (24.032, 924.032));
    }

    #[test]
    fn one_in_twenty_may_be_late() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(late(&times), Duration::from_millis(96));
        assert_eq!(late(&times[..1]), Duration::from_millis(1));
    }
}
