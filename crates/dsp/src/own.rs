//! The own voice coming back: another device in the room plays what this one sends, and its sound goes round and round.
//!
//! What is sent is known, so what comes back need not be told from vowels by its shape. It is searched in the microphone's sound 100 to 600 ms later: for every way round in steps of a frame, the phases of
//! what is heard are compared with the phases of what was sent then, bin by bin, whatever the loudness. A way that exists keeps the phases of neighbouring bins together, at that delay and no other. Only
//! bins that are weaker than what was sent then are compared: what comes back is weaker in most of them, while a sung vowel, which looks like itself after every vibrato, is as loud as it was. And a way is
//! believed only where pauses speak for it, or at least not against it ([`Bound`]).

mod bound;

use crate::residual::BINS;
use crate::spectrum::{Spectrum, Transform, root_hann};
use crate::{FRAME, Frame};
use bound::Bound;

/// Ways round that are searched, in frames: two devices and a network take longer than 100 ms, and within that a voice looks like itself.
const SHORTEST: usize = 10;
const LONGEST: usize = 60;
const WAYS: usize = LONGEST - SHORTEST;
const KEPT: usize = LONGEST + 1;
/// Bins compared: 200 Hz to 4 kHz.
const LOW: usize = 4;
const COMPARED: usize = 76;
/// Neighbours: nearer ones are alike already through the window.
const APART: usize = 2;
/// Power of a bin below which it has no phase worth comparing: the hiss of a microphone is below.
const AUDIBLE: f32 = 1e-3;
/// Bins compared are weaker than what was sent by so much (power), and not by more: 1.5 and 25 dB, beside the gain of the chain.
const WEAKER: f32 = 0.7;
const WEAKEST: f32 = 0.003;
/// Share of the past in the comparison, per frame heard: a second.
const KEEP: f32 = 0.99;
/// Frames between looks.
const EVERY: u32 = 10;
/// A way is clear when it stands so high above the mean of the others, and believed when so many looks see it.
const CLEAR: f32 = 3.5;
const SURE: u32 = 5;
/// A frame this much weaker than the loudest lately is a pause. A way that was seen before and behind one is believed too, unless the pause speaks against it.
const PAUSE: f32 = 0.1;
/// Least height of a clear way.
const LEAST: f32 = 0.002;
/// Looks without a sight of a believed way, before it is given up.
const FORGET: u32 = 30;

#[derive(Debug)]
pub struct OwnVoice {
    transform: Transform,
    window: Vec<f32>,
    spectrum: Spectrum,
    last: Frame,
    /// What was sent, newest at `newest`: phases of the bins compared, and powers of all.
    phases: Vec<Phases>,
    powers: Vec<Vec<f32>>,
    newest: usize,
    /// What is sent and heard lately.
    sent_power: f32,
    heard_power: f32,
    here: Phases,
    /// What is heard against what was sent, for each way.
    ways: Vec<Phases>,
    until_look: u32,
    bound: Bound,
    candidate: Option<usize>,
    /// Power of the loudest frame lately, and whether a pause came since the candidate was seen.
    loud: f32,
    paused: bool,
    seen: u32,
    known: Option<usize>,
    unseen: u32,
    back: Vec<f32>,
}

/// Complex numbers of length one, or zero where nothing is heard.
#[derive(Clone, Debug)]
struct Phases {
    re: [f32; COMPARED],
    im: [f32; COMPARED],
    power: [f32; COMPARED],
}

impl Phases {
    const NONE: Phases = Phases {
        re: [0.0; COMPARED],
        im: [0.0; COMPARED],
        power: [0.0; COMPARED],
    };

    /// Whether there was anything.
    fn take(&mut self, spectrum: &Spectrum) -> bool {
        let mut any = false;
        for i in 0..COMPARED {
            let (re, im) = (spectrum.re[LOW + i], spectrum.im[LOW + i]);
            let power = re * re + im * im;
            let scale = if power > AUDIBLE {
                1.0 / power.sqrt()
            } else {
                0.0
            };
            any |= scale > 0.0;
            self.re[i] = re * scale;
            self.im[i] = im * scale;
            self.power[i] = power;
        }
        any
    }

    /// `gain`: power of what is sent over that of what is heard, in general.
    fn compare(&mut self, heard: &Phases, sent: &Phases, gain: f32) {
        for i in 0..COMPARED {
            let (a, b) = (heard.re[i], heard.im[i]);
            let (c, d) = (sent.re[i], sent.im[i]);
            let (now, then) = (gain * heard.power[i], sent.power[i]);
            let weight = if now < WEAKER * then && now > WEAKEST * then {
                1.0 - KEEP
            } else {
                0.0
            };
            self.re[i] = KEEP * self.re[i] + weight * (a * c + b * d);
            self.im[i] = KEEP * self.im[i] + weight * (b * c - a * d);
        }
    }

    fn sum(&self) -> f32 {
        self.power.iter().sum()
    }

    /// How well neighbours go together: 1 for one delay all over, near 0 for chance.
    fn together(&self) -> f32 {
        let (mut re, mut im) = (0.0, 0.0);
        for i in 0..COMPARED - APART {
            let (a, b) = (self.re[i], self.im[i]);
            let (c, d) = (self.re[i + APART], self.im[i + APART]);
            re += a * c + b * d;
            im += b * c - a * d;
        }
        (re * re + im * im).sqrt() / (COMPARED - APART) as f32
    }
}

impl Default for OwnVoice {
    fn default() -> OwnVoice {
        OwnVoice {
            transform: Transform::new(2 * FRAME),
            window: root_hann(2 * FRAME),
            spectrum: Spectrum::new(BINS),
            last: [0.0; FRAME],
            phases: vec![Phases::NONE; KEPT],
            powers: vec![vec![0.0; BINS]; KEPT],
            newest: 0,
            sent_power: 0.0,
            heard_power: 0.0,
            here: Phases::NONE,
            ways: vec![Phases::NONE; WAYS],
            until_look: EVERY,
            bound: Bound::default(),
            candidate: None,
            loud: 0.0,
            paused: false,
            seen: 0,
            known: None,
            unseen: 0,
            back: vec![0.0; BINS],
        }
    }
}

impl OwnVoice {
    /// Takes what was sent last.
    pub fn send(&mut self, frame: &Frame) {
        self.transform
            .forward_windowed(&[&self.last, frame], &self.window, &mut self.spectrum);
        self.last = *frame;
        self.newest = (self.newest + 1) % KEPT;
        self.phases[self.newest].take(&self.spectrum);
        self.spectrum.power(&mut self.powers[self.newest]);
        let sent = self.phases[self.newest].sum();
        self.bound.send(sent, self.newest);
    }

    /// Takes the spectrum of the microphone's next frame, free of the far voice (20 ms, root-Hann).
    pub fn hear(&mut self, near: &Spectrum) {
        let any = self.here.take(near);
        let gain = self.sent_power / self.heard_power.max(1e-9);
        self.bound.hear(gain * self.here.sum(), self.newest);
        if any {
            let power = self.here.sum();
            self.loud = (KEEP * self.loud).max(power);
            self.paused |= power < PAUSE * self.loud;
            self.heard_power = KEEP * self.heard_power + power;
            self.sent_power = KEEP * self.sent_power + self.phases[self.newest].sum();
            let gain = self.sent_power / self.heard_power.max(1e-9);
            for way in SHORTEST..LONGEST {
                let sent = &self.phases[self.ago(way)];
                self.ways[way - SHORTEST].compare(&self.here, sent, gain);
            }
            self.until_look -= 1;
            if self.until_look == 0 {
                self.until_look = EVERY;
                self.look();
            }
        }
        if let Some(way) = self.known {
            // Between two steps the sound may come a little earlier.
            let (a, b) = (self.ago(way), self.ago(way - 1));
            for k in 0..BINS {
                self.back[k] = self.powers[a][k].max(self.powers[b][k]);
            }
        }
    }

    /// The power spectrum of the own voice as it would be heard in this frame, if it comes back.
    pub fn comes_back(&self) -> Option<&[f32]> {
        self.known.map(|_| &self.back[..])
    }

    /// Where the frame sent `way` frames ago is kept; that of the last call of `send` is 1.
    fn ago(&self, way: usize) -> usize {
        (self.newest + KEPT + 1 - way) % KEPT
    }

    fn is_believed(&self, way: usize) -> bool {
        self.bound.speaks_for(way) || (self.paused && !self.bound.speaks_against(way))
    }

    fn look(&mut self) {
        if self.known.is_some_and(|way| self.bound.speaks_against(way)) {
            self.known = None;
            self.seen = 0;
        }
        let (mut best, mut sum) = ((0, 0.0f32), 0.0);
        for (i, way) in self.ways.iter().enumerate() {
            let value = way.together();
            sum += value;
            if value > best.1 {
                best = (i + SHORTEST, value);
            }
        }
        let mean = (sum - best.1) / (WAYS - 1) as f32;
        let near = |a: Option<usize>| a.is_some_and(|a| a.abs_diff(best.0) <= 1);
        self.unseen += 1;
        if best.1 > (CLEAR * mean).max(LEAST) {
            if near(self.candidate) {
                self.seen += 1;
            } else {
                self.seen = 1;
                self.paused = false;
            }
            self.candidate = Some(best.0);
            if near(self.known) {
                self.unseen = 0;
            } else if self.seen >= SURE && self.is_believed(best.0) {
                self.known = self.candidate;
                self.unseen = 0;
            }
        }
        if self.unseen > FORGET {
            self.known = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Speech;

    /// The microphone hears `talk` and what was sent `delay` samples ago, times `way`; what it hears is sent, a frame late. How many of the frames were taken for a loop, and the way at the end.
    fn listen(
        mut talk: impl FnMut(&mut Frame),
        delay: usize,
        way: f32,
        frames: usize,
    ) -> (usize, Option<usize>) {
        let (mut own, mut transform) = (OwnVoice::default(), Transform::new(2 * FRAME));
        let (mut spectrum, window) = (Spectrum::new(BINS), root_hann(2 * FRAME));
        let mut sent = vec![0.0; (frames + 1) * FRAME];
        let (mut last, mut found) = ([0.0; FRAME], 0);
        for i in 0..frames {
            let mut near = [0.0; FRAME];
            talk(&mut near);
            for (k, sample) in near.iter_mut().enumerate() {
                *sample += (i * FRAME + k)
                    .checked_sub(delay)
                    .map_or(0.0, |at| way * sent[at]);
            }
            transform.forward_windowed(&[&last, &near], &window, &mut spectrum);
            own.hear(&spectrum);
            found += usize::from(own.comes_back().is_some());
            last = near;
            sent[(i + 1) * FRAME..(i + 2) * FRAME].copy_from_slice(&near);
            own.send(&near);
        }
        (found, own.known)
    }

    #[test]
    fn what_was_sent_and_comes_back_is_found() {
        for (delay, way) in [(7200, 15), (12_300, 26), (24_000, 50)] {
            let mut speech = Speech::new(3);
            let (_, found) = listen(|frame| speech.fill(frame), delay, 0.5, 600);
            assert!(
                found.is_some_and(|found| found.abs_diff(way) <= 1),
                "{found:?} for {way}"
            );
        }
    }

    /// Talks without any pause that the way round does not fill: 400 ms in, 120 ms out, where 160 ms come back.
    #[test]
    fn a_loop_that_fills_the_pauses_is_found() {
        let (mut speech, mut frames) = (Speech::new(6), 0);
        let talk = |frame: &mut Frame| {
            speech.fill(frame);
            frames += 1;
            if frames % 52 >= 40 {
                frame.fill(0.0);
            }
        };
        let (_, found) = listen(talk, 7680, 0.8, 500);
        assert!(found.is_some_and(|way| way.abs_diff(17) <= 1), "{found:?}");
    }

    #[test]
    fn a_voice_that_does_not_come_back_is_no_loop() {
        for seed in 1..5 {
            let mut speech = Speech::new(seed);
            assert_eq!(listen(|frame| speech.fill(frame), 0, 0.0, 2000).0, 0);
        }
    }

    /// A sung vowel: harmonics of a pitch with a vibrato of `cents` at 5 Hz.
    fn sing(hz: f32, cents: f32) -> impl FnMut(&mut Frame) {
        let (mut phase, mut time) = (0.0f32, 0.0f32);
        move |frame| {
            for sample in frame {
                time += 1.0 / 48_000.0;
                let bend = cents / 1200.0 * (5.0 * time * std::f32::consts::TAU).sin();
                phase = (phase + hz * 2f32.powf(bend) / 48_000.0).fract();
                *sample = (1..20)
                    .map(|n| (phase * n as f32 * std::f32::consts::TAU).sin() * 0.1 / n as f32)
                    .sum();
            }
        }
    }

    /// The same as people do it: in breaths of one to two seconds, with a pitch and a vibrato that wander a little, swelling and fading.
    fn sing_in_breaths(seed: u64, hz: f32, cents: f32) -> impl FnMut(&mut Frame) {
        let mut dice = crate::generate::Noise::new(seed);
        let (mut phase, mut wave, mut drift, mut left, mut length) =
            (0.0f32, 0.0f32, 0.0f32, 0.0, 1.0);
        move |frame| {
            if left <= -0.35 {
                length = 1.5 + 0.5 * dice.sample();
                left = length;
            }
            drift = 0.98 * drift + 0.02 * dice.sample();
            let rate = 5.2 + 2.0 * drift;
            for sample in frame {
                left -= 1.0 / 48_000.0;
                wave = (wave + rate / 48_000.0).fract();
                let bend = (cents * (wave * std::f32::consts::TAU).sin() + 60.0 * drift) / 1200.0;
                phase = (phase + hz * 2f32.powf(bend) / 48_000.0).fract();
                let swell = (left / length * std::f32::consts::PI).sin().max(0.0).sqrt();
                *sample = (1..20)
                    .map(|n| (phase * n as f32 * std::f32::consts::TAU).sin() * 0.1 / n as f32)
                    .sum::<f32>()
                    * if left > 0.0 { swell } else { 0.0 };
                *sample += 1e-4 * dice.sample();
            }
        }
    }

    #[test]
    fn singing_in_breaths_is_no_loop() {
        for (seed, hz) in [(1, 110.0), (2, 174.6), (3, 233.1), (4, 329.6), (5, 440.0)] {
            for cents in [0.0, 30.0, 80.0] {
                let (found, _) = listen(sing_in_breaths(seed, hz, cents), 0, 0.0, 2000);
                assert_eq!(found, 0, "{hz} Hz, {cents} cents");
            }
        }
    }

    #[test]
    fn a_sung_vowel_is_no_loop_steady_or_with_vibrato() {
        for hz in [110.0, 196.0, 261.6, 440.0] {
            for cents in [0.0, 30.0, 80.0] {
                let (found, _) = listen(sing(hz, cents), 0, 0.0, 1000);
                assert_eq!(found, 0, "{hz} Hz, {cents} cents");
            }
        }
    }
}
