//! A real server and real participants for the `net_*` tests.
//!
//! People speak with tones (told apart by their pitch) or with generated speech, and show test pictures that carry who
//! they are and a frame counter. What a person hears and sees is kept with the moment it was heard and seen.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod page;

use confab_base::{Time, VideoCodec};
use confab_client::pipeline::{
    CAN_DECODE, CameraSpec, MediaOptions, MicrophoneSpec, SpeakerSpec, VoiceConfig, Watch, clock,
};
use confab_client::{Client, ClientHandle, ClientOptions, MeetingLink, Phase, TestSwitches};
use confab_picture::{I420, Mark, TestPattern, psnr_y, read_counter};
use confab_protocol::{CreateMeeting, MeetingCreated, ParticipantId};
use confab_server::{Config, Running};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server inside this process, with one meeting.
pub struct House {
    pub runtime: Runtime,
    pub server: Running,
    pub meeting: MeetingCreated,
    pub dir: tempfile::TempDir,
}

impl House {
    pub fn open() -> House {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let config = Config::ephemeral(dir.path().join("data"));
        let (server, meeting) = runtime.block_on(async {
            let server = confab_server::start(config).await.unwrap();
            let meeting = server.create_meeting(CreateMeeting::default()).await;
            (server, meeting.unwrap())
        });
        House {
            runtime,
            server,
            meeting,
            dir,
        }
    }

    pub fn host(&self) -> String {
        self.meeting.host_link.clone()
    }

    pub fn guest(&self) -> String {
        self.meeting.guest_link.clone()
    }
}

/// A picture that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Source number in the picture's mark.
    pub id: u8,
    pub counter: u32,
    pub shown: Time,
    pub height: usize,
    /// Luma PSNR against what was sent, dB, of every 30th picture.
    pub psnr: Option<f64>,
}

/// The test picture is a function of its number, so it can be drawn again and compared.
fn psnr(seen: &I420, mark: Mark, (width, height): (usize, usize)) -> Option<f64> {
    let sent = || TestPattern::new(width, height, mark.id).frame(mark.counter);
    let often_enough = mark.counter.is_multiple_of(30);
    often_enough.then(|| psnr_y(&sent().scale_to(seen.width(), seen.height()), seen))
}

/// How somebody comes to a meeting.
pub struct Coming {
    pub name: &'static str,
    /// Source number of the test picture; `None`: no camera.
    pub camera: Option<u8>,
    pub microphone: Option<MicrophoneSpec>,
    pub speaker: Option<PathBuf>,
    pub voice: VoiceConfig,
    pub test: TestSwitches,
    pub size: (usize, usize),
    pub max_height: u16,
    pub decodes: Vec<VideoCodec>,
}

impl Coming {
    /// With a tone and a picture.
    pub fn with_tone(name: &'static str, hz: f32, camera: u8) -> Coming {
        Coming {
            name,
            camera: Some(camera),
            microphone: Some(MicrophoneSpec::Tone(hz)),
            speaker: None,
            voice: VoiceConfig::BYPASS,
            test: TestSwitches::default(),
            size: (640, 360),
            max_height: 360,
            decodes: CAN_DECODE.to_vec(),
        }
    }

    pub fn join(self, link: &str) -> Person {
        self.join_with(link, |_| {})
    }

    pub fn join_with(self, link: &str, change: impl FnOnce(&mut MediaOptions)) -> Person {
        let sights = Arc::<Mutex<Vec<Sight>>>::default();
        let heard = Arc::<Mutex<Vec<(Time, Vec<f32>)>>>::default();
        let mut options = ClientOptions::new(MeetingLink::parse(link).unwrap(), self.name);
        let (ear, (width, height)) = (heard.clone(), self.size);
        options.media = MediaOptions {
            microphone: self.microphone,
            speaker: self.speaker.map(SpeakerSpec::File),
            camera: self.camera.map(|id| CameraSpec::Pattern {
                width,
                height,
                fps: 30,
                id,
            }),
            voice: self.voice,
            on_speaker: Some(Arc::new(move |frame, at| {
                ear.lock().unwrap().push((at, frame.to_vec()));
            })),
            ..MediaOptions::default()
        };
        change(&mut options.media);
        let eye = sights.clone();
        options.sinks = Box::new(Watch::new(move |picture, info| {
            if let Some(mark) = read_counter(picture) {
                eye.lock().unwrap().push(Sight {
                    id: mark.id,
                    counter: mark.counter,
                    shown: info.shown,
                    height: picture.height(),
                    psnr: psnr(picture, mark, (width, height)),
                });
            }
        }));
        options.max_height = self.max_height;
        options.decodes = self.decodes;
        options.test = self.test.clone();
        Person {
            handle: Client::start(options).unwrap(),
            sights,
            heard,
            test: self.test,
            name: self.name,
        }
    }
}

/// Pieces of sound and when they were heard.
pub type Pieces = Vec<(Time, Vec<f32>)>;

/// Somebody in a meeting.
pub struct Person {
    pub handle: ClientHandle,
    pub sights: Arc<Mutex<Vec<Sight>>>,
    pub heard: Arc<Mutex<Pieces>>,
    pub test: TestSwitches,
    pub name: &'static str,
}

impl Person {
    pub fn wait_joined(&self) -> ParticipantId {
        wait(PATIENCE, &format!("{} is in", self.name), || {
            self.handle.state().phase == Phase::Joined
        });
        self.handle.state().you.unwrap()
    }

    /// Whether the tone is in what was heard in the 200 ms before now.
    pub fn hears(&self, hz: f32) -> bool {
        self.loudness(hz, clock::now(), Duration::from_millis(200)) > HEARD
    }

    /// Power of the tone in what was heard in the time before `until`.
    pub fn loudness(&self, hz: f32, until: Time, length: Duration) -> f32 {
        let heard = self.heard.lock().unwrap();
        let from = until - length;
        let samples: Vec<f32> = heard
            .iter()
            .rev()
            .take_while(|(at, _)| *at > from)
            .filter(|(at, _)| *at <= until)
            .flat_map(|(_, frame)| frame.iter().rev().copied())
            .collect();
        if samples.is_empty() {
            return 0.0;
        }
        confab_dsp::tone_power(&samples, hz, 48_000)
    }

    /// Pictures of this source in the time before now.
    pub fn pictures(&self, id: u8, length: Duration) -> Vec<Sight> {
        let from = clock::now() - length;
        let sights = self.sights.lock().unwrap();
        let recent = sights.iter().rev().take_while(|s| s.shown > from);
        let mut all: Vec<Sight> = recent.filter(|s| s.id == id).copied().collect();
        all.reverse();
        all
    }

    /// Whether pictures of this source move: at least three new ones in the last 300 ms.
    pub fn sees(&self, id: u8) -> bool {
        let recent = self.pictures(id, Duration::from_millis(300));
        recent.len() >= 3 && recent.windows(2).all(|p| p[0].counter < p[1].counter)
    }

    /// Whether the other's tone and moving picture come through now.
    pub fn perceives(&self, hz: f32, id: u8) -> bool {
        self.hears(hz) && self.sees(id)
    }
}

/// Power of a tone of 12 dB below full scale is 0.03; a tenth of it is heard.
pub const HEARD: f32 = 0.003;

/// Waits until `truth` holds, and gives the time it took. Fails with `what` after `patience`.
pub fn wait(patience: Duration, what: &str, mut truth: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !truth() {
        assert!(
            begun.elapsed() < patience,
            "not within {patience:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

/// Writes `seconds` of generated speech, 48 kHz mono.
pub fn write_speech(path: &Path, seed: u64, seconds: usize) {
    let mut samples = vec![0.0; seconds * 48_000];
    confab_dsp::generate::Speech::new(seed).fill(&mut samples);
    write_wav(path, &samples);
}

pub fn write_wav(path: &Path, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        writer.write_sample((sample * 32767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// Middle and 95th percentile, in milliseconds.
pub fn p50_p95(mut values: Vec<f64>) -> (f64, f64) {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    (at(0.5), at(0.95))
}
