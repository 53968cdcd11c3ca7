// Which codec the own pictures are coded in: the best one that everybody who receives them decodes. The twin of
// crates/session/src/codec.rs; both are held to tests/data/codec.json.

import type { ParticipantId, Snapshot, VideoCodec } from "../generated/protocol";

/** Between two changes, milliseconds. The server follows no sooner than a second after the last one, and each costs a key frame. */
const HOLD_MS = 2000;

/** The sender's codec, as receivers come and go. */
export class CodecChoice {
  #current: VideoCodec;
  #changed: number | undefined;

  /** Begins with `first`. */
  constructor(first: VideoCodec) {
    this.#current = first;
  }

  get current(): VideoCodec {
    return this.#current;
  }

  /**
   * Looks at the room; the codec to send in from now on, where that is another one. To be called whenever the room changes and now
   * and then, since a change may have to wait. `encodes`: what the own side can send, best first. `now`: milliseconds.
   */
  update(encodes: readonly VideoCodec[], room: Snapshot, you: ParticipantId | undefined, now: number): VideoCodec | undefined {
    const others = room.participants.filter((p) => p.id !== you);
    const best = bestCodec(encodes, others.map((p) => p.decodes));
    const held = this.#changed !== undefined && now - this.#changed < HOLD_MS;
    if (best === undefined || best === this.#current || held) return undefined;
    this.#current = best;
    this.#changed = now;
    return best;
  }
}

/**
 * The first of `encodes` that most receivers decode, which is all of them where one codec does. Who decodes nothing looks at no
 * pictures and does not count. Undefined where `encodes` is empty.
 */
export function bestCodec(encodes: readonly VideoCodec[], receivers: readonly (readonly VideoCodec[])[]): VideoCodec | undefined {
  const counts = encodes.map((codec) => receivers.filter((decodes) => decodes.includes(codec)).length);
  return encodes[counts.indexOf(Math.max(...counts))];
}
