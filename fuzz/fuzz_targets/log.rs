//! Hands [`exeat_fuzz::log`] to the fuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exeat_fuzz::log(bytes));
