// The participant's state as the shell tells it, as views know it. Parts that did not change keep their identity, so that
// views redraw only what moved.

import type { CallState, DeskPatch, DeskState, Leading, LimitedTrack, LocalState as DeskLocal } from "../../generated/desk";
import type { ParticipantQuality } from "../../generated/protocol";
import type { LocalState, PortState } from "../port";

/** A window without a meeting. */
export const NOTHING: PortState = {
  phase: "idle", participants: [], chat: [], speakers: [], quality: new Map(), limited: new Map(), media: "none",
  local: {
    microphone: { on: false, starting: false }, camera: { on: false, starting: false }, screen: { on: false, starting: false },
    speaker: { choosable: true }, devices: [], canShare: false, soundBlocked: false,
  },
};

export function portState(state: DeskState): PortState {
  const { call, participants, chat, speakers, quality, limited, listening, leading, local } = state;
  return { ...callParts(call), ...leadingParts(leading), participants, chat, speakers, quality: qualityOf(quality), limited: limitedOf(limited), listening, local: localOf(local) };
}

export function patched(state: PortState, patch: DeskPatch): PortState {
  const { call, participants, chat, speakers, quality, limited, listening, leading, local } = patch;
  return {
    ...state,
    ...(call !== undefined && callParts(call)),
    ...(participants !== undefined && { participants }),
    ...(chat !== undefined && { chat }),
    ...(speakers !== undefined && { speakers }),
    ...(quality !== undefined && { quality: qualityOf(quality) }),
    ...(limited !== undefined && { limited: limitedOf(limited) }),
    ...(listening !== undefined && { listening }),
    ...(leading !== undefined && leadingParts(leading)),
    ...(local !== undefined && { local: localOf(local) }),
  };
}

/** All of them, so that what is no more is overwritten. */
function callParts({ phase, ended, reconnectingSince, you, meeting, media }: CallState) {
  return { phase, ended, reconnectingSince, you, meeting, media };
}

/** All of them, as above. */
function leadingParts({ waiting, lobby, tools, ownVotes, speakingTimes }: Leading) {
  return { waiting, lobby, tools, ownVotes, speakingTimes };
}

const qualityOf = (all: readonly ParticipantQuality[]) => new Map(all.map((q) => [q.participant, q.level]));
const limitedOf = (all: readonly LimitedTrack[]) => new Map(all.map((l) => [l.track, l.limited]));
const localOf = (local: DeskLocal): LocalState => ({ ...local, soundBlocked: false });
