//! The audio jitter buffer: packets in, one decision per pull out.
//!
//! The caller decodes, conceals and stretches; the buffer knows only payloads and time. It pulls when the samples it holds run
//! out, and says when the first sample it gets will be heard. So the delay of what is played is always known exactly, and
//! stretching, clock drift and device hiccups correct themselves at the next pull.
//!
//! A packet that is missing while a later one is here is lost: the next packet's LBRR or what any later one describes of it (deep
//! redundancy) replaces it, or it is concealed, and the time line moves on. Copies of it (RED) are played as if it had come itself.
//! The target delay is long enough for those repairs that really happen, see `repair_wait`. When nothing is here the packets may only be late: concealment then *waits*, and what was waited is taken
//! off again if the packets turn out lost, or stays as delay, to be worked off by playing faster.

use crate::described::Described;
use crate::red::Restored;
use crate::repair_wait::RepairWait;
use crate::{DelayEstimator, TimestampUnwrapper, opus};
use confab_base::{Duration, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct AudioJitterConfig {
    /// Least and most delay aimed at, against the fastest packets.
    pub min_delay: Duration,
    pub max_delay: Duration,
    /// Most delay aimed at for the sake of repair.
    pub max_repair_delay: Duration,
    /// What is delayed more than this above the target is dropped; what is less is worked off by playing faster.
    pub max_excess: Duration,
    /// Quantile of lateness to cover.
    pub quantile: f64,
    /// Packets held at most; the oldest are dropped.
    pub max_packets: usize,
}

impl Default for AudioJitterConfig {
    fn default() -> AudioJitterConfig {
        AudioJitterConfig {
            min_delay: Duration::from_millis(20),
            max_delay: Duration::from_millis(400),
            max_repair_delay: Duration::from_millis(440),
            max_excess: Duration::from_millis(200),
            quantile: 0.95,
            max_packets: 250,
        }
    }
}

/// One Opus packet as the transport hands it over.
#[derive(Clone, Debug)]
pub struct AudioPacket {
    /// Extended sequence number.
    pub seq: u64,
    /// RTP timestamp, 48 kHz.
    pub timestamp: u32,
    pub payload: Arc<[u8]>,
    /// How many samples right before it the packet describes beside its own (deep redundancy), as the decoder says.
    pub deep: u32,
}

/// How to play what was decoded, by stretching in time without changing pitch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Normal,
    /// Delay is above target: take out what can be taken out unheard.
    Faster,
    /// Delay is below target: put in.
    Slower,
}

/// What to play next. `samples` are per channel at 48 kHz.
#[derive(Clone, Debug, PartialEq)]
pub enum Pull {
    /// Decode this packet.
    Packet {
        payload: Arc<[u8]>,
        samples: u32,
        pace: Pace,
    },
    /// The packet is lost; decode the FEC for it that this next packet carries.
    Fec { payload: Arc<[u8]>, samples: u32 },
    /// The packet is lost; decode what this later packet describes of it: `samples` from `before` samples before its own.
    Deep {
        payload: Arc<[u8]>,
        before: u32,
        samples: u32,
        pace: Pace,
    },
    /// Let the decoder conceal.
    Conceal { samples: u32 },
    /// Nothing was sent, or nothing has come for so long that concealment would only hum.
    Silence { samples: u32 },
}

impl Pull {
    /// How much is to be made, before stretching.
    pub fn samples(&self) -> u32 {
        match self {
            Pull::Packet { samples, .. }
            | Pull::Fec { samples, .. }
            | Pull::Deep { samples, .. }
            | Pull::Conceal { samples }
            | Pull::Silence { samples } => *samples,
        }
    }
}

/// Counted since the start. A gap in which nothing comes is judged when it ends: only then is it known whether the sender paused
/// (no concealment, no stall) or the network failed. Until then it is `waiting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioStats {
    /// Samples played while the stream was alive.
    pub total_samples: u64,
    /// Invented, for want of anything better.
    pub concealed_samples: u64,
    /// Played from the next packet's LBRR, from copies (RED), from what later packets describe (deep redundancy).
    pub fec_samples: u64,
    pub red_samples: u64,
    pub deep_samples: u64,
    pub packets: u64,
    /// Packets that came after their turn.
    pub late_packets: u64,
    pub duplicate_packets: u64,
    /// Packets dropped to come back to the target delay after a burst, or for want of room.
    pub dropped_packets: u64,
    /// Runs of at least 200 ms without received sound, and their sum; the one that goes on is counted as it goes on.
    pub stalls: u64,
    pub stalled: Duration,
    /// How long nothing at all has come, which may be a stall or a pause.
    pub waiting: Duration,
    /// Delay of what was played last, and the one aimed at.
    pub delay: Duration,
    pub target_delay: Duration,
}

/// Concealing steps while waiting for packets that are only late.
const STEP: u32 = 480;
/// After this much concealment in a row, silence.
const CONCEAL_LIMIT: u64 = 9600;
const STALL: u64 = 9600;
/// Packets looked at for one that describes what is lost: more than the longest wait holds.
const LOOK_AHEAD: usize = 32;
/// Delay may be this far from the target before the pace changes.
const TOO_LATE: Duration = Duration::from_millis(15);
const TOO_EARLY: Duration = Duration::from_millis(5);
/// Added to what the packets need: the pace leaves [`TOO_EARLY`] uncorrected, and players pull up to 10 ms before what they get
/// is heard.
const SLACK: Duration = Duration::from_millis(15);

/// Position in the stream, once it plays.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    seq: u64,
    /// Unwrapped.
    timestamp: u64,
    /// Duration of the last packet.
    samples: u32,
}

/// A packet that waits for its turn.
#[derive(Debug)]
struct Held {
    /// Unwrapped.
    timestamp: u64,
    payload: Arc<[u8]>,
    deep: u32,
    is_copy: bool,
}

#[derive(Debug)]
pub struct AudioJitterBuffer {
    config: AudioJitterConfig,
    packets: BTreeMap<u64, Held>,
    unwrapper: TimestampUnwrapper,
    estimator: DelayEstimator,
    cursor: Option<Cursor>,
    /// Samples played since the buffer ran dry, not yet known to be concealment or pause.
    waited: u64,
    /// Concealed in a row, settled.
    run: u64,
    extra: Duration,
    repair: RepairWait,
    described: Described,
    played: Option<(Time, u32)>,
    stats: AudioStats,
}

impl AudioJitterBuffer {
    pub fn new(config: AudioJitterConfig) -> AudioJitterBuffer {
        AudioJitterBuffer {
            estimator: DelayEstimator::new(48_000, Duration::from_secs(6), config.quantile),
            config,
            packets: BTreeMap::new(),
            unwrapper: TimestampUnwrapper::default(),
            cursor: None,
            waited: 0,
            run: 0,
            extra: Duration::ZERO,
            repair: RepairWait::default(),
            described: Described::default(),
            played: None,
            stats: AudioStats::default(),
        }
    }

    /// Delay on top of the jitter target, from [`crate::AvSync`].
    pub fn set_extra_delay(&mut self, extra: Duration) {
        self.extra = extra;
    }

    /// Another source follows, or the sender muted: forget packets and timing, keep counting. The gap is no stall.
    pub fn reset(&mut self) {
        self.packets.clear();
        self.unwrapper = TimestampUnwrapper::default();
        self.estimator.reset();
        self.repair.reset();
        self.described = Described::default();
        self.cursor = None;
        self.waited = 0;
        self.run = 0;
        self.played = None;
    }

    /// Takes a packet; anything that is no Opus packet is dropped.
    pub fn push(&mut self, packet: AudioPacket, now: Time) {
        if opus::duration(&packet.payload).is_none() {
            return;
        }
        let timestamp = self.unwrapper.unwrap(packet.timestamp);
        if !self.estimator.packet(timestamp, now) {
            self.packets.clear();
            self.cursor = None;
            self.waited = 0;
        }
        self.learn(&packet);
        if self.is_past(packet.seq, timestamp) {
            self.stats.late_packets += 1;
            return;
        }
        let held = Held {
            timestamp,
            payload: packet.payload,
            deep: packet.deep,
            is_copy: false,
        };
        if let Some(before) = self.packets.insert(packet.seq, held)
            && !before.is_copy
        {
            self.stats.duplicate_packets += 1;
            return;
        }
        self.stats.packets += 1;
        while self.packets.len() > self.config.max_packets {
            self.packets.pop_first();
            self.stats.dropped_packets += 1;
        }
    }

    /// Takes a copy that packet `by` brought; to be called after [`Self::push`] of that packet. It is kept if it fits between
    /// what is here and is not there yet.
    pub fn push_copy(&mut self, copy: Restored, by: u64) {
        if opus::duration(&copy.payload).is_none() {
            return;
        }
        self.repair.brought(copy.seq, by, true);
        self.repair.learn();
        let timestamp = self.unwrapper.peek(copy.timestamp);
        let is_known = self.is_past(copy.seq, timestamp) || self.packets.contains_key(&copy.seq);
        let is_full = self.packets.len() >= self.config.max_packets;
        if is_known || is_full || !self.fits(copy.seq, timestamp) {
            return;
        }
        let held = Held {
            timestamp,
            payload: copy.payload,
            deep: 0,
            is_copy: true,
        };
        self.packets.insert(copy.seq, held);
    }

    /// Whether this comes after what is here before it and before what is here after it. A stream begins with a packet of its
    /// own: what was sent before it is not waited for.
    fn fits(&self, seq: u64, timestamp: u64) -> bool {
        let before = self.packets.range(..seq).next_back();
        let after = self.packets.range(seq..).next();
        (self.cursor.is_some() || before.is_some())
            && before.is_none_or(|(_, p)| p.timestamp < timestamp)
            && after.is_some_and(|(_, p)| p.timestamp > timestamp)
    }

    fn is_past(&self, seq: u64, timestamp: u64) -> bool {
        self.cursor
            .is_some_and(|c| seq < c.seq || timestamp < c.timestamp)
    }

    /// Notes what a packet brings for those before it.
    fn learn(&mut self, packet: &AudioPacket) {
        self.repair.came(packet.seq);
        if opus::has_lbrr(&packet.payload) {
            self.repair
                .brought(packet.seq.saturating_sub(1), packet.seq, false);
        }
        let frame = opus::duration(&packet.payload).unwrap_or(960);
        for distance in 1..=u64::from(packet.deep / frame) {
            self.repair
                .brought(packet.seq.saturating_sub(distance), packet.seq, false);
        }
        self.repair.learn();
    }

    /// What to play when the samples pulled before run out. `heard` is when its first sample will be due: now, plus what the
    /// caller still holds. The result is at least 2.5 ms long.
    pub fn pull(&mut self, heard: Time) -> Pull {
        self.repair.pass(heard, self.frame());
        let target = self.target();
        self.skip_excess(heard, target);
        let pull = match (self.cursor, self.packets.first_key_value()) {
            (None, None) => return Pull::Silence { samples: STEP },
            (None, Some((&seq, &Held { timestamp, .. }))) => {
                if self.estimator.due(timestamp, target) > heard + Duration::from_millis(5) {
                    return Pull::Silence { samples: STEP };
                }
                self.play(seq, heard, target)
            }
            (Some(_), None) => self.wait(STEP),
            (Some(cursor), Some((&seq, &Held { timestamp, .. }))) => {
                self.at_packet(cursor, seq, timestamp, heard, target)
            }
        };
        self.stats.total_samples += u64::from(pull.samples());
        pull
    }

    /// When the last packet pulled is heard, and its RTP timestamp; for lip sync.
    pub fn last_played(&self) -> Option<(Time, u32)> {
        self.played
    }

    /// RTP timestamp at which the next pull goes on, once the stream plays.
    pub fn position(&self) -> Option<u32> {
        self.cursor.map(|c| c.timestamp as u32)
    }

    pub fn stats(&self) -> AudioStats {
        let goes_on = self.run >= STALL;
        AudioStats {
            stalls: self.stats.stalls + u64::from(goes_on),
            stalled: self.stats.stalled + samples_to_time(if goes_on { self.run } else { 0 }),
            waiting: samples_to_time(self.waited),
            target_delay: self.target(),
            ..self.stats
        }
    }

    /// Length of a packet.
    fn frame(&self) -> Duration {
        samples_to_time(self.cursor.map_or(960, |c| c.samples.into()))
    }

    fn target(&self) -> Duration {
        let for_jitter =
            (self.estimator.spread() + SLACK).clamp(self.config.min_delay, self.config.max_delay);
        let most = self.config.max_repair_delay.max(for_jitter);
        (for_jitter + self.repair.wait()).min(most) + self.extra
    }

    /// Drops what is so late that playing faster would not catch up in a few seconds.
    fn skip_excess(&mut self, heard: Time, target: Duration) {
        let limit = (target + self.config.max_excess).as_micros() as i64;
        let first_delay = |this: &Self| {
            this.packets
                .first_key_value()
                .map(|(_, p)| this.estimator.delay_at(p.timestamp, heard))
        };
        if first_delay(self).is_none_or(|delay| delay <= limit) {
            return;
        }
        // Then go all the way down to the target: one cut is less of a nuisance than one now and one soon.
        while self.packets.len() > 1
            && first_delay(self).is_some_and(|delay| delay > target.as_micros() as i64)
        {
            self.packets.pop_first();
            self.stats.dropped_packets += 1;
        }
        if let (Some(cursor), Some((&seq, &Held { timestamp, .. }))) =
            (&mut self.cursor, self.packets.first_key_value())
        {
            (cursor.seq, cursor.timestamp) = (seq, timestamp);
            self.settle(0);
        }
    }

    /// The stream plays, and a packet at or behind the cursor is here.
    fn at_packet(
        &mut self,
        cursor: Cursor,
        seq: u64,
        timestamp: u64,
        heard: Time,
        target: Duration,
    ) -> Pull {
        let gap = timestamp.saturating_sub(cursor.timestamp);
        if gap == 0 {
            self.settle(0);
            return self.play(seq, heard, target);
        }
        if seq == cursor.seq {
            // Nothing was lost: the sender paused.
            let paused = self.waited.min(gap);
            self.settle(paused);
            if self.estimator.due(timestamp, target) <= heard + Duration::from_millis(5) {
                return self.play(seq, heard, target);
            }
            return Pull::Silence { samples: STEP };
        }
        if self.waited > 0 {
            // Concealed already while it was not known that they were lost. Where repair wants more delay, they are not passed
            // over: they may come back yet.
            let done = self.waited.min(gap).min(self.excess(cursor, heard, target));
            let lost = (done / u64::from(cursor.samples.max(1))).min(seq - cursor.seq);
            self.settle(0);
            self.cursor = Some(Cursor {
                seq: cursor.seq + lost,
                timestamp: cursor.timestamp + done,
                ..cursor
            });
            if done == gap {
                return self.play(seq, heard, target);
            }
            return self.at_packet(
                Cursor {
                    seq: cursor.seq + lost,
                    timestamp: cursor.timestamp + done,
                    ..cursor
                },
                seq,
                timestamp,
                heard,
                target,
            );
        }
        self.lost(cursor, seq, gap, (heard, target))
    }

    /// Samples by which the cursor is behind its target; where no repair is waited for, more than there can be.
    fn excess(&self, cursor: Cursor, heard: Time, target: Duration) -> u64 {
        if self.repair.wait() == Duration::ZERO {
            return u64::MAX;
        }
        let delay = self.estimator.delay_at(cursor.timestamp, heard);
        (delay - target.as_micros() as i64).max(0) as u64 * 48 / 1000
    }

    /// One packet at the cursor is lost.
    fn lost(
        &mut self,
        cursor: Cursor,
        next_seq: u64,
        gap: u64,
        (heard, target): (Time, Duration),
    ) -> Pull {
        let samples = (gap.min(u64::from(cursor.samples)) as u32).max(1) / 120 * 120;
        let samples = samples.max(120);
        self.cursor = Some(Cursor {
            seq: (cursor.seq + 1).min(next_seq),
            timestamp: cursor.timestamp + u64::from(samples).min(gap),
            ..cursor
        });
        let next = self
            .packets
            .get(&next_seq)
            .filter(|_| next_seq == cursor.seq + 1)
            .map(|p| p.payload.clone());
        if let Some(payload) = next.filter(|payload| opus::has_lbrr(payload)) {
            self.stats.fec_samples += u64::from(samples);
            self.end_run();
            return Pull::Fec { payload, samples };
        }
        if let Some((payload, before)) = self.description(cursor.timestamp, samples) {
            self.described.note(true);
            self.end_run();
            let pace = self.pace(cursor.timestamp, heard, target);
            return self.deep(payload, before, samples, pace);
        }
        self.stats.concealed_samples += u64::from(samples);
        self.run += u64::from(samples);
        if self.run > CONCEAL_LIMIT {
            Pull::Silence { samples }
        } else {
            Pull::Conceal { samples }
        }
    }

    /// The next packet that describes `samples` at `timestamp`, and how many samples before its own these begin.
    fn description(&self, timestamp: u64, samples: u32) -> Option<(Arc<[u8]>, u32)> {
        let before = |p: &Held| p.timestamp.saturating_sub(timestamp);
        let describes = |p: &&Held| p.deep > 0 && before(p) <= u64::from(p.deep);
        let later = self.packets.values().take(LOOK_AHEAD).find(describes)?;
        let before = before(later);
        (before >= u64::from(samples)).then(|| (later.payload.clone(), before as u32))
    }

    fn deep(&mut self, payload: Arc<[u8]>, before: u32, samples: u32, pace: Pace) -> Pull {
        self.stats.deep_samples += u64::from(samples);
        Pull::Deep {
            payload,
            before,
            samples,
            pace,
        }
    }

    /// Nothing is here.
    fn wait(&mut self, samples: u32) -> Pull {
        self.waited += u64::from(samples);
        if self.run + self.waited > CONCEAL_LIMIT {
            Pull::Silence { samples }
        } else {
            Pull::Conceal { samples }
        }
    }

    /// A gap has ended: `paused` samples of it were the sender's pause, the rest was concealment.
    fn settle(&mut self, paused: u64) {
        let concealed = std::mem::take(&mut self.waited).saturating_sub(paused);
        self.stats.concealed_samples += concealed;
        self.run += concealed;
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        if run >= STALL {
            self.stats.stalls += 1;
            self.stats.stalled += samples_to_time(run);
        }
    }

    fn play(&mut self, seq: u64, heard: Time, target: Duration) -> Pull {
        let Some(held) = self.packets.remove(&seq) else {
            return self.wait(STEP);
        };
        let (timestamp, payload) = (held.timestamp, held.payload);
        let samples = opus::duration(&payload).unwrap_or(960);
        self.end_run();
        self.described.note(false);
        let alone = self.described.is_alone();
        let description = alone
            .then(|| self.description(timestamp, samples))
            .flatten();
        if held.is_copy && description.is_none() {
            self.stats.red_samples += u64::from(samples);
        }
        self.cursor = Some(Cursor {
            seq: seq + 1,
            timestamp: timestamp + u64::from(samples),
            samples,
        });
        self.played = Some((heard, timestamp as u32));
        let pace = self.pace(timestamp, heard, target);
        if let Some((payload, before)) = description {
            return self.deep(payload, before, samples, pace);
        }
        Pull::Packet {
            payload,
            samples,
            pace,
        }
    }

    /// How to play what began at `timestamp`, and so was delayed until `heard`.
    fn pace(&mut self, timestamp: u64, heard: Time, target: Duration) -> Pace {
        let delay = self.estimator.delay_at(timestamp, heard);
        self.stats.delay = Duration::from_micros(delay.max(0) as u64);
        let aim = target.as_micros() as i64;
        if delay > aim + TOO_LATE.as_micros() as i64 {
            Pace::Faster
        } else if delay < aim - TOO_EARLY.as_micros() as i64 {
            Pace::Slower
        } else {
            Pace::Normal
        }
    }
}

fn samples_to_time(samples: u64) -> Duration {
    Duration::from_micros(samples * 1_000_000 / 48_000)
}
