// One participant of a meeting, as a state machine without sockets or clock: the twin of crates/session.
import type { Input, JoinOptions, Output, SavedSeat, SessionState } from "./face";

export type * from "./face";

export class Session {
  /** Replaced, never changed in place. */
  state: SessionState;
  readonly #options: JoinOptions;
  readonly #out: Output[] = [];

  constructor(options: JoinOptions) {
    this.#options = { ...options };
    this.state = {
      phase: { type: "idle" },
      own: { muted: ["microphone", "camera"], hand: false },
      speakers: [],
      quality: [],
      slots: [],
      outbox: [],
      media: "none",
      generation: 0,
    };
  }

  /** `nowMs`: milliseconds on a clock that only goes forward. */
  handle(_input: Input, _nowMs: number): void {}

  /** The next effect to carry out; call until undefined after every `handle`. */
  poll(): Output | undefined {
    return this.#out.shift();
  }

  /** When `timeout` shall be handled at the latest, on the same clock. */
  nextWakeup(): number | undefined {
    return undefined;
  }

  /** What a later session needs to take this seat again. */
  get seat(): SavedSeat | undefined {
    return this.#options.seat;
  }
}
