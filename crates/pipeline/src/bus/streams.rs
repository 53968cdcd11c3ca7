//! What waits for the page, stream by stream: who is on screen, how many pictures the page can take, and which one comes
//! next. Pure: the media threads put pictures in, the bus thread takes them out, and both tell the time.
//!
//! Latest wins. For pictures that is one slot, overwritten. Access units build upon each other, so there a short queue is
//! kept, and when the page falls behind it is thrown away whole: what follows is a key frame, never a unit whose reference
//! was dropped. A stream that is hidden, or whose page is gone, holds nothing.

use super::lane::{ASK_AGAIN, Lane, Newest, Next, StreamStats, Unit};
use super::wire::{FIRST_OWN, FromPage, MAX_CREDIT, Mode, Shown};
use crate::sink::{KeyframeAsk, Needs};
use confab_base::{Time, VideoCodec};
use confab_picture::I420;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Units of one stream that wait while the page has no credit: a quarter of a second, longer than a page's hiccup.
const MAX_UNITS: usize = 8;
/// Bytes of one stream's waiting units; a single larger one may wait alone.
const MAX_STREAM_BYTES: usize = 1 << 20;
/// Bytes of all waiting units.
const MAX_BYTES: usize = 16 << 20;

/// All streams of one bus.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    lanes: BTreeMap<u32, Lane>,
    mode: Mode,
    /// What the page decodes beside H.264 and VP8.
    codecs: Vec<VideoCodec>,
    bytes: usize,
    /// The stream served last; the next one comes first now.
    served: u32,
    tickets: u64,
}

/// Requests to carry out after the lock was let go.
pub(crate) type Asks = Vec<KeyframeAsk>;

impl Streams {
    /// A source of this stream begins; it replaces the one before. Returns its ticket.
    pub(crate) fn open(&mut self, stream: u32, ask: Option<KeyframeAsk>) -> u64 {
        self.tickets += 1;
        let lane = self.lanes.entry(stream).or_default();
        lane.source = Some((self.tickets, ask));
        self.bytes -= lane.clear();
        lane.keyframe_needed = true;
        self.tickets
    }

    /// The source with this ticket ends; a later one of the same stream is not touched.
    pub(crate) fn close(&mut self, stream: u32, ticket: u64) {
        if let Some(lane) = self.lanes.get_mut(&stream)
            && lane.source.as_ref().is_some_and(|s| s.0 == ticket)
        {
            lane.source = None;
            self.bytes -= lane.clear();
            self.forget_unused();
        }
    }

    /// The page is gone: nobody sees anything.
    pub(crate) fn page_gone(&mut self) {
        for lane in self.lanes.values_mut() {
            self.bytes -= lane.hide();
        }
        self.forget_unused();
    }

    pub(crate) fn page_says(&mut self, message: FromPage, now: Time) -> Asks {
        match message {
            FromPage::Show {
                mode,
                codecs,
                streams,
            } => {
                self.codecs = codecs;
                self.show(mode, &streams, now)
            }
            FromPage::Credit { streams } => {
                let mut asks = Asks::new();
                for (stream, count) in streams {
                    if let Some(lane) = self.lanes.get_mut(&stream)
                        && lane.shown.is_some()
                    {
                        lane.credit = lane.credit.saturating_add(count).min(MAX_CREDIT);
                        asks.extend(lane.ask_if_needed(now));
                    }
                }
                asks
            }
            FromPage::Key { stream } => match self.lanes.get_mut(&stream) {
                Some(lane) if lane.shown.is_some() => {
                    self.bytes -= lane.start_anew();
                    lane.ask_if_needed(now).into_iter().collect()
                }
                _ => Asks::new(),
            },
        }
    }

    fn show(&mut self, mode: Mode, streams: &[Shown], now: Time) -> Asks {
        let other_mode = mode != self.mode;
        self.mode = mode;
        for (stream, lane) in &mut self.lanes {
            let listed = streams.iter().any(|s| s.stream == *stream);
            if !listed || (other_mode && *stream < FIRST_OWN) {
                self.bytes -= lane.hide();
            }
        }
        let mut asks = Asks::new();
        for shown in streams {
            let lane = self.lanes.entry(shown.stream).or_default();
            let size = Some((shown.width, shown.height));
            if lane.shown.is_none() {
                lane.credit = shown.credit;
                self.bytes -= lane.start_anew();
                // The page begins with what is there; a still screen may not change for long.
                lane.newest.iter_mut().for_each(|n| n.fresh = true);
                lane.last_ask = None;
                lane.pause = ASK_AGAIN;
                lane.shown = size;
                asks.extend(lane.ask_if_needed(now));
            }
            lane.shown = size;
        }
        self.forget_unused();
        asks
    }

    /// What a source of this stream is to deliver of this codec now.
    pub(crate) fn needs(&self, stream: u32, codec: VideoCodec) -> Needs {
        let shown = self.lanes.get(&stream).is_some_and(|l| l.shown.is_some());
        let is_common = matches!(codec, VideoCodec::H264 | VideoCodec::Vp8);
        match (shown, self.mode) {
            (false, _) => Needs::NOTHING,
            (true, Mode::Units) if is_common || self.codecs.contains(&codec) => Needs::UNITS,
            (true, _) => Needs::PICTURES,
        }
    }

    /// An access unit is due. Whether the bus thread has something to do now, and whom to ask for a key frame.
    pub(crate) fn unit(
        &mut self,
        stream: u32,
        unit: Unit,
        now: Time,
    ) -> (bool, Option<KeyframeAsk>) {
        let Some(lane) = self.lanes.get_mut(&stream) else {
            return (false, None);
        };
        if lane.shown.is_none() || self.mode != Mode::Units {
            return (false, None);
        }
        // Left over from a codec that was decoded here.
        lane.newest = None;
        if lane.keyframe_needed && !unit.keyframe {
            lane.stats.dropped += 1;
            return (false, lane.ask_if_needed(now));
        }
        // A key frame makes what the page has not taken yet superfluous.
        let behind = lane.credit == 0 || lane.units.len() >= MAX_UNITS;
        let too_much = lane.bytes + unit.data.len() > MAX_STREAM_BYTES
            || self.bytes + unit.data.len() > MAX_BYTES;
        if !lane.units.is_empty()
            && ((unit.keyframe && behind) || lane.units.len() >= MAX_UNITS || too_much)
        {
            self.bytes -= lane.drop_units();
            lane.keyframe_needed = true;
        }
        if (lane.keyframe_needed && !unit.keyframe) || self.bytes + unit.data.len() > MAX_BYTES {
            lane.keyframe_needed = true;
            lane.stats.dropped += 1;
            return (false, lane.ask_if_needed(now));
        }
        lane.keyframe_needed = false;
        lane.bytes += unit.data.len();
        self.bytes += unit.data.len();
        lane.units.push_back(unit);
        (lane.credit > 0, None)
    }

    /// A picture is ready. Whether the bus thread has something to do now.
    pub(crate) fn picture(
        &mut self,
        stream: u32,
        picture: &Arc<I420>,
        timestamp: u32,
        ready: Time,
    ) -> bool {
        let own = stream >= FIRST_OWN;
        let Some(lane) = self.lanes.get_mut(&stream) else {
            return false;
        };
        if !own && lane.shown.is_none() {
            return false;
        }
        if !own && self.mode == Mode::Units {
            // Decoded here for its codec; units that wait are of another, and those that follow begin anew.
            self.bytes -= lane.start_anew();
        }
        let overwritten = lane.newest.replace(Newest {
            picture: picture.clone(),
            timestamp,
            ready,
            fresh: true,
        });
        if lane.shown.is_some() && overwritten.is_some_and(|n| n.fresh) {
            lane.stats.dropped += 1;
        }
        lane.shown.is_some() && lane.credit > 0
    }

    /// The next message, the streams in turn. It is counted as sent.
    pub(crate) fn next(&mut self, now: Time) -> Option<Next> {
        let after = |(stream, lane): &(&u32, &Lane)| **stream > self.served && lane.ready(now);
        let first = |(_, lane): &(&u32, &Lane)| lane.ready(now);
        let stream = *(self.lanes.iter().find(after))
            .or_else(|| self.lanes.iter().find(first))?
            .0;
        self.served = stream;
        let lane = self.lanes.get_mut(&stream)?;
        let (next, bytes) = lane.take(stream, now)?;
        self.bytes -= bytes;
        Some(next)
    }

    /// When there may be something to do without anybody saying so.
    pub(crate) fn next_wakeup(&self) -> Option<Time> {
        self.lanes.values().filter_map(Lane::wakeup).min()
    }

    /// Key frames that did not come are asked for again.
    pub(crate) fn tick(&mut self, now: Time) -> Asks {
        let lanes = self.lanes.values_mut();
        lanes.filter_map(|lane| lane.ask_if_needed(now)).collect()
    }

    pub(crate) fn stats(&self) -> BTreeMap<u32, StreamStats> {
        let stats = |(stream, lane): (&u32, &Lane)| {
            let stats = StreamStats {
                waiting: lane.units.len() + usize::from(lane.fresh_picture()),
                credit: lane.credit,
                shown: lane.shown.is_some(),
                ..lane.stats
            };
            (*stream, stats)
        };
        self.lanes.iter().map(stats).collect()
    }

    fn forget_unused(&mut self) {
        self.lanes
            .retain(|_, lane| lane.source.is_some() || lane.shown.is_some());
    }
}

#[cfg(test)]
mod tests;
