//! What arrives on the media port, as the demultiplexer reads it before any peer is known, and what arrives on a TCP
//! connection as framed packets, in pieces of any size.
#![no_main]
use confab_transport::{stun_peek, tcp_frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = stun_peek::classify(data);
    let _ = stun_peek::stun_username(data);
    let piece = data.first().map_or(1, |b| usize::from(*b) + 1);
    let mut decoder = tcp_frame::Decoder::new();
    for part in data.chunks(piece) {
        decoder.push(part);
        while let Ok(Some(frame)) = decoder.next_frame() {
            let _ = stun_peek::classify(frame);
        }
    }
});
