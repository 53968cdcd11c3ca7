//! Which noise suppressor is heard, and going from one to the other without a click. The two differ by 30 ms of delay, so a change repeats or leaves out that much: it is done in a pause
//! where one comes soon, and faded in any case.

use super::LearnedNoise;
use crate::Frame;

/// What takes the noise out of the voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NoiseEngine {
    #[default]
    Off,
    /// The estimate of steady noise.
    Standard,
    /// The learned one.
    Strong,
}

impl NoiseEngine {
    /// As settings and statistics call it; never changes.
    pub fn name(self) -> &'static str {
        match self {
            NoiseEngine::Off => "off",
            NoiseEngine::Standard => "standard",
            NoiseEngine::Strong => "strong",
        }
    }
}

/// Frames the learned engine hears before it is heard: it remembers what was before.
const WARM: u32 = 100;
/// Frames the classic one suppresses again before it is heard: the learned one's delay, within which noise would come twice.
const COOL: u32 = 4;
/// Frames to wait for a pause after that.
const PATIENCE: u32 = 100;
/// Frames of the fade.
const FADE: u32 = 2;

/// What is heard, and for how many frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Classic,
    /// Still the classic one; the other listens.
    Warming(u32),
    FadingIn(u32),
    Learned,
    /// Still the learned one; the classic one suppresses again.
    Cooling(u32),
    FadingOut(u32),
}

/// The learned engine, where there is one, and how much of it is heard.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    learned: Option<Box<LearnedNoise>>,
    wanted: bool,
    phase: Phase,
}

impl Engines {
    /// Heard from the first frame on, or none: for before anything was heard.
    pub(crate) fn set(&mut self, engine: Option<Box<LearnedNoise>>, wanted: bool) {
        self.wanted = wanted && engine.is_some();
        self.phase = match self.wanted {
            true => Phase::Learned,
            false => Phase::Classic,
        };
        self.learned = engine;
    }

    /// Takes the engine of `other`, unless there is one.
    pub(crate) fn adopt(&mut self, other: &mut Engines) {
        if self.learned.is_none() {
            std::mem::swap(&mut self.learned, &mut other.learned);
        }
    }

    /// Which engine is to be heard; it takes a second or two.
    pub(crate) fn want(&mut self, learned: bool) {
        self.wanted = learned && self.learned.is_some();
    }

    /// Whether the learned engine works, heard or not.
    pub(crate) fn runs(&self) -> bool {
        self.phase != Phase::Classic
    }

    /// Whether the learned engine is what is heard.
    pub(crate) fn is_heard(&self) -> bool {
        matches!(
            self.phase,
            Phase::FadingIn(_) | Phase::Learned | Phase::Cooling(_)
        )
    }

    /// Whether the classic engine is to leave the noise to the learned one.
    pub(crate) fn cleans_alone(&self) -> bool {
        let aside = self.learned.as_ref().is_some_and(|e| e.steps_aside());
        self.phase == Phase::Learned && !aside
    }

    /// One frame behind the classic suppressor. `voice`: somebody speaks in it; `double_talk`: and the far voice is heard at the same time.
    pub(crate) fn process(&mut self, frame: &mut Frame, voice: bool, double_talk: bool) {
        if self.phase == Phase::Classic && self.wanted {
            self.phase = Phase::Warming(0);
        }
        let Some(engine) = self
            .learned
            .as_mut()
            .filter(|_| self.phase != Phase::Classic)
        else {
            return;
        };
        let classic = *frame;
        engine.process(frame, double_talk);
        self.phase = match self.phase {
            Phase::Classic => Phase::Classic,
            Phase::Warming(n) => {
                *frame = classic;
                match n + 1 {
                    _ if !self.wanted => Phase::Classic,
                    n if is_time(n, WARM, voice) => Phase::FadingIn(0),
                    n => Phase::Warming(n),
                }
            }
            Phase::FadingIn(n) => {
                fade(frame, &classic, n);
                match n + 1 {
                    FADE => Phase::Learned,
                    n => Phase::FadingIn(n),
                }
            }
            Phase::Learned if self.wanted => Phase::Learned,
            Phase::Learned => Phase::Cooling(0),
            Phase::Cooling(_) if self.wanted => Phase::Learned,
            Phase::Cooling(n) if is_time(n + 1, COOL, voice) => Phase::FadingOut(0),
            Phase::Cooling(n) => Phase::Cooling(n + 1),
            Phase::FadingOut(n) => {
                let learned = std::mem::replace(frame, classic);
                fade(frame, &learned, n);
                match n + 1 {
                    FADE => Phase::Classic,
                    n => Phase::FadingOut(n),
                }
            }
        };
        if self.phase == Phase::Classic {
            engine.reset();
        }
    }
}

/// Ready after `least` frames; then in a pause, or when none comes.
fn is_time(frames: u32, least: u32, voice: bool) -> bool {
    frames >= least && (!voice || frames >= least + PATIENCE)
}

/// Goes from `from` to `to` over [`FADE`] frames, of which this is number `n`.
fn fade(to: &mut Frame, from: &Frame, n: u32) {
    let length = FADE as f32 * to.len() as f32;
    let begin = n as f32 * to.len() as f32;
    for (i, (to, from)) in to.iter_mut().zip(from).enumerate() {
        let share = (begin + i as f32 + 0.5) / length;
        *to = *to * share + from * (1.0 - share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAME;

    /// Weights of zero make a network that silences everything: the two engines differ as much as they can.
    fn silencer() -> Box<LearnedNoise> {
        Box::new(LearnedNoise::new(&vec![0; 4 * 47_665]).unwrap())
    }

    fn ready() -> Engines {
        let mut engines = Engines::default();
        engines.set(Some(silencer()), false);
        engines
    }

    /// A tone that goes on, through the engines, from frame `from` on.
    fn tone(engines: &mut Engines, from: usize, frames: usize, voice: bool) -> Vec<f32> {
        let mut all = Vec::new();
        for f in from..from + frames {
            let mut frame: Frame =
                std::array::from_fn(|i| ((f * FRAME + i) as f32 * 0.05).sin() * 0.5);
            engines.process(&mut frame, voice, false);
            all.extend_from_slice(&frame);
        }
        all
    }

    fn largest_step(samples: &[f32]) -> f32 {
        let steps = samples.windows(2).map(|w| (w[1] - w[0]).abs());
        steps.fold(0.0, f32::max)
    }

    #[test]
    fn changing_the_engine_makes_no_step_either_way() {
        let mut engines = ready();
        let mut heard = tone(&mut engines, 0, 50, true);
        engines.want(true);
        heard.extend(tone(&mut engines, 50, 250, true));
        assert!(engines.is_heard());
        assert!(heard[heard.len() - 4800..].iter().all(|s| s.abs() < 1e-6));
        engines.want(false);
        heard.extend(tone(&mut engines, 300, 150, true));
        assert!(!engines.runs());
        // The tone's own largest step, and a little for the fade.
        let step = largest_step(&heard);
        assert!(step < 0.5 * 0.05 * 1.05, "{step}");
        assert!(heard[heard.len() - 4800..].iter().any(|s| s.abs() > 0.4));
    }

    #[test]
    fn a_pause_is_taken_at_once_and_a_speaker_without_one_does_not_keep_it_forever() {
        let frames_until_heard = |voice: bool| {
            let mut engines = ready();
            engines.want(true);
            (1..)
                .find(|n| {
                    tone(&mut engines, *n, 1, voice);
                    engines.is_heard()
                })
                .unwrap()
        };
        assert_eq!(frames_until_heard(false), WARM as usize);
        assert_eq!(frames_until_heard(true), (WARM + PATIENCE) as usize);
    }

    #[test]
    fn a_wish_taken_back_before_it_was_heard_changes_nothing() {
        let mut engines = ready();
        engines.want(true);
        tone(&mut engines, 0, 50, false);
        engines.want(false);
        tone(&mut engines, 50, 1, false);
        assert!(!engines.runs());
    }

    #[test]
    fn without_an_engine_there_is_nothing_to_want() {
        let mut engines = Engines::default();
        engines.want(true);
        tone(&mut engines, 0, 1, false);
        assert!(!engines.runs());
        engines.adopt(&mut ready());
        engines.want(true);
        tone(&mut engines, 1, 1, false);
        assert!(engines.runs());
    }

    #[test]
    fn an_engine_given_at_the_start_is_heard_from_the_start() {
        let mut engines = Engines::default();
        engines.set(Some(silencer()), true);
        assert!(engines.is_heard() && engines.cleans_alone());
    }
}
