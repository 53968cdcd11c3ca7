// What the server is told about how well the others are heard, and when: the twin of crates/session/src/listening.rs.
import type { Listening } from "../generated/protocol";
import type { Session } from "./session";

/**
 * Told at most this often, ms, but for a minute that is full. While something stalls it is told so often even where
 * nothing changed, since the server forgets what it does not hear again.
 */
const INTERVAL = 5000;

export class Told {
  #last: { told: Listening; at: number } | undefined;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Another connection: maybe to a server that knows nothing. */
  forget(): void {
    this.#last = undefined;
  }

  note(listening: Listening): void {
    const before = this.#session.state.listening;
    if (before === undefined || !same(before, listening)) this.#session.set({ listening });
  }

  /** When there is something to say. */
  wakeup(): number | undefined {
    const listening = this.#session.state.listening;
    if (listening === undefined) return undefined;
    if (this.#last === undefined) return same(listening, NOTHING) ? undefined : 0;
    const { told, at } = this.#last;
    if (told.minutes !== listening.minutes) return 0;
    return !same(told, listening) || listening.stalled_permille > 0 ? at + INTERVAL : undefined;
  }

  /** What is due while the connection is up. */
  run(now: number): void {
    const listening = this.#session.state.listening;
    const due = this.wakeup();
    if (listening === undefined || due === undefined || due > now) return;
    this.#last = { told: listening, at: now };
    this.#session.post({ type: "listening", ...listening }, now);
  }
}

const NOTHING: Listening = { stalled_permille: 0, minutes: 0, fluent_minutes: 0 };

export function same(a: Listening, b: Listening): boolean {
  return a.stalled_permille === b.stalled_permille && a.minutes === b.minutes && a.fluent_minutes === b.fluent_minutes;
}
