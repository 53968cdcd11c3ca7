//! From packets to the ear: one jitter buffer and decoder per slot, the mixer behind them. Runs on the voice thread,
//! 10 ms at a time.

use crate::clock;
use crate::devices::{DeviceUse, DeviceWatch, audio_news};
use crate::order::{VOICE_DOWN, VoiceDown};
use crate::packet::ReceivedPacket;
use crate::sink::RemoteTrack;
use crate::stats::AudioDownStats;
use crate::sync::SharedSync;
use crate::tap::Taps;
use confab_audio_io::Speaker;
use confab_base::{AudioLevel, Duration, Time};
use confab_codec::{AudioDecoder, CodecError, opus_decoder};
use confab_dsp::{FRAME, Frame, Mixer, SAMPLE_RATE, StereoFrame, Stretcher, downmix};
use confab_rtp::{
    AudioJitterBuffer, AudioJitterConfig, AudioPacket, JitterEstimator, LossCounter, Pace, Pull,
    TimestampUnwrapper, opus, red,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// The statistics of all slots, by slot index.
pub(crate) type AudioReports = Arc<Mutex<BTreeMap<usize, (RemoteTrack, AudioDownStats)>>>;

/// What a slot is to play.
#[derive(Clone, Debug)]
pub(crate) struct AudioTrack {
    pub(crate) track: RemoteTrack,
    pub(crate) sync: Option<SharedSync>,
}

/// All voices and the speaker.
pub(crate) struct Ear {
    slots: BTreeMap<usize, VoiceSlot>,
    mixer: Mixer,
    speaker: Box<dyn Speaker>,
    /// The mix of these 10 ms: where anybody has two sides, both of them, and their mean.
    sides: Option<StereoFrame>,
    mix: Frame,
    far: Frame,
    watch: Option<crate::AudioWatch>,
    on_device: Option<DeviceWatch>,
    /// Nothing of the others is played.
    deaf: bool,
    /// A sound of our own that is being played, and where in it we are.
    clip: (Vec<f32>, usize),
    taps: Taps,
    pub(crate) reports: AudioReports,
}

impl Ear {
    pub(crate) fn new(
        speaker: Box<dyn Speaker>,
        watch: Option<crate::AudioWatch>,
        on_device: Option<DeviceWatch>,
        taps: Taps,
    ) -> Ear {
        Ear {
            slots: BTreeMap::new(),
            mixer: Mixer::default(),
            speaker,
            sides: None,
            mix: [0.0; FRAME],
            far: [0.0; FRAME],
            watch,
            on_device,
            deaf: false,
            clip: (Vec::new(), 0),
            taps,
            reports: AudioReports::default(),
        }
    }

    pub(crate) fn packet(&mut self, slot: usize, packet: ReceivedPacket) {
        if let Some(slot) = self.slots.get_mut(&slot) {
            slot.push(packet);
        }
    }

    /// Another track means another decoder and jitter buffer.
    pub(crate) fn set_track(&mut self, index: usize, track: Option<AudioTrack>) {
        self.slots.remove(&index);
        if let Ok(mut reports) = self.reports.lock() {
            reports.remove(&index);
        }
        let Some(track) = track else { return };
        match VoiceSlot::new(track) {
            Ok(slot) => {
                self.slots.insert(index, slot);
            }
            Err(error) => tracing::error!("no decoder for audio slot {index}: {error}"),
        }
    }

    /// A new peer connection: nothing that was buffered continues.
    pub(crate) fn restart(&mut self) {
        let indices: Vec<usize> = self.slots.keys().copied().collect();
        indices.into_iter().for_each(|i| self.set_track(i, None));
    }

    /// Voices are received and decoded as ever, and not heard: when they are again, nothing has to begin first.
    pub(crate) fn set_deaf(&mut self, deaf: bool) {
        self.deaf = deaf;
    }

    /// Takes another speaker; gives the one before.
    pub(crate) fn set_speaker(&mut self, speaker: Box<dyn Speaker>) -> Box<dyn Speaker> {
        std::mem::replace(&mut self.speaker, speaker)
    }

    /// Plays samples beside the voices; what is still being played of an earlier clip ends.
    pub(crate) fn play(&mut self, clip: Vec<f32>) {
        self.clip = (clip, 0);
    }

    pub(crate) fn tell_device_news(&mut self) {
        while let Some(event) = self.speaker.poll_event() {
            if let Some(watch) = &self.on_device {
                watch(audio_news(DeviceUse::Speaker, event));
            }
        }
    }

    /// Plays the next 10 ms and gives what was played: the echo canceller's far reference.
    pub(crate) fn run(&mut self) -> &Frame {
        for stage in &VOICE_DOWN {
            match stage.stage {
                VoiceDown::Decode => self.decode(stage.name),
                VoiceDown::Mix => {
                    self.mix();
                    self.taps.audio(stage.name, "", &self.mix);
                }
                VoiceDown::FarReference => {
                    self.far = self.mix;
                    self.taps.audio(stage.name, "", &self.far);
                }
                VoiceDown::Play => {
                    match &self.sides {
                        Some(sides) => self.speaker.write_stereo(sides),
                        None => self.speaker.write(&self.mix),
                    }
                    if let Some(watch) = &self.watch {
                        watch(&self.mix, clock::now());
                    }
                    self.taps.audio(stage.name, "", &self.mix);
                }
            }
        }
        &self.far
    }

    fn decode(&mut self, name: &str) {
        let now = clock::now();
        let (mut frame, mut both) = ([0.0; FRAME], [0.0; 2 * FRAME]);
        for (index, slot) in &mut self.slots {
            slot.fill(now);
            // Somebody whose speaker is silent for another device's sake still has the sound counted and shown.
            if slot.channels() == 2 {
                slot.take(&mut both);
                frame = downmix(&both);
                if !self.deaf {
                    self.mixer.add_stereo(&both);
                }
            } else {
                slot.take(&mut frame);
                if !self.deaf {
                    self.mixer.add(&frame, 1.0, 1.0);
                }
            }
            self.taps.probes.heard(*index, &frame);
            self.taps.audio(name, &slot.tag, &frame);
        }
        self.add_clip(&mut frame);
    }

    /// What all voices are together.
    fn mix(&mut self) {
        if !self.mixer.is_stereo() {
            self.sides = None;
            self.mixer.finish(&mut self.mix);
            return;
        }
        let mut both = [0.0; 2 * FRAME];
        self.mixer.finish_stereo(&mut both);
        self.mix = downmix(&both);
        self.sides = Some(both);
    }

    /// Part of the mix, so that the echo canceller knows it.
    fn add_clip(&mut self, frame: &mut Frame) {
        let (clip, at) = &mut self.clip;
        let rest = &clip[*at..];
        if rest.is_empty() {
            return;
        }
        let length = rest.len().min(FRAME);
        frame.fill(0.0);
        frame[..length].copy_from_slice(&rest[..length]);
        *at += length;
        self.mixer.add(frame, 1.0, 1.0);
    }

    /// Publishes the slots' statistics; a few times a second.
    pub(crate) fn report(&self) {
        // Readers hold it for a moment; this thread does not wait for them.
        if let Ok(mut reports) = self.reports.try_lock() {
            for (index, slot) in &self.slots {
                reports.insert(*index, (slot.track, slot.report()));
            }
        }
    }
}

/// One voice: its jitter buffer and decoder, and what is decoded and not played yet.
pub(crate) struct VoiceSlot {
    track: RemoteTrack,
    tag: String,
    sync: Option<SharedSync>,
    buffer: AudioJitterBuffer,
    decoder: Box<dyn AudioDecoder>,
    stretcher: Stretcher,
    /// What the decoder gives: two from the first packet on that has two, since one in the middle sounds the same there.
    channels: usize,
    /// Samples of the packet that was decoded last, per channel.
    packet: u32,
    /// Decoded and not played yet, interleaved: less than a packet.
    pcm: VecDeque<f32>,
    scratch: Vec<f32>,
    loss: LossCounter,
    jitter: JitterEstimator,
    timestamps: TimestampUnwrapper,
    packets: u64,
    bytes: u64,
    level: Option<AudioLevel>,
    frames: u64,
}

impl VoiceSlot {
    pub(crate) fn new(track: AudioTrack) -> Result<VoiceSlot, CodecError> {
        Ok(VoiceSlot {
            tag: track.track.tag(),
            track: track.track,
            sync: track.sync,
            buffer: AudioJitterBuffer::new(AudioJitterConfig::default()),
            decoder: opus_decoder(1)?,
            stretcher: Stretcher::new(1),
            channels: 1,
            packet: 0,
            pcm: VecDeque::with_capacity(4 * FRAME),
            scratch: Vec::with_capacity(6 * FRAME),
            loss: LossCounter::default(),
            jitter: JitterEstimator::new(SAMPLE_RATE),
            timestamps: TimestampUnwrapper::default(),
            packets: 0,
            bytes: 0,
            level: None,
            frames: 0,
        })
    }

    pub(crate) fn push(&mut self, packet: ReceivedPacket) {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        self.loss.packet(packet.seq);
        let timestamp = self.timestamps.unwrap(packet.timestamp);
        self.jitter.packet(timestamp, packet.received);
        if packet.audio_level.is_some() {
            self.level = packet.audio_level;
        }
        if let (Some(sync), Some(report)) = (&self.sync, packet.report) {
            sync.audio_report(report);
        }
        let (payload, copies) = if packet.red {
            match red::restore(packet.seq, packet.timestamp, &packet.payload) {
                Ok(restored) => restored,
                Err(error) => {
                    tracing::debug!("copies of {}: {error}", self.tag);
                    return;
                }
            }
        } else {
            (packet.payload, Vec::new())
        };
        let deep = self.decoder.deep_redundancy(&payload) as u32;
        let audio = AudioPacket {
            seq: packet.seq,
            timestamp: packet.timestamp,
            payload,
            deep,
        };
        self.buffer.push(audio, packet.received);
        for copy in copies {
            self.buffer.push_copy(copy, packet.seq);
        }
    }

    /// Makes the next 10 ms of this voice ready.
    pub(crate) fn fill(&mut self, now: Time) {
        while self.pcm.len() < FRAME * self.channels {
            let held = (self.pcm.len() / self.channels) as u64;
            let held = Duration::from_micros(held * 1_000_000 / 48_000);
            let pull = self.buffer.pull(now + held);
            self.decode(pull);
        }
        self.frames += 1;
        // Four times a second, as often as the sync takes a step.
        if self.frames.is_multiple_of(25)
            && let (Some(sync), Some((at, timestamp))) = (&self.sync, self.buffer.last_played())
        {
            let buffered = self.buffer.stats().target_delay;
            let delay = sync.audio_presented(timestamp, at, buffered, now);
            self.buffer.set_extra_delay(delay);
        }
    }

    /// Channels of what is taken: one, or two once two came.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// The samples that come next, of all channels.
    pub(crate) fn take(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = self.pcm.pop_front().unwrap_or(0.0);
        }
    }

    /// Two sides from now on. The new decoder begins with this packet, as it did for a sender that turned to original sound.
    fn become_stereo(&mut self) -> Result<(), CodecError> {
        self.decoder = opus_decoder(2)?;
        self.stretcher = Stretcher::new(2);
        self.channels = 2;
        self.pcm = self.pcm.iter().flat_map(|s| [*s, *s]).collect();
        Ok(())
    }

    fn decode(&mut self, pull: Pull) {
        if let Pull::Packet {
            payload, samples, ..
        } = &pull
        {
            self.packet = *samples;
            if self.channels == 1
                && opus::is_stereo(payload)
                && let Err(error) = self.become_stereo()
            {
                tracing::error!("no stereo decoder for {}: {error}", self.tag);
            }
        }
        self.scratch.clear();
        let (samples, out) = (pull.samples() as usize, &mut self.scratch);
        let (result, pace) = match pull {
            Pull::Packet { payload, pace, .. } => (self.decoder.decode(&payload, out), pace),
            Pull::Fec { payload, .. } => {
                let result = self.decoder.decode_fec(&payload, samples, out);
                (result, Pace::Normal)
            }
            Pull::Deep {
                payload,
                before,
                pace,
                ..
            } => {
                let before = before as usize;
                let result = self.decoder.decode_deep(&payload, before, samples, out);
                (result, pace)
            }
            Pull::Conceal { .. } => (self.decoder.conceal(samples, out), Pace::Normal),
            Pull::Silence { .. } => (Ok(()), Pace::Normal),
        };
        if let Err(error) = result {
            tracing::debug!("audio of {}: {error}", self.tag);
        }
        if self.scratch.is_empty() {
            self.scratch.resize(samples.max(1) * self.channels, 0.0);
        }
        match pace {
            Pace::Normal => 0,
            Pace::Faster => self.stretcher.faster(&mut self.scratch),
            Pace::Slower => self.stretcher.slower(&mut self.scratch),
        };
        self.pcm.extend(&self.scratch);
    }

    pub(crate) fn report(&self) -> AudioDownStats {
        let buffer = self.buffer.stats();
        AudioDownStats {
            packets: self.packets,
            bytes: self.bytes,
            lost: self.loss.lost() + buffer.late_packets,
            samples: buffer.total_samples,
            concealed: buffer.concealed_samples,
            from_lbrr: buffer.fec_samples,
            from_copies: buffer.red_samples,
            from_deep: buffer.deep_samples,
            stalls: buffer.stalls,
            stall_time: buffer.stalled,
            waiting: buffer.waiting,
            delay: buffer.delay,
            target: buffer.target_delay,
            jitter: self.jitter.jitter(),
            level: self.level,
            channels: self.channels as u8,
            packet: Duration::from_micros(u64::from(self.packet) * 1000 / 48),
        }
    }
}
