// Pictures onto canvases, in a worker or in the page: what the app sends, who decodes and draws it, what is on screen.

import { webCodecs } from "./decoder";
import { Link } from "./link";
import { CanvasEasel } from "./paint";
import { probe } from "./probe";
import { PICTURE_CREDIT, Stream, type Studio, UNIT_CREDIT } from "./stream";
import type { FromWorker, Plan, ToWorker, Wanted } from "./talk";
import { type Shown, isOwn, readHeader } from "./wire";

interface Canvas {
  stream: number;
  easel: CanvasEasel;
}

export class Engine {
  readonly #post: (message: FromWorker) => void;
  readonly #streams = new Map<number, Stream>();
  readonly #canvases = new Map<number, Canvas>();
  readonly #studio: Studio;
  #plan: Plan = { mode: "units", painter: "2d", thread: "worker" };
  #link: Link | undefined;
  #address: string | undefined;
  #wanted: readonly Wanted[] = [];
  #drawing = false;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
    this.#studio = {
      decoder: webCodecs,
      credit: (stream, count) => this.#link?.credit(stream, count),
      needKey: (stream) => this.#link?.say({ type: "key", stream }),
      due: () => this.#due(),
      now: () => (performance.timeOrigin + performance.now()) * 1000,
    };
  }

  hear(message: ToWorker): void {
    switch (message.type) {
      case "start":
        this.#plan = message.plan;
        this.#address = message.url === undefined ? undefined : `${message.url}?token=${message.token}`;
        return this.#connect(message.url === undefined);
      case "way":
        this.#link?.stop();
        return this.#connect(message.carried);
      case "app":
        return this.#link?.receive(message.message);
      case "canvas": {
        const painter = this.#plan.mode === "units" && !isOwn(message.stream) ? "2d" : this.#plan.painter;
        this.#canvases.set(message.id, { stream: message.stream, easel: new CanvasEasel(message.canvas, painter) });
        return;
      }
      case "hang":
        return this.#hang(message.id, message.on);
      case "forget":
        this.#hang(message.id, false);
        this.#canvases.get(message.id)?.easel.close();
        return void this.#canvases.delete(message.id);
      case "size":
        return this.#canvases.get(message.id)?.easel.size(message.width, message.height);
      case "show":
        return this.#show(message.streams);
      case "stats": {
        const streams = [...this.#streams.values()].map((stream) => stream.figures());
        const stats = { ...this.#plan, connected: this.#link?.isUp ?? false, connections: this.#link?.connections ?? 0, streams };
        return this.#post({ type: "stats", ask: message.ask, stats });
      }
      case "probe":
        void probe().then((rates) => this.#post({ type: "probe", ask: message.ask, rates }));
        return;
      case "stop":
        this.#link?.stop();
        for (const stream of this.#streams.values()) stream.close();
        this.#streams.clear();
    }
  }

  #connect(carried: boolean): void {
    const address = this.#address;
    const way =
      carried || address === undefined
        ? { carry: (text: string) => this.#post({ type: "say", text }) }
        : { socket: () => new WebSocket(address) };
    this.#link = new Link(way, {
      connected: (on) => {
        for (const stream of this.#streams.values()) stream.rest();
        this.#post({ type: "connected", on });
        if (on) this.#sayWhatIsShown();
      },
      picture: (message) => {
        const header = readHeader(message);
        if (header !== undefined) this.#streams.get(header.stream)?.feed(header, message);
      },
    });
  }

  /** Once per animation frame at most, however many pictures came. */
  #due(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    const draw = () => {
      this.#drawing = false;
      for (const stream of this.#streams.values()) stream.draw();
    };
    if (typeof requestAnimationFrame === "function") requestAnimationFrame(draw);
    else setTimeout(draw, 8);
  }

  #show(next: readonly Wanted[]): void {
    this.#wanted = next;
    const ids = new Set(next.map((w) => w.stream));
    for (const [id, stream] of this.#streams) {
      if (ids.has(id)) continue;
      stream.rest();
      this.#forgetUnused(id);
    }
    for (const id of ids) this.#stream(id);
    this.#sayWhatIsShown();
  }

  #sayWhatIsShown(): void {
    const mode = this.#plan.mode;
    const shown = (w: Wanted): Shown => ({ ...w, credit: mode === "units" && !isOwn(w.stream) ? UNIT_CREDIT : PICTURE_CREDIT });
    this.#link?.say({ type: "show", mode, streams: this.#wanted.map(shown) });
  }

  #stream(id: number): Stream {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const stream = new Stream(id, this.#studio);
    this.#streams.set(id, stream);
    return stream;
  }

  /** Streams that hang nowhere and are not shown hold nothing. */
  #forgetUnused(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || !stream.isBare || this.#wanted.some((w) => w.stream === id)) return;
    stream.close();
    this.#streams.delete(id);
  }

  #hang(id: number, on: boolean): void {
    const canvas = this.#canvases.get(id);
    if (canvas === undefined) return;
    if (on) {
      this.#stream(canvas.stream).hang(id, canvas.easel);
    } else {
      this.#streams.get(canvas.stream)?.takeDown(id);
      this.#forgetUnused(canvas.stream);
    }
  }
}
