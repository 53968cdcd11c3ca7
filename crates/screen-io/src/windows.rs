//! Windows: Windows.Graphics.Capture, which draws the cursor in, follows resized windows and puts the system's border around
//! what is shared. Written against windows-capture 2.0.1; it has not been run by us.

use crate::mailbox::Mailbox;
use crate::{
    Border, Ink, Kind, Overlay, Screen, ScreenError, ScreenOptions, ScreenSpec, Source, bare,
};
use confab_capture::End;
use confab_picture::I420;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;
use windows_capture::capture::{CaptureControl, Context, GraphicsCaptureApiHandler};
use windows_capture::frame::Frame;
use windows_capture::graphics_capture_api::{GraphicsCaptureApi, InternalCaptureControl};
use windows_capture::monitor::Monitor;
use windows_capture::settings::{
    ColorFormat, CursorCaptureSettings, DirtyRegionSettings, DrawBorderSettings,
    GraphicsCaptureItemType, MinimumUpdateIntervalSettings, SecondaryWindowSettings, Settings,
};
use windows_capture::window::Window;

/// The first picture comes at once, even of a still screen.
const FIRST_PICTURE: Duration = Duration::from_secs(3);
/// Windows with a shorter side are no windows people share.
const SMALL: i32 = 32;

fn failed(e: impl std::fmt::Display) -> ScreenError {
    ScreenError::Failed(e.to_string())
}

pub(crate) fn possible() -> bool {
    true
}

pub(crate) fn sources() -> Result<Vec<Source>, ScreenError> {
    let primary = Monitor::primary().ok();
    let mut all = Vec::new();
    for monitor in Monitor::enumerate().map_err(failed)? {
        let device = monitor.device_name().map_err(failed)?;
        all.push(Source {
            title: monitor.name().unwrap_or_else(|_| device.clone()),
            id: format!("display:{device}"),
            kind: Kind::Display,
            size: (
                monitor.width().unwrap_or(0) as usize & !1,
                monitor.height().unwrap_or(0) as usize & !1,
            ),
            primary: primary == Some(monitor),
        });
    }
    // Enumeration is from the topmost window down.
    let windows = Window::enumerate().map_err(failed)?;
    all.extend(windows.into_iter().filter_map(describe));
    Ok(all)
}

/// `None`: not a window people would share, or our own.
fn describe(window: Window) -> Option<Source> {
    let title = window.title().ok().filter(|t| !t.is_empty())?;
    let (width, height) = (window.width().ok()?, window.height().ok()?);
    let ours = window.process_id().ok() == Some(std::process::id());
    (!ours && width.min(height) >= SMALL).then(|| Source {
        id: format!("window:{:#x}", window.as_raw_hwnd() as usize),
        kind: Kind::Window,
        title,
        size: (width as usize & !1, height as usize & !1),
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
    let (mailbox, control) = start(spec, &options)?;
    let first = mailbox.first(FIRST_PICTURE);
    let _ = control.stop();
    first.ok_or_else(|| failed("no picture came"))
}

pub(crate) fn open(spec: &ScreenSpec, options: &ScreenOptions) -> Result<Screen, ScreenError> {
    let (mailbox, capture) = start(spec, options)?;
    let Some(first) = mailbox.first(FIRST_PICTURE) else {
        let _ = capture.stop();
        return Err(failed("no picture came"));
    };
    Ok(Screen::start(
        "screen",
        first.size(),
        move |slot, control| {
            let end = mailbox.run(slot, control);
            if let Err(error) = capture.stop() {
                tracing::warn!("the capture could not be stopped in order: {error}");
            }
            end
        },
    ))
}

type Running = CaptureControl<Eye, String>;

fn start(
    spec: &ScreenSpec,
    options: &ScreenOptions,
) -> Result<(Arc<Mailbox>, Running), ScreenError> {
    if !GraphicsCaptureApi::is_supported().unwrap_or(false) {
        return Err(ScreenError::Unsupported);
    }
    let mailbox = Arc::new(Mailbox::default());
    let running = match spec {
        ScreenSpec::Display(id) => {
            let monitors = Monitor::enumerate().map_err(failed)?;
            let monitor = monitors
                .into_iter()
                .find(|m| m.device_name().is_ok_and(|name| name == bare(id)))
                .ok_or_else(|| ScreenError::NotFound(id.clone()))?;
            begin(monitor, options, &mailbox)
        }
        ScreenSpec::Window(id) => {
            let handle = bare(id)
                .strip_prefix("0x")
                .and_then(|hex| usize::from_str_radix(hex, 16).ok());
            let window = handle
                .map(|handle| Window::from_raw_hwnd(handle as *mut c_void))
                .filter(Window::is_valid)
                .ok_or_else(|| ScreenError::NotFound(id.clone()))?;
            begin(window, options, &mailbox)
        }
        ScreenSpec::Pattern => return Err(ScreenError::Unsupported),
    }?;
    Ok((mailbox, running))
}

/// Older Windows refuse to be asked for what they can't do, so each wish is asked about first.
fn begin<T: TryInto<GraphicsCaptureItemType> + Send + 'static>(
    item: T,
    options: &ScreenOptions,
    mailbox: &Arc<Mailbox>,
) -> Result<Running, ScreenError> {
    let cursor = match GraphicsCaptureApi::is_cursor_settings_supported() {
        Ok(true) if options.cursor => CursorCaptureSettings::WithCursor,
        Ok(true) => CursorCaptureSettings::WithoutCursor,
        _ => CursorCaptureSettings::Default,
    };
    let pace = match GraphicsCaptureApi::is_minimum_update_interval_supported() {
        Ok(true) => MinimumUpdateIntervalSettings::Custom(Duration::from_secs(1) / options.fps),
        _ => MinimumUpdateIntervalSettings::Default,
    };
    Eye::start_free_threaded(Settings::new(
        item,
        cursor,
        DrawBorderSettings::Default,
        SecondaryWindowSettings::Default,
        pace,
        DirtyRegionSettings::Default,
        ColorFormat::Bgra8,
        Arc::clone(mailbox),
    ))
    .map_err(failed)
}

/// Called on the capture's own thread.
struct Eye(Arc<Mailbox>);

impl GraphicsCaptureApiHandler for Eye {
    type Flags = Arc<Mailbox>;
    type Error = String;

    fn new(context: Context<Arc<Mailbox>>) -> Result<Eye, String> {
        Ok(Eye(context.flags))
    }

    fn on_frame_arrived(
        &mut self,
        frame: &mut Frame,
        _: InternalCaptureControl,
    ) -> Result<(), String> {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let mut buffer = frame.buffer().map_err(|e| e.to_string())?;
        let stride = buffer.row_pitch() as usize;
        if let Ok(picture) = I420::from_bgra(width, height, buffer.as_raw_buffer(), stride) {
            self.0.put(picture);
        }
        Ok(())
    }

    /// The window was closed, or the monitor is gone.
    fn on_closed(&mut self) -> Result<(), String> {
        self.0.end(End::Closed);
        Ok(())
    }
}
