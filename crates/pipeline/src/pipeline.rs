//! All stages of one participant together: started from options, fed with packets and orders, asked for statistics.

use crate::clock;
use crate::devices;
use crate::packet::{Network, ReceivedPacket};
use crate::sink::{RemoteTrack, VideoSink};
use crate::stats::{AudioDownStats, AudioUpStats, VideoDownStats, VideoUpStats};
use crate::sync::SharedSync;
use crate::tap::{TapOptions, Taps};
use crate::video_down::{SlotTrack, VideoReceivers};
use crate::video_up::{PictureSource, VideoSender, VideoUpConfig};
use crate::voice::Voice;
use crate::voice_down::{AudioTrack, Ear};
use crate::voice_up::{Mouth, MouthConfig};
use confab_audio_io::{MicrophoneSpec, SpeakerSpec};
use confab_base::{Bitrate, Duration, ParticipantId, Source, Time};
use confab_camera_io::CameraSpec;
use confab_codec::OpusConfig;
use confab_dsp::{Frame, VoiceConfig};
use confab_picture::{I420, Rung, ladder, screen_rung};
use confab_screen_io::ScreenSpec;
use std::collections::{BTreeMap, HashMap};
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
    pub taps: Option<TapOptions>,
    pub on_microphone: Option<AudioWatch>,
    pub on_speaker: Option<AudioWatch>,
    pub on_picture: Option<PictureWatch>,
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
    #[error("microphone: {0}")]
    Microphone(String),
    #[error("speaker: {0}")]
    Speaker(String),
    #[error("camera: {0}")]
    Camera(String),
    #[error("screen: {0}")]
    Screen(String),
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
}

#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingLayer {
    pub rid: String,
    pub width: u16,
    pub height: u16,
    /// The most it will spend.
    pub bitrate: Bitrate,
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
    senders: BTreeMap<Source, VideoSender>,
    outgoing: Vec<Outgoing>,
    syncs: Mutex<HashMap<ParticipantId, SharedSync>>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("outgoing", &self.outgoing)
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
        let mut outgoing = Vec::new();
        if options.microphone.is_some() {
            outgoing.push(Outgoing {
                source: Source::Microphone,
                layers: Vec::new(),
            });
        }
        let mut senders = BTreeMap::new();
        for (source, pictures, rungs) in open_pictures(options)? {
            outgoing.push(Outgoing {
                source,
                layers: rungs.iter().map(outgoing_layer).collect(),
            });
            let sender = VideoSender::start(VideoUpConfig {
                source,
                pictures,
                rungs,
                network: network.clone(),
                watch: options.on_picture.clone(),
                taps: taps.clone(),
                first_timestamp: (dice >> 32) as u32,
            })?;
            senders.insert(source, sender);
        }
        let workers = std::thread::available_parallelism().map_or(2, |n| n.get().min(4));
        Ok(Pipeline {
            voice: start_voice(options, &network, &taps, dice)?,
            receivers: VideoReceivers::start(workers, &network, &taps)?,
            senders,
            outgoing,
            syncs: Mutex::default(),
        })
    }

    /// What can be published.
    pub fn outgoing(&self) -> Vec<Outgoing> {
        self.outgoing.clone()
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
            _ => {
                if let Some(sender) = self.senders.get(&source) {
                    sender.set_muted(muted);
                }
            }
        }
    }

    /// Somebody cannot decode our video; `layer` `None`: all of them.
    pub fn request_keyframe(&self, source: Source, layer: Option<usize>) {
        if let Some(sender) = self.senders.get(&source) {
            sender.request_keyframe(layer);
        }
    }

    /// The rate of each layer, lowest first; `None`: do not encode it.
    pub fn set_layers(&self, source: Source, rates: Vec<Option<Bitrate>>) {
        if let Some(sender) = self.senders.get(&source) {
            sender.set_layers(rates);
        }
    }

    /// What voice may spend.
    pub fn set_voice_bitrate(&self, bitrate: Bitrate) {
        self.voice.set_bitrate(bitrate);
    }

    /// Round-trip time to who resends lost packets.
    pub fn set_rtt(&self, rtt: Duration) {
        self.receivers.set_rtt(rtt);
    }

    /// Share of our packets that get lost, 0 to 1.
    pub fn set_loss(&self, loss: f32) {
        self.voice.set_loss(loss);
    }

    pub fn stats(&self) -> PipelineStats {
        let has_microphone = self.outgoing.iter().any(|o| o.source == Source::Microphone);
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
        let up = |(source, s): (&Source, &VideoSender)| {
            let report = s.report.lock().unwrap_or_else(PoisonError::into_inner);
            (*source, report.clone())
        };
        let now = clock::now();
        PipelineStats {
            microphone: has_microphone.then_some(spoken),
            video_up: self.senders.iter().map(up).collect(),
            audio_down: heard.iter().map(|(i, (t, s))| (*i, *t, *s)).collect(),
            video_down: seen.iter().map(|(i, (t, s))| (*i, *t, *s)).collect(),
            av_offsets: syncs
                .iter()
                .filter_map(|(p, sync)| Some((*p, sync.offset_us(now)?)))
                .collect(),
        }
    }
}

type OpenPictures = Vec<(Source, Box<dyn PictureSource>, Vec<Rung>)>;

fn open_pictures(options: &MediaOptions) -> Result<OpenPictures, PipelineError> {
    let mut open: OpenPictures = Vec::new();
    if let Some(spec) = &options.camera {
        let camera = devices::open_camera(spec)?;
        let (width, height) = camera.size();
        open.push((Source::Camera, Box::new(camera), ladder(width, height)));
    }
    if let Some(spec) = &options.screen {
        let screen = devices::open_screen(spec)?;
        let (width, height) = screen.size();
        open.push((
            Source::Screen,
            Box::new(screen),
            vec![screen_rung(width, height)],
        ));
    }
    Ok(open)
}

fn start_voice(
    options: &MediaOptions,
    network: &Arc<dyn Network>,
    taps: &Taps,
    dice: u64,
) -> Result<Voice, PipelineError> {
    // The voice thread also plays, so it needs a clock: a silent microphone is one.
    let silence = MicrophoneSpec::Silence;
    let microphone = devices::open_microphone(options.microphone.as_ref().unwrap_or(&silence))?;
    let speaker = devices::open_speaker(options.speaker.as_ref().unwrap_or(&SpeakerSpec::Null))?;
    let chain = match options.microphone {
        Some(_) => options.voice,
        None => VoiceConfig::BYPASS,
    };
    let mouth = Mouth::new(MouthConfig {
        microphone,
        chain,
        opus: OpusConfig::default(),
        network: network.clone(),
        watch: options.on_microphone.clone(),
        taps: taps.clone(),
        first: (dice as u16, (dice >> 16) as u32),
    })?;
    let ear = Ear::new(speaker, options.on_speaker.clone(), taps.clone());
    Ok(Voice::start(ear, mouth)?)
}

fn outgoing_layer(rung: &Rung) -> OutgoingLayer {
    OutgoingLayer {
        rid: rung.rid.to_owned(),
        width: rung.width as u16,
        height: rung.height as u16,
        bitrate: rung.bitrate,
    }
}
