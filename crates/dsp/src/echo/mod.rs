//! The linear part of the echo canceller: it finds where the echo begins, follows slips and clock drift, and takes away what a linear filter can predict of it.
//!
//! Two filters learn side by side on the same far voice. The steady one is what is heard: it hardly moves while someone near talks. The quick one believes that the room may
//! change at any time; when it does better for a while, the steady one takes its place over (K. Ochiai et al., "Echo canceler with two echo path models", 1977).

mod bound;
mod delay;
mod drift;
mod history;
mod kalman;
mod proof;
mod slip;

use crate::spectrum::{Spectrum, Transform};
use crate::{FRAME, Frame};
use bound::Bound;
use delay::DelayFinder;
use drift::DriftTracker;
use history::{FarLine, FarSpectra};
use kalman::{Kalman, KalmanTuning};
use proof::Proof;
use slip::SlipFinder;

/// Frames of echo tail: rooms up to about half a second of reverberation have less than a thousandth of their echo behind it.
const TAIL: usize = 20;
/// The echo begins this far into the filter, so that a wrong guess by a few milliseconds does no harm.
const MARGIN: f64 = 288.0;

/// Where the echo may begin in the filter before the reading point is moved.
const GOOD: std::ops::RangeInclusive<f64> = 48.0..=1500.0;
/// Frames quieter than the loudest by this much tell nothing of slips: what is heard in them is the end of the echo's tail, behind the filter.
const QUIET: f32 = 0.05;
/// Frames for which one filter must do better before the other takes it over.
const PATIENCE: u32 = 8;
/// A delay that was found while the filter does well is kept so many frames, in case the filter fails now.
const OFFERED: u32 = 200;
/// Smoothing of the energies that the decisions compare, per frame.
const FAST: f32 = 0.8;

/// What is known about the canceller from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EchoState {
    /// From far to near, in milliseconds; of the filter's start.
    pub delay_ms: f32,
    /// Clock difference in parts per million; positive when the far clock is fast.
    pub drift_ppm: f32,
    /// Echo return loss of the linear part in dB, while the far side talks.
    pub erle_db: f32,
    /// Slips followed.
    pub slips: u32,
    /// Times the room was learnt anew from the quick filter.
    pub moves: u32,
}

/// One per microphone.
#[derive(Debug)]
pub struct EchoCanceller {
    line: FarLine,
    spectra: FarSpectra,
    steady: Kalman,
    quick: Kalman,
    transform: Transform,
    delay: DelayFinder,
    slip: SlipFinder,
    drift: DriftTracker,
    echo_spectrum: Spectrum,
    steady_left: Learner,
    quick_left: Learner,
    error: Frame,
    echo: Frame,
    /// Share of the quick filter in what is heard.
    blend: f32,
    bound: Bound,
    proof: Proof,
    /// Share of the filters' echo that is taken out: 0 where there is none.
    presence: f32,
    /// A delay that was found while the filter did well, and for how many frames it counts.
    offered: Option<(f64, u32)>,
    near_energy: f32,
    echo_energy: f32,
    far_energy: f32,
    /// Of the microphone's loudest frame lately.
    loud: f32,
    /// Of the echo: left over, and taken away; slow.
    erle: f32,
    decisions: Decisions,
    state: EchoState,
}

/// One filter's result of a frame.
#[derive(Debug)]
struct Learner {
    echo: Frame,
    error: Frame,
    spectrum: Spectrum,
    energy: f32,
}

impl Learner {
    fn new() -> Learner {
        Learner {
            echo: [0.0; FRAME],
            error: [0.0; FRAME],
            spectrum: Spectrum::new(FRAME + 1),
            energy: 0.0,
        }
    }

    fn run(
        &mut self,
        filter: &Kalman,
        far: &FarSpectra,
        near: &Frame,
        echo: &mut Spectrum,
        transform: &mut Transform,
    ) {
        filter.predict(far, echo);
        self.echo.copy_from_slice(&transform.inverse(echo)[FRAME..]);
        for ((error, near), echo) in self.error.iter_mut().zip(near).zip(&self.echo) {
            *error = near - echo;
        }
        transform.forward(&[&[0.0; FRAME], &self.error], &mut self.spectrum);
        self.energy = FAST * self.energy + (1.0 - FAST) * energy(&self.error);
    }
}

/// Frames counted for each decision.
#[derive(Debug, Default)]
struct Decisions {
    quick_better: u32,
    steady_better: u32,
    worse_than_nothing: u32,
    /// Frames since the error rose; slips are searched for a while then.
    suspicious: u32,
    rest: u32,
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum()
}

impl Default for EchoCanceller {
    fn default() -> EchoCanceller {
        let steady = KalmanTuning {
            memory: 0.9995,
            smoothing: 0.9,
            constrained: 2,
        };
        let quick = KalmanTuning {
            memory: 0.99,
            smoothing: 0.7,
            constrained: 2,
        };
        EchoCanceller {
            line: FarLine::default(),
            spectra: FarSpectra::new(TAIL),
            steady: Kalman::new(TAIL, steady),
            quick: Kalman::new(TAIL, quick),
            transform: Transform::new(2 * FRAME),
            delay: DelayFinder::default(),
            slip: SlipFinder::default(),
            drift: DriftTracker::default(),
            echo_spectrum: Spectrum::new(FRAME + 1),
            steady_left: Learner::new(),
            quick_left: Learner::new(),
            error: [0.0; FRAME],
            echo: [0.0; FRAME],
            blend: 0.0,
            bound: Bound::default(),
            proof: Proof::default(),
            presence: 1.0,
            offered: None,
            near_energy: 0.0,
            echo_energy: 0.0,
            far_energy: 0.0,
            loud: 0.0,
            erle: 0.0,
            decisions: Decisions::default(),
            state: EchoState::default(),
        }
    }
}

impl EchoCanceller {
    /// Takes the microphone's frame and what the speaker got in the same 10 ms. Then [`EchoCanceller::error`] is the frame without the echo that could be predicted, and
    /// [`EchoCanceller::echo`] that echo.
    pub fn process(&mut self, near: &Frame, far: &Frame) {
        self.line.push(far);
        if let Some(delay) = self.delay.push(near, far) {
            self.offered = Some((delay as f64, OFFERED));
        }
        let (near_slow, far_slow) = self.delay.newest();
        self.bound.push(near_slow, far_slow);
        self.take_offered();
        let mut aligned = [0.0; FRAME];
        self.line.read(0, &mut aligned);
        self.spectra.push(&aligned, &mut self.transform);
        self.far_energy = 0.9 * self.far_energy + 0.1 * energy(&aligned);
        let (spectra, transform, scratch) =
            (&self.spectra, &mut self.transform, &mut self.echo_spectrum);
        self.steady_left
            .run(&self.steady, spectra, near, scratch, transform);
        self.quick_left
            .run(&self.quick, spectra, near, scratch, transform);
        self.mix();
        if self.far_sounds() {
            let expected = &self.steady_left.echo;
            self.proof.note(near, expected, self.delay.is_known());
            if self.bound.excludes() {
                self.proof.refute();
            }
        }
        self.leave_alone(near);
        self.near_energy = FAST * self.near_energy + (1.0 - FAST) * energy(near);
        self.echo_energy = FAST * self.echo_energy + (1.0 - FAST) * energy(&self.steady_left.echo);
        self.slip.push(near, &self.steady_left.echo);
        if self.far_sounds() {
            self.steady
                .update(&self.spectra, &self.steady_left.spectrum);
            self.quick.update(&self.spectra, &self.quick_left.spectrum);
            self.steady.constrain(&mut self.transform);
            self.quick.constrain(&mut self.transform);
            self.note_erle(near);
            self.decide();
        }
        self.state.delay_ms = (self.line.delay() / 48.0) as f32;
        self.state.drift_ppm = (self.line.drift() * 1e6) as f32;
    }

    /// What is left of the last frame.
    pub fn error(&self) -> &Frame {
        &self.error
    }

    /// The echo taken out of the last frame.
    pub fn echo(&self) -> &Frame {
        &self.echo
    }

    /// Whether the far side sounded within the filter's memory, and an echo of it may be in the microphone.
    pub fn is_far_active(&self) -> bool {
        self.far_sounds() && !self.proof.is_absent()
    }

    fn far_sounds(&self) -> bool {
        self.far_energy > 1e-5
    }

    pub fn state(&self) -> EchoState {
        self.state
    }

    /// Takes the spectra of the last frame's remainder and echo, as the next stage has them anyway, to follow the clocks.
    pub fn follow(&mut self, error: &Spectrum, echo: &Spectrum) {
        let reliable = self.state.erle_db > 6.0 && self.is_far_active();
        if let Some(change) = self.drift.push(error, echo, reliable) {
            self.line.set_drift(change.drift);
            self.line.shift(change.shift);
        }
    }

    /// What is heard moves smoothly to the filter that leaves less.
    fn mix(&mut self) {
        let (steady, quick) = (self.steady_left.energy, self.quick_left.energy);
        let target = if quick < 0.7 * steady {
            1.0
        } else if quick > steady {
            0.0
        } else {
            self.blend
        };
        let from = self.blend;
        self.blend += (target - from).clamp(-0.5, 0.5);
        let step = (self.blend - from) / FRAME as f32;
        for i in 0..FRAME {
            let share = from + step * i as f32;
            let mixed = |quick: f32, steady: f32| steady + share * (quick - steady);
            self.error[i] = mixed(self.quick_left.error[i], self.steady_left.error[i]);
            self.echo[i] = mixed(self.quick_left.echo[i], self.steady_left.echo[i]);
        }
    }

    /// Takes nothing out where there is no echo.
    fn leave_alone(&mut self, near: &Frame) {
        let target = if self.proof.is_absent() { 0.0 } else { 1.0 };
        let from = self.presence;
        if from == 1.0 && target == 1.0 {
            return;
        }
        self.presence += (target - from).clamp(-0.2, 0.2);
        let step = (self.presence - from) / FRAME as f32;
        for (i, near) in near.iter().enumerate() {
            self.echo[i] *= from + step * i as f32;
            self.error[i] = near - self.echo[i];
        }
    }

    fn note_erle(&mut self, near: &Frame) {
        let before = energy(near);
        if before < 1e-4 {
            return;
        }
        let ratio = (energy(&self.error) / before).clamp(1e-6, 1.0);
        // Down at once, up slowly: a near talker raises the remainder and says nothing about the filter.
        let decibels = -10.0 * ratio.log10();
        let rate = if decibels > self.erle { 0.1 } else { 0.01 };
        self.erle += rate * (decibels - self.erle);
        self.state.erle_db = self.erle;
    }

    fn decide(&mut self) {
        let (near, steady, quick) = (
            self.near_energy,
            self.steady_left.energy,
            self.quick_left.energy,
        );
        let d = &mut self.decisions;
        let count = |now: bool, frames: &mut u32| *frames = if now { *frames + 1 } else { 0 };
        count(quick < 0.6 * steady, &mut d.quick_better);
        count(steady < 0.6 * quick, &mut d.steady_better);
        count(steady > 1.5 * near, &mut d.worse_than_nothing);
        // While a slip is looked for, the filters wait: they would learn the room where it isn't.
        let waiting = (1..14).contains(&d.suspicious);
        if d.quick_better >= PATIENCE && !waiting {
            d.quick_better = 0;
            self.steady.copy_from(&self.quick);
            self.state.moves += 1;
        } else if d.steady_better >= PATIENCE {
            d.steady_better = 0;
            self.quick.copy_from(&self.steady);
        }
        if d.worse_than_nothing > 10 {
            d.worse_than_nothing = 0;
            self.steady.reset();
            self.quick.reset();
        }
        self.look_for_slip();
    }

    fn look_for_slip(&mut self) {
        self.loud = (0.998 * self.loud).max(self.near_energy);
        let rose = self.steady_left.energy > 0.3 * self.near_energy
            && self.near_energy > QUIET * self.loud
            && self.echo_energy > 0.1 * self.near_energy
            && self.erle > 6.0;
        let d = &mut self.decisions;
        d.rest = d.rest.saturating_sub(1);
        if d.suspicious == 0 && !(rose && d.rest == 0) {
            return;
        }
        d.suspicious += 1;
        if d.suspicious > 30 {
            d.suspicious = 0;
            d.rest = 50;
            return;
        }
        if !d.suspicious.is_multiple_of(2) || d.suspicious < 6 {
            return;
        }
        if let Some(slip) = self.slip.find(QUIET * self.loud) {
            self.decisions = Decisions::default();
            self.line.shift(slip as f64);
            self.state.slips += 1;
            self.delay.moved(slip);
            self.start_anew(true);
        }
    }

    /// A filter that does well knows better where the echo is: in a near voice other delays are found at times.
    fn take_offered(&mut self) {
        let Some((delay, frames)) = self.offered else {
            return;
        };
        if self.proof.is_sure() {
            self.offered = (frames > 1).then(|| (delay, frames - 1));
        } else {
            self.offered = None;
            self.found_delay(delay);
        }
    }

    fn found_delay(&mut self, delay: f64) {
        let begins = delay - self.line.delay();
        if GOOD.contains(&begins) || (self.line.delay() == 0.0 && (0.0..=1500.0).contains(&begins))
        {
            return;
        }
        let target = (delay - MARGIN).max(0.0);
        self.line.shift(target - self.line.delay());
        self.steady.reset();
        self.quick.reset();
        self.erle = 0.0;
        self.proof.restart();
        self.start_anew(false);
    }

    /// The reading point moved: everything that remembers where it was is put right.
    fn start_anew(&mut self, same_room: bool) {
        self.spectra.rebuild(&self.line, &mut self.transform);
        self.slip.clear();
        self.drift.clear();
        self.blend = 0.0;
        if same_room {
            self.quick.copy_from(&self.steady);
            self.quick_left.energy = self.steady_left.energy;
        }
    }
}
