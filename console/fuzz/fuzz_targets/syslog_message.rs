#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| console_fuzzing::fuzz_one("syslog_message", data));
