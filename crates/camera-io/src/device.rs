//! The system's cameras through nokhwa: Video4Linux, AVFoundation, Media Foundation. nokhwa's own decoder of compressed
//! pictures is switched off (it builds a C library); MJPEG, which many cameras need for 720p at 30 fps, is decoded here.

use crate::choose::{READABLE, choose};
use crate::names::{Named, name};
use crate::{Camera, CameraError, CameraInfo, CameraOptions};
use confab_capture::{Control, End, Frame, Slot};
use confab_picture::I420;
use nokhwa::pixel_format::RgbFormat;
use nokhwa::utils::{ApiBackend, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use nokhwa::{Buffer, NokhwaError};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

/// How long a camera may take until its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(5);
/// How long a busy camera is waited for, and between two tries. The one before lets go after its next picture.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);
/// Pictures in a row that may fail before the camera counts as gone.
const FAILURES: u32 = 30;

fn cameras() -> Vec<Named> {
    let found = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    name(&found, Path::new("/"))
}

pub(crate) fn list() -> Vec<CameraInfo> {
    let info = |camera: Named| CameraInfo {
        id: camera.id,
        name: camera.name,
    };
    cameras().into_iter().map(info).collect()
}

/// Opens a camera. One that is busy may still be in the hands of the thread that used it before, which nobody waited for.
pub(crate) fn open(id: &str, options: &CameraOptions) -> Result<Camera, CameraError> {
    patiently(PATIENCE, || open_once(id, options))
}

/// Tries until the device is free or `patience` is over.
fn patiently<T>(
    patience: Duration,
    mut open: impl FnMut() -> Result<T, CameraError>,
) -> Result<T, CameraError> {
    let begun = Instant::now();
    loop {
        match open() {
            Err(CameraError::Busy) if begun.elapsed() < patience => std::thread::sleep(PAUSE),
            opened => return opened,
        }
    }
}

/// Opens on the camera's own thread, because handles of some systems may not change threads.
fn open_once(id: &str, options: &CameraOptions) -> Result<Camera, CameraError> {
    let index = cameras()
        .into_iter()
        .find(|c| c.id == id)
        .map(|c| c.index)
        .ok_or_else(|| CameraError::NotFound(id.to_owned()))?;
    let (tell, told) = mpsc::sync_channel(1);
    let options = *options;
    let mut camera = Camera::start("camera", (0, 0), move |slot, control| {
        match start(index, &options) {
            Ok((device, first)) => {
                let _ = tell.send(Ok(first.size()));
                put(slot, first);
                run(device, slot, control)
            }
            Err(error) => {
                let _ = tell.send(Err(error));
                End::Failed
            }
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

fn start(
    index: CameraIndex,
    options: &CameraOptions,
) -> Result<(nokhwa::Camera, I420), CameraError> {
    let any = RequestedFormat::new::<RgbFormat>(RequestedFormatType::None);
    let mut device = nokhwa::Camera::new(index, any).map_err(why)?;
    let formats = device.compatible_camera_formats().map_err(why)?;
    let best = choose(&formats, options).ok_or(CameraError::Format)?;
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

/// A JPEG picture of at most 4096 pixels a side; a row or column too much for I420 is left out.
pub fn jpeg(bytes: &[u8]) -> Option<I420> {
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
    use confab_base::DeviceFault;
    use nokhwa::utils::Resolution;

    #[test]
    fn busy_and_forbidden_cameras_are_told_apart() {
        let open = |text: &str| {
            why(NokhwaError::OpenDeviceError(
                "/dev/video0".into(),
                text.into(),
            ))
        };
        assert!(matches!(
            open("Device or resource busy (os error 16)"),
            CameraError::Busy
        ));
        assert!(matches!(
            open("Permission denied (os error 13)"),
            CameraError::Denied
        ));
        let other = open("Input/output error (os error 5)");
        assert!(matches!(&other, CameraError::Failed(_)));
        assert_eq!(other.fault(), DeviceFault::Failed);
    }

    #[test]
    fn a_camera_that_is_not_there_is_named() {
        assert!(
            matches!(open("no-such-camera", &CameraOptions::default()), Err(CameraError::NotFound(id)) if id == "no-such-camera")
        );
    }

    #[test]
    fn a_busy_camera_is_tried_again_and_other_trouble_is_not() {
        let mut tries = 0;
        let opened = patiently(Duration::from_secs(60), || {
            tries += 1;
            match tries {
                3 => Ok(tries),
                _ => Err(CameraError::Busy),
            }
        });
        assert!(matches!(opened, Ok(3)));
        let mut tries = 0;
        let refused: Result<(), _> = patiently(Duration::from_secs(60), || {
            tries += 1;
            Err(CameraError::Denied)
        });
        assert!(matches!(refused, Err(CameraError::Denied)) && tries == 1);
        let busy: Result<(), _> = patiently(Duration::ZERO, || Err(CameraError::Busy));
        assert!(matches!(busy, Err(CameraError::Busy)));
    }

    #[test]
    fn broken_pictures_are_none() {
        assert!(jpeg(b"\xff\xd8\xff\xe0 garbage").is_none());
        let short = Buffer::new(Resolution::new(640, 480), &[0; 10], FrameFormat::YUYV);
        assert!(picture(&short).is_none());
    }
}
