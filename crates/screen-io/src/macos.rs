//! macOS 12.3 and later: ScreenCaptureKit, which asks for the permission by itself, once, and draws the cursor in. A resized window
//! is scaled into the size it had when it was opened. Written against screencapturekit 11.1.2; it has not been run by us.

use crate::mailbox::Mailbox;
use crate::{
    Border, Ink, Kind, Overlay, Screen, ScreenError, ScreenOptions, ScreenSpec, Source, bare,
};
use confab_capture::End;
use confab_picture::I420;
use screencapturekit::cm::SCFrameStatus;
use screencapturekit::cv::CVPixelBufferLockFlags;
use screencapturekit::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// The first picture comes at once, even of a still screen.
const FIRST_PICTURE: Duration = Duration::from_secs(3);
/// Windows with a shorter side are no windows people share.
const SMALL: f64 = 32.0;

fn why(error: SCError) -> ScreenError {
    match error {
        SCError::PermissionDenied(_) => ScreenError::Denied,
        other => ScreenError::Failed(other.to_string()),
    }
}

fn content() -> Result<SCShareableContent, ScreenError> {
    SCShareableContent::create()
        .with_on_screen_windows_only(true)
        .with_exclude_desktop_windows(true)
        .get()
        .map_err(why)
}

pub(crate) fn possible() -> bool {
    true
}

pub(crate) fn sources() -> Result<Vec<Source>, ScreenError> {
    let content = content()?;
    let mut all: Vec<Source> = content
        .displays()
        .iter()
        .enumerate()
        .map(|(n, display)| Source {
            id: format!("display:{}", display.display_id()),
            kind: Kind::Display,
            title: format!("{}", n + 1),
            size: (
                display.width() as usize & !1,
                display.height() as usize & !1,
            ),
            primary: n == 0,
        })
        .collect();
    all.extend(content.windows().iter().filter_map(describe));
    Ok(all)
}

/// `None`: not a window people would share, or our own.
fn describe(window: &SCWindow) -> Option<Source> {
    let title = window.title().filter(|t| !t.is_empty())?;
    let owner = window.owning_application()?;
    let size = window.frame().size;
    let ours = u32::try_from(owner.process_id()) == Ok(std::process::id());
    let shown = window.window_layer() == 0 && size.width.min(size.height) >= SMALL;
    (shown && !ours).then(|| Source {
        id: format!("window:{:#x}", window.window_id()),
        kind: Kind::Window,
        title: format!("{} – {title}", owner.application_name()),
        size: (size.width as usize & !1, size.height as usize & !1),
        primary: false,
    })
}

/// The system marks what is shared by itself.
pub(crate) fn border(_: &ScreenSpec, _: u32) -> Option<Border> {
    None
}

pub(crate) fn overlay(_: &ScreenSpec, _: &Ink) -> Option<Overlay> {
    None
}

pub(crate) fn picture(spec: &ScreenSpec) -> Result<I420, ScreenError> {
    let options = ScreenOptions {
        cursor: false,
        ..ScreenOptions::default()
    };
    let (mailbox, stream) = start(spec, &options)?;
    let first = mailbox.first(FIRST_PICTURE);
    let _ = stream.stop_capture();
    first.ok_or_else(|| ScreenError::Failed("no picture came".into()))
}

pub(crate) fn open(spec: &ScreenSpec, options: &ScreenOptions) -> Result<Screen, ScreenError> {
    let (mailbox, stream) = start(spec, options)?;
    let Some(first) = mailbox.first(FIRST_PICTURE) else {
        let _ = stream.stop_capture();
        return Err(ScreenError::Failed("no picture came".into()));
    };
    Ok(Screen::start(
        "screen",
        first.size(),
        move |slot, control| {
            let end = mailbox.run(slot, control);
            if let Err(error) = stream.stop_capture() {
                tracing::debug!("the capture had ended already: {error}");
            }
            end
        },
    ))
}

fn start(
    spec: &ScreenSpec,
    options: &ScreenOptions,
) -> Result<(Arc<Mailbox>, SCStream), ScreenError> {
    let content = content()?;
    let (filter, end) = match spec {
        ScreenSpec::Display(id) => {
            let displays = content.displays();
            let display = displays
                .iter()
                .find(|d| d.display_id().to_string() == bare(id))
                .ok_or_else(|| ScreenError::NotFound(id.clone()))?;
            let filter = SCContentFilter::create()
                .with_display(display)
                .with_excluding_windows(&[]);
            (filter.build().map_err(why)?, End::Gone)
        }
        ScreenSpec::Window(id) => {
            let windows = content.windows();
            let window = windows
                .iter()
                .find(|w| format!("{:#x}", w.window_id()) == bare(id))
                .ok_or_else(|| ScreenError::NotFound(id.clone()))?;
            let filter = SCContentFilter::create().with_window(window);
            (filter.build().map_err(why)?, End::Closed)
        }
        ScreenSpec::Pattern => return Err(ScreenError::Unsupported),
    };
    // Points into pixels.
    let scale = f64::from(filter.point_pixel_scale());
    let size = filter.content_rect().size;
    let pixels = |points: f64| (points * scale).clamp(2.0, 8192.0) as u32 & !1;
    let step = i32::try_from(options.fps).unwrap_or(15);
    let configuration = SCStreamConfiguration::new()
        .with_width(pixels(size.width))
        .with_height(pixels(size.height))
        .with_pixel_format(PixelFormat::BGRA)
        .with_shows_cursor(options.cursor)
        .with_minimum_frame_interval(&CMTime::new(1, step));
    let mailbox = Arc::new(Mailbox::default());
    let (put, told) = (Arc::clone(&mailbox), Arc::clone(&mailbox));
    let stopped = ErrorHandler::new(move |error: SCError| {
        tracing::info!("the system ended the capture: {error}");
        told.end(end);
    });
    let mut stream = SCStream::new_with_delegate(&filter, &configuration, stopped).map_err(why)?;
    stream
        .add_output_handler(
            move |sample: CMSampleBuffer, _: SCStreamOutputType| {
                if let Some(picture) = read(&sample) {
                    put.put(picture);
                }
            },
            SCStreamOutputType::Screen,
        )
        .map_err(why)?;
    stream.start_capture().map_err(why)?;
    Ok((mailbox, stream))
}

/// `None` where nothing changed, or nothing can be read.
fn read(sample: &CMSampleBuffer) -> Option<I420> {
    if sample.frame_status() != Some(SCFrameStatus::Complete) {
        return None;
    }
    let buffer = sample.pixel_buffer()?;
    let pixels = buffer.lock(CVPixelBufferLockFlags::READ_ONLY).ok()?;
    let (width, height, stride) = (pixels.width(), pixels.height(), pixels.bytes_per_row());
    // SAFETY: the buffer is locked for reading until `pixels` goes, and ScreenCaptureKit does not write to a buffer that it has
    // handed out; the slice is copied from before the lock ends.
    let bytes = unsafe { pixels.as_slice() }?;
    I420::from_bgra(width, height, bytes, stride).ok()
}
