//! Planted defects: takes one guard away at a time and demands that its test turns red.
//!
//! The list is `xtask/mutants.toml`. Everything happens in a copy of the tree with a target
//! folder of its own, both kept between runs, so that only the defect is compiled anew and the
//! programs that people use are never built from a defect.

mod copy;
mod list;
mod target;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

use self::copy::Copy;
use self::list::Mutant;
use self::target::{Outcome, Target};
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print each name and its test, and run nothing
    #[arg(long)]
    list: bool,
    /// Defects to plant instead of all
    names: Vec<String>,
}

/// Plants the defects and fails unless every test turned red.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let mutants = chosen(list::load(&workspace.root)?, &args.names)?;
    let stale = list::stale(&workspace.root, &mutants);
    ensure!(stale.is_empty(), "the list is stale:\n  {}", stale.join("\n  "));
    if args.list {
        for mutant in &mutants {
            println!("{}: {}", mutant.name, mutant.test);
        }
        return Ok(());
    }

    let folder = workspace.target.join("mutate");
    let copy = Copy::sync(&workspace.root, &folder.join("tree"))?;
    let mut targets: BTreeMap<Target, Vec<&Mutant>> = BTreeMap::new();
    for mutant in &mutants {
        targets.entry(Target::of(mutant)).or_default().push(mutant);
    }
    let mut survivors = Vec::new();
    for (target, mutants) in &targets {
        let build = || target.build(&copy.root, &folder.join("target"));
        let tests: Vec<_> = mutants.iter().map(|mutant| mutant.test.as_str()).collect();
        match build()?.run(&tests)? {
            Outcome::Green => {}
            Outcome::Red(why) => bail!("{target} is red without a defect: {why}"),
        }
        for mutant in mutants {
            let begun = Instant::now();
            let planted = copy.plant(mutant)?;
            let outcome = build()
                .with_context(|| format!("{} does not compile with its defect", mutant.name))?
                .run(&[&mutant.test])?;
            drop(planted);
            let seconds = begun.elapsed().as_secs_f64();
            match outcome {
                Outcome::Red(why) => println!("{}: red, {why} ({seconds:.0} s)", mutant.name),
                Outcome::Green => {
                    println!("{}: NOT NOTICED by {} ({seconds:.0} s)", mutant.name, mutant.test);
                    survivors.push(mutant.name.as_str());
                }
            }
        }
    }
    println!("{} of {} defects noticed", mutants.len() - survivors.len(), mutants.len());
    ensure!(survivors.is_empty(), "not noticed: {}", survivors.join(", "));
    Ok(())
}

/// Returns the named defects, or all.
fn chosen(mutants: Vec<Mutant>, names: &[String]) -> anyhow::Result<Vec<Mutant>> {
    for name in names {
        ensure!(mutants.iter().any(|mutant| mutant.name == *name), "no defect is called `{name}`");
    }
    let wanted = |mutant: &Mutant| names.is_empty() || names.contains(&mutant.name);
    Ok(mutants.into_iter().filter(wanted).collect())
}
