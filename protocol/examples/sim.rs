//! Runs the simulator by seeds on all processors, with or without a planted defect.
//!
//! `cargo xtask simulate --help` tells of it. Exit code 0 where every property held, 1 where one
//! did not, with the seed on standard output, and 2 for a wrong call.

use std::process::ExitCode;

use dsp_protocol::sim::scenario;
use dsp_protocol::sync::Defect;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [first, count, rest @ ..] = &args[..] else { return usage() };
    let (Ok(first), Ok(count)) = (first.parse::<u64>(), count.parse::<u64>()) else {
        return usage();
    };
    let defect = match rest {
        [] => None,
        [name] => match Defect::ALL.iter().find(|(_, known)| known == name) {
            Some((defect, _)) => Some(*defect),
            None => return usage(),
        },
        _ => return usage(),
    };
    match scenario::run_all(first..first.saturating_add(count), defect) {
        Ok(sum) => {
            println!("{count} seeds from {first} hold: {sum:?}");
            ExitCode::SUCCESS
        }
        Err(what) => {
            println!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    let names: Vec<&str> = Defect::ALL.iter().map(|(_, name)| *name).collect();
    eprintln!("usage: sim FIRST COUNT [{}]", names.join("|"));
    ExitCode::from(2)
}
