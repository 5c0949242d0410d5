#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dsp_protocol::fuzzing::run("reference", input));
