//! Media payloads as the server's key-frame gate and the client's frame assembly read them: a sequence of packets,
//! each led by a byte that tells its length.
#![no_main]
use confab_rtp::{av1, h264, opus, red, vp8, vp9};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut frame = h264::Depacketizer::new(64 * 1024);
    let mut unit = av1::Depacketizer::new(64 * 1024);
    let mut history = red::History::default();
    let mut rest = data;
    while let Some((&length, tail)) = rest.split_first() {
        let (packet, next) = tail.split_at(usize::from(length).min(tail.len()));
        rest = next;
        let _ = h264::is_keyframe_start(packet);
        let _ = frame.push(packet);
        let _ = vp8::is_keyframe(packet);
        let _ = vp8::keyframe_size(packet);
        if let Some(d) = vp8::Descriptor::parse(packet) {
            let _ = vp8::rewrite(packet, &d, 0x7fff, 0xff);
        }
        let _ = (vp9::is_keyframe(packet), vp9::frame_size(packet));
        let _ = vp9::assemble([packet].into_iter(), 64 * 1024);
        let _ = (av1::is_keyframe(packet), unit.push(packet));
        let _ = (opus::duration(packet), opus::has_lbrr(packet));
        let _ = opus::without_padding(packet);
        if let Ok((primary, copies)) = red::restore(1 << 16, 0, packet) {
            history.add(1 << 16, 0, &primary);
            for copy in &copies {
                history.add(copy.seq, copy.timestamp, &copy.payload);
            }
            let _ = history.wrap(((1 << 16) + 1, 960, &primary), 111, &[1, 2, 3, 4, 16]);
        }
    }
    let _ = frame.take();
    let mut packets = Vec::new();
    h264::packetize(data, 100, &mut packets);
    let _ = av1::packetize(data, 100, &mut packets);
    if let Some((unit, _)) = unit.take() {
        av1::packetize(&unit, 100, &mut packets).expect("what was put together is whole");
    }
});
