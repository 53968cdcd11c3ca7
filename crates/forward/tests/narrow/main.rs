//! A link that suddenly takes a third, and later all again: what is seen behind it, in virtual time, with everything our own ends and the
//! server do about it between the encoder and the eyes.

mod hop;
mod sender;

use confab_base::{
    AudioLevel, Duration, FrameTag, ParticipantId, Source, Time, TrackId, VideoCodec,
};
use confab_congestion::repair::{FrameClass, MediaPacket};
use confab_forward::{
    ForwardConfig, Forwarder, Input, LayerSpec, LinkHealth, Output, RtpIn, RtpOut, SlotSpec,
};
use confab_simnet::Rng;
use hop::{Came, Hop};
use sender::{FPS, RATES, Sender, VOICE};
use std::collections::{BTreeMap, BTreeSet};

const EYES: ParticipantId = ParticipantId(9);
/// Slots of voices come after those of pictures.
const VOICE_SLOTS: u16 = 10;
/// Whoever waits so long for the next picture asks for a key frame, and so often.
const STUCK: Duration = Duration::from_millis(1000);
const ASKS: Duration = Duration::from_millis(500);
/// When the link shrinks and grows again, and the end, seconds.
const SHRINKS: u64 = 25;
const GROWS: u64 = 45;
const END: u64 = 65;
/// Milliseconds of a line of the time line.
const LINE: u64 = 100;

/// The pictures of one slot.
#[derive(Default)]
struct Eye {
    packets: BTreeMap<u64, RtpOut>,
    known: BTreeSet<(u8, u16)>,
    newest: u32,
    /// When each picture was there, and its layer.
    shown: Vec<(Time, u8)>,
    asked: Option<Time>,
}

impl Eye {
    fn take(&mut self, packet: RtpOut, now: Time) {
        self.packets.insert(packet.seq, packet);
        while self.packets.len() > 1500 {
            self.packets.pop_first();
        }
        // Each whole frame whose reference is there, the oldest first.
        loop {
            let starts = self
                .packets
                .values()
                .filter(|p| p.tag.is_some_and(|t| t.start));
            let ready = starts.filter_map(|p| self.whole(p)).next();
            let Some((seqs, key, timestamp)) = ready else {
                break;
            };
            seqs.iter().for_each(|s| drop(self.packets.remove(s)));
            self.known.insert(key);
            if timestamp > self.newest {
                self.newest = timestamp;
                self.shown.push((now, key.0));
            }
        }
    }

    fn whole(&self, first: &RtpOut) -> Option<(Vec<u64>, (u8, u16), u32)> {
        let (tag, layer) = (first.tag?, first.payload[1]);
        let refers = tag.frame.wrapping_sub(u16::from(tag.refers));
        if tag.refers != 0 && !self.known.contains(&(layer, refers)) {
            return None;
        }
        let mut seqs = Vec::new();
        for seq in first.seq.. {
            let packet = self.packets.get(&seq)?;
            seqs.push(seq);
            if packet.marker {
                break;
            }
        }
        Some((seqs, (layer, tag.frame), first.timestamp))
    }

    fn asks(&mut self, now: Time) -> bool {
        let last = self.shown.last().map(|s| s.0);
        let is_stuck = last.is_some_and(|at| now.since(at) >= STUCK) && !self.packets.is_empty();
        let is_due = self.asked.is_none_or(|at| now.since(at) >= ASKS);
        if is_stuck && is_due {
            self.asked = Some(now);
        }
        is_stuck && is_due
    }

    fn between(&self, begin: u64, end: u64) -> impl Iterator<Item = &(Time, u8)> {
        let within = begin..end;
        self.shown
            .iter()
            .filter(move |s| within.contains(&s.0.as_millis()))
    }

    /// The fewest pictures in any second.
    fn slowest(&self, begin: u64, end: u64) -> usize {
        let starts = (begin..end - 1000).step_by(100);
        let counts = starts.map(|s| self.between(s, s + 1000).count());
        counts.min().unwrap_or(0)
    }

    /// The longest time without one, milliseconds.
    fn gap(&self, begin: u64, end: u64) -> u64 {
        let times = self.between(begin, end).map(|s| s.0.as_millis());
        let times: Vec<u64> = [begin].into_iter().chain(times).chain([end]).collect();
        times.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0)
    }

    /// Milliseconds until a second of 27 large pictures begins.
    fn all_again(&self, begin: u64, end: u64) -> Option<u64> {
        let large = |s: u64| self.between(s, s + 1000).filter(|p| p.1 == 1).count();
        (begin..end - 1000)
            .step_by(100)
            .find(|s| large(*s) >= 27)
            .map(|s| s - begin)
    }
}

struct Room {
    now: Time,
    dice: Rng,
    frame: u32,
    senders: Vec<Sender>,
    forwarder: Forwarder,
    down: Hop,
    eyes: Vec<Eye>,
    voices: Vec<Time>,
    watches: bool,
}

impl Room {
    /// `up`: what the first sender's way carries; `down`: what that to the eyes does, kbps. The first one speaks.
    fn new(seed: u64, senders: usize, up: Option<u64>, down: Option<u64>) -> Room {
        let mut dice = Rng::new(seed);
        let now = Time::from_millis(1);
        let sender = |n: usize, dice: &mut Rng| {
            let kbps = up.filter(|_| n == 0);
            Sender::new(Hop::new(kbps, true, 500, dice), n == 0)
        };
        let mut room = Room {
            now,
            senders: (0..senders).map(|n| sender(n, &mut dice)).collect(),
            down: Hop::new(down, false, 1500, &mut dice),
            forwarder: Forwarder::new(ForwardConfig::default()),
            frame: 1,
            eyes: (0..senders).map(|_| Eye::default()).collect(),
            voices: Vec::new(),
            watches: std::env::var_os("CONFAB_WATCH").is_some(),
            dice,
        };
        room.enter();
        room
    }

    fn enter(&mut self) {
        self.put(Input::Join {
            participant: EYES,
            decodes: vec![VideoCodec::H264],
        });
        let layers = [180, 360].into_iter().zip(RATES);
        let layers: Vec<_> = layers
            .map(|(height, max_bitrate)| LayerSpec {
                height,
                max_bitrate,
            })
            .collect();
        let mut slots = Vec::new();
        for n in 0..self.senders.len() as u32 {
            for (track, source) in [(n, Source::Camera), (n + 50, Source::Microphone)] {
                let is_video = source == Source::Camera;
                self.put(Input::Publish {
                    participant: ParticipantId(n + 1),
                    track: TrackId(track),
                    source,
                    codec: is_video.then_some(VideoCodec::H264),
                    layers: if is_video { layers.clone() } else { Vec::new() },
                });
                slots.push(SlotSpec {
                    slot: n as u16 + if is_video { 0 } else { VOICE_SLOTS },
                    kind: source.kind(),
                    track: Some(TrackId(track)),
                    max_height: 360,
                    red: (!is_video).then_some(111),
                });
            }
        }
        self.put(Input::View {
            participant: EYES,
            slots,
        });
    }

    fn put(&mut self, input: Input) {
        self.forwarder.handle(input, self.now);
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send { slot, packet, .. } => self.send(slot, packet),
                Output::RequestKeyframe { track, layer } => {
                    self.senders[track.0 as usize].key_wanted(usize::from(layer));
                }
                Output::LayersWanted { track, layers, .. } => {
                    self.senders[track.0 as usize].wanted(layers, self.now);
                }
                Output::Desired { bitrate, .. } => {
                    self.down.side.set_desired(bitrate, self.now);
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, slot: u16, packet: RtpOut) {
        if slot >= VOICE_SLOTS {
            return self.down.voice(packet.seq, packet.payload.len(), self.now);
        }
        let tag = packet.tag.expect("our own");
        let class = FrameClass {
            temporal: tag.temporal,
            keyframe: tag.is_keyframe(),
        };
        let media = MediaPacket {
            ssrc: u32::from(slot),
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            tag: tag.to_bytes(),
            payload: packet.payload,
        };
        self.down.media(media, class, self.now);
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(1);
        let now = self.now;
        let is_frame = now.as_millis() * FPS / 1000 > u64::from(self.frame);
        self.frame += u32::from(is_frame);
        let frame = is_frame.then_some(self.frame);
        for n in 0..self.senders.len() {
            let sender = &mut self.senders[n];
            sender.step(frame, &mut self.dice, now);
            for came in sender.hop.step(now) {
                self.arrived(n, came);
            }
        }
        for came in self.down.step(now) {
            match came {
                Came::Voice(_) => self.voices.push(now),
                Came::Media(p) => self.eyes[p.ssrc as usize].take(seen(p), now),
            }
        }
        if let Some(bitrate) = self.down.poll_estimate(now) {
            self.put(Input::Estimate {
                participant: EYES,
                bitrate,
            });
        }
        if Hop::counts_now(now) {
            let health = LinkHealth {
                loss_up: 0.0,
                loss_down: self.down.loss(),
                burst_down: None,
                queued_down: self.down.side.queued(now),
                rtt: None,
                heard: now,
            };
            self.put(Input::Health {
                participant: EYES,
                health,
            });
        }
        for slot in 0..self.eyes.len() {
            if self.eyes[slot].asks(now) {
                self.put(Input::KeyframeRequest {
                    participant: EYES,
                    slot: slot as u16,
                });
            }
        }
        if self.forwarder.next_wakeup().is_some_and(|at| at <= now) {
            self.put(Input::Wakeup);
        }
    }

    fn arrived(&mut self, n: usize, came: Came) {
        let (track, layer, packet) = match came {
            Came::Media(p) => (n as u32, p.ssrc as u8, p),
            Came::Voice(seq) => {
                let packet = MediaPacket {
                    ssrc: 0,
                    seq,
                    timestamp: seq as u32 * 960,
                    marker: false,
                    tag: [0; 4],
                    payload: [7; VOICE].into(),
                };
                (n as u32 + 50, 0, packet)
            }
        };
        let is_voice = track >= 50;
        let packet = RtpIn {
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            tag: FrameTag::from_bytes(&packet.tag).filter(|_| !is_voice),
            payload: packet.payload,
            red: false,
            audio_level: is_voice.then_some(AudioLevel(20)),
            voice: is_voice,
        };
        self.put(Input::Packet {
            track: TrackId(track),
            layer,
            packet,
        });
    }

    fn run_to(&mut self, second: u64) {
        while self.now.as_millis() < second * 1000 {
            self.step();
            let ms = self.now.as_millis();
            if self.watches && ms.is_multiple_of(LINE) {
                self.tell();
            }
        }
    }

    /// A line of the time line, for the eye: pictures of each in this tenth of a second, and the large ones; both ways.
    fn tell(&mut self) {
        let ms = self.now.as_millis();
        let counts = self.eyes.iter().map(|eye| {
            let large = eye.between(ms - LINE, ms).filter(|p| p.1 == 1).count();
            (eye.between(ms - LINE, ms).count(), large)
        });
        let counts: Vec<_> = counts.collect();
        let senders = self.senders.iter().map(Sender::says);
        let senders = senders.collect::<Vec<_>>().join(" | ");
        let up = self.senders[0].hop.says();
        eprintln!(
            "{ms} {counts:?} | down {} | up {up} | {senders}",
            self.down.says()
        );
    }
}

fn seen(p: MediaPacket) -> RtpOut {
    RtpOut {
        seq: p.seq,
        timestamp: p.timestamp,
        marker: p.marker,
        tag: FrameTag::from_bytes(&p.tag),
        payload: p.payload,
        red: false,
        audio_level: None,
        voice: false,
    }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() as f64 * share) as usize]
}

#[test]
fn a_sender_whose_link_shrinks_never_shows_less_than_half_and_all_after_it_has_grown() {
    eprintln!(
        "| seed | fewest in a second | longest gap, ms | all again after, ms | queue p95 | keys |"
    );
    let mut missed = Vec::new();
    for seed in 1..11 {
        let mut room = Room::new(seed, 1, Some(1000), None);
        room.run_to(SHRINKS);
        let first = &mut room.senders[0];
        first.hop.becomes(Some(300), room.now);
        let keys = first.keys;
        room.run_to(GROWS);
        let queue = quantile(&room.senders[0].hop.queued, 0.95);
        let now = room.now;
        room.senders[0].hop.becomes(Some(1000), now);
        room.run_to(END);
        let eye = &room.eyes[0];
        let (shrinks, grows, end) = (SHRINKS * 1000, GROWS * 1000, END * 1000);
        let slowest = eye.slowest(shrinks, grows);
        let gap = eye.gap(shrinks, grows);
        let again = eye.all_again(grows, end);
        let keys = [0, 1].map(|l| room.senders[0].keys[l] - keys[l]);
        eprintln!("| {seed} | {slowest} | {gap} | {again:?} | {queue:.0} | {keys:?} |");
        if slowest < 15 || gap > 700 || again.is_none_or(|ms| ms > 5000) {
            missed.push((seed, slowest, gap, again));
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn one_of_four_behind_a_link_that_shrinks_sees_the_speaker_and_all_soon_after_it_has_grown() {
    eprintln!(
        "| seed | fewest of the speaker in a second, from the 3rd on | longest gap, ms | her fps | all again after, ms | queue p95 |"
    );
    let mut missed = Vec::new();
    for seed in 1..11 {
        let mut room = Room::new(seed, 3, None, None);
        room.run_to(SHRINKS);
        let now = room.now;
        room.down.becomes(Some(300), now);
        room.run_to(GROWS);
        let queue = quantile(&room.down.queued, 0.95);
        let now = room.now;
        room.down.becomes(None, now);
        room.run_to(END);
        let (shrinks, grows, end) = (SHRINKS * 1000, GROWS * 1000, END * 1000);
        let speaker = &room.eyes[0];
        let slowest = speaker.slowest(shrinks + 3000, grows);
        let fps = speaker.between(shrinks + 3000, grows).count() / 17;
        let gap = speaker.gap(shrinks, grows);
        let again = room.eyes.iter().map(|e| e.all_again(grows, end));
        let again: Vec<_> = again.collect();
        eprintln!("| {seed} | {slowest} | {gap} | {fps} | {again:?} | {queue:.0} |");
        if gap > 1200 || fps < 20 || again.iter().any(|a| a.is_none_or(|ms| ms > 10_000)) {
            missed.push((seed, gap, fps, again));
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}
