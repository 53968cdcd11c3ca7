//! Which of a camera's formats to take.

use crate::CameraOptions;
use nokhwa::utils::{CameraFormat, FrameFormat};
use std::cmp::Reverse;

/// What is read, cheapest first: raw ones are copied, compressed ones decoded.
pub(crate) const READABLE: [FrameFormat; 4] = [
    FrameFormat::NV12,
    FrameFormat::YUYV,
    FrameFormat::MJPEG,
    FrameFormat::RAWRGB,
];
/// Frame rates are compared in steps of this many, so that 25 is as good as 30 and 10 is not.
const RATE_STEP: u32 = 12;

/// The format nearest to what is wanted: enough frames first, then size, then the wanted rate, then the cheaper encoding. Bigger
/// than wanted is worse than a little smaller, because the extra pixels would be thrown away.
pub(crate) fn choose(formats: &[CameraFormat], wanted: &CameraOptions) -> Option<CameraFormat> {
    let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
    let most = pixels(wanted.width, wanted.height);
    let score = |f: &CameraFormat| {
        let (width, height, rate) = (
            f.resolution().width(),
            f.resolution().height(),
            f.frame_rate(),
        );
        let size = match pixels(width, height) {
            pixels if pixels <= most => pixels,
            pixels => most.saturating_sub((pixels - most) / 4).max(1),
        };
        let place = READABLE.iter().position(|r| *r == f.format());
        (
            rate.min(wanted.fps) / RATE_STEP,
            size,
            // Of the same size the wanted shape: 16:9 is cut less than 4:3.
            Reverse(shape(width, height).abs_diff(shape(wanted.width, wanted.height))),
            rate.min(wanted.fps),
            Reverse(rate),
            Reverse(place),
        )
    };
    formats
        .iter()
        .filter(|f| READABLE.contains(&f.format()))
        .max_by_key(|f| score(f))
        .copied()
}

/// Width to height, in thousandths.
fn shape(width: u32, height: u32) -> u64 {
    1000 * u64::from(width) / u64::from(height.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nokhwa::utils::Resolution;

    fn format(width: u32, height: u32, kind: FrameFormat, fps: u32) -> CameraFormat {
        CameraFormat::new(Resolution::new(width, height), kind, fps)
    }

    fn usual(formats: &[CameraFormat]) -> Option<CameraFormat> {
        choose(formats, &CameraOptions::default())
    }

    #[test]
    fn fluent_720p_is_preferred_even_if_compressed() {
        let raw_slow = format(1280, 720, FrameFormat::YUYV, 10);
        let jpeg = format(1280, 720, FrameFormat::MJPEG, 30);
        let small = format(640, 480, FrameFormat::YUYV, 30);
        let huge = format(3840, 2160, FrameFormat::MJPEG, 30);
        assert_eq!(usual(&[raw_slow, small, jpeg, huge]), Some(jpeg));
        assert_eq!(usual(&[raw_slow, small, huge]), Some(small));
    }

    #[test]
    fn raw_is_preferred_at_equal_size_and_rate() {
        let (raw, jpeg) = (
            format(1280, 720, FrameFormat::NV12, 30),
            format(1280, 720, FrameFormat::MJPEG, 30),
        );
        assert_eq!(usual(&[jpeg, raw]), Some(raw));
        assert_eq!(usual(&[raw, jpeg]), Some(raw));
    }

    #[test]
    fn a_format_nobody_reads_is_none() {
        assert_eq!(usual(&[format(1280, 720, FrameFormat::GRAY, 30)]), None);
        assert_eq!(usual(&[]), None);
    }

    #[test]
    fn a_small_request_takes_a_small_format_and_no_more_frames_than_asked() {
        let all = [
            format(1280, 720, FrameFormat::MJPEG, 30),
            format(640, 360, FrameFormat::YUYV, 60),
            format(640, 360, FrameFormat::YUYV, 30),
            format(320, 240, FrameFormat::YUYV, 30),
        ];
        let wanted = CameraOptions {
            width: 640,
            height: 360,
            fps: 30,
        };
        assert_eq!(choose(&all, &wanted), Some(all[2]));
    }

    #[test]
    fn full_hd_is_taken_when_asked_for_and_a_wide_picture_before_a_high_one() {
        let all = [
            format(1920, 1080, FrameFormat::MJPEG, 30),
            format(1280, 720, FrameFormat::MJPEG, 30),
            format(1280, 960, FrameFormat::MJPEG, 30),
        ];
        let wanted = CameraOptions {
            width: 1920,
            height: 1080,
            fps: 30,
        };
        assert_eq!(choose(&all, &wanted), Some(all[0]));
        assert_eq!(usual(&all), Some(all[1]));
        let (wide, high) = (
            format(1024, 576, FrameFormat::YUYV, 30),
            format(768, 768, FrameFormat::YUYV, 30),
        );
        assert_eq!(usual(&[high, wide]), Some(wide));
    }
}
