//! Feedback bodies as a sender takes them, between packets it sends.
#![no_main]
use confab_base::{Bitrate, Reference, Time};
use confab_congestion::repair::feedback::Feedback;
use confab_congestion::repair::{FrameClass, MediaPacket, RepairSender};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(feedback) = Feedback::parse(data) {
        let mut out = Vec::new();
        feedback.write(&mut out);
        assert_eq!(Feedback::parse(&out), Ok(feedback));
    }
    if let Some(all) = Reference::parse(data) {
        let mut out = Vec::new();
        Reference::write(&all, &mut out);
        assert_eq!(Reference::parse(&out), Some(all));
    }
    let mut sender = RepairSender::new();
    sender.set_rate(Bitrate(2_000_000));
    let (mut rest, mut out) = (data, Vec::new());
    for seq in 0..200u64 {
        let now = Time::from_millis(seq * 11);
        let packet = MediaPacket {
            ssrc: 7,
            seq,
            timestamp: (seq / 3 * 3000) as u32,
            marker: seq % 3 == 2,
            tag: [0, 1, 2, 3],
            payload: vec![seq as u8; 60].into(),
        };
        sender.sent(packet, FrameClass::default(), now);
        let Some((length, tail)) = rest.split_first() else {
            break;
        };
        let (body, next) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = next;
        let _ = sender.feedback(body, now);
        for _ in 0..20 {
            if sender.poll(now, &mut out).is_none() {
                break;
            }
        }
        assert!((0.0..=1.0).contains(&sender.media_share()));
    }
});
