//! The video jitter buffer: releases whole access units in decode order at their play-out time.
//!
//! A hole at the head is waited for as long as a resend can take; then the buffer skips to the next key frame, and asks for one
//! while none is here. Where the sender tags its frames, those that nothing else needs are passed over when the next one is due.
//! Freezes are counted as in the WebRTC statistics (freezeCount, totalFreezesDuration).

use crate::assembly::{FrameAssembler, VideoPacket};
use crate::{DelayEstimator, TimestampUnwrapper};
use confab_base::{Duration, Time, VideoCodec};
use std::collections::VecDeque;

/// How long a hole is waited for that repair between our own ends may fill, before a key frame is asked for: a key frame costs a
/// bad network more than a base frame that is repaired late.
const PATIENCE: Duration = Duration::from_millis(800);
/// And before its sender hears what is here: a frame that builds on that weighs no more than the one that is missing.
const SAY: Duration = Duration::from_millis(450);
/// And the longest delay then.
const TAGGED_DELAY: Duration = Duration::from_millis(310);

#[derive(Clone, Debug)]
pub struct VideoJitterConfig {
    /// Least and most time between the earliest possible arrival of a frame and its release.
    pub min_delay: Duration,
    pub max_delay: Duration,
    /// Bounds of memory: packets held, bytes of one frame.
    pub max_packets: usize,
    pub max_frame_bytes: usize,
    /// Quantile of frame lateness to cover.
    pub quantile: f64,
}

impl Default for VideoJitterConfig {
    fn default() -> VideoJitterConfig {
        VideoJitterConfig {
            min_delay: Duration::ZERO,
            max_delay: Duration::from_millis(400),
            max_packets: 2048,
            max_frame_bytes: 4 << 20,
            quantile: 0.95,
        }
    }
}

/// An access unit to decode now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoFrame {
    pub codec: VideoCodec,
    /// RTP timestamp as sent, 90 kHz; for lip sync.
    pub timestamp: u32,
    pub keyframe: bool,
    /// Annex-B for H.264, the bare frame for VP8.
    pub data: Vec<u8>,
    /// Arrival of its last packet.
    pub completed: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoOutput {
    Frame(VideoFrame),
    /// Decoding can't go on; ask the sender for a key frame (PLI), or the first time for a frame that builds on
    /// [`VideoJitterBuffer::newest_base`], where that is there. Repeated while it does not come.
    RequestKeyframe,
}

/// Counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    pub frames: u64,
    pub keyframes: u64,
    /// Frames passed over because they, or one they build upon, never became whole.
    pub dropped: u64,
    pub keyframe_requests: u64,
    pub freezes: u64,
    /// Sum of the gaps counted as freezes.
    pub frozen: Duration,
    /// The delay the buffer aims at now.
    pub target_delay: Duration,
}

/// Packets in, access units out. Sequence numbers must be continuous per stream; call [`Self::reset`] when the stream becomes another.
#[derive(Debug)]
pub struct VideoJitterBuffer {
    config: VideoJitterConfig,
    assembler: FrameAssembler,
    unwrapper: TimestampUnwrapper,
    delay: DelayEstimator,
    target: Duration,
    extra: Duration,
    rtt: Duration,
    /// Since when the head frame misses a packet although later ones are here.
    gap_since: Option<Time>,
    last_request: Option<Time>,
    keyframe_wanted: bool,
    /// The sender says what its frames are predicted from.
    tagged: bool,
    passed: Passed,
    /// Timestamp of the frame released last.
    released: u64,
    cadence: Cadence,
    stats: VideoStats,
}

impl VideoJitterBuffer {
    pub fn new(config: VideoJitterConfig) -> VideoJitterBuffer {
        VideoJitterBuffer {
            assembler: FrameAssembler::new(config.max_packets, config.max_frame_bytes),
            unwrapper: TimestampUnwrapper::default(),
            delay: DelayEstimator::new(90_000, Duration::from_secs(6), config.quantile),
            target: config.min_delay,
            extra: Duration::ZERO,
            rtt: Duration::from_millis(100),
            gap_since: None,
            last_request: None,
            keyframe_wanted: false,
            tagged: false,
            passed: Passed::default(),
            released: 0,
            cadence: Cadence::default(),
            stats: VideoStats::default(),
            config,
        }
    }

    /// Round-trip time to who resends; decides how long a hole is waited for.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt.min(Duration::from_secs(1));
    }

    /// Delay on top of the jitter target, from [`crate::AvSync`].
    pub fn set_extra_delay(&mut self, extra: Duration) {
        self.extra = extra;
    }

    /// The decoder failed: go on with the next key frame, and ask for one.
    pub fn decoder_lost(&mut self) {
        self.keyframe_wanted = true;
    }

    /// Sequence number of the first packet of the newest base frame that was released: it and all it builds on are here, so that the
    /// stream can go on from it, or from one before it. `None` where only a key frame helps, or the sender does not say what its frames
    /// are predicted from.
    pub fn newest_base(&self) -> Option<u64> {
        let base = self.assembler.newest_base();
        base.filter(|_| self.tagged && !self.keyframe_wanted)
    }

    /// Another stream follows, or the view was switched off: forget packets and timing, keep counting. The gap is no freeze.
    pub fn reset(&mut self) {
        self.assembler.reset();
        self.unwrapper = TimestampUnwrapper::default();
        self.delay.reset();
        self.gap_since = None;
        self.last_request = None;
        self.keyframe_wanted = false;
        self.passed = Passed::default();
        self.cadence = Cadence::default();
    }

    pub fn push(&mut self, packet: VideoPacket, now: Time) {
        let timestamp = self.unwrapper.unwrap(packet.timestamp);
        self.tagged = packet.tag.is_some();
        if self.assembler.is_full() && self.assembler.head_frame().is_none() {
            // Full of frames that can't be decoded: the newest count, they may hold the key frame.
            self.assembler.trim(self.config.max_packets / 2);
        }
        let is_new = self.assembler.insert(packet, timestamp, now);
        if !is_new && self.passed.is_late(timestamp) {
            // It came when its frame had been passed over: with more patience it would have been shown.
            self.learn(timestamp, now);
        }
    }

    pub fn poll_output(&mut self, now: Time) -> Option<VideoOutput> {
        loop {
            if self.keyframe_wanted {
                match self.assembler.skip_to_keyframe() {
                    Some(passed) => {
                        self.stats.dropped += passed;
                        self.keyframe_wanted = false;
                        self.gap_since = None;
                    }
                    None => return self.request_keyframe(now),
                }
            }
            if !self.assembler.started() {
                if self.assembler.is_empty() {
                    return None;
                }
                self.keyframe_wanted = true;
                continue;
            }
            let Some((timestamp, completed)) = self.assembler.head_frame() else {
                return self.wait_for_head(now);
            };
            self.gap_since = None;
            self.observe(timestamp, completed);
            if now < self.delay.due(timestamp, self.target + self.extra) {
                return None;
            }
            match self.assembler.take()? {
                Some(frame) => return Some(VideoOutput::Frame(self.release(frame, now))),
                None => {
                    self.stats.dropped += 1;
                    self.keyframe_wanted = true;
                }
            }
        }
    }

    /// When [`Self::poll_output`] may have something without another packet.
    pub fn next_wakeup(&self) -> Option<Time> {
        if self.keyframe_wanted {
            return self.last_request.map(|at| at + self.request_interval());
        }
        if let Some((timestamp, _)) = self.assembler.head_frame() {
            return Some(self.delay.due(timestamp, self.target + self.extra));
        }
        let again = self.last_request.map(|at| at + self.request_interval());
        let waited = self.gap_since.map(|since| since + self.patience());
        let waited = waited.map(|at| at.max(again.unwrap_or(at)));
        let next = self.assembler.next_decodable();
        let due = next.map(|(_, at, _)| self.delay.due(at, self.target + self.extra));
        waited.into_iter().chain(due).min()
    }

    /// The counters, with a freeze that still lasts included.
    pub fn stats(&self, now: Time) -> VideoStats {
        let mut stats = VideoStats {
            target_delay: self.target + self.extra,
            ..self.stats
        };
        if let Some(gap) = self.cadence.freeze(now) {
            stats.freezes += 1;
            stats.frozen += gap;
        }
        stats
    }

    fn wait_for_head(&mut self, now: Time) -> Option<VideoOutput> {
        if !self.assembler.has_gap() {
            self.gap_since = None;
            return None;
        }
        let since = *self.gap_since.get_or_insert(now);
        if let Some((seq, timestamp, completed)) = self.assembler.next_decodable() {
            self.observe(timestamp, completed);
            if now < self.delay.due(timestamp, self.target + self.extra) {
                return None;
            }
            self.stats.dropped += self.assembler.skip_to(seq);
            self.passed.note(self.released, timestamp);
            return self.poll_output(now);
        }
        if now.since(since) < self.patience() {
            return None;
        }
        // The resend may still win the race against the key frame: the head stays until one of them is here.
        match self.assembler.skip_to_keyframe() {
            Some(passed) => {
                self.stats.dropped += passed;
                self.gap_since = None;
                self.poll_output(now)
            }
            None => self.request_keyframe(now),
        }
    }

    /// Two resends, and a little for the sender's pacing. One of our own ends repairs for longer what all that follows needs.
    fn patience(&self) -> Duration {
        if self.tagged {
            let may_say = self.last_request.is_none() && self.newest_base().is_some();
            return if may_say { SAY } else { PATIENCE };
        }
        (self.rtt * 2 + Duration::from_millis(60))
            .clamp(Duration::from_millis(100), Duration::from_millis(500))
    }

    fn request_interval(&self) -> Duration {
        (self.rtt * 2).max(Duration::from_millis(300))
    }

    fn request_keyframe(&mut self, now: Time) -> Option<VideoOutput> {
        if self
            .last_request
            .is_some_and(|at| now.since(at) < self.request_interval())
        {
            return None;
        }
        self.last_request = Some(now);
        self.stats.keyframe_requests += 1;
        Some(VideoOutput::RequestKeyframe)
    }

    /// Learns a frame's lateness once and sets the target: up at once, down by 1 ms per frame, so that play-out does not jerk.
    fn observe(&mut self, timestamp: u64, completed: Time) {
        if self.cadence.observed == Some(timestamp) {
            return;
        }
        self.cadence.observed = Some(timestamp);
        self.learn(timestamp, completed);
    }

    fn learn(&mut self, timestamp: u64, completed: Time) {
        self.delay.packet(timestamp, completed);
        // Where frames can be passed over, those that would take longest are.
        let most = match self.tagged {
            true => self.config.max_delay.min(TAGGED_DELAY),
            false => self.config.max_delay,
        };
        let wanted = self.delay.spread().clamp(self.config.min_delay, most);
        self.target = wanted.max(self.target.saturating_sub(Duration::from_millis(1)));
    }

    fn release(&mut self, frame: crate::AssembledFrame, now: Time) -> VideoFrame {
        self.last_request = None;
        self.released = frame.timestamp;
        self.stats.frames += 1;
        self.stats.keyframes += u64::from(frame.keyframe);
        if let Some(gap) = self.cadence.freeze(now) {
            self.stats.freezes += 1;
            self.stats.frozen += gap;
        }
        self.cadence.frame(now);
        VideoFrame {
            codec: frame.codec,
            timestamp: frame.timestamp as u32,
            keyframe: frame.keyframe,
            data: frame.data,
            completed: frame.completed,
        }
    }
}

/// The spans of time in which frames were passed over lately, timestamps without their ends: whoever comes from there comes late.
#[derive(Debug, Default)]
struct Passed {
    spans: VecDeque<(u64, u64)>,
    /// The late frame seen last.
    seen: Option<u64>,
}

impl Passed {
    const MOST: usize = 32;

    fn note(&mut self, after: u64, before: u64) {
        self.spans.push_back((after, before));
        if self.spans.len() > Self::MOST {
            self.spans.pop_front();
        }
    }

    /// Whether this is of a frame that was passed over; once for each.
    fn is_late(&mut self, timestamp: u64) -> bool {
        let inside = |(after, before): &(u64, u64)| (after + 1..*before).contains(&timestamp);
        let is_new = self.seen != Some(timestamp) && self.spans.iter().any(inside);
        if is_new {
            self.seen = Some(timestamp);
        }
        is_new
    }
}

/// Gaps between released frames, for the freeze rule of the WebRTC statistics: a gap is a freeze above
/// max(3 × mean, mean + 150 ms) of the last 30 gaps.
#[derive(Debug, Default)]
struct Cadence {
    last: Option<Time>,
    gaps: VecDeque<Duration>,
    /// The last frame whose lateness was learnt.
    observed: Option<u64>,
}

impl Cadence {
    fn freeze(&self, now: Time) -> Option<Duration> {
        let gap = now.since(self.last?);
        if self.gaps.is_empty() {
            return None;
        }
        let mean = self.gaps.iter().sum::<Duration>() / self.gaps.len() as u32;
        (gap > (mean * 3).max(mean + Duration::from_millis(150))).then_some(gap)
    }

    fn frame(&mut self, now: Time) {
        if let Some(last) = self.last.replace(now) {
            self.gaps.push_back(now.since(last));
            if self.gaps.len() > 30 {
                self.gaps.pop_front();
            }
        }
    }
}
