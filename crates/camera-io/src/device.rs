//! The system's cameras through nokhwa: Video4Linux, AVFoundation, Media Foundation. nokhwa's own decoder of compressed
//! pictures is switched off (it builds a C library); MJPEG, which many cameras need for 720p at 30 fps, is decoded here.

use crate::{Camera, CameraError, CameraInfo};
use confab_capture::{Control, End, Frame, Slot};
use confab_picture::I420;
use nokhwa::pixel_format::RgbFormat;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
};
use nokhwa::{Buffer, NokhwaError};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

/// How long a camera may take until its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(5);
/// Pictures in a row that may fail before the camera counts as gone.
const FAILURES: u32 = 30;
/// What a meeting wants at most.
const WANTED: (u32, u32, u32) = (1280, 720, 30);

pub(crate) fn list() -> Vec<CameraInfo> {
    let found = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    let info = |c: nokhwa::utils::CameraInfo| CameraInfo {
        id: c.index().as_string(),
        name: c.human_name(),
    };
    found.into_iter().map(info).collect()
}

/// Opens on the camera's own thread, because handles of some systems may not change threads.
pub(crate) fn open(id: &str) -> Result<Camera, CameraError> {
    if !list().iter().any(|c| c.id == id) {
        return Err(CameraError::NotFound(id.to_owned()));
    }
    let index = id
        .parse()
        .map_or_else(|_| CameraIndex::String(id.to_owned()), CameraIndex::Index);
    let (tell, told) = mpsc::sync_channel(1);
    let mut camera = Camera::start("camera", (0, 0), move |slot, control| match start(index) {
        Ok((device, first)) => {
            let _ = tell.send(Ok(first.size()));
            put(slot, first);
            run(device, slot, control)
        }
        Err(error) => {
            let _ = tell.send(Err(error));
            End::Failed
        }
    });
    // A driver may never come back from a read: nobody waits for its thread.
    camera.detach();
    match told.recv_timeout(FIRST_PICTURE) {
        Ok(size) => camera.set_size(size?),
        Err(_) => return Err(CameraError::Failed("no picture came".into())),
    }
    Ok(camera)
}

fn start(index: CameraIndex) -> Result<(nokhwa::Camera, I420), CameraError> {
    let any = RequestedFormat::new::<RgbFormat>(RequestedFormatType::None);
    let mut device = nokhwa::Camera::new(index, any).map_err(why)?;
    let formats = device.compatible_camera_formats().map_err(why)?;
    let best = choose(&formats).ok_or(CameraError::Format)?;
    let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(best), &READABLE);
    device.set_camera_requset(exact).map_err(why)?;
    device.open_stream().map_err(why)?;
    let first = picture(&device.frame().map_err(why)?).ok_or(CameraError::Format)?;
    Ok((device, first))
}

fn run(mut device: nokhwa::Camera, slot: &Slot, control: &Control) -> End {
    let mut failures = 0;
    while !control.stopped() && failures < FAILURES {
        match device.frame().ok().as_ref().and_then(picture) {
            Some(picture) => {
                failures = 0;
                if !control.paused() {
                    put(slot, picture);
                }
            }
            None => failures += 1,
        }
    }
    let _ = device.stop_stream();
    if control.stopped() {
        return End::Stopped;
    }
    tracing::warn!("the camera gives no more pictures");
    End::Gone
}

fn put(slot: &Slot, picture: I420) {
    slot.put(Frame {
        picture: Arc::new(picture),
        captured: Instant::now(),
    });
}

/// What [`picture`] reads, cheapest first.
const READABLE: [FrameFormat; 4] = [
    FrameFormat::NV12,
    FrameFormat::YUYV,
    FrameFormat::MJPEG,
    FrameFormat::RAWRGB,
];

/// The format nearest to 720p at 30 fps: enough frames first, then size, then the cheaper encoding. Bigger than wanted
/// is worse than smaller, because the extra pixels would be thrown away.
fn choose(formats: &[CameraFormat]) -> Option<CameraFormat> {
    let (width, height, fps) = WANTED;
    let wanted = u64::from(width) * u64::from(height);
    let score = |f: &CameraFormat| {
        let pixels = u64::from(f.resolution().width()) * u64::from(f.resolution().height());
        let size = if pixels <= wanted {
            pixels
        } else {
            wanted.saturating_sub((pixels - wanted) / 4).max(1)
        };
        let place = READABLE
            .iter()
            .position(|r| *r == f.format())
            .unwrap_or(READABLE.len());
        (
            f.frame_rate().min(fps) / 12,
            size,
            f.frame_rate().min(fps),
            std::cmp::Reverse(place),
        )
    };
    formats
        .iter()
        .filter(|f| READABLE.contains(&f.format()))
        .max_by_key(|f| score(f))
        .copied()
}

/// Any readable buffer as I420; `None` for what is broken.
fn picture(buffer: &Buffer) -> Option<I420> {
    let (width, height) = (
        buffer.resolution().width() as usize,
        buffer.resolution().height() as usize,
    );
    let bytes = buffer.buffer();
    match buffer.source_frame_format() {
        FrameFormat::NV12 => I420::from_nv12(width, height, bytes).ok(),
        FrameFormat::YUYV => I420::from_yuyv(width, height, bytes).ok(),
        FrameFormat::RAWRGB => I420::from_rgb(width, height, bytes).ok(),
        FrameFormat::MJPEG => jpeg(bytes),
        _ => None,
    }
}

fn jpeg(bytes: &[u8]) -> Option<I420> {
    let options = DecoderOptions::default()
        .set_max_width(4096)
        .set_max_height(4096)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let rgb = decoder.decode().ok()?;
    let (width, height) = decoder.dimensions()?;
    I420::from_rgb(width, height, &rgb).ok()
}

/// nokhwa gives texts; the few words that tell people what to do are found in them.
fn why(error: NokhwaError) -> CameraError {
    let text = error.to_string();
    let lower = text.to_lowercase();
    if lower.contains("busy") || lower.contains("in use") {
        CameraError::Busy
    } else if lower.contains("permission")
        || lower.contains("denied")
        || lower.contains("not authorized")
    {
        CameraError::Denied
    } else {
        CameraError::Failed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nokhwa::utils::Resolution;

    fn format(width: u32, height: u32, kind: FrameFormat, fps: u32) -> CameraFormat {
        CameraFormat::new(Resolution::new(width, height), kind, fps)
    }

    #[test]
    fn fluent_720p_is_preferred_even_if_compressed() {
        let raw_slow = format(1280, 720, FrameFormat::YUYV, 10);
        let jpeg = format(1280, 720, FrameFormat::MJPEG, 30);
        let small = format(640, 480, FrameFormat::YUYV, 30);
        let huge = format(3840, 2160, FrameFormat::MJPEG, 30);
        assert_eq!(choose(&[raw_slow, small, jpeg, huge]), Some(jpeg));
    }

    #[test]
    fn raw_is_preferred_at_equal_size_and_rate() {
        let (raw, jpeg) = (
            format(1280, 720, FrameFormat::NV12, 30),
            format(1280, 720, FrameFormat::MJPEG, 30),
        );
        assert_eq!(choose(&[jpeg, raw]), Some(raw));
        assert_eq!(choose(&[format(1280, 720, FrameFormat::GRAY, 30)]), None);
    }

    #[test]
    fn a_camera_that_is_not_there_is_named() {
        assert!(
            matches!(open("no-such-camera"), Err(CameraError::NotFound(id)) if id == "no-such-camera")
        );
    }

    #[test]
    fn broken_pictures_are_none() {
        assert!(jpeg(b"\xff\xd8\xff\xe0 garbage").is_none());
        let short = Buffer::new(Resolution::new(640, 480), &[0; 10], FrameFormat::YUYV);
        assert!(picture(&short).is_none());
    }
}
