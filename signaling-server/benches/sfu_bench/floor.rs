//! What no forwarder can go below: encrypting a packet and giving it to the kernel. CPU time, as for the cases.

use super::meter::own_cpu;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use std::net::UdpSocket;

const PACKETS: u32 = 50_000;
const SIZE: usize = 1200;
const SEGMENTS: u32 = 10;

pub fn print() {
    let (encrypt, segmented, single) = (encrypt(), send(SEGMENTS), send(1));
    println!(
        "floor per packet: AES-256-GCM of {SIZE} B {encrypt:.2} µs, send ×{SEGMENTS} by GSO {segmented:.2} µs, \
         send ×1 {single:.2} µs; together {:.2} to {:.2} µs\n",
        encrypt + segmented,
        encrypt + single
    );
}

fn encrypt() -> f64 {
    let Ok(key) = UnboundKey::new(&AES_256_GCM, &[7; 32]) else {
        return f64::NAN;
    };
    let key = LessSafeKey::new(key);
    let mut packet = vec![3u8; SIZE];
    let start = own_cpu();
    for i in 0..PACKETS {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&i.to_be_bytes());
        let tag = key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from([0x80; 12]),
            &mut packet,
        );
        std::hint::black_box(tag.is_ok());
    }
    (own_cpu() - start).as_secs_f64() * 1e6 / f64::from(PACKETS)
}

/// Microseconds per datagram sent to a loopback socket nobody reads: the kernel drops behind the send.
fn send(segments: u32) -> f64 {
    let (Ok(socket), Ok(sink)) = (
        UdpSocket::bind("127.0.0.1:0"),
        UdpSocket::bind("127.0.0.1:0"),
    ) else {
        return f64::NAN;
    };
    let (Ok(destination), Ok(state)) = (
        sink.local_addr(),
        UdpSocketState::new(UdpSockRef::from(&socket)),
    ) else {
        return f64::NAN;
    };
    let contents = vec![5u8; SIZE * segments as usize];
    let segment_size = (segments > 1).then_some(SIZE);
    let transmit = Transmit {
        destination,
        ecn: None,
        contents: &contents,
        segment_size,
        src_ip: None,
    };
    let start = own_cpu();
    for _ in 0..PACKETS / segments {
        let _ = state.try_send(UdpSockRef::from(&socket), &transmit);
    }
    (own_cpu() - start).as_secs_f64() * 1e6 / f64::from(PACKETS)
}
