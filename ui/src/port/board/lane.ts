// The client of the board's lane: opens, gathers and sends, resends after a cut, takes a fresh copy after a refusal. The socket, the
// clock and the timers are given, so that all of it runs in tests as it does in the browser.
import {
  BATCH_MS, Board, BoardDocument, fromSnapshot, presenceBytes, readShown, readUpdate, writeUpdate, type Level, type ObjectId, type Presence, type Replica, type Rights, type Shown,
} from "../../board";
import { Pace } from "./pace";
import { SecondWay } from "./second";
import { allowFrame, openFrame, pingFrame, presenceFrame, readFrame, updateFrame, type AuthorName, type FromServer, type LaneSeat, type Opened } from "./frames";

/** A connection; `close` may be called at any time, and then nothing is told any more. */
export interface Wire {
  send(frame: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface WireEvents {
  opened(): void;
  message(bytes: Uint8Array): void;
  closed(): void;
}

export interface World {
  dial(events: WireEvents): Wire;
  /** Of the newest welcome; undefined without a seat. */
  seat(): LaneSeat | undefined;
  /** Calls once after so many milliseconds; returns how not to. */
  after(ms: number, call: () => void): () => void;
  /** Below 1, for the spread of reconnections. */
  random(): number;
  /** Milliseconds of a clock that is never set. */
  now(): number;
}

export type LaneState = "opening" | "ready" | "offline" | "refused";

export interface LaneEvents {
  /** Objects changed; undefined: the whole board is another, as after a refusal. */
  changed(touched: readonly ObjectId[] | undefined): void;
  state(state: LaneState): void;
  shown(shown: Shown): void;
  /** What was drawn could not be kept; by the server's name for it (`board_locked`). */
  refused(name: string): void;
}

/** Presence goes at most this often. */
const PRESENCE_MS = 50;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** Silence after which the other side is not there. */
const SILENCE_MS = 20_000;
/** The same until the opening's board has come: it may be large, and the line slow. */
const OPENING_MS = 60_000;
/** No connection, or no answer to an opening, for so long is a dead connection. */
const PATIENCE_MS = 10_000;
/** After a refusal these may be sent again unchanged. */
const AGAIN = new Set(["too_fast", "board_gap"]);
/** After these the copy that is here is no use: another board, or a session the server does not know. */
const NEW_COPY = new Set(["board_moved", "board_new_copy"]);

export class Lane {
  /** The copy that is drawn on; another one after a refusal and at the first opening. */
  board: Board | undefined;
  level: Level = "view";
  state: LaneState = "opening";
  /** Why the server will not have us. */
  code: string | undefined;
  /** Which board it is, once opened. */
  name = "";
  /** Over a screen: whether who presents lets the others draw. */
  allowed = true;
  #allow: boolean | undefined;
  readonly authors = new Map<number, AuthorName>();
  #wire: Wire | undefined;
  #ready = false;
  #fresh = true;
  #closed = false;
  #tries = 0;
  #sending: (() => void) | undefined;
  /** An update went within the last BATCH_MS. */
  #resting: (() => void) | undefined;
  #retrying: (() => void) | undefined;
  #patience: (() => void) | undefined;
  #showing: (() => void) | undefined;
  #ping: (() => void) | undefined;
  #silence: (() => void) | undefined;
  #pace: Pace;
  #second: SecondWay | undefined;
  #pending = new Map<string, Presence>();
  #opened: Opened | undefined;

  constructor(
    /** Empty: the board of where one is. */
    private readonly wanted: string,
    private readonly world: World,
    private readonly events: LaneEvents,
  ) {
    this.#pace = new Pace(world.now());
    this.#dial();
  }

  get rights(): Rights {
    return { author: this.board?.replica.author ?? 0, level: this.level };
  }

  get replica(): Replica | undefined {
    return this.board?.replica;
  }

  /** Something was written: it goes at once (with what else is written in this turn), or within BATCH_MS where something just went. */
  wrote(): void {
    if (!this.#ready || this.#sending) return;
    this.#sending = this.world.after(this.#resting ? BATCH_MS : 0, () => this.#send());
  }

  /** The newest of a sort replaces one not sent yet. Offline it is dropped. */
  show(presence: Presence): void {
    if (!this.#ready) return;
    // Points of a stroke in the making are numbered, so a newer message that begins earlier covers an older one.
    this.#pending.delete(presence.is);
    this.#pending.set(presence.is, presence);
    this.#showing ??= this.world.after(PRESENCE_MS, () => this.#sendPresence());
  }

  /** Of who presents: lets the others draw or forbids it, also after a cut. */
  allow(allowed: boolean): void {
    this.#allow = allowed;
    if (this.#ready) this.#say(allowFrame(allowed));
  }

  close(): void {
    if (this.#ready) this.#send();
    this.#closed = true;
    this.#stopTimers();
    this.#retrying?.();
    this.#second?.close();
    this.#wire?.close();
    this.#wire = undefined;
  }

  #stopTimers(): void {
    for (const stop of [this.#sending, this.#resting, this.#patience, this.#showing, this.#ping, this.#silence]) stop?.();
    this.#sending = this.#resting = this.#patience = this.#showing = this.#ping = this.#silence = undefined;
  }

  #dial(): void {
    this.#retrying = undefined;
    let mine: Wire | undefined = undefined;
    const current = () => !this.#closed && (mine === undefined || this.#wire === mine);
    mine = this.world.dial({
      opened: () => current() && this.#hello(),
      message: (bytes) => current() && this.#take(bytes),
      closed: () => current() && this.#lost(),
    });
    this.#wire = mine;
    this.#patience = this.world.after(PATIENCE_MS, () => this.#lost());
  }

  #hello(): void {
    const seat = this.world.seat();
    if (!seat) return this.#lost("bad_secret");
    const copy = this.board && !this.#fresh ? { replica: this.board.replica, vector: this.board.document.vector } : undefined;
    this.#pace = new Pace(this.world.now());
    this.#say(openFrame(seat, this.wanted, copy));
    this.#listen();
  }

  #say(frame: Uint8Array<ArrayBuffer>): void {
    this.#wire?.send(frame);
    this.#busy();
  }

  /** Something came or went: pings tell how well. */
  #busy(): void {
    this.#pace.busy(this.world.now());
    this.#pingWhenDue();
  }

  #pingWhenDue(): void {
    this.#ping?.();
    if (!this.#ready) return;
    this.#ping = this.world.after(Math.max(0, this.#pace.due - this.world.now()), () => {
      this.#pace.asked(this.world.now());
      this.#wire?.send(pingFrame());
      this.#pingWhenDue();
    });
  }

  #listen(): void {
    this.#silence?.();
    this.#silence = this.world.after(this.#ready ? SILENCE_MS : OPENING_MS, () => this.#lost());
  }

  #lost(final?: string): void {
    this.#stopTimers();
    this.#pending.clear();
    this.#ready = false;
    this.#opened = undefined;
    this.#second?.close();
    this.#second = undefined;
    const wire = this.#wire;
    this.#wire = undefined;
    wire?.close();
    if (final !== undefined) {
      this.code = final;
      this.#become("refused");
      return;
    }
    this.#become(this.board ? "offline" : "opening");
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, this.#tries++));
    this.#retrying = this.world.after(wait * (0.5 + this.world.random() / 2), () => this.#dial());
  }

  #become(state: LaneState): void {
    if (this.state === state) return;
    this.state = state;
    this.events.state(state);
  }

  #take(bytes: Uint8Array): void {
    this.#listen();
    try {
      const message = readFrame(bytes);
      if (message.is === "pong") this.#ponged();
      else {
        this.#busy();
        this.#hear(message);
      }
    } catch {
      // Bytes that can't be read leave nothing to build on: a new connection gets all anew.
      this.#fresh = true;
      this.#lost();
    }
  }

  #ponged(): void {
    this.#pace.answered(this.world.now());
    this.#pingWhenDue();
    if (this.#second || !this.#ready || !this.board || !this.#pace.isSlow) return;
    this.#second = new SecondWay(
      this.world,
      {
        // So that nothing the server lacks comes over the first alone.
        opened: () => {
          this.board?.resend();
          this.#send();
        },
        heard: (message) => this.#more(message),
        closed: () => {
          this.#second = undefined;
          this.#pace.forget();
        },
      },
      this.name,
      this.board.replica,
    );
  }

  /** What came by the second way. */
  #more(message: FromServer): void {
    if (message.is === "changes") this.events.changed(this.#receive(message.body));
    else if (message.is === "acknowledged") this.#acknowledged(message.next);
  }

  #acknowledged(next: number): void {
    this.board?.acknowledge(next);
    this.events.changed([]);
  }

  /** Takes changes of others; gives the objects they touched. */
  #receive(body: Uint8Array): ObjectId[] {
    const changes = body.length === 0 ? [] : readUpdate(body);
    return changes.flatMap((change) => {
      const applied = this.board?.receive(change);
      return applied?.is === "now" ? applied.touched : [];
    });
  }

  #hear(message: FromServer): void {
    switch (message.is) {
      case "opened":
        this.#patience?.();
        this.#patience = undefined;
        this.#opened = message.opened;
        this.name = message.opened.board;
        this.#setLevel(message.opened.level);
        return;
      case "snapshot":
        return this.#snapshot(message.body);
      case "changes":
        return this.#changes(message.body);
      case "acknowledged":
        return this.#acknowledged(message.next);
      case "refused":
        return this.#refused(message.name, message.next, message.wait);
      case "rights":
        return this.#setLevel(message.level);
      case "shown":
        return this.events.shown(readShown(message.body));
      case "closed":
        this.#fresh ||= NEW_COPY.has(message.code);
        return this.#lost(message.again ? undefined : message.code);
      case "authors":
        for (const known of message.authors) this.authors.set(known.author, known);
        return this.events.changed([]);
      case "allowed":
        this.allowed = message.allowed;
        return this.events.changed([]);
      case "hash":
      case "pong":
        return;
    }
  }

  #setLevel(level: Level): void {
    this.level = level;
    this.events.changed([]);
  }

  /** The first answer after `opened` makes the copy ready: what it lacked is in it. */
  #settle(): void {
    const opened = this.#opened;
    if (!opened) return;
    this.#opened = undefined;
    this.#ready = true;
    this.#tries = 0;
    this.#fresh = false;
    this.#listen();
    this.#pingWhenDue();
    this.board?.acknowledge(opened.next);
    this.board?.resend();
    this.#become("ready");
    if (this.#allow !== undefined) this.#say(allowFrame(this.#allow));
    this.#send();
  }

  /** Whether the copy that is here can go on under the numbers the server gave. */
  #goesOn(replica: Replica): boolean {
    return !this.#fresh && this.board?.replica.author === replica.author && this.board.replica.session === replica.session;
  }

  #snapshot(body: Uint8Array): void {
    const opened = this.#opened;
    if (opened && !this.#goesOn(opened.replica)) {
      this.board = new Board(opened.replica, fromSnapshot(body));
      this.#settle();
      return this.events.changed(undefined);
    }
    const touched = this.board?.receiveSnapshot(body) ?? [];
    this.#settle();
    this.events.changed(touched);
  }

  #changes(body: Uint8Array): void {
    const opened = this.#opened;
    if (opened && !this.#goesOn(opened.replica)) this.board = new Board(opened.replica, new BoardDocument());
    const touched = this.#receive(body);
    const whole = opened !== undefined;
    this.#settle();
    this.events.changed(whole ? undefined : touched);
  }

  #refused(name: string, next: number, wait: number): void {
    if (AGAIN.has(name)) {
      this.board?.acknowledge(next);
      this.board?.resend();
      this.#sending?.();
      this.#sending = this.world.after(Math.max(BATCH_MS, wait), () => this.#send());
      return;
    }
    // This copy has writes nobody else has: a new one is taken, under a new session number.
    this.events.refused(name);
    this.#fresh = true;
    this.#lost();
  }

  #send(): void {
    this.#sending?.();
    this.#sending = undefined;
    if (!this.#ready || !this.board) return;
    const frames: Uint8Array<ArrayBuffer>[] = [];
    for (let batch = this.board.takeUpdate(); batch.length > 0; batch = this.board.takeUpdate()) frames.push(updateFrame(writeUpdate(batch)));
    for (const frame of frames) {
      this.#say(frame);
      this.#second?.say(frame);
    }
    if (frames.length === 0) return;
    this.#resting?.();
    this.#resting = this.world.after(BATCH_MS, () => (this.#resting = undefined));
  }

  #sendPresence(): void {
    this.#showing = undefined;
    if (!this.#ready) return;
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const presence of all) this.#say(presenceFrame(presenceBytes(presence)));
  }
}
