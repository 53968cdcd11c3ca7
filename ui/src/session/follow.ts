// What each event does to one's picture of the room: the twin of crates/session/src/follow.rs.
import { MAX_CHAT_HISTORY } from "../generated/protocol";
import type { ChatMessage, Event, Meeting, Participant, ParticipantId, Place, Policy, Sequenced, Snapshot, Source, Tools, Track } from "../generated/protocol";

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
      next.meeting = withoutPerson(room.meeting, event.participant);
      break;
    case "chat":
      next.chat = [...room.chat, event.message].slice(-MAX_CHAT_HISTORY);
      break;
    case "file_removed":
      next.chat = room.chat.map((m) => (m.id === event.message ? without(m, event.file) : m));
      break;
    case "lock_changed":
      next.meeting = { ...room.meeting, locked: event.locked };
      break;
    case "spotlight_changed":
      next.meeting = inSpotlight(room.meeting, event.participants.filter((who) => room.participants.some((p) => p.id === who)));
      break;
    case "board_presented":
      if (event.participant === undefined || room.participants.some((p) => p.id === event.participant)) {
        next.meeting = withBoard(room.meeting, event.participant);
      }
      break;
    case "policy_changed":
      next.meeting = withPolicy(room.meeting, event.policy);
      break;
    case "floor_changed":
    case "question_changed":
    case "question_dismissed":
    case "poll_changed":
    case "poll_removed":
    case "agenda_changed":
    case "seat_order_changed":
    case "breakout_changed":
      return withTools(next, changeTools(room.tools ?? NO_TOOLS, event));
    case "placed": {
      const places = new Map(event.places.map((place) => [place.participant, place]));
      next.participants = room.participants.map((p) => put(p, places.get(p.id)));
      break;
    }
    case "ended":
    case "reacted":
    case "unmute_asked":
      break;
    default:
      next.participants = room.participants.map((p) => (p.id === event.participant ? change(p, event) : p));
  }
  return next;
}

/** The message with this file taken out: its name stays. */
function without(message: ChatMessage, file: string): ChatMessage {
  const { files } = message;
  return files === undefined ? message : { ...message, files: files.map((f) => (f.id === file ? { ...f, removed: true } : f)) };
}

/** What an absent policy is. */
export const DEFAULT_POLICY: Policy = {
  lobby: "off",
  absent_host: "anyone",
  permissions: { share: true, chat: true, unmute: true, reactions: true, draw: true },
};

/** What absent tools are. */
export const NO_TOOLS: Tools = { questions: [], polls: [], seat_order: [] };

/** The default is absent, as on the wire. */
function withPolicy(meeting: Meeting, policy: Policy): Meeting {
  const { policy: _, ...rest } = meeting;
  const { share, chat, unmute, reactions, draw } = policy.permissions;
  const all = share && chat && unmute && reactions && draw;
  return policy.lobby === "off" && policy.absent_host === "anyone" && all ? rest : { ...rest, policy };
}

/** Tools of which none is in use are absent, as on the wire. */
function withTools(room: Snapshot, tools: Tools): Snapshot {
  const { tools: _, ...rest } = room;
  const lists = tools.questions.length + tools.polls.length + tools.seat_order.length;
  return tools.floor === undefined && tools.agenda === undefined && tools.breakout === undefined && lists === 0 ? rest : { ...rest, tools };
}

/** Questions and polls keep the order of their ids. */
function changeTools(tools: Tools, event: Event): Tools {
  switch (event.type) {
    case "floor_changed": {
      const { floor: _, ...rest } = tools;
      return event.floor === undefined ? rest : { ...rest, floor: event.floor };
    }
    case "question_changed":
      return { ...tools, questions: insert(tools.questions, event.question) };
    case "question_dismissed":
      return { ...tools, questions: tools.questions.filter((q) => q.id !== event.question) };
    case "poll_changed":
      return { ...tools, polls: insert(tools.polls, event.poll) };
    case "poll_removed":
      return { ...tools, polls: tools.polls.filter((p) => p.id !== event.poll) };
    case "agenda_changed": {
      const { agenda: _, ...rest } = tools;
      return event.agenda === undefined ? rest : { ...rest, agenda: event.agenda };
    }
    case "seat_order_changed":
      return { ...tools, seat_order: event.participants };
    case "breakout_changed": {
      const { breakout: _, ...rest } = tools;
      return event.breakout === undefined ? rest : { ...rest, breakout: event.breakout };
    }
    default:
      return tools;
  }
}

function insert<T extends { id: number }>(list: readonly T[], item: T): T[] {
  return [...list.filter((other) => other.id !== item.id), item].sort((a, b) => a.id - b.id);
}

function inSpotlight(meeting: Meeting, who: readonly ParticipantId[]): Meeting {
  const { spotlights: _, ...rest } = meeting;
  return who.length === 0 ? rest : { ...rest, spotlights: [...who] };
}

function withBoard(meeting: Meeting, who: ParticipantId | undefined): Meeting {
  const { board: _, ...rest } = meeting;
  return who === undefined ? rest : { ...rest, board: who };
}

/** Who leaves is in no spotlight and shows no whiteboard any more. */
function withoutPerson(meeting: Meeting, who: ParticipantId): Meeting {
  const lit = meeting.spotlights?.includes(who) ? inSpotlight(meeting, meeting.spotlights.filter((other) => other !== who)) : meeting;
  return lit.board === who ? withBoard(lit, undefined) : lit;
}

/** Who comes to another room asks for no help any more. */
function put(p: Participant, place: Place | undefined): Participant {
  if (place === undefined) return p;
  const { room, assigned, help, ...rest } = p;
  return {
    ...rest,
    ...(place.room !== undefined && { room: place.room }),
    ...(place.assigned !== undefined && { assigned: place.assigned }),
    ...(help !== undefined && room === place.room && { help }),
  };
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
    case "help_changed": {
      const { help: _, ...rest } = p;
      return event.help === undefined ? rest : { ...rest, help: event.help };
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
