#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keylend_fuzz::checkpoint::holds(data));
