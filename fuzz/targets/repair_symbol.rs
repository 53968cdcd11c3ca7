//! Repair payloads as a receiver takes them: a sequence of media packets and payloads, each led by a byte for its length
//! and a byte for what it is.
#![no_main]
use confab_base::Time;
use confab_congestion::repair::{MediaPacket, RepairReceiver};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut receiver = RepairReceiver::new();
    let (mut rest, mut out, mut ms) = (data, Vec::new(), 0);
    while let [length, kind, tail @ ..] = rest {
        let (piece, next) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = next;
        ms += u64::from(kind >> 4);
        let now = Time::from_millis(ms);
        match kind & 15 {
            0..8 => {
                let _ = receiver.repair(piece, now);
            }
            low => {
                let packet = MediaPacket {
                    ssrc: 7,
                    seq: u64::from(low) + ms,
                    timestamp: ms as u32,
                    marker: low == 15,
                    tag: [0, 1, 2, 3],
                    payload: piece.into(),
                };
                receiver.received(packet, now);
            }
        }
        while receiver.poll_recovered().is_some() {}
        if receiver.poll_feedback(now, &mut out) {
            assert!(out.len() <= confab_congestion::repair::feedback::MOST_BYTES);
        }
    }
});
