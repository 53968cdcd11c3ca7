//! All stages of one participant together: started from options, fed with packets and orders, asked for statistics.

use crate::clock;
use crate::devices::{self, DeviceError, DeviceFault, DeviceWatch};
use crate::noise::{ChainMaker, NoiseWatch, ReadyChain};
use crate::packet::{Network, ReceivedPacket};
use crate::pause::PauseSwitch;
use crate::probe::Probes;
use crate::sink::{RemoteTrack, VideoSink};
use crate::sources::{Begin, Line, SourceParts, Sources};
use crate::stats::{AudioDownStats, AudioUpStats, VideoDownStats, VideoUpStats};
use crate::sync::SharedSync;
use crate::tap::{TapOptions, Taps};
use crate::video_down::{SlotTrack, VideoReceivers};
use crate::video_up::{CodecPair, Shape};
use crate::voice::Voice;
use crate::voice_down::{AudioTrack, Ear};
use crate::voice_up::{Mouth, MouthConfig};
use confab_audio_io::{MicrophoneSpec, SpeakerSpec};
use confab_base::{Bitrate, Duration, ParticipantId, Reference, Source, Time};
use confab_camera_io::CameraSpec;
use confab_codec::OpusConfig;
use confab_dsp::{Frame, VoiceConfig};
use confab_picture::{Background, I420};
use confab_rtp::Protection;
use confab_screen_io::ScreenSpec;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Sees every 10 ms frame of the microphone or the speaker, at the moment it is read or written. Must be quick.
pub type AudioWatch = Arc<dyn Fn(&Frame, Time) + Send + Sync>;
/// Sees every picture of the camera or screen with the moment it was taken. Must be quick.
pub type PictureWatch = Arc<dyn Fn(Source, &Arc<I420>, Time) + Send + Sync>;

/// What a participant sends from and plays on.
#[derive(Clone, Default)]
pub struct MediaOptions {
    /// `None`: no microphone track.
    pub microphone: Option<MicrophoneSpec>,
    /// `None`: what would be heard is mixed and thrown away.
    pub speaker: Option<SpeakerSpec>,
    pub camera: Option<CameraSpec>,
    pub screen: Option<ScreenSpec>,
    pub voice: VoiceConfig,
    /// Files to look for, in this order, when [`VoiceConfig::learned`] is wanted: see [`crate::weights_places`].
    pub noise_weights: Vec<PathBuf>,
    pub taps: Option<TapOptions>,
    pub on_microphone: Option<AudioWatch>,
    /// The microphone behind the voice chain: what others hear.
    pub on_spoken: Option<AudioWatch>,
    pub on_speaker: Option<AudioWatch>,
    pub on_picture: Option<PictureWatch>,
    /// Codes smaller and fewer pictures where the machine does not keep up.
    pub guard_load: bool,
    pub on_device: Option<DeviceWatch>,
    pub on_noise: Option<NoiseWatch>,
}

impl std::fmt::Debug for MediaOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaOptions")
            .field("microphone", &self.microphone)
            .field("speaker", &self.speaker)
            .field("camera", &self.camera)
            .field("screen", &self.screen)
            .field("taps", &self.taps)
            .finish_non_exhaustive()
    }
}

/// Why media could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Codec(#[from] confab_codec::CodecError),
    #[error("thread or file: {0}")]
    System(#[from] std::io::Error),
}

/// A source this participant can send.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub source: Source,
    /// Lowest first; empty for audio.
    pub layers: Vec<OutgoingLayer>,
    /// Stream ids of the m-line, which stay while devices change; empty: no simulcast. Never fewer than layers, else.
    pub rids: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingLayer {
    pub rid: String,
    pub width: u16,
    pub height: u16,
    /// The most it will spend.
    pub bitrate: Bitrate,
}

/// A screen or window to be shared, and how.
#[derive(Clone, Debug)]
pub struct Share {
    pub spec: ScreenSpec,
    /// A film's rate rather than sharp letters.
    pub motion: bool,
    pub paused: PauseSwitch,
}

/// Counters of every stage, as they stand now.
#[derive(Clone, Debug, Default)]
pub struct PipelineStats {
    pub microphone: Option<AudioUpStats>,
    pub video_up: Vec<(Source, VideoUpStats)>,
    /// By slot.
    pub audio_down: Vec<(usize, RemoteTrack, AudioDownStats)>,
    pub video_down: Vec<(usize, RemoteTrack, VideoDownStats)>,
    /// Microseconds a participant's sound is behind its picture.
    pub av_offsets: HashMap<ParticipantId, i64>,
}

/// All media threads of one participant. Dropping it stops them, closes the devices and finishes the files.
pub struct Pipeline {
    voice: Voice,
    receivers: VideoReceivers,
    sources: Sources,
    chains: ChainMaker,
    syncs: Mutex<HashMap<ParticipantId, SharedSync>>,
    probes: Probes,
    /// The switch of the share that goes out, or went out last.
    shared: Mutex<Option<PauseSwitch>>,
    closed: AtomicBool,
    /// The microphone is sent as original sound.
    original: AtomicBool,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("outgoing", &self.outgoing())
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Opens the devices and starts the threads. Every source begins muted. `dice`: a random number, for the first sequence
    /// numbers and timestamps.
    pub fn start(
        options: &MediaOptions,
        network: Arc<dyn Network>,
        dice: u64,
    ) -> Result<Pipeline, PipelineError> {
        let taps = Taps::open(options.taps.as_ref())?;
        let sources = Sources::new(SourceParts {
            network: network.clone(),
            watch: options.on_picture.clone(),
            on_device: options.on_device.clone(),
            taps: taps.clone(),
            first_timestamp: (dice >> 32) as u32,
            guard_load: options.guard_load,
        });
        if options.microphone.is_some() {
            sources.add_microphone();
        }
        if let Some(spec) = &options.camera {
            let camera = devices::open_camera(spec)?;
            let begin = Begin::new(Shape::Camera, Line::Fixed);
            sources.start(Source::Camera, camera, begin)?;
        }
        if let Some(spec) = &options.screen {
            let screen = devices::open_screen(spec, Shape::Text.fps())?;
            let begin = Begin::new(Shape::Text, Line::Fixed);
            sources.start(Source::Screen, screen, begin)?;
        }
        let chains = ChainMaker::new(options.noise_weights.clone());
        let workers = std::thread::available_parallelism().map_or(2, |n| n.get().min(4));
        Ok(Pipeline {
            voice: start_voice(options, &chains, &network, &taps, dice)?,
            receivers: VideoReceivers::start(workers, &network, &taps)?,
            sources,
            chains,
            syncs: Mutex::default(),
            probes: taps.probes,
            shared: Mutex::default(),
            closed: AtomicBool::new(false),
            original: AtomicBool::new(options.voice.original),
        })
    }

    /// Where its sound can be looked at.
    pub fn probes(&self) -> Probes {
        self.probes.clone()
    }

    /// What can be published.
    pub fn outgoing(&self) -> Vec<Outgoing> {
        self.sources.outgoing()
    }

    /// Hears through another microphone from now on, and with this voice chain; `None`: through none. Waits until the device
    /// is open, seconds at worst. One that does not open leaves the one before in its place.
    pub fn set_microphone(
        &self,
        spec: Option<&MicrophoneSpec>,
        chain: VoiceConfig,
    ) -> Result<(), DeviceError> {
        let Some(spec) = spec else {
            let silence = devices::open_microphone(&MicrophoneSpec::Silence)?;
            self.voice.set_microphone(silence, silent());
            return Ok(());
        };
        let microphone = match devices::open_microphone(spec) {
            // Perhaps it is we who have it.
            Err(error) if error.fault == Some(DeviceFault::Busy) => {
                self.set_microphone(None, chain)?;
                devices::open_microphone(spec)?
            }
            opened => opened?,
        };
        self.voice
            .set_microphone(microphone, self.chains.make(chain));
        self.original.store(chain.original, Ordering::Relaxed);
        self.sources.add_microphone();
        self.stay_closed();
        Ok(())
    }

    /// Another voice chain, which has to learn the room anew, unless only its noise suppression is another. Waits until it works,
    /// 30 ms at most and what reading the weights takes.
    pub fn set_voice(&self, chain: VoiceConfig) {
        self.voice.set_chain(self.chains.make(chain));
        self.original.store(chain.original, Ordering::Relaxed);
    }

    /// Whether the microphone is sent as original sound, which takes more of the network than a voice.
    pub fn is_original_sound(&self) -> bool {
        self.original.load(Ordering::Relaxed)
    }

    /// Plays through another speaker from now on; `None`: through none. Waits until it is open.
    pub fn set_speaker(&self, spec: Option<&SpeakerSpec>) -> Result<(), DeviceError> {
        let speaker = match devices::open_speaker(spec.unwrap_or(&SpeakerSpec::Null)) {
            Err(error) if error.fault == Some(DeviceFault::Busy) => {
                self.set_speaker(None)?;
                devices::open_speaker(spec.unwrap_or(&SpeakerSpec::Null))?
            }
            opened => opened?,
        };
        self.voice.set_speaker(speaker);
        self.stay_closed();
        Ok(())
    }

    /// Sees through another camera from now on; `None`: through none, and the light goes out. Waits until it is open. The
    /// camera before is closed first, since many cannot be opened twice. Once there was a camera the source stays among
    /// [`Pipeline::outgoing`], whose layers follow the camera.
    pub fn set_camera(&self, spec: Option<&CameraSpec>) -> Result<(), PipelineError> {
        self.sources.stop(Source::Camera);
        let Some(spec) = spec else { return Ok(()) };
        let camera = devices::open_camera(spec)?;
        let begin = Begin::new(Shape::Camera, Line::Open);
        self.sources.start(Source::Camera, camera, begin)?;
        self.stay_closed();
        Ok(())
    }

    /// Shares another screen or window from now on; `None`: none, and the source is gone from [`Pipeline::outgoing`]. One that
    /// does not open leaves the one before in its place. While the share's switch is on the others see its last picture; a
    /// share that begins so goes on with that of the one before, when it had the same switch.
    pub fn set_screen(&self, share: Option<&Share>) -> Result<(), PipelineError> {
        let Some(share) = share else {
            self.sources.stop(Source::Screen);
            return Ok(());
        };
        let shape = match share.motion {
            true => Shape::Motion,
            false => Shape::Text,
        };
        let screen = devices::open_screen(&share.spec, shape.fps())?;
        let still = self.sources.stop(Source::Screen);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shared.replace(share.paused.clone());
        drop(shared);
        let goes_on = before.as_ref() == Some(&share.paused) && share.paused.is_on();
        let begin = Begin {
            paused: share.paused.clone(),
            still: still.filter(|_| goes_on),
            ..Begin::new(shape, Line::Open)
        };
        self.sources.start(Source::Screen, screen, begin)?;
        self.stay_closed();
        Ok(())
    }

    /// Closes all devices for good: also one that is just being opened, by a thread that waits for a system's dialog for
    /// instance, is closed again as soon as it is there. What is sent and received goes on without them.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.stay_closed();
    }

    /// Whoever opened a device asks this: either it sees here that all is closed, or [`Pipeline::close`] saw the device.
    fn stay_closed(&self) {
        if !self.closed.load(Ordering::SeqCst) {
            return;
        }
        self.sources.stop(Source::Camera);
        self.sources.stop(Source::Screen);
        self.sources.stop_sound();
        if let Ok(silence) = devices::open_microphone(&MicrophoneSpec::Silence) {
            self.voice.set_microphone(silence, silent());
        }
        if let Ok(nowhere) = devices::open_speaker(&SpeakerSpec::Null) {
            self.voice.set_speaker(nowhere);
        }
    }

    /// Sends what the machine plays, without the voices of this meeting, or stops to. Waits until it is open.
    pub fn set_screen_audio(&self, spec: Option<&MicrophoneSpec>) -> Result<(), PipelineError> {
        match spec {
            Some(spec) => {
                self.sources.start_sound(devices::open_microphone(spec)?)?;
                self.stay_closed();
            }
            None => self.sources.stop_sound(),
        }
        Ok(())
    }

    /// Plays 48 kHz mono samples beside the voices; an earlier clip ends.
    pub fn play(&self, clip: Vec<f32>) {
        self.voice.play(clip);
    }

    /// A packet for an audio slot. Never blocks.
    pub fn audio_packet(&self, slot: usize, packet: ReceivedPacket) {
        self.voice.packet(slot, packet);
    }

    /// A packet for a video slot. Never blocks.
    pub fn video_packet(&self, slot: usize, packet: ReceivedPacket) {
        self.receivers.packet(slot, packet);
    }

    /// The slot plays another track from now on, with a new jitter buffer and decoder.
    pub fn set_audio_slot(&self, slot: usize, track: Option<RemoteTrack>) {
        let track = track.map(|track| AudioTrack {
            sync: self.sync_of(track),
            track,
        });
        self.voice.set_track(slot, track);
    }

    /// The slot shows another track from now on, with a new jitter buffer and decoder.
    pub fn set_video_slot(&self, slot: usize, track: Option<(RemoteTrack, Box<dyn VideoSink>)>) {
        let track = track.map(|(track, sink)| SlotTrack {
            sync: self.sync_of(track),
            track,
            sink,
        });
        self.receivers.set_track(slot, track);
    }

    /// Microphone and camera of one participant share their clock; a screen has no sound that belongs to it.
    fn sync_of(&self, track: RemoteTrack) -> Option<SharedSync> {
        let together = matches!(track.source, Source::Microphone | Source::Camera);
        together.then(|| {
            let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
            syncs.entry(track.participant).or_default().clone()
        })
    }

    /// The sender of this slot's track muted or unmuted: the gap is meant, and no freeze.
    pub fn pause_video(&self, slot: usize) {
        self.receivers.pause(slot);
    }

    /// A new peer connection: all slots are empty and nothing buffered continues.
    pub fn restart_slots(&self) {
        self.voice.restart();
        self.receivers.restart();
        self.syncs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Stops or starts sending a source; the device stays open.
    pub fn set_muted(&self, source: Source, muted: bool) {
        match source {
            Source::Microphone => self.voice.set_muted(muted),
            _ => self.sources.set_muted(source, muted),
        }
    }

    /// Silences what comes of the others, or plays it again; they are received all the same. Clips are still played.
    pub fn set_deaf(&self, deaf: bool) {
        self.voice.set_deaf(deaf);
    }

    /// Somebody cannot decode our video; `layer` `None`: all of them.
    pub fn request_keyframe(&self, source: Source, layer: Option<usize>) {
        self.sources
            .with(source, |sender| sender.request_keyframe(layer));
    }

    /// What all receivers of a layer have, by the numbers its packets left with.
    pub fn refer(&self, source: Source, layer: usize, reference: Reference) {
        self.sources
            .with(source, |sender| sender.refer(layer, reference));
    }

    /// Codes no pictures for so long: the network would drop them.
    pub fn hold_pictures(&self, time: Duration) {
        let until = clock::now() + time;
        for source in [Source::Camera, Source::Screen] {
            self.sources.with(source, |sender| sender.hold(until));
        }
    }

    /// The rate of each layer, lowest first; `None`: do not encode it.
    pub fn set_layers(&self, source: Source, rates: Vec<Option<Bitrate>>) {
        self.sources.with(source, |sender| sender.set_layers(rates));
    }

    /// What others see behind the person before the camera, from the next picture on, also with cameras that follow. Where the machine
    /// has no time for it [`crate::DeviceNews::BackgroundOff`] says so, and it stays away until this is called again.
    pub fn set_background(&self, background: Background) {
        self.sources.set_background(background);
    }

    /// Codes camera or screen in other codecs of [`crate::CAN_ENCODE`] from the next picture on: a screen's letters in the fine one until
    /// that takes too long, everything else in the cheap one until the machine has been idle for a while.
    pub fn set_codecs(&self, source: Source, codecs: CodecPair) {
        self.sources.set_codecs(source, codecs);
    }

    /// What a voice may spend; original sound has its own rate.
    pub fn set_voice_bitrate(&self, bitrate: Bitrate) {
        self.voice.set_bitrate(bitrate);
    }

    /// Round-trip time to who resends lost packets.
    pub fn set_rtt(&self, rtt: Duration) {
        self.receivers.set_rtt(rtt);
    }

    /// What the microphone does against loss. `red`: the payload type of plain frames, where the other side takes copies of
    /// them, too (RED).
    pub fn protect_voice(&self, protection: Protection, red: Option<u8>) {
        self.voice.protect(protection, red);
    }

    pub fn stats(&self) -> PipelineStats {
        let outgoing = self.outgoing();
        let has_microphone = outgoing.iter().any(|o| o.source == Source::Microphone);
        let spoken = *self
            .voice
            .spoken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let heard = self
            .voice
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let seen = self
            .receivers
            .reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        PipelineStats {
            microphone: has_microphone.then_some(spoken),
            video_up: self.sources.stats(),
            audio_down: heard.iter().map(|(i, (t, s))| (*i, *t, *s)).collect(),
            video_down: seen.iter().map(|(i, (t, s))| (*i, *t, *s)).collect(),
            av_offsets: syncs
                .iter()
                .filter_map(|(p, sync)| Some((*p, sync.offset_us(now)?)))
                .collect(),
        }
    }
}

/// The chain while there is no microphone.
fn silent() -> ReadyChain {
    ReadyChain::plain(VoiceConfig::BYPASS)
}

fn start_voice(
    options: &MediaOptions,
    chains: &ChainMaker,
    network: &Arc<dyn Network>,
    taps: &Taps,
    dice: u64,
) -> Result<Voice, PipelineError> {
    // The voice thread also plays, so it needs a clock: a silent microphone is one.
    let silence = MicrophoneSpec::Silence;
    let microphone = devices::open_microphone(options.microphone.as_ref().unwrap_or(&silence))?;
    let speaker = devices::open_speaker(options.speaker.as_ref().unwrap_or(&SpeakerSpec::Null))?;
    let chain = match options.microphone {
        Some(_) => chains.make(options.voice),
        None => silent(),
    };
    let mouth = Mouth::new(MouthConfig {
        source: Source::Microphone,
        microphone,
        chain,
        on_noise: options.on_noise.clone(),
        opus: OpusConfig::default(),
        network: network.clone(),
        watch: options.on_microphone.clone(),
        watch_spoken: options.on_spoken.clone(),
        on_device: options.on_device.clone(),
        taps: taps.clone(),
        first: (dice & 0x7fff, (dice >> 16) as u32),
    })?;
    let ear = Ear::new(
        speaker,
        options.on_speaker.clone(),
        options.on_device.clone(),
        taps.clone(),
    );
    Ok(Voice::start(ear, mouth)?)
}
