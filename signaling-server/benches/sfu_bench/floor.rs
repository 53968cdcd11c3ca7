//! What no forwarder can go below here: encrypting a packet and giving it to the kernel. CPU time, as for the cases.

use super::meter::{own_cpu, pin};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use confab_load::wire::{self, Reader};
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const PACKETS: u32 = 50_000;
const SIZE: usize = 1200;
/// Packets of a picture at 9 Mbps for fifty receivers, sent at a time where they are read.
const BURST: u32 = 33 * 50;

/// Who takes what is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Nobody: the kernel drops it behind the send, and its memory stays warm.
    Nobody,
    Datagrams,
    Bursts,
}

pub fn print() {
    println!(
        "floor per packet: AES-256-GCM of {SIZE} B {:.2} µs; sends ×10 to nobody {:.2}, ×1 {:.2}; to a reader on another core ×33 {:.2}, ×33 \
         taken whole {:.2}, ×1 {:.2}\n",
        encrypt(),
        send(10, Reads::Nobody),
        send(1, Reads::Nobody),
        send(33, Reads::Datagrams),
        send(33, Reads::Bursts),
        send(1, Reads::Datagrams),
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

/// Microseconds per datagram sent to a socket of this machine, so many of them at a time by UDP segmentation offload.
fn send(segments: u32, reads: Reads) -> f64 {
    let Ok(sink) = wire::bind(Ipv4Addr::LOCALHOST.into(), reads == Reads::Bursts) else {
        return f64::NAN;
    };
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) else {
        return f64::NAN;
    };
    let (Ok(destination), Ok(state)) = (
        sink.local_addr(),
        UdpSocketState::new(UdpSockRef::from(&socket)),
    ) else {
        return f64::NAN;
    };
    let done = Arc::new(AtomicBool::new(false));
    let (reader, _unread) = match reads {
        Reads::Nobody => (None, Some(sink)),
        _ => (Some(read(sink, done.clone())), None),
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
    let mut sent = 0;
    while sent < PACKETS {
        for _ in 0..BURST / segments {
            let _ = state.try_send(UdpSockRef::from(&socket), &transmit);
        }
        sent += BURST / segments * segments;
        if reader.is_some() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let cost = (own_cpu() - start).as_secs_f64() * 1e6 / f64::from(sent);
    done.store(true, Ordering::Relaxed);
    let _ = reader.map(JoinHandle::join);
    cost
}

/// Reads on the fleet's core, as the fleet does.
fn read(sink: mio::net::UdpSocket, done: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        pin(1);
        let mut reader = Reader::new();
        while !done.load(Ordering::Relaxed) {
            reader.read(&sink, |_, bytes, _| {
                std::hint::black_box(bytes);
            });
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}
