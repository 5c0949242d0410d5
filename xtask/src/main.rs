//! Chores of the workspace: `cargo xtask --help`.
//!
//! It drives the programs as a person would, through their command line and exit codes, and
//! links none of their code. What it needs of them is in [`node`].

mod bench;
mod crash;
mod demo;
mod files;
mod fixture;
mod fuzz;
mod http;
mod man;
mod mutate;
mod node;
mod openapi;
mod process;
mod simulate;
mod soak;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Run the chores of the dsp workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run all tests and end with the sum
    Test(test::Args),
    /// Show two daemons sharing real data, until Ctrl-C
    Demo(demo::Args),
    /// Run the simulator by seeds, also with a defence taken out
    Simulate(simulate::Args),
    /// Have daemons work for long, and watch what they take
    Soak(soak::Args),
    /// Crash the daemon by seeds, also on a disk that lies
    Crash(crash::Args),
    /// Feed arbitrary bytes to what reads those of others
    Fuzz(fuzz::Args),
    /// Measure against this machine's own limits
    Bench(bench::Args),
    /// Plant known defects and demand that a test turns red
    Mutate(mutate::Args),
    /// Write man pages and completions as a share folder
    Man(man::Args),
    /// Write docs/openapi.json
    Openapi(openapi::Args),
    /// Keep a small home of today's format
    Fixture(fixture::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match cli.chore {
        Chore::Test(args) => test::run(&workspace, &args),
        Chore::Demo(args) => demo::run(&workspace, &args),
        Chore::Simulate(args) => simulate::run(&workspace, &args),
        Chore::Soak(args) => soak::run(&workspace, &args),
        Chore::Crash(args) => crash::run(&workspace, &args),
        Chore::Fuzz(args) => fuzz::run(&workspace, &args),
        Chore::Bench(args) => bench::run(&workspace, &args),
        Chore::Mutate(args) => mutate::run(&workspace, &args),
        Chore::Man(args) => man::run(&workspace, &args),
        Chore::Openapi(args) => openapi::run(&workspace, &args),
        Chore::Fixture(args) => fixture::run(&workspace, &args),
    }
}
