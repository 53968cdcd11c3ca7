//! One stream on its way to the page: the newest picture or a short queue of access units, and when to ask for a key frame.

use super::wire::{FIRST_OWN, Header, Kind, OWN_SCREEN};
use crate::sink::KeyframeAsk;
use confab_base::{Duration, Time};
use confab_picture::I420;
use std::collections::VecDeque;
use std::sync::Arc;

/// Between two requests for a key frame of one stream: doubles while they are needed again and again.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(500);
const ASK_AGAIN_MOST: Duration = Duration::from_secs(4);
/// After so long without a request the next ones are quick again.
const ASK_FORGIVEN: Duration = Duration::from_secs(8);
/// Our own pictures come at most this often; a little under 1/30 and 1/15 s, so that an even source loses none.
const OWN_CAMERA_PAUSE: Duration = Duration::from_millis(30);
const OWN_SCREEN_PAUSE: Duration = Duration::from_millis(60);

/// An access unit that is due.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) kind: Kind,
    pub(crate) keyframe: bool,
    pub(crate) timestamp: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) ready: Time,
}

/// The newest picture of a stream.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    pub(super) picture: Arc<I420>,
    pub(super) timestamp: u32,
    pub(super) ready: Time,
    /// Not sent yet.
    pub(super) fresh: bool,
}

/// What is to be sent, with everything of the header but the times.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) stream: u32,
    pub(crate) number: u32,
    pub(crate) timestamp: u32,
    pub(crate) ready: Time,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Unit {
        kind: Kind,
        keyframe: bool,
        data: Vec<u8>,
    },
    /// To be brought to this size.
    Picture {
        picture: Arc<I420>,
        width: u16,
        height: u16,
    },
}

impl Next {
    /// The header; `size` of a picture as it is sent, `now` and `wall` the same moment on both clocks.
    pub(crate) fn header(&self, size: (u16, u16), now: Time, wall: u64) -> Header {
        let waited = now.since(self.ready).as_micros();
        let (kind, keyframe) = match self.body {
            Body::Unit { kind, keyframe, .. } => (kind, keyframe),
            Body::Picture { .. } => (Kind::I420, true),
        };
        Header {
            kind,
            keyframe,
            stream: self.stream,
            number: self.number,
            timestamp: self.timestamp,
            width: size.0,
            height: size.1,
            waited: u32::try_from(waited).unwrap_or(u32::MAX),
            ready: wall.saturating_sub(waited as u64),
        }
    }
}

/// Counters of one stream since it was first heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Handed to the page.
    pub sent: u64,
    pub sent_bytes: u64,
    /// Left out because the page was behind or needed a key frame.
    pub dropped: u64,
    pub keyframe_requests: u64,
    /// Waiting now.
    pub waiting: usize,
    pub credit: u32,
    pub shown: bool,
}

/// One stream: its source, what the page wants of it, and what waits.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Whose sink it is, and how to ask for a key frame.
    pub(super) source: Option<(u64, Option<KeyframeAsk>)>,
    pub(super) shown: Option<(u16, u16)>,
    pub(super) credit: u32,
    pub(super) number: u32,
    pub(super) units: VecDeque<Unit>,
    pub(super) bytes: usize,
    /// The next unit must be a key frame.
    pub(super) keyframe_needed: bool,
    pub(super) newest: Option<Newest>,
    pub(super) not_before: Time,
    pub(super) last_ask: Option<Time>,
    pub(super) pause: Duration,
    pub(super) stats: StreamStats,
}

impl Lane {
    /// Drops waiting units; returns their bytes.
    pub(super) fn drop_units(&mut self) -> usize {
        self.stats.dropped += self.units.len() as u64;
        self.units.clear();
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn clear(&mut self) -> usize {
        self.newest = None;
        self.drop_units()
    }

    pub(super) fn start_anew(&mut self) -> usize {
        self.keyframe_needed = true;
        self.drop_units()
    }

    pub(super) fn hide(&mut self) -> usize {
        self.shown = None;
        self.credit = 0;
        // Without a key frame's request the newest picture is of no use later; our own costs nothing to keep.
        if self.source.as_ref().is_none_or(|s| s.1.is_some()) {
            self.newest = None;
        }
        self.start_anew()
    }

    pub(super) fn fresh_picture(&self) -> bool {
        self.newest.as_ref().is_some_and(|n| n.fresh)
    }

    pub(super) fn ready(&self, now: Time) -> bool {
        let picture = self.fresh_picture() && now >= self.not_before;
        self.shown.is_some() && self.credit > 0 && (picture || !self.units.is_empty())
    }

    pub(super) fn take(&mut self, stream: u32, now: Time) -> Option<(Next, usize)> {
        let (width, height) = self.shown?;
        let (next, bytes) = if let Some(unit) = self.units.pop_front() {
            self.bytes -= unit.data.len();
            let bytes = unit.data.len();
            let next = Next {
                stream,
                number: self.number,
                timestamp: unit.timestamp,
                ready: unit.ready,
                body: Body::Unit {
                    kind: unit.kind,
                    keyframe: unit.keyframe,
                    data: unit.data,
                },
            };
            (next, bytes)
        } else {
            let newest = self.newest.as_mut()?;
            newest.fresh = false;
            if stream >= FIRST_OWN {
                self.not_before = now
                    + match stream {
                        OWN_SCREEN => OWN_SCREEN_PAUSE,
                        _ => OWN_CAMERA_PAUSE,
                    };
            }
            let picture = newest.picture.clone();
            let body = Body::Picture {
                picture,
                width,
                height,
            };
            let next = Next {
                stream,
                number: self.number,
                timestamp: newest.timestamp,
                ready: newest.ready,
                body,
            };
            (next, 0)
        };
        self.number = self.number.wrapping_add(1);
        self.credit -= 1;
        self.stats.sent += 1;
        self.stats.sent_bytes += bytes as u64;
        Some((next, bytes))
    }

    /// A page that can't take anything needs no key frame either.
    fn waits_for_keyframe(&self) -> bool {
        let can_ask = self.source.as_ref().is_some_and(|s| s.1.is_some());
        self.keyframe_needed
            && can_ask
            && self.shown.is_some()
            && self.credit > 0
            && self.newest.is_none()
    }

    pub(super) fn ask_if_needed(&mut self, now: Time) -> Option<KeyframeAsk> {
        if !self.waits_for_keyframe() {
            return None;
        }
        match self.last_ask {
            Some(at) if now < at + self.pause => return None,
            Some(at) if now.since(at) < ASK_FORGIVEN => {
                self.pause = (self.pause * 2).min(ASK_AGAIN_MOST);
            }
            _ => self.pause = ASK_AGAIN,
        }
        self.last_ask = Some(now);
        self.stats.keyframe_requests += 1;
        self.source.as_ref()?.1.clone()
    }

    pub(super) fn wakeup(&self) -> Option<Time> {
        let again = || Some(self.last_ask? + self.pause);
        if self.waits_for_keyframe() {
            return again();
        }
        let paced = self.shown.is_some() && self.credit > 0 && self.fresh_picture();
        paced.then_some(self.not_before)
    }
}
