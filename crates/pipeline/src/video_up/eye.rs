//! The thread of one video source: it takes pictures and orders by turns.

use super::dresser::Dresser;
use super::watchman::Watchman;
use super::{CodecPair, Numbering, Order, Picture, PictureSource, Shape, VideoUpConfig};
use crate::clock;
use crate::devices::{DeviceNews, DeviceUse, DeviceWatch};
use crate::order::{VIDEO_UP, VideoUp};
use crate::packet::{Network, SentPacket};
use crate::pause::PauseSwitch;
use crate::sink::source_name;
use crate::stats::{LayerUpStats, VideoUpStats};
use crate::tap::Taps;
use confab_base::{Bitrate, Duration, FrameTag, FrameTagger, Reference, Source, Time, VideoCodec};
use confab_codec::{
    CodecError, EncodedFrame, LayerConfig, VideoConfig, VideoEncoder, video_encoder,
};
use confab_picture::{I420, Rung};
use confab_rtp::{ReferenceLog, av1, h264, vp8};
use crossbeam_channel::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};

/// RTP payload that fits every path with room for SRTP, extensions and TURN.
const MAX_PAYLOAD: usize = 1150;
/// Of moving pictures: half of the frames, or three quarters, can be left out where the network is bad.
const TEMPORAL_LAYERS: u8 = 3;
/// How long to wait for a picture before looking for orders again.
const PATIENCE: Duration = Duration::from_millis(20);
/// Key frames that receivers ask for come at most this often per layer.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);
/// A request that comes so soon after a key frame was made before that one was there: requests are said several times where they get
/// lost. Who needs yet another one asks again.
const ANSWERED: Duration = Duration::from_millis(200);
/// And one to go on from the same frame so soon after that was done.
const GONE_ON: Duration = Duration::from_millis(280);
/// A paused screen is sent again this often, for those who come in and for packets that were lost.
const PAUSED_INTERVAL: Duration = Duration::from_secs(1);
/// A screen that rests is coded again this often and so many times: its first picture is as coarse as the link asks for, and each
/// repetition spends the rate on what is not sharp yet. What is sharp costs next to nothing.
pub(super) const REST_INTERVAL: Duration = Duration::from_millis(100);
pub(super) const REPEATS: u32 = 12;
/// Between a picture and the same one for somebody who needs one to begin with.
const LEAST_REST: Duration = Duration::from_millis(50);

/// Between two changes of the codec: the server follows one a second.
const CODEC_HOLD: Duration = Duration::from_millis(1500);

/// One simulcast layer's RTP stream.
#[derive(Debug)]
struct Stream {
    keyframe_wanted: bool,
    last_keyframe: Option<Time>,
    active: bool,
    tagger: FrameTagger,
    log: ReferenceLog,
    /// The newest base frame since the last key frame that all receivers have.
    common: Option<u16>,
    /// Which one it went on from last, for somebody who was stuck, and when.
    gone_on: Option<(u16, Time)>,
}

/// The thread's state: what is captured, how it is coded, and what was sent.
pub(super) struct Eye {
    source: Source,
    pictures: Box<dyn PictureSource>,
    shape: Shape,
    /// Of the pictures the encoder was made for.
    size: (usize, usize),
    /// The codec at work, of `codecs`, and when it took the other's place.
    codec: VideoCodec,
    codec_changed: Option<Time>,
    codecs: CodecPair,
    encoder: Box<dyn VideoEncoder>,
    network: Arc<dyn Network>,
    watch: Option<crate::PictureWatch>,
    on_device: Option<DeviceWatch>,
    taps: Taps,
    first_timestamp: u32,
    muted: bool,
    /// Of a camera.
    dresser: Dresser,
    watchman: Watchman,
    /// What the budget has for each layer, whatever the machine can do.
    rates: Vec<Option<Bitrate>>,
    paused: PauseSwitch,
    /// Until then the network would drop them; and whether it was so since the last picture.
    held_until: Time,
    was_held: bool,
    /// The last picture, and when it was handed on.
    last: Option<(Arc<I420>, Time)>,
    /// How often it was coded since it was new.
    repeats: u32,
    ended: bool,
    /// Receivers say which frames they have.
    keeps: bool,
    numbering: Arc<Numbering>,
    streams: Vec<Stream>,
    // What the stages hand on.
    picture: Option<Picture>,
    encoded: Vec<EncodedFrame>,
    packets: Vec<(usize, Vec<SentPacket>)>,
    stats: VideoUpStats,
    pub(super) report: Arc<Mutex<VideoUpStats>>,
}

impl Eye {
    pub(super) fn new(config: VideoUpConfig) -> Result<Eye, crate::PipelineError> {
        let rungs = config.shape.rungs(config.size);
        let CodecPair { fine, cheap } = config.codecs;
        // Letters gain the most, and pages that rest cost the least.
        let begins_fine = config.shape == Shape::Text;
        let first = if begins_fine { fine } else { cheap };
        let (codec, encoder) = match encoder(first, &rungs, config.shape) {
            Ok(encoder) => (first, encoder),
            Err(_) => (cheap, encoder(cheap, &rungs, config.shape)?),
        };
        let stats = VideoUpStats {
            muted: config.muted,
            layers: rungs.iter().map(layer_stats).collect(),
            codec: Some(codec),
            ..VideoUpStats::default()
        };
        Ok(Eye {
            encoder,
            codec,
            codec_changed: None,
            codecs: config.codecs,
            source: config.source,
            pictures: config.pictures,
            shape: config.shape,
            size: config.size,
            network: config.network,
            watch: config.watch,
            on_device: config.on_device,
            taps: config.taps,
            first_timestamp: config.first_timestamp,
            muted: config.muted,
            dresser: Dresser::new(config.background),
            watchman: Watchman::new(rungs.len(), begins_fine, config.guard_load),
            rates: rungs.iter().map(|r| Some(r.bitrate)).collect(),
            paused: config.paused,
            held_until: Time::ZERO,
            was_held: false,
            last: config.still.map(|still| (still, clock::now())),
            repeats: 0,
            ended: false,
            keeps: false,
            numbering: config.numbering,
            streams: rungs.iter().map(|_| Stream::new()).collect(),
            picture: None,
            encoded: Vec::new(),
            packets: Vec::new(),
            report: Arc::new(Mutex::new(stats.clone())),
            stats,
        })
    }

    /// Until there is nobody to give orders; then the last picture.
    pub(super) fn run(mut self, inbox: &Receiver<Order>) -> Option<Arc<I420>> {
        loop {
            loop {
                match inbox.try_recv() {
                    Ok(order) => self.carry_out(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return self.last.map(|(last, _)| last),
                }
            }
            self.follow_codec();
            for stage in &VIDEO_UP {
                if !self.pass(stage.stage, stage.name) {
                    break;
                }
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Muted(muted) => {
                // Whoever sees this source again needs a picture it can begin with.
                let unmuted = self.muted && !muted;
                self.streams
                    .iter_mut()
                    .for_each(|s| s.keyframe_wanted |= unmuted);
                self.muted = muted;
                self.dresser.forget();
                self.stats.muted = muted;
                self.publish();
            }
            Order::Keyframe(layer) => {
                self.stats.keyframe_requests += 1;
                let now = clock::now();
                for (index, stream) in self.streams.iter_mut().enumerate() {
                    let is_asked = layer.is_none_or(|l| l == index);
                    stream.keyframe_wanted |= is_asked && !stream.has_answered(now);
                }
            }
            Order::Layers(rates) => {
                self.rates = rates;
                self.set_layers();
            }
            Order::Reference(layer, reference) => self.refer(layer, reference),
            Order::Hold(until) => (self.held_until, self.was_held) = (until, true),
            Order::Background(background) => self.dresser.choose(background),
            Order::Codecs(codecs) => self.codecs = codecs,
        }
    }

    /// What all receivers of a layer have, and whether one of them needs a frame that builds on it. What was said of frames before the
    /// last key frame is over; who is stuck there needs another one.
    fn refer(&mut self, layer: usize, reference: Reference) {
        let Some(stream) = self.streams.get_mut(layer) else {
            return;
        };
        match (stream.log.number(reference.seq), reference.is_stuck) {
            (Some(_), false) if !self.keeps => self.keep_references(),
            (Some(number), false) => {
                stream.common = Some(number);
                self.encoder.acknowledge(layer, number);
            }
            (Some(number), true) => {
                if !stream.goes_on(number, clock::now()) {
                    return;
                }
                self.stats.recoveries += 1;
                self.encoder.acknowledge(layer, number);
                self.encoder.recover(layer, number);
            }
            (None, true) => stream.keyframe_wanted |= !stream.has_answered(clock::now()),
            (None, false) => {}
        }
    }

    /// Pictures were held since the network drops what it is sent, and what it was sent last it has dropped as well: to go on from what
    /// everybody has is sooner than to hear what is missing, and less than to repair it.
    fn go_on(&mut self) {
        for (layer, stream) in self.streams.iter().enumerate() {
            if let Some(number) = stream.common.filter(|_| stream.active) {
                let goes_on = self.encoder.go_on_from(layer, number);
                self.stats.recoveries += u64::from(goes_on);
            }
        }
    }

    /// All who receive a layer are ends that say what they have: from now on frames are kept to go on from. Where some are browsers, nobody
    /// ever says so, and the stream stays the plainest there is.
    fn keep_references(&mut self) {
        self.keeps = true;
        if self.codec == VideoCodec::H264 && self.shape != Shape::Text {
            self.renew(self.codec, self.size);
        }
    }

    /// Goes over to the codec the others and the machine allow.
    fn follow_codec(&mut self) {
        let CodecPair { fine, cheap } = self.codecs;
        let codec = match self.watchman.allows_fine() {
            true => fine,
            false => cheap,
        };
        if codec == self.codec {
            return;
        }
        let now = clock::now();
        let held = |at: Time| now.since(at) < CODEC_HOLD;
        if self.codec_changed.is_some_and(held) {
            return;
        }
        self.codec_changed = Some(now);
        match self.renew(codec, self.size) {
            true => tracing::info!("{} in {codec:?} now", source_name(self.source)),
            // It can't be had for these pictures.
            false => self.codecs.fine = cheap,
        }
    }

    fn set_layers(&mut self) {
        self.stats.cpu_limited = self.watchman.limits();
        let sent: Vec<bool> = self.streams.iter().map(|s| s.active).collect();
        for (index, (stream, rate)) in self.streams.iter_mut().zip(&self.rates).enumerate() {
            let rate = rate.filter(|_| self.watchman.allows(index));
            let active = rate.is_some();
            if active != stream.active {
                self.encoder.set_active(index, active);
                stream.keyframe_wanted |= active;
                stream.active = active;
            }
            let stats = &mut self.stats.layers[index];
            stats.active = active;
            if let Some(rate) = &rate
                && stats.target != rate.bps()
            {
                stats.target = rate.bps();
                self.encoder.set_bitrate(index, *rate);
            }
        }
        // Who looked at the largest layer needs a key frame of the next one as soon as it ends, and would ask for it later.
        let highest = self.streams.iter().rposition(|s| s.active);
        if let Some(highest) = highest.filter(|h| sent[h + 1..].contains(&true)) {
            self.streams[highest].keyframe_wanted = true;
        }
        self.publish();
    }

    /// One stage; whether there is something for the next one.
    fn pass(&mut self, stage: VideoUp, name: &str) -> bool {
        match stage {
            VideoUp::Capture => self.capture(name),
            VideoUp::Encode => self.encode(name),
            VideoUp::Packetize => self.packetize(),
            VideoUp::Send => self.send(name),
        }
    }

    fn capture(&mut self, name: &str) -> bool {
        let mut fresh = self.pictures.next(PATIENCE);
        self.notice_end();
        if let Some(picture) = fresh.as_mut().filter(|_| self.source == Source::Camera) {
            picture.picture = self.dresser.dress(&picture.picture);
            self.notice_load();
        }
        // Read after the wait: what came during it may be newer than the pause.
        let paused = self.paused.is_on();
        let fresh = fresh.filter(|_| !paused);
        if let Some(picture) = &fresh {
            // Some sources give the same one again now and then.
            let last = self.last.as_ref().map(|(last, _)| last);
            if last.is_none_or(|last| !Arc::ptr_eq(last, &picture.picture)) {
                self.repeats = 0;
            }
            self.stats.captured += 1;
            if let Some(watch) = &self.watch {
                watch(self.source, &picture.picture, picture.captured);
            }
        }
        self.picture = fresh.or_else(|| self.again(paused));
        let Some(picture) = self.picture.clone() else {
            return false;
        };
        self.last = Some((picture.picture.clone(), clock::now()));
        self.taps
            .picture(name, source_name(self.source), &picture.picture);
        !self.muted && self.fit(picture.picture.size())
    }

    /// A screen's last picture once more: when somebody needs one to begin with, while it rests and is not sharp yet, and now
    /// and then while it is paused.
    fn again(&mut self, paused: bool) -> Option<Picture> {
        let (picture, shown) = self.last.as_ref()?;
        if self.muted || self.source != Source::Screen {
            return None;
        }
        let now = clock::now();
        let rested = now.since(*shown);
        let wanted = self.streams.iter().any(|s| s.wants_keyframe(now));
        let due = match paused {
            true => rested >= PAUSED_INTERVAL,
            false => rested >= REST_INTERVAL && self.repeats < REPEATS,
        };
        let again = due || (wanted && rested >= LEAST_REST);
        self.repeats += u32::from(again);
        again.then(|| Picture {
            picture: picture.clone(),
            captured: now,
        })
    }

    fn notice_load(&mut self) {
        if self.dresser.gives_up(clock::now())
            && let Some(watch) = &self.on_device
        {
            watch(DeviceNews::BackgroundOff);
        }
    }

    fn notice_end(&mut self) {
        if self.ended {
            return;
        }
        let Some(end) = self.pictures.ended() else {
            return;
        };
        self.ended = true;
        let of = match self.source {
            Source::Camera => DeviceUse::Camera,
            _ => DeviceUse::Screen,
        };
        if let Some(watch) = &self.on_device {
            watch(DeviceNews::Ended { of, end });
        }
    }

    /// Makes the encoder anew when pictures changed their size, as those of a window do; whether there is one.
    fn fit(&mut self, size: (usize, usize)) -> bool {
        let CodecPair { cheap, .. } = self.codecs;
        size == self.size
            || self.renew(self.codec, size)
            || self.codec != cheap && self.renew(cheap, size)
    }

    /// Another encoder, whose first picture is a key frame; where there is none the old one stays.
    fn renew(&mut self, codec: VideoCodec, size: (usize, usize)) -> bool {
        // What was published stays: never more layers than at the start.
        let mut rungs = self.shape.rungs(size);
        rungs.truncate(self.streams.len());
        match encoder(codec, &rungs, self.shape) {
            Ok(encoder) => self.encoder = encoder,
            Err(error) => {
                tracing::warn!("{} encoder: {error}", source_name(self.source));
                self.stats.errors += 1;
                return false;
            }
        }
        self.size = size;
        self.codec = codec;
        if self.keeps {
            self.encoder.keep_long_term_references();
        }
        self.stats.codec = Some(codec);
        let streams = self.streams.iter_mut().zip(&mut self.stats.layers);
        for (index, (stream, stats)) in streams.enumerate() {
            stream.keyframe_wanted = true;
            if let Some(rung) = rungs.get(index) {
                (stats.width, stats.height) = (rung.width as u16, rung.height as u16);
            }
            if index < rungs.len() {
                self.encoder.set_active(index, stream.active);
                self.encoder.set_bitrate(index, Bitrate(stats.target));
            }
        }
        true
    }

    fn encode(&mut self, name: &str) -> bool {
        let now = clock::now();
        let passes_over = self.picture.is_some() && self.watchman.passes_over();
        if passes_over || now < self.held_until {
            return false;
        }
        if std::mem::take(&mut self.was_held) {
            self.go_on();
        }
        let Some(picture) = &self.picture else {
            return false;
        };
        let force: Vec<bool> = self.streams.iter().map(|s| s.wants_keyframe(now)).collect();
        let result = self
            .encoder
            .encode(&picture.picture, picture.captured, &force);
        let took = clock::now().since(now);
        self.stats.encode_time += took;
        self.encoded = result.unwrap_or_else(|error| {
            tracing::warn!("{} encoder: {error}", source_name(self.source));
            self.stats.errors += 1;
            Vec::new()
        });
        for frame in &self.encoded {
            let tag = format!("{}-{}", source_name(self.source), frame.layer);
            self.taps.bytes(name, &tag, &frame.data);
        }
        let before = self.watchman.layers();
        if self.watchman.coded(took, now) {
            let layers = self.watchman.layers();
            if layers != before {
                tracing::info!("{} layers: {layers}", source_name(self.source));
            }
            self.set_layers();
        }
        !self.encoded.is_empty()
    }

    fn packetize(&mut self) -> bool {
        let Some(captured) = self.picture.as_ref().map(|p| p.captured) else {
            return false;
        };
        let now = clock::now();
        // 90 kHz: 9 ticks in 100 µs.
        let ticks = (u128::from(captured.as_micros()) * 9 / 100) as u32;
        let timestamp = self.first_timestamp.wrapping_add(ticks);
        for frame in self.encoded.drain(..) {
            let Some(stream) = self.streams.get_mut(frame.layer) else {
                continue;
            };
            if frame.keyframe {
                stream.keyframe_wanted = false;
                stream.last_keyframe = Some(now);
                stream.common = None;
            }
            let mut numbers = self.numbering.layer(frame.layer);
            let mut payloads = Vec::new();
            match self.codec {
                VideoCodec::Vp8 => {
                    let outgoing = vp8::OutgoingFrame {
                        data: &frame.data,
                        temporal: (layered(self.shape) > 1).then_some(frame.temporal),
                        layer_sync: frame.layer_sync,
                        non_reference: frame.discardable,
                    };
                    numbers.vp8.packetize(outgoing, MAX_PAYLOAD, &mut payloads);
                }
                VideoCodec::Av1 => {
                    if av1::packetize(&frame.data, MAX_PAYLOAD, &mut payloads).is_err() {
                        self.stats.errors += 1;
                        stream.keyframe_wanted = true;
                        continue;
                    }
                }
                VideoCodec::H264 | VideoCodec::Vp9 => {
                    h264::packetize(&frame.data, MAX_PAYLOAD, &mut payloads);
                }
            }
            let stats = &mut self.stats.layers[frame.layer];
            stats.frames += 1;
            stats.keyframes += u64::from(frame.keyframe);
            stats.packets += payloads.len() as u64;
            stats.bytes += payloads.iter().map(|p| p.len() as u64).sum::<u64>();
            let last = payloads.len().saturating_sub(1);
            let count = payloads.len() as u64;
            let first = numbers.seq;
            numbers.seq += count;
            drop(numbers);
            let back = frame.refers.map(|refers| frame.number.wrapping_sub(refers));
            let tag = stream
                .tagger
                .next_from(frame.temporal, frame.keyframe, back);
            if tag.is_some() && frame.temporal == 0 {
                stream.log.sent(first, frame.number, frame.keyframe);
            }
            // Where its reference cannot be named, only a key frame helps.
            stream.keyframe_wanted |= tag.is_none();
            let codec = Some(self.codec);
            let packet = |(index, payload)| SentPacket {
                codec,
                seq: first + index as u64,
                timestamp,
                marker: index == last,
                payload,
                red: false,
                audio_level: None,
                voice: false,
                tag: tag.map(|t| FrameTag {
                    start: index == 0,
                    ..t
                }),
                captured,
            };
            let packets = payloads.into_iter().enumerate().map(packet).collect();
            self.packets.push((frame.layer, packets));
        }
        self.publish();
        !self.packets.is_empty()
    }

    fn send(&mut self, name: &str) -> bool {
        for (layer, packets) in self.packets.drain(..) {
            let tag = format!("{}-{layer}", source_name(self.source));
            packets
                .iter()
                .for_each(|p| self.taps.bytes(name, &tag, &p.payload));
            self.network.send(self.source, layer, packets);
        }
        true
    }

    fn publish(&self) {
        if let Ok(mut report) = self.report.lock() {
            report.clone_from(&self.stats);
        }
    }
}

impl Stream {
    fn new() -> Stream {
        Stream {
            keyframe_wanted: true,
            last_keyframe: None,
            active: true,
            tagger: FrameTagger::default(),
            log: ReferenceLog::default(),
            common: None,
            gone_on: None,
        }
    }

    fn has_answered(&self, now: Time) -> bool {
        self.last_keyframe
            .is_some_and(|at| now.since(at) < ANSWERED)
    }

    /// Whether to go on from this frame, for somebody who is stuck, is something new.
    fn goes_on(&mut self, number: u16, now: Time) -> bool {
        let done = |(of, at): (u16, Time)| of == number && now.since(at) < GONE_ON;
        if self.gone_on.is_some_and(done) {
            return false;
        }
        self.gone_on = Some((number, now));
        true
    }

    fn wants_keyframe(&self, now: Time) -> bool {
        let rested = self
            .last_keyframe
            .is_none_or(|at| now.since(at) >= KEYFRAME_INTERVAL);
        self.active && self.keyframe_wanted && rested
    }
}

/// Temporal layers of such pictures.
fn layered(shape: Shape) -> u8 {
    match shape {
        Shape::Text => 1,
        Shape::Camera | Shape::Motion => TEMPORAL_LAYERS,
    }
}

fn encoder(
    codec: VideoCodec,
    rungs: &[Rung],
    shape: Shape,
) -> Result<Box<dyn VideoEncoder>, CodecError> {
    let layer = |r: &Rung| LayerConfig {
        width: r.width,
        height: r.height,
        bitrate: r.bitrate,
        max_fps: r.fps,
    };
    let config = VideoConfig {
        layers: rungs.iter().map(layer).collect(),
        temporal_layers: layered(shape),
        screen: shape == Shape::Text,
    };
    video_encoder(codec, config)
}

fn layer_stats(rung: &Rung) -> LayerUpStats {
    LayerUpStats {
        width: rung.width as u16,
        height: rung.height as u16,
        active: true,
        target: rung.bitrate.bps(),
        ..LayerUpStats::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_said_several_times_is_one() {
        let at = Time::from_millis;
        let mut stream = Stream::new();
        assert!(!stream.has_answered(at(1000)));
        stream.last_keyframe = Some(at(1000));
        assert!(stream.has_answered(at(1199)) && !stream.has_answered(at(1200)));
        let asked = [(7, 2000), (7, 2260), (8, 2270), (8, 2540), (8, 2550)];
        let went = asked.map(|(number, ms)| stream.goes_on(number, at(ms)));
        assert_eq!(went, [true, false, true, false, true]);
    }
}
