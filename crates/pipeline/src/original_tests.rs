//! Original sound from the microphone to the ear, packet by packet, in virtual time.

use crate::noise::ReadyChain;
use crate::packet::{Network, ReceivedPacket, SentPacket};
use crate::sink::RemoteTrack;
use crate::tap::Taps;
use crate::voice_down::{AudioTrack, VoiceSlot};
use crate::voice_up::{Mouth, MouthConfig};
use confab_audio_io::Microphone;
use confab_base::{Duration, ParticipantId, Source, Time, TrackId};
use confab_codec::OpusConfig;
use confab_dsp::generate::Tone;
use confab_dsp::{FRAME, Frame, StereoFrame, VoiceConfig, downmix, interleave, tone_power};
use confab_rtp::{Protection, opus};
use crossbeam_channel::{Receiver, bounded};
use std::sync::{Arc, Mutex};

const LEFT: f32 = 440.0;
const RIGHT: f32 = 880.0;

/// Two tones, one on each side, as fast as they are read.
struct Tones([Tone; 2]);

impl Tones {
    fn next(&mut self) -> StereoFrame {
        let mut sides = [[0.0; FRAME]; 2];
        for (tone, side) in self.0.iter_mut().zip(&mut sides) {
            tone.fill(side);
        }
        interleave(&sides[0], &sides[1])
    }
}

impl Microphone for Tones {
    fn read(&mut self, frame: &mut Frame) {
        *frame = downmix(&self.next());
    }

    fn read_stereo(&mut self, frame: &mut StereoFrame) -> usize {
        *frame = self.next();
        2
    }
}

/// Keeps what is sent.
#[derive(Default)]
struct Wire(Mutex<Vec<SentPacket>>);

impl Network for Wire {
    fn send(&self, _source: Source, _layer: usize, packets: Vec<SentPacket>) {
        self.0.lock().unwrap().extend(packets);
    }

    fn request_keyframe(&self, _slot: usize) {}
}

/// A mouth that is not muted, and its wire.
fn mouth(tones: [Tone; 2], chain: VoiceConfig) -> (Mouth, Arc<Wire>) {
    let wire = Arc::new(Wire::default());
    let mut mouth = Mouth::new(MouthConfig {
        source: Source::Microphone,
        microphone: Box::new(Tones(tones)),
        chain: ReadyChain::plain(chain),
        on_noise: None,
        opus: OpusConfig::default(),
        network: wire.clone(),
        watch: None,
        watch_spoken: None,
        on_device: None,
        taps: Taps::default(),
        first: (100, 7_000),
    })
    .unwrap();
    mouth.set_muted(false);
    (mouth, wire)
}

fn run(mouth: &mut Mouth, frames: usize) {
    (0..frames).for_each(|_| mouth.run(&[0.0; FRAME], Duration::ZERO));
}

/// What is sent of so many frames.
fn sent(tones: [Tone; 2], chain: VoiceConfig, frames: usize) -> Vec<SentPacket> {
    let (mut mouth, wire) = mouth(tones, chain);
    run(&mut mouth, frames);
    std::mem::take(&mut *wire.0.lock().unwrap())
}

fn two_tones() -> [Tone; 2] {
    [Tone::new(LEFT, 0.3), Tone::new(RIGHT, 0.3)]
}

fn slot() -> VoiceSlot {
    let track = RemoteTrack {
        participant: ParticipantId(1),
        track: TrackId(2),
        source: Source::Microphone,
    };
    VoiceSlot::new(AudioTrack { track, sync: None }).unwrap()
}

/// Plays packets that arrive `late` after they were sent, or never; gives both sides, whatever came.
fn heard(
    slot: &mut VoiceSlot,
    packets: &[SentPacket],
    late: impl Fn(usize) -> Option<Duration>,
) -> [Vec<f32>; 2] {
    let begin = Time::from_millis(1000);
    let first = packets[0].timestamp;
    let mut arrivals = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        let ticks = u64::from(packet.timestamp.wrapping_sub(first));
        let made = begin + Duration::from_micros(ticks * 1000 / 48);
        if let Some(late) = late(n) {
            arrivals.push((made + late, packet.clone()));
        }
    }
    arrivals.sort_by_key(|(at, _)| *at);
    let end = arrivals.last().unwrap().0;
    let (mut next, mut sides) = (arrivals.into_iter().peekable(), [Vec::new(), Vec::new()]);
    let mut now = begin;
    while now < end {
        while let Some((received, packet)) = next.next_if(|(at, _)| *at <= now) {
            slot.push(ReceivedPacket {
                codec: None,
                seq: packet.seq,
                timestamp: packet.timestamp,
                marker: packet.marker,
                payload: packet.payload,
                red: packet.red,
                audio_level: packet.audio_level,
                tag: None,
                received,
                report: None,
            });
        }
        slot.fill(now);
        let mut frame = vec![0.0; FRAME * slot.channels()];
        slot.take(&mut frame);
        for moment in frame.chunks_exact(slot.channels()) {
            sides[0].push(moment[0]);
            sides[1].push(*moment.last().unwrap());
        }
        now += Duration::from_millis(10);
    }
    sides
}

fn on_time(_: usize) -> Option<Duration> {
    Some(Duration::from_millis(30))
}

/// How much louder the right tone is on its own side than on the other, dB, and the same of the left.
fn separation(sides: &[Vec<f32>; 2], from: usize) -> [f32; 2] {
    let power = |side: usize, hz| tone_power(&sides[side][from..], hz, 48_000);
    let decibels = |own: f32, other: f32| 10.0 * (own / other.max(1e-12)).log10();
    [
        decibels(power(0, LEFT), power(1, LEFT)),
        decibels(power(1, RIGHT), power(0, RIGHT)),
    ]
}

fn steepest(samples: &[f32]) -> f32 {
    let steps = samples.windows(2).map(|w| (w[1] - w[0]).abs());
    steps.fold(0.0, f32::max)
}

#[test]
fn both_sides_stay_apart_from_the_microphone_to_the_ear() {
    let packets = sent(two_tones(), VoiceConfig::ORIGINAL, 300);
    assert_eq!(packets.len(), 300);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 480);
        assert_eq!(pair[1].seq, pair[0].seq + 1);
    }
    let payloads = packets.iter().map(|p| &p.payload);
    assert!(payloads.clone().all(|p| opus::is_stereo(p)));
    let kbps = payloads.map(|p| p.len()).sum::<usize>() as f64 * 8.0 / 3000.0;
    assert!((90.0..150.0).contains(&kbps), "{kbps} kbps");
    let level = packets[100].audio_level.unwrap();
    assert!((12..=18).contains(&level.0), "of the mean: {level:?}");

    let mut slot = slot();
    let sides = heard(&mut slot, &packets, on_time);
    let apart = separation(&sides, 48_000);
    assert!(apart.iter().all(|db| *db > 40.0), "{apart:?}");
    let loud = tone_power(&sides[0][48_000..], LEFT, 48_000);
    assert!((loud / 0.045 - 1.0).abs() < 0.1, "{loud}");
    let report = slot.report();
    assert_eq!((report.channels, report.lost), (2, 0));
    assert_eq!(report.packet, Duration::from_millis(10));
    // Later on everything was there in time.
    assert!(report.concealed < 4_800, "{}", report.concealed);
}

#[test]
fn a_voice_is_as_it_was() {
    let packets = sent(two_tones(), VoiceConfig::BYPASS, 100);
    assert_eq!(packets.len(), 50);
    let durations = packets.iter().map(|p| opus::duration(&p.payload));
    assert!(durations.clone().all(|d| d == Some(960)));
    assert!(packets.iter().all(|p| !opus::is_stereo(&p.payload)));
    let mut slot = slot();
    let sides = heard(&mut slot, &packets, on_time);
    assert_eq!(slot.report().channels, 1);
    assert_eq!(sides[0], sides[1]);
}

#[test]
fn turning_original_sound_on_and_off_goes_on_in_time_and_makes_no_click() {
    let (mut mouth, wire) = mouth(two_tones(), VoiceConfig::BYPASS);
    let mut turns: Vec<Receiver<_>> = Vec::new();
    for chain in [VoiceConfig::ORIGINAL, VoiceConfig::BYPASS] {
        run(&mut mouth, 101);
        let (back, old) = bounded(1);
        mouth.set_chain(ReadyChain::plain(chain), back);
        turns.push(old);
    }
    run(&mut mouth, 101);
    for old in turns {
        assert!(old.try_recv().is_ok(), "who gave the order is told");
    }
    let packets = wire.0.lock().unwrap().clone();
    let mut kinds = Vec::new();
    for pair in packets.windows(2) {
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert_eq!(Some(ticks), opus::duration(&pair[0].payload));
        assert_eq!(pair[1].seq, pair[0].seq + 1);
        kinds.push(opus::is_stereo(&pair[0].payload));
    }
    kinds.dedup();
    assert_eq!(kinds, [false, true, false]);
    let sides = heard(&mut slot(), &packets, on_time);
    // The tones alone rise by this much from one sample to the next.
    let tones = 0.3 * (LEFT + RIGHT) * std::f32::consts::TAU / 48_000.0;
    for side in &sides {
        let found = steepest(&side[9_600..]);
        assert!(found < 2.0 * tones, "{found} where tones have {tones}");
    }
}

#[test]
fn an_order_that_is_overtaken_is_answered() {
    let (mut mouth, wire) = mouth(two_tones(), VoiceConfig::BYPASS);
    run(&mut mouth, 1);
    let (first_back, first) = bounded(1);
    mouth.set_chain(ReadyChain::plain(VoiceConfig::ORIGINAL), first_back);
    assert!(first.try_recv().is_err(), "still fading");
    let (second_back, second) = bounded(1);
    mouth.set_chain(ReadyChain::plain(VoiceConfig::BYPASS), second_back);
    assert!(first.try_recv().is_ok() && second.try_recv().is_ok());
    run(&mut mouth, 21);
    let packets = wire.0.lock().unwrap().clone();
    assert!(packets.iter().all(|p| !opus::is_stereo(&p.payload)));
}

/// Half way the network holds everything up for a while.
fn held_up(n: usize) -> Option<Duration> {
    let held = (300..340).contains(&n);
    let late = if held { (340 - n as u64) * 10 } else { 0 };
    Some(Duration::from_millis(30 + late))
}

/// How much the right side differs from half of the left one, as a part of its energy, where one tone is on both; the slot that
/// played it, and the samples it took out or put in.
fn difference(late: impl Fn(usize) -> Option<Duration>) -> (f32, VoiceSlot, u64) {
    let tones = [Tone::new(LEFT, 0.4), Tone::new(LEFT, 0.2)];
    let packets = sent(tones, VoiceConfig::ORIGINAL, 900);
    let mut slot = slot();
    let sides = heard(&mut slot, &packets, late);
    let stretched = slot.report().samples.abs_diff(sides[0].len() as u64);
    let (mut off, mut all) = (0.0, 0.0);
    for (left, right) in sides[0][48_000..].iter().zip(&sides[1][48_000..]) {
        off += (left * 0.5 - right).powi(2);
        all += right.powi(2);
    }
    (off / all, slot, stretched)
}

#[test]
fn stretching_does_the_same_to_both_sides() {
    let (off, _, stretched) = difference(held_up);
    assert!(stretched > 480, "{stretched} samples");
    // Waiting for what is late is concealment, which invents each side by itself.
    assert!(off < 0.03, "{off}");
}

#[test]
fn through_losses_too_both_sides_go_on_together() {
    let (off, slot, stretched) = difference(|n| held_up(n).filter(|_| n % 8 != 5));
    let report = slot.report();
    assert!(report.lost > 90 && report.concealed > 90 * 480);
    assert!(stretched > 480, "{stretched} samples");
    assert!(off < 0.06, "{off}");
}

#[test]
fn copies_bring_original_sound_back_where_every_eighth_packet_is_lost() {
    let (mut mouth, wire) = mouth(two_tones(), VoiceConfig::ORIGINAL);
    let protection = Protection {
        copies: &[1],
        ..Protection::NONE
    };
    mouth.protect(protection, Some(111));
    run(&mut mouth, 500);
    let packets = wire.0.lock().unwrap().clone();
    assert!(packets[10..].iter().all(|p| p.red));
    let late = |n: usize| (n % 8 != 5).then(|| Duration::from_millis(30));
    let mut slot = slot();
    let sides = heard(&mut slot, &packets, late);
    let report = slot.report();
    assert!(report.from_copies > 40 * 480, "{}", report.from_copies);
    assert!(report.concealed < 10 * 480, "{}", report.concealed);
    assert!(separation(&sides, 96_000).iter().all(|db| *db > 40.0));
}
