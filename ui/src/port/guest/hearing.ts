// How well this guest hears the others, out of the browser's statistics: which of the sound it played it made up because
// nothing had come, and whether that lasted so long that a listener misses words.

import type { Listening, Participant } from "../../generated/protocol";
import type { SessionState } from "../../session/session";
import { inRoomOf } from "../../state/breakout";
import { Fluency } from "../../state/fluency";
import type { TrackId } from "../port";
import { number, type Report } from "./stats";

/** Made-up sound of this length and more is a stall, milliseconds. */
const STALL_MS = 200;
/** What browsers count sound in. */
const SAMPLES_PER_MS = 48;

/** A voice as the last look found it. */
interface Look {
  concealed: number;
  events: number;
  /** Sound made up in the run that goes on, milliseconds. */
  run: number;
  /** Its owner was there and not muted. */
  audible: boolean;
}

export class Hearing {
  readonly #fluency = new Fluency();
  #looks = new Map<TrackId, Look>();
  #wasConnected = false;
  #last: number | undefined;

  /** To be called twice a second. `trackOf`: which track an m-line carries. */
  look(report: Report, session: SessionState, trackOf: (mid: string) => TrackId | undefined, nowMs: number): Listening {
    const audible = audibleTracks(session);
    const looks = new Map<TrackId, Look>();
    let longest = 0;
    for (const [, entry] of report) {
      if (entry["type"] !== "inbound-rtp" || entry["kind"] !== "audio") continue;
      const track = trackOf(String(entry["mid"] ?? ""));
      if (track === undefined) continue;
      const before = this.#looks.get(track);
      const { stalled, look } = lookAt(entry, before, audible.has(track));
      looks.set(track, look);
      longest = Math.max(longest, stalled);
    }
    this.#looks = looks;
    this.#wasConnected ||= session.media === "connected";
    const passed = Math.max(0, nowMs - (this.#last ?? nowMs));
    this.#last = nowMs;
    // While the peer connection is being made anew nobody is heard.
    if (session.media !== "connected" && this.#wasConnected) longest = passed;
    this.#fluency.update(longest, audible.size > 0, nowMs);
    return this.#fluency.listening;
  }
}

/**
 * A concealment that began before the last look goes on as long as no new one is counted. What browsers call silent
 * belongs to it: they fade out what they make up, and voices here are sent without pauses. What a mute leaves behind
 * does not.
 */
function lookAt(entry: Record<string, unknown>, before: Look | undefined, audible: boolean): { stalled: number; look: Look } {
  const concealed = number(entry["concealedSamples"]);
  const events = number(entry["concealmentEvents"]);
  const look: Look = { concealed, events, run: 0, audible };
  const isFollowed = before !== undefined && before.audible && audible && concealed >= before.concealed && events >= before.events;
  if (!isFollowed) return { stalled: 0, look };
  const ms = (concealed - before.concealed) / SAMPLES_PER_MS;
  if (ms === 0) return { stalled: 0, look };
  const begun = events - before.events;
  if (begun === 0) {
    look.run = before.run + ms;
    if (look.run < STALL_MS) return { stalled: 0, look };
    return { stalled: before.run < STALL_MS ? look.run : ms, look };
  }
  // Of several, each is taken as long as the others.
  look.run = ms / begun;
  return { stalled: look.run >= STALL_MS ? ms : 0, look };
}

/** Voices and sounds of others that should be coming in now. */
function audibleTracks({ room, you }: SessionState): Set<TrackId> {
  const others = inRoomOf(room?.participants ?? [], you).filter((p) => p.id !== you && p.presence === "connected");
  // Who is silent for another device in its room sends nothing.
  const open = (p: Participant) => p.tracks.filter((t) =>
    (t.source === "screen_audio" || (t.source === "microphone" && p.same_room === undefined)) && !p.muted.includes(t.source));
  return new Set(others.flatMap((p) => open(p).map((t) => t.id)));
}
