#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| console_fuzzing::fuzz_one("forward_message", data));
