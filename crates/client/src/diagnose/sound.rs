//! How the stages of a pipeline sound: levels and spectra of what passed last.

use super::words::{BandInfo, StageInfo, StageSound, Way};
use confab_pipeline::sound::{BANDS, BandMeter, FLOOR_DB, band_centre, power_db};
use confab_pipeline::{AudioDownStats, Pipeline, ProbePoint, RemoteTrack, Watching};
use std::sync::{Arc, Weak};

/// Samples a level is taken of: 100 ms.
const LEVEL: u64 = 4800;

/// Watches one pipeline's probes for as long as it lives.
pub(crate) struct SoundMeter {
    of: Weak<Pipeline>,
    watching: Watching,
    stages: Vec<StageInfo>,
    bands: BandMeter,
    samples: Vec<f32>,
}

impl std::fmt::Debug for SoundMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SoundMeter")
    }
}

/// One voice among those that are heard, by its slot.
pub(crate) type Heard<'a> = &'a [(usize, RemoteTrack, AudioDownStats)];

impl SoundMeter {
    pub(crate) fn new(pipeline: &Arc<Pipeline>) -> SoundMeter {
        let probes = pipeline.probes();
        let info = |s: confab_pipeline::ProbeStage| StageInfo {
            name: s.name.to_owned(),
            before: s.before.map(str::to_owned),
            way: if s.up { Way::Up } else { Way::Down },
            participant: None,
        };
        SoundMeter {
            of: Arc::downgrade(pipeline),
            watching: probes.watch(),
            stages: probes.stages().map(info).collect(),
            bands: BandMeter::default(),
            samples: Vec::new(),
        }
    }

    pub(crate) fn is_of(&self, pipeline: &Arc<Pipeline>) -> bool {
        std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(pipeline))
    }

    pub(crate) fn watching(&self) -> &Watching {
        &self.watching
    }

    /// All stages there are now: the way up, the voices heard, the way to the speaker.
    pub(crate) fn stages(&self, heard: Heard<'_>) -> Vec<(ProbePoint, StageInfo)> {
        let single = self.stages.iter().cloned().enumerate();
        let (up, down): (Vec<_>, Vec<_>) = single
            .map(|(i, info)| (ProbePoint::Stage(i), info))
            .partition(|(_, info)| info.way == Way::Up);
        let voices = heard.iter().map(|(slot, track, _)| {
            let info = StageInfo {
                name: format!("heard-{}", track.tag()),
                before: None,
                way: Way::Down,
                participant: Some(track.participant),
            };
            (ProbePoint::Heard(*slot), info)
        });
        up.into_iter().chain(voices).chain(down).collect()
    }

    /// The stage of this name, if there is one now.
    pub(crate) fn find(&self, name: &str, heard: Heard<'_>) -> Option<ProbePoint> {
        let stages = self.stages(heard);
        stages.iter().find(|(_, i)| i.name == name).map(|(p, _)| *p)
    }

    pub(crate) fn measure(&mut self, point: ProbePoint, info: StageInfo) -> StageSound {
        self.samples.clear();
        let from = self.watching.position(point).saturating_sub(LEVEL);
        self.watching.read(point, from, &mut self.samples);
        if self.samples.is_empty() {
            return StageSound {
                info,
                rms_db: FLOOR_DB,
                peak_db: FLOOR_DB,
                ..StageSound::default()
            };
        }
        let sum: f32 = self.samples.iter().map(|s| s * s).sum();
        let peak = self
            .samples
            .iter()
            .fold(0.0f32, |most, s| most.max(s.abs()));
        let mut bands = [0.0; BANDS];
        self.bands.measure(&self.samples, &mut bands);
        StageSound {
            info,
            rms_db: tenth(power_db(sum / self.samples.len() as f32)),
            peak_db: tenth(power_db(peak * peak)),
            bands: bands.iter().map(|db| tenth(*db)).collect(),
            tap: None,
        }
    }
}

pub(crate) fn band_info() -> BandInfo {
    BandInfo {
        centres: (0..BANDS).map(|b| tenth(band_centre(b))).collect(),
        floor_db: FLOOR_DB,
    }
}

fn tenth(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}
