//! What waits for the page, stream by stream: who is on screen, how many pictures the page can take, and which one comes
//! next. Pure: the media threads put pictures in, the bus thread takes them out, and both tell the time.
//!
//! Latest wins. For pictures that is one slot, overwritten. Access units build upon each other, so there a short queue is
//! kept, and when the page falls behind it is thrown away whole: what follows is a key frame, never a unit whose reference
//! was dropped. A stream that is hidden, or whose page is gone, holds nothing.

use super::wire::{FIRST_OWN, FromPage, Header, Kind, MAX_CREDIT, Mode, OWN_SCREEN, Shown};
use crate::sink::{KeyframeAsk, Needs};
use confab_base::{Duration, Time};
use confab_picture::I420;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Units of one stream that wait while the page has no credit: a quarter of a second, longer than a page's hiccup.
const MAX_UNITS: usize = 8;
/// Bytes of one stream's waiting units; a single larger one may wait alone.
const MAX_STREAM_BYTES: usize = 1 << 20;
/// Bytes of all waiting units.
const MAX_BYTES: usize = 16 << 20;
/// Between two requests for a key frame of one stream: doubles while they are needed again and again.
const ASK_AGAIN: Duration = Duration::from_millis(500);
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
struct Newest {
    picture: Arc<I420>,
    timestamp: u32,
    ready: Time,
    /// Not sent yet.
    fresh: bool,
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

#[derive(Debug, Default)]
struct Lane {
    /// Whose sink it is, and how to ask for a key frame.
    source: Option<(u64, Option<KeyframeAsk>)>,
    shown: Option<(u16, u16)>,
    credit: u32,
    number: u32,
    units: VecDeque<Unit>,
    bytes: usize,
    /// The next unit must be a key frame.
    keyframe_needed: bool,
    newest: Option<Newest>,
    not_before: Time,
    last_ask: Option<Time>,
    pause: Duration,
    stats: StreamStats,
}

/// All streams of one bus.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    lanes: BTreeMap<u32, Lane>,
    mode: Mode,
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
            FromPage::Show { mode, streams } => self.show(mode, &streams, now),
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

    /// What a source of this stream is to deliver now.
    pub(crate) fn needs(&self, stream: u32) -> Needs {
        let shown = self.lanes.get(&stream).is_some_and(|l| l.shown.is_some());
        match (shown, self.mode) {
            (false, _) => Needs::NOTHING,
            (true, Mode::Units) => Needs::UNITS,
            (true, Mode::Pictures) => Needs::PICTURES,
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
        let wanted = own || (self.mode == Mode::Pictures && lane.shown.is_some());
        if !wanted {
            return false;
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

impl Lane {
    /// Drops waiting units; returns their bytes.
    fn drop_units(&mut self) -> usize {
        self.stats.dropped += self.units.len() as u64;
        self.units.clear();
        std::mem::take(&mut self.bytes)
    }

    fn clear(&mut self) -> usize {
        self.newest = None;
        self.drop_units()
    }

    fn start_anew(&mut self) -> usize {
        self.keyframe_needed = true;
        self.drop_units()
    }

    fn hide(&mut self) -> usize {
        self.shown = None;
        self.credit = 0;
        // Without a key frame's request the newest picture is of no use later; our own costs nothing to keep.
        if self.source.as_ref().is_none_or(|s| s.1.is_some()) {
            self.newest = None;
        }
        self.start_anew()
    }

    fn fresh_picture(&self) -> bool {
        self.newest.as_ref().is_some_and(|n| n.fresh)
    }

    fn ready(&self, now: Time) -> bool {
        let picture = self.fresh_picture() && now >= self.not_before;
        self.shown.is_some() && self.credit > 0 && (picture || !self.units.is_empty())
    }

    fn take(&mut self, stream: u32, now: Time) -> Option<(Next, usize)> {
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

    fn ask_if_needed(&mut self, now: Time) -> Option<KeyframeAsk> {
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

    fn wakeup(&self) -> Option<Time> {
        let again = || Some(self.last_ask? + self.pause);
        if self.waits_for_keyframe() {
            return again();
        }
        let paced = self.shown.is_some() && self.credit > 0 && self.fresh_picture();
        paced.then_some(self.not_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const CREDIT: u32 = 3;

    fn unit(timestamp: u32, keyframe: bool) -> Unit {
        Unit {
            kind: Kind::H264,
            keyframe,
            timestamp,
            data: vec![0; 100],
            ready: Time::ZERO,
        }
    }

    fn show(streams: &[u32]) -> FromPage {
        let shown = |s: &u32| Shown {
            stream: *s,
            width: 64,
            height: 36,
            credit: CREDIT,
        };
        FromPage::Show {
            mode: Mode::Units,
            streams: streams.iter().map(shown).collect(),
        }
    }

    fn counting() -> (KeyframeAsk, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let theirs = count.clone();
        let ask = KeyframeAsk::new(move || {
            theirs.fetch_add(1, Ordering::Relaxed);
        });
        (ask, count)
    }

    fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn timestamps(streams: &mut Streams, now: Time) -> Vec<u32> {
        std::iter::from_fn(|| streams.next(now).map(|n| n.timestamp)).collect()
    }

    fn one_open_and_shown() -> Streams {
        let mut streams = Streams::default();
        streams.open(7, Some(counting().0));
        streams.page_says(show(&[7]), Time::ZERO);
        streams
    }

    #[test]
    fn nothing_goes_to_a_hidden_stream_and_showing_it_asks_for_a_key_frame() {
        let mut streams = Streams::default();
        let (ask, count) = counting();
        streams.open(7, Some(ask));
        assert_eq!(streams.needs(7), Needs::NOTHING);
        assert!(!streams.unit(7, unit(0, true), ms(0)).0);
        streams
            .page_says(show(&[7]), ms(1))
            .iter()
            .for_each(KeyframeAsk::ask);
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert_eq!(streams.needs(7), Needs::UNITS);
        assert!(!streams.unit(7, unit(1, false), ms(2)).0);
        assert!(streams.unit(7, unit(2, true), ms(3)).0);
        streams.unit(7, unit(3, false), ms(4));
        assert_eq!(timestamps(&mut streams, ms(4)), [2, 3]);
    }

    #[test]
    fn a_page_that_falls_behind_gets_a_key_frame_next() {
        let mut streams = one_open_and_shown();
        streams.unit(7, unit(0, true), ms(0));
        (1..40).for_each(|t| drop(streams.unit(7, unit(t, false), ms(t.into()))));
        assert!(streams.stats()[&7].waiting <= MAX_UNITS);
        let mut seen = timestamps(&mut streams, ms(50));
        streams.page_says(
            FromPage::Credit {
                streams: vec![(7, 16)],
            },
            ms(50),
        );
        seen.extend(timestamps(&mut streams, ms(50)));
        streams.unit(7, unit(40, false), ms(51));
        streams.unit(7, unit(41, true), ms(52));
        streams.unit(7, unit(42, false), ms(53));
        seen.extend(timestamps(&mut streams, ms(54)));
        assert_eq!(seen, [41, 42]);
    }

    #[test]
    fn a_stopped_page_is_asked_nothing_and_holds_little() {
        let mut streams = one_open_and_shown();
        let mut asks = 0;
        for t in 0..10_000u64 {
            let keyframe = t % 97 == 0;
            let (_, ask) = streams.unit(7, unit(t as u32, keyframe), ms(t * 33));
            asks += usize::from(ask.is_some());
            asks += streams.tick(ms(t * 33)).len();
            while streams.next(ms(t * 33)).is_some() {}
            assert!(streams.stats()[&7].waiting <= MAX_UNITS);
        }
        assert_eq!((asks, streams.stats()[&7].sent), (0, u64::from(CREDIT)));
        let woken = streams.page_says(
            FromPage::Credit {
                streams: vec![(7, 1)],
            },
            ms(340_000),
        );
        // Either it has something to go on with, or it asks now.
        assert!(streams.stats()[&7].waiting > 0 || woken.len() == 1);
    }

    #[test]
    fn key_frames_that_do_not_come_are_asked_for_ever_more_slowly() {
        let mut streams = one_open_and_shown();
        let mut at = Vec::new();
        while let Some(next) = streams.next_wakeup().filter(|t| *t < ms(12_000)) {
            at.push(next.as_millis());
            assert_eq!(streams.tick(next).len(), 1);
        }
        assert_eq!(at, [500, 1500, 3500, 7500, 11_500]);
    }

    #[test]
    fn of_pictures_only_the_latest_waits() {
        let mut streams = Streams::default();
        streams.open(super::super::wire::OWN_CAMERA, None);
        let own = super::super::wire::OWN_CAMERA;
        let picture = |luma| Arc::new(I420::filled(4, 2, [luma, 128, 128]));
        streams.picture(own, &picture(1), 1, ms(0));
        streams.page_says(show(&[own]), ms(1));
        // What was there before it was shown, at once; then at most one in 30 ms.
        assert_eq!(timestamps(&mut streams, ms(1)), [1]);
        streams.picture(own, &picture(2), 2, ms(5));
        streams.picture(own, &picture(3), 3, ms(9));
        assert!(timestamps(&mut streams, ms(9)).is_empty());
        assert_eq!(streams.next_wakeup(), Some(ms(31)));
        assert_eq!(timestamps(&mut streams, ms(31)), [3]);
    }

    #[test]
    fn streams_take_turns() {
        let mut streams = Streams::default();
        for stream in [1, 2, 3] {
            streams.open(stream, None);
        }
        streams.page_says(show(&[1, 2, 3]), ms(0));
        for stream in [1, 2, 3] {
            streams.unit(stream, unit(0, true), ms(0));
            streams.unit(stream, unit(1, false), ms(0));
        }
        let order: Vec<u32> =
            std::iter::from_fn(|| streams.next(ms(0)).map(|n| n.stream)).collect();
        assert_eq!(order, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn an_old_sources_end_does_not_touch_the_new_one() {
        let mut streams = one_open_and_shown();
        let old = streams.open(7, None);
        streams.open(7, None);
        streams.close(7, old);
        assert!(streams.unit(7, unit(0, true), ms(0)).0);
    }

    #[test]
    fn a_page_that_goes_leaves_nothing_behind() {
        let mut streams = one_open_and_shown();
        streams.unit(7, unit(0, true), ms(0));
        streams.page_gone();
        assert_eq!((streams.needs(7), streams.bytes), (Needs::NOTHING, 0));
        streams.close(7, 1);
        assert!(streams.lanes.is_empty());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Unit {
            stream: u32,
            keyframe: bool,
            big: bool,
        },
        Show(Vec<u32>),
        Credit(u32, u32),
        Key(u32),
        Take,
        Gone,
    }

    fn step() -> impl Strategy<Value = Step> {
        let unit = (
            0u32..3,
            proptest::bool::weighted(0.1),
            proptest::bool::weighted(0.05),
        );
        prop_oneof![
            8 => unit.prop_map(|(stream, keyframe, big)| Step::Unit { stream, keyframe, big }),
            1 => proptest::collection::vec(0u32..3, 0..3).prop_map(Step::Show),
            4 => (0u32..3, 0u32..5).prop_map(|(s, c)| Step::Credit(s, c)),
            1 => (0u32..3).prop_map(Step::Key),
            4 => Just(Step::Take),
            1 => Just(Step::Gone),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn no_unit_is_handed_over_without_the_one_before_it(steps in proptest::collection::vec(step(), 0..300)) {
            let mut streams = Streams::default();
            for stream in 0..3 {
                streams.open(stream, Some(counting().0));
            }
            let mut made = [0u32; 3];
            let mut last = [None::<u32>; 3];
            for (n, step) in steps.into_iter().enumerate() {
                let now = ms(n as u64 * 5);
                match step {
                    Step::Unit { stream, keyframe, big } => {
                        let number = &mut made[stream as usize];
                        *number += 1;
                        let mut unit = unit(*number, keyframe);
                        unit.data = vec![0; if big { 900_000 } else { 1000 }];
                        streams.unit(stream, unit, now);
                    }
                    Step::Show(list) => drop(streams.page_says(show(&list), now)),
                    Step::Credit(stream, count) => {
                        streams.page_says(FromPage::Credit { streams: vec![(stream, count)] }, now);
                    }
                    Step::Key(stream) => drop(streams.page_says(FromPage::Key { stream }, now)),
                    Step::Gone => {
                        streams.page_gone();
                        last = [None; 3];
                    }
                    Step::Take => {
                        if let Some(next) = streams.next(now) {
                            let Body::Unit { keyframe, .. } = next.body else { panic!() };
                            let stream = next.stream as usize;
                            prop_assert!(keyframe || last[stream] == Some(next.timestamp - 1));
                            last[stream] = Some(next.timestamp);
                        }
                    }
                }
                let waiting: usize = streams.lanes.values().flat_map(|l| &l.units).map(|u| u.data.len()).sum();
                prop_assert_eq!(streams.bytes, waiting);
                prop_assert!(streams.lanes.values().all(|l| l.units.len() <= MAX_UNITS && l.bytes <= MAX_STREAM_BYTES));
            }
        }
    }
}
