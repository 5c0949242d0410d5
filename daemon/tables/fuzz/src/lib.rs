//! What the programs of the fuzz targets share.

use dsp_tables::fuzzing::{Dice, Meter, measure_by, run, target};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs a target, whose memory is measured.
pub fn tried(name: &str, input: &[u8]) {
    let begin = || {
        MEMORY.reset_peak_usage();
        MEMORY.current_usage()
    };
    measure_by(Meter { begin, most: || MEMORY.peak_usage() });
    run(name, input);
}

/// Changes the input of a target, and returns how long it is then.
pub fn changed(name: &str, data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut any = |bytes: &[u8]| {
        let mut room = vec![0; most.max(bytes.len())];
        room[..bytes.len()].copy_from_slice(bytes);
        let size = libfuzzer_sys::fuzzer_mutate(&mut room, bytes.len(), most.max(bytes.len()));
        room.truncate(size);
        room
    };
    let changed = (target(name).change)(&data[..size], &mut Dice::new(seed.into()), &mut any);
    if changed.is_empty() || changed.len() > most {
        return libfuzzer_sys::fuzzer_mutate(data, size, most);
    }
    data[..changed.len()].copy_from_slice(&changed);
    changed.len()
}

/// Makes the program of a target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| dsp_tables_fuzz::tried($name, input));
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
            dsp_tables_fuzz::changed($name, data, size, most, seed)
        });
    };
}
