//! A published track: what its layers cost and whether they are alive.

use crate::allocate::LAYERS;
use crate::io::LayerSpec;
use crate::request::KeyframeRequest;
use confab_base::{Bitrate, Duration, MediaKind, ParticipantId, Source, Time, VideoCodec};

/// Silence after which a track's media counts as not arriving.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);
/// Silence after which one layer is given up while another of the same track lives.
const LAYER_SILENCE: Duration = Duration::from_millis(700);
const SIBLING_ALIVE: Duration = Duration::from_millis(250);
/// A track that just began may show its lowest layer a little after the others; nobody starts with the wrong one for that.
const GRACE: Duration = Duration::from_millis(300);
/// Time constant of the measured rate, seconds.
const RATE_SECONDS: f64 = 1.0;

#[derive(Debug)]
pub(crate) struct Layer {
    pub spec: LayerSpec,
    pub request: KeyframeRequest,
    pub alive: bool,
    /// Highest sequence number seen.
    pub highest: Option<u64>,
    pub last: Option<Time>,
    bytes: u64,
    /// Measured, bits per second; `None` until it ran for a moment.
    rate: Option<f64>,
}

impl Layer {
    fn new(spec: LayerSpec) -> Layer {
        Layer {
            spec,
            request: KeyframeRequest::default(),
            alive: false,
            highest: None,
            last: None,
            bytes: 0,
            rate: None,
        }
    }

    /// Counts a packet; true if it is the newest of its layer.
    pub fn note(&mut self, seq: u64, bytes: usize, now: Time) -> bool {
        // 40 bytes of headers and tags on the wire.
        self.bytes += bytes as u64 + 40;
        self.last = Some(now);
        let newest = self.highest.is_none_or(|h| seq > h);
        if newest {
            self.highest = Some(seq);
        }
        newest
    }

    /// What sending this layer takes, bits per second.
    pub fn cost(&self) -> u64 {
        match self.rate {
            // A still picture costs little now and more in the next second.
            Some(rate) if self.alive => (rate as u64).max(self.spec.max_bitrate.bps() / 8),
            _ => self.spec.max_bitrate.bps(),
        }
    }

    pub fn measured(&self) -> Bitrate {
        Bitrate(self.rate.filter(|_| self.alive).unwrap_or(0.0) as u64)
    }

    fn measure(&mut self, seconds: f64) {
        let now = self.bytes as f64 * 8.0 / seconds;
        self.bytes = 0;
        self.rate = match self.rate {
            _ if !self.alive => None,
            None => Some(now),
            Some(rate) => Some(rate + (now - rate) * (seconds / RATE_SECONDS).min(1.0)),
        };
    }

    fn silent(&self, now: Time) -> Duration {
        self.last.map_or(Duration::MAX, |at| now.since(at))
    }
}

#[derive(Debug)]
pub(crate) struct Track {
    pub owner: ParticipantId,
    pub source: Source,
    pub codec: Option<VideoCodec>,
    pub layers: Vec<Layer>,
    pub muted: bool,
    /// Rises with every new numbering of the sender.
    pub epoch: u32,
    /// Keys of the slots that show it.
    pub subscribers: Vec<usize>,
    /// When its media began, or began anew.
    pub since: Time,
}

impl Track {
    pub fn new(
        owner: ParticipantId,
        source: Source,
        codec: Option<VideoCodec>,
        layers: &[LayerSpec],
    ) -> Track {
        let mut track = Track {
            owner,
            source,
            codec,
            layers: Vec::new(),
            muted: false,
            epoch: 0,
            subscribers: Vec::new(),
            since: Time::ZERO,
        };
        track.set_layers(layers);
        track
    }

    /// Audio has one layer without a picture; layers beyond [`LAYERS`] are nobody's.
    pub fn set_layers(&mut self, layers: &[LayerSpec]) {
        let audio = [LayerSpec {
            height: 0,
            max_bitrate: Bitrate::kbps(40),
        }];
        let specs = if layers.is_empty() {
            &audio[..]
        } else {
            &layers[..layers.len().min(LAYERS)]
        };
        if self.layers.iter().map(|l| l.spec).ne(specs.iter().copied()) {
            self.layers = specs.iter().map(|s| Layer::new(*s)).collect();
            self.epoch += 1;
        }
    }

    /// The sender's numbering begins anew.
    pub fn restart(&mut self) {
        self.epoch += 1;
        for layer in &mut self.layers {
            *layer = Layer::new(layer.spec);
        }
    }

    pub fn kind(&self) -> MediaKind {
        self.source.kind()
    }

    /// Whether a layer can be had: it lives, or may still show up.
    pub fn offers(&self, layer: &Layer, now: Time) -> bool {
        layer.alive || !self.any_alive() || (layer.last.is_none() && now.since(self.since) < GRACE)
    }

    pub fn any_alive(&self) -> bool {
        self.layers.iter().any(|l| l.alive)
    }

    /// Measures rates over the last `seconds` and finds layers that died; true if any did.
    pub fn tick(&mut self, now: Time, seconds: f64) -> bool {
        let sibling_alive = self.layers.iter().any(|l| l.silent(now) < SIBLING_ALIVE);
        let mut changed = false;
        for layer in &mut self.layers {
            let limit = if sibling_alive {
                LAYER_SILENCE
            } else {
                SILENCE
            };
            if layer.alive && layer.silent(now) >= limit {
                layer.alive = false;
                changed = true;
            }
            layer.measure(seconds);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Track {
        let layer = |height, k| LayerSpec {
            height,
            max_bitrate: Bitrate::kbps(k),
        };
        let mut t = Track::new(
            ParticipantId(1),
            Source::Camera,
            Some(VideoCodec::H264),
            &[layer(180, 150), layer(360, 500)],
        );
        for l in &mut t.layers {
            l.alive = true;
        }
        t
    }

    #[test]
    fn a_layer_dies_soon_while_its_sibling_lives_and_late_when_all_are_silent() {
        let mut t = track();
        for l in &mut t.layers {
            l.note(1, 1000, Time::ZERO);
        }
        t.layers[0].note(2, 1000, Time::from_millis(700));
        assert!(t.tick(Time::from_millis(750), 0.75));
        assert_eq!((t.layers[0].alive, t.layers[1].alive), (true, false));
        assert!(!t.tick(Time::from_millis(2000), 1.25));
        assert!(t.tick(Time::from_millis(2700), 0.7));
        assert!(!t.any_alive());
    }

    #[test]
    fn cost_follows_what_is_really_sent_but_keeps_a_floor() {
        let mut t = track();
        assert_eq!(t.layers[1].cost(), 500_000, "declared until measured");
        for i in 0..40u64 {
            for p in 0..5 {
                t.layers[1].note(i * 5 + p, 1210, Time::from_millis(i * 250));
            }
            t.tick(Time::from_millis(i * 250), 0.25);
        }
        assert!(
            (190_000..210_000).contains(&t.layers[1].cost()),
            "{}",
            t.layers[1].cost()
        );
        for i in 40..80u64 {
            t.layers[1].note(i * 5, 0, Time::from_millis(i * 250));
            t.tick(Time::from_millis(i * 250), 0.25);
        }
        assert_eq!(t.layers[1].cost(), 62_500);
    }
}
