//! A client's session description as the server answers it, then datagrams from the same client before and after DTLS
//! could have begun: the first line break pair in the input parts them.
#![no_main]
use confab_transport::{Peer, PeerConfig, PeerOutput, Protocol};
use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fuzz_target!(|data: &[u8]| {
    let cut = data.windows(4).position(|w| w == b"\n\n\n\n").unwrap_or(data.len());
    let (sdp, packets) = data.split_at(cut);
    let local = SocketAddr::from(([127, 0, 0, 1], 5000));
    let remote = SocketAddr::from(([127, 0, 0, 1], 5001));
    let mut now = Instant::now();
    let mut peer = Peer::new(PeerConfig::lite_server(), now);
    peer.add_local_candidate(local, Protocol::Udp);
    if let Ok(text) = std::str::from_utf8(sdp) {
        let _ = peer.accept_offer(text);
    }
    for packet in packets.chunks(97) {
        now += Duration::from_millis(20);
        peer.handle_packet(Protocol::Udp, remote, local, packet, now);
        for _ in 0..100 {
            if let PeerOutput::Timeout(_) = peer.poll() {
                break;
            }
        }
        peer.handle_timeout(now);
    }
});
