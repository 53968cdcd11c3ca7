//! Repair of voices, hop by hop. Coming in, copies of earlier frames (RED) take the place of packets that were lost on the way from
//! the sender, and go out as if those had come. Going out, packets carry copies again where the way to the receiver
//! loses, as many as that way needs and the receiver can read.

use crate::io::{RtpIn, RtpOut};
use confab_base::{Duration, Time, VoiceLoss};
use confab_congestion::LossRuns;
use confab_rtp::Protection;
use confab_rtp::red::{History, restore};

/// Which frames of a voice came already, in whatever way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    highest: Option<u64>,
    /// Bit `n`: the frame `n` before the highest.
    bits: u128,
    /// How many packets are lost in a row on the way here.
    pub(crate) runs: LossRuns,
    /// Frames restored in the second that began then.
    second: Option<Time>,
    restored: u64,
}

/// Frames restored in a second at most: twice what 20 ms make. A packet could claim to bring back sixteen that never were, and each goes to
/// every listener.
const MOST_RESTORED: u64 = 100;

impl Seen {
    /// Whether this frame is new. Those too old to know are not.
    fn take(&mut self, seq: u64) -> bool {
        let Some(highest) = self.highest.filter(|h| h.abs_diff(seq) < 1 << 15) else {
            // What was before the begin counts as come: it may have been said while muted.
            (self.highest, self.bits) = (Some(seq), u128::MAX);
            return true;
        };
        if seq > highest {
            let by = (seq - highest).min(u64::from(u128::BITS)) as u32;
            self.bits = self.bits.checked_shl(by).unwrap_or(0) | 1;
            self.highest = Some(seq);
            return true;
        }
        let back = highest - seq;
        if back >= u64::from(u128::BITS) {
            return false;
        }
        let is_new = self.bits & 1 << back == 0;
        self.bits |= 1 << back;
        is_new
    }

    /// The frames of a packet that are new, in the order of their numbers, and how many of them were restored from
    /// copies. A voice begins with a frame of its own: what was before it is not brought back. Malformed RED gives nothing.
    pub(crate) fn frames(&mut self, packet: &RtpIn, now: Time) -> (Vec<RtpIn>, u64) {
        if self
            .second
            .is_none_or(|s| now.since(s) >= Duration::from_secs(1))
        {
            (self.second, self.restored) = (Some(now), 0);
        }
        if let Some(highest) = self.highest {
            self.runs
                .add(packet.seq.saturating_sub(highest.saturating_add(1)));
        }
        if !packet.red {
            let is_new = self.take(packet.seq);
            return (Vec::from_iter(is_new.then(|| packet.clone())), 0);
        }
        let Ok((payload, copies)) = restore(packet.seq, packet.timestamp, &packet.payload) else {
            return (Vec::new(), 0);
        };
        let begun = self.highest.is_some();
        let mut frames = Vec::new();
        // They come newest first.
        for copy in copies.into_iter().rev() {
            if begun && self.restored < MOST_RESTORED && self.take(copy.seq) {
                self.restored += 1;
                frames.push(RtpIn {
                    tag: None,
                    seq: copy.seq,
                    timestamp: copy.timestamp,
                    marker: false,
                    payload: copy.payload,
                    red: false,
                    audio_level: None,
                    voice: packet.voice,
                });
            }
        }
        let restored = frames.len() as u64;
        if self.take(packet.seq) {
            frames.push(RtpIn {
                payload,
                red: false,
                ..packet.clone()
            });
        }
        (frames, restored)
    }
}

/// Puts copies of what a slot sent before into what it sends.
#[derive(Debug, Default)]
pub(crate) struct Copier {
    history: History,
    /// What the receiver's way needs; without copies packets go out plain.
    pub(crate) protection: Protection,
}

impl Copier {
    /// `plain`: the payload type of plain frames, if the receiver takes RED.
    pub(crate) fn add(&mut self, packet: &mut RtpOut, plain: Option<u8>) {
        let Some(plain) = plain else { return };
        let frame = (packet.seq, packet.timestamp, &*packet.payload);
        // Where gaps are longer than copies reach, a frame that describes its past does better without them.
        let described =
            !self.protection.deep.is_zero() && confab_rtp::opus::has_padding(&packet.payload);
        let copies = match described {
            true => &[],
            false => self.protection.copies,
        };
        let red = self.history.wrap(frame, plain, copies);
        self.history
            .add(packet.seq, packet.timestamp, &packet.payload);
        if let Some(red) = red {
            packet.payload = red.into();
            packet.red = true;
        }
    }
}

/// What a sender was told of its losses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ToldLoss {
    told: VoiceLoss,
    at: Option<Time>,
}

impl ToldLoss {
    const INTERVAL: Duration = Duration::from_secs(1);
    /// Percent, and tenths of packets in a burst; smaller changes are not told, but for the last one of the loss to nothing.
    const STEP: u8 = 5;

    /// What has to be told, if anything. `missed`: by the listener who misses most, 0 to 1; `burst`: packets lost in a row on the
    /// way here.
    pub(crate) fn update(
        &mut self,
        missed: f32,
        burst: Option<f32>,
        now: Time,
    ) -> Option<VoiceLoss> {
        let loss = VoiceLoss {
            percent: (missed * 100.0).round() as u8,
            burst: (burst.unwrap_or(0.0) * 10.0).round() as u8,
        };
        let steps = [
            loss.percent.abs_diff(self.told.percent),
            loss.burst.abs_diff(self.told.burst),
        ];
        let far = steps.iter().any(|s| *s >= ToldLoss::STEP);
        let over = loss.percent == 0 && self.told.percent > 0;
        let early = self.at.is_some_and(|at| now.since(at) < ToldLoss::INTERVAL);
        if early || !(far || over) {
            return None;
        }
        *self = ToldLoss {
            told: loss,
            at: Some(now),
        };
        Some(loss)
    }

    /// Whether the sender thinks that something is lost.
    pub(crate) fn is_any(&self) -> bool {
        self.told != VoiceLoss::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn plain(seq: u64) -> RtpIn {
        RtpIn {
            tag: None,
            seq,
            timestamp: seq as u32 * 960,
            marker: false,
            payload: Arc::from([0x78, seq as u8]),
            red: false,
            audio_level: None,
            voice: true,
        }
    }

    fn red(seq: u64, distances: &[u8]) -> RtpIn {
        let mut history = History::default();
        for seq in seq.saturating_sub(17)..seq {
            let packet = plain(seq);
            history.add(seq, packet.timestamp, &packet.payload);
        }
        let own = plain(seq);
        let bytes = history.wrap((seq, own.timestamp, &own.payload), 111, distances);
        RtpIn {
            payload: bytes.expect("copies").into(),
            red: true,
            ..own
        }
    }

    fn numbers(seen: &mut Seen, packet: &RtpIn) -> Vec<u64> {
        let (frames, _) = seen.frames(packet, Time::ZERO);
        assert!(frames.iter().all(|f| f.payload[1] == f.seq as u8 && !f.red));
        frames.iter().map(|f| f.seq).collect()
    }

    #[test]
    fn what_was_lost_is_brought_back_once_and_in_order() {
        let mut seen = Seen::default();
        assert_eq!(numbers(&mut seen, &red(100, &[1, 2])), [100], "the begin");
        assert_eq!(numbers(&mut seen, &red(103, &[1, 2])), [101, 102, 103]);
        assert_eq!(numbers(&mut seen, &red(104, &[1, 2])), [104]);
        assert_eq!(
            numbers(&mut seen, &plain(102)),
            [0u64; 0],
            "late, not needed"
        );
        assert_eq!(numbers(&mut seen, &plain(107)), [107]);
        assert_eq!(numbers(&mut seen, &plain(106)), [106], "late, and missed");
        assert_eq!(numbers(&mut seen, &plain(107)), [0u64; 0], "twice");
    }

    #[test]
    fn losses_are_told_when_they_change_and_not_too_often() {
        let mut told = ToldLoss::default();
        let mut say = |loss, ms| {
            let told = told.update(loss, None, Time::from_millis(ms));
            told.map(|l| l.percent)
        };
        assert_eq!(say(0.04, 0), None);
        assert_eq!(say(0.30, 100), Some(30));
        assert_eq!(say(0.60, 900), None, "too soon");
        assert_eq!(say(0.60, 1100), Some(60));
        assert_eq!(say(0.58, 5000), None, "near enough");
        assert_eq!(say(0.03, 9000), Some(3));
        assert_eq!(say(0.0, 11_000), Some(0));
        assert_eq!(say(0.0, 20_000), None);
    }

    #[test]
    fn bursts_on_the_way_here_are_told_when_they_get_longer() {
        let (mut seen, mut told) = (Seen::default(), ToldLoss::default());
        let mut say = |runs: &LossRuns, ms| {
            let told = told.update(0.0, runs.mean(), Time::from_millis(ms));
            told.map(|l| l.burst)
        };
        let mut seq = 100;
        let mut speak = |seen: &mut Seen, lost: u64| {
            for _ in 0..40 {
                seq += 1 + lost;
                seen.frames(&red(seq, &[1, 2]), Time::ZERO);
                seq += 1;
                seen.frames(&plain(seq), Time::ZERO);
            }
        };
        speak(&mut seen, 0);
        assert_eq!(say(&seen.runs, 1000), None);
        speak(&mut seen, 1);
        assert_eq!(
            say(&seen.runs, 3000),
            Some(10),
            "restored or not, it was lost"
        );
        speak(&mut seen, 4);
        assert!(say(&seen.runs, 5000).is_some_and(|b| b > 30));
        assert_eq!(say(&seen.runs, 7000), None);
    }

    #[test]
    fn a_jump_of_the_numbers_starts_anew() {
        let mut seen = Seen::default();
        for seq in [5, 1 << 40, 200_000, u64::MAX, 7, 400, 300] {
            assert!(seen.take(seq), "{seq}");
        }
        assert!(!seen.take(100), "too old to know");
    }

    #[test]
    fn no_more_is_brought_back_than_can_have_been_said() {
        let mut seen = Seen::default();
        seen.frames(&plain(1000), Time::ZERO);
        let bursts = (1..=50u64).map(|n| red(1000 + n * 5, &[1, 2, 3, 4]));
        let brought = bursts.map(|p| seen.frames(&p, Time::ZERO).1).sum::<u64>();
        assert_eq!(brought, MOST_RESTORED);
        let later = Time::from_millis(1000);
        assert_eq!(seen.frames(&red(1255, &[1, 2, 3, 4]), later).1, 4);
    }

    #[test]
    fn malformed_packets_give_nothing() {
        let mut bad = plain(9);
        bad.red = true;
        bad.payload = Arc::from([0xef, 0]);
        assert!(Seen::default().frames(&bad, Time::ZERO).0.is_empty());
    }

    #[test]
    fn a_receiver_without_red_gets_plain_packets() {
        let out = |seq: u64| RtpOut {
            tag: None,
            seq,
            timestamp: seq as u32 * 960,
            marker: false,
            payload: plain(seq).payload,
            red: false,
            audio_level: None,
            voice: false,
        };
        let mut copier = Copier {
            protection: Protection {
                copies: &[1],
                ..Protection::NONE
            },
            ..Copier::default()
        };
        for seq in 0..4 {
            let (mut with, mut without) = (out(seq), out(seq));
            copier.add(&mut without, None);
            assert!(!without.red);
            copier.add(&mut with, Some(111));
            assert_eq!(with.red, seq > 0);
        }
    }
}
