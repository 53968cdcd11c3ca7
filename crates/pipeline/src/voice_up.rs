//! From the mouth to the network: microphone, voice chain, Opus. Runs on the voice thread, 10 ms at a time.

use crate::clock;
use crate::coding::Coding;
use crate::devices::{DeviceUse, DeviceWatch, audio_news};
use crate::noise::{NoiseWatch, ReadyChain, WatchedChain};
use crate::order::{VOICE_UP, VoiceUp};
use crate::packet::{Network, SentPacket};
use crate::stats::AudioUpStats;
use crate::tap::Taps;
use confab_audio_io::Microphone;
use confab_base::{AudioLevel, Bitrate, Duration, Source};
use confab_codec::{CodecError, OpusConfig};
use confab_dsp::chain::Stage as Inner;
use confab_dsp::{FRAME, Frame, SAMPLE_RATE, StereoFrame, VoiceChain, VoiceFrame, downmix};
use confab_rtp::Protection;
use confab_rtp::red::History;
use crossbeam_channel::Sender;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// All work of a frame has to be done in this time, or the next one waits.
const DEADLINE: Duration = Duration::from_millis(10);

pub(crate) struct Mouth {
    source: Source,
    microphone: Box<dyn Microphone>,
    chain: WatchedChain,
    /// What takes the chain's place when the coding before is closed, and who waits for that.
    coming: Option<(ReadyChain, Sender<Box<VoiceChain>>)>,
    coding: Coding,
    /// Against loss, as it is asked for and as it is done.
    wanted: Protection,
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
    /// In original sound: both sides, whose mean is in `near`.
    both: StereoFrame,
    /// Of the frames of the next packet: the loudest level, and whether any had a voice.
    level: AudioLevel,
    voice: bool,
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
        let original = config.chain.chain.config().original;
        Ok(Mouth {
            source: config.source,
            microphone: config.microphone,
            chain: WatchedChain::new(config.chain, config.on_noise),
            coming: None,
            coding: Coding::new(config.opus, original)?,
            wanted: Protection::NONE,
            protection: Protection::NONE,
            red: None,
            sent: History::default(),
            network: config.network,
            watch: config.watch,
            watch_spoken: config.watch_spoken,
            on_device: config.on_device,
            taps: config.taps,
            near: [0.0; FRAME],
            both: [0.0; 2 * FRAME],
            level: AudioLevel::SILENCE,
            voice: false,
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
            self.coding.forget();
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
        self.give_up_change();
        let original = chain.chain.config().original;
        let chain = self.chain.replace_all(chain);
        if original != self.coding.is_music() {
            self.set_original(original);
        }
        (std::mem::replace(&mut self.microphone, microphone), chain)
    }

    /// Takes another chain, or its noise suppressor alone: at once, or, where one of both is original sound, when what is said now
    /// has faded out. `back` gets what is of no use any more.
    pub(crate) fn set_chain(&mut self, chain: ReadyChain, back: Sender<Box<VoiceChain>>) {
        self.give_up_change();
        if chain.chain.config().original == self.coding.is_music() {
            let _ = back.send(self.chain.replace(chain));
        } else {
            self.coding.close();
            self.coming = Some((chain, back));
        }
    }

    /// A change that has not come to be is overtaken by another.
    fn give_up_change(&mut self) {
        if let Some((chain, back)) = self.coming.take() {
            self.coding.reopen();
            let _ = back.send(chain.chain);
        }
    }

    /// Makes a change that was waited for.
    fn change(&mut self) {
        if let Some((chain, back)) = self.coming.take() {
            let original = chain.chain.config().original;
            let _ = back.send(self.chain.replace(chain));
            self.set_original(original);
        }
    }

    fn set_original(&mut self, original: bool) {
        if let Err(error) = self.coding.set_music(original) {
            tracing::error!("no encoder for original sound: {error}");
            self.coding.reopen();
        }
        // Frames of another length can't be copied.
        self.sent.clear();
        self.protect(self.wanted, self.red);
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
        self.coding.set_bitrate(bitrate);
    }

    /// What to do against loss. `red`: the payload type of plain frames, where the other side takes copies of them, too.
    pub(crate) fn protect(&mut self, protection: Protection, red: Option<u8>) {
        (self.wanted, self.red) = (protection, red);
        self.protection = self.coding.protect(protection);
        self.stats.protection = self.protection;
    }

    /// Waits for the next 10 ms of the microphone and sends them on. `far`: what the speaker got for the same 10 ms; `spent`: the
    /// time that took.
    pub(crate) fn run(&mut self, far: &Frame, spent: Duration) {
        let mut begun = Instant::now();
        let mut noise_cost = Duration::ZERO;
        for stage in &VOICE_UP {
            match stage.stage {
                VoiceUp::Capture => {
                    self.capture();
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
                    if !self.coding.encode(&mut self.opus) {
                        break;
                    }
                    self.taps.bytes(stage.name, "", &self.opus);
                }
                VoiceUp::Send => self.send(stage.name),
            }
        }
        if self.coding.is_closed() {
            self.change();
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
        self.stats.channels = self.coding.channels() as u8;
        self.stats.packet = self.coding.time();
        // Whoever reads it holds it for a moment; this thread does not wait for them.
        if let Ok(mut report) = self.report.try_lock() {
            *report = self.stats;
        }
    }

    /// The next 10 ms of the microphone.
    fn capture(&mut self) {
        if self.coding.is_music() {
            let channels = self.microphone.read_stereo(&mut self.both);
            self.coding.set_channels(channels);
            self.near = downmix(&self.both);
        } else {
            self.microphone.read(&mut self.near);
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
        self.coding.add(&self.near, &self.both);
    }

    fn send(&mut self, name: &str) {
        // The timestamp runs on while muted, so that listeners know how long the pause was; the sequence number does not, so
        // that they know nothing was lost.
        let timestamp = self.timestamp;
        self.timestamp = self.timestamp.wrapping_add(self.coding.samples() as u32);
        let level = std::mem::replace(&mut self.level, AudioLevel::SILENCE);
        let voice = std::mem::take(&mut self.voice);
        if self.muted || self.opus.is_empty() {
            return;
        }
        let (payload, red) = self.with_copies(timestamp);
        let packet = SentPacket {
            codec: None,
            seq: self.seq,
            timestamp,
            marker: std::mem::take(&mut self.marker),
            payload,
            red,
            audio_level: Some(level),
            voice,
            tag: None,
            captured: clock::now() - self.coding.time() - self.chain_delay(),
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
