//! What is known about the participant: its latest snapshot, the history of its numbers, what its recordings did. Pure:
//! replies in, things to draw out.

mod history;

pub use history::{History, KEPT};

use confab_client::diagnose::{FailCode, Reply, Snapshot, StageSound, Stream, Way, Welcome};
use std::collections::BTreeMap;

/// What a peak marker falls by, dB a second.
const FALL: f32 = 12.0;
/// Weight of what was before in a spectrum's slow line, per snapshot.
const SLOW: f32 = 0.9;
/// Finished recordings that are listed.
const MOST_FILES: usize = 50;

/// One stage, as it is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    pub sound: StageSound,
    /// The highest peak, falling.
    pub hold_db: f32,
    /// The spectrum of the last second.
    pub slow: Vec<f32>,
}

/// Something a recording did.
#[derive(Clone, Debug, PartialEq)]
pub enum TapNote {
    Began { stage: String, file: String },
    Ended { stage: String, file: String },
    Failed { why: FailCode },
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub welcome: Welcome,
    pub latest: Snapshot,
    /// In the order of the participant's list.
    pub stages: Vec<Stage>,
    pub history: History,
    /// Newest first.
    pub notes: Vec<TapNote>,
    /// Snapshots that came, and those that were left out.
    pub snapshots: u64,
    pub missed: u64,
    counters: BTreeMap<String, (f64, Counters)>,
}

/// Counters shares are taken from.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    samples: u64,
    /// As in [`SHARES`].
    of_these: [u64; SHARES.len()],
}

/// What becomes of samples that did not come as they were sent: histories of their shares, per cent.
pub const SHARES: [&str; 4] = ["concealed", "lbrr", "copies", "described"];

impl Model {
    pub fn new(welcome: Welcome) -> Model {
        Model {
            welcome,
            ..Model::default()
        }
    }

    /// Whether there is anything to draw.
    pub fn has_begun(&self) -> bool {
        self.snapshots > 0
    }

    /// The participant's clock, seconds.
    pub fn now(&self) -> f64 {
        self.latest.at_ms as f64 / 1000.0
    }

    pub fn take(&mut self, reply: Reply) {
        match reply {
            Reply::Snapshot(snapshot) => self.take_snapshot(*snapshot),
            Reply::Tapped {
                stage,
                on,
                file: Some(file),
                ..
            } if on => self.note(TapNote::Began { stage, file }),
            Reply::Tapped {
                stage,
                file: Some(file),
                ..
            } => {
                let began = |n: &TapNote| matches!(n, TapNote::Began { file: f, .. } if *f == file);
                self.notes.retain(|n| !began(n));
                self.note(TapNote::Ended { stage, file });
            }
            Reply::Failed { code, .. } => self.note(TapNote::Failed { why: code }),
            Reply::Welcome(welcome) => self.welcome = welcome,
            Reply::Tapped { .. }
            | Reply::Refused { .. }
            | Reply::Stages { .. }
            | Reply::Unknown => {}
        }
    }

    fn note(&mut self, note: TapNote) {
        self.notes.insert(0, note);
        self.notes.truncate(MOST_FILES);
    }

    fn take_snapshot(&mut self, snapshot: Snapshot) {
        if self.has_begun() {
            self.missed += snapshot.seq.saturating_sub(self.latest.seq + 1);
        }
        let passed = match self.has_begun() {
            true => snapshot.at_ms.saturating_sub(self.latest.at_ms) as f32 / 1000.0,
            false => 0.0,
        };
        self.snapshots += 1;
        let before = std::mem::take(&mut self.stages);
        let stages = snapshot.stages.iter().map(|sound| {
            let before = before.iter().find(|s| s.sound.info.name == sound.info.name);
            follow(before, sound, passed)
        });
        self.stages = stages.collect();
        self.latest = snapshot;
        self.remember();
        let now = self.now();
        self.history.forget(now);
        self.counters.retain(|_, (at, _)| now - *at < KEPT);
    }

    fn remember(&mut self) {
        let now = self.now();
        let latest = &self.latest;
        let (network, history) = (&latest.network, &mut self.history);
        history.push("estimate", now, network.estimate_kbps);
        history.push("send", now, Some(network.send_kbps));
        history.push("receive", now, Some(network.receive_kbps));
        history.push("target", now, Some(network.target_kbps));
        history.push("rtt", now, network.rtt_ms);
        history.push("send-loss", now, network.send_loss_percent);
        history.push("receive-loss", now, network.receive_loss_percent);
        history.push("cpu", now, latest.process.cpu_percent);
        let megabytes = latest.process.memory_bytes.map(|b| b as f64 / 1e6);
        history.push("memory", now, megabytes);
        for (name, percent) in threads(latest) {
            history.push(&format!("thread/{name}"), now, Some(percent));
        }
        if let Some(voice) = &latest.voice {
            history.push("erle", now, Some(f64::from(voice.erle_db)));
            history.push("echo-delay", now, Some(f64::from(voice.echo_delay_ms)));
        }
        for stage in &latest.stages {
            let level = Some(f64::from(stage.rms_db));
            history.push(&format!("level/{}", stage.info.name), now, level);
        }
        for stream in &latest.streams {
            let name = |what: &str| format!("{what}/{}", stream.key);
            history.push(&name("kbps"), now, Some(stream.kbps));
            history.push(&name("fps"), now, stream.fps);
            history.push(&name("loss"), now, stream.loss_percent);
            history.push(&name("buffer"), now, stream.buffer_ms);
            history.push(&name("buffer-target"), now, stream.buffer_target_ms);
        }
        self.remember_shares(now);
    }

    /// Shares of sound that was invented or repaired since the last look that had any.
    fn remember_shares(&mut self, now: f64) {
        for stream in &self.latest.streams {
            let Some(samples) = stream.samples else {
                continue;
            };
            let new = Counters {
                samples,
                of_these: [
                    stream.concealed_samples,
                    stream.lbrr_samples,
                    stream.red_samples,
                    stream.dred_samples,
                ]
                .map(Option::unwrap_or_default),
            };
            let last = self.counters.insert(stream.key.clone(), (now, new));
            let old = last.map_or(new, |(_, old)| old);
            let played = new.samples.saturating_sub(old.samples) as f64;
            if played > 0.0 {
                for (i, name) in SHARES.iter().enumerate() {
                    let count = new.of_these[i].saturating_sub(old.of_these[i]);
                    let share = (count as f64 / played * 100.0).min(100.0);
                    self.history
                        .push(&format!("{name}/{}", stream.key), now, Some(share));
                }
            }
        }
    }

    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|s| s.sound.info.name == name)
    }

    /// What a stage is compared with: what goes into it; for what is sent, what the microphone gave, so that it shows the
    /// whole chain.
    pub fn compared(&self, stage: &Stage) -> Option<&Stage> {
        let info = &stage.sound.info;
        match info.name.as_str() {
            "voice" => self.stage("mic"),
            _ => self.stage(info.before.as_deref()?),
        }
    }

    /// Streams of sound or of pictures, one way.
    pub fn streams(&self, way: Way, video: bool) -> Vec<&Stream> {
        let of = |s: &&Stream| s.way == way && is_video(s) == video;
        self.latest.streams.iter().filter(of).collect()
    }

    /// What people call the participant whose voice a stage is.
    pub fn label(&self, stage: &StageSound) -> String {
        let Some(id) = stage.info.participant else {
            return stage_title(&stage.info.name).to_owned();
        };
        let mut streams = self.latest.streams.iter();
        let named = streams.find(|s| s.participant == Some(id) && s.name.is_some());
        let name = named.and_then(|s| s.name.clone());
        name.unwrap_or_else(|| stage.info.name.clone())
    }

    /// The largest value of a named number within `span`, at least `least`: for the height of a plot.
    pub fn most(&self, names: &[&str], span: f64, least: f64) -> f64 {
        let now = self.now();
        let most = |name: &&str| self.history.get(name)?.most(now, span);
        names.iter().filter_map(most).fold(least, f64::max)
    }
}

/// Whether a stream carries pictures.
pub fn is_video(stream: &Stream) -> bool {
    matches!(stream.source.as_str(), "camera" | "screen")
}

/// Threads of one name are one line.
pub fn threads(snapshot: &Snapshot) -> Vec<(String, f64)> {
    let mut sums = BTreeMap::<&str, f64>::new();
    for thread in &snapshot.process.threads {
        *sums.entry(&thread.name).or_default() += thread.cpu_percent;
    }
    let mut all: Vec<(String, f64)> = sums.into_iter().map(|(n, p)| (n.to_owned(), p)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all
}

/// What people call a stage; the protocol's own word for one that is not known here.
pub fn stage_title(name: &str) -> &str {
    match name {
        "mic" => "Microphone",
        "high-pass" => "High-pass",
        "echo-cancel" => "Echo canceller",
        "suppress" => "Suppressor",
        "learned-noise" => "Learned suppressor",
        "gain" => "Gain control",
        "limit" => "Limiter",
        "voice" => "Sent",
        "mix" => "Mix",
        "far" => "Far reference",
        "speaker" => "Speaker",
        other => other,
    }
}

fn follow(before: Option<&Stage>, sound: &StageSound, passed: f32) -> Stage {
    let fallen = before.map_or(sound.peak_db, |b| b.hold_db - FALL * passed);
    let slow = match before.filter(|b| b.slow.len() == sound.bands.len()) {
        Some(before) => {
            let mixed = before.slow.iter().zip(&sound.bands);
            mixed
                .map(|(old, new)| SLOW * old + (1.0 - SLOW) * new)
                .collect()
        }
        None => sound.bands.clone(),
    };
    Stage {
        sound: sound.clone(),
        hold_db: fallen.max(sound.peak_db),
        slow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_client::diagnose::{StageInfo, Thread};

    fn snapshot(seq: u64) -> Snapshot {
        Snapshot {
            seq,
            at_ms: 1_000_000 + seq * 100,
            ..Snapshot::default()
        }
    }

    fn with_stage(seq: u64, peak: f32) -> Reply {
        let stage = StageSound {
            info: StageInfo {
                name: "mic".to_owned(),
                ..StageInfo::default()
            },
            rms_db: peak - 3.0,
            peak_db: peak,
            bands: vec![peak; 3],
            tap: None,
        };
        Reply::Snapshot(Box::new(Snapshot {
            stages: vec![stage],
            ..snapshot(seq)
        }))
    }

    #[test]
    fn a_peak_is_held_and_falls_slowly() {
        let mut model = Model::default();
        model.take(with_stage(0, -6.0));
        model.take(with_stage(1, -60.0));
        let stage = model.stage("mic").unwrap();
        assert!((stage.hold_db + 7.2).abs() < 0.01, "{}", stage.hold_db);
        assert!(stage.slow[0] > -20.0);
        model.take(with_stage(2, 0.0));
        assert_eq!(model.stage("mic").unwrap().hold_db, 0.0);
    }

    #[test]
    fn snapshots_that_were_left_out_are_counted() {
        let mut model = Model::default();
        model.take(with_stage(5, 0.0));
        model.take(with_stage(6, 0.0));
        model.take(with_stage(9, 0.0));
        assert_eq!((model.snapshots, model.missed), (3, 2));
    }

    #[test]
    fn concealment_is_a_share_of_what_was_played_in_between() {
        let mut model = Model::default();
        for (seq, samples, concealed) in [(0, 48_000, 100), (1, 52_800, 580), (2, 52_800, 580)] {
            let stream = Stream {
                key: "k".to_owned(),
                samples: Some(samples),
                concealed_samples: Some(concealed),
                ..Stream::default()
            };
            let streams = vec![stream];
            model.take(Reply::Snapshot(Box::new(Snapshot {
                streams,
                ..snapshot(seq)
            })));
        }
        assert_eq!(model.history.last("concealed/k"), Some(10.0));
    }

    #[test]
    fn threads_of_one_name_are_one_line_and_the_busiest_is_first() {
        let thread = |id, name: &str, cpu_percent| Thread {
            id,
            name: name.to_owned(),
            cpu_percent,
        };
        let mut snapshot = snapshot(0);
        snapshot.process.threads = vec![
            thread(1, "voice", 3.0),
            thread(2, "video", 2.0),
            thread(3, "video", 2.5),
        ];
        let lines = threads(&snapshot);
        assert_eq!(lines[0], ("video".to_owned(), 4.5));
    }

    #[test]
    fn what_recordings_did_is_told_newest_first() {
        let mut model = Model::default();
        let told = |on| Reply::Tapped {
            id: 1,
            stage: "mic".to_owned(),
            on,
            file: Some("mic.wav".to_owned()),
        };
        model.take(told(true));
        model.take(told(false));
        model.take(Reply::Failed {
            id: Some(2),
            code: FailCode::NoFolder,
        });
        assert_eq!(
            model.notes[0],
            TapNote::Failed {
                why: FailCode::NoFolder
            }
        );
        assert!(matches!(model.notes[1], TapNote::Ended { .. }));
        // A recording that ended is one line.
        assert_eq!(model.notes.len(), 2);
    }
}
