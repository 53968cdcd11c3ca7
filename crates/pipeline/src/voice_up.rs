//! From the mouth to the network: microphone, voice chain, Opus. Runs on the voice thread, 10 ms at a time.

use crate::clock;
use crate::devices::{DeviceUse, DeviceWatch, audio_news};
use crate::noise::{NoiseWatch, ReadyChain, WatchedChain};
use crate::order::{VOICE_UP, VoiceUp};
use crate::packet::{Network, SentPacket};
use crate::stats::AudioUpStats;
use crate::tap::Taps;
use confab_audio_io::Microphone;
use confab_base::{AudioLevel, Bitrate, Duration, Source};
use confab_codec::{AudioEncoder, CodecError, OpusConfig, opus_encoder};
use confab_dsp::chain::Stage as Inner;
use confab_dsp::{FRAME, Frame, SAMPLE_RATE, VoiceChain, VoiceFrame};
use confab_rtp::Protection;
use confab_rtp::red::History;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Samples of one packet: 20 ms.
const PACKET: usize = 2 * FRAME;
/// A packet is this long, and its first sample that old when it is sent.
const PACKET_TIME: Duration = Duration::from_millis(20);
/// All work of a frame has to be done in this time, or the next one waits.
const DEADLINE: Duration = Duration::from_millis(10);

pub(crate) struct Mouth {
    source: Source,
    microphone: Box<dyn Microphone>,
    chain: WatchedChain,
    encoder: Box<dyn AudioEncoder>,
    /// While nothing has to be done against loss.
    bitrate: Bitrate,
    protection: Protection,
    /// The payload type of plain frames, where the other side takes copies.
    red: Option<u8>,
    sent: History,
    network: Arc<dyn Network>,
    watch: Option<crate::AudioWatch>,
    watch_spoken: Option<crate::AudioWatch>,
    on_device: Option<DeviceWatch>,
    taps: Taps,
    near: Frame,
    /// Of the frames in `pcm`: the loudest level, and whether any had a voice.
    level: AudioLevel,
    voice: bool,
    pcm: Vec<f32>,
    opus: Vec<u8>,
    seq: u64,
    timestamp: u32,
    muted: bool,
    /// The next packet is the first after silence.
    marker: bool,
    stats: AudioUpStats,
    pub(crate) report: Arc<Mutex<AudioUpStats>>,
}

/// What the microphone's way up starts with.
pub(crate) struct MouthConfig {
    /// What it is published as.
    pub(crate) source: Source,
    pub(crate) microphone: Box<dyn Microphone>,
    pub(crate) chain: ReadyChain,
    pub(crate) on_noise: Option<NoiseWatch>,
    pub(crate) opus: OpusConfig,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) watch: Option<crate::AudioWatch>,
    pub(crate) watch_spoken: Option<crate::AudioWatch>,
    pub(crate) on_device: Option<DeviceWatch>,
    pub(crate) taps: Taps,
    /// First sequence number and timestamp, drawn by the caller.
    pub(crate) first: (u64, u32),
}

impl Mouth {
    pub(crate) fn new(config: MouthConfig) -> Result<Mouth, CodecError> {
        Ok(Mouth {
            source: config.source,
            microphone: config.microphone,
            chain: WatchedChain::new(config.chain, config.on_noise),
            bitrate: config.opus.bitrate,
            protection: Protection::NONE,
            red: None,
            sent: History::default(),
            encoder: opus_encoder(config.opus)?,
            network: config.network,
            watch: config.watch,
            watch_spoken: config.watch_spoken,
            on_device: config.on_device,
            taps: config.taps,
            near: [0.0; FRAME],
            level: AudioLevel::SILENCE,
            voice: false,
            pcm: Vec::with_capacity(PACKET),
            opus: Vec::with_capacity(1500),
            seq: config.first.0,
            timestamp: config.first.1,
            muted: true,
            marker: true,
            stats: AudioUpStats::default(),
            report: Arc::default(),
        })
    }

    pub(crate) fn set_muted(&mut self, muted: bool) {
        if self.muted && !muted {
            // It is encoded while muted, too, and packets tell of the sound before them (LBRR, deep redundancy): nothing
            // of what was said while muted may be in the first ones.
            self.encoder.reset();
            self.pcm.fill(0.0);
        }
        self.muted = muted;
        self.marker |= muted;
    }

    /// Takes another microphone, and begins to learn its room anew. Gives the one before, and its chain.
    pub(crate) fn set_microphone(
        &mut self,
        microphone: Box<dyn Microphone>,
        chain: ReadyChain,
    ) -> (Box<dyn Microphone>, Box<VoiceChain>) {
        let chain = self.chain.replace_all(chain);
        (std::mem::replace(&mut self.microphone, microphone), chain)
    }

    /// Takes another chain, or its noise suppressor alone. Gives what is of no use any more.
    pub(crate) fn set_chain(&mut self, chain: ReadyChain) -> Box<VoiceChain> {
        self.chain.replace(chain)
    }

    /// The next packet's sequence number and timestamp, for whoever goes on with the stream.
    pub(crate) fn next(&self) -> (u64, u32) {
        (self.seq, self.timestamp)
    }

    pub(crate) fn tell_device_news(&mut self) {
        while let Some(event) = self.microphone.poll_event() {
            if let Some(watch) = &self.on_device {
                watch(audio_news(DeviceUse::Microphone, event));
            }
        }
    }

    pub(crate) fn set_bitrate(&mut self, bitrate: Bitrate) {
        self.bitrate = bitrate;
        self.protect(self.protection, self.red);
    }

    /// What to do against loss. `red`: the payload type of plain frames, where the other side takes copies of them, too.
    pub(crate) fn protect(&mut self, protection: Protection, red: Option<u8>) {
        let bitrate = protection.bitrate.unwrap_or(self.bitrate);
        self.encoder.set_bitrate(bitrate);
        self.encoder.set_inband_fec(protection.inband_fec);
        self.encoder.set_deep_redundancy(protection.deep);
        self.encoder.set_expected_loss(protection.expected_loss);
        (self.protection, self.red) = (protection, red);
        self.stats.protection = protection;
    }

    /// Waits for the next 10 ms of the microphone and sends them on. `far`: what the speaker got for the same 10 ms; `spent`: the
    /// time that took.
    pub(crate) fn run(&mut self, far: &Frame, spent: Duration) {
        let mut begun = Instant::now();
        let mut noise_cost = Duration::ZERO;
        for stage in &VOICE_UP {
            match stage.stage {
                VoiceUp::Capture => {
                    self.microphone.read(&mut self.near);
                    begun = Instant::now();
                    if let Some(watch) = &self.watch {
                        watch(&self.near, clock::now());
                    }
                    self.taps.audio(stage.name, "", &self.near);
                }
                VoiceUp::Chain => {
                    noise_cost = self.clean(far);
                    if let Some(watch) = &self.watch_spoken {
                        watch(&self.near, clock::now());
                    }
                    self.taps.audio(stage.name, "", &self.near);
                }
                VoiceUp::Encode => {
                    if !self.encode() {
                        break;
                    }
                    self.taps.bytes(stage.name, "", &self.opus);
                }
                VoiceUp::Send => self.send(stage.name),
            }
        }
        self.stats.frames += 1;
        self.stats.muted = self.muted;
        self.chain
            .note(noise_cost, spent + begun.elapsed() > DEADLINE);
        let chain = &self.chain.chain;
        self.stats.echo = chain.config().echo_cancel.then(|| chain.echo_state());
        self.stats.howling = chain.is_howling();
        self.stats.noise = self.chain.state();
        self.stats.noise_cost = self.chain.cost();
        // Whoever reads it holds it for a moment; this thread does not wait for them.
        if let Ok(mut report) = self.report.try_lock() {
            *report = self.stats;
        }
    }

    /// Runs the voice chain; the time its noise suppression took.
    fn clean(&mut self, far: &Frame) -> Duration {
        let probes = &self.taps.probes;
        let mut begun = Instant::now();
        let mut cost = Duration::ZERO;
        let mut watch = |stage: Inner, frame: &Frame| {
            match stage {
                Inner::Suppress | Inner::LearnedNoise => cost += begun.elapsed(),
                _ => {}
            }
            if let Some(name) = stage.sound() {
                probes.stage(name, frame);
            }
            begun = Instant::now();
        };
        let near = &mut self.near;
        let voice = self.chain.chain.process_watched(near, far, &mut watch);
        self.note(voice);
        cost
    }

    fn note(&mut self, voice: VoiceFrame) {
        self.level = self.level.min(voice.level);
        self.voice |= voice.voice_active;
        self.pcm.extend_from_slice(&self.near);
    }

    /// Whether a packet is ready.
    fn encode(&mut self) -> bool {
        if self.pcm.len() < PACKET {
            return false;
        }
        self.opus.clear();
        let result = self.encoder.encode(&self.pcm, &mut self.opus);
        self.pcm.clear();
        if let Err(error) = result {
            tracing::warn!("voice encoder: {error}");
            self.opus.clear();
        }
        true
    }

    fn send(&mut self, name: &str) {
        // The timestamp runs on while muted, so that listeners know how long the pause was; the sequence number does not, so
        // that they know nothing was lost.
        let timestamp = self.timestamp;
        self.timestamp = self.timestamp.wrapping_add(PACKET as u32);
        let level = std::mem::replace(&mut self.level, AudioLevel::SILENCE);
        let voice = std::mem::take(&mut self.voice);
        if self.muted || self.opus.is_empty() {
            return;
        }
        let (payload, red) = self.with_copies(timestamp);
        let packet = SentPacket {
            seq: self.seq,
            timestamp,
            marker: std::mem::take(&mut self.marker),
            payload,
            red,
            audio_level: Some(level),
            voice,
            captured: clock::now() - PACKET_TIME - self.chain_delay(),
        };
        self.taps.bytes(name, "", &packet.payload);
        self.seq += 1;
        self.stats.packets += 1;
        self.stats.red_packets += u64::from(red);
        self.stats.bytes += packet.payload.len() as u64;
        self.stats.level = Some(level);
        self.stats.voice = voice;
        self.network.send(self.source, 0, vec![packet]);
    }

    /// How much later than into the microphone a sound comes out of the chain.
    fn chain_delay(&self) -> Duration {
        let samples = self.chain.chain.delay() as u64;
        Duration::from_micros(samples * 1_000_000 / u64::from(SAMPLE_RATE))
    }

    /// What was encoded last, with copies of frames before it where that is wanted and possible.
    fn with_copies(&mut self, timestamp: u32) -> (Arc<[u8]>, bool) {
        let plain: Arc<[u8]> = self.opus.as_slice().into();
        let frame = (self.seq, timestamp, &*plain);
        let wrap = |pt| self.sent.wrap(frame, pt, self.protection.copies);
        let red = self.red.and_then(wrap);
        self.sent.add(self.seq, timestamp, &plain);
        match red {
            Some(red) => (red.into(), true),
            None => (plain, false),
        }
    }
}
