//! Runs rounds of crashes by seeds; `cargo xtask crash --help` tells of it.
//!
//! Exit code 0 where nothing was lost, 1 where something was, with the seed on standard output, and
//! 2 for a wrong call or a system without such disks.

use std::process::ExitCode;

fn usage() -> ExitCode {
    eprintln!("usage: crash FIRST COUNT all|power|fault|upgrade|kill [sync]");
    ExitCode::from(2)
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> ExitCode {
    use dsp_tests::crash::{Kind, Options, run};

    let args: Vec<String> = std::env::args().skip(1).collect();
    let [first, count, only, rest @ ..] = &args[..] else { return usage() };
    let (Ok(seed), Ok(rounds)) = (first.parse(), count.parse()) else { return usage() };
    let named = Kind::ALL.iter().find(|(_, name)| name == only).map(|(kind, _)| *kind);
    let lies = match rest {
        [] => false,
        [defect] if defect == "sync" => true,
        _ => return usage(),
    };
    if named.is_none() && only != "all" {
        return usage();
    }
    match run(Options { seed, rounds, only: named, lies }).await {
        Ok(Ok(None)) => ExitCode::SUCCESS,
        Ok(Ok(Some(lost))) => {
            let broken = if lies { " --break sync" } else { "" };
            println!("{lost}");
            println!("again: cargo xtask crash --only {only} --seed {}{broken}", lost.seed);
            ExitCode::FAILURE
        }
        Ok(Err(why)) => {
            println!("it cannot be run here: {why}");
            ExitCode::from(2)
        }
        Err(error) => {
            println!("it cannot be run: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    usage()
}
