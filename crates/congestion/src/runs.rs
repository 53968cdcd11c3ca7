//! How many packets of a voice are lost in a row: copies sent right after the frame are lost with it where losses come in bursts,
//! so the redundancy ladder spreads them there.

use std::collections::VecDeque;

/// Weight of what was before, for each new run: about the last twenty count.
const KEPT: f32 = 0.95;
/// Fewer runs than this (weighted) tell nothing.
const ENOUGH: f32 = 5.0;
/// A longer run is a pause or a cut, not a burst; packets.
const LONGEST: u64 = 100;

/// Mean length of runs of lost packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct LossRuns {
    lost: f32,
    runs: f32,
}

impl LossRuns {
    /// So many packets in a row did not come; a packet before and one after them did. Runs of none or of more than two seconds
    /// are left out.
    pub fn add(&mut self, run: u64) {
        if (1..=LONGEST).contains(&run) {
            self.lost = self.lost * KEPT + run as f32;
            self.runs = self.runs * KEPT + 1.0;
        }
    }

    /// Packets, 1 and more; `None` while too few runs are known.
    pub fn mean(&self) -> Option<f32> {
        (self.runs >= ENOUGH).then(|| self.lost / self.runs)
    }
}

/// Voice packets on their way to one receiver, told from its transport-wide feedback.
#[derive(Debug, Default)]
pub struct VoiceRuns {
    /// Transport-wide number and stream of packets not reported yet.
    flying: VecDeque<(u16, usize)>,
    /// Of each stream: lost since the last one that came; `None` before any came.
    open: Vec<Option<u64>>,
    runs: LossRuns,
}

impl VoiceRuns {
    /// Packets that wait for a report; older ones are forgotten.
    const MOST_FLYING: usize = 1024;
    /// Streams told apart, the first ones.
    const MOST_STREAMS: usize = 64;

    /// A voice packet leaves with this transport-wide number; numbers rise, and wrap.
    pub fn sent(&mut self, number: u16, stream: usize) {
        if stream >= VoiceRuns::MOST_STREAMS {
            return;
        }
        if self.flying.len() >= VoiceRuns::MOST_FLYING {
            self.flying.pop_front();
        }
        self.flying.push_back((number, stream));
    }

    /// What the receiver says of a packet, of whatever kind. Those sent before it that no report spoke of stay unknown.
    pub fn reported(&mut self, number: u16, came: bool) {
        let is_before = |n: u16| number.wrapping_sub(n) < 1 << 15;
        while let Some(&(flying, stream)) = self.flying.front()
            && is_before(flying)
        {
            self.flying.pop_front();
            if flying == number {
                self.note(stream, came);
            }
        }
    }

    fn note(&mut self, stream: usize, came: bool) {
        if self.open.len() <= stream {
            self.open.resize(stream + 1, None);
        }
        let open = &mut self.open[stream];
        if came {
            self.runs.add(open.replace(0).unwrap_or(0));
        } else if let Some(lost) = open {
            *lost += 1;
        }
    }

    /// Mean number of packets of one voice lost in a row; `None` while too few were lost to say.
    pub fn mean(&self) -> Option<f32> {
        self.runs.mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports on packets of two voices and of pictures between them; `lost` tells by the time slot of a voice packet.
    fn heard(lost: impl Fn(u64) -> bool) -> Option<f32> {
        let mut runs = VoiceRuns::default();
        let mut number = 65_000u16;
        for slot in 0..1000 {
            let mut reports = Vec::new();
            for stream in [Some(0), None, Some(5), None] {
                if let Some(stream) = stream {
                    runs.sent(number, stream);
                }
                reports.push((number, !lost(slot)));
                number = number.wrapping_add(1);
            }
            for (number, came) in reports {
                runs.reported(number, came);
            }
        }
        runs.mean()
    }

    #[test]
    fn a_burst_is_counted_in_packets_of_one_voice_whatever_travels_beside_it() {
        assert_eq!(heard(|slot| slot % 20 < 4), Some(4.0));
        let single = heard(|slot| slot % 3 == 1).unwrap();
        assert!((single - 1.0).abs() < 0.01, "{single}");
        assert_eq!(heard(|_| false), None);
        assert_eq!(heard(|slot| slot == 500), None, "one loss tells nothing");
    }

    #[test]
    fn the_last_twenty_runs_count_and_pauses_do_not() {
        let mut runs = LossRuns::default();
        (0..100).for_each(|_| runs.add(1));
        (0..60).for_each(|_| runs.add(6));
        assert!(runs.mean().unwrap() > 5.5, "{runs:?}");
        runs.add(5000);
        assert!(runs.mean().unwrap() < 6.1, "{runs:?}");
    }

    #[test]
    fn reports_twice_out_of_order_or_of_nothing_sent_do_no_harm() {
        let mut runs = VoiceRuns::default();
        for number in 0..3000u16 {
            runs.sent(number, 0);
            runs.sent(number, 1000);
        }
        assert!(runs.flying.len() <= VoiceRuns::MOST_FLYING);
        for number in [2990, 2980, 2990, 60_000, 2995] {
            runs.reported(number, false);
        }
        assert_eq!(runs.mean(), None);
    }
}
