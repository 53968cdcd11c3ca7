//! A video stream of PipeWire as pictures. Runs PipeWire's loop on the capture thread.

use confab_capture::{Control, End, Frame, Slot};
use confab_picture::I420;
use pipewire as pw;
use pw::properties::properties;
use pw::spa::param::ParamType;
use pw::spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use pw::spa::param::video::{VideoFormat, VideoInfoRaw};
use pw::spa::pod::{self, Pod, Value};
use pw::spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Direction, Fraction, Rectangle, SpaTypes};
use pw::stream::{Stream, StreamFlags, StreamState};
use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// The longest sleep of the loop: how late the end is noticed.
const NAP: Duration = Duration::from_millis(100);
/// Longest side taken, pixels.
const MOST: u32 = 8192;

/// A stream to look at.
pub(super) struct Remote {
    /// The portal's own connection, which sees this stream only; none for the session's PipeWire.
    pub(super) fd: Option<OwnedFd>,
    pub(super) node: u32,
    /// Called when the capture ends.
    pub(super) close: Box<dyn FnOnce() + Send>,
}

/// What the callbacks leave for the loop.
#[derive(Default)]
struct Seen {
    format: VideoInfoRaw,
    fresh: Option<I420>,
    streaming: bool,
    end: Option<End>,
}

/// Fills the slot until the end. `tell` gets the first picture's size.
pub(super) fn run(
    remote: Remote,
    fps: u32,
    slot: &Slot,
    control: &Control,
    tell: SyncSender<(usize, usize)>,
) -> End {
    let Remote { fd, node, close } = remote;
    let end = watch(fd, node, fps, slot, control, tell).unwrap_or_else(|error| {
        tracing::warn!("the screen can't be read: {error}");
        End::Failed
    });
    close();
    end
}

fn watch(
    fd: Option<OwnedFd>,
    node: u32,
    fps: u32,
    slot: &Slot,
    control: &Control,
    tell: SyncSender<(usize, usize)>,
) -> Result<End, pw::Error> {
    pw::init();
    let main = pw::main_loop::MainLoopRc::new(None)?;
    let context = pw::context::ContextRc::new(&main, None)?;
    let core = match fd {
        Some(fd) => context.connect_fd_rc(fd, None)?,
        None => context.connect_rc(None)?,
    };
    let properties = properties! {
        *pw::keys::MEDIA_TYPE => "Video",
        *pw::keys::MEDIA_CATEGORY => "Capture",
        *pw::keys::MEDIA_ROLE => "Screen",
    };
    let stream = pw::stream::StreamRc::new(core, "confab-screen", properties)?;
    let seen = Rc::new(RefCell::new(Seen::default()));
    let _listener = stream
        .add_local_listener_with_user_data(Rc::clone(&seen))
        .state_changed(|_, seen, _, now| state(&mut seen.borrow_mut(), &now))
        .param_changed(|stream, seen, id, param| {
            if let (true, Some(param)) = (id == ParamType::Format.as_raw(), param) {
                format(stream, &mut seen.borrow_mut(), param);
            }
        })
        .process(|stream, seen| process(stream, &mut seen.borrow_mut()))
        .register()?;
    let wanted = bytes(wanted(fps));
    let mut params: Vec<&Pod> = wanted
        .as_deref()
        .and_then(Pod::from_bytes)
        .into_iter()
        .collect();
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::DONT_RECONNECT;
    stream.connect(Direction::Input, Some(node), flags, &mut params)?;

    let mut tell = Some(tell);
    let mut shown: Option<(Arc<I420>, Instant)> = None;
    while !control.stopped() {
        main.loop_().iterate(NAP);
        let mut seen = seen.borrow_mut();
        if let Some(end) = seen.end {
            return Ok(end);
        }
        let fresh = seen.fresh.take();
        drop(seen);
        let now = Instant::now();
        if let Some(picture) = fresh.filter(|_| !control.paused()) {
            if let Some(tell) = tell.take() {
                let _ = tell.send(picture.size());
            }
            shown = Some((Arc::new(picture), now));
        } else if let Some((_, at)) = &mut shown
            && at.elapsed() >= crate::REFRESH
        {
            // Whoever joins late has no other picture to begin with.
            *at = now;
        }
        if let Some((picture, at)) = &shown
            && *at == now
        {
            slot.put(Frame {
                picture: Arc::clone(picture),
                captured: now,
            });
        }
    }
    Ok(End::Stopped)
}

fn state(seen: &mut Seen, now: &StreamState) {
    tracing::debug!("screen stream: {now:?}");
    match now {
        StreamState::Streaming => seen.streaming = true,
        // The user ended it on the desktop's side, or the window was closed: the stream's other end is gone either way.
        StreamState::Error(_) | StreamState::Unconnected if seen.streaming => {
            seen.end = Some(End::Revoked);
        }
        StreamState::Error(why) => {
            tracing::warn!("the screen's stream failed: {why}");
            seen.end = Some(End::Failed);
        }
        _ => {}
    }
}

/// The other end has chosen a format, at the start or because a window was resized.
fn format(stream: &Stream, seen: &mut Seen, param: &Pod) {
    if seen.format.parse(param).is_err() {
        return;
    }
    // Memory we can read; graphics cards' buffers can't be.
    let kinds = (1 << pw::spa::sys::SPA_DATA_MemPtr) | (1 << pw::spa::sys::SPA_DATA_MemFd);
    let flags = ChoiceEnum::Flags {
        default: kinds,
        flags: vec![],
    };
    let buffers = bytes(pod::Object {
        type_: SpaTypes::ObjectParamBuffers.as_raw(),
        id: ParamType::Buffers.as_raw(),
        properties: vec![pod::Property::new(
            pw::spa::sys::SPA_PARAM_BUFFERS_dataType,
            Value::Choice(pod::ChoiceValue::Int(Choice(ChoiceFlags::empty(), flags))),
        )],
    });
    if let Some(pod) = buffers.as_deref().and_then(Pod::from_bytes)
        && let Err(error) = stream.update_params(&mut [pod])
    {
        tracing::debug!("buffers: {error}");
    }
}

/// Takes the newest picture that waits.
fn process(stream: &Stream, seen: &mut Seen) {
    while let Some(mut buffer) = stream.dequeue_buffer() {
        let Some(data) = buffer.datas_mut().first_mut() else {
            continue;
        };
        let chunk = data.chunk();
        let (start, length) = (chunk.offset() as usize, chunk.size() as usize);
        let stride = usize::try_from(chunk.stride()).unwrap_or(0);
        let size = seen.format.size();
        let (width, height) = (size.width as usize, size.height as usize);
        let stride = stride.max(4 * width);
        // An empty one only moves the pointer, which is drawn in already.
        let pixels = match data.data() {
            Some(all) if length > 0 => all.get(start..).unwrap_or_default(),
            _ => continue,
        };
        if let Ok(picture) = I420::from_bgra(width, height, pixels, stride) {
            seen.fresh = Some(picture);
        }
    }
}

/// The formats taken: blue, green, red and a spare byte; what every compositor gives.
fn wanted(fps: u32) -> pod::Object {
    let side = |length| Rectangle {
        width: length,
        height: length,
    };
    let rate = |num| Fraction { num, denom: 1 };
    pw::spa::pod::object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        pw::spa::pod::property!(FormatProperties::MediaType, Id, MediaType::Video),
        pw::spa::pod::property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
        pw::spa::pod::property!(
            FormatProperties::VideoFormat,
            Choice,
            Enum,
            Id,
            VideoFormat::BGRx,
            VideoFormat::BGRx,
            VideoFormat::BGRA
        ),
        pw::spa::pod::property!(
            FormatProperties::VideoSize,
            Choice,
            Range,
            Rectangle,
            side(1080),
            side(2),
            side(MOST)
        ),
        // Zero: when something changes.
        pw::spa::pod::property!(
            FormatProperties::VideoFramerate,
            Choice,
            Range,
            Fraction,
            rate(0),
            rate(0),
            rate(fps)
        ),
        pw::spa::pod::property!(
            FormatProperties::VideoMaxFramerate,
            Choice,
            Range,
            Fraction,
            rate(fps),
            rate(1),
            rate(fps)
        ),
    )
}

fn bytes(object: pod::Object) -> Option<Vec<u8>> {
    let into = std::io::Cursor::new(Vec::new());
    let done = pod::serialize::PodSerializer::serialize(into, &Value::Object(object)).ok()?;
    Some(done.0.into_inner())
}
