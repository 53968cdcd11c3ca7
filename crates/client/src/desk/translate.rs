//! From the session's state and the client's statistics to what pages see. Pure: told the time, keeps nothing.

use super::face::{HostAction, ShownVideo};
use super::state::{
    CallPhase, CallState, ChatEntry, DeskPatch, DeskState, EndReason, Leading, LimitedTrack,
    LobbyWait, LocalState, MediaFlow, OwnEnd,
};
use super::stats::{LinkStats, RepairStats, StreamDirection, StreamLimit, StreamStats};
use crate::{Action, MediaPhase, Phase, SessionState, Shown, StatsLine};
use confab_base::{ParticipantId, Source, TrackId};
use confab_protocol::{ChatMessage, Limited, MAX_CLIENT_ID};
use confab_session::InLobby;
use std::collections::BTreeMap;

/// Ids of messages the server has not numbered yet: above all others, and exact in JavaScript.
const PENDING_ID: u64 = (1 << 53) - 1;

/// What the machine around the session knows of the call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallFacts {
    /// Got in once.
    pub(crate) was_in: bool,
    /// It ended because no server answered.
    pub(crate) unreachable: bool,
    /// Milliseconds since 1970 at zero of the session's clock.
    pub(crate) wall_offset_ms: u64,
    /// When messages that wait for the server were written, milliseconds since 1970, by client id.
    pub(crate) written: BTreeMap<String, u64>,
}

/// Everything a page may know. `seq` is left to whoever sends it.
pub(crate) fn desk_state(
    session: &SessionState,
    facts: &CallFacts,
    local: &LocalState,
) -> DeskState {
    let room = session.room.as_ref();
    DeskState {
        seq: 0,
        call: call(session, facts),
        participants: room.map_or_else(Vec::new, |r| r.participants.clone()),
        chat: chat(session, facts),
        speakers: session.speakers.clone(),
        quality: session.quality.clone(),
        limited: limited(session),
        listening: session.listening.unwrap_or_default(),
        leading: leading(session, facts),
        local: local.clone(),
    }
}

fn call(session: &SessionState, facts: &CallFacts) -> CallState {
    let (phase, ended, since) = match &session.phase {
        Phase::Idle => (CallPhase::Idle, None, None),
        // While getting back in the session connects and joins again; for a page that is still reconnecting.
        Phase::Connecting | Phase::Joining if facts.was_in => (CallPhase::Reconnecting, None, None),
        Phase::Connecting | Phase::Joining => (CallPhase::Connecting, None, None),
        Phase::Waiting => (CallPhase::Waiting, None, None),
        Phase::Joined => (CallPhase::Joined, None, None),
        Phase::Reconnecting { since_ms } => {
            let since = facts.wall_offset_ms + since_ms;
            (CallPhase::Reconnecting, None, Some(since))
        }
        Phase::Ended { code } => {
            let own = match facts.unreachable {
                true => OwnEnd::Unreachable,
                false => OwnEnd::Left,
            };
            let reason = code.map_or(EndReason::Own(own), EndReason::Code);
            (CallPhase::Ended, Some(reason), None)
        }
    };
    CallState {
        phase,
        ended,
        reconnecting_since: since,
        you: session.you,
        meeting: session.room.as_ref().map(|r| r.meeting.clone()),
        media: match session.media {
            MediaPhase::None => MediaFlow::None,
            MediaPhase::Connecting => MediaFlow::Connecting,
            MediaPhase::Connected => MediaFlow::Connected,
        },
    }
}

fn leading(session: &SessionState, facts: &CallFacts) -> Leading {
    let wait = |w: &InLobby| LobbyWait {
        title: w.title.clone(),
        starts_at: w.starts_at.map(|at| {
            let here = at + facts.wall_offset_ms + w.at_ms;
            here.saturating_sub(w.server_time)
        }),
        position: w.place.position,
        reason: w.place.reason,
    };
    let room = session.room.as_ref();
    Leading {
        waiting: session.waiting.as_ref().map(wait),
        lobby: session.lobby.clone(),
        tools: room.map(|r| r.tools.clone()).unwrap_or_default(),
        own_votes: session.own_votes.clone(),
        speaking_times: session.speaking_times.clone(),
    }
}

/// What was said to all and what was said aside, in one order.
fn chat(session: &SessionState, facts: &CallFacts) -> Vec<ChatEntry> {
    let room = session.room.as_ref();
    let all = room.into_iter().flat_map(|r| &r.chat);
    let mut said: Vec<_> = all.chain(&session.asides).collect();
    said.sort_by_key(|m| m.id);
    let kept = said.into_iter().map(|m| ChatEntry {
        message: m.clone(),
        pending: false,
    });
    let you = session.you.unwrap_or(ParticipantId(0));
    let name = room
        .and_then(|r| r.participants.iter().find(|p| p.id == you))
        .map_or("", |p| p.name.as_str());
    let waiting = session.outbox.iter().map(|m| ChatEntry {
        message: ChatMessage {
            id: PENDING_ID,
            from: you,
            name: name.to_owned(),
            text: m.text.clone(),
            to: m.to,
            present: Vec::new(),
            at: facts.written.get(&m.client_id).copied().unwrap_or(0),
            client_id: m.client_id.clone(),
            files: Vec::new(),
        },
        pending: true,
    });
    kept.chain(waiting).collect()
}

fn limited(session: &SessionState) -> Vec<LimitedTrack> {
    let slots = session.slots.iter();
    slots
        .filter_map(|s| {
            // A smaller picture than one would like is a picture: only none at all is worth telling.
            let limited = match s.limited {
                Limited::Source | Limited::Bandwidth | Limited::Saver if s.height > 0 => {
                    Limited::No
                }
                other => other,
            };
            let track = s.track.filter(|_| limited != Limited::No)?;
            Some(LimitedTrack { track, limited })
        })
        .collect()
}

/// The parts in which `after` differs from `before`; `None`: nowhere. It gets the number after that of `before`.
pub(crate) fn patch(before: &DeskState, after: &DeskState) -> Option<DeskPatch> {
    fn part<T: PartialEq + Clone>(before: &T, after: &T) -> Option<T> {
        (before != after).then(|| after.clone())
    }
    let patch = DeskPatch {
        seq: before.seq + 1,
        call: part(&before.call, &after.call),
        participants: part(&before.participants, &after.participants),
        chat: part(&before.chat, &after.chat),
        speakers: part(&before.speakers, &after.speakers),
        quality: part(&before.quality, &after.quality),
        limited: part(&before.limited, &after.limited),
        listening: part(&before.listening, &after.listening),
        leading: part(&before.leading, &after.leading),
        local: part(&before.local, &after.local),
    };
    let nothing = DeskPatch {
        seq: patch.seq,
        ..DeskPatch::default()
    };
    (patch != nothing).then_some(patch)
}

/// What all pages together show: the tallest of each track, in the order in which pages name them first.
pub(crate) fn merge_shown<'a>(pages: impl Iterator<Item = &'a [ShownVideo]>) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for video in pages.flatten() {
        // No layer is taller, and what is drawn half a pixel high is not seen.
        let height = video.height.ceil().clamp(0.0, 4320.0) as u16;
        match all.iter_mut().find(|s| s.track == video.track) {
            Some(shown) => shown.height = shown.height.max(height),
            None => all.push(Shown {
                track: video.track,
                height,
            }),
        }
    }
    all
}

pub(crate) fn host_action(action: HostAction) -> Action {
    match action {
        HostAction::Mute {
            participant,
            source,
        } => Action::HostMute {
            participant,
            source,
        },
        HostAction::MuteAll => Action::HostMuteAll,
        HostAction::LowerHand { participant } => Action::HostLowerHand { participant },
        HostAction::Spotlight { participants } => Action::HostSpotlight { participants },
        HostAction::Remove { participant } => Action::HostRemove { participant },
        HostAction::Lock { locked } => Action::HostLock { locked },
        HostAction::End => Action::HostEnd,
    }
}

/// The connection out of a second's lines.
pub(crate) fn link_stats(lines: &[StatsLine]) -> LinkStats {
    let of = |direction| lines.iter().filter(move |l| l.direction == direction);
    let known = !lines.is_empty();
    let kbps = |direction| match known {
        true => of(direction).map(|l| l.bitrate_kbps).sum(),
        false => -1.0,
    };
    // Streams weigh by what they carry: a silent one that lost its only packet is no lossy link.
    let (mut lost, mut all) = (0.0, 0.0);
    for line in of("receive") {
        if let Some(percent) = line.loss_percent {
            lost += percent / 100.0 * line.bitrate_kbps;
            all += line.bitrate_kbps;
        }
    }
    LinkStats {
        rtt_ms: lines.iter().find_map(|l| l.rtt_ms).unwrap_or(-1.0),
        send_kbps: kbps("send"),
        receive_kbps: kbps("receive"),
        loss: match (known, all > 0.0) {
            (false, _) => -1.0,
            (true, false) => 0.0,
            (true, true) => lost / all,
        },
        transport: lines
            .iter()
            .find_map(|l| l.path)
            .unwrap_or_default()
            .to_owned(),
        sent_bytes: used(lines, |l| Some(l.meeting_sent_bytes)),
        received_bytes: used(lines, |l| Some(l.meeting_received_bytes)),
        hour_bytes: used(lines, |l| l.hour_bytes),
        repair_in: repair_stats(lines, "receive"),
        repair_out: repair_stats(lines, "send"),
    }
}

fn used(lines: &[StatsLine], of: fn(&StatsLine) -> Option<u64>) -> f64 {
    let known = lines.first().and_then(of);
    known.map_or(-1.0, |bytes| bytes as f64)
}

/// Pictures of one direction: between our own ends all lines tell the same; NACKs, where there are any, are counted line by line.
fn repair_stats(lines: &[StatsLine], direction: &str) -> RepairStats {
    let of_direction = || lines.iter().filter(|l| l.direction == direction);
    let told = of_direction().find(|l| l.repair_overhead_percent.is_some());
    let share = |percent: Option<f64>| percent.map_or(-1.0, |p| p / 100.0);
    let nacks = of_direction().filter_map(|l| l.nacks).reduce(|a, b| a + b);
    RepairStats {
        recovered: told
            .and_then(|l| l.repair_recovered)
            .map_or(-1.0, |n| n as f64),
        success: share(told.and_then(|l| l.repair_success_percent)),
        overhead: share(told.and_then(|l| l.repair_overhead_percent)),
        response_ms: told.and_then(|l| l.repair_ms).unwrap_or(-1.0),
        nacks: nacks.map_or(-1.0, |n| n as f64),
    }
}

/// Each stream out of a second's lines.
pub(crate) fn stream_stats(lines: &[StatsLine]) -> Vec<StreamStats> {
    lines.iter().filter_map(stream).collect()
}

fn stream(line: &StatsLine) -> Option<StreamStats> {
    let source = Source::ALL
        .into_iter()
        .find(|s| confab_pipeline::source_name(*s) == line.source)?;
    let direction = match line.direction {
        "send" => StreamDirection::Send,
        _ => StreamDirection::Receive,
    };
    let sent = direction == StreamDirection::Send;
    // Sent: the rid. Received lines tell the layer's rows, which the size tells already.
    let layer = line.layer.clone().filter(|_| sent).unwrap_or_default();
    let track = line.track.unwrap_or(TrackId(0));
    let number = |n: Option<f64>| n.unwrap_or(-1.0);
    let count = |n: Option<u64>| n.map_or(-1.0, |n| n as f64);
    let concealed = line.concealed_samples.zip(line.samples);
    // A layer that is off, while others of it run, is off for want of bandwidth.
    let starved = sent && !line.muted && line.target_kbps == Some(0.0);
    Some(StreamStats {
        id: format!("{}-{}-{track}-{layer}", line.direction, line.source),
        direction,
        source,
        participant: line.participant.filter(|_| !sent),
        codec: match source {
            Source::Microphone | Source::ScreenAudio => "opus".to_owned(),
            Source::Camera | Source::Screen => "h264".to_owned(),
        },
        layer,
        kbps: line.bitrate_kbps,
        loss: line.loss_percent.map_or(-1.0, |p| p / 100.0),
        jitter_ms: number(line.jitter_ms),
        buffer_ms: number(line.jitter_buffer_ms),
        fps: number(line.fps),
        width: line.width.map_or(-1.0, f64::from),
        height: line.height.map_or(-1.0, f64::from),
        freezes: count(line.freezes),
        concealed: concealed.map_or(-1.0, |(c, all)| c as f64 / (all.max(1)) as f64),
        nacks: count(line.nacks),
        resent: -1.0,
        fec: -1.0,
        limit: match starved {
            true => StreamLimit::Bandwidth,
            false => StreamLimit::Nothing,
        },
    })
}

const _: () = assert!(MAX_CLIENT_ID >= 26, "the client's ids fit");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::{DeskReply, LocalSource};
    use confab_base::MeetingId;
    use confab_protocol::{
        ClientKind, Code, Meeting, Participant, Presence, Role, SlotState, Snapshot,
    };
    use confab_session::OutboxChat;

    fn participant(id: u32, name: &str) -> Participant {
        Participant {
            id: ParticipantId(id),
            name: name.to_owned(),
            role: Role::Guest,
            client: ClientKind::Desktop,
            presence: Presence::Connected,
            muted: vec![Source::Camera],
            hand: None,
            same_room: None,
            room: None,
            assigned: None,
            help: None,
            tracks: Vec::new(),
            decodes: Vec::new(),
            joined_at: 1,
        }
    }

    fn joined() -> SessionState {
        SessionState {
            phase: Phase::Joined,
            you: Some(ParticipantId(1)),
            room: Some(Snapshot {
                seq: 4,
                meeting: Meeting {
                    id: MeetingId::from_random(7),
                    title: "Tea".to_owned(),
                    locked: false,
                    spotlights: Vec::new(),
                    board: None,
                    policy: confab_protocol::Policy::default(),
                    started_at: 5,
                },
                participants: vec![participant(1, "Ana"), participant(2, "Bo")],
                chat: Vec::new(),
                tools: confab_protocol::Tools::default(),
            }),
            ..SessionState::default()
        }
    }

    fn read(session: &SessionState, facts: &CallFacts) -> DeskState {
        desk_state(session, facts, &LocalState::default())
    }

    #[test]
    fn repair_is_told_as_shares_and_what_is_not_known_as_such() {
        let receive = |source, nacks, recovered| StatsLine {
            direction: "receive",
            source,
            nacks,
            repair_recovered: recovered,
            repair_success_percent: recovered.map(|_| 99.0),
            repair_overhead_percent: recovered.map(|_| 12.5),
            meeting_received_bytes: 7_000_000,
            hour_bytes: Some(90_000_000),
            ..StatsLine::default()
        };
        let lines = [
            receive("microphone", None, None),
            receive("camera", Some(3), Some(40)),
            receive("camera", Some(4), Some(40)),
        ];
        let stats = link_stats(&lines);
        let repair = stats.repair_in;
        assert_eq!((repair.recovered, repair.nacks), (40.0, 7.0));
        assert_eq!((repair.success, repair.overhead), (0.99, 0.125));
        assert_eq!(
            (repair.response_ms, stats.repair_out.overhead),
            (-1.0, -1.0)
        );
        assert_eq!((stats.received_bytes, stats.hour_bytes), (7e6, 9e7));
        let nothing = link_stats(&[]);
        assert_eq!((nothing.sent_bytes, nothing.repair_in.nacks), (-1.0, -1.0));
    }

    #[test]
    fn connecting_again_after_having_been_in_is_reconnecting() {
        let mut session = joined();
        session.phase = Phase::Joining;
        let mut facts = CallFacts::default();
        assert_eq!(read(&session, &facts).call.phase, CallPhase::Connecting);
        facts.was_in = true;
        assert_eq!(read(&session, &facts).call.phase, CallPhase::Reconnecting);
    }

    #[test]
    fn the_moment_of_the_cut_is_told_in_wall_time() {
        let mut session = joined();
        session.phase = Phase::Reconnecting { since_ms: 250 };
        let facts = CallFacts {
            wall_offset_ms: 1_700_000_000_000,
            ..CallFacts::default()
        };
        let call = read(&session, &facts).call;
        assert_eq!(call.reconnecting_since, Some(1_700_000_000_250));
    }

    #[test]
    fn an_end_has_the_servers_code_or_the_own_reason() {
        let mut session = joined();
        let ended = |session: &SessionState, unreachable| {
            let facts = CallFacts {
                unreachable,
                ..CallFacts::default()
            };
            serde_json::to_value(read(session, &facts).call.ended).unwrap()
        };
        session.phase = Phase::Ended { code: None };
        assert_eq!(ended(&session, false), "left");
        assert_eq!(ended(&session, true), "unreachable");
        session.phase = Phase::Ended {
            code: Some(Code::Removed),
        };
        assert_eq!(ended(&session, false), "removed");
    }

    #[test]
    fn a_message_on_its_way_stands_last_with_the_own_name_and_its_time() {
        let mut session = joined();
        session.outbox.push(OutboxChat {
            client_id: "a".to_owned(),
            text: "hi".to_owned(),
            to: None,
            files: Vec::new(),
        });
        let facts = CallFacts {
            written: BTreeMap::from([("a".to_owned(), 77)]),
            ..CallFacts::default()
        };
        let chat = serde_json::to_value(read(&session, &facts).chat).unwrap();
        assert_eq!(chat[0]["pending"], true);
        assert_eq!(chat[0]["name"], "Ana");
        assert_eq!(chat[0]["at"], 77);
        assert_eq!(chat[0]["from"], 1);
    }

    #[test]
    fn only_tracks_that_show_nothing_or_too_little_are_limited() {
        let mut session = joined();
        let slot = |track, height, limited| SlotState {
            mid: "1".to_owned(),
            track: Some(TrackId(track)),
            height,
            limited,
        };
        session.slots = vec![
            slot(1, 180, Limited::Source),
            slot(2, 0, Limited::Source),
            slot(3, 180, Limited::Bandwidth),
            slot(4, 360, Limited::No),
            slot(5, 0, Limited::Bandwidth),
        ];
        let limited = read(&session, &CallFacts::default()).limited;
        let tracks: Vec<u32> = limited.iter().map(|l| l.track.0).collect();
        assert_eq!(tracks, [2, 5]);
    }

    #[test]
    fn a_patch_has_what_changed_and_nothing_else() {
        let before = read(&joined(), &CallFacts::default());
        assert_eq!(patch(&before, &before), None);
        let mut session = joined();
        session.speakers = vec![ParticipantId(2)];
        let after = read(&session, &CallFacts::default());
        let patch = serde_json::to_value(patch(&before, &after).unwrap()).unwrap();
        assert_eq!(patch, serde_json::json!({ "seq": 1, "speakers": [2] }));
    }

    #[test]
    fn a_patch_of_the_call_drops_what_is_no_more() {
        let mut session = joined();
        session.phase = Phase::Reconnecting { since_ms: 5 };
        let before = read(&session, &CallFacts::default());
        let after = read(&joined(), &CallFacts::default());
        let patch = serde_json::to_value(patch(&before, &after).unwrap()).unwrap();
        assert_eq!(patch["call"]["phase"], "joined");
        assert!(patch["call"].get("reconnectingSince").is_none());
        assert!(patch.get("participants").is_none());
    }

    #[test]
    fn several_pages_see_the_tallest_they_ask_for_and_hidden_ones_nothing() {
        let video = |track, height| ShownVideo {
            track: TrackId(track),
            height,
        };
        let main = [video(1, 359.5), video(2, 0.0), video(3, -4.0)];
        let popped = [video(2, 90.0), video(4, 1e9)];
        let merged = merge_shown([&main[..], &popped[..]].into_iter());
        let pairs: Vec<(u32, u16)> = merged.iter().map(|s| (s.track.0, s.height)).collect();
        assert_eq!(pairs, [(1, 360), (2, 90), (3, 0), (4, 4320)]);
    }

    #[test]
    fn streams_have_ids_that_stay_and_numbers_that_may_be_unknown() {
        let line = StatsLine {
            direction: "receive",
            source: "microphone",
            participant: Some(ParticipantId(2)),
            track: Some(TrackId(9)),
            bitrate_kbps: 32.0,
            loss_percent: Some(5.0),
            samples: Some(48_000),
            concealed_samples: Some(4_800),
            path: Some("udp"),
            rtt_ms: Some(12.0),
            ..StatsLine::default()
        };
        let streams = stream_stats(std::slice::from_ref(&line));
        assert_eq!(streams[0].id, "receive-microphone-t9-");
        assert_eq!((streams[0].loss, streams[0].concealed), (0.05, 0.1));
        assert_eq!((streams[0].fps, streams[0].freezes), (-1.0, -1.0));
        let link = link_stats(&[line]);
        assert_eq!(
            (link.rtt_ms, link.send_kbps, link.receive_kbps),
            (12.0, 0.0, 32.0)
        );
        assert_eq!((link.loss, link.transport.as_str()), (0.05, "udp"));
        assert_eq!(link_stats(&[]).send_kbps, -1.0);
    }

    #[test]
    fn words_on_the_wire_are_those_of_the_port() {
        let local = LocalState {
            microphone: LocalSource {
                on: true,
                ..LocalSource::default()
            },
            ..LocalState::default()
        };
        let state = desk_state(&joined(), &CallFacts::default(), &local);
        let reply = DeskReply::Attached {
            state: Box::new(state),
            bus: None,
        };
        let json = serde_json::to_value(&reply).unwrap();
        assert_eq!(json["type"], "attached");
        assert_eq!(json["state"]["call"]["phase"], "joined");
        assert_eq!(json["state"]["local"]["microphone"]["on"], true);
        assert_eq!(json["state"]["local"]["canShare"], false);
        assert_eq!(json["state"]["call"]["meeting"]["title"], "Tea");
    }
}
