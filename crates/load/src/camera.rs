//! Packets like a camera's and a microphone's. Each says whose it is, of which stream, and its number.

use crate::scene::{LAYERS, Scene};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const FRAME: Duration = Duration::from_micros(33_333);
pub(crate) const VOICE: Duration = Duration::from_millis(20);
/// Streams of a person: its layers, then its voice.
pub(crate) const STREAMS: usize = LAYERS.len() + 1;
pub(crate) const VOICE_STREAM: usize = LAYERS.len();

/// Largest payload of a packet.
const PAYLOAD: usize = 1100;
/// A key frame is so many times as large as the others.
const KEY_TIMES: usize = 4;
const VOICE_PAYLOAD: usize = 90;
/// Of a sequence parameter set, a picture parameter set, and a slice of another picture (H.264).
const NAL: [u8; 3] = [0x67, 0x68, 0x61];
/// Wide-band speech of 20 ms (RFC 6716 §3.1).
const OPUS: u8 = 0x78;
/// Streams begin far apart, so that a number tells the stream of a datagram that leaves, while its payload is sealed.
const APART: u64 = 16_000;

/// What a packet says of itself, behind the first byte of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub sender: u16,
    pub stream: usize,
    pub number: u64,
}

const STAMP: usize = 8;

impl Stamp {
    pub fn read(payload: &[u8]) -> Option<Stamp> {
        let &[_, s0, s1, stream, n0, n1, n2, n3, ..] = payload else {
            return None;
        };
        Some(Stamp {
            sender: u16::from_be_bytes([s0, s1]),
            stream: usize::from(stream),
            number: u64::from(u32::from_be_bytes([n0, n1, n2, n3])),
        })
    }

    fn payload(self, first: u8, size: usize) -> Arc<[u8]> {
        let mut bytes = vec![first];
        bytes.extend(self.sender.to_be_bytes());
        bytes.push(self.stream as u8);
        bytes.extend((self.number as u32).to_be_bytes());
        bytes.resize(size.max(STAMP), 1);
        bytes.into()
    }
}

/// A packet to send.
#[derive(Debug)]
pub(crate) struct Shot {
    pub stream: usize,
    pub number: u64,
    pub timestamp: u32,
    /// The last one of its frame.
    pub marker: bool,
    pub payload: Arc<[u8]>,
}

/// One person's camera and microphone.
#[derive(Debug)]
pub(crate) struct Camera {
    sender: u16,
    /// Bytes of a frame, by layer.
    bytes: [usize; LAYERS.len()],
    /// Of the last packet, by stream.
    numbers: [u64; STREAMS],
    wants_key: [bool; LAYERS.len()],
    /// Layers somebody looks at.
    pub wanted: [bool; LAYERS.len()],
    frames: u32,
    voices: u32,
}

impl Camera {
    pub fn new(sender: u16, scene: &Scene) -> Camera {
        let bytes = |layer| (u64::from(scene.rate(layer)) * 1000 / 8 / 30) as usize;
        Camera {
            sender,
            bytes: std::array::from_fn(bytes),
            numbers: std::array::from_fn(|stream| 100 + stream as u64 * APART),
            wants_key: [true; LAYERS.len()],
            wanted: [true; LAYERS.len()],
            frames: 0,
            voices: 0,
        }
    }

    /// Numbers of the packets made last, by stream.
    pub fn numbers(&self) -> [u64; STREAMS] {
        self.numbers
    }

    /// A layer is to begin anew; without a name: all.
    pub fn want_key(&mut self, rid: Option<&str>) {
        for (layer, wants) in LAYERS.iter().zip(&mut self.wants_key) {
            *wants |= rid.is_none_or(|rid| rid == layer.0);
        }
    }

    /// A picture in every layer somebody looks at.
    pub fn film(&mut self) -> Vec<Shot> {
        self.frames += 1;
        let mut shots = Vec::new();
        for layer in 0..LAYERS.len() {
            if !self.wanted[layer] {
                // Whoever looks again begins with a key frame.
                self.wants_key[layer] = true;
                continue;
            }
            let is_key = std::mem::take(&mut self.wants_key[layer]);
            let bytes = self.bytes[layer] * if is_key { KEY_TIMES } else { 1 };
            let packets = bytes.div_ceil(PAYLOAD).max(1);
            for i in 0..packets {
                let first = match (is_key, i) {
                    (true, 0) => NAL[0],
                    (true, _) => NAL[1],
                    _ => NAL[2],
                };
                let timestamp = self.frames.wrapping_mul(3000);
                let shot = self.shot(layer, first, bytes / packets, timestamp);
                shots.push(Shot {
                    marker: i + 1 == packets,
                    ..shot
                });
            }
        }
        shots
    }

    pub fn speak(&mut self) -> Shot {
        self.voices += 1;
        let timestamp = self.voices.wrapping_mul(960);
        self.shot(VOICE_STREAM, OPUS, VOICE_PAYLOAD, timestamp)
    }

    fn shot(&mut self, stream: usize, first: u8, size: usize, timestamp: u32) -> Shot {
        self.numbers[stream] += 1;
        let stamp = Stamp {
            sender: self.sender,
            stream,
            number: self.numbers[stream],
        };
        Shot {
            stream,
            number: stamp.number,
            timestamp,
            marker: false,
            payload: stamp.payload(first, size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Kind;

    fn camera() -> Camera {
        let scene = Scene {
            kind: Kind::Viewers,
            count: 1,
            kbps: 1500,
        };
        Camera::new(7, &scene)
    }

    fn of(shots: &[Shot], stream: usize) -> impl Iterator<Item = &Shot> {
        shots.iter().filter(move |s| s.stream == stream)
    }

    #[test]
    fn a_second_has_the_rate_that_was_asked_for_in_every_layer() {
        let mut camera = camera();
        camera.film();
        let second: Vec<Shot> = (0..30).flat_map(|_| camera.film()).collect();
        for (layer, kbps) in [(0, 100), (1, 375), (2, 1500)] {
            let bits: usize = of(&second, layer).map(|s| s.payload.len() * 8).sum();
            let off = bits as f64 / f64::from(kbps * 1000) - 1.0;
            assert!(off.abs() < 0.02, "layer {layer}: {bits}");
            assert_eq!(of(&second, layer).filter(|s| s.marker).count(), 30);
        }
    }

    #[test]
    fn packets_say_what_they_are_and_numbers_have_no_gap() {
        let mut camera = camera();
        let mut shots: Vec<Shot> = (0..10).flat_map(|_| camera.film()).collect();
        shots.push(camera.speak());
        for stream in 0..STREAMS {
            let numbers: Vec<u64> = of(&shots, stream).map(|s| s.number).collect();
            assert!(numbers.windows(2).all(|w| w[1] == w[0] + 1));
            assert_eq!(numbers.last(), Some(&camera.numbers()[stream]));
        }
        for shot in &shots {
            let stamp = Stamp::read(&shot.payload).unwrap();
            let said = (stamp.sender, stamp.stream, stamp.number);
            assert_eq!(said, (7, shot.stream, shot.number));
        }
        assert_eq!(Stamp::read(&[0; 7]), None);
    }

    #[test]
    fn key_frames_come_first_and_when_asked_for_and_unwanted_layers_rest() {
        let mut camera = camera();
        let keys = |shots: &[Shot]| {
            let keys = shots.iter().filter(|s| s.payload[0] == NAL[0]);
            keys.map(|s| s.stream).collect::<Vec<_>>()
        };
        assert_eq!(keys(&camera.film()), [0, 1, 2]);
        assert!(keys(&camera.film()).is_empty());
        camera.want_key(Some("h"));
        assert_eq!(keys(&camera.film()), [1]);
        camera.wanted = [false, false, true];
        assert!(camera.film().iter().all(|s| s.stream == 2));
        camera.wanted = [true; 3];
        assert_eq!(keys(&camera.film()), [0, 1]);
    }
}
