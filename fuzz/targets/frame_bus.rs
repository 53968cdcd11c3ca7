//! What a page may say on the frame bus, and the header in front of pictures. The module is compiled alone: the crate around it
//! would bring every device library along.
#![no_main]
#[allow(dead_code)]
#[path = "../../crates/pipeline/src/bus/wire.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((header, rest)) = wire::Header::read(data) {
        assert_eq!(rest.len() + wire::HEADER, data.len());
        assert_eq!(wire::Header::read(&header.write()).map(|h| h.0), Some(header));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(message) = wire::FromPage::parse(text) {
        match &message {
            wire::FromPage::Show { streams, .. } => {
                assert!(streams.len() <= wire::MAX_STREAMS);
                assert!(streams.iter().all(|s| s.credit <= wire::MAX_CREDIT && s.width <= wire::MAX_SIDE));
            }
            wire::FromPage::Credit { streams } => {
                assert!(streams.len() <= wire::MAX_STREAMS && streams.iter().all(|s| s.1 <= wire::MAX_CREDIT));
            }
            wire::FromPage::Key { .. } => {}
        }
    }
});
