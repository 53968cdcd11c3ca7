//! The audio jitter buffer: packets in, one decision per pull out.
//!
//! The caller decodes, conceals and stretches; the buffer knows only payloads and time. It pulls when the samples it holds run
//! out, and says when the first sample it gets will be heard. So the delay of what is played is always known exactly, and
//! stretching, clock drift and device hiccups correct themselves at the next pull.
//!
//! A packet that is missing while a later one is here is lost: the next packet's LBRR replaces it, or it is concealed, and the time
//! line moves on. When nothing is here the packets may only be late: concealment then *waits*, and what was waited is taken
//! off again if the packets turn out lost, or stays as delay, to be worked off by playing faster.

use crate::{DelayEstimator, TimestampUnwrapper, opus};
use confab_base::{Duration, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct AudioJitterConfig {
    /// Least and most delay aimed at, against the fastest packets.
    pub min_delay: Duration,
    pub max_delay: Duration,
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
    /// Let the decoder conceal.
    Conceal { samples: u32 },
    /// Nothing was sent, or nothing has come for so long that concealment would only hum.
    Silence { samples: u32 },
}

/// Counted since the start. A gap is judged when it ends: only then is it known whether the sender paused (no concealment, no
/// stall) or the network failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioStats {
    /// Samples played while the stream was alive.
    pub total_samples: u64,
    pub concealed_samples: u64,
    pub fec_samples: u64,
    pub packets: u64,
    /// Packets that came after their turn.
    pub late_packets: u64,
    pub duplicate_packets: u64,
    /// Packets dropped to come back to the target delay after a burst, or for want of room.
    pub dropped_packets: u64,
    /// Runs of at least 200 ms without received sound, and their sum.
    pub stalls: u64,
    pub stalled: Duration,
    /// Delay of what was played last, and the one aimed at.
    pub delay: Duration,
    pub target_delay: Duration,
}

/// Concealing steps while waiting for packets that are only late.
const STEP: u32 = 480;
/// After this much concealment in a row, silence.
const CONCEAL_LIMIT: u64 = 9600;
const STALL: u64 = 9600;
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

#[derive(Debug)]
pub struct AudioJitterBuffer {
    config: AudioJitterConfig,
    packets: BTreeMap<u64, (u64, Arc<[u8]>)>,
    unwrapper: TimestampUnwrapper,
    estimator: DelayEstimator,
    cursor: Option<Cursor>,
    /// Samples played since the buffer ran dry, not yet known to be concealment or pause.
    waited: u64,
    /// Concealed in a row, settled.
    run: u64,
    extra: Duration,
    /// Recent loss, 0..=1, and whether the packets carry LBRR: then one more packet is held.
    loss: f32,
    lbrr: f32,
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
            loss: 0.0,
            lbrr: 0.0,
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
        if self
            .cursor
            .is_some_and(|c| packet.seq < c.seq || timestamp < c.timestamp)
        {
            self.stats.late_packets += 1;
            return;
        }
        self.lbrr += (f32::from(u8::from(opus::has_lbrr(&packet.payload))) - self.lbrr) / 32.0;
        if self
            .packets
            .insert(packet.seq, (timestamp, packet.payload))
            .is_some()
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

    /// What to play when the samples pulled before run out. `heard` is when its first sample will be due: now, plus what the
    /// caller still holds. The result is at least 2.5 ms long.
    pub fn pull(&mut self, heard: Time) -> Pull {
        let target = self.target();
        self.skip_excess(heard, target);
        let pull = match (self.cursor, self.packets.first_key_value()) {
            (None, None) => return Pull::Silence { samples: STEP },
            (None, Some((&seq, &(timestamp, _)))) => {
                if self.estimator.due(timestamp, target) > heard + Duration::from_millis(5) {
                    return Pull::Silence { samples: STEP };
                }
                self.play(seq, heard, target)
            }
            (Some(_), None) => self.wait(STEP),
            (Some(cursor), Some((&seq, &(timestamp, _)))) => {
                self.at_packet(cursor, seq, timestamp, heard, target)
            }
        };
        self.stats.total_samples += u64::from(match &pull {
            Pull::Packet { samples, .. }
            | Pull::Fec { samples, .. }
            | Pull::Conceal { samples }
            | Pull::Silence { samples } => *samples,
        });
        pull
    }

    /// When the last packet pulled is heard, and its RTP timestamp; for lip sync.
    pub fn last_played(&self) -> Option<(Time, u32)> {
        self.played
    }

    pub fn stats(&self) -> AudioStats {
        AudioStats {
            target_delay: self.target(),
            ..self.stats
        }
    }

    fn target(&self) -> Duration {
        let fec = self.loss > 0.01 && self.lbrr > 0.1;
        let packet = self.cursor.map_or(960, |c| c.samples);
        let for_fec = if fec {
            samples_to_time(packet.into())
        } else {
            Duration::ZERO
        };
        (self.estimator.spread() + SLACK + for_fec)
            .clamp(self.config.min_delay, self.config.max_delay)
            + self.extra
    }

    /// Drops what is so late that playing faster would not catch up in a few seconds.
    fn skip_excess(&mut self, heard: Time, target: Duration) {
        let limit = (target + self.config.max_excess).as_micros() as i64;
        let first_delay = |this: &Self| {
            this.packets
                .first_key_value()
                .map(|(_, (ts, _))| this.estimator.delay_at(*ts, heard))
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
        if let (Some(cursor), Some((&seq, &(timestamp, _)))) =
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
            // Concealed already while it was not known that they were lost.
            let done = self.waited.min(gap);
            let lost = (done / u64::from(cursor.samples.max(1))).min(seq - cursor.seq);
            self.note_loss(lost);
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
        self.lost(cursor, seq, gap)
    }

    /// One packet at the cursor is lost.
    fn lost(&mut self, cursor: Cursor, next_seq: u64, gap: u64) -> Pull {
        let samples = (gap.min(u64::from(cursor.samples)) as u32).max(1) / 120 * 120;
        let samples = samples.max(120);
        self.note_loss(1);
        self.cursor = Some(Cursor {
            seq: (cursor.seq + 1).min(next_seq),
            timestamp: cursor.timestamp + u64::from(samples).min(gap),
            ..cursor
        });
        let next = self
            .packets
            .get(&next_seq)
            .filter(|_| next_seq == cursor.seq + 1)
            .map(|(_, payload)| payload.clone());
        if let Some(payload) = next.filter(|payload| opus::has_lbrr(payload)) {
            self.stats.fec_samples += u64::from(samples);
            self.end_run();
            return Pull::Fec { payload, samples };
        }
        self.stats.concealed_samples += u64::from(samples);
        self.run += u64::from(samples);
        if self.run > CONCEAL_LIMIT {
            Pull::Silence { samples }
        } else {
            Pull::Conceal { samples }
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

    fn note_loss(&mut self, packets: u64) {
        for _ in 0..packets.min(100) {
            self.loss += (1.0 - self.loss) / 64.0;
        }
    }

    fn play(&mut self, seq: u64, heard: Time, target: Duration) -> Pull {
        let Some((timestamp, payload)) = self.packets.remove(&seq) else {
            return self.wait(STEP);
        };
        let samples = opus::duration(&payload).unwrap_or(960);
        self.end_run();
        self.loss -= self.loss / 64.0;
        self.cursor = Some(Cursor {
            seq: seq + 1,
            timestamp: timestamp + u64::from(samples),
            samples,
        });
        self.played = Some((heard, timestamp as u32));
        let delay = self.estimator.delay_at(timestamp, heard);
        self.stats.delay = Duration::from_micros(delay.max(0) as u64);
        let aim = target.as_micros() as i64;
        let pace = if delay > aim + TOO_LATE.as_micros() as i64 {
            Pace::Faster
        } else if delay < aim - TOO_EARLY.as_micros() as i64 {
            Pace::Slower
        } else {
            Pace::Normal
        };
        Pull::Packet {
            payload,
            samples,
            pace,
        }
    }
}

fn samples_to_time(samples: u64) -> Duration {
    Duration::from_micros(samples * 1_000_000 / 48_000)
}
