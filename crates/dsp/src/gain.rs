//! Gain control: brings every voice to the same level, quiet ones up and loud ones down.
//!
//! The level is measured only where the near talker speaks; while the far voice is heard, or a loop howls, nothing is learnt and the gain stays. Small differences are evened
//! out slowly, so that speech keeps its dynamics; a jump in level (another person at the same microphone, a head turned away) is followed within a second.

use crate::{FRAME, Frame};

/// Root mean square of active speech aimed at, dB below full scale: leaves 15 dB for the peaks of speech.
pub const TARGET_DB: f32 = -20.0;
/// Most that is added and taken away.
const MOST_UP_DB: f32 = 32.0;
const MOST_DOWN_DB: f32 = -24.0;
/// Noise is never raised above this.
const NOISE_DB: f32 = -48.0;
/// Speech further than this from what is known is a jump.
const JUMP_DB: f32 = 5.0;

/// Speech frames this far below the level are counted, and so many of them are believed.
const FAR_BELOW: f32 = 0.03;
const QUIET_FRAMES: u32 = 30;

/// What the stage is told of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GainInput {
    /// Probability that the near talker speaks.
    pub voice: f32,
    /// Level of the noise, root mean square.
    pub noise: f32,
    /// Learn nothing: the far voice is heard, or something howls.
    pub hold: bool,
    /// Most that may be added, dB.
    pub ceiling_db: f32,
}

impl GainInput {
    /// More than the gain control ever adds.
    pub const NO_CEILING: f32 = MOST_UP_DB;
}

#[derive(Clone, Debug)]
pub struct GainControl {
    /// Level of active speech, dB below full scale; what the gain follows.
    speech_db: f32,
    /// The same of the last quarter of a second of speech.
    recent: f32,
    heard: u32,
    /// Frames of speech far below what is known, one after the other, and their mean power.
    quiet: u32,
    quiet_power: f32,
    gain_db: f32,
    applied: f32,
}

impl Default for GainControl {
    fn default() -> GainControl {
        GainControl {
            speech_db: TARGET_DB,
            recent: 0.0,
            heard: 0,
            quiet: 0,
            quiet_power: 0.0,
            gain_db: 0.0,
            applied: 1.0,
        }
    }
}

impl GainControl {
    pub fn process(&mut self, frame: &mut Frame, input: GainInput) {
        if input.voice > 0.5 && !input.hold {
            self.listen(frame);
        }
        let noise_db = 20.0 * input.noise.max(1e-7).log10();
        let wanted = (TARGET_DB - self.speech_db)
            .min(NOISE_DB - noise_db)
            .clamp(MOST_DOWN_DB, MOST_UP_DB)
            .min(input.ceiling_db);
        // Down fast, before it hurts; up as fast as a second allows.
        let step = (wanted - self.gain_db).clamp(-1.0, 0.6);
        let held = input.hold && step > 0.0;
        if !held {
            self.gain_db += step;
        }
        let target = 10f32.powf(self.gain_db / 20.0);
        let ramp = (target - self.applied) / FRAME as f32;
        for sample in frame.iter_mut() {
            self.applied += ramp;
            *sample *= self.applied;
        }
        self.applied = target;
    }

    fn listen(&mut self, frame: &Frame) {
        let power = frame.iter().map(|s| s * s).sum::<f32>() / FRAME as f32;
        if power < 1e-8 {
            return;
        }
        self.notice_quiet(power);
        // The loud parts of speech carry its level: quiet frames count, but cannot pull it far down.
        let rate = if power > self.recent { 0.12 } else { 0.05 };
        self.recent = if self.heard == 0 {
            power
        } else {
            self.recent + rate * (power - self.recent)
        };
        self.heard = self.heard.saturating_add(1);
        let recent_db = 10.0 * self.recent.log10();
        let off = recent_db - self.speech_db;
        let rate = if self.heard < 30 {
            0.2
        } else if off.abs() > JUMP_DB {
            0.06
        } else {
            0.01
        };
        self.speech_db += rate * off;
    }

    /// Speech that stays far below the known level for a third of a second, without one loud syllable, is a quieter voice and no pause: averaging down to it would take seconds.
    fn notice_quiet(&mut self, power: f32) {
        if power > FAR_BELOW * self.recent {
            self.quiet = 0;
            self.quiet_power = 0.0;
            return;
        }
        self.quiet += 1;
        self.quiet_power += (power - self.quiet_power) / self.quiet as f32;
        if self.quiet >= QUIET_FRAMES {
            self.quiet = 0;
            self.recent = self.quiet_power;
            self.speech_db = 10.0 * self.recent.log10();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Speech;
    use crate::rms;

    fn speak(
        gain: &mut GainControl,
        speech: &mut Speech,
        level: f32,
        seconds: f32,
        hold: bool,
    ) -> Vec<f32> {
        let mut out = Vec::new();
        let mut frame = [0.0; FRAME];
        for _ in 0..(seconds * 100.0) as usize {
            speech.fill(&mut frame);
            frame.iter_mut().for_each(|s| *s *= level);
            let voice = if rms(&frame) > 0.02 * level { 1.0 } else { 0.0 };
            let input = GainInput {
                voice,
                noise: 1e-5,
                hold,
                ceiling_db: 60.0,
            };
            gain.process(&mut frame, input);
            out.extend_from_slice(&frame);
        }
        out
    }

    fn db(samples: &[f32]) -> f32 {
        20.0 * rms(samples).log10()
    }

    #[test]
    fn loud_and_quiet_voices_come_out_alike() {
        let levels = [1.0, 0.1, 0.02].map(|level| {
            let out = speak(
                &mut GainControl::default(),
                &mut Speech::new(3),
                level,
                6.0,
                false,
            );
            db(&out[96_000..])
        });
        let spread = levels.iter().copied().fold(f32::MIN, f32::max)
            - levels.iter().copied().fold(f32::MAX, f32::min);
        assert!(spread < 3.0, "{levels:?}");
    }

    #[test]
    fn a_voice_gone_quiet_is_back_within_a_second_of_speech() {
        let (mut gain, mut speech) = (GainControl::default(), Speech::new(4));
        let before = speak(&mut gain, &mut speech, 1.0, 6.0, false);
        let after = speak(&mut gain, &mut speech, 0.05, 4.0, false);
        let (before, after) = (db(&before[192_000..]), db(&after[72_000..]));
        assert!((before - after).abs() < 5.0, "{before} {after}");
    }

    #[test]
    fn nothing_is_raised_while_held() {
        let (mut gain, mut speech) = (GainControl::default(), Speech::new(5));
        speak(&mut gain, &mut speech, 0.5, 5.0, false);
        let before = gain.gain_db;
        speak(&mut gain, &mut speech, 0.005, 5.0, true);
        assert!(gain.gain_db <= before + 0.01);
    }

    #[test]
    fn noise_is_not_raised_into_hearing() {
        let mut gain = GainControl::default();
        let input = GainInput {
            voice: 1.0,
            noise: 0.003,
            hold: false,
            ceiling_db: 60.0,
        };
        for _ in 0..500 {
            gain.process(&mut [0.004; FRAME], input);
        }
        assert!(gain.gain_db < 4.0, "{}", gain.gain_db);
    }
}
