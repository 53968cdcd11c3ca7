//! Where remote pictures end up: files, a latest-frame tap for views and tests, or nowhere.

use confab_base::{ParticipantId, Source, Time, TrackId, VideoCodec};
use confab_picture::{I420, y4m};
use crossbeam_channel::{Sender, TrySendError, bounded};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A track of somebody else, as a slot carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RemoteTrack {
    pub participant: ParticipantId,
    pub track: TrackId,
    pub source: Source,
}

impl RemoteTrack {
    /// `p<participant>-t<track>-<source>`, in names of files.
    pub fn tag(&self) -> String {
        let source = source_name(self.source);
        format!("{}-{}-{source}", self.participant, self.track)
    }
}

/// What is known of a picture besides its pixels.
#[derive(Clone, Copy, Debug)]
pub struct FrameInfo {
    pub track: RemoteTrack,
    pub codec: VideoCodec,
    /// RTP timestamp, 90 kHz.
    pub timestamp: u32,
    pub keyframe: bool,
    /// Arrival of its last packet.
    pub arrived: Time,
    /// When it was handed to the sink.
    pub shown: Time,
}

/// What a sink can use at the moment. Neither: nobody looks, and nothing is decoded; afterwards it begins with a key frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Decoded pictures.
    pub pictures: bool,
    /// Access units, to be decoded elsewhere.
    pub units: bool,
}

impl Needs {
    pub const NOTHING: Needs = Needs {
        pictures: false,
        units: false,
    };
    pub const PICTURES: Needs = Needs {
        pictures: true,
        units: false,
    };
    pub const UNITS: Needs = Needs {
        pictures: false,
        units: true,
    };
}

/// Asks a track's sender for a key frame, from any thread. Must be quick.
#[derive(Clone)]
pub struct KeyframeAsk(Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for KeyframeAsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyframeAsk")
    }
}

impl KeyframeAsk {
    pub fn new(ask: impl Fn() + Send + Sync + 'static) -> KeyframeAsk {
        KeyframeAsk(Arc::new(ask))
    }

    pub fn ask(&self) {
        (self.0)();
    }
}

/// A place to show one track. Called on a video thread: must not block for longer than a fraction of a picture.
pub trait VideoSink: Send {
    fn show(&mut self, picture: &Arc<I420>, info: &FrameInfo);

    /// Told once, before everything else.
    fn on_slot(&mut self, _ask: KeyframeAsk) {}

    /// Asked before every access unit, of this codec: who decodes may not know them all.
    fn needs(&self, _codec: VideoCodec) -> Needs {
        Needs::PICTURES
    }

    /// An access unit at its play-out time (Annex-B for H.264), while [`Needs::units`].
    fn unit(&mut self, _data: &[u8], _info: &FrameInfo) {}
}

/// Makes sinks. Called again for a track that comes back to a slot.
pub trait VideoSinks: Send {
    fn open(&mut self, track: RemoteTrack) -> Box<dyn VideoSink>;
}

/// Pictures are decoded and forgotten.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSinks;

impl VideoSink for NoSinks {
    fn show(&mut self, _picture: &Arc<I420>, _info: &FrameInfo) {}
}

impl VideoSinks for NoSinks {
    fn open(&mut self, _track: RemoteTrack) -> Box<dyn VideoSink> {
        Box::new(NoSinks)
    }
}

/// Calls a function with every picture of every track.
pub struct Watch<F>(Arc<F>);

impl<F> std::fmt::Debug for Watch<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl<F: Fn(&Arc<I420>, &FrameInfo) + Send + Sync + 'static> Watch<F> {
    pub fn new(f: F) -> Watch<F> {
        Watch(Arc::new(f))
    }
}

impl<F: Fn(&Arc<I420>, &FrameInfo) + Send + Sync + 'static> VideoSink for Watch<F> {
    fn show(&mut self, picture: &Arc<I420>, info: &FrameInfo) {
        (self.0)(picture, info);
    }
}

impl<F: Fn(&Arc<I420>, &FrameInfo) + Send + Sync + 'static> VideoSinks for Watch<F> {
    fn open(&mut self, _track: RemoteTrack) -> Box<dyn VideoSink> {
        Box::new(Watch(self.0.clone()))
    }
}

/// One Y4M file per track: `p<participant>-t<track>-<source>.y4m`.
///
/// A file has one size, that of its first picture's shape at `height` rows; smaller pictures are enlarged, so that a
/// switch of layers shows as blur and not as a broken file. Every decoded picture is written once; the header says 30
/// frames per second. Writing has its own thread per file, which drops pictures when the disk is more than 16 behind.
#[derive(Debug)]
pub struct Y4mSinks {
    dir: PathBuf,
    height: usize,
    files: HashMap<RemoteTrack, Arc<Y4mFile>>,
}

impl Y4mSinks {
    /// `height`: rows of the files, even, at least 2.
    pub fn new(dir: impl Into<PathBuf>, height: usize) -> Y4mSinks {
        Y4mSinks {
            dir: dir.into(),
            height: (height.max(2)) & !1,
            files: HashMap::new(),
        }
    }
}

impl VideoSinks for Y4mSinks {
    fn open(&mut self, track: RemoteTrack) -> Box<dyn VideoSink> {
        let file = self.files.entry(track).or_insert_with(|| {
            let name = format!("{}.y4m", track.tag());
            Arc::new(Y4mFile::start(self.dir.join(name), self.height))
        });
        Box::new(Y4mSink(file.clone()))
    }
}

/// The source's name in file names and statistics.
pub fn source_name(source: Source) -> &'static str {
    match source {
        Source::Microphone => "microphone",
        Source::Camera => "camera",
        Source::Screen => "screen",
        Source::ScreenAudio => "screen_audio",
    }
}

struct Y4mSink(Arc<Y4mFile>);

impl VideoSink for Y4mSink {
    fn show(&mut self, picture: &Arc<I420>, _info: &FrameInfo) {
        self.0.write(picture.clone());
    }
}

/// A file and its thread. Dropping it writes what is queued and closes the file.
#[derive(Debug)]
struct Y4mFile {
    /// Taken when the file is closed.
    queue: Option<Sender<Arc<I420>>>,
    thread: Option<JoinHandle<()>>,
    dropped: Mutex<u64>,
}

impl Y4mFile {
    fn start(path: PathBuf, height: usize) -> Y4mFile {
        let (queue, pictures) = bounded::<Arc<I420>>(16);
        let thread = std::thread::Builder::new()
            .name("video-out".to_owned())
            .spawn(move || {
                if let Err(error) = write_file(&path, height, &pictures) {
                    tracing::error!("cannot write {}: {error}", path.display());
                }
            });
        Y4mFile {
            queue: Some(queue),
            thread: thread.ok(),
            dropped: Mutex::new(0),
        }
    }

    fn write(&self, picture: Arc<I420>) {
        let full = self
            .queue
            .as_ref()
            .is_some_and(|q| matches!(q.try_send(picture), Err(TrySendError::Full(_))));
        if full && let Ok(mut dropped) = self.dropped.lock() {
            *dropped += 1;
        }
    }
}

impl Drop for Y4mFile {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Ok(dropped) = self.dropped.lock()
            && *dropped > 0
        {
            tracing::warn!("the disk was too slow for {} pictures", *dropped);
        }
    }
}

fn write_file(
    path: &Path,
    height: usize,
    pictures: &crossbeam_channel::Receiver<Arc<I420>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let Ok(first) = pictures.recv() else {
        return Ok(());
    };
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let (w, h) = first.size();
    let size = ((w * height / h.max(1)).max(2) & !1, height);
    let mut writer = y4m::Writer::new(BufWriter::new(File::create(path)?), size, (30, 1))?;
    for picture in std::iter::once(first).chain(pictures.iter()) {
        if picture.size() == size {
            writer.write(&picture)?;
        } else {
            writer.write(&picture.fit(size.0, size.1))?;
        }
    }
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> RemoteTrack {
        RemoteTrack {
            participant: ParticipantId(2),
            track: TrackId(7),
            source: Source::Camera,
        }
    }

    fn info() -> FrameInfo {
        FrameInfo {
            track: track(),
            codec: VideoCodec::H264,
            timestamp: 0,
            keyframe: true,
            arrived: Time::ZERO,
            shown: Time::ZERO,
        }
    }

    #[test]
    fn a_track_that_comes_back_goes_on_in_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut sinks = Y4mSinks::new(dir.path(), 90);
        let small = Arc::new(I420::black(80, 45 & !1));
        let big = Arc::new(I420::black(160, 90));
        sinks.open(track()).show(&big, &info());
        sinks.open(track()).show(&small, &info());
        drop(sinks);
        let file = File::open(dir.path().join("p2-t7-camera.y4m")).unwrap();
        let mut reader = y4m::Reader::new(std::io::BufReader::new(file)).unwrap();
        let mut sizes = Vec::new();
        while let Some(picture) = reader.next_picture().unwrap() {
            sizes.push(picture.size());
        }
        assert_eq!(sizes, [(160, 90), (160, 90)]);
    }
}
