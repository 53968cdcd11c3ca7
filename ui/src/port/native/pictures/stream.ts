// One stream in the picture worker: units into a decoder, the latest picture onto every canvas that hangs. Credit goes back to the
// app as soon as a picture is decoded or replaced, so that slow drawing makes pictures be left out and never wait.

import { codecOf } from "./codec";
import { Recent } from "./figures";
import type { StreamFigures } from "./talk";
import { HEADER, type Header } from "./wire";

/** Units on their way at once: a decoder's depth and the trip here and back. */
export const UNIT_CREDIT = 6;
/** Pictures on their way at once: one being drawn, one behind it. */
export const PICTURE_CREDIT = 2;

/** I420 planes as they came, without a copy. */
export interface Planes {
  data: Uint8Array;
  width: number;
  height: number;
}

/** A picture that can be drawn once it is its turn. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly source: VideoFrame | Planes;
  close(): void;
}

/** Something to draw on. */
export interface Easel {
  draw(picture: Picture): void;
}

/** The part of WebCodecs that is used. */
export interface Decoder {
  decode(key: boolean, timestamp: number, data: Uint8Array): void;
  close(): void;
}

/** What a stream needs of its worker. */
export interface Studio {
  /** `timestamp` comes back with each picture. */
  decoder(codec: string, output: (picture: Picture, timestamp: number) => void, failed: () => void): Decoder;
  /** The app may send so many more. */
  credit(stream: number, count: number): void;
  /** The decoder lost its way. */
  needKey(stream: number): void;
  /** The stream has something to draw; `draw` is called, now or in the next animation frame. */
  due(stream: Stream): void;
  /** Microseconds since 1970. */
  now(): number;
}

export class Stream {
  readonly id: number;
  readonly #studio: Studio;
  readonly #easels = new Map<number, Easel>();
  #decoder: Decoder | undefined;
  #codec = "";
  /** Units the decoder holds. */
  #inside = 0;
  #pending: { picture: Picture; ready: number } | undefined;
  /** Stays for canvases that come later. */
  #last: Picture | undefined;
  readonly #latency = new Recent();
  readonly #arrival = new Recent();
  readonly #counted = { received: 0, bytes: 0, decoded: 0, drawn: 0, dropped: 0, errors: 0, width: 0, height: 0 };

  constructor(id: number, studio: Studio) {
    this.id = id;
    this.#studio = studio;
  }

  /** A message of the app. */
  feed(header: Header, message: ArrayBuffer): void {
    this.#counted.received += 1;
    this.#counted.bytes += message.byteLength;
    this.#arrival.add((this.#studio.now() - header.ready) / 1000);
    const data = new Uint8Array(message, HEADER);
    if (header.kind === "i420") this.#planes(header, data);
    else this.#unit(header, data);
  }

  /** The stream is hidden, or the app is gone: the next unit is a key frame. */
  rest(): void {
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#inside = 0;
    this.#setPending(undefined);
  }

  /** Frees everything. */
  close(): void {
    this.rest();
    this.#last?.close();
    this.#last = undefined;
    this.#easels.clear();
  }

  hang(id: number, easel: Easel): void {
    this.#easels.set(id, easel);
    if (this.#last !== undefined && this.#pending === undefined) easel.draw(this.#last);
  }

  takeDown(id: number): void {
    this.#easels.delete(id);
  }

  get isBare(): boolean {
    return this.#easels.size === 0;
  }

  /** Draws what is due; whether there was something. */
  draw(): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    this.#pending = undefined;
    this.#latency.add((this.#studio.now() - pending.ready) / 1000);
    for (const easel of this.#easels.values()) easel.draw(pending.picture);
    this.#counted.drawn += 1;
    this.#last?.close();
    this.#last = pending.picture;
    if (!isFrame(pending.picture.source)) this.#studio.credit(this.id, 1);
    return true;
  }

  figures(): StreamFigures {
    const { percentile: latency } = bound(this.#latency);
    const { percentile: arrival } = bound(this.#arrival);
    return {
      stream: this.id,
      ...this.#counted,
      latencyP50: latency(0.5),
      latencyP95: latency(0.95),
      arrivalP50: arrival(0.5),
      arrivalP95: arrival(0.95),
    };
  }

  #planes(header: Header, data: Uint8Array): void {
    const { width, height } = header;
    if (width === 0 || height === 0 || data.length !== (width * height * 3) / 2) {
      this.#counted.errors += 1;
      this.#studio.credit(this.id, 1);
      return;
    }
    const picture = { width, height, source: { data, width, height }, close: () => {} };
    this.#offer(picture, header.ready);
  }

  #unit(header: Header, data: Uint8Array): void {
    if (this.#decoder === undefined || header.keyframe) {
      const codec = header.keyframe ? codecOf(header.kind, data) : undefined;
      if (codec === undefined) {
        // Left over from before the stream was hidden, or a key frame without its parameters.
        this.#counted.dropped += 1;
        this.#studio.credit(this.id, 1);
        if (header.keyframe) this.#studio.needKey(this.id);
        return;
      }
      if (this.#decoder === undefined || codec !== this.#codec) this.#begin(codec);
    }
    this.#inside += 1;
    try {
      this.#decoder?.decode(header.keyframe, header.ready, data);
    } catch {
      this.#fail();
    }
  }

  #begin(codec: string): void {
    this.#giveBack(this.#inside);
    this.#decoder?.close();
    this.#codec = codec;
    let mine: Decoder | undefined;
    const isMine = () => mine !== undefined && mine === this.#decoder;
    mine = this.#studio.decoder(
      codec,
      (picture, ready) => {
        if (!isMine()) return picture.close();
        this.#counted.decoded += 1;
        this.#giveBack(1);
        this.#offer(picture, ready);
      },
      () => isMine() && this.#fail(),
    );
    this.#decoder = mine;
  }

  #fail(): void {
    this.#counted.errors += 1;
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#giveBack(this.#inside);
    this.#studio.needKey(this.id);
  }

  #giveBack(count: number): void {
    const credit = Math.min(count, this.#inside);
    this.#inside -= credit;
    if (credit > 0) this.#studio.credit(this.id, credit);
  }

  #offer(picture: Picture, ready: number): void {
    this.#counted.width = picture.width;
    this.#counted.height = picture.height;
    this.#setPending({ picture, ready });
    this.#studio.due(this);
  }

  #setPending(next: { picture: Picture; ready: number } | undefined): void {
    const old = this.#pending;
    this.#pending = next;
    if (old === undefined) return;
    this.#counted.dropped += 1;
    old.picture.close();
    if (!isFrame(old.picture.source)) this.#studio.credit(this.id, 1);
  }
}

export function isFrame(source: VideoFrame | Planes): source is VideoFrame {
  return !("data" in source);
}

function bound(recent: Recent): { percentile: (share: number) => number } {
  return { percentile: (share) => Math.round(recent.percentile(share) * 10) / 10 };
}
