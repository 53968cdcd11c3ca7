//! How loud it is, recording for the test, and the sound for trying a speaker. Fed from the voice thread, 10 ms at a time.

use confab_pipeline::{AudioWatch, Frame};
use std::f32::consts::TAU;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const RATE: usize = 48_000;
/// Samples of 10 ms.
const FRAME: usize = RATE / 100;
/// Frames a level falls over by half where nothing louder follows.
const FALL: f32 = 0.9;

/// A level with a quick rise and a slow fall, as meters have it. 0 to 1 over 60 dB.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicU32);

impl Level {
    fn note(&self, frame: &Frame) {
        let before = f32::from_bits(self.0.load(Ordering::Relaxed));
        let now = loudness(frame).max(before * FALL);
        self.0.store(now.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn silence(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// RMS of samples in -1…1 as 0…1 over 60 dB.
pub(crate) fn loudness(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|s| s * s).sum();
    let rms = (sum / samples.len().max(1) as f32).sqrt();
    if rms > 0.0 {
        (1.0 + rms.log10() / 3.0).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// What the voice thread tells and the desk reads.
#[derive(Debug, Default)]
pub(crate) struct Sounds {
    pub(crate) microphone: Level,
    pub(crate) speaker: Level,
    /// While a test records: what was spoken so far, and how many samples there will be.
    recording: Mutex<Option<(Vec<f32>, usize)>>,
}

impl Sounds {
    /// For [`confab_pipeline::MediaOptions`]: the microphone, what is sent of it, the speaker.
    pub(crate) fn watches(self: &Arc<Sounds>) -> [AudioWatch; 3] {
        let [hear, spoken, play] = [self.clone(), self.clone(), self.clone()];
        [
            Arc::new(move |frame, _| hear.microphone.note(frame)),
            Arc::new(move |frame, _| spoken.record(frame)),
            Arc::new(move |frame, _| play.speaker.note(frame)),
        ]
    }

    fn record(&self, frame: &Frame) {
        let mut recording = self
            .recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((samples, length)) = recording.as_mut()
            && samples.len() < *length
        {
            samples.extend_from_slice(frame);
        }
    }

    /// Records from now on; whatever was recorded before is gone.
    pub(crate) fn begin(&self, seconds: f64) {
        let length = (seconds * RATE as f64) as usize;
        let samples = Vec::with_capacity(length + FRAME);
        *self
            .recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((samples, length));
    }

    /// Takes what was recorded.
    pub(crate) fn take(&self) -> Vec<f32> {
        let recording = self.recording.lock();
        let recording = recording.unwrap_or_else(PoisonError::into_inner).take();
        recording.map_or_else(Vec::new, |(samples, _)| samples)
    }

    /// The devices are closed.
    pub(crate) fn silence(&self) {
        self.microphone.silence();
        self.speaker.silence();
    }
}

/// Two rising notes, 18 dB below full scale, without clicks.
pub(crate) fn chime() -> Vec<f32> {
    let note = |hz: f32, seconds: f32| {
        let count = (seconds * RATE as f32) as usize;
        (0..count).map(move |i| {
            let t = i as f32 / RATE as f32;
            let rise = (t / 0.01).min(1.0);
            let fall = ((seconds - t) / 0.12).clamp(0.0, 1.0);
            0.125 * rise * fall * fall * (TAU * hz * t).sin()
        })
    };
    note(660.0, 0.35).chain(note(880.0, 0.55)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_is_one_at_full_scale_and_nothing_60_db_below() {
        assert!((loudness(&[1.0; 480]) - 1.0).abs() < 1e-6);
        assert!(loudness(&[0.001; 480]) < 1e-3);
        assert!((loudness(&[0.0316; 480]) - 0.5).abs() < 0.01);
        assert_eq!(loudness(&[0.0; 480]), 0.0);
        assert_eq!(loudness(&[]), 0.0);
    }

    #[test]
    fn a_level_rises_at_once_and_falls_within_half_a_second() {
        let level = Level::default();
        level.note(&[0.5; FRAME]);
        assert!(level.read() > 0.85);
        (0..50).for_each(|_| level.note(&[0.0; FRAME]));
        assert!(level.read() < 0.01, "{}", level.read());
    }

    #[test]
    fn a_recording_ends_by_itself_and_is_taken_once() {
        let sounds = Arc::new(Sounds::default());
        let [_, spoken, _] = sounds.watches();
        spoken(&[0.1; FRAME], confab_base::Time::ZERO);
        sounds.begin(0.05);
        (0..10).for_each(|_| spoken(&[0.2; FRAME], confab_base::Time::ZERO));
        let taken = sounds.take();
        assert_eq!(taken.len(), 5 * FRAME);
        assert!(taken.iter().all(|s| *s == 0.2));
        assert!(sounds.take().is_empty());
    }

    #[test]
    fn the_chime_is_soft_and_begins_and_ends_in_silence() {
        let chime = chime();
        assert!(chime.iter().all(|s| s.abs() <= 0.13));
        assert!(chime[0].abs() < 1e-3 && chime[chime.len() - 1].abs() < 1e-3);
    }
}
