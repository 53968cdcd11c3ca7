//! What a client says, as the server reads it.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(message) = confab_protocol::parse_client(text)
    {
        let _ = format!("{message:?}");
    }
});
