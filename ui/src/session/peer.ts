// When to make a peer connection, and what to tell the server about it: the twin of crates/session/src/peer.rs.
import type { Code, Offer, Publish, Slot } from "../generated/protocol";
import type { Session } from "./session";

/** An offer that is not answered for so long has failed, ms. */
const ANSWER_TIMEOUT = 10_000;
/** Views are sent at most this often, ms. */
const VIEW_INTERVAL = 100;
/** A peer connection that stood this long was a good one: its end is no repeated failure, ms. */
const GOOD_AFTER = 10_000;

interface View {
  slots: Slot[];
  max_bitrate?: number;
}

export class Peer {
  /** The server answered the offer of this generation, and nothing broke it since. */
  #stands = false;
  /** When to make a new one. */
  #due: number | undefined;
  /** When the offer in flight has waited long enough. */
  #offerUntil: number | undefined;
  /** An offer made while the connection was down. */
  #held: Offer | undefined;
  /** Failures since the last good one. */
  #failures = 0;
  #connectedAt: number | undefined;
  #view: string | undefined;
  #sentView: string | undefined;
  #viewAt = 0;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** `most`: bits per second the server may send; absent: what the link carries. */
  setView(slots: Slot[], most: number | undefined): void {
    this.#view = JSON.stringify({ slots, ...(most !== undefined && { max_bitrate: most }) } satisfies View);
  }

  /** The signaling connection was cut. An answer that was on its way is lost, and half a negotiation is none. */
  linkLost(): void {
    if (this.#offerUntil !== undefined) {
      this.#offerUntil = undefined;
      this.#stands = false;
    }
    this.#sentView = undefined;
  }

  /** `held`: the generation the server still has, 0 for none. */
  onWelcome(held: number, now: number): void {
    const own = this.#session.state.generation;
    if (held === 0 || held !== own || !this.#stands) {
      if (held > own) this.#session.set({ generation: held });
      this.#due = now;
    } else if (this.#held !== undefined) {
      const offer = this.#held;
      this.#held = undefined;
      this.#sendOffer(offer, now);
    }
  }

  #newPeer(): void {
    const generation = this.#session.state.generation + 1;
    this.#stands = false;
    this.#due = undefined;
    this.#offerUntil = undefined;
    this.#held = undefined;
    this.#connectedAt = undefined;
    this.#view = undefined;
    this.#sentView = undefined;
    this.#session.set({ generation, media: "connecting", slots: [] });
    this.#session.emit({ type: "new_peer", generation });
  }

  onLocalOffer(generation: number, sdp: string, publish: Publish[], now: number): void {
    if (generation !== this.#session.state.generation || this.#due !== undefined) return;
    for (const line of publish) this.#session.wishes.unpublish.delete(line.source);
    const offer = { generation, sdp, publish };
    if (this.#session.isUp) this.#sendOffer(offer, now);
    else this.#held = offer;
  }

  #sendOffer(offer: Offer, now: number): void {
    this.#session.ask({ type: "offer", ...offer }, { type: "offer" }, now);
    this.#offerUntil = now + ANSWER_TIMEOUT;
  }

  onAnswer(generation: number, sdp: string): void {
    if (generation !== this.#session.state.generation || this.#due !== undefined) return;
    this.#offerUntil = undefined;
    this.#stands = true;
    this.#session.emit({ type: "answer", generation, sdp });
  }

  onOfferFailed(code: Code, now: number): void {
    this.#session.emit({ type: "notice", notice: { type: "offer_failed", code } });
    this.onFailed(this.#session.state.generation, now);
  }

  onConnected(generation: number, now: number): void {
    const state = this.#session.state;
    if (generation !== state.generation || state.media === "connected") return;
    this.#connectedAt = now;
    this.#session.set({ media: "connected" });
  }

  /** The peer connection is of no use any more. A new one at once; after repeated failures after a pause. */
  onFailed(generation: number, now: number): void {
    if (generation !== this.#session.state.generation || generation === 0 || this.#due !== undefined) return;
    if (this.#connectedAt !== undefined && now - this.#connectedAt >= GOOD_AFTER) this.#failures = 0;
    this.#connectedAt = undefined;
    const pause = this.#failures === 0 ? 0 : 1000 * 2 ** Math.min(this.#failures - 1, 3);
    this.#failures += 1;
    this.#stands = false;
    this.#offerUntil = undefined;
    this.#due = now + pause;
    this.#session.forgetOffers();
    this.#session.set({ media: "connecting" });
  }

  /** What is due while the connection is up. */
  run(now: number): void {
    if (this.#offerUntil !== undefined && this.#offerUntil <= now) {
      this.onFailed(this.#session.state.generation, now);
    }
    if (this.#due !== undefined && this.#due <= now) this.#newPeer();
    if (this.#viewWaits() && this.#viewAt <= now) {
      const view = JSON.parse(this.#view ?? '{"slots":[]}') as View;
      this.#sentView = this.#view;
      this.#viewAt = now + VIEW_INTERVAL;
      this.#session.post({ type: "view", ...view }, now);
    }
  }

  /** Whether there is a view the server should have and has not. It has to know the slots first. */
  #viewWaits(): boolean {
    return (
      this.#stands && this.#offerUntil === undefined && this.#view !== undefined && this.#view !== this.#sentView
    );
  }

  wakeup(): number | undefined {
    const times = [this.#due, this.#offerUntil, this.#viewWaits() ? this.#viewAt : undefined];
    return earliest(times);
  }
}

export function earliest(times: readonly (number | undefined)[]): number | undefined {
  const set = times.filter((t) => t !== undefined);
  return set.length === 0 ? undefined : Math.min(...set);
}
