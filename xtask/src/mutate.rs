//! Planted defects: takes one guard away at a time and demands that its test turns red.
//!
//! The list is `xtask/mutants.toml`. Everything happens in a copy of the tree with a target
//! folder of its own, both kept between runs, so that only the defect is compiled anew and the
//! programs that people use are never built from a defect.

mod copy;
mod list;
mod source;
mod target;
#[cfg(test)]
mod threats;
mod verdict;
mod web;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use self::copy::Copy;
use self::list::Mutant;
use self::target::Target;
pub(crate) use self::verdict::Verdict;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print each name and its test, and run nothing
    #[arg(long)]
    list: bool,
    /// Only those that `make test` plants too
    #[arg(long)]
    always: bool,
    /// Defects to plant instead of all; `board-*` names all that begin so
    names: Vec<String>,
}

/// Plants the defects and fails unless every one was caught.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let mut mutants = chosen(list::load(&workspace.root)?, &args.names)?;
    mutants.retain(|mutant| mutant.always || !args.always);
    if args.list {
        for mutant in &mutants {
            println!("{}: {}", mutant.name, mutant.test);
        }
        return Ok(());
    }
    let begun = Instant::now();
    let verdicts = plant(workspace, &mutants)?;
    let open: Vec<&str> =
        verdicts.iter().filter(|(_, v)| !v.is_caught()).map(|(name, _)| name.as_str()).collect();
    let (caught, all) = (verdicts.len() - open.len(), verdicts.len());
    println!("\n{caught} of {all} defects caught in {} s", begun.elapsed().as_secs());
    ensure!(open.is_empty(), "not caught: {}", open.join(", "));
    Ok(())
}

/// Plants those defects that every run of the tests plants.
pub(crate) fn plant_always(workspace: &Workspace) -> anyhow::Result<Vec<(String, Verdict)>> {
    let mut mutants = list::load(&workspace.root)?;
    mutants.retain(|mutant| mutant.always);
    plant(workspace, &mutants)
}

/// Plants defects one by one, says what became of each, and returns it.
fn plant(workspace: &Workspace, mutants: &[Mutant]) -> anyhow::Result<Vec<(String, Verdict)>> {
    let mut verdicts = Vec::new();
    let mut tell = |mutant: &Mutant, verdict: Verdict, begun: Instant| {
        println!("{}: {verdict} ({:.1} s)", mutant.name, begun.elapsed().as_secs_f64());
        verdicts.push((mutant.name.clone(), verdict));
    };
    let mut targets: BTreeMap<Target, Vec<&Mutant>> = BTreeMap::new();
    for mutant in mutants {
        match list::stale(&workspace.root, mutant) {
            Some(why) => tell(mutant, Verdict::Stale(why), Instant::now()),
            None => targets.entry(Target::of(mutant)).or_default().push(mutant),
        }
    }
    let folder = workspace.target.join("mutate");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // Two runs at once would plant into one copy; the later one waits.
    let alone = File::create(folder.join("lock"))?;
    alone.lock()?;
    let copy = Copy::sync(&workspace.root, &folder.join("tree"))?;
    for (target, mutants) in &targets {
        let build = || target.build(workspace, &copy.root, &folder.join("target"));
        let begun = Instant::now();
        let sound = build().and_then(|tests| tests.green(mutants));
        println!("{target}: sound tree built and tested ({:.1} s)", begun.elapsed().as_secs_f64());
        for mutant in mutants {
            let begun = Instant::now();
            let verdict = match &sound {
                Err(why) => Verdict::Unsound(format!("{why:#}")),
                Ok(tests) if !tests.contains(&mutant.test) => {
                    Verdict::Stale(format!("{target} has no test {}", mutant.test))
                }
                Ok(_) => {
                    let planted = copy.plant(mutant)?;
                    let built = build();
                    drop(planted);
                    match built.map(|tests| tests.run(&mutant.test)) {
                        Err(why) => Verdict::Uncompiled(format!("{why:#}")),
                        Ok(Err(why)) => Verdict::Unsound(format!("{why:#}")),
                        Ok(Ok(outcome)) => outcome.into(),
                    }
                }
            };
            tell(mutant, verdict, begun);
        }
    }
    Ok(verdicts)
}

/// Returns the named defects, or all.
fn chosen(mutants: Vec<Mutant>, names: &[String]) -> anyhow::Result<Vec<Mutant>> {
    let named = |name: &String, mutant: &Mutant| match name.strip_suffix('*') {
        Some(start) => mutant.name.starts_with(start),
        None => mutant.name == *name,
    };
    for name in names {
        ensure!(mutants.iter().any(|mutant| named(name, mutant)), "no defect is called `{name}`");
    }
    let wanted = |m: &Mutant| names.is_empty() || names.iter().any(|name| named(name, m));
    Ok(mutants.into_iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> anyhow::Result<Vec<String>> {
        let mutants =
            ["a-one", "a-two", "b"].map(|name| Mutant { name: name.into(), ..Mutant::default() });
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        Ok(chosen(mutants.into(), &asked)?.into_iter().map(|mutant| mutant.name).collect())
    }

    #[test]
    fn defects_are_chosen_by_name_or_beginning() {
        assert_eq!(names(&[]).unwrap(), ["a-one", "a-two", "b"]);
        assert_eq!(names(&["a-*"]).unwrap(), ["a-one", "a-two"]);
        assert_eq!(names(&["b", "a-two"]).unwrap(), ["a-two", "b"]);
        assert!(names(&["a"]).is_err() && names(&["c-*"]).is_err());
    }
}
