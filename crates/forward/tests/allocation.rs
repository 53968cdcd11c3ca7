//! The rule of docs/ALLOCATION.md, stated a second time as a search through all allocations there are, against the
//! forwarder in 1,000 meetings: twenty receivers of mixed bandwidth, in virtual time, each meeting from its seed.
//!
//! Each meeting: everyone comes to see some pictures (A), the links shrink (B), waver by a fifth for twelve seconds (C),
//! and grow (D). After A, B and D what is sent is compared with the search; all the time budgets, starvation and
//! flapping are watched.

use confab_base::{
    AudioLevel, Bitrate, Duration, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec,
};
use confab_forward::{
    ForwardConfig, Forwarder, Input, LayerSpec, Limited, Output, RtpIn, SlotSpec, SlotState,
};
use confab_simnet::Rng;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const RECEIVERS: u32 = 20;
/// Frames are so far apart that each measurement sees two.
const FRAME: Duration = Duration::from_millis(125);
/// What a layer's measured rate is for each byte of a frame on the wire.
const BPS_PER_BYTE: u64 = 64;
const HEADERS: u64 = 40;
const AUDIO: u64 = 50_000;
const UP: f64 = 0.87;
/// What is spent on going up even shortly after a dip.
const SURE: f64 = 0.6;
/// A key frame is asked for at most every 500 ms, and comes with the next frame.
const SETTLES: usize = 6;

// --- The rule once more -------------------------------------------------------------------------------------------

/// A picture a receiver looks at. In a list of them the most important is first.
#[derive(Clone, Debug)]
struct Seen {
    slot: u16,
    /// Bits per second, lowest layer first.
    costs: Vec<u64>,
    heights: Vec<u16>,
    wanted: usize,
}

/// What each gets: 0 nothing, else the number of the layer from 1.
type Layers = Vec<usize>;

fn cost(seen: &[Seen], layers: &[usize]) -> u64 {
    let each = seen.iter().zip(layers).filter(|(_, l)| **l > 0);
    each.map(|(s, l)| s.costs[*l - 1]).sum()
}

fn compare(a: &[usize], b: &[usize]) -> Ordering {
    let shown = |l: &[usize]| l.iter().map(|l| *l > 0).collect::<Vec<_>>();
    shown(a).cmp(&shown(b)).then_with(|| a.cmp(b))
}

/// Whether somebody is paused who could have its lowest layer if the less important gave up what they have above theirs.
fn somebody_starves(seen: &[Seen], layers: &[usize], budget: u64) -> bool {
    let mut lowest = 0;
    for (i, picture) in seen.iter().enumerate() {
        if layers[i] > 0 {
            lowest += picture.costs[0];
        } else if lowest + picture.costs[0] <= budget && layers[i..].iter().any(|l| *l > 1) {
            return true;
        }
    }
    false
}

/// The best of all allocations that `may` be.
fn best(seen: &[Seen], may: &dyn Fn(&[usize]) -> bool) -> Layers {
    let mut best = vec![0; seen.len()];
    let mut layers = vec![0; seen.len()];
    loop {
        if may(&layers) && compare(&layers, &best) == Ordering::Greater {
            best.clone_from(&layers);
        }
        // Count on.
        let Some(at) = (0..seen.len()).find(|i| layers[*i] <= seen[*i].wanted) else {
            return best;
        };
        layers[at] += 1;
        layers[..at].fill(0);
    }
}

/// What comes into view under this budget.
fn rule_of_new(seen: &[Seen], budget: u64) -> Layers {
    let safe = (budget as f64 * UP) as u64;
    best(seen, &|l| {
        let only_lowest = l.iter().all(|l| *l <= 1);
        cost(seen, l) <= if only_lowest { budget } else { safe }
    })
}

/// What is left of `held` when the budget is this.
fn rule_of_down(seen: &[Seen], held: &[usize], budget: u64) -> Layers {
    best(seen, &|l| {
        l.iter().zip(held).all(|(l, h)| l <= h) && cost(seen, l) <= budget
    })
}

/// Nothing better fits into what may be spent on going up.
fn is_settled(seen: &[Seen], held: &[usize], budget: u64) -> bool {
    let safe = (budget as f64 * UP) as u64;
    let better = best(seen, &|l| cost(seen, l) <= safe);
    compare(&better, held) != Ordering::Greater
}

// --- The meeting --------------------------------------------------------------------------------------------------

struct Film {
    track: TrackId,
    owner: u32,
    source: Source,
    heights: Vec<u16>,
    bytes: Vec<u64>,
    wants_key: Vec<bool>,
    /// Of each layer: a key frame and another one.
    payloads: Vec<[Arc<[u8]>; 2]>,
}

struct Receiver {
    id: ParticipantId,
    seen: Vec<Seen>,
    base: f64,
    waver: f64,
    estimate: u64,
    /// Estimates of the last steps.
    recent: VecDeque<u64>,
    /// Per slot: when, and to which layer.
    changes: BTreeMap<u16, Vec<(Time, usize)>>,
    over_for: usize,
    starved_for: usize,
}

impl Receiver {
    fn budget(&self) -> u64 {
        self.estimate.saturating_sub(AUDIO)
    }
}

struct Meeting {
    forwarder: Forwarder,
    dice: Rng,
    now: Time,
    frame: u64,
    films: Vec<Film>,
    speaker: u32,
    receivers: Vec<Receiver>,
    states: BTreeMap<(ParticipantId, u16), SlotState>,
    is_watched: bool,
}

impl Meeting {
    fn new(seed: u64) -> Meeting {
        let config = ForwardConfig {
            start_estimate: Bitrate::kbps(1500),
            seed,
        };
        let mut dice = Rng::new(seed);
        let speaker = 1 + dice.below(5) as u32;
        let mut meeting = Meeting {
            forwarder: Forwarder::new(config),
            dice,
            now: Time::from_millis(1000),
            frame: 0,
            films: Vec::new(),
            speaker,
            receivers: Vec::new(),
            states: BTreeMap::new(),
            is_watched: false,
        };
        for n in 1..=RECEIVERS {
            meeting.put(Input::Join {
                participant: ParticipantId(n),
                decodes: vec![VideoCodec::H264],
            });
        }
        for n in 1..=5 {
            meeting.camera(n);
        }
        let height = 1080;
        let bytes = meeting.bytes(300, 2500);
        meeting.publish(1, Source::Screen, vec![(height, bytes)]);
        meeting.put(Input::Publish {
            participant: ParticipantId(speaker),
            track: TrackId(99),
            source: Source::Microphone,
            codec: None,
            layers: Vec::new(),
        });
        meeting
    }

    /// Bytes of a frame that make a rate between these, kbps.
    fn bytes(&mut self, least: u64, most: u64) -> u64 {
        (least + self.dice.below(most - least)) * 1000 / BPS_PER_BYTE
    }

    fn camera(&mut self, owner: u32) {
        let rates = [(180, 60, 200), (360, 250, 700), (720, 900, 2500)];
        let count = 1 + self.dice.below(3) as usize;
        let layers = rates[..count]
            .iter()
            .map(|(h, least, most)| (*h, self.bytes(*least, *most)))
            .collect();
        self.publish(owner, Source::Camera, layers);
    }

    fn publish(&mut self, owner: u32, source: Source, layers: Vec<(u16, u64)>) {
        let track = TrackId(owner * 10 + source as u32);
        let spec = |(height, bytes): &(u16, u64)| LayerSpec {
            height: *height,
            max_bitrate: Bitrate(bytes * BPS_PER_BYTE),
        };
        let payload = |bytes: u64, kind: u8| -> Arc<[u8]> {
            let mut payload = vec![0; (bytes - HEADERS) as usize];
            payload[0] = kind;
            payload.into()
        };
        self.put(Input::Publish {
            participant: ParticipantId(owner),
            track,
            source,
            codec: Some(VideoCodec::H264),
            layers: layers.iter().map(spec).collect(),
        });
        self.films.push(Film {
            track,
            owner,
            source,
            heights: layers.iter().map(|l| l.0).collect(),
            bytes: layers.iter().map(|l| l.1).collect(),
            wants_key: vec![true; layers.len()],
            payloads: layers
                .iter()
                .map(|l| [payload(l.1, 0x67), payload(l.1, 0x61)])
                .collect(),
        });
    }

    fn put(&mut self, input: Input) {
        self.forwarder.handle(input, self.now);
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::RequestKeyframe { track, layer } => {
                    if let Some(f) = self.films.iter_mut().find(|f| f.track == track) {
                        f.wants_key[usize::from(layer)] = true;
                    }
                }
                Output::SlotState { participant, state } => self.told(participant, state),
                _ => {}
            }
        }
    }

    fn told(&mut self, participant: ParticipantId, state: SlotState) {
        self.states.insert((participant, state.slot), state);
        let Some(receiver) = self.receivers.iter_mut().find(|r| r.id == participant) else {
            return;
        };
        let Some(seen) = receiver.seen.iter().find(|s| s.slot == state.slot) else {
            return;
        };
        let layer = layer_of(seen, state.height);
        let changes = receiver.changes.entry(state.slot).or_default();
        if changes.last().is_none_or(|c| c.1 != layer) {
            changes.push((self.now, layer));
        }
    }

    fn estimate(&mut self, at: usize, bps: f64) {
        let r = &mut self.receivers[at];
        r.estimate = bps as u64;
        let (participant, bitrate) = (r.id, Bitrate(r.estimate));
        self.put(Input::Estimate {
            participant,
            bitrate,
        });
    }

    /// A frame of everyone.
    fn step(&mut self) {
        if self.frame.is_multiple_of(2) {
            self.put(Input::Wakeup);
        }
        for i in 0..self.films.len() {
            for layer in 0..self.films[i].payloads.len() {
                let film = &mut self.films[i];
                let is_key = std::mem::take(&mut film.wants_key[layer]);
                let packet =
                    self.packet(self.films[i].payloads[layer][usize::from(!is_key)].clone());
                self.put(Input::Packet {
                    track: self.films[i].track,
                    layer: layer as u8,
                    packet,
                });
            }
        }
        let mut voice = self.packet(Arc::from([1u8; 20]));
        voice.audio_level = Some(AudioLevel(20));
        self.put(Input::Packet {
            track: TrackId(99),
            layer: 0,
            packet: voice,
        });
        for r in &mut self.receivers {
            r.recent.push_back(r.estimate);
            if r.recent.len() > 8 {
                r.recent.pop_front();
            }
        }
        if self.is_watched {
            self.watch();
        }
        self.frame += 1;
        self.now += FRAME;
    }

    fn packet(&self, payload: Arc<[u8]>) -> RtpIn {
        RtpIn {
            seq: 1000 + self.frame,
            timestamp: self.frame as u32 * 11_250,
            marker: true,
            payload,
            red: false,
            audio_level: None,
            voice: true,
        }
    }

    fn play(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.step());
    }

    fn layers(&self, receiver: &Receiver) -> Layers {
        let of = |s: &Seen| {
            let state = self.states.get(&(receiver.id, s.slot));
            layer_of(s, state.map_or(0, |s| s.height))
        };
        receiver.seen.iter().map(of).collect()
    }

    /// Nobody is sent more than fits for longer than a key frame takes to come, and nobody starves for longer than two
    /// seconds and that.
    fn watch(&mut self) {
        for i in 0..self.receivers.len() {
            let layers = self.layers(&self.receivers[i]);
            let r = &mut self.receivers[i];
            let most = r.recent.iter().max().copied().unwrap_or(0);
            let sent = cost(&r.seen, &layers);
            let is_over = sent > 0 && sent + AUDIO > most;
            r.over_for = if is_over { r.over_for + 1 } else { 0 };
            assert!(r.over_for < SETTLES, "{} is sent {sent} of {most}", r.id);
            let least = r.recent.iter().min().copied().unwrap_or(0);
            let sure = (least.saturating_sub(AUDIO) as f64 * SURE) as u64;
            let starves = somebody_starves(&r.seen, &layers, sure);
            r.starved_for = if starves { r.starved_for + 1 } else { 0 };
            assert!(
                r.starved_for <= 16 + SETTLES,
                "{}: {layers:?} of {:?}",
                r.id,
                r.seen
            );
        }
    }

    /// Everyone's own view, under an estimate of its own.
    fn look(&mut self) {
        for n in 1..=RECEIVERS {
            let mut films: Vec<usize> = (0..self.films.len())
                .filter(|i| self.films[*i].owner != n)
                .collect();
            for i in (1..films.len()).rev() {
                films.swap(i, self.dice.below(i as u64 + 1) as usize);
            }
            films.truncate(1 + self.dice.below(5) as usize);
            let heights: Vec<u16> = films
                .iter()
                .map(|_| *self.dice.pick(&[0, 90, 180, 360, 720, 1080]).unwrap())
                .collect();
            let slot = |(slot, (film, height)): (usize, (&usize, &u16))| SlotSpec {
                slot: slot as u16,
                kind: MediaKind::Video,
                track: Some(self.films[*film].track),
                max_height: *height,
                red: None,
            };
            let views = films.iter().zip(&heights);
            let slots = views.clone().enumerate().map(slot).chain([voice_slot()]);
            let slots: Vec<SlotSpec> = slots.collect();
            let mut seen: Vec<_> = views.enumerate().filter(|(_, (_, h))| **h > 0).collect();
            seen.sort_by_key(|(slot, (film, height))| {
                let f = &self.films[**film];
                let is_speaker = f.source == Source::Camera && f.owner == self.speaker;
                (
                    f.source != Source::Screen,
                    !is_speaker,
                    u16::MAX - **height,
                    *slot,
                )
            });
            let seen = seen
                .into_iter()
                .map(|(slot, (film, height))| seen_of(slot as u16, &self.films[*film], *height))
                .collect();
            // 80 kbps to 6 Mbps, as often small as large.
            let base = 80_000.0 * 75f64.powf(self.dice.unit());
            self.receivers.push(Receiver {
                id: ParticipantId(n),
                seen,
                base,
                waver: 0.2 * self.dice.unit(),
                estimate: 0,
                recent: VecDeque::new(),
                changes: BTreeMap::new(),
                over_for: 0,
                starved_for: 0,
            });
            self.estimate(n as usize - 1, base);
            self.put(Input::View {
                participant: ParticipantId(n),
                slots,
            });
        }
    }

    /// No slot comes back twice in ten seconds to a layer it left less than ten seconds before.
    fn assert_calm(&self, times: std::ops::Range<Time>) {
        let long = Duration::from_secs(10);
        for r in &self.receivers {
            for (slot, changes) in &r.changes {
                let changes: Vec<_> = changes.iter().filter(|c| times.contains(&c.0)).collect();
                // When it left the layer and when it was back.
                let back = changes.windows(3).filter(|w| w[0].1 == w[2].1);
                let flaps: Vec<Time> = back
                    .filter(|w| w[2].0.since(w[1].0) < long)
                    .map(|w| w[2].0)
                    .collect();
                let often = flaps.windows(2).any(|w| w[1].since(w[0]) < long);
                assert!(!often, "{} slot {slot}: {changes:?} of {:?}", r.id, r.seen);
            }
        }
    }
}

fn voice_slot() -> SlotSpec {
    SlotSpec {
        slot: 50,
        kind: MediaKind::Audio,
        track: Some(TrackId(99)),
        max_height: 0,
        red: None,
    }
}

fn seen_of(slot: u16, film: &Film, height: u16) -> Seen {
    let fills = |h: &u16| u32::from(*h) * 10 >= u32::from(height) * 9;
    let last = film.heights.len() - 1;
    Seen {
        slot,
        costs: film.bytes.iter().map(|b| b * BPS_PER_BYTE).collect(),
        heights: film.heights.clone(),
        wanted: film.heights.iter().position(fills).unwrap_or(last),
    }
}

fn layer_of(seen: &Seen, height: u16) -> usize {
    let at = seen.heights.iter().position(|h| *h == height);
    at.map_or(0, |at| at + 1)
}

fn run(seed: u64) {
    let mut m = Meeting::new(seed);
    // Everyone has seen one picture, and who speaks is known.
    for n in 1..=RECEIVERS {
        let film = &m.films[if n == 1 { 1 } else { 0 }];
        let one = SlotSpec {
            slot: 60,
            kind: MediaKind::Video,
            track: Some(film.track),
            max_height: 90,
            red: None,
        };
        m.put(Input::View {
            participant: ParticipantId(n),
            slots: vec![one],
        });
    }
    m.play(24);

    m.look();
    m.play(20);
    for r in &m.receivers {
        // Sound of one's own is not received, but its slot is kept.
        let want = rule_of_new(&r.seen, r.budget());
        assert_eq!(
            m.layers(r),
            want,
            "seed {seed} {} new: {:?} of {}",
            r.id,
            r.seen,
            r.estimate
        );
    }

    m.is_watched = true;
    let held: Vec<Layers> = m.receivers.iter().map(|r| m.layers(r)).collect();
    for i in 0..m.receivers.len() {
        m.receivers[i].base *= 0.3 + 0.6 * m.dice.unit();
        m.estimate(i, m.receivers[i].base);
    }
    m.play(SETTLES);
    for (r, held) in m.receivers.iter().zip(&held) {
        let want = rule_of_down(&r.seen, held, r.budget());
        assert_eq!(
            m.layers(r),
            want,
            "seed {seed} {} down: {:?} of {}",
            r.id,
            r.seen,
            r.estimate
        );
        assert_signs(&m, r);
    }

    let from = m.now;
    for step in 0..96 {
        if step % 4 == 0 {
            for i in 0..m.receivers.len() {
                let r = &m.receivers[i];
                let (base, waver) = (r.base, r.waver);
                let bps = base * (1.0 + waver * (2.0 * m.dice.unit() - 1.0));
                m.estimate(i, bps);
            }
        }
        m.step();
    }

    let grown = m.now;
    for i in 0..m.receivers.len() {
        m.receivers[i].base *= 1.0 + 2.0 * m.dice.unit();
        m.estimate(i, m.receivers[i].base);
    }
    // Thirteen seconds of care, two of patience, and the key frame.
    m.play(120 + SETTLES);
    for r in &m.receivers {
        let layers = m.layers(r);
        assert!(
            is_settled(&r.seen, &layers, r.budget()),
            "seed {seed} {} up: {layers:?} of {:?} with {}",
            r.id,
            r.seen,
            r.estimate
        );
        assert_signs(&m, r);
    }
    m.assert_calm(from..grown);
    m.assert_calm(grown..m.now);
}

/// A receiver is told what is paused and what is smaller than asked for.
fn assert_signs(m: &Meeting, r: &Receiver) {
    for seen in &r.seen {
        let state = m.states[&(r.id, seen.slot)];
        let is_less = layer_of(seen, state.height) < seen.wanted + 1;
        assert_eq!(state.limited == Limited::Bandwidth, is_less, "{state:?}");
    }
}

#[test]
fn meetings_1_to_250_follow_the_rule() {
    (1..=250).for_each(run);
}

#[test]
fn meetings_251_to_500_follow_the_rule() {
    (251..=500).for_each(run);
}

#[test]
fn meetings_501_to_750_follow_the_rule() {
    (501..=750).for_each(run);
}

#[test]
fn meetings_751_to_1000_follow_the_rule() {
    (751..=1000).for_each(run);
}
