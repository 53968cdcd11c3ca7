//! What the network carries is spent here: on the voice and what it does against loss, and on the layers of pictures.

use super::MediaSide;
use crate::ladder;
use confab_base::Bitrate;
use confab_congestion::{Report, VoicePath};
use confab_pipeline::{Outgoing, clock};

/// The link is measured up to here even where sound alone is sent: a camera or screen that is switched on then begins sharp.
const READY: Bitrate = Bitrate::kbps(2500);

impl MediaSide {
    /// The camera's layers above 360p are not sent.
    pub(crate) fn set_small_camera(&mut self, small: bool) {
        self.small_camera = small;
        self.refresh_ladder();
    }

    pub(super) fn refresh_ladder(&mut self) {
        let sent = |o: &&Outgoing| !self.muted.contains(&o.source);
        let sent: Vec<Outgoing> = self.outgoing.iter().filter(sent).cloned().collect();
        self.ladder = ladder::order(&sent, self.small_camera, |source, layer| {
            let told = self.wanted.iter().find(|(of, _)| *of == source);
            told.is_none_or(|(_, layers)| layers.contains(&(layer as u8)))
        });
        self.budget
            .set_ladder(ladder::rungs(&self.outgoing, &self.ladder));
        self.spend();
        self.adapt();
    }

    /// What gets lost on the way to the server decides what the voice does against it.
    pub(super) fn protect_voice(&mut self) {
        let Some(peer) = &self.peer else { return };
        let path = VoicePath {
            loss: peer.send_loss.unwrap_or(0.0),
            burst: (self.burst > 0).then(|| f32::from(self.burst) / 10.0),
            rtt: peer.rtt,
            rate: self.estimate,
        };
        self.voice.set_music(self.pipeline.is_original_sound());
        self.voice.update(path, clock::now());
        self.budget.set_audio(self.voice.rate());
        self.pipeline
            .protect_voice(self.voice.protection(), self.red);
    }

    /// Spends the estimated bandwidth; called with every estimate and once a second.
    pub(crate) fn adapt(&mut self) {
        let Some(current) = &self.current else { return };
        let report = Report {
            estimate: self.estimate,
            loss: self.peer.as_ref().and_then(|p| p.send_loss).unwrap_or(0.0),
            rtt: self.peer.as_ref().and_then(|p| p.rtt).unwrap_or_default(),
        };
        if self.budget.update(report, clock::now()) {
            self.spend();
        }
        let all = self.outgoing.iter().flat_map(|o| &o.layers);
        let wanted: u64 = all.map(|l| l.bitrate.bps()).sum();
        let voice = self.voice.rate().bps();
        // A quarter more than all of it, for repair and key frames.
        let desired = Bitrate((wanted + voice) * 5 / 4).max(READY);
        current.driver.set_desired(desired);
    }

    pub(super) fn spend(&self) {
        let targets = self.budget.targets();
        for outgoing in self.outgoing.iter().filter(|o| !o.layers.is_empty()) {
            let mut rates = vec![None; outgoing.layers.len()];
            for ((source, layer), target) in self.ladder.iter().zip(&targets.layers) {
                if *source == outgoing.source && target.active {
                    rates[*layer] = Some(target.bitrate);
                }
            }
            self.pipeline.set_layers(outgoing.source, rates);
        }
    }
}
