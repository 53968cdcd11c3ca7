//! Keeps a device open: on a thread of its own (streams of some systems may not change threads) it opens the wanted device or
//! the next best, notices when it fails, vanishes or stops being the best choice, and opens another.

use crate::device::Finder;
use crate::open;
use crate::ring::Ring;
use crate::{DeviceEvent, Direction, OpenError};
use cpal::ErrorKind;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often failure is looked for. Together with opening this stays well below two seconds.
const LOOK: Duration = Duration::from_millis(100);
/// Looks between asking the sound server for its devices, which is not free.
const LOOKS_PER_LIST: u32 = 10;
/// The same while another device stands in for the wanted one.
const LOOKS_PER_LIST_AWAY: u32 = 3;
/// A device whose callback has been silent for this long has died without a word. Bluetooth takes two seconds to begin.
const STALLED: Duration = Duration::from_secs(4);
/// Samples a ring holds, a second at 48 kHz; a reader or device that far behind loses what is newest (capture) or next (playback).
const RING_SAMPLES: usize = 2 * 48_000;
/// Events nobody fetched; the oldest are dropped.
const EVENTS: usize = 32;

/// What the device's callback, its keeper and its user share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Two sides at the device's rate, interleaved: whatever is pushed or popped is a whole number of pairs.
    pub(crate) ring: Ring,
    /// The device's rate, Hz; 0 while there is no device.
    pub(crate) rate: AtomicU32,
    /// The device's own channels.
    pub(crate) channels: AtomicU32,
    /// Rises with every device opened, so that the user starts its conversion anew.
    pub(crate) epoch: AtomicU64,
    /// Frames the device takes or gives in one callback, at the last one.
    pub(crate) burst: AtomicU32,
    /// Of a speaker: from the callback to the air, µs.
    pub(crate) latency: AtomicU32,
    /// Callbacks so far: a device that gives no more of them is dead.
    beats: AtomicU32,
    failed: AtomicBool,
    stop: AtomicBool,
    events: Mutex<VecDeque<DeviceEvent>>,
}

impl Shared {
    pub(crate) fn new() -> Shared {
        Shared {
            ring: Ring::new(RING_SAMPLES),
            rate: AtomicU32::new(0),
            channels: AtomicU32::new(0),
            epoch: AtomicU64::new(0),
            burst: AtomicU32::new(0),
            latency: AtomicU32::new(0),
            beats: AtomicU32::new(0),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            events: Mutex::new(VecDeque::new()),
        }
    }

    /// Called by the device's callback, which takes or gives this many frames.
    pub(crate) fn beat(&self, frames: usize) {
        self.burst.store(frames as u32, Ordering::Relaxed);
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Called by the device's error callback. A lost buffer, a refused priority or a stream the system has moved by itself leave
    /// the stream alive.
    pub(crate) fn error(&self, error: &cpal::Error) {
        let alive = matches!(
            error.kind(),
            ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged
        );
        if !alive {
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    fn tell(&self, event: DeviceEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == EVENTS {
            events.pop_front();
        }
        events.push_back(event);
    }

    pub(crate) fn poll_event(&self) -> Option<DeviceEvent> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }
}

/// The keeper of one microphone or speaker. Dropping it closes the device.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Opens the device; fails if neither it nor any other opens now.
    pub(crate) fn open(direction: Direction, wanted: Option<String>) -> Result<Keeper, OpenError> {
        let shared = Arc::new(Shared::new());
        let (tell, told) = mpsc::sync_channel(1);
        let theirs = Arc::clone(&shared);
        let name = match direction {
            Direction::Microphone => "microphone",
            Direction::Speaker => "speaker",
        };
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || keep(direction, wanted.as_deref(), &theirs, &tell))
            .map_err(OpenError::Thread)?;
        let keeper = Keeper {
            shared,
            thread: Some(thread),
        };
        // A keeper whose thread died without a word is dropped here, like one that failed.
        told.recv()
            .unwrap_or(Err(OpenError::Missing))
            .map(|()| keeper)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An open device.
struct Open {
    id: String,
    name: String,
    /// It is the one that was asked for.
    wanted: bool,
    /// The last callback seen, and when.
    beats: (u32, Instant),
    _stream: cpal::Stream,
}

impl Open {
    /// Whether its callback fell silent.
    fn stalled(&mut self, shared: &Shared) -> bool {
        let beats = shared.beats.load(Ordering::Relaxed);
        if beats != self.beats.0 {
            self.beats = (beats, Instant::now());
        }
        self.beats.1.elapsed() > STALLED
    }
}

fn keep(
    direction: Direction,
    wanted: Option<&str>,
    shared: &Arc<Shared>,
    tell: &mpsc::SyncSender<Result<(), OpenError>>,
) {
    let mut finder = Finder::new(direction, wanted);
    let mut open = match start(&mut finder, shared) {
        Ok(open) => Some(open),
        Err(error) => {
            let _ = tell.send(Err(error));
            return;
        }
    };
    let _ = tell.send(Ok(()));
    let mut looks = 0u32;
    while !shared.stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
        looks = looks.wrapping_add(1);
        let failed = shared.failed.swap(false, Ordering::Relaxed) && open.is_some();
        let stalled = open.as_mut().is_some_and(|o| o.stalled(shared));
        if stalled && let Some(dead) = &open {
            tracing::warn!("{} gives no sound and no error", dead.name);
            finder.refuse(dead.id.clone());
        }
        let dead = failed || stalled;
        let pause = match &open {
            Some(open) if open.wanted => LOOKS_PER_LIST,
            _ => LOOKS_PER_LIST_AWAY,
        };
        if !dead && !looks.is_multiple_of(pause) {
            continue;
        }
        let best = finder.best().map(|(info, _)| info.id);
        if !dead && open.as_ref().map(|o| &o.id) == best.as_ref() {
            continue;
        }
        if let Some(old) = open.take() {
            shared.rate.store(0, Ordering::Release);
            let name = old.name.clone();
            drop(old);
            if dead || best.is_none() {
                shared.tell(DeviceEvent::Lost { name });
            }
            if best.is_none() {
                shared.tell(DeviceEvent::None);
            }
        }
        open = start(&mut finder, shared).ok();
    }
}

/// Opens the best device, or the next best when one will not open.
fn start(finder: &mut Finder, shared: &Arc<Shared>) -> Result<Open, OpenError> {
    let mut last = OpenError::Missing;
    while let Some((info, device)) = finder.best() {
        match open::open(finder.direction(), &device, shared) {
            Ok((stream, rate)) => {
                shared.failed.store(false, Ordering::Relaxed);
                shared.epoch.fetch_add(1, Ordering::AcqRel);
                shared.rate.store(rate, Ordering::Release);
                shared.tell(DeviceEvent::Using {
                    id: info.id.clone(),
                    name: info.name.clone(),
                });
                return Ok(Open {
                    wanted: finder.is_wanted(&info),
                    id: info.id,
                    name: info.name,
                    beats: (shared.beats.load(Ordering::Relaxed), Instant::now()),
                    _stream: stream,
                });
            }
            Err(error) => {
                tracing::warn!("{} will not open: {error}", info.name);
                finder.refuse(info.id);
                shared.tell(DeviceEvent::Refused {
                    name: info.name,
                    fault: error.fault(),
                });
                last = error;
            }
        }
    }
    Err(last)
}
