// The bytes of a board's pictures, up and down, over a connection of their own that is opened when one is wanted and closed when
// none has been for a while. The socket, the seat and the timers are given, as to the lane.
import { MAX_PICTURE_BYTES, MAX_PICTURE_PIECE, PICTURE_WINDOW } from "../../board/limits";
import { getFrame, openPicturesFrame, pieceFrame, putFrame, readPictureFrame, type PictureAnswer } from "./pictureframes";
import type { Wire, World } from "./lane";

export type Done<T> = { ok: true; value: T } | { ok: false; code: string };

export interface Pictures {
  /** The bytes with this SHA-256. `not_found`: the board has none such. */
  get(sha256: Uint8Array): Promise<Done<Uint8Array<ArrayBuffer>>>;
  /** Keeps a picture with the board; `progress` from 0 to 1. */
  put(sha256: Uint8Array, bytes: Uint8Array, name: string, progress?: (share: number) => void): Promise<Done<void>>;
  close(): void;
}

interface Get {
  is: "get";
  sha256: Uint8Array;
  bytes: Uint8Array<ArrayBuffer> | undefined;
  at: number;
  done: (result: Done<Uint8Array<ArrayBuffer>>) => void;
}

interface Put {
  is: "put";
  sha256: Uint8Array;
  bytes: Uint8Array;
  name: string;
  sent: number;
  progress: (share: number) => void;
  done: (result: Done<void>) => void;
}

type Ask = Get | Put;

/** Asked for at once, so that not each costs a way there and back. */
const MOST_AT_ONCE = 4;
const IDLE_MS = 10_000;
/** Nothing heard for so long while something is awaited is a dead connection. */
const SILENCE_MS = 20_000;
const RETRY_MS = 1000;
const TRIES = 4;

export class PictureLine implements Pictures {
  #wire: Wire | undefined;
  #ready = false;
  #waiting: Ask[] = [];
  /** Said and not answered yet, in order. */
  #said: Ask[] = [];
  #tries = 0;
  #closed = false;
  #idle: (() => void) | undefined;
  #silence: (() => void) | undefined;
  #retry: (() => void) | undefined;

  constructor(
    /** Empty: the board of where one is. */
    private readonly board: () => string,
    private readonly world: World,
  ) {}

  get(sha256: Uint8Array): Promise<Done<Uint8Array<ArrayBuffer>>> {
    return new Promise((done) => this.#ask({ is: "get", sha256, bytes: undefined, at: 0, done }));
  }

  put(sha256: Uint8Array, bytes: Uint8Array, name: string, progress: (share: number) => void = () => undefined): Promise<Done<void>> {
    return new Promise((done) => this.#ask({ is: "put", sha256, bytes, name, sent: 0, progress, done }));
  }

  close(): void {
    this.#closed = true;
    this.#drop();
    this.#fail("cancelled");
  }

  #ask(ask: Ask): void {
    if (this.#closed) return ask.done({ ok: false, code: "cancelled" });
    this.#waiting.push(ask);
    this.#go();
  }

  #go(): void {
    if (this.#waiting.length === 0 && this.#said.length === 0) return this.#rest();
    this.#idle?.();
    this.#idle = undefined;
    if (!this.#wire) return this.#retry === undefined ? this.#dial() : undefined;
    if (!this.#ready) return;
    for (let next = this.#waiting[0]; next && this.#mayFollow(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#said.push(next);
      this.#wire.send(next.is === "get" ? getFrame(next.sha256) : putFrame(next.sha256, next.bytes.length, next.name));
    }
    this.#listen();
  }

  /** What goes up goes alone: pieces say nothing of whose they are. */
  #mayFollow(next: Ask): boolean {
    return this.#said.length === 0 || (next.is === "get" && this.#said.length < MOST_AT_ONCE && this.#said.every((ask) => ask.is === "get"));
  }

  #dial(): void {
    const seat = this.world.seat();
    if (!seat) return this.#fail("bad_secret");
    const wire: Wire = this.world.dial({
      opened: () => this.#wire === wire && wire.send(openPicturesFrame(seat, this.board())),
      message: (bytes) => this.#wire === wire && this.#hear(bytes),
      closed: () => this.#wire === wire && this.#lost(),
    });
    this.#wire = wire;
    this.#listen();
  }

  #hear(bytes: Uint8Array): void {
    let answer: PictureAnswer;
    try {
      answer = readPictureFrame(bytes);
    } catch {
      return this.#lost();
    }
    if (answer.is === "closed") {
      if (answer.again) return this.#lost();
      this.#drop();
      return this.#fail(answer.code);
    }
    if (answer.is === "opened") this.#ready = true;
    else if (!this.#answered(answer)) return this.#lost();
    this.#go();
  }

  /** False: the answer fits nothing that was asked. */
  #answered(answer: Exclude<PictureAnswer, { is: "opened" | "closed" }>): boolean {
    const ask = this.#said[0];
    if (!ask) return false;
    if (answer.is === "refused") {
      this.#said.shift();
      this.#tries = 0;
      ask.done({ ok: false, code: answer.code });
      return true;
    }
    const fits = ask.is === "put" ? this.#up(ask, answer) : this.#down(ask, answer);
    if (fits) this.#tries = 0;
    return fits;
  }

  #up(ask: Put, answer: PictureAnswer): boolean {
    if (answer.is === "kept") {
      this.#said.shift();
      ask.progress(1);
      ask.done({ ok: true, value: undefined });
      return true;
    }
    if (answer.is !== "took") return false;
    ask.progress(answer.bytes / ask.bytes.length);
    while (ask.sent < ask.bytes.length && ask.sent < answer.bytes + PICTURE_WINDOW) {
      const piece = ask.bytes.subarray(ask.sent, ask.sent + MAX_PICTURE_PIECE);
      ask.sent += piece.length;
      this.#wire?.send(pieceFrame(piece));
    }
    return true;
  }

  #down(ask: Get, answer: PictureAnswer): boolean {
    if (answer.is === "found") {
      if (answer.size === 0 || answer.size > MAX_PICTURE_BYTES) return false;
      [ask.bytes, ask.at] = [new Uint8Array(answer.size), 0];
      return true;
    }
    if (answer.is !== "piece" || !ask.bytes || ask.at + answer.piece.length > ask.bytes.length) return false;
    ask.bytes.set(answer.piece, ask.at);
    ask.at += answer.piece.length;
    if (ask.at === ask.bytes.length) {
      this.#said.shift();
      ask.done({ ok: true, value: ask.bytes });
    }
    return true;
  }

  /** The connection is gone, and what was asked is asked again. */
  #lost(): void {
    this.#drop();
    this.#waiting.unshift(...this.#said);
    this.#said = [];
    for (const ask of this.#waiting) if (ask.is === "put") ask.sent = 0;
    if (this.#waiting.length === 0) return;
    this.#tries += 1;
    if (this.#tries >= TRIES) return this.#fail("unreachable");
    this.#retry = this.world.after(RETRY_MS * 2 ** (this.#tries - 1), () => {
      this.#retry = undefined;
      this.#go();
    });
  }

  #drop(): void {
    const wire = this.#wire;
    this.#wire = undefined;
    this.#ready = false;
    for (const stop of [this.#idle, this.#silence, this.#retry]) stop?.();
    this.#idle = this.#silence = this.#retry = undefined;
    wire?.close();
  }

  #fail(code: string): void {
    const all = [...this.#said, ...this.#waiting];
    [this.#said, this.#waiting, this.#tries] = [[], [], 0];
    for (const ask of all) ask.done({ ok: false, code });
  }

  #listen(): void {
    this.#silence?.();
    this.#silence = this.world.after(SILENCE_MS, () => this.#lost());
  }

  #rest(): void {
    this.#silence?.();
    this.#silence = undefined;
    if (this.#wire && this.#idle === undefined) this.#idle = this.world.after(IDLE_MS, () => this.#drop());
  }
}
