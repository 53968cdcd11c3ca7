//! Whose microphones hear the same room, from the audio levels of RFC 6464: nothing is decoded.
//!
//! Once a second the [`Envelope`]s of those who can be heard are compared, two at a time, over the last eight seconds. What is
//! compared is the rise and fall of syllables (the level less the mean of the speech 300 ms to either side), since the longer waves
//! of speech and pause are alike for any two who laugh together or answer each other. Two microphones of one room rise and fall together, at once: *at once*
//! tells them from a microphone that hears a loudspeaker, where the sound comes after a way through the network and a jitter buffer.
//! Who hears somebody in that way in these seconds tells nothing about third ones, who may hear the same loudspeaker's voice.
//!
//! Cost: comparing two takes 19 lags × 160 steps = 3040 multiplications, a check of the most that are compared, 30, then
//! 435 × 3040, about 1.3 million or a millisecond each second. Memory: 1 KiB for a voice.

mod envelope;
#[cfg(test)]
mod tests;

use confab_base::{AudioLevel, Duration, ParticipantId, Source, Time};
use envelope::{Envelope, FLOOR, STEP};
use std::collections::BTreeMap;

/// How often voices are compared.
const CHECK: Duration = Duration::from_secs(1);
/// Steps that are compared: 8 s.
const WINDOW: usize = 160;
/// Steps by which one may be later than the other: 450 ms, the way of an echo over a slow network.
const LAGS: usize = 9;
/// Steps by which one of two microphones in a room may be later: 100 ms, for sound on its way, and devices and encoders of
/// different speed. For each, how much quieter the later may be, dB: an echo that came quickly is late and faint.
const AT_ONCE: [f32; 3] = [f32::INFINITY, 18.0, 8.0];
/// Steps to either side over which the mean is taken that is taken away.
const AROUND: usize = 6;
/// More than this above or below the mean is an edge, dB: one door that slams must not outweigh seconds of speech.
const EDGE: f32 = 10.0;
/// The newest steps are left out: packets for them may still be on their way.
const SETTLING: u64 = 6;
/// A step this loud may be speech, dBov.
const ACTIVE: f32 = -55.0;
/// Active steps without which nothing is compared: in the window 1.8 s, and of its newest 1.5 s a third.
const ENOUGH: usize = 36;
const NEWEST: usize = 30;
const FRESH: usize = 10;
/// Speech rises and falls by more than this, dB (standard deviation); a fan does not.
const LIVELY: f32 = 2.5;
/// Correlation from which two hear the same, and below which they do not.
const SAME: f32 = 0.7;
const APART: f32 = 0.35;
/// Correlation from which a later one is taken for an echo.
const ECHO: f32 = 0.4;
/// Checks in a row that must say so.
const CHECKS_SAME: u8 = 3;
const CHECKS_APART: u8 = 20;
/// A pair lasts this long over the mute of one of them.
const MUTED: Duration = Duration::from_secs(300);
/// Voices that are compared at most.
const MOST: usize = 30;

type Two = (ParticipantId, ParticipantId);

#[derive(Debug, Default)]
pub(crate) struct SameRoom {
    /// Of microphones, and of the sound of shares, which loudspeakers play.
    voices: BTreeMap<(ParticipantId, Source), Envelope>,
    /// Since when a microphone is muted.
    muted: BTreeMap<ParticipantId, Time>,
    /// The lower id first.
    pairs: BTreeMap<Two, Pair>,
    told: Vec<Two>,
    /// Pairs began or ended since they were told.
    is_new: bool,
    checked: Time,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    is_same: bool,
    /// Checks in a row that spoke for the other.
    checks: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Apart,
    /// Too little was said, or it might be an echo.
    Unknown,
}

impl SameRoom {
    /// A packet of the participant's microphone or share, with its RTP timestamp (48 kHz).
    pub fn note(
        &mut self,
        who: ParticipantId,
        source: Source,
        level: AudioLevel,
        timestamp: u32,
        now: Time,
    ) {
        let voice = self.voices.entry((who, source)).or_default();
        voice.note(level, timestamp, now);
    }

    /// Pairs outlast a mute for a while: the two are still in one room.
    pub fn mute(&mut self, who: ParticipantId, source: Source, muted: bool, now: Time) {
        if muted {
            self.voices.remove(&(who, source));
        }
        if source == Source::Microphone && muted {
            self.muted.entry(who).or_insert(now);
        } else if source == Source::Microphone {
            self.muted.remove(&who);
        }
    }

    /// The source is not published any more.
    pub fn remove(&mut self, who: ParticipantId, source: Source) {
        self.voices.remove(&(who, source));
        if source == Source::Microphone {
            self.muted.remove(&who);
            self.part(who);
        }
    }

    /// Takes the participant out of its pairs. Those who were in a room with it are in a room with each other.
    fn part(&mut self, who: ParticipantId) {
        let others: Vec<_> = self.same().filter_map(|two| other(two, who)).collect();
        self.pairs.retain(|two, _| other(*two, who).is_none());
        self.is_new |= !others.is_empty();
        for (i, a) in others.iter().enumerate() {
            for b in &others[i + 1..] {
                let pair = self.pairs.entry(ordered(*a, *b)).or_default();
                (pair.is_same, pair.checks) = (true, 0);
            }
        }
    }

    fn same(&self) -> impl Iterator<Item = Two> {
        let same = self.pairs.iter().filter(|(_, pair)| pair.is_same);
        same.map(|(two, _)| *two)
    }

    /// All pairs that hear the same room, in order, where they are others than before.
    pub fn poll(&mut self, now: Time) -> Option<Vec<Two>> {
        if now.since(self.checked) >= CHECK {
            self.checked = now;
            self.check(now);
        }
        // For every packet: nothing is listed without need.
        if !std::mem::take(&mut self.is_new) {
            return None;
        }
        let same: Vec<Two> = self.same().collect();
        if same == self.told {
            return None;
        }
        self.told = same;
        Some(self.told.clone())
    }

    fn check(&mut self, now: Time) {
        let long_muted = self
            .muted
            .extract_if(.., |_, since| now.since(*since) >= MUTED);
        for (who, _) in long_muted.collect::<Vec<_>>() {
            self.part(who);
        }
        let last = (now.as_micros() / STEP.as_micros() as u64).saturating_sub(SETTLING);
        let heard = self.voices.iter();
        let heard = heard.filter_map(|(key, voice)| Heard::of(*key, voice, last));
        let heard: Vec<Heard> = heard.take(MOST).collect();
        for (two, verdict) in verdicts(&heard) {
            self.judge(two, verdict);
        }
    }

    fn judge(&mut self, two: Two, verdict: Verdict) {
        if verdict == Verdict::Unknown {
            return;
        }
        let pair = self.pairs.entry(two).or_default();
        let (new, needed) = match pair.is_same {
            true => (Verdict::Apart, CHECKS_APART),
            false => (Verdict::Same, CHECKS_SAME),
        };
        pair.checks = if verdict == new { pair.checks + 1 } else { 0 };
        if pair.checks >= needed {
            (pair.is_same, pair.checks) = (!pair.is_same, 0);
            self.is_new = true;
        }
        if !pair.is_same && pair.checks == 0 {
            self.pairs.remove(&two);
        }
    }
}

fn ordered(a: ParticipantId, b: ParticipantId) -> Two {
    (a.min(b), a.max(b))
}

fn other((a, b): Two, who: ParticipantId) -> Option<ParticipantId> {
    match (a == who, b == who) {
        (true, _) => Some(b),
        (_, true) => Some(a),
        _ => None,
    }
}

/// A voice that can be compared.
struct Heard {
    who: ParticipantId,
    source: Source,
    /// Mean of its active steps, dBov.
    loudness: f32,
    /// The level, dBov, and that less its mean around, dB, for the window and [`LAGS`] steps to either side.
    levels: Vec<f32>,
    shape: Vec<f32>,
}

impl Heard {
    /// `None`: there was no speech, or none lately.
    fn of((who, source): (ParticipantId, Source), voice: &Envelope, last: u64) -> Option<Heard> {
        let mut levels = [FLOOR; WINDOW + 2 * (LAGS + AROUND)];
        voice.copy(last, &mut levels);
        let window = &levels[LAGS + AROUND..][..WINDOW];
        let active = |steps: &[f32]| steps.iter().filter(|l| **l >= ACTIVE).count();
        let spoken = active(window);
        if spoken < ENOUGH || active(&window[WINDOW - NEWEST..]) < FRESH {
            return None;
        }
        let loud = window.iter().filter(|l| **l >= ACTIVE);
        let loudness = loud.sum::<f32>() / spoken as f32;
        let around = levels.windows(2 * AROUND + 1);
        let shape: Vec<f32> = around.map(|w| rise(w[AROUND], w)).collect();
        let power = shape[LAGS..][..WINDOW].iter().map(|s| s * s).sum::<f32>();
        let deviation = (power / spoken as f32).sqrt();
        (deviation >= LIVELY).then_some(Heard {
            who,
            source,
            loudness,
            levels: levels[AROUND..][..WINDOW + 2 * LAGS].to_vec(),
            shape,
        })
    }
}

/// How far an active step is above the active ones around it, dB. Others are as good as left out: that two begin or stop at the same
/// time says little, and would outweigh everything else.
fn rise(level: f32, around: &[f32]) -> f32 {
    if level < ACTIVE {
        return 0.0;
    }
    let active = around.iter().filter(|l| **l >= ACTIVE);
    let (sum, count) = active.fold((0.0, 0.0), |(sum, count), l| (sum + l, count + 1.0));
    (level - sum / f32::max(count, 1.0)).clamp(-EDGE, EDGE)
}

impl Heard {
    /// How much quieter another one is than this, so many steps later, dB; where this one is loud, as the other may say
    /// something of its own in between.
    fn above(&self, other: &Heard, later: u32) -> f32 {
        let own = &self.levels[LAGS..][..WINDOW];
        let others = &other.levels[LAGS + later as usize..][..WINDOW];
        let loud = own.iter().zip(others).filter(|(l, _)| **l >= self.loudness);
        let (sum, count) = loud.fold((0.0, 0.0), |(sum, count), (l, o)| {
            (sum + l - o, count + 1.0)
        });
        sum / f32::max(count, 1.0)
    }
}

/// How alike two voices are.
struct Likeness {
    /// The highest correlation, and by how many steps the second is later there; negative: earlier.
    best: f32,
    later: i32,
    /// The highest correlation of lags that microphones in one room have.
    at_once: f32,
}

fn likeness(a: &Heard, b: &Heard) -> Likeness {
    let (before, most) = (LAGS as i32, AT_ONCE.len() as i32 - 1);
    let mut found = Likeness {
        best: -1.0,
        later: 0,
        at_once: -1.0,
    };
    let fixed = &a.shape[LAGS..][..WINDOW];
    for lag in -before..=before {
        let moved = &b.shape[(before + lag) as usize..][..WINDOW];
        let r = correlation(fixed, moved);
        if r > found.best {
            (found.best, found.later) = (r, lag);
        }
        if lag.abs() <= most {
            found.at_once = found.at_once.max(r);
        }
    }
    found
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / (aa * bb).sqrt().max(1e-6)
}

/// What each two microphones say about each other.
fn verdicts(heard: &[Heard]) -> Vec<(Two, Verdict)> {
    let mut found = Vec::new();
    let mut hears_echo = vec![false; heard.len()];
    for (j, b) in heard.iter().enumerate() {
        for (i, a) in heard[..j].iter().enumerate() {
            let like = likeness(a, b);
            let is_late = is_late(a, b, like.later);
            if like.best >= ECHO && is_late {
                hears_echo[if like.later > 0 { j } else { i }] = true;
            }
            let microphones = [a.source, b.source] == [Source::Microphone; 2];
            if microphones && a.who != b.who {
                found.push((i, j, verdict(&like, is_late)));
            }
        }
    }
    let told = found.into_iter().map(|(i, j, verdict)| {
        let doubtful = verdict == Verdict::Same && (hears_echo[i] || hears_echo[j]);
        let verdict = if doubtful { Verdict::Unknown } else { verdict };
        (ordered(heard[i].who, heard[j].who), verdict)
    });
    told.collect()
}

/// Whether one is too late, or too late for how faint it is, to be in the room of the other.
fn is_late(a: &Heard, b: &Heard, later: i32) -> bool {
    let steps = later.unsigned_abs();
    let quieter = match later {
        ..0 => b.above(a, steps),
        0.. => a.above(b, steps),
    };
    AT_ONCE
        .get(steps as usize)
        .is_none_or(|most| quieter > *most)
}

fn verdict(like: &Likeness, is_late: bool) -> Verdict {
    if like.best >= SAME && !is_late {
        Verdict::Same
    } else if like.at_once < APART {
        Verdict::Apart
    } else {
        Verdict::Unknown
    }
}
