//! Trying the devices: the chime, and recording oneself and listening to it. Opens what is closed, and closes it again.

use super::devices::Unit;
use super::face::DeskReply;
use super::handle::Answer;
use super::machine::Machine;
use super::sounds;
use super::state::DeviceProblem;
use std::time::{Duration, Instant};

/// Longest recording, seconds.
const LONGEST: f64 = 10.0;
/// All was played, or another clip took its place.
const PLAYED: DeskReply = DeskReply::Played { problem: None };
/// What a speaker's own buffer plays after the last sample was handed over.
const TAIL: Duration = Duration::from_millis(250);

/// What is being tried. A new test of the same kind ends the one before.
#[derive(Default)]
pub(crate) struct Rehearsal {
    recording: Option<Test>,
    playing: Option<Test>,
    /// Recorded last and not played yet.
    recorded: Vec<f32>,
}

struct Test {
    answer: Answer,
    /// Seconds to record, or samples to play.
    what: What,
    step: Step,
    /// The device was opened for this test alone.
    borrowed: bool,
}

enum What {
    Record(f64),
    Play(Vec<f32>),
}

enum Step {
    Opening,
    Until(Instant),
}

impl Test {
    fn until(&self) -> Option<Instant> {
        match self.step {
            Step::Opening => None,
            Step::Until(at) => Some(at),
        }
    }
}

impl Rehearsal {
    pub(crate) fn wakeup(&self) -> Option<Instant> {
        let tests = [&self.recording, &self.playing];
        let waiting = tests.into_iter().flatten();
        waiting.filter_map(Test::until).min()
    }

    /// Whether the microphone is open for a test.
    pub(crate) fn records(&self) -> bool {
        self.recording.is_some()
    }

    /// The devices are closed: whatever was tried is over.
    pub(crate) fn reset(&mut self) {
        if let Some(test) = self.recording.take() {
            let problem = None;
            (test.answer)(DeskReply::Recorded { problem });
        }
        if let Some(test) = self.playing.take() {
            (test.answer)(PLAYED);
        }
    }
}

impl Machine {
    pub(crate) fn record_test(&mut self, seconds: f64, answer: Answer) {
        let seconds = if seconds.is_finite() { seconds } else { 0.0 };
        let what = What::Record(seconds.clamp(0.5, LONGEST));
        let before = self.rehearsal.recording.take();
        // Opened for the test before, the device is closed after this one.
        let borrowed = before.as_ref().is_some_and(|test| test.borrowed);
        if let Some(before) = before {
            (before.answer)(DeskReply::Recorded { problem: None });
        }
        let mut test = self.begin(Unit::Microphone, what, answer);
        test.borrowed |= borrowed;
        self.rehearsal.recording = Some(test);
    }

    pub(crate) fn play_test(&mut self, answer: Answer) {
        let recorded = std::mem::take(&mut self.rehearsal.recorded);
        self.play(recorded, answer);
    }

    pub(crate) fn test_speaker(&mut self, answer: Answer) {
        self.play(sounds::chime(), answer);
    }

    fn play(&mut self, clip: Vec<f32>, answer: Answer) {
        let before = self.rehearsal.playing.take();
        let borrowed = before.as_ref().is_some_and(|test| test.borrowed);
        if let Some(before) = before {
            (before.answer)(PLAYED);
        }
        if clip.is_empty() {
            if borrowed && !self.call.is_on() {
                self.close_unit(Unit::Speaker);
            }
            return answer(PLAYED);
        }
        let mut test = self.begin(Unit::Speaker, What::Play(clip), answer);
        test.borrowed |= borrowed;
        self.rehearsal.playing = Some(test);
    }

    /// Opens the device where it is closed; otherwise the test runs from now on.
    fn begin(&mut self, unit: Unit, what: What, answer: Answer) -> Test {
        let open = self.local.is_open(unit);
        let mut test = Test {
            answer,
            what,
            step: Step::Opening,
            borrowed: !open,
        };
        if open {
            self.start_test(&mut test);
        } else {
            self.order(unit, None);
        }
        test
    }

    fn start_test(&mut self, test: &mut Test) {
        let length = match &mut test.what {
            What::Record(seconds) => {
                self.sounds.begin(*seconds);
                Duration::from_secs_f64(*seconds)
            }
            What::Play(clip) => {
                let clip = std::mem::take(clip);
                let length = Duration::from_secs_f64(clip.len() as f64 / 48_000.0);
                if let Some(studio) = &self.studio {
                    studio.pipeline().play(clip);
                }
                length + TAIL
            }
        };
        test.step = Step::Until(Instant::now() + length);
    }

    /// A device was opened, or not: a test may have waited for it.
    pub(crate) fn rehearsal_opened(&mut self, unit: Unit, result: &Result<bool, DeviceProblem>) {
        let test = match unit {
            Unit::Microphone => &mut self.rehearsal.recording,
            Unit::Speaker => &mut self.rehearsal.playing,
            Unit::Camera | Unit::Screen => return,
        };
        let Some(mut test) = test.take_if(|t| matches!(t.step, Step::Opening)) else {
            return;
        };
        match result {
            Ok(true) => self.start_test(&mut test),
            // It was closed by another order; one to open follows or the test makes no sense any more.
            Ok(false) => test.step = Step::Until(Instant::now()),
            Err(problem) => {
                let problem = Some(*problem);
                return (test.answer)(match test.what {
                    What::Record(_) => DeskReply::Recorded { problem },
                    What::Play(_) => DeskReply::Played { problem },
                });
            }
        }
        match unit {
            Unit::Microphone => self.rehearsal.recording = Some(test),
            _ => self.rehearsal.playing = Some(test),
        }
    }

    /// Ends what has had its time.
    pub(crate) fn rehearse(&mut self, now: Instant) {
        let due = |test: &mut Test| test.until().is_some_and(|at| now >= at);
        if let Some(test) = self.rehearsal.recording.take_if(due) {
            self.rehearsal.recorded = self.sounds.take();
            if test.borrowed && !self.local.state.microphone.on && !self.call.is_on() {
                self.close_unit(Unit::Microphone);
            }
            (test.answer)(DeskReply::Recorded { problem: None });
        }
        if let Some(test) = self.rehearsal.playing.take_if(due) {
            if test.borrowed && !self.call.is_on() {
                self.close_unit(Unit::Speaker);
            }
            (test.answer)(PLAYED);
        }
    }
}
