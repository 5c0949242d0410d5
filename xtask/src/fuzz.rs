//! The fuzz targets of the folders `fuzz`, one after the other or some beside each other.
//!
//! What a run adds to a corpus stays in the target folder; a finding goes to `crashers` beside its
//! target, where the tests replay it from then on. `docs/fuzzing.md` tells more.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::workspace::Workspace;

/// Where targets, their seeds and past findings are, each beside the crate that they try.
const FOLDERS: [&str; 2] = ["protocol/fuzz", "daemon/tables/fuzz"];
/// The name that stands for every target.
const ALL: &str = "all";
/// Most bytes of an input: more than any limit of a statement or a name, few enough to be quick.
const INPUT_BYTES: u32 = 16 * 1024;
/// Seconds that one input may take; the least that a busy machine does not exceed by itself.
const INPUT_SECONDS: u32 = 5;
/// Mebibytes that a target may hold, its corpus and the sanitizer's own included.
const MEMORY_MIB: u32 = 1024;
/// How many lines of the log a finding shows.
const LINES: usize = 30;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The target, or `all`
    #[arg(required_unless_present = "list")]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// How many targets run beside each other
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Print the targets
    #[arg(long)]
    list: bool,
}

/// Runs targets and prints for each how many inputs were tried.
///
/// # Errors
/// There is no such target, it cannot be built, or something was found.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let targets = targets(&workspace.root)?;
    if args.list {
        targets.iter().for_each(|target| println!("{}", target.name));
        return Ok(());
    }
    let wanted = args.target.as_deref().unwrap_or(ALL);
    let chosen: Vec<_> = targets.iter().filter(|t| wanted == ALL || t.name == wanted).collect();
    ensure!(!chosen.is_empty(), "there is no target `{wanted}`; --list prints them");
    let mut programs = PathBuf::new();
    for folder in FOLDERS.into_iter().filter(|of| chosen.iter().any(|t| t.folder == *of)) {
        programs = build(workspace, folder, (wanted != ALL).then_some(wanted))?;
    }
    let (next, found) = (Mutex::new(chosen.iter()), Mutex::new(Vec::new()));
    let worker = || -> anyhow::Result<()> {
        loop {
            let Some(target) = next.lock().expect("no worker panics").next() else { return Ok(()) };
            if !fuzz(workspace, &programs, target, args.seconds)? {
                found.lock().expect("no worker panics").push(target.name.as_str());
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no worker panics"))
    })?;
    let found = found.into_inner().expect("no worker panics");
    ensure!(found.is_empty(), "something was found by {}", found.join(", "));
    Ok(())
}

/// Runs every target for so many seconds, as many beside each other as there are processors.
///
/// # Errors
/// A target cannot be built, or something was found.
pub(crate) fn all(workspace: &Workspace, seconds: u32) -> anyhow::Result<()> {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    run(workspace, &Args { target: Some(ALL.to_owned()), seconds, jobs, list: false })
}

/// A target.
#[derive(Debug, PartialEq)]
struct Target {
    name: String,
    /// One of [`FOLDERS`].
    folder: &'static str,
}

/// Returns the targets, as the manifests of their programs have them.
fn targets(root: &Path) -> anyhow::Result<Vec<Target>> {
    #[derive(serde::Deserialize)]
    struct Manifest {
        bin: Vec<Program>,
    }
    #[derive(serde::Deserialize)]
    struct Program {
        name: String,
    }
    let mut targets = Vec::new();
    for folder in FOLDERS {
        let path = root.join(folder).join("Cargo.toml");
        let manifest = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let manifest: Manifest = toml::from_str(&manifest)?;
        targets.extend(manifest.bin.into_iter().map(|bin| Target { name: bin.name, folder }));
    }
    Ok(targets)
}

/// Builds one target of a folder or all of them and returns the folder of the programs.
fn build(workspace: &Workspace, of: &str, target: Option<&str>) -> anyhow::Result<PathBuf> {
    let tool = workspace.root.join("scripts/cargo-tool.sh");
    let tool = Command::new(tool).arg("fuzz").stderr(Stdio::inherit()).output()?;
    ensure!(tool.status.success(), "cargo-fuzz could not be built");
    let tool = String::from_utf8(tool.stdout)?;
    let (host, folder) = (host()?, workspace.target.join("fuzz"));
    let mut build = Command::new(tool.trim());
    build.current_dir(&workspace.root).args(["fuzz", "build", "--fuzz-dir", of]);
    build.args(["--target", &host, "--target-dir"]).arg(&folder).args(target);
    // The sanitizer's flags are not stable; the compiler and all else that it does are.
    build.env("RUSTC_BOOTSTRAP", "1").env_remove("CARGO_TARGET_DIR");
    let status = build.status().context("could not run cargo-fuzz")?;
    ensure!(status.success(), "the fuzz targets could not be built");
    Ok(folder.join(host).join("release"))
}

/// Returns what the compiler calls this machine.
fn host() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("could not run rustc")?;
    let version = String::from_utf8(output.stdout)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not tell its host")
}

/// Runs a target and tells whether nothing was found.
fn fuzz(
    workspace: &Workspace,
    programs: &Path,
    target: &Target,
    seconds: u32,
) -> anyhow::Result<bool> {
    let Target { name: target, folder } = target;
    let of_target = |what: &str| workspace.root.join(folder).join(what).join(target);
    let (seeds, crashers) = (of_target("corpus"), of_target("crashers"));
    let grown = workspace.target.join("fuzz/corpus").join(target);
    fs::create_dir_all(&grown)?;
    fs::create_dir_all(&crashers)?;
    let log = workspace.target.join("fuzz").join(format!("{target}.log"));
    let program = programs.join(target);
    let (begun, mut runs, mut said) = (Instant::now(), 0, String::new());
    let mut found = false;
    loop {
        let left = u64::from(seconds).saturating_sub(begun.elapsed().as_secs());
        if found || left == 0 {
            break;
        }
        let before = findings(&crashers)?;
        let mut run = Command::new(&program);
        run.args([&grown, &seeds, &crashers]);
        run.arg(format!("-artifact_prefix={}/", crashers.display()));
        run.arg(format!("-max_total_time={left}"));
        run.arg(format!("-max_len={INPUT_BYTES}"));
        run.arg(format!("-timeout={INPUT_SECONDS}"));
        run.arg(format!("-rss_limit_mb={MEMORY_MIB}"));
        // Names of functions cost a symbolizer each, and most of a short run.
        run.args(["-print_funcs=0", "-print_final_stats=1"]);
        let status =
            run.stderr(File::create(&log)?).status().context("could not run the target")?;
        said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let units = "stat::number_of_executed_units:";
        let units = said.lines().find_map(|line| line.strip_prefix(units));
        runs += units.and_then(|units| units.trim().parse::<u64>().ok()).unwrap_or(0);
        if status.success() {
            break;
        }
        found = !was_held_up(&program, &crashers, &before)?;
    }
    // Git keeps no empty folder either.
    let _ = fs::remove_dir(&crashers);
    let seconds = begun.elapsed().as_secs();
    if !found {
        println!("{target}: {runs} inputs in {seconds} s, nothing found");
    } else {
        println!("{target}: FOUND after {runs} inputs in {seconds} s, see {}", log.display());
        let lines: Vec<_> = said.lines().collect();
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            println!("  {line}");
        }
    }
    std::io::stdout().flush()?;
    Ok(!found)
}

/// Returns what lies in the folder of findings.
fn findings(crashers: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let entries = fs::read_dir(crashers)?;
    Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
}

/// Tells whether a target ended only because the machine was busy: with inputs that took too long
/// by the clock, each of which takes no time alone. These are removed. What was found `before` is
/// none of it.
fn was_held_up(
    program: &Path,
    crashers: &Path,
    before: &BTreeSet<PathBuf>,
) -> anyhow::Result<bool> {
    let slow: Vec<PathBuf> = findings(crashers)?.difference(before).cloned().collect();
    for input in &slow {
        let name = input.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("timeout-") {
            return Ok(false);
        }
        let mut alone = Command::new(program);
        alone.arg(format!("-timeout={INPUT_SECONDS}")).arg(input).stderr(Stdio::null());
        if !alone.status().context("could not run the target")?.success() {
            return Ok(false);
        }
    }
    slow.iter().try_for_each(fs::remove_file)?;
    Ok(!slow.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One name is one target, its corpus in the target folder and its program.
    #[test]
    fn targets_of_all_folders_are_told_apart() {
        let targets = targets(Path::new("..")).unwrap();
        let names: BTreeSet<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names.len(), targets.len());
        for (name, folder) in [("archive", FOLDERS[0]), ("parquet", FOLDERS[1])] {
            assert!(targets.contains(&Target { name: name.to_owned(), folder }), "{name}");
        }
        assert!(!names.contains(ALL));
    }
}
