//! Hands [`exeat_fuzz::deployment`] to the fuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exeat_fuzz::deployment(bytes));
