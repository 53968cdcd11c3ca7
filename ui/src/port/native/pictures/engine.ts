// Pictures onto canvases, in a worker or in the page: what the app sends, who decodes and draws it, what is on screen.

import { furtherCodecs, webCodecs } from "./decoder";
import { CHECK_MS, Lateness } from "./late";
import { Link } from "./link";
import { CanvasEasel } from "./paint";
import { probe } from "./probe";
import { PICTURE_CREDIT, Stream, type Studio, UNIT_CREDIT } from "./stream";
import type { FromWorker, Plan, ToWorker, Wanted } from "./talk";
import { type Kind, type Shown, isOwn, readHeader } from "./wire";

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
  /** What is decoded here beside H.264 and VP8, once that is known. */
  #codecs: Kind[] = [];
  #watching: ReturnType<typeof setInterval> | undefined;
  /** What was drawn in this animation frame. */
  readonly #drawn = new Set<Stream>();
  /** The next animation frame is asked for. */
  #waiting = false;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
    this.#studio = {
      decoder: webCodecs,
      credit: (stream, count) => this.#link?.credit(stream, count),
      needKey: (stream) => this.#link?.say({ type: "key", stream }),
      due: (stream) => this.#due(stream),
      now: () => (performance.timeOrigin + performance.now()) * 1000,
    };
  }

  hear(message: ToWorker): void {
    switch (message.type) {
      case "start":
        this.#plan = message.plan;
        this.#address = message.url === undefined ? undefined : `${message.url}?token=${message.token}`;
        if (message.adapt && message.plan.mode === "units") this.#watch();
        if (message.plan.mode === "units") void this.#findCodecs();
        return this.#connect(message.url === undefined);
      case "way":
        this.#link?.stop();
        return this.#connect(message.carried);
      case "app":
        return this.#link?.receive(message.message);
      case "canvas": {
        // What comes out of decoders is drawn by 2D alone, and pictures too, should they come later.
        const { mode, painter } = this.#plan;
        const flat = mode === "units" && !isOwn(message.stream) && painter === "webgl";
        this.#canvases.set(message.id, { stream: message.stream, easel: new CanvasEasel(message.canvas, flat ? "pixels" : painter) });
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
        clearInterval(this.#watching);
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
        // Units that were on their way when the app was asked for pictures.
        if (header === undefined || (this.#plan.mode === "pictures" && header.kind !== "i420")) return;
        this.#streams.get(header.stream)?.feed(header, message);
      },
    });
  }

  /** From units to pictures where decoding here falls behind, until the next start. */
  #watch(): void {
    const lateness = new Lateness();
    this.#watching = setInterval(() => {
      const others = [...this.#streams.values()].filter((stream) => !isOwn(stream.id));
      if (!lateness.check(others.map((stream) => stream.figures()))) return;
      clearInterval(this.#watching);
      this.#plan = { ...this.#plan, mode: "pictures" };
      for (const stream of others) stream.rest();
      this.#sayWhatIsShown();
    }, CHECK_MS);
  }

  /** At once, but no stream twice in an animation frame: what comes sooner waits for the next, and the latest is drawn. */
  #due(stream: Stream): void {
    if (this.#drawn.has(stream)) return;
    if (stream.draw()) this.#drawn.add(stream);
    this.#awaitFrame();
  }

  #awaitFrame(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const begin = () => {
      this.#waiting = false;
      this.#drawn.clear();
      for (const stream of this.#streams.values()) if (stream.draw()) this.#drawn.add(stream);
      if (this.#drawn.size > 0) this.#awaitFrame();
    };
    if (typeof requestAnimationFrame === "function") requestAnimationFrame(begin);
    else setTimeout(begin, 8);
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
    const codecs = mode === "units" && this.#codecs.length > 0 ? { codecs: this.#codecs } : {};
    this.#link?.say({ type: "show", mode, ...codecs, streams: this.#wanted.map(shown) });
  }

  async #findCodecs(): Promise<void> {
    this.#codecs = await furtherCodecs();
    if (this.#codecs.length > 0) this.#sayWhatIsShown();
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
