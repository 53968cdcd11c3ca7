//! Looking at sound while it passes: the newest samples behind every voice stage, for a meter or a recorder that comes and
//! goes.
//!
//! The voice thread takes no lock and allocates nothing: it asks one flag, and while somebody watches it copies samples into
//! a ring of atomics that was made by whoever watches. A reader that is too slow misses samples, and is told how many.

use crate::order::{VOICE_DOWN, VOICE_UP, VoiceDown, VoiceUp};
use confab_dsp::chain;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Samples a ring holds: 341 ms.
const RING: usize = 16_384;
/// The writer may be writing this many while a reader reads.
const MARGIN: usize = 960;
/// Slots that can be looked at, at least as many as a participant hears.
const SLOTS: usize = 64;

/// Where sound can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbePoint {
    /// Behind a stage that one stream passes; an index of [`Probes::stages`].
    Stage(usize),
    /// One voice on its way to the mix, by its slot.
    Heard(usize),
}

/// A stage that can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeStage {
    /// Of [`crate::order`], or a stage of the chain in `confab-dsp`.
    pub name: &'static str,
    /// The stage whose output goes into this one.
    pub before: Option<&'static str>,
    /// From the mouth to the network, not from there to the ear.
    pub up: bool,
}

#[derive(Debug, Default)]
struct Ring {
    samples: OnceLock<Box<[AtomicU32]>>,
    /// Written in all.
    written: AtomicU64,
}

impl Ring {
    fn open(&self) {
        self.samples
            .get_or_init(|| (0..RING).map(|_| AtomicU32::new(0)).collect());
    }

    fn note(&self, samples: &[f32]) {
        let Some(ring) = self.samples.get() else {
            return;
        };
        let at = self.written.load(Ordering::Relaxed);
        for (i, sample) in samples.iter().enumerate() {
            ring[(at as usize + i) % RING].store(sample.to_bits(), Ordering::Relaxed);
        }
        self.written
            .store(at + samples.len() as u64, Ordering::Release);
    }
}

#[derive(Debug)]
struct Board {
    watchers: AtomicUsize,
    stages: Vec<(ProbeStage, Ring)>,
    heard: Vec<Ring>,
}

/// The probes of one pipeline; cheap to clone.
#[derive(Clone, Debug)]
pub struct Probes(Arc<Board>);

impl Default for Probes {
    fn default() -> Probes {
        Probes(Arc::new(Board {
            watchers: AtomicUsize::new(0),
            stages: stages().map(|s| (s, Ring::default())).collect(),
            heard: (0..SLOTS).map(|_| Ring::default()).collect(),
        }))
    }
}

/// All single streams in the order sound passes them: microphone, the chain's inner stages, what is sent; then the mix.
fn stages() -> impl Iterator<Item = ProbeStage> {
    let name = |stage| VOICE_UP.iter().find(|s| s.stage == stage).map(|s| s.name);
    let inner = chain::ORDER.iter().filter_map(|(stage, _)| stage.sound());
    let up = name(VoiceUp::Capture)
        .into_iter()
        .chain(inner)
        .chain(name(VoiceUp::Chain));
    let mut last = None;
    let up = up.map(move |name| ProbeStage {
        name,
        before: last.replace(name),
        up: true,
    });
    let mut last = None;
    let down = VOICE_DOWN.iter().filter(|s| s.stage != VoiceDown::Decode);
    let down = down.map(move |s| ProbeStage {
        name: s.name,
        before: last.replace(s.name),
        up: false,
    });
    up.chain(down)
}

impl Probes {
    /// The stages one stream passes, in order; [`ProbePoint::Stage`] counts in this list.
    pub fn stages(&self) -> impl Iterator<Item = ProbeStage> {
        self.0.stages.iter().map(|(stage, _)| *stage)
    }

    /// From now on samples are kept, until the last of what this gives is dropped.
    pub fn watch(&self) -> Watching {
        for (_, ring) in &self.0.stages {
            ring.open();
        }
        self.0.watchers.fetch_add(1, Ordering::Relaxed);
        Watching(self.clone())
    }

    pub(crate) fn stage(&self, name: &str, samples: &[f32]) {
        if self.is_watched()
            && let Some((_, ring)) = self.0.stages.iter().find(|(s, _)| s.name == name)
        {
            ring.note(samples);
        }
    }

    pub(crate) fn heard(&self, slot: usize, samples: &[f32]) {
        if self.is_watched()
            && let Some(ring) = self.0.heard.get(slot)
        {
            ring.note(samples);
        }
    }

    fn is_watched(&self) -> bool {
        self.0.watchers.load(Ordering::Relaxed) > 0
    }

    fn ring(&self, point: ProbePoint) -> Option<&Ring> {
        match point {
            ProbePoint::Stage(index) => self.0.stages.get(index).map(|(_, ring)| ring),
            ProbePoint::Heard(slot) => self.0.heard.get(slot),
        }
    }
}

/// Somebody watches the probes.
#[derive(Debug)]
pub struct Watching(Probes);

/// What [`Watching::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Where the next reading begins.
    pub next: u64,
    /// Samples that were overwritten before they were read.
    pub missed: u64,
}

impl Watching {
    /// How many samples passed there since the pipeline began to be watched. The first question about a
    /// [`ProbePoint::Heard`] switches it on.
    pub fn position(&self, point: ProbePoint) -> u64 {
        let Some(ring) = self.0.ring(point) else {
            return 0;
        };
        ring.open();
        ring.written.load(Ordering::Acquire)
    }

    /// Appends what passed since `from`, a position.
    pub fn read(&self, point: ProbePoint, from: u64, out: &mut Vec<f32>) -> Read {
        let end = self.position(point);
        let oldest = end.saturating_sub((RING - MARGIN) as u64);
        // A position from the future belongs to another pipeline.
        let begin = from.clamp(oldest, end);
        if let Some(ring) = self.0.ring(point).and_then(|r| r.samples.get()) {
            let sample = |at: u64| ring[at as usize % RING].load(Ordering::Relaxed);
            out.extend((begin..end).map(|at| f32::from_bits(sample(at))));
        }
        Read {
            next: end,
            missed: begin.saturating_sub(from),
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_while_nobody_watches() {
        let probes = Probes::default();
        probes.stage("mic", &[0.5; 480]);
        let watching = probes.watch();
        assert_eq!(watching.position(ProbePoint::Stage(0)), 0);
        probes.stage("mic", &[0.5; 480]);
        assert_eq!(watching.position(ProbePoint::Stage(0)), 480);
        drop(watching);
        probes.stage("mic", &[0.5; 480]);
        assert_eq!(probes.watch().position(ProbePoint::Stage(0)), 480);
    }

    #[test]
    fn a_reader_gets_every_sample_once_and_knows_what_it_missed() {
        let probes = Probes::default();
        let watching = probes.watch();
        let (point, mut out) = (ProbePoint::Stage(0), Vec::new());
        let mut count = 0.0;
        let mut next = 0;
        for round in 0..40 {
            let mut frame = [0.0; 480];
            frame.iter_mut().for_each(|s| {
                *s = count;
                count += 1.0;
            });
            probes.stage("mic", &frame);
            if round % 3 == 2 {
                let read = watching.read(point, next, &mut out);
                assert_eq!(read.missed, 0);
                next = read.next;
            }
        }
        assert!(out.iter().enumerate().all(|(i, s)| *s == i as f32));
        for _ in 0..100 {
            probes.stage("mic", &[0.0; 480]);
        }
        let read = watching.read(point, next, &mut Vec::new());
        assert!(read.missed > 0, "{read:?}");
    }

    #[test]
    fn voices_are_kept_by_slot_from_the_first_question_on() {
        let probes = Probes::default();
        let watching = probes.watch();
        let point = ProbePoint::Heard(3);
        assert_eq!(watching.position(point), 0);
        probes.heard(3, &[0.1; 480]);
        probes.heard(9999, &[0.1; 480]);
        let mut out = Vec::new();
        watching.read(point, 0, &mut out);
        assert_eq!(out, [0.1; 480]);
    }

    #[test]
    fn the_stages_are_a_chain_from_the_microphone_and_one_to_the_speaker() {
        let stages: Vec<ProbeStage> = Probes::default().stages().collect();
        assert_eq!(stages[0].name, "mic");
        assert_eq!(stages[0].before, None);
        let voice = stages.iter().find(|s| s.name == "voice").unwrap();
        assert!(voice.up && voice.before.is_some());
        let speaker = stages.iter().find(|s| s.name == "speaker").unwrap();
        assert!(!speaker.up && speaker.before.is_some());
    }
}
