// What each event does to one's picture of the room: the twin of crates/session/src/follow.rs.
import { MAX_CHAT_HISTORY } from "../generated/protocol";
import type { Event, Meeting, Participant, ParticipantId, Sequenced, Snapshot, Source, Track } from "../generated/protocol";

/** The order in which sources are listed everywhere. */
export const SOURCES: readonly Source[] = ["microphone", "camera", "screen", "screen_audio"];

/**
 * The room after the next event. The caller has checked that `entry.seq` is `room.seq + 1`. What names somebody who is
 * not there changes nothing but the number.
 */
export function apply(room: Snapshot, entry: Sequenced): Snapshot {
  const next = { ...room, seq: entry.seq };
  const event = entry.event;
  switch (event.type) {
    case "participant_joined": {
      const others = room.participants.filter((p) => p.id !== event.participant.id);
      next.participants = [...others, event.participant].sort((a, b) => a.id - b.id);
      break;
    }
    case "participant_left":
      next.participants = room.participants.filter((p) => p.id !== event.participant);
      if (room.meeting.spotlight === event.participant) next.meeting = inSpotlight(room.meeting, undefined);
      break;
    case "chat":
      next.chat = [...room.chat, event.message].slice(-MAX_CHAT_HISTORY);
      break;
    case "lock_changed":
      next.meeting = { ...room.meeting, locked: event.locked };
      break;
    case "spotlight_changed":
      if (event.participant === undefined || room.participants.some((p) => p.id === event.participant)) {
        next.meeting = inSpotlight(room.meeting, event.participant);
      }
      break;
    case "ended":
    case "reacted":
      break;
    default:
      next.participants = room.participants.map((p) => (p.id === event.participant ? change(p, event) : p));
  }
  return next;
}

function inSpotlight(meeting: Meeting, who: ParticipantId | undefined): Meeting {
  const { spotlight: _, ...rest } = meeting;
  return who === undefined ? rest : { ...rest, spotlight: who };
}

function change(p: Participant, event: Event): Participant {
  switch (event.type) {
    case "presence_changed":
      return { ...p, presence: event.presence };
    case "renamed":
      return { ...p, name: event.name };
    case "role_changed":
      return { ...p, role: event.role };
    case "mute_changed":
      return { ...p, muted: setMuted(p.muted, event.source, event.muted) };
    case "hand_changed": {
      const { hand: _, ...rest } = p;
      return event.hand === undefined ? rest : { ...rest, hand: event.hand };
    }
    case "same_room_changed": {
      const { same_room: _, ...rest } = p;
      return event.live === undefined ? rest : { ...rest, same_room: event.live };
    }
    case "track_published":
      return { ...p, tracks: putTrack(p.tracks, event.track) };
    case "track_unpublished":
      return { ...p, tracks: p.tracks.filter((t) => t.id !== event.track) };
    default:
      return p;
  }
}

/** The list with or without the source, in the order of `SOURCES`. */
export function setMuted(list: readonly Source[], source: Source, muted: boolean): Source[] {
  return SOURCES.filter((s) => (s === source ? muted : list.includes(s)));
}

/** One track of each source, in the order of `SOURCES`. */
function putTrack(tracks: readonly Track[], track: Track): Track[] {
  const others = tracks.filter((t) => t.source !== track.source);
  return [...others, track].sort((a, b) => SOURCES.indexOf(a.source) - SOURCES.indexOf(b.source));
}
