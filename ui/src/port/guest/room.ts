// The session's state as the port tells it to the views. Parts that did not change keep their identity, so that views
// redraw only what moved.

import type { ParticipantQuality, SlotState } from "../../generated/protocol";
import type { InLobby, SessionState } from "../../session/session";
import type { ChatEntry, EndReason, Limited, LobbyWait, LocalState, ParticipantId, Phase, PortState, QualityLevel, TrackId } from "../port";

export const NOBODY: SessionState = {
  phase: { type: "idle" }, own: { muted: ["microphone", "camera"], hand: false }, speakers: [], quality: [], slots: [], layers_wanted: [], voice_loss: { percent: 0, burst: 0 }, outbox: [], media: "none", generation: 0,
};

export class RoomView {
  readonly #quality = remembered((all: readonly ParticipantQuality[]) => new Map<ParticipantId, QualityLevel>(all.map((q) => [q.participant, q.level])));
  readonly #limited = remembered((slots: readonly SlotState[]) =>
    new Map<TrackId, Limited>(slots.flatMap((s) => (s.track === undefined ? [] : [[s.track, limitOf(s)] as const]))));
  #chat: { room: unknown; asides: unknown; outbox: unknown; entries: ChatEntry[] } = { room: undefined, asides: undefined, outbox: undefined, entries: [] };

  /** `wallMs - clockMs` turns the session's clock into milliseconds since 1970. */
  read(session: SessionState, local: LocalState, wasIn: boolean, wallMs: number, clockMs: number): PortState {
    const { phase, room, you } = session;
    const ended: EndReason | undefined = phase.type === "ended" ? (phase.code ?? "left") : undefined;
    return {
      phase: phaseOf(phase.type, wasIn),
      ...(ended !== undefined && { ended }),
      ...(phase.type === "reconnecting" && { reconnectingSince: wallMs - clockMs + phase.since_ms }),
      ...(you !== undefined && { you }),
      ...(room !== undefined && { meeting: room.meeting }),
      ...(session.waiting !== undefined && { waiting: lobbyWait(session.waiting, wallMs - clockMs) }),
      ...(session.lobby !== undefined && { lobby: session.lobby }),
      ...(room?.tools !== undefined && { tools: room.tools }),
      ...(session.own_votes !== undefined && { ownVotes: session.own_votes }),
      ...(session.speaking_times !== undefined && { speakingTimes: session.speaking_times }),
      participants: room?.participants ?? [],
      chat: this.#readChat(session, wallMs),
      speakers: session.speakers,
      quality: this.#quality(session.quality),
      limited: this.#limited(session.slots),
      ...(session.listening !== undefined && { listening: session.listening }),
      media: session.media,
      local,
    };
  }

  /** What was said to all and what was said aside, in one order. */
  #readChat({ room, asides, outbox, you }: SessionState, wallMs: number): ChatEntry[] {
    if (this.#chat.room === room?.chat && this.#chat.asides === asides && this.#chat.outbox === outbox) return this.#chat.entries;
    const name = room?.participants.find((p) => p.id === you)?.name ?? "";
    const kept = [...(room?.chat ?? []), ...(asides ?? [])].sort((a, b) => a.id - b.id).map((m) => ({ ...m, pending: false }));
    const waiting = outbox.map((m) => ({ ...m, id: Number.MAX_SAFE_INTEGER, from: you ?? 0, name, at: wallMs, pending: true }));
    this.#chat = { room: room?.chat, asides, outbox, entries: [...kept, ...waiting] };
    return this.#chat.entries;
  }
}

/** `offsetMs` turns the session's clock into this computer's; the server's may be another. */
function lobbyWait({ title, starts_at, server_time, at_ms, place }: InLobby, offsetMs: number): LobbyWait {
  const ahead = offsetMs + at_ms - server_time;
  return { title, ...(starts_at !== undefined && { startsAt: Math.round(starts_at + ahead) }), position: place.position, reason: place.reason };
}

/** A smaller picture than one would like is a picture: only none at all is worth telling. */
function limitOf(slot: SlotState): Limited {
  return slot.limited !== "codec" && slot.height > 0 ? "no" : slot.limited;
}

/** While getting back in, the session connects and joins again; for the views that is still reconnecting. */
function phaseOf(phase: SessionState["phase"]["type"], wasIn: boolean): Phase {
  if (phase === "connecting" || phase === "joining") return wasIn ? "reconnecting" : "connecting";
  return phase;
}

/** Computes anew only for a new argument. */
function remembered<A extends object, R>(compute: (a: A) => R): (a: A) => R {
  let last: { of: A; is: R } | undefined;
  return (of) => {
    if (last?.of !== of) last = { of, is: compute(of) };
    return last.is;
  };
}
