//! The own sources: which are open, what of them can be published, and changing a device while everything else goes on.

use crate::devices::{DeviceWatch, Pictures};
use crate::packet::Network;
use crate::pause::PauseSwitch;
use crate::pipeline::{Outgoing, OutgoingLayer, PictureWatch, PipelineError};
use crate::stats::VideoUpStats;
use crate::system_sound::SystemSound;
use crate::tap::Taps;
use crate::video_up::{CodecPair, Numbering, Shape, VideoSender, VideoUpConfig};
use confab_audio_io::Microphone;
use confab_base::Source;
use confab_codec::CHEAP;
use confab_picture::{Background, I420, Rung};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Stream ids of a camera line that any camera fits.
const RIDS: [&str; 3] = ["q", "h", "f"];

/// What every video source's way up shares.
pub(crate) struct SourceParts {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) watch: Option<PictureWatch>,
    pub(crate) on_device: Option<DeviceWatch>,
    pub(crate) taps: Taps,
    pub(crate) first_timestamp: u32,
    /// Pictures take no more of the machine than it has.
    pub(crate) guard_load: bool,
}

/// All own sources. The lock is held for lookups, never while a device opens or closes.
pub(crate) struct Sources {
    parts: SourceParts,
    /// Of camera and screen: the next device's stream goes on where the last one's ended.
    numbering: BTreeMap<Source, Arc<Numbering>>,
    state: Mutex<State>,
}

struct State {
    /// What the pictures of a source are coded in, also those of devices that follow.
    codecs: BTreeMap<Source, CodecPair>,
    /// Behind the person before the camera, also the one that follows.
    background: Background,
    senders: BTreeMap<Source, VideoSender>,
    outgoing: Vec<Outgoing>,
    unmuted: BTreeSet<Source>,
    sound: Option<SystemSound>,
    /// Where the system's sound goes on when it is shared again.
    sound_next: (u64, u32),
}

/// Whether other devices may follow on the line of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Made for this device.
    Fixed,
    /// For any.
    Open,
}

/// How a source begins.
pub(crate) struct Begin {
    pub(crate) shape: Shape,
    pub(crate) line: Line,
    pub(crate) paused: PauseSwitch,
    /// What the others see while it is paused.
    pub(crate) still: Option<Arc<I420>>,
}

impl Begin {
    pub(crate) fn new(shape: Shape, line: Line) -> Begin {
        Begin {
            shape,
            line,
            paused: PauseSwitch::default(),
            still: None,
        }
    }
}

impl Sources {
    pub(crate) fn new(parts: SourceParts) -> Sources {
        let video = [Source::Camera, Source::Screen];
        let seed = parts.first_timestamp;
        let first = CodecPair {
            fine: CHEAP[0],
            cheap: CHEAP[0],
        };
        let numbering = |source| (source, Arc::new(Numbering::new(seed)));
        Sources {
            parts,
            numbering: video.into_iter().map(numbering).collect(),
            state: Mutex::new(State {
                codecs: video.into_iter().map(|s| (s, first)).collect(),
                background: Background::None,
                senders: BTreeMap::new(),
                outgoing: Vec::new(),
                unmuted: BTreeSet::new(),
                sound: None,
                sound_next: (0, 0),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn outgoing(&self) -> Vec<Outgoing> {
        self.state().outgoing.clone()
    }

    /// There is a microphone that can be published from now on.
    pub(crate) fn add_microphone(&self) {
        let mut state = self.state();
        if state
            .outgoing
            .iter()
            .all(|o| o.source != Source::Microphone)
        {
            let microphone = Outgoing {
                source: Source::Microphone,
                layers: Vec::new(),
                rids: Vec::new(),
            };
            state.outgoing.insert(0, microphone);
        }
    }

    /// Sends from these pictures; whatever the source had before was stopped.
    pub(crate) fn start(
        &self,
        source: Source,
        pictures: Pictures,
        begin: Begin,
    ) -> Result<(), PipelineError> {
        let Begin {
            shape,
            line,
            paused,
            still,
        } = begin;
        let size = pictures.size();
        let rungs = shape.rungs(size);
        let (muted, codecs, background) = {
            let state = self.state();
            let muted = !state.unmuted.contains(&source);
            (muted, state.codecs[&source], state.background.clone())
        };
        let sender = VideoSender::start(VideoUpConfig {
            source,
            pictures: Box::new(pictures),
            shape,
            size,
            muted,
            paused,
            still,
            codecs,
            guard_load: self.parts.guard_load,
            background: background.clone(),
            numbering: self.numbering[&source].clone(),
            network: self.parts.network.clone(),
            watch: self.parts.watch.clone(),
            on_device: self.parts.on_device.clone(),
            taps: self.parts.taps.clone(),
            first_timestamp: self.parts.first_timestamp,
        })?;
        let mut state = self.state();
        if state.codecs[&source] != codecs {
            sender.set_codecs(state.codecs[&source]);
        }
        if state.background != background {
            sender.set_background(state.background.clone());
        }
        let before = state.outgoing.iter().position(|o| o.source == source);
        let before = before.map(|index| state.outgoing.remove(index));
        let rids = match (before, source, line) {
            (Some(before), ..) => before.rids,
            (None, Source::Camera, Line::Open) => RIDS.map(str::to_owned).to_vec(),
            _ if rungs.len() > 1 => rungs.iter().map(|r| r.rid.to_owned()).collect(),
            _ => Vec::new(),
        };
        let layers = rungs.iter().take(rids.len().max(1)).map(layer).collect();
        state.outgoing.push(Outgoing {
            source,
            layers,
            rids,
        });
        state.senders.insert(source, sender);
        Ok(())
    }

    /// Closes the device; gives its last picture. A camera stays published, muted or not; a screen does not.
    pub(crate) fn stop(&self, source: Source) -> Option<Arc<I420>> {
        let sender = {
            let mut state = self.state();
            if source == Source::Screen {
                state.outgoing.retain(|o| o.source != source);
            }
            state.senders.remove(&source)
        };
        sender.and_then(VideoSender::stop)
    }

    /// Stops or starts sending a source, also with the devices that follow.
    pub(crate) fn set_muted(&self, source: Source, muted: bool) {
        let mut state = self.state();
        match muted {
            true => state.unmuted.remove(&source),
            false => state.unmuted.insert(source),
        };
        if let Some(sender) = state.senders.get(&source) {
            sender.set_muted(muted);
        }
        if let (Source::ScreenAudio, Some(sound)) = (source, &state.sound) {
            sound.set_muted(muted);
        }
    }

    /// What is seen behind the person before the camera from now on. Said again, it comes back where it was taken away.
    pub(crate) fn set_background(&self, background: Background) {
        let mut state = self.state();
        state.background = background.clone();
        if let Some(camera) = state.senders.get(&Source::Camera) {
            camera.set_background(background);
        }
    }

    /// Codes the pictures of a camera or screen in other codecs from now on; of [`confab_codec::CAN_ENCODE`].
    pub(crate) fn set_codecs(&self, source: Source, codecs: CodecPair) {
        let mut state = self.state();
        if state.codecs.insert(source, codecs) != Some(codecs)
            && let Some(sender) = state.senders.get(&source)
        {
            sender.set_codecs(codecs);
        }
    }

    /// Sends the system's sound from now on; what was sent before was stopped.
    pub(crate) fn start_sound(&self, microphone: Box<dyn Microphone>) -> Result<(), PipelineError> {
        self.stop_sound();
        let (first, muted) = {
            let state = self.state();
            (
                state.sound_next,
                !state.unmuted.contains(&Source::ScreenAudio),
            )
        };
        let sound = SystemSound::start(microphone, self.parts.network.clone(), first, muted)?;
        let mut state = self.state();
        state.sound = Some(sound);
        state.outgoing.push(Outgoing {
            source: Source::ScreenAudio,
            layers: Vec::new(),
            rids: Vec::new(),
        });
        Ok(())
    }

    pub(crate) fn stop_sound(&self) {
        let sound = {
            let mut state = self.state();
            state.outgoing.retain(|o| o.source != Source::ScreenAudio);
            state.sound.take()
        };
        if let Some(next) = sound.and_then(SystemSound::stop) {
            self.state().sound_next = next;
        }
    }

    /// The sender of a source whose device is open.
    pub(crate) fn with(&self, source: Source, order: impl FnOnce(&VideoSender)) {
        if let Some(sender) = self.state().senders.get(&source) {
            order(sender);
        }
    }

    pub(crate) fn stats(&self) -> Vec<(Source, VideoUpStats)> {
        let up = |(source, s): (&Source, &VideoSender)| {
            let report = s.report.lock().unwrap_or_else(PoisonError::into_inner);
            (*source, report.clone())
        };
        self.state().senders.iter().map(up).collect()
    }
}

fn layer(rung: &Rung) -> OutgoingLayer {
    OutgoingLayer {
        rid: rung.rid.to_owned(),
        width: rung.width as u16,
        height: rung.height as u16,
        bitrate: rung.bitrate,
    }
}
