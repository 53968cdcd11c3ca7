//! Makes snapshots out of what the client and its pipeline count.

use super::SharedSubject;
use super::process::ProcessMeter;
use super::sound::{SoundMeter, band_info};
use super::taps::Recordings;
use super::words::{
    FailCode, Network, PROTOCOL, Repair, Session, Snapshot, StageInfo, Stream, Voice, Way, Welcome,
};
use crate::actor::Shared;
use crate::media::Snapshot as Counted;
use crate::repair::{RepairFigures, repair_in, repair_out};
use crate::stats::{Reporter, StatsLine};
use confab_base::{Duration, Time};
use confab_pipeline::{AudioUpStats, Pipeline, clock};
use confab_session::{MediaPhase, Phase, SessionState};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Snapshots a second, and so many reporters take turns: each sees the latest whole second.
pub(crate) const RATE: usize = 10;
/// Until each reporter had its second, and names of layers are known, there are no rates.
const SETTLED: Duration = Duration::from_millis(1200);

#[derive(Debug)]
pub(crate) struct Sampler {
    program: String,
    subject: SharedSubject,
    sound: Option<SoundMeter>,
    reporters: Vec<Reporter>,
    /// When they began.
    began: Time,
    process: ProcessMeter,
    pub(crate) recordings: Recordings,
    seq: u64,
}

impl Sampler {
    pub(crate) fn new(program: String, taps: Option<PathBuf>, subject: SharedSubject) -> Sampler {
        Sampler {
            program,
            subject,
            sound: None,
            reporters: Vec::new(),
            began: Time::ZERO,
            process: ProcessMeter::default(),
            recordings: Recordings::new(taps),
            seq: 0,
        }
    }

    /// Nobody watches any more.
    pub(crate) fn rest(&mut self) {
        self.recordings.end_all();
        self.sound = None;
        self.reporters.clear();
        self.process = ProcessMeter::default();
        if let (Some(shared), _) = self.look() {
            shared.set_watched(false);
        }
    }

    fn look(&self) -> (Option<Arc<Shared>>, Option<Arc<Pipeline>>) {
        let subject = self.subject.lock().unwrap_or_else(PoisonError::into_inner);
        (subject.shared.upgrade(), subject.pipeline.upgrade())
    }

    pub(crate) fn welcome(&self) -> Welcome {
        let folder = self.recordings.folder();
        Welcome {
            protocol: PROTOCOL,
            program: self.program.clone(),
            pid: std::process::id(),
            bands: band_info(),
            taps: folder.is_some(),
            folder: folder.map(|f| f.display().to_string()),
            session: self.look().0.map_or_else(outside, |s| session(&s.state())),
        }
    }

    pub(crate) fn stages(&mut self) -> Vec<StageInfo> {
        let Some(pipeline) = self.look().1 else {
            return Vec::new();
        };
        let heard = pipeline.stats().audio_down;
        let stages = self.sound(&pipeline).stages(&heard);
        stages.into_iter().map(|(_, info)| info).collect()
    }

    /// Begins or ends a recording; the file's name.
    pub(crate) fn tap(
        &mut self,
        visitor: u64,
        stage: &str,
        on: bool,
    ) -> Result<Option<String>, FailCode> {
        if !on {
            self.pump();
            return self.recordings.end(visitor, stage);
        }
        let pipeline = self.look().1.ok_or(FailCode::UnknownStage)?;
        let heard = pipeline.stats().audio_down;
        let point = self.sound(&pipeline).find(stage, &heard);
        let point = point.ok_or(FailCode::UnknownStage)?;
        let Some(sound) = &self.sound else {
            return Err(FailCode::UnknownStage);
        };
        let file = self
            .recordings
            .begin(visitor, stage, point, sound.watching())?;
        Ok(Some(file))
    }

    /// Recordings take what passed.
    pub(crate) fn pump(&mut self) {
        if let Some(sound) = &self.sound {
            self.recordings.pump(sound.watching());
        }
    }

    /// The meter of this pipeline; recordings of another one end.
    fn sound(&mut self, pipeline: &Arc<Pipeline>) -> &mut SoundMeter {
        if self.sound.as_ref().is_some_and(|s| !s.is_of(pipeline)) {
            self.recordings.end_all();
            self.sound = None;
        }
        self.sound.get_or_insert_with(|| SoundMeter::new(pipeline))
    }

    pub(crate) fn sample(&mut self, now: Time) -> Snapshot {
        let (shared, pipeline) = self.look();
        let mut counted = shared.as_ref().map_or_else(Counted::default, |shared| {
            shared.set_watched(true);
            shared.counted()
        });
        let state = shared.map(|shared| shared.state());
        if let Some(pipeline) = &pipeline {
            counted.pipeline = pipeline.stats();
        }
        let mut snapshot = Snapshot {
            seq: self.seq,
            at_ms: wall_ms(),
            session: state.as_ref().map_or_else(outside, session),
            voice: counted.pipeline.microphone.as_ref().map(voice),
            process: self.process.read(now).clone(),
            ..Snapshot::default()
        };
        self.seq += 1;
        if let Some(pipeline) = &pipeline {
            let sound = self.sound(pipeline);
            for (point, info) in sound.stages(&counted.pipeline.audio_down) {
                snapshot.stages.push(sound.measure(point, info));
            }
            for stage in &mut snapshot.stages {
                stage.tap = self.recordings.info(&stage.info.name);
            }
        }
        let lines = self.report(&counted, &state.unwrap_or_default(), now);
        snapshot.network = network(&counted, &lines);
        snapshot.streams = lines.into_iter().map(stream).collect();
        snapshot
    }

    fn report(&mut self, counted: &Counted, state: &SessionState, now: Time) -> Vec<StatsLine> {
        if self.reporters.is_empty() {
            // What the connection counts is told later than the rest: until then there are no rates.
            if counted.peer.is_none() {
                let mut reporter = Reporter::default();
                reporter.note(state);
                let mut lines = reporter.report(counted, now);
                lines.iter_mut().for_each(StatsLine::forget_rates);
                return lines;
            }
            // What was counted before anybody looked is no rate.
            self.reporters.resize_with(RATE, Reporter::default);
            for reporter in &mut self.reporters {
                reporter.note(state);
                reporter.report(counted, now);
            }
            self.began = now;
        }
        let turn = self.seq as usize % RATE;
        let reporter = &mut self.reporters[turn];
        reporter.note(state);
        let mut lines = reporter.report(counted, now);
        if now.since(self.began) < SETTLED {
            lines.iter_mut().for_each(StatsLine::forget_rates);
        }
        lines
    }
}

fn outside() -> Session {
    Session {
        phase: "outside".to_owned(),
        media: "none".to_owned(),
        ..Session::default()
    }
}

fn session(state: &SessionState) -> Session {
    let room = state.room.as_ref();
    let people = room.map_or(&[][..], |r| &r.participants[..]);
    let you = people.iter().find(|p| Some(p.id) == state.you);
    Session {
        phase: match state.phase {
            Phase::Idle => "idle",
            Phase::Connecting => "connecting",
            Phase::Joining => "joining",
            Phase::Waiting => "waiting",
            Phase::Joined => "joined",
            Phase::Reconnecting { .. } => "reconnecting",
            Phase::Ended { .. } => "ended",
        }
        .to_owned(),
        media: match state.media {
            MediaPhase::None => "none",
            MediaPhase::Connecting => "connecting",
            MediaPhase::Connected => "connected",
        }
        .to_owned(),
        generation: state.generation,
        you: state.you,
        name: you.map(|p| p.name.clone()).unwrap_or_default(),
        meeting: room.map(|r| r.meeting.title.clone()).unwrap_or_default(),
        participants: people.len() as u32,
    }
}

fn voice(up: &AudioUpStats) -> Voice {
    let echo = up.echo.unwrap_or_default();
    Voice {
        muted: up.muted,
        speaking: up.voice && !up.muted,
        echo_cancel: up.echo.is_some(),
        echo_delay_ms: echo.delay_ms,
        erle_db: echo.erle_db,
        drift_ppm: echo.drift_ppm,
        slips: echo.slips,
        moves: echo.moves,
        howling: up.howling,
        overruns: up.overruns,
        noise_engine: up.noise.engine.name().to_owned(),
        noise_us: up.noise_cost.as_micros() as u64,
        noise_fault: up.noise.fault.map(|f| f.code().to_owned()),
    }
}

fn network(counted: &Counted, lines: &[StatsLine]) -> Network {
    let sum = |direction: &str, of: fn(&StatsLine) -> f64| -> f64 {
        let of_direction = lines.iter().filter(|l| l.direction == direction);
        of_direction.map(of).sum()
    };
    let peer = counted.peer.as_ref();
    let percent = |share: Option<f32>| share.map(|s| (f64::from(s) * 1000.0).round() / 10.0);
    Network {
        path: lines
            .iter()
            .find_map(|l| l.path)
            .unwrap_or_default()
            .to_owned(),
        rtt_ms: lines.iter().find_map(|l| l.rtt_ms),
        estimate_kbps: counted.estimate.map(|e| e.bps() as f64 / 1000.0),
        send_kbps: sum("send", |l| l.bitrate_kbps),
        receive_kbps: sum("receive", |l| l.bitrate_kbps),
        target_kbps: sum("send", |l| l.target_kbps.unwrap_or(0.0)),
        send_loss_percent: percent(peer.and_then(|p| p.send_loss)),
        receive_loss_percent: percent(peer.and_then(|p| p.receive_loss)),
        repair_in: peer.and_then(repair_in).map(repair),
        repair_out: peer.and_then(repair_out).map(repair),
        sent_bytes: counted.used.sent,
        received_bytes: counted.used.received,
    }
}

fn repair(figures: RepairFigures) -> Repair {
    Repair {
        recovered: figures.recovered,
        lost: figures.lost,
        success_percent: figures.success_percent,
        overhead_percent: figures.overhead_percent,
        response_ms: figures.response_ms,
    }
}

fn stream(line: StatsLine) -> Stream {
    let sent = line.direction == "send";
    let rid = line.layer.clone().filter(|_| sent).unwrap_or_default();
    let track = line.track.map(|t| t.to_string()).unwrap_or_default();
    Stream {
        key: format!("{}-{}-{track}-{rid}", line.direction, line.source),
        way: if sent { Way::Up } else { Way::Down },
        source: line.source.to_owned(),
        participant: line.participant,
        track: line.track,
        name: line.name,
        layer: line.layer,
        muted: line.muted,
        packets: line.packets,
        kbps: line.bitrate_kbps,
        loss_percent: line.loss_percent,
        jitter_ms: line.jitter_ms,
        buffer_ms: line.jitter_buffer_ms,
        buffer_target_ms: line.jitter_target_ms,
        samples: line.samples,
        concealed_samples: line.concealed_samples,
        repaired_samples: line.repaired_samples,
        lbrr_samples: line.lbrr_samples,
        red_samples: line.red_samples,
        dred_samples: line.dred_samples,
        redundancy: line.redundancy.map(str::to_owned),
        stalls: line.stalls,
        level_dbov: line.level_dbov,
        av_offset_ms: line.av_offset_ms,
        fps: line.fps,
        width: line.width,
        height: line.height,
        target_kbps: line.target_kbps,
        frames: line.frames,
        keyframes: line.keyframes,
        keyframe_requests: line.keyframe_requests,
        dropped_frames: line.dropped_frames,
        freezes: line.freezes,
        freeze_ms: line.freeze_ms,
        nacks: line.nacks,
    }
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as u64)
}

/// The moment, for who calls [`Sampler::sample`].
pub(crate) fn now() -> Time {
    clock::now()
}
