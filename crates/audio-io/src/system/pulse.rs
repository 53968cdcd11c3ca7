//! PulseAudio and PipeWire's twin of it, spoken to directly: the server records single playback streams ("direct on input", what
//! `parec --monitor-stream` does). Streams of this process and of those it started are left out; others come and go as programs
//! begin and stop to play.
//!
//! One thread named `system-sound` reads the socket. It answers to the server's events and fills a ring per stream; the reader's
//! thread mixes the rings.

use crate::cookie;
use crate::fake::Pacer;
use crate::ring::Ring;
use crate::{DeviceEvent, FRAME, Frame, Microphone, OpenError, SAMPLE_RATE};
use pulseaudio::protocol::{
    self as words, Command, CommandTag, ProtocolError, PulseError, TagStructRead, TagStructReader,
};
use std::collections::HashMap;
use std::ffi::CString;
use std::io::{BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Sound in a stream's ring before it is heard, samples: the server sends it in lumps.
const CUSHION: usize = 3 * FRAME;
/// More than this and it is cut back to the cushion: nobody wants to hear it late.
const MOST_WAITING: usize = 15 * FRAME;
/// Bytes the server collects before it sends: 10 ms of 32-bit mono.
const FRAGMENT: u32 = 4 * FRAME as u32;
/// Room of a ring, samples.
const RING: usize = 48_000;
/// A message longer than this is none.
const LONGEST: u32 = 1 << 20;
/// The channel number of messages that are no sound.
const NO_CHANNEL: u32 = u32::MAX;

/// One program's playback stream.
#[derive(Debug)]
struct Voice {
    ring: Ring,
    /// The cushion is there; without it the stream is not heard yet.
    flowing: AtomicBool,
}

type Voices = Arc<Mutex<HashMap<u32, Arc<Voice>>>>;

pub(super) struct SystemSound {
    voices: Voices,
    pacer: Pacer,
    socket: UnixStream,
    gone: Arc<AtomicBool>,
    told: bool,
    thread: Option<JoinHandle<()>>,
}

impl SystemSound {
    pub(super) fn open() -> Result<SystemSound, OpenError> {
        let path = pulseaudio::socket_path_from_env().ok_or_else(|| {
            OpenError::Unsupported("the system's sound needs PulseAudio or PipeWire".into())
        })?;
        let socket = UnixStream::connect(path).map_err(|e| OpenError::Failed(e.to_string()))?;
        let theirs = socket
            .try_clone()
            .map_err(|e| OpenError::Failed(e.to_string()))?;
        let voices = Voices::default();
        let mut ear = Ear::greet(theirs, Arc::clone(&voices)).map_err(why)?;
        let gone = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&gone);
        let thread = std::thread::Builder::new()
            .name("system-sound".into())
            .spawn(move || {
                // Ends with the socket: closed by us, or by a server that went away.
                if let Err(error) = ear.run() {
                    tracing::debug!("the system's sound ended: {error}");
                }
                tell.store(true, Ordering::Relaxed);
            })
            .map_err(OpenError::Thread)?;
        Ok(SystemSound {
            voices,
            pacer: Pacer::default(),
            socket,
            gone,
            told: false,
            thread: Some(thread),
        })
    }
}

impl Microphone for SystemSound {
    fn read(&mut self, frame: &mut Frame) {
        self.pacer.wait();
        frame.fill(0.0);
        let voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        voices.values().for_each(|voice| mix(voice, frame));
        drop(voices);
        frame.iter_mut().for_each(|s| *s = s.clamp(-1.0, 1.0));
    }

    fn poll_event(&mut self) -> Option<DeviceEvent> {
        let gone = self.gone.load(Ordering::Relaxed) && !self.told;
        self.told |= gone;
        gone.then_some(DeviceEvent::Ended)
    }
}

impl Drop for SystemSound {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn mix(voice: &Voice, frame: &mut Frame) {
    let waiting = voice.ring.len();
    if waiting > MOST_WAITING {
        voice.ring.skip_to(CUSHION);
    }
    let flowing = voice.flowing.load(Ordering::Relaxed) || waiting >= CUSHION;
    if !flowing {
        return;
    }
    let mut block = [0.0; FRAME];
    let got = voice.ring.pop(&mut block);
    voice.flowing.store(got == FRAME, Ordering::Relaxed);
    for (sum, sample) in frame.iter_mut().zip(&block[..got]) {
        *sum += sample;
    }
}

fn why(error: ProtocolError) -> OpenError {
    match error {
        ProtocolError::ServerError(PulseError::AccessDenied | PulseError::AuthKey) => {
            OpenError::Denied
        }
        other => OpenError::Failed(other.to_string()),
    }
}

/// What a reply answers.
enum Asked {
    Streams,
    /// The recording of the playback stream of this number.
    Record(u32),
    Nothing,
}

/// The socket's reader.
struct Ear {
    socket: BufReader<UnixStream>,
    version: u16,
    voices: Voices,
    /// The next request's number, and the requests under way.
    next: u32,
    asked: HashMap<u32, Asked>,
    /// Playback stream to the recording's channel; `None` until the server has named it, or for streams that are left alone.
    streams: HashMap<u32, Option<u32>>,
}

impl Ear {
    fn greet(socket: UnixStream, voices: Voices) -> Result<Ear, ProtocolError> {
        cookie::ensure();
        let mut socket = BufReader::new(socket);
        let secret = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let auth = words::AuthParams {
            version: words::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            // Where none can be made, its length is right at least: more PipeWire does not ask.
            cookie: secret.unwrap_or_else(|| vec![0; cookie::LENGTH]),
        };
        words::write_command_message(
            socket.get_mut(),
            0,
            &Command::Auth(auth),
            words::MAX_VERSION,
        )?;
        let (_, reply) =
            words::read_reply_message::<words::AuthReply>(&mut socket, words::MAX_VERSION)?;
        let version = words::MAX_VERSION.min(reply.version);
        let mut props = words::Props::new();
        props.set(words::Prop::ApplicationName, c"Confab");
        let process = CString::new(std::process::id().to_string()).unwrap_or_default();
        props.set(words::Prop::ApplicationProcessId, process.as_c_str());
        words::write_command_message(socket.get_mut(), 1, &Command::SetClientName(props), version)?;
        words::read_reply_message::<words::SetClientNameReply>(&mut socket, version)?;
        let mut ear = Ear {
            socket,
            version,
            voices,
            next: 2,
            asked: HashMap::new(),
            streams: HashMap::new(),
        };
        let mask = words::SubscriptionMask::SINK_INPUT;
        ear.ask(Asked::Nothing, &Command::Subscribe(mask))?;
        ear.ask(Asked::Streams, &Command::GetSinkInputInfoList)?;
        Ok(ear)
    }

    fn ask(&mut self, asked: Asked, command: &Command) -> Result<(), ProtocolError> {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let mut bytes = Vec::new();
        words::write_command_message(&mut bytes, number, command, self.version)?;
        self.socket.get_mut().write_all(&bytes)?;
        self.asked.insert(number, asked);
        Ok(())
    }

    /// Reads until the socket is closed.
    fn run(&mut self) -> Result<(), ProtocolError> {
        let mut bytes = Vec::new();
        loop {
            let head = words::read_descriptor(&mut self.socket)?;
            if head.length > LONGEST {
                return Err(ProtocolError::Invalid("a message too long".into()));
            }
            bytes.resize(head.length as usize, 0);
            self.socket.read_exact(&mut bytes)?;
            match head.channel {
                NO_CHANNEL => self.message(&bytes)?,
                channel => self.sound(channel, &bytes),
            }
        }
    }

    fn sound(&self, channel: u32, bytes: &[u8]) {
        let voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(voice) = voices.get(&channel).map(Arc::clone) {
            drop(voices);
            let samples = bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            voice.ring.push(samples.filter(|s| s.is_finite()));
        }
    }

    fn message(&mut self, mut bytes: &[u8]) -> Result<(), ProtocolError> {
        let mut reader = TagStructReader::new(&mut bytes, self.version);
        let (tag, number): (CommandTag, u32) = (reader.read_enum()?, reader.read_u32()?);
        match tag {
            CommandTag::Reply => match self.asked.remove(&number) {
                Some(Asked::Streams) => {
                    let all = words::SinkInputInfoList::read(&mut reader, self.version)?;
                    self.compare(&all)?;
                }
                Some(Asked::Record(stream)) => {
                    let reply = words::CreateRecordStreamReply::read(&mut reader, self.version)?;
                    self.begin(stream, reply.channel)?;
                }
                _ => {}
            },
            CommandTag::Error => {
                if let Some(Asked::Record(stream)) = self.asked.remove(&number) {
                    tracing::debug!("stream {stream} can't be recorded");
                }
            }
            // Streams are few: asking for all of them is simpler than following each event, and can't go astray.
            CommandTag::SubscribeEvent if !self.asking() => {
                self.ask(Asked::Streams, &Command::GetSinkInputInfoList)?;
            }
            CommandTag::RecordStreamKilled => {
                let channel: u32 = reader.read_u32()?;
                // A stream that moved to another sink loses its recording: it is begun anew.
                self.streams.retain(|_, c| *c != Some(channel));
                self.silence(channel);
                self.ask(Asked::Streams, &Command::GetSinkInputInfoList)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn asking(&self) -> bool {
        self.asked.values().any(|a| matches!(a, Asked::Streams))
    }

    /// Begins and ends recordings, so that they are those of the streams there are.
    fn compare(&mut self, all: &[words::SinkInputInfo]) -> Result<(), ProtocolError> {
        let gone: Vec<u32> = self
            .streams
            .keys()
            .filter(|stream| all.iter().all(|s| s.index != **stream))
            .copied()
            .collect();
        for stream in gone {
            if let Some(Some(channel)) = self.streams.remove(&stream) {
                self.silence(channel);
                self.ask(Asked::Nothing, &Command::DeleteRecordStream(channel))?;
            }
        }
        for stream in all {
            if self.streams.contains_key(&stream.index) {
                continue;
            }
            self.streams.insert(stream.index, None);
            if !ours(process(stream)) {
                let params = recording(stream.index);
                self.ask(
                    Asked::Record(stream.index),
                    &Command::CreateRecordStream(params),
                )?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, stream: u32, channel: u32) -> Result<(), ProtocolError> {
        match self.streams.get_mut(&stream) {
            Some(slot) => *slot = Some(channel),
            // It went away before its recording began.
            None => return self.ask(Asked::Nothing, &Command::DeleteRecordStream(channel)),
        }
        let voice = Voice {
            ring: Ring::new(RING),
            flowing: AtomicBool::new(false),
        };
        let mut voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        voices.insert(channel, Arc::new(voice));
        Ok(())
    }

    fn silence(&self, channel: u32) {
        let mut voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        voices.remove(&channel);
    }
}

/// A recording of one playback stream as 48 kHz mono; the server converts.
fn recording(stream: u32) -> words::RecordStreamParams {
    let mut props = words::Props::new();
    props.set(words::Prop::MediaName, c"Shared sound");
    words::RecordStreamParams {
        sample_spec: words::SampleSpec {
            format: words::SampleFormat::Float32Le,
            channels: 1,
            sample_rate: SAMPLE_RATE,
        },
        channel_map: words::ChannelMap::mono(),
        direct_on_input_index: Some(stream),
        buffer_attr: words::stream::BufferAttr {
            max_length: u32::MAX,
            fragment_size: FRAGMENT,
            ..Default::default()
        },
        flags: words::stream::StreamFlags {
            adjust_latency: true,
            ..Default::default()
        },
        props,
        ..Default::default()
    }
}

/// Whose stream it is.
fn process(stream: &words::SinkInputInfo) -> Option<u32> {
    let text = stream.props.get(words::Prop::ApplicationProcessId)?;
    let text = std::str::from_utf8(text).ok()?;
    text.trim_end_matches('\0').parse().ok()
}

/// Whether this process, or one that it started, is meant. The window's web process is one of those.
fn ours(process: Option<u32>) -> bool {
    let own = std::process::id();
    let mut next = process;
    // No family is that old; a circle can't be, and would end.
    for _ in 0..32 {
        match next {
            Some(process) if process == own => return true,
            Some(process) if process > 1 => next = parent(process),
            _ => return false,
        }
    }
    false
}

fn parent(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_sound_and_that_of_children_is_known() {
        let own = std::process::id();
        assert!(ours(Some(own)));
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        assert!(ours(Some(child.id())));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!ours(parent(own)));
        assert!(!ours(None) && !ours(Some(0)) && !ours(Some(1)));
    }

    #[test]
    fn a_stream_is_heard_once_its_cushion_is_there_and_never_late() {
        let voice = Voice {
            ring: Ring::new(RING),
            flowing: AtomicBool::new(false),
        };
        let push = |frames: usize| voice.ring.push(std::iter::repeat_n(0.5, frames * FRAME));
        let heard = || {
            let mut frame = [0.0; FRAME];
            mix(&voice, &mut frame);
            frame.iter().filter(|s| **s == 0.5).count()
        };
        push(2);
        assert_eq!(heard(), 0);
        push(1);
        assert_eq!((heard(), heard(), heard()), (FRAME, FRAME, FRAME));
        assert_eq!(heard(), 0);
        push(1);
        assert_eq!(heard(), 0, "a starved stream waits for its cushion again");
        push(40);
        assert_eq!(heard(), FRAME);
        assert_eq!(voice.ring.len(), CUSHION - FRAME);
    }
}
