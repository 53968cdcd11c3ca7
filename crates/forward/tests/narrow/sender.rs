//! A client with a camera of two layers and a voice: its budget, its main layer, and an encoder's frames in their sizes.

use crate::hop::Hop;
use confab_base::{Bitrate, Duration, FrameTag, FrameTagger, Time};
use confab_congestion::repair::{FrameClass, MediaPacket};
use confab_congestion::{
    BudgetConfig, LEAST_OF_MAIN, MainLayer, Report, Rung, SendBudget, VoicePath, VoiceSender,
};
use confab_simnet::Rng;

pub const FPS: u64 = 30;
/// Full rates of the layers of 180 and 360 rows.
pub const RATES: [Bitrate; 2] = [Bitrate::kbps(150), Bitrate::kbps(500)];
/// A key frame is so many times as large as the mean, and no smaller than this, however coarse.
const KEY: f64 = 5.0;
const LEAST_KEY: [f64; 2] = [1500.0, 4500.0];
const WEIGHTS: [f64; 4] = [1.6, 0.65, 1.1, 0.65];
const TEMPORAL: [u8; 4] = [0, 2, 1, 2];
const PACKET: usize = 1150;
/// Bytes of a voice packet's frame, and packets a second.
pub const VOICE: usize = 80;
const VOICES: u64 = 50;
/// An encoder that owes some of its rate makes coarser pictures until it is paid, down to so much of their size; and leaves out frames
/// while it owes so many seconds. So openh264 does at 360 rows when its rate falls from 500 to 75 kbps: the next frame is a third as
/// large, those after it a sixth, and of the first 20 it leaves out one or two, never two in a row (`crates/codec/tests/cut.rs`).
const DEBT: f64 = 0.3;
const COARSER: f64 = 0.5;
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

#[derive(Default)]
struct Layer {
    rate: Option<Bitrate>,
    seq: u64,
    place: usize,
    tagger: FrameTagger,
    wants_key: bool,
    last_key: Option<Time>,
    debt: f64,
}

pub struct Sender {
    pub hop: Hop,
    layers: [Layer; 2],
    budget: SendBudget,
    main: MainLayer,
    voice: VoiceSender,
    /// Which layers the server wants.
    told: Vec<u8>,
    order: Vec<usize>,
    estimate: Option<Bitrate>,
    voice_seq: u64,
    speaks: bool,
    pub keys: [usize; 2],
}

fn rungs(order: &[usize]) -> Vec<Rung> {
    let rung = |(place, layer): (usize, &usize)| {
        let target = RATES[*layer];
        let least = match (layer, place) {
            (0, _) => 0.2,
            (_, 0) => LEAST_OF_MAIN,
            _ => 0.55,
        };
        Rung {
            min: target.scaled(least),
            target,
            max: target,
        }
    };
    order.iter().enumerate().map(rung).collect()
}

impl Sender {
    pub fn new(hop: Hop, speaks: bool) -> Sender {
        let mut voice = VoiceSender::default();
        voice.set_copies(true);
        let mut sender = Sender {
            hop,
            layers: Default::default(),
            budget: SendBudget::new(BudgetConfig::new(voice.rate(), rungs(&[0, 1]))),
            main: MainLayer::default(),
            voice,
            told: vec![0, 1],
            order: vec![0, 1],
            estimate: None,
            voice_seq: 0,
            speaks,
            keys: [0; 2],
        };
        sender
            .hop
            .side
            .set_desired(Bitrate::kbps(2500), Time::from_millis(1));
        sender.spend();
        sender
    }

    pub fn wanted(&mut self, layers: Vec<u8>, now: Time) {
        self.told = layers;
        self.refresh(now);
    }

    pub fn key_wanted(&mut self, layer: usize) {
        self.layers[layer].wants_key = true;
    }

    fn choose_main(&mut self, now: Time) -> bool {
        let most = self.told.first().map_or(0, |l| usize::from(*l));
        let room = self.budget.budget().0.saturating_sub(self.voice.rate().0);
        let loss = self.hop.side.loss().unwrap_or(0.0);
        self.main.update(most, &RATES, Bitrate(room), loss, now)
    }

    fn refresh(&mut self, now: Time) {
        self.choose_main(now);
        self.order = self.main.sort(&self.told);
        self.budget.set_ladder(rungs(&self.order));
        self.spend();
        self.adapt(now);
    }

    fn adapt(&mut self, now: Time) {
        let report = Report {
            estimate: self.estimate,
            ..Report::default()
        };
        if self.budget.update(report, now) {
            self.spend();
        }
        if self.choose_main(now) {
            self.refresh(now);
        }
    }

    fn spend(&mut self) {
        let mut rates = [None; 2];
        for (layer, target) in self.order.iter().zip(&self.budget.targets().layers) {
            rates[*layer] = target.active.then_some(target.bitrate);
        }
        let sent = [0, 1].map(|l| self.layers[l].rate.is_some());
        for (layer, rate) in self.layers.iter_mut().zip(rates) {
            layer.wants_key |= rate.is_some() && layer.rate.is_none();
            layer.rate = rate;
        }
        if sent[1] && rates[1].is_none() && rates[0].is_some() {
            self.layers[0].wants_key = true;
        }
    }

    /// A millisecond.
    pub fn step(&mut self, frame: Option<u32>, dice: &mut Rng, now: Time) {
        if let Some(estimate) = self.hop.poll_estimate(now) {
            self.estimate = Some(estimate);
            self.adapt(now);
        }
        if Hop::counts_now(now) {
            let path = VoicePath {
                loss: self.hop.loss(),
                rate: self.estimate,
                queued: self.hop.side.queued(now),
                ..VoicePath::default()
            };
            self.voice.update(path, now);
            self.budget.set_audio(self.voice.rate());
            self.adapt(now);
        }
        if self.speaks && now.as_millis().is_multiple_of(1000 / VOICES) {
            let protection = self.voice.protection();
            let rate = protection.bitrate.unwrap_or(Bitrate::kbps(32)).0;
            let bytes = rate as usize / 8 / VOICES as usize * (1 + protection.copies.len());
            self.voice_seq += 1;
            self.hop.voice(self.voice_seq, bytes, now);
        }
        if let Some(frame) = frame.filter(|_| !self.hop.side.holds(now)) {
            (0..2).for_each(|layer| self.film(layer, frame, dice, now));
        }
    }

    fn film(&mut self, index: usize, frame: u32, dice: &mut Rng, now: Time) {
        let layer = &mut self.layers[index];
        let Some(rate) = layer.rate else { return };
        let mean = rate.0 as f64 / 8.0 / FPS as f64;
        let may_key = layer
            .last_key
            .is_none_or(|at| now.since(at) >= KEYFRAME_INTERVAL);
        let is_key = layer.last_key.is_none() || layer.wants_key && may_key;
        layer.debt = (layer.debt - mean).max(0.0);
        if !is_key && layer.debt > rate.0 as f64 / 8.0 * DEBT {
            return;
        }
        let noise = 0.7 + 0.6 * (dice.below(1000) as f64 / 1000.0);
        let owed = (layer.debt / (rate.0 as f64 / 8.0 * DEBT)).min(1.0);
        let (bytes, temporal) = match is_key {
            true => {
                (layer.place, layer.wants_key, layer.last_key) = (0, false, Some(now));
                self.keys[index] += 1;
                ((mean * KEY * noise).max(LEAST_KEY[index]), 0)
            }
            false => {
                let coarser = 1.0 - (1.0 - COARSER) * owed;
                (
                    mean * WEIGHTS[layer.place] * noise * coarser,
                    TEMPORAL[layer.place],
                )
            }
        };
        layer.place = (layer.place + 1) % 4;
        layer.debt += bytes;
        let tag = layer.tagger.next(temporal, is_key).expect("it is short");
        let count = (bytes as usize).div_ceil(PACKET).max(1);
        for n in 0..count {
            layer.seq += 1;
            let kind = if is_key && n == 0 { 0x67 } else { 0x61 };
            let mut payload = vec![kind, index as u8];
            payload.resize((bytes as usize / count).max(40), 0);
            let packet = MediaPacket {
                ssrc: index as u32,
                seq: layer.seq,
                timestamp: frame * 3000,
                marker: n + 1 == count,
                tag: FrameTag {
                    start: n == 0,
                    ..tag
                }
                .to_bytes(),
                payload: payload.into(),
            };
            let class = FrameClass {
                temporal,
                keyframe: is_key,
            };
            self.hop.media(packet, class, now);
        }
    }

    /// Estimate for media, the layers' rates and whether the voice has copies, for the eye.
    pub fn says(&self) -> String {
        let rate = |l: &Layer| l.rate.map_or("-".into(), |r| (r.0 / 1000).to_string());
        format!(
            "est {} q {} h {} voice {}",
            self.estimate.map_or(0, |e| e.0 / 1000),
            rate(&self.layers[0]),
            rate(&self.layers[1]),
            self.voice.step(),
        )
    }
}
