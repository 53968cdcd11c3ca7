//! Plays a little faster or slower without changing pitch: one pitch period is taken out or put in where the signal repeats itself
//! (WSOLA; Verhelst and Roelands, ICASSP 1993), joined by a cross-fade. The jitter buffer's `Pace` asks for it.

/// Searched periods: 2.5 ms (400 Hz) to 15 ms (67 Hz).
const SHORTEST: usize = 120;
const LONGEST: usize = 720;
/// Cross-fade and comparison window: 5 ms.
const OVERLAP: usize = 240;
/// RMS below which any cut is inaudible.
const SILENCE: f32 = 0.001;

/// One per stream.
#[derive(Clone, Debug)]
pub struct Stretcher {
    channels: usize,
    mono: Vec<f32>,
    /// Likeness a cut needs. Falls with each refusal, so that delay also comes down in noise and music.
    threshold: f32,
}

impl Stretcher {
    /// Interleaved samples with this many channels at 48 kHz.
    pub fn new(channels: usize) -> Stretcher {
        Stretcher {
            channels: channels.max(1),
            mono: Vec::with_capacity(5760),
            threshold: 0.9,
        }
    }

    /// Takes one period out of `samples` (10 ms or more), if one can be taken out unheard. Returns frames removed.
    pub fn faster(&mut self, samples: &mut Vec<f32>) -> usize {
        let Some(period) = self.find(samples) else {
            return 0;
        };
        let channels = self.channels;
        for i in 0..OVERLAP {
            let fade = (i + 1) as f32 / (OVERLAP + 1) as f32;
            for c in 0..channels {
                let at = i * channels + c;
                samples[at] = samples[at] * (1.0 - fade) + samples[at + period * channels] * fade;
            }
        }
        samples.drain(OVERLAP * channels..(OVERLAP + period) * channels);
        period
    }

    /// Repeats one period of `samples` (10 ms or more), if it can be repeated unheard. Returns frames added.
    pub fn slower(&mut self, samples: &mut Vec<f32>) -> usize {
        let Some(period) = self.find(samples) else {
            return 0;
        };
        let channels = self.channels;
        // From `period` on, fade over to what was one period earlier; then everything follows one period late.
        let at = period * channels;
        samples.splice(at..at, (0..at).map(|_| 0.0));
        samples.copy_within(0..at, at);
        // `samples[at..2 at]` now repeats the beginning and runs on into the rest; blend it with what would have come.
        for i in 0..OVERLAP {
            let fade = (i + 1) as f32 / (OVERLAP + 1) as f32;
            for c in 0..channels {
                let early = (i + 2 * period) * channels + c;
                let late = at + i * channels + c;
                if i < period && early < samples.len() {
                    let original = samples[early];
                    samples[late] = original * (1.0 - fade) + samples[late] * fade;
                }
            }
        }
        period
    }

    /// The period at which the beginning of `samples` repeats best, if well enough.
    fn find(&mut self, samples: &[f32]) -> Option<usize> {
        let channels = self.channels;
        self.mono.clear();
        self.mono.extend(
            samples
                .chunks_exact(channels)
                .map(|frame| frame.iter().sum::<f32>() / channels as f32),
        );
        let longest = LONGEST.min(self.mono.len().checked_sub(OVERLAP)?);
        if longest < SHORTEST {
            return None;
        }
        if crate::rms(&self.mono) < SILENCE {
            return Some(longest);
        }
        let coarse = (SHORTEST..=longest)
            .step_by(4)
            .max_by(|&a, &b| self.likeness(a, 2).total_cmp(&self.likeness(b, 2)))?;
        let fine = coarse.saturating_sub(3).max(SHORTEST)..=(coarse + 3).min(longest);
        let best = fine.max_by(|&a, &b| self.likeness(a, 1).total_cmp(&self.likeness(b, 1)))?;
        if self.likeness(best, 1) >= self.threshold {
            self.threshold = 0.9;
            return Some(best);
        }
        self.threshold = (self.threshold - 0.1).max(0.0);
        None
    }

    /// Normalised correlation of the first [`OVERLAP`] samples with those `period` later, using every `step`th.
    fn likeness(&self, period: usize, step: usize) -> f32 {
        let (mut ab, mut aa, mut bb) = (0.0f32, 1e-9f32, 1e-9f32);
        for i in (0..OVERLAP).step_by(step) {
            let (a, b) = (self.mono[i], self.mono[i + period]);
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        ab / (aa * bb).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Noise, Tone};
    use crate::{rms, tone_power};

    /// Runs three seconds of a tone through `change` in 20 ms packets.
    fn run(
        hz: f32,
        mut change: impl FnMut(&mut Stretcher, &mut Vec<f32>) -> usize,
    ) -> (Vec<f32>, usize) {
        let mut tone = Tone::new(hz, 0.5);
        let mut stretcher = Stretcher::new(1);
        let (mut out, mut changed) = (Vec::new(), 0);
        for _ in 0..150 {
            let mut packet = vec![0.0; 960];
            tone.fill(&mut packet);
            changed += change(&mut stretcher, &mut packet);
            out.extend(packet);
        }
        (out, changed)
    }

    fn purity(samples: &[f32], hz: f32) -> f32 {
        let mean: f32 = samples
            .chunks_exact(2400)
            .map(|s| tone_power(s, hz, 48_000) / rms(s).powi(2))
            .sum();
        mean / (samples.len() / 2400) as f32
    }

    #[test]
    fn a_tone_played_faster_or_slower_keeps_its_pitch() {
        for hz in [110.0, 200.0, 330.0] {
            let (out, removed) = run(hz, |s, packet| s.faster(packet));
            assert_eq!(out.len() + removed, 144_000);
            assert!(removed > 30_000, "{hz} Hz: {removed}");
            assert!(
                purity(&out, hz) > 0.97,
                "{hz} Hz faster: {}",
                purity(&out, hz)
            );
            let (out, added) = run(hz, |s, packet| s.slower(packet));
            assert_eq!(out.len() - added, 144_000);
            assert!(added > 30_000, "{hz} Hz: {added}");
            assert!(
                purity(&out, hz) > 0.97,
                "{hz} Hz slower: {}",
                purity(&out, hz)
            );
        }
    }

    #[test]
    fn joints_do_not_click() {
        let (out, _) = run(200.0, |s, packet| s.slower(packet));
        let steepest = out
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max);
        assert!(
            steepest < 0.5 * 200.0 * std::f32::consts::TAU / 48_000.0 * 1.6,
            "{steepest}"
        );
    }

    #[test]
    fn noise_is_shortened_after_some_refusals() {
        let mut noise = Noise::new(3);
        let mut stretcher = Stretcher::new(2);
        let removed: usize = (0..100)
            .map(|_| {
                let mut packet = vec![0.0; 1920];
                noise.fill(&mut packet, 0.3);
                stretcher.faster(&mut packet)
            })
            .sum();
        assert!(removed > 0);
    }

    #[test]
    fn both_sides_are_cut_alike_in_packets_of_10_ms_too() {
        for frames in [480, 960] {
            let (mut noise, mut stretcher) = (Noise::new(9), Stretcher::new(2));
            let mut changed = 0;
            for n in 0..200 {
                let mut left = vec![0.0; frames];
                noise.fill(&mut left, 0.3);
                let mut packet: Vec<f32> = left.iter().flat_map(|s| [*s, *s * 0.5]).collect();
                changed += match n % 2 {
                    0 => stretcher.faster(&mut packet),
                    _ => stretcher.slower(&mut packet),
                };
                let alike = |pair: &[f32]| (pair[0] * 0.5 - pair[1]).abs() < 1e-6;
                assert!(packet.chunks_exact(2).all(alike));
            }
            assert!(changed > 0, "{frames}");
        }
    }

    #[test]
    fn pieces_too_short_are_left_alone() {
        let mut piece = vec![0.5; 200];
        assert_eq!(Stretcher::new(1).faster(&mut piece), 0);
        assert_eq!(piece.len(), 200);
    }
}
