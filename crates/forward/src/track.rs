//! A published track: what its layers cost and whether they are alive.

use crate::allocate::{LAYERS, LEVELS, Level, THINNINGS};
use crate::io::{LayerSpec, RtpIn};
use crate::references::References;
use crate::request::KeyframeRequest;
use crate::voice::{Seen, ToldLoss};
use crate::wanted::Wanting;
use confab_base::{Bitrate, Duration, MediaKind, ParticipantId, Source, Time, VideoCodec};
use std::collections::VecDeque;

/// Silence after which a track's media counts as not arriving.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);
/// A layer is given up after this silence, if meanwhile the others of the same track went on by so many frames each: then
/// it is not the link that is silent, but the sender has switched this layer off. Encoders skip a frame or two, not more.
const LAYER_SILENCE: Duration = Duration::from_millis(250);
const SIBLING_FRAMES: u32 = 4;
/// A track that just began may show its lowest layer a little after the others; nobody starts with the wrong one for that.
const GRACE: Duration = Duration::from_millis(300);
/// Who needs a layer so soon after its key frame gets what came since, instead of another one: senders who switch a layer off make one of
/// the layer below, before anybody finds that the first is gone.
const YOUNG: Duration = Duration::from_millis(700);
/// Packets kept while a key frame is waited for, or behind one: about a second.
const RECENT: usize = 512;
/// Time constant of the measured rate, seconds.
const RATE_SECONDS: f64 = 1.0;
/// And of a voice's rate while it falls: who paused for breath goes on. It rises at once.
const VOICE_SECONDS: f64 = 5.0;
/// Fewer frames are an offer if they cost no more than this share of all.
const WORTH_THINNING: f64 = 0.9;

#[derive(Debug)]
pub(crate) struct Layer {
    pub spec: LayerSpec,
    pub request: KeyframeRequest,
    pub references: References,
    pub alive: bool,
    /// Highest sequence number seen, and the timestamp it came with.
    newest: Option<(u64, u32)>,
    pub last: Option<Time>,
    /// Frames ended so far, and how many others of the track had ended when this layer was last heard.
    frames: u32,
    others: u32,
    /// Bytes since the last measurement: the base frames', with those of the middle temporal layer, and all.
    bytes: [u64; THINNINGS],
    /// Measured, bits per second; `None` until it ran for a moment.
    rates: Option<[f64; THINNINGS]>,
    /// What came while somebody waits for a key frame, and behind the newest one. Its first packet may come last, put back by repair.
    recent: VecDeque<RtpIn>,
    /// Number and arrival of the first packet of the newest key frame.
    start: Option<(u64, Time)>,
    /// When it was switched on, until its key frame's first packet is here.
    woke: Option<Time>,
}

impl Layer {
    fn new(spec: LayerSpec) -> Layer {
        Layer {
            spec,
            request: KeyframeRequest::default(),
            references: References::default(),
            alive: false,
            newest: None,
            last: None,
            frames: 0,
            others: 0,
            bytes: [0; THINNINGS],
            rates: None,
            recent: VecDeque::new(),
            start: None,
            woke: None,
        }
    }

    /// Its sender switched it on: it begins with a key frame, whose first packet may be put back after others.
    pub fn woke(&mut self, now: Time) {
        self.woke = Some(now);
    }

    /// Keeps a packet for those who wait for a key frame, and for those who find soon after it that they need this layer.
    /// `is_start`: a key frame begins with it.
    pub fn keep(&mut self, packet: &RtpIn, is_start: bool, now: Time) {
        if is_start {
            self.start = Some((packet.seq, now));
            self.woke = None;
            self.recent.retain(|p| p.seq > packet.seq);
        }
        let is_new = |at: Time| now.since(at) < YOUNG;
        let is_young =
            self.start.is_some_and(|(_, at)| is_new(at)) || self.woke.is_some_and(is_new);
        if !self.request.is_wanted() && !is_young {
            self.recent.clear();
            return;
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(packet.clone());
    }

    /// What is here behind a key frame's first packet, in the order of its numbers.
    pub fn behind(&self, first: u64) -> Vec<RtpIn> {
        let behind = self.recent.iter().filter(|p| p.seq > first);
        let mut behind: Vec<_> = behind.cloned().collect();
        behind.sort_by_key(|p| p.seq);
        behind
    }

    /// The first packet of a key frame that came a moment ago, and all behind it.
    pub fn young_start(&self, now: Time) -> Option<(RtpIn, Vec<RtpIn>)> {
        let (seq, at) = self.start?;
        let first = self.recent.iter().find(|p| p.seq == seq)?;
        (now.since(at) < YOUNG).then(|| (first.clone(), self.behind(seq)))
    }

    /// Whether the layer could still begin with this packet, though later ones came before.
    pub fn is_in_reach(&self, seq: u64) -> bool {
        let first = self.recent.iter().map(|p| p.seq).min();
        let is_early = first.is_some_and(|first| seq + RECENT as u64 > first);
        is_early
            && self
                .newest
                .is_some_and(|(highest, _)| seq + RECENT as u64 > highest)
    }

    /// Whether nothing of its frame is before this packet, as the one before it shows; false where that is not here. Ask before the packet
    /// is counted.
    pub fn is_first_of_frame(&self, packet: &RtpIn) -> bool {
        let before = packet.seq.checked_sub(1);
        let recent = self.recent.iter().map(|p| (p.seq, p.timestamp));
        let mut known = self.newest.into_iter().chain(recent);
        known.any(|(seq, timestamp)| Some(seq) == before && timestamp != packet.timestamp)
    }

    /// Counts a packet; true if it is the newest of its layer.
    fn note(&mut self, packet: &RtpIn, temporal: u8, now: Time) -> bool {
        let upwards = self.bytes.iter_mut().skip(usize::from(temporal));
        // 40 bytes of headers and tags on the wire.
        upwards.for_each(|b| *b += packet.payload.len() as u64 + 40);
        self.last = Some(now);
        let newest = self.newest.is_none_or(|(highest, _)| packet.seq > highest);
        if newest {
            self.newest = Some((packet.seq, packet.timestamp));
        }
        newest
    }

    /// What sending this layer takes, bits per second.
    pub fn cost(&self) -> u64 {
        match self.rates {
            // A still picture costs little now and more in the next second.
            Some([.., rate]) if self.alive => (rate as u64).max(self.spec.max_bitrate.bps() / 8),
            _ => self.spec.max_bitrate.bps(),
        }
    }

    /// And with its temporal layers up to `temporal` only; `None` where that saves nothing, or is not known yet.
    fn thin_cost(&self, temporal: u8) -> Option<u64> {
        let rates = self.rates.filter(|_| self.alive)?;
        let (part, all) = (rates[usize::from(temporal)], rates[THINNINGS - 1]);
        (part > 0.0 && part < all * WORTH_THINNING)
            .then(|| (self.cost() as f64 * part / all) as u64)
    }

    pub fn measured(&self) -> Bitrate {
        let rates = self.rates.filter(|_| self.alive);
        Bitrate(rates.map_or(0, |[.., all]| all as u64))
    }

    fn measure(&mut self, kind: MediaKind, seconds: f64) {
        let bytes = std::mem::take(&mut self.bytes);
        let now = bytes.map(|b| b as f64 * 8.0 / seconds);
        let weight = |is_more: bool| match (kind, is_more) {
            (MediaKind::Video, _) => (seconds / RATE_SECONDS).min(1.0),
            (MediaKind::Audio, true) => 1.0,
            (MediaKind::Audio, false) => (seconds / VOICE_SECONDS).min(1.0),
        };
        self.rates = match self.rates {
            _ if !self.alive => None,
            None => Some(now),
            Some(mut rates) => {
                let each = rates.iter_mut().zip(now);
                each.for_each(|(rate, now)| *rate += (now - *rate) * weight(now > *rate));
                Some(rates)
            }
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
    /// Audio: which frames came already.
    pub seen: Seen,
    /// And what was said about those who hear it.
    pub told_loss: ToldLoss,
    /// Keys of the slots that show it.
    pub subscribers: Vec<usize>,
    /// Video: which layers are wanted.
    pub wanting: Wanting,
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
            seen: Seen::default(),
            told_loss: ToldLoss::default(),
            subscribers: Vec::new(),
            wanting: Wanting::default(),
            since: Time::ZERO,
        };
        track.set_layers(layers);
        track
    }

    /// Audio has one layer without a picture; layers beyond [`LAYERS`] are nobody's. Other sizes or rates of the same
    /// layers change what they cost, not their streams; true if it is another set of layers, which begins anew.
    pub fn set_layers(&mut self, layers: &[LayerSpec]) -> bool {
        let audio = [LayerSpec {
            height: 0,
            max_bitrate: Bitrate::kbps(40),
        }];
        let specs = if layers.is_empty() {
            &audio[..]
        } else {
            &layers[..layers.len().min(LAYERS)]
        };
        let is_other = self.layers.len() != specs.len();
        if is_other {
            self.layers = specs.iter().map(|s| Layer::new(*s)).collect();
            self.epoch += 1;
        }
        for (layer, spec) in self.layers.iter_mut().zip(specs) {
            layer.spec = *spec;
        }
        is_other
    }

    /// The sender's numbering begins anew.
    pub fn restart(&mut self) {
        self.epoch += 1;
        self.seen = Seen::default();
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

    /// What each level costs, bits per second, of the layers that are to be `had`; fewer frames are offered of the lowest alone:
    /// better fewer than none, but better small than jerky.
    pub fn costs(&self, had: impl Fn(&Layer) -> bool) -> [Option<u64>; LEVELS] {
        let mut costs = [None; LEVELS];
        let all = self.layers.iter().enumerate();
        for (at, (index, layer)) in all.filter(|(_, l)| had(l)).enumerate() {
            let index = index as u8;
            costs[Level::whole(index).at()] = Some(layer.cost());
            for temporal in (0..THINNINGS as u8 - 1).filter(|_| at == 0) {
                costs[Level::new(index, temporal).at()] = layer.thin_cost(temporal);
            }
        }
        costs
    }

    /// What a voice takes, bits per second, of late; a pause of some words is none.
    pub fn voice(&self) -> u64 {
        self.layers.first().map_or(0, |l| l.measured().bps())
    }

    pub fn any_alive(&self) -> bool {
        self.layers.iter().any(|l| l.alive)
    }

    /// Counts a packet of a layer: whether it is the newest, and whether it shows that another layer was switched off.
    pub fn note(&mut self, layer: usize, packet: &RtpIn, now: Time) -> (bool, bool) {
        let frames = self
            .layers
            .iter()
            .map(|l| l.frames)
            .fold(0, u32::wrapping_add);
        let Some(of) = self.layers.get_mut(layer) else {
            return (false, false);
        };
        let temporal = packet.temporal(self.codec).unwrap_or(0);
        let newest = of.note(packet, temporal, now);
        of.frames = of.frames.wrapping_add(u32::from(packet.marker));
        of.others = frames
            .wrapping_sub(of.frames)
            .wrapping_add(u32::from(packet.marker));
        let died = packet.marker && self.layers.len() > 1 && self.bury(now);
        (newest, died)
    }

    /// Finds layers that fell silent while others went on; true if any did.
    fn bury(&mut self, now: Time) -> bool {
        let frames = self
            .layers
            .iter()
            .map(|l| l.frames)
            .fold(0, u32::wrapping_add);
        let others = self.layers.iter().filter(|l| l.alive).count().max(2) as u32 - 1;
        let enough = SIBLING_FRAMES * others;
        let mut died = false;
        for layer in self.layers.iter_mut().filter(|l| l.alive) {
            let others = frames.wrapping_sub(layer.frames).wrapping_sub(layer.others);
            if layer.silent(now) >= LAYER_SILENCE && others >= enough {
                layer.alive = false;
                // Browsers answer a request for a layer they do not send by key frames of those they do.
                layer.request.forget();
                died = true;
            }
        }
        died
    }

    /// Measures rates over the last `seconds` and finds layers that died with the whole track.
    pub fn tick(&mut self, now: Time, seconds: f64) {
        self.bury(now);
        let kind = self.kind();
        for layer in &mut self.layers {
            layer.alive &= layer.silent(now) < SILENCE;
            layer.measure(kind, seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::FrameTag;

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

    fn frame(seq: u64, size: usize) -> RtpIn {
        RtpIn {
            tag: None,
            seq,
            timestamp: 0,
            marker: true,
            payload: vec![0; size].into(),
            audio_level: None,
            voice: false,
            red: false,
        }
    }

    #[test]
    fn a_layer_dies_at_once_while_its_sibling_goes_on_and_late_when_all_are_silent() {
        let mut t = track();
        for layer in 0..2 {
            t.note(layer, &frame(1, 1000), Time::ZERO);
        }
        let mut died = None;
        for i in 1..=20u64 {
            let now = Time::from_millis(i * 33);
            if t.note(0, &frame(1 + i, 1000), now).1 {
                died = died.or(Some(now));
            }
        }
        assert_eq!(died, Some(Time::from_millis(264)));
        assert_eq!((t.layers[0].alive, t.layers[1].alive), (true, false));
        t.tick(Time::from_millis(2000), 1.25);
        assert!(t.any_alive());
        t.tick(Time::from_millis(2700), 0.7);
        assert!(!t.any_alive());
    }

    #[test]
    fn a_slow_layer_is_not_taken_for_dead() {
        let mut t = track();
        for i in 0..100u64 {
            let now = Time::from_millis(i * 100);
            assert!(!t.note(0, &frame(i, 100), now).1);
            if i % 2 == 0 {
                assert!(!t.note(1, &frame(i, 100), now).1);
            }
        }
        // A sender that slowed to three frames a second.
        for i in 0..30u64 {
            let now = Time::from_millis(10_000 + i * 333);
            for layer in 0..2 {
                assert!(!t.note(layer, &frame(100 + i, 100), now).1);
            }
        }
    }

    #[test]
    fn cost_follows_what_is_really_sent_but_keeps_a_floor() {
        let mut t = track();
        assert_eq!(t.layers[1].cost(), 500_000, "declared until measured");
        for i in 0..40u64 {
            for p in 0..5 {
                t.note(1, &frame(i * 5 + p, 1210), Time::from_millis(i * 250));
            }
            t.tick(Time::from_millis(i * 250), 0.25);
        }
        assert!(
            (190_000..210_000).contains(&t.layers[1].cost()),
            "{}",
            t.layers[1].cost()
        );
        assert_eq!(t.layers[1].thin_cost(0), None, "all frames are base frames");
        for i in 40..80u64 {
            t.note(1, &frame(i * 5, 0), Time::from_millis(i * 250));
            t.tick(Time::from_millis(i * 250), 0.25);
        }
        assert_eq!(t.layers[1].cost(), 62_500);
    }

    #[test]
    fn fewer_frames_of_the_lowest_layer_are_offered_at_what_they_cost() {
        let mut t = track();
        for i in 0..40u64 {
            for (at, temporal) in [0, 2, 1, 2].into_iter().enumerate() {
                let tag = FrameTag {
                    frame: 0,
                    refers: 1,
                    temporal,
                    start: true,
                };
                let packet = RtpIn {
                    tag: Some(tag),
                    ..frame(i * 4 + at as u64, 960)
                };
                for layer in 0..2 {
                    t.note(layer, &packet, Time::from_millis(i * 250));
                }
            }
            t.tick(Time::from_millis(i * 250), 0.25);
        }
        let near = |cost: Option<u64>, expected: u64| cost.unwrap().abs_diff(expected) <= 2;
        let costs = t.costs(|_| true);
        assert!(near(costs[0], 32_000) && near(costs[1], 64_000) && near(costs[2], 128_000));
        assert!(costs[3..5].iter().all(Option::is_none) && near(costs[5], 128_000));
        let costs = t.costs(|l| l.spec.height == 360);
        assert!(costs[..3].iter().all(Option::is_none));
        assert!(near(costs[3], 32_000) && near(costs[4], 64_000));
    }

    #[test]
    fn frames_of_temporal_layers_nobody_knows_cost_as_all_others() {
        let mut t = track();
        let tag = FrameTag {
            frame: 0,
            refers: 1,
            temporal: 7,
            start: true,
        };
        for i in 0..40u64 {
            let packet = RtpIn {
                tag: Some(tag),
                ..frame(i, 9960)
            };
            t.note(0, &packet, Time::from_millis(i * 250));
            t.tick(Time::from_millis(i * 250), 0.25);
        }
        assert!(
            t.layers[0].cost().abs_diff(320_000) <= 2,
            "{}",
            t.layers[0].cost()
        );
    }
}
