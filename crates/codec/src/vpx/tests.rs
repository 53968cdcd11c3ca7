//! What only VP8 does; what all codecs do is in `tests/video.rs`.

use super::sys::*;
use crate::CodecError;
use crate::tests::{FPS, decode, decoder, stream, through_packets, whole};
use confab_base::VideoCodec::{Vp8, Vp9};
use confab_picture::{TestPattern, read_counter};
use confab_rtp::vp8;
use proptest::prelude::*;
use std::ptr;
use std::sync::Arc;

#[test]
fn sync_frames_can_be_joined_at() {
    let frames = stream(Vp8, 3, 48, 800);
    let whole = whole(Vp8, &frames);
    let mut decoder = decoder(Vp8);
    let mut joined = 0;
    for ((_, frame), whole) in frames.iter().zip(&whole) {
        let is_top = frame.temporal == 2;
        // The base, and whatever says that it needs no more.
        if frame.temporal == 0 || (is_top && frame.layer_sync) {
            assert!(decode(&mut *decoder, frame) == *whole);
            joined += usize::from(is_top);
        }
    }
    assert!(joined >= 10, "{joined}");
}

#[test]
fn frames_come_through_packets_with_and_without_their_higher_layers() {
    for keep in [2, 1, 0] {
        let mut packetizer = vp8::Packetizer::new(7);
        let frames = stream(Vp8, 3, 24, 800).into_iter().map(|(_, frame)| {
            let mut payloads = Vec::new();
            let outgoing = vp8::OutgoingFrame {
                data: &frame.data,
                temporal: Some(frame.temporal),
                layer_sync: frame.layer_sync,
                non_reference: frame.discardable,
            };
            packetizer.packetize(outgoing, 1150, &mut payloads);
            (frame, payloads)
        });
        // What is left out on the way takes its numbers with it.
        let kept = frames.filter(|(frame, _)| frame.temporal <= keep);
        through_packets(Vp8, kept.map(|(frame, payloads)| (frame.data, payloads)));
    }
}

#[test]
fn a_receiver_of_the_base_alone_gets_about_two_fifths_of_the_rate() {
    let frames = stream(Vp8, 3, 6 * FPS as u32, 600);
    let late = frames.iter().filter(|(i, _)| *i >= FPS as u32);
    let (mut base, mut all) = (0, 0);
    for (_, frame) in late {
        all += frame.data.len();
        base += if frame.temporal == 0 {
            frame.data.len()
        } else {
            0
        };
    }
    let share = base as f64 / all as f64;
    assert!((0.3..=0.5).contains(&share), "{share}");
}

#[test]
fn odd_sizes_of_other_makers_lose_their_last_row_and_column() {
    let mut frame = stream(Vp8, 1, 1, 500).remove(0).1;
    let even = decode(&mut *decoder(Vp8), &frame);
    // 639 x 359 has as many macroblocks as 640 x 360: only the crop is another.
    frame.data[6..10].copy_from_slice(&[0x7f, 0x02, 0x67, 0x01]);
    let odd = decode(&mut *decoder(Vp8), &frame);
    assert_eq!(odd.size(), (638, 358));
    let mut rows = odd.y().chunks(638).zip(even.y().chunks(640));
    assert!(rows.all(|(odd, even)| odd == &even[..638]));
}

/// A package is to run where no libvpx, or another one, is installed.
#[cfg(target_os = "linux")]
#[test]
fn libvpx_is_in_the_program() {
    let _ = decoder(Vp8);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(
        !maps.contains("libvpx"),
        "it was linked as a shared library"
    );
}

/// VP9 of the test pattern's pictures, one frame each, by libvpx itself: we send none.
fn vp9_stream(width: u32, height: u32, pictures: u32) -> Vec<Vec<u8>> {
    let pattern = TestPattern::new(width as usize, height as usize, 3);
    let mut context = Box::<vpx_codec_ctx>::default();
    let mut config = vpx_codec_enc_cfg::default();
    // SAFETY: the library fills the configuration, and copies it; context and interface are what it wants, as in the wrapper.
    unsafe {
        assert_eq!(
            vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &mut config, 0),
            VPX_CODEC_OK
        );
        (config.g_w, config.g_h, config.rc_target_bitrate) = (width, height, 400);
        (config.g_lag_in_frames, config.g_threads) = (0, 1);
        let version = VPX_ENCODER_ABI_VERSION as i32;
        let made = vpx_codec_enc_init_ver(&mut *context, vpx_codec_vp9_cx(), &config, 0, version);
        assert_eq!(made, VPX_CODEC_OK);
        vpx_codec_control_(&mut *context, VP8E_SET_CPUUSED as i32, 8);
    }
    let mut frames = Vec::new();
    for i in 0..pictures {
        let image = super::raw_encoder::image(&pattern.frame(i));
        // SAFETY: planes of the size the encoder was made for, copied during the call; the packet's bytes stay until the next.
        unsafe {
            let realtime = VPX_DL_REALTIME.into();
            let code = vpx_codec_encode(&mut *context, &image, i.into(), 1, 0, realtime);
            assert_eq!(code, VPX_CODEC_OK);
            let mut place = ptr::null();
            let packet = vpx_codec_get_cx_data(&mut *context, &mut place)
                .as_ref()
                .unwrap();
            let part = &packet.data.frame;
            frames.push(std::slice::from_raw_parts(part.buf.cast::<u8>(), part.sz).to_vec());
        }
    }
    // SAFETY: made above, not used after.
    unsafe { vpx_codec_destroy(&mut *context) };
    frames
}

#[test]
fn vp9_of_others_is_decoded_through_changes_of_size() {
    let mut decoder = decoder(Vp9);
    for (width, height) in [(320, 180), (640, 360), (180, 320)] {
        for (i, frame) in vp9_stream(width, height, 8).iter().enumerate() {
            let out = decoder.decode(frame).unwrap().unwrap();
            assert_eq!(out.size(), (width as usize, height as usize));
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i as u32));
        }
    }
}

#[test]
fn vp9_wants_a_key_frame_first_and_after_every_error() {
    let frames = vp9_stream(96, 64, 4);
    let mut decoder = decoder(Vp9);
    assert_eq!(decoder.decode(&frames[1]), Err(CodecError::Corrupt));
    assert!(matches!(decoder.decode(&frames[0]), Ok(Some(_))));
    let half = &frames[1][..frames[1].len() / 2];
    assert_eq!(decoder.decode(half), Err(CodecError::Corrupt));
    assert_eq!(decoder.decode(&frames[2]), Err(CodecError::Corrupt));
    assert!(
        frames
            .iter()
            .all(|f| matches!(decoder.decode(f), Ok(Some(_))))
    );
}

#[test]
fn vp9_comes_through_packets_as_browsers_send_it() {
    let frames = vp9_stream(640, 360, 6).into_iter().zip(0u8..);
    let packed = frames.map(|(frame, i)| {
        let parts = frame.chunks(500);
        let last = parts.len() - 1;
        // Picture id; predicted; begins, ends.
        let flags =
            |n| 0x80 | u8::from(i > 0) << 6 | u8::from(n == 0) << 3 | u8::from(n == last) << 2;
        let payloads: Vec<Arc<[u8]>> = parts
            .enumerate()
            .map(|(n, part)| [&[flags(n), i][..], part].concat().into())
            .collect();
        (frame, payloads)
    });
    through_packets(Vp9, packed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn broken_vp9_neither_crashes_nor_hangs(
        flips in prop::collection::vec((0usize..4, any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let good = vp9_stream(96, 64, 4);
        let mut frames = good.clone();
        for (frame, at, byte) in flips {
            let at = at.index(frames[frame].len());
            frames[frame][at] = byte;
        }
        let mut decoder = decoder(Vp9);
        for frame in &frames {
            let _ = decoder.decode(frame);
        }
        // Whatever happened, a new stream from its key frame on is whole.
        let mut undisturbed = crate::tests::decoder(Vp9);
        for frame in &good {
            prop_assert!(decoder.decode(frame) == undisturbed.decode(frame));
        }
    }
}
