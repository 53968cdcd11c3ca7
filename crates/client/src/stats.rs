//! `stats-json`: one line a second per track and direction. `docs/HEADLESS.md` explains every field to readers of the file.

use crate::media::Snapshot;
use crate::repair::{RepairFigures, repair_in, repair_out};
use confab_base::{ParticipantId, Source, Time, TrackId, VideoCodec};
use confab_pipeline::{NoiseFault, RemoteTrack, source_name};
use confab_session::SessionState;
use confab_transport::{LineStats, Mid, Protocol, Rid, StatsDirection};
use serde::Serialize;
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A second of one track in one direction. Counters run since the track began (or took its slot); rates and percentages
/// are of the last second. What a kind of track has not, or what is not known yet, is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StatsLine {
    /// Milliseconds since 1970.
    pub at: u64,
    /// `send` or `receive`.
    pub direction: &'static str,
    /// `microphone`, `camera`, `screen` or `screen_audio`.
    pub source: &'static str,
    /// Whose track it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<TrackId>,
    /// Sending: the simulcast layer's rid (`q`, `h`, `f`), empty without simulcast. Receiving: rows of the layer the server
    /// sends, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    pub muted: bool,
    /// Pictures: `h264`, `vp8`, `av1` or `vp9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<VideoCodec>,
    pub packets: u64,
    pub bytes: u64,
    /// Receiving: packets that never came in time. Sending: what the server reported lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_percent: Option<f64>,
    /// Payload of the last second, kbit/s.
    pub bitrate_kbps: f64,
    /// To the server and back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Pictures of the last second: encoded when sending, shown when receiving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyframes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyframe_requests: Option<u64>,
    /// Resends asked for: sending, by the server; receiving, by us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nacks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_frames: Option<u64>,
    /// Sending pictures: less is coded than is wanted, since this machine does not keep up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limited: Option<bool>,
    /// What the encoder was told to spend, kbit/s; 0: the layer is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_kbps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freezes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze_ms: Option<u64>,
    /// Gaps of 200 ms and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_ms: Option<u64>,
    /// Receiving sound, and of all voices together: thousandths of the last minute that were stalled, whole minutes listened,
    /// and those of them with at most 30 thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalled_permille: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fluent_minutes: Option<u32>,
    /// Samples played, 48 kHz, and how many of these were invented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concealed_samples: Option<u64>,
    /// Of the samples played, made from redundancy in later packets, and of these: from what the next packet repeats (LBRR), from
    /// copies (RED), from what later packets describe (DRED).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lbrr_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub red_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dred_samples: Option<u64>,
    /// What the voice we send does against loss: the step of the ladder, and packets that carried copies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redundancy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub red_packets: Option<u64>,
    /// The noise suppressor that works on the voice we send (`off`, `standard`, `strong`), microseconds it takes of each 10 ms, and why it is
    /// not the strong one that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_engine: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_fault: Option<&'static str>,
    /// Sound: channels as it is sent, or as it is decoded, and the length of a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_buffer_ms: Option<f64>,
    /// What the jitter buffer aims at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_target_ms: Option<f64>,
    /// How far the participant's sound is behind its picture; negative: ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub av_offset_ms: Option<f64>,
    /// RFC 6464: -dBov, 0 is the loudest, 127 is silence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_dbov: Option<u8>,
    /// What the path takes of our sending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate_kbps: Option<f64>,
    /// `udp` or `tcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'static str>,
    /// Pictures of this direction together, between our own ends: lost packets that were put back, and those that nobody needed
    /// any more (receiving) or that never arrived in time (sending).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_recovered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_lost: Option<u64>,
    /// Of the packets that were missing, those put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_success_percent: Option<f64>,
    /// What repair takes beside the pictures: bytes (sending) or packets (receiving) of it per one of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_overhead_percent: Option<f64>,
    /// From noticing that a packet is missing until it was put back, in the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_ms: Option<f64>,
    /// What the meeting cost so far, all peer connections together: bytes of datagrams without the headers of IP and UDP; and both
    /// ways in an hour that is like the last minute.
    pub meeting_sent_bytes: u64,
    pub meeting_received_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour_bytes: Option<u64>,
    /// Of the whole process, per cent of one core, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
}

/// Tells two lines of the same second apart, and joins those of one track over time.
type Key = (&'static str, &'static str, Option<TrackId>, String);

/// Counters a rate is taken from.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    bytes: u64,
    frames: u64,
    packets: u64,
    lost: u64,
}

/// A line seen for the first time has rates only where so much time has passed since the report before.
const FRESH: Duration = Duration::from_millis(500);

/// Makes lines out of counters.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    state: SessionState,
    before: HashMap<Key, Before>,
    last: Option<Time>,
    cpu: CpuClock,
}

impl StatsLine {
    /// Makes all that is of the last second unknown.
    pub(crate) fn forget_rates(&mut self) {
        self.bitrate_kbps = 0.0;
        self.fps = self.fps.map(|_| 0.0);
        self.loss_percent = self.loss_percent.map(|_| 0.0);
    }
}

impl Reporter {
    /// The newest state, for names and mutes.
    pub(crate) fn note(&mut self, state: &SessionState) {
        self.state = state.clone();
    }

    pub(crate) fn report(&mut self, snapshot: &Snapshot, now: Time) -> Vec<StatsLine> {
        let passed = self.last.map_or(Duration::ZERO, |last| now.since(last));
        self.last = Some(now);
        let mut lines = send_lines(snapshot, &self.state);
        lines.extend(receive_lines(snapshot, &self.state));
        let cpu = self.cpu.percent(now);
        let at = wall_ms();
        let mut after = HashMap::new();
        for line in &mut lines {
            line.at = at;
            line.cpu_percent = cpu;
            shared(line, snapshot);
            self.rates(line, passed, &mut after);
        }
        self.before = after;
        lines
    }

    /// Differences to the second before. A line that is new began since then; where no second passed, as for who begins to look in the
    /// middle of a call, nothing is known of its rates yet.
    fn rates(&self, line: &mut StatsLine, passed: Duration, after: &mut HashMap<Key, Before>) {
        let layer = match line.direction {
            "send" => line.layer.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let key = (line.direction, line.source, line.track, layer);
        let now = Before {
            bytes: line.bytes,
            frames: line.frames.unwrap_or(0),
            packets: line.packets,
            lost: line.lost.unwrap_or(0),
        };
        let unknown = if passed < FRESH {
            now
        } else {
            Before::default()
        };
        let before = self.before.get(&key).copied().unwrap_or(unknown);
        let seconds = passed.as_secs_f64().max(0.001);
        line.bitrate_kbps =
            round(now.bytes.saturating_sub(before.bytes) as f64 * 8.0 / 1000.0 / seconds);
        if line.frames.is_some() {
            line.fps = Some(round(
                now.frames.saturating_sub(before.frames) as f64 / seconds,
            ));
        }
        if line.lost.is_some() {
            let lost = now.lost.saturating_sub(before.lost) as f64;
            let all = lost + now.packets.saturating_sub(before.packets) as f64;
            line.loss_percent = Some(round(if all > 0.0 { lost / all * 100.0 } else { 0.0 }));
        }
        after.insert(key, now);
    }
}

/// What all lines of a connection share.
fn shared(line: &mut StatsLine, snapshot: &Snapshot) {
    line.meeting_sent_bytes = snapshot.used.sent;
    line.meeting_received_bytes = snapshot.used.received;
    line.hour_bytes = snapshot.used.hour;
    let Some(peer) = &snapshot.peer else { return };
    line.rtt_ms = peer.rtt.map(ms);
    line.path = peer.path.map(|(protocol, ..)| match protocol {
        Protocol::Udp => "udp",
        Protocol::Tcp => "tcp",
    });
}

fn add_repair(line: &mut StatsLine, figures: Option<RepairFigures>) {
    let Some(figures) = figures else { return };
    line.repair_recovered = figures.recovered;
    line.repair_lost = Some(figures.lost);
    line.repair_success_percent = figures.success_percent;
    line.repair_overhead_percent = Some(figures.overhead_percent);
    line.repair_ms = figures.response_ms;
}

fn send_lines(snapshot: &Snapshot, state: &SessionState) -> Vec<StatsLine> {
    let mut lines = Vec::new();
    let estimate = snapshot.estimate.map(|e| round(e.bps() as f64 / 1000.0));
    let own = |source| StatsLine {
        direction: "send",
        source: source_name(source),
        participant: state.you,
        track: own_track(state, source),
        estimate_kbps: estimate,
        ..StatsLine::default()
    };
    let far = |source, layer: usize| far_stats(snapshot, source, layer);
    if let Some(audio) = &snapshot.pipeline.microphone {
        let mut line = StatsLine {
            muted: audio.muted,
            packets: audio.packets,
            bytes: audio.bytes,
            level_dbov: audio.level.map(|l| l.0),
            redundancy: Some(snapshot.redundancy),
            red_packets: Some(audio.red_packets),
            noise_engine: Some(audio.noise.engine.name()),
            noise_us: Some(audio.noise_cost.as_micros() as u64),
            noise_fault: audio.noise.fault.map(NoiseFault::code),
            channels: Some(audio.channels),
            packet_ms: Some(ms(audio.packet)),
            ..own(Source::Microphone)
        };
        add_far(&mut line, far(Source::Microphone, 0), 48_000.0);
        lines.push(line);
    }
    for (source, video) in &snapshot.pipeline.video_up {
        let rids = snapshot.send_mids.iter().find(|(s, ..)| s == source);
        for (index, layer) in video.layers.iter().enumerate() {
            let rid = rids.and_then(|(_, _, rids)| rids.get(index));
            let mut line = StatsLine {
                codec: video.codec,
                cpu_limited: video.cpu_limited.then_some(true),
                layer: Some(rid.map_or_else(String::new, |r| r.to_string())),
                muted: video.muted,
                packets: layer.packets,
                bytes: layer.bytes,
                width: Some(layer.width),
                height: Some(layer.height),
                frames: Some(layer.frames),
                keyframes: Some(layer.keyframes),
                keyframe_requests: Some(video.keyframe_requests),
                target_kbps: Some(if layer.active {
                    round(layer.target as f64 / 1000.0)
                } else {
                    0.0
                }),
                ..own(*source)
            };
            add_far(&mut line, far(*source, index), 90_000.0);
            add_repair(&mut line, snapshot.peer.as_ref().and_then(repair_out));
            lines.push(line);
        }
    }
    lines
}

/// What the server reports of a layer we send.
fn far_stats(snapshot: &Snapshot, source: Source, layer: usize) -> Option<&LineStats> {
    let (_, mid, rids) = snapshot.send_mids.iter().find(|(s, ..)| *s == source)?;
    let rid: Option<Rid> = rids.get(layer).copied();
    let same = |mid: &Mid, l: &LineStats| l.mid == *mid && l.rid == rid;
    let lines = &snapshot.peer.as_ref()?.lines;
    lines
        .iter()
        .find(|l| l.direction == StatsDirection::Send && same(mid, l))
}

fn add_far(line: &mut StatsLine, far: Option<&LineStats>, clock: f64) {
    let Some(far) = far else { return };
    line.lost = far.lost;
    line.nacks = Some(far.nacks);
    line.jitter_ms = far.jitter.map(|j| round(f64::from(j) * 1000.0 / clock));
}

fn receive_lines(snapshot: &Snapshot, state: &SessionState) -> Vec<StatsLine> {
    let mut lines = Vec::new();
    let pipeline = &snapshot.pipeline;
    for (_, track, audio) in &pipeline.audio_down {
        lines.push(StatsLine {
            packets: audio.packets,
            bytes: audio.bytes,
            lost: Some(audio.lost),
            jitter_ms: Some(ms(audio.jitter)),
            stalls: Some(audio.stalls),
            stall_ms: Some(audio.stall_time.as_millis() as u64),
            stalled_permille: state.listening.map(|l| l.stalled_permille),
            minutes: state.listening.map(|l| l.minutes),
            fluent_minutes: state.listening.map(|l| l.fluent_minutes),
            samples: Some(audio.samples),
            concealed_samples: Some(audio.concealed),
            repaired_samples: Some(audio.from_lbrr + audio.from_copies + audio.from_deep),
            lbrr_samples: Some(audio.from_lbrr),
            red_samples: Some(audio.from_copies),
            dred_samples: Some(audio.from_deep),
            channels: Some(audio.channels),
            packet_ms: Some(ms(audio.packet)),
            jitter_target_ms: Some(ms(audio.target)),
            jitter_buffer_ms: Some(ms(audio.delay)),
            level_dbov: audio.level.map(|l| l.0),
            av_offset_ms: offset(snapshot, track),
            ..of_remote(track, state)
        });
    }
    for (slot, track, video) in &pipeline.video_down {
        let mid = snapshot.video_mids.get(*slot);
        let slot = state.slots.iter().find(|s| Some(&s.mid) == mid);
        let mut line = StatsLine {
            layer: slot.map(|s| s.height.to_string()),
            codec: video.codec,
            packets: video.packets,
            bytes: video.bytes,
            lost: Some(video.lost),
            jitter_ms: Some(ms(video.jitter)),
            width: Some(video.width),
            height: Some(video.height),
            frames: Some(video.frames),
            keyframes: Some(video.keyframes),
            keyframe_requests: Some(video.keyframe_requests),
            dropped_frames: Some(video.dropped),
            freezes: Some(video.freezes),
            freeze_ms: Some(video.freeze_time.as_millis() as u64),
            stalls: Some(video.stalls),
            stall_ms: Some(video.stall_time.as_millis() as u64),
            jitter_buffer_ms: Some(ms(video.delay)),
            jitter_target_ms: Some(ms(video.target)),
            nacks: received_nacks(snapshot, mid),
            av_offset_ms: offset(snapshot, track),
            ..of_remote(track, state)
        };
        add_repair(&mut line, snapshot.peer.as_ref().and_then(repair_in));
        lines.push(line);
    }
    lines
}

/// What we asked for again on a line.
fn received_nacks(snapshot: &Snapshot, mid: Option<&String>) -> Option<u64> {
    let (mid, peer) = (mid?, snapshot.peer.as_ref()?);
    let of_line =
        |l: &&LineStats| l.direction == StatsDirection::Receive && l.mid.as_str() == mid.as_str();
    peer.lines.iter().find(of_line).map(|l| l.nacks)
}

fn offset(snapshot: &Snapshot, track: &RemoteTrack) -> Option<f64> {
    let micros = snapshot.pipeline.av_offsets.get(&track.participant)?;
    Some(round(*micros as f64 / 1000.0))
}

fn of_remote(track: &RemoteTrack, state: &SessionState) -> StatsLine {
    let participants = state.room.iter().flat_map(|r| &r.participants);
    let owner = participants.into_iter().find(|p| p.id == track.participant);
    StatsLine {
        direction: "receive",
        source: source_name(track.source),
        participant: Some(track.participant),
        name: owner.map(|p| p.name.clone()),
        track: Some(track.track),
        muted: owner.is_some_and(|p| p.muted.contains(&track.source)),
        ..StatsLine::default()
    }
}

fn own_track(state: &SessionState, source: Source) -> Option<TrackId> {
    let room = state.room.as_ref()?;
    let you = room.participants.iter().find(|p| Some(p.id) == state.you)?;
    you.tracks.iter().find(|t| t.source == source).map(|t| t.id)
}

pub(crate) fn ms(d: Duration) -> f64 {
    round(d.as_secs_f64() * 1000.0)
}

/// One decimal is all these numbers mean.
pub(crate) fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as u64)
}

/// The process's CPU time from `/proc/self/stat`; systems without it report nothing.
#[derive(Debug, Default)]
struct CpuClock {
    last: Option<(Time, f64)>,
}

impl CpuClock {
    fn percent(&mut self, now: Time) -> Option<f64> {
        let used = cpu_seconds(&std::fs::read_to_string("/proc/self/stat").ok()?)?;
        let last = self.last.replace((now, used));
        let (at, before) = last?;
        let passed = now.since(at).as_secs_f64();
        (passed > 0.0).then(|| round((used - before) / passed * 100.0))
    }
}

/// Fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms (USER_HZ is 100 on every Linux that is seen by programs).
fn cpu_seconds(stat: &str) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let ticks = |f: Option<&str>| f?.parse::<f64>().ok();
    Some((ticks(fields.next())? + ticks(fields.next())?) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_strange_process_names() {
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 250 150 0 0 20 0 1 0";
        assert_eq!(cpu_seconds(stat), Some(4.0));
    }

    #[test]
    fn rates_are_of_the_last_second_only() {
        let mut reporter = Reporter::default();
        let mut line = |bytes, frames, seconds| {
            let mut line = StatsLine {
                direction: "receive",
                source: "camera",
                track: Some(TrackId(1)),
                bytes,
                frames: Some(frames),
                packets: bytes / 1000,
                lost: Some(0),
                ..StatsLine::default()
            };
            let mut after = HashMap::new();
            reporter.rates(&mut line, Duration::from_secs(seconds), &mut after);
            reporter.before = after;
            (line.bitrate_kbps, line.fps)
        };
        assert_eq!(line(1000, 30, 1), (8.0, Some(30.0)));
        assert_eq!(line(5000, 50, 2), (16.0, Some(10.0)));
    }

    #[test]
    fn who_begins_to_look_in_a_call_sees_no_rates_of_all_that_was_before() {
        let mut reporter = Reporter::default();
        let mut line = |bytes, millis| {
            let mut line = StatsLine {
                direction: "send",
                source: "camera",
                bytes,
                frames: Some(900),
                ..StatsLine::default()
            };
            let mut after = HashMap::new();
            reporter.rates(&mut line, Duration::from_millis(millis), &mut after);
            reporter.before = after;
            (line.bitrate_kbps, line.fps)
        };
        assert_eq!(line(5_000_000, 3), (0.0, Some(0.0)));
        assert_eq!(line(5_001_000, 1000), (8.0, Some(0.0)));
    }

    #[test]
    fn absent_fields_are_not_written() {
        let text = serde_json::to_string(&StatsLine::default()).unwrap();
        assert!(!text.contains("fps"), "{text}");
        assert!(text.contains("bitrate_kbps"), "{text}");
    }
}
