#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| absio_fuzz::kept::cells(data));
