//! Measures the programs against what this machine can do at best, in the same run.
//!
//! A figure alone says nothing about another machine, so each stands against a limit measured
//! beside it (hashing and a flushed copy, a flushed copy over TCP) or against a fixed budget for
//! what a person feels. Everything goes through the command line, in homes of their own.
//! `docs/performance.md` says what the figures mean.

mod baseline;
mod dataframe;
mod figure;
mod load;
mod transfer;
mod wait;
mod web;
mod work;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};

use self::figure::Figure;
use crate::node::Lab;
use crate::workspace::{Profile, Workspace};

/// Free space that the largest part needs: sources, two stores, what a baseline copies.
#[cfg(unix)]
const SPACE_GIB: u64 = 6;

/// What is measured in a lab of its own, by key.
const ALONE: [(&str, Measure); 4] = [
    ("ls_1000", wait::ls_1000),
    ("api_100", load::api_100),
    ("frames_10k", load::frames_10k),
    ("index_1m", load::index_1m),
];
/// What is measured together with something else, by key.
const TOGETHER: [&str; 9] = [
    "push_1gib",
    "follow_1gib",
    "push_10k",
    "follow_10k",
    "publish_visible",
    "idle",
    "push_dataframe",
    "pull_dataframe",
    "table_page",
];

/// What takes minutes however seldom it is measured: not in a quick run, unless it is named.
const LONG: [&str; 3] = ["api_100", "frames_10k", "index_1m"];

/// Measures one thing.
type Measure = fn(&Lab, Effort) -> anyhow::Result<Figure>;

/// Returns all keys.
fn keys() -> Vec<&'static str> {
    TOGETHER.into_iter().chain(web::KEYS).chain(ALONE.map(|(key, _)| key)).collect()
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure fewer times, and what takes minutes only where it is named; the sizes stay
    #[arg(long)]
    quick: bool,
    /// Measure only these, such as api_100
    #[arg(value_name = "KEY", value_parser = keys())]
    only: Vec<String>,
    /// Print only JSON
    #[arg(long)]
    json: bool,
}

/// How often things are measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Repetitions of a transfer.
    pub(crate) transfers: usize,
    /// Repetitions of something that takes milliseconds.
    pub(crate) samples: usize,
    /// Seconds of watching a daemon that has nothing to do.
    pub(crate) idle_seconds: u64,
}

/// Measures everything and prints it.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let wanted = |name: &str| match args.only.is_empty() {
        true => !(args.quick && LONG.contains(&name)),
        false => args.only.iter().any(|only| only == name),
    };
    let pages = web::KEYS.into_iter().any(wanted);
    if pages {
        web::build(workspace)?;
    }
    let programs = workspace.build(Profile::from_env(Profile::Release)?)?;
    let effort = if args.quick {
        Effort { transfers: 3, samples: 20, idle_seconds: 10 }
    } else {
        Effort { transfers: 5, samples: 100, idle_seconds: 60 }
    };
    // Beside the build and not in the system's temporary folder, which is often memory.
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    enough_space(&folder)?;

    let new_lab = || Lab::new(&programs, &folder);
    let mut figures: BTreeMap<&str, Figure> = BTreeMap::new();
    for (push, follow, work) in [
        ("push_1gib", "follow_1gib", work::ONE_LARGE),
        ("push_10k", "follow_10k", work::MANY_SMALL),
    ] {
        if wanted(push) || wanted(follow) {
            eprintln!("{push}, {follow} ...");
            let measured = transfer::measure(new_lab, work, effort)?;
            figures.insert(push, measured.push);
            figures.insert(follow, measured.follow);
        }
    }
    if wanted("publish_visible") || wanted("idle") {
        eprintln!("publish_visible, idle ...");
        let lab = new_lab()?;
        let pair = wait::Pair::connect(&lab)?;
        figures.insert("publish_visible", pair.publish_visible(effort)?);
        figures.insert("idle", pair.idle(effort)?);
    }
    let mut failed = Vec::new();
    let tables = ["push_dataframe", "pull_dataframe", "table_page"];
    if tables.into_iter().any(wanted) {
        eprintln!("{} ...", tables.join(", "));
        match dataframe::measure(workspace, &new_lab()?, effort) {
            Ok(measured) => {
                let measured = [measured.push, measured.pull, measured.page];
                figures.extend(tables.into_iter().zip(measured));
            }
            Err(error) => failed.push(format!("{}: {error:#}", tables.join(", "))),
        }
    }
    if pages {
        eprintln!("{} ...", web::KEYS.join(", "));
        match web::measure(workspace, &programs, &folder, effort) {
            Ok(measured) => figures.extend(web::KEYS.into_iter().zip(measured)),
            Err(error) => failed.push(format!("{}: {error:#}", web::KEYS.join(", "))),
        }
    }
    for (name, measure) in ALONE {
        if wanted(name) {
            eprintln!("{name} ...");
            match measure(&new_lab()?, effort) {
                Ok(figure) => drop(figures.insert(name, figure)),
                // Others took minutes, and are told all the same.
                Err(error) => failed.push(format!("{name}: {error:#}")),
            }
        }
    }

    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        for (name, figure) in &figures {
            println!("{name:16} {figure}");
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("; "));
    Ok(())
}

#[cfg(unix)]
fn enough_space(folder: &Path) -> anyhow::Result<()> {
    let system = rustix::fs::statvfs(folder)?;
    let free_gib = (system.f_bavail * system.f_frsize) >> 30;
    ensure!(
        free_gib >= SPACE_GIB,
        "{free_gib} GiB free at {}, {SPACE_GIB} needed: free some, or set CARGO_TARGET_DIR to a larger disk",
        folder.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn enough_space(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
