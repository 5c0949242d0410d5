//! The seeds and past findings of `fuzz` hold, and so do small changes to them.

mod seeds;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::*;
use crate::scratch::Scratch;
use crate::table::bounded;

/// Set to write the seeds of today, where a format was added to.
const WRITE: &str = "DSP_WRITE_SEEDS";
/// How often each seed is altered.
const ALTERED: u64 = 150;

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
    if let Some(said) = panics::watch(|| (target.run)(input)) {
        let hex = HEXLOWER.encode(input);
        panic!("the target {} does not hold with {name}: {said}: {hex}", target.name);
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

/// What a fuzzer tries first, without one: bytes flipped, put in, left out, two seeds joined, and
/// numbers altered where lengths stay right.
fn altered_seeds_hold(target: &str) {
    let target = super::target(target);
    let seeds = seeds::of(target.name);
    for (at, (name, seed)) in seeds.iter().enumerate() {
        for round in 0..ALTERED {
            let mut dice = Dice::new(round + 1_000 * at as u64);
            let other = &seeds[dice.below(seeds.len())].1;
            let mut also = dice.clone();
            let input =
                (target.change)(seed, &mut dice, &mut |input| altered(input, other, &mut also));
            hold(target, &format!("{name}, altered {round}"), &input);
        }
    }
}

#[test]
fn altered_arrow_holds() {
    altered_seeds_hold("arrow");
}

#[test]
fn altered_parquet_holds() {
    altered_seeds_hold("parquet");
}

#[test]
fn altered_text_holds() {
    altered_seeds_hold("text");
}

fn altered(seed: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(input.len() + 1);
        match dice.below(5) {
            0 | 1 if at < input.len() => input[at] ^= 1 << dice.below(8),
            2 if at < input.len() => drop(input.remove(at)),
            3 => input.insert(at, dice.below(256) as u8),
            4 => {
                let from = dice.below(other.len() + 1);
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

/// A seed that is refused tries nothing of what comes behind.
#[test]
fn every_seed_is_read() {
    for (name, bytes) in seeds::of("parquet") {
        let table = crate::Table::open(std::sync::Arc::new(bytes::Bytes::from(bytes))).unwrap();
        let all = crate::PageRequest { limit: 1_000, ..crate::PageRequest::default() };
        assert!(!table.page(&all).unwrap().rows.is_empty(), "{name}");
        table.stats().unwrap();
        table.to_csv(std::io::sink(), Scratch::NONE).unwrap();
    }
    for (name, bytes) in seeds::of("arrow") {
        let format = match bytes.starts_with(b"ARROW1") {
            true => crate::Format::ArrowFile,
            false => crate::Format::ArrowStream,
        };
        let source: std::sync::Arc<dyn crate::Source> =
            std::sync::Arc::new(bytes::Bytes::from(bytes));
        let read = crate::to_parquet(&source, format, None, std::io::sink(), Scratch::NONE);
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

#[test]
fn every_target_has_its_program() {
    let root = Path::new("fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        let name = target.name;
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is no program");
        let source = root.join(format!("fuzz_targets/{name}.rs"));
        let source = std::fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("target!(\"{name}\")")), "{name} runs another");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    assert!(TARGETS.is_sorted_by_key(|target| target.name));
}

/// A panic of our own is told though it is an error of the call, and one of a library is not.
#[test]
fn panics_of_our_own_are_findings() {
    let ours = || bounded::<()>("Parquet", || panic!("of ours")).map(drop);
    let said = panics::watch(|| drop(ours())).unwrap();
    assert!(said.contains("of ours"), "{said}");
    let theirs = || bounded("Parquet", || Ok(arrow_buffer::Buffer::from_vec(vec![0u8]).slice(9)));
    assert_eq!(panics::watch(|| assert!(theirs().is_err())), None);
    assert!(panics::watch(|| drop(arrow_buffer::Buffer::from_vec(vec![0u8]).slice(9))).is_some());
}

/// What takes more than it may is a finding, where memory is measured.
#[test]
fn memory_is_bounded() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    thread_local! {
        static TAKEN: AtomicUsize = const { AtomicUsize::new(0) };
    }
    // Of this thread alone: the other tests take nothing.
    let most = || TAKEN.with(|taken| taken.load(Relaxed));
    measure_by(Meter { begin: || 1, most });
    let take = |bytes: usize| within(10, || TAKEN.with(|taken| taken.store(bytes, Relaxed)));
    take(11);
    assert!(catch_unwind(|| take(12)).is_err());
}
