//! What the network carries is spent here: on the voice and what it does against loss, and on the layers of pictures.

use super::MediaSide;
use crate::face::Saving;
use crate::ladder;
use confab_base::{Bitrate, Source};
use confab_congestion::repair::media_share;
use confab_congestion::{Report, VoicePath};
use confab_pipeline::{Outgoing, clock};

/// The link is measured up to here even where sound alone is sent: a camera or screen that is switched on then begins sharp.
const READY: Bitrate = Bitrate::kbps(2500);

impl MediaSide {
    /// From now on no more than this is sent; the next [`MediaSide::update`] tells the server what it may send.
    pub(crate) fn save(&mut self, saving: Saving) {
        self.saving = saving;
        self.budget.set_cap(saving.up);
        self.refresh_ladder();
    }

    pub(super) fn refresh_ladder(&mut self) {
        self.choose_main();
        let sent = |o: &&Outgoing| !self.muted.contains(&o.source);
        let sent: Vec<Outgoing> = self.outgoing.iter().filter(sent).cloned().collect();
        self.ladder = ladder::order(&sent, self.saving.small_camera, |o| {
            let told = self.wanted.iter().find(|(of, _)| *of == o.source);
            match told {
                Some((Source::Camera, layers)) => self.main.sort(layers),
                Some((_, layers)) => layers.iter().map(|l| usize::from(*l)).collect(),
                None => (0..o.layers.len()).collect(),
            }
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
            queued: peer.send_queued,
        };
        self.voice.set_music(self.pipeline.is_original_sound());
        self.voice.update(path, clock::now());
        self.budget.set_audio(self.voice.rate());
        self.pipeline
            .protect_voice(self.voice.protection(), self.red);
    }

    /// Spends the estimated bandwidth; called with every estimate and once a second.
    pub(crate) fn adapt(&mut self) {
        if self.current.is_none() {
            return;
        }
        let report = Report {
            estimate: self.estimate.map(|e| self.capped(e)),
            loss: self.lost(),
            rtt: self.peer.as_ref().and_then(|p| p.rtt).unwrap_or_default(),
        };
        if self.budget.update(report, clock::now()) {
            self.spend();
        }
        if self.choose_main() {
            // Comes here again, and finds nothing more to choose.
            return self.refresh_ladder();
        }
        let all = self.outgoing.iter().flat_map(|o| &o.layers);
        let wanted: u64 = all.map(|l| l.bitrate.bps()).sum();
        let voice = self.voice.rate().bps();
        // A quarter more than all of it, for repair and key frames.
        let desired = Bitrate((wanted + voice) * 5 / 4).max(READY);
        // Who saves data wants no padding that only measures.
        let most = self.saving.up.map(|up| up.max(Bitrate(voice * 5 / 4)));
        if let Some(current) = &self.current {
            current
                .driver
                .set_desired(most.map_or(desired, |most| desired.min(most)));
        }
    }

    /// Where all who look at the camera want more than its lowest layer: which one they get. True if it is another one now.
    fn choose_main(&mut self) -> bool {
        let camera = self.outgoing.iter().find(|o| o.source == Source::Camera);
        let told = self.wanted.iter().find(|(of, _)| *of == Source::Camera);
        let (Some(camera), Some((_, told))) = (camera, told) else {
            return false;
        };
        let rates: Vec<Bitrate> = camera.layers.iter().map(|l| l.bitrate).collect();
        let most = told.first().map_or(0, |l| usize::from(*l));
        let room = Bitrate(
            self.budget
                .budget()
                .bps()
                .saturating_sub(self.voice.rate().bps()),
        );
        let loss = self.lost();
        self.main.update(most, &rates, room, loss, clock::now())
    }

    /// The share of packets lost on the way to the server, 0 to 1.
    fn lost(&self) -> f32 {
        self.peer.as_ref().and_then(|p| p.send_loss).unwrap_or(0.0)
    }

    /// The estimate, which has what repair takes taken off, and no more than the cap leaves beside repair.
    fn capped(&self, estimate: Bitrate) -> Bitrate {
        let Some(up) = self.saving.up else {
            return estimate;
        };
        let repair = self.peer.as_ref().and_then(|p| p.repair_out.as_ref());
        let loss = repair.map_or(0.0, |r| f64::from(r.loss));
        estimate.min(up.scaled(media_share(loss)))
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
