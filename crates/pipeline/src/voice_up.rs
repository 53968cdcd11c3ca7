//! From the mouth to the network: microphone, voice chain, Opus. Runs on the voice thread, 10 ms at a time.

use crate::clock;
use crate::order::{VOICE_UP, VoiceUp};
use crate::packet::{Network, SentPacket};
use crate::stats::AudioUpStats;
use crate::tap::Taps;
use confab_audio_io::Microphone;
use confab_base::{AudioLevel, Bitrate, Duration, Source};
use confab_codec::{AudioEncoder, CodecError, OpusConfig, opus_encoder};
use confab_dsp::{FRAME, Frame, VoiceChain, VoiceConfig, VoiceFrame};
use std::sync::{Arc, Mutex};

/// Samples of one packet: 20 ms.
const PACKET: usize = 2 * FRAME;
/// A packet is this long, and its first sample that old when it is sent.
const PACKET_TIME: Duration = Duration::from_millis(20);

pub(crate) struct Mouth {
    microphone: Box<dyn Microphone>,
    chain: VoiceChain,
    encoder: Box<dyn AudioEncoder>,
    network: Arc<dyn Network>,
    watch: Option<crate::AudioWatch>,
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
    pub(crate) microphone: Box<dyn Microphone>,
    pub(crate) chain: VoiceConfig,
    pub(crate) opus: OpusConfig,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) watch: Option<crate::AudioWatch>,
    pub(crate) taps: Taps,
    /// First sequence number and timestamp, drawn by the caller.
    pub(crate) first: (u16, u32),
}

impl Mouth {
    pub(crate) fn new(config: MouthConfig) -> Result<Mouth, CodecError> {
        Ok(Mouth {
            microphone: config.microphone,
            chain: VoiceChain::new(config.chain),
            encoder: opus_encoder(config.opus)?,
            network: config.network,
            watch: config.watch,
            taps: config.taps,
            near: [0.0; FRAME],
            level: AudioLevel::SILENCE,
            voice: false,
            pcm: Vec::with_capacity(PACKET),
            opus: Vec::with_capacity(1500),
            seq: u64::from(config.first.0 & 0x7fff),
            timestamp: config.first.1,
            muted: true,
            marker: true,
            stats: AudioUpStats::default(),
            report: Arc::default(),
        })
    }

    pub(crate) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.marker |= muted;
    }

    pub(crate) fn set_bitrate(&mut self, bitrate: Bitrate) {
        self.encoder.set_bitrate(bitrate);
    }

    /// Fraction of packets lost on the way, 0 to 1: the encoder protects by it.
    pub(crate) fn set_loss(&mut self, loss: f32) {
        self.encoder.set_expected_loss(loss);
    }

    /// Waits for the next 10 ms of the microphone and sends them on. `far`: what the speaker got for the same 10 ms.
    pub(crate) fn run(&mut self, far: &Frame) {
        for stage in &VOICE_UP {
            match stage.stage {
                VoiceUp::Capture => {
                    self.microphone.read(&mut self.near);
                    if let Some(watch) = &self.watch {
                        watch(&self.near, clock::now());
                    }
                    self.taps.audio(stage.name, "", &self.near);
                }
                VoiceUp::Chain => {
                    let voice = self.chain.process(&mut self.near, far);
                    self.note(voice);
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
        if let Ok(mut report) = self.report.lock() {
            *report = self.stats;
        }
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
        let packet = SentPacket {
            seq: self.seq,
            timestamp,
            marker: std::mem::take(&mut self.marker),
            payload: self.opus.as_slice().into(),
            audio_level: Some(level),
            voice,
            captured: clock::now() - PACKET_TIME,
        };
        self.taps.bytes(name, "", &packet.payload);
        self.seq += 1;
        self.stats.packets += 1;
        self.stats.bytes += packet.payload.len() as u64;
        self.stats.level = Some(level);
        self.stats.voice = voice;
        self.network.send(Source::Microphone, 0, vec![packet]);
    }
}
