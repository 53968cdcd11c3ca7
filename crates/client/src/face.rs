//! What goes into a client and what comes out of it.

use crate::link::MeetingLink;
use crate::socket::{SessionCookie, TlsError, Trust};
use crate::stats::StatsLine;
use confab_base::{Bitrate, TrackId, VideoCodec};
use confab_pipeline::{MediaOptions, VideoSinks};
use confab_protocol::{CallDevice, ClientKind, Code, DeviceChange, Sequenced};
use confab_session::{Action, MediaPhase, Notice, Phase};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Everything a participant is told before it joins.
pub struct ClientOptions {
    pub link: MeetingLink,
    /// Display name, 1 to [`confab_protocol::MAX_NAME`] characters.
    pub name: String,
    pub kind: ClientKind,
    pub trust: Trust,
    /// Who is signed in on the server; `None`: a guest.
    pub session: Option<SessionCookie>,
    /// Microphone, speaker, camera and screen.
    pub media: MediaOptions,
    /// Makes a place to show for each remote video.
    pub sinks: Box<dyn VideoSinks>,
    /// Remote videos are asked for at this height at most, pixels.
    pub max_height: u16,
    /// Remote videos at a time, at most [`crate::MAX_VIDEO_SLOTS`].
    pub max_videos: usize,
    /// What to save of data, until [`Command::Save`] says otherwise.
    pub saving: Saving,
    /// Video codecs the others may send, best first: some or all of [`confab_pipeline::CAN_DECODE`].
    pub decodes: Vec<VideoCodec>,
    /// Unmute every source there is after joining.
    pub unmuted: bool,
    /// Name and version of the program, for the server's log.
    pub agent: String,
    /// Called after every change of [`crate::ClientHandle::state`], on the client's thread: must be quick.
    pub on_change: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Switches for tests.
    pub test: TestSwitches,
}

impl ClientOptions {
    /// A participant that receives everything and sends nothing; set `media` for more.
    pub fn new(link: MeetingLink, name: impl Into<String>) -> ClientOptions {
        ClientOptions {
            link,
            name: name.into(),
            kind: ClientKind::Headless,
            trust: Trust::default(),
            session: None,
            media: MediaOptions::default(),
            sinks: Box::new(confab_pipeline::NoSinks),
            max_height: 720,
            max_videos: crate::MAX_VIDEO_SLOTS,
            saving: Saving::default(),
            decodes: confab_pipeline::CAN_DECODE.to_vec(),
            unmuted: true,
            agent: format!("confab-headless {}", env!("CARGO_PKG_VERSION")),
            on_change: None,
            test: TestSwitches::default(),
        }
    }
}

impl std::fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions")
            .field("link", &self.link)
            .field("name", &self.name)
            .field("media", &self.media)
            .finish_non_exhaustive()
    }
}

/// Faults a test can switch on and off while the client runs. Everything is off by default.
#[derive(Clone, Debug, Default)]
pub struct TestSwitches {
    inner: Arc<Switches>,
}

#[derive(Debug, Default)]
struct Switches {
    send_while_muted: AtomicBool,
    block_udp: AtomicBool,
    cut: AtomicBool,
    /// Thousandths.
    loss: AtomicU32,
    seed: AtomicU64,
}

impl TestSwitches {
    /// Media goes out although the source is muted, to prove that the server drops it.
    pub fn set_send_while_muted(&self, on: bool) {
        self.inner.send_while_muted.store(on, Ordering::Relaxed);
    }

    pub fn send_while_muted(&self) -> bool {
        self.inner.send_while_muted.load(Ordering::Relaxed)
    }

    /// No UDP datagram passes, either way.
    pub fn set_block_udp(&self, on: bool) {
        self.inner.block_udp.store(on, Ordering::Relaxed);
    }

    pub fn block_udp(&self) -> bool {
        self.inner.block_udp.load(Ordering::Relaxed)
    }

    /// Nothing passes, either way: no media, and signaling neither reads nor writes, as if the cable were out.
    pub fn set_cut(&self, on: bool) {
        self.inner.cut.store(on, Ordering::Relaxed);
    }

    /// This share of UDP datagrams is lost, each by itself, on the way out and on the way in. `seed` tells which.
    pub fn set_loss(&self, share: f32, seed: u64) {
        self.inner.seed.store(seed, Ordering::Relaxed);
        let thousandths = (share.clamp(0.0, 1.0) * 1000.0) as u32;
        self.inner.loss.store(thousandths, Ordering::Relaxed);
    }

    /// Whether the `n`th datagram of a peer connection is lost (the finalizer of splitmix64 over its number).
    pub(crate) fn loses(&self, n: u64) -> bool {
        let loss = u64::from(self.inner.loss.load(Ordering::Relaxed));
        if loss == 0 {
            return false;
        }
        let mut x = self.inner.seed.load(Ordering::Relaxed) ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ x >> 31) % 1000 < loss
    }

    pub fn cut(&self) -> bool {
        self.inner.cut.load(Ordering::Relaxed)
    }
}

/// What a person can tell the client to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Anything in the meeting. For [`Action::Chat`] see [`Command::Chat`].
    Act(Action),
    /// Say something in the chat; the client draws the message's unique id.
    Chat(String),
    /// Show remote videos at this height at most from now on.
    MaxHeight(u16),
    /// Receive these remote videos and no others from now on, most important first.
    Show(Vec<Shown>),
    /// The pipeline's sources are other ones now: publish what can be published.
    SourcesChanged,
    /// Send and be sent no more than this from now on.
    Save(Saving),
    /// Something happened to a device, for the record of how the call went.
    Device {
        device: CallDevice,
        change: DeviceChange,
    },
}

/// What somebody who pays for data wants. Sound goes whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saving {
    /// Send the camera no larger than 360p.
    pub small_camera: bool,
    /// The most to be sent, everything together, and the most to be received; `None`: what the link carries.
    pub up: Option<Bitrate>,
    /// Less than [`confab_protocol::MIN_VIEW_BITRATE`] counts as that.
    pub down: Option<Bitrate>,
}

/// A remote video that is on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub track: TrackId,
    /// Rows it is drawn at; 0: hidden, and not received.
    pub height: u16,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The session entered another phase.
    Phase(Phase),
    /// The peer connection of this generation is up or is being made.
    Media {
        phase: MediaPhase,
        generation: u32,
    },
    /// Something happened in the room.
    Room(Sequenced),
    Notice(Notice),
    /// A second's statistics.
    Stats(Vec<StatsLine>),
    /// Over; nothing more will come. No code: left by its own will.
    Ended(Option<Code>),
}

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("--insecure is for this machine and private networks only, not for {0}")]
    InsecureHost(String),
    #[error(transparent)]
    Media(#[from] confab_pipeline::PipelineError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}
