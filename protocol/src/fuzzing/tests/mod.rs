//! The seeds and past findings of `protocol/fuzz` hold, and so do small changes to them.

mod seeds;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::*;

/// Set to write the seeds of today, where a format was added to.
const WRITE: &str = "DSP_WRITE_SEEDS";
/// How often each seed is altered.
const ALTERED: u64 = 200;

fn folder(of: &str, target: &str) -> PathBuf {
    // Tests run in the folder of their package.
    Path::new("fuzz").join(of).join(target)
}

/// Returns what lies in the folder of a target, by name; nothing where there is no folder.
fn kept(of: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder(of, target)) else { return Vec::new() };
    let mut kept: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    kept.sort();
    kept
}

/// Runs a target and names the input with which it panics.
fn hold(target: &Target, name: &str, input: &[u8]) {
    let run = target.run;
    if catch_unwind(|| run(input)).is_err() {
        let hex = data_encoding::HEXLOWER.encode(input);
        panic!("the target {} does not hold with {name}: {hex}", target.name);
    }
}

#[test]
fn seeds_and_past_findings_hold() {
    for target in TARGETS {
        let seeds = kept("corpus", target.name);
        assert!(!seeds.is_empty(), "{} has no seed", target.name);
        for (name, input) in seeds.iter().chain(&kept("crashers", target.name)) {
            hold(target, name, input);
        }
    }
}

/// What a fuzzer tries first, without one: bytes flipped, put in, left out, and two seeds joined.
#[test]
fn altered_seeds_hold() {
    for target in TARGETS {
        let seeds: Vec<_> = seeds::of(target.name);
        for (at, (name, seed)) in seeds.iter().enumerate() {
            for round in 0..ALTERED {
                let mut rng = ChaCha8Rng::seed_from_u64(round + 1_000 * at as u64);
                let other = &seeds[rng.next_u64() as usize % seeds.len()].1;
                let input = altered(seed, other, &mut rng);
                hold(target, &format!("{name}, altered {round}"), &input);
            }
        }
    }
}

fn altered(seed: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..=rng.next_u64() % 3 {
        let at = rng.next_u64() as usize % (input.len() + 1);
        let byte = rng.next_u64() as u8;
        match rng.next_u64() % 5 {
            0 | 1 if at < input.len() => input[at] ^= 1 << (byte % 8),
            2 if at < input.len() => drop(input.remove(at)),
            3 => input.insert(at, byte),
            4 => {
                let from = rng.next_u64() as usize % (other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {}
        }
    }
    input
}

/// The seeds follow the formats: a seed that nothing writes any more finds less every year.
#[test]
fn seeds_are_what_is_written_today() {
    for target in TARGETS {
        let seeds = seeds::of(target.name);
        if std::env::var_os(WRITE).is_some() {
            std::fs::create_dir_all(folder("corpus", target.name)).unwrap();
            for (name, bytes) in &seeds {
                std::fs::write(folder("corpus", target.name).join(name), bytes).unwrap();
            }
        }
        let kept = kept("corpus", target.name);
        for (name, bytes) in seeds {
            let same = kept.contains(&(name.clone(), bytes));
            assert!(same, "{} of {} is another; {WRITE}=1 writes it", name, target.name);
        }
    }
}

#[test]
fn every_target_has_its_program() {
    let root = Path::new("fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut programs = 0;
    for target in TARGETS {
        let name = target.name;
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is no program");
        let source = root.join(format!("fuzz_targets/{name}.rs"));
        let source = std::fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("run(\"{name}\", input)")), "{name} runs another");
        programs += 1;
    }
    assert_eq!(manifest.matches("[[bin]]").count(), programs);
    assert!(TARGETS.is_sorted_by_key(|target| target.name));
}
