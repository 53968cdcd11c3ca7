// The page's end of the pictures: canvases that hang where views want them, and one worker that draws on them. A canvas that is
// taken down keeps its picture for a moment and hangs again where the same stream is wanted next, so that a change of layout shows
// no black.

import type { VideoSurface } from "../../port";
import { Engine } from "./engine";
import { choose, probe } from "./probe";
import { sameShown, shownNow } from "./shown";
import type { FromWorker, PictureStats, Plan, Probe, Rates, ToWorker, Wanted } from "./talk";

export interface PictureOptions {
  /** `ws://127.0.0.1:<port>/bus`; undefined: by way of `carrier` alone. */
  url: string | undefined;
  token: string;
  /** Kept to. Absent: probed at the first start on this webview, remembered, and left where it falls behind. */
  plan?: Plan;
  /** Tried where the socket does not get through. */
  carrier?: Carrier;
}

/** Messages by another way than a socket, where the system blocks those. */
export interface Carrier {
  /** Calls back with everything the app sends, in place of an earlier `open`; rejects where it is refused. */
  open(onMessage: (message: string | ArrayBuffer) => void): Promise<void>;
  say(text: string): void;
}

export interface Pictures {
  surface(stream: number): VideoSurface;
  /** Streams of others that are wanted, most important first, sizes in device pixels; replaces what was said before. */
  show(streams: readonly Wanted[]): void;
  stats(): Promise<PictureStats>;
  /** Measures what this webview can draw; takes about a second. */
  probe(): Promise<Probe>;
  onConnected(listener: (on: boolean) => void): () => void;
  close(): void;
}

/** A worker that has not begun by then will not. */
const WORKER_MS = 5000;
/** Without a connection for so long, the other way is tried. */
const OTHER_WAY_MS = 3000;
/** How long a canvas that was taken down waits to be hung again. */
const SPARE_MS = 3000;
const REMEMBERED = "confab.pictures.plan.3";

interface Canvas {
  id: number;
  stream: number;
  element: HTMLCanvasElement;
  hung: boolean;
  visible: boolean;
  width: number;
  height: number;
  forget?: ReturnType<typeof setTimeout>;
}

export function connectPictures(options: PictureOptions): Pictures {
  return new Gallery(options);
}

class Gallery implements Pictures {
  readonly #worker: Worker;
  /** Whether the worker runs at all: a webview may refuse to load it. */
  readonly #awake: Promise<boolean>;
  #wake: (runs: boolean) => void = () => {};
  /** Draws in the page's own thread, where the plan says so. */
  #local: Engine | undefined;
  readonly #canvases = new Map<Element, Canvas>();
  readonly #listeners = new Set<(on: boolean) => void>();
  readonly #answers = new Map<number, (message: FromWorker) => void>();
  readonly #sizes: ResizeObserver;
  readonly #sights: IntersectionObserver | undefined;
  readonly #carrier: Carrier | undefined;
  #carried = false;
  #late: ReturnType<typeof setTimeout> | undefined;
  readonly #onSeen = () => this.#review();
  /** Held back until it is known how to draw. */
  #early: ToWorker[] | undefined = [];
  #asked: readonly Wanted[] | undefined;
  #said: readonly Wanted[] = [];
  #reviewing = false;
  #next = 1;

  constructor(options: PictureOptions) {
    this.#carrier = options.carrier;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "pictures" });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    this.#worker.onerror = () => this.#wake(false);
    this.#awake = new Promise((resolve) => (this.#wake = resolve));
    setTimeout(() => this.#wake(false), WORKER_MS);
    this.#sizes = new ResizeObserver((entries) => entries.forEach((entry) => this.#measure(entry)));
    if (typeof IntersectionObserver !== "undefined") {
      // A little early, so that scrolling finds pictures there.
      this.#sights = new IntersectionObserver((entries) => this.#look(entries), { rootMargin: "80px" });
    }
    document.addEventListener("visibilitychange", this.#onSeen);
    void this.#start(options);
  }

  surface(stream: number): VideoSurface {
    return {
      attach: (host) => {
        const canvas = this.#spare(stream) ?? this.#make(stream);
        this.#hang(canvas, host);
        let done = false;
        return () => {
          if (!done) this.#takeDown(canvas);
          done = true;
        };
      },
    };
  }

  show(streams: readonly Wanted[]): void {
    this.#asked = streams;
    this.#review();
  }

  async stats(): Promise<PictureStats> {
    const answer = await this.#ask((ask) => ({ type: "stats", ask }));
    return (answer as FromWorker & { type: "stats" }).stats;
  }

  async probe(): Promise<Probe> {
    const worker = (await this.#awake) ? await this.#probeWorker() : NOTHING;
    const page = worthIt(worker) ? NOTHING : await probe();
    return { worker, page, plan: choose(worker, page) };
  }

  async #probeWorker(): Promise<Rates> {
    const ask = this.#next++;
    const answer = new Promise<FromWorker>((resolve) => this.#answers.set(ask, resolve));
    this.#worker.postMessage({ type: "probe", ask } satisfies ToWorker);
    return ((await answer) as FromWorker & { type: "probe" }).rates;
  }

  onConnected(listener: (on: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#onSeen);
    clearTimeout(this.#late);
    this.#sizes.disconnect();
    this.#sights?.disconnect();
    for (const { element, forget } of this.#canvases.values()) {
      clearTimeout(forget);
      element.remove();
    }
    this.#canvases.clear();
    this.#local?.hear({ type: "stop" });
    this.#worker.postMessage({ type: "stop" } satisfies ToWorker);
  }

  async #start({ url, token, plan }: PictureOptions): Promise<void> {
    const runs = await this.#awake;
    let chosen = plan ?? (runs ? remembered() : undefined) ?? (await this.probe()).plan;
    if (!runs) chosen = { ...chosen, thread: "page" };
    else if (plan === undefined) remember(chosen);
    if (chosen.thread === "page") this.#local = new Engine((message) => this.#hear(message));
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#post({ type: "start", url, token, plan: chosen, adapt: plan === undefined });
    for (const canvas of this.#canvases.values()) this.#handOver(canvas);
    for (const message of early) this.#post(message);
    if (url === undefined) this.#carry();
    else if (this.#carrier !== undefined) this.#wait();
  }

  /** A system that blocks the socket says nothing: the two ways take turns until one leads somewhere. */
  #wait(): void {
    clearTimeout(this.#late);
    this.#late = setTimeout(() => {
      this.#post({ type: "way", carried: !this.#carried });
      if (this.#carried) this.#carried = false;
      else this.#carry();
      this.#wait();
    }, OTHER_WAY_MS);
  }

  #carry(): void {
    this.#carried = true;
    const taken = (message: string | ArrayBuffer) => {
      if (this.#carried) this.#post({ type: "app", message }, typeof message === "string" ? [] : [message]);
    };
    // Refused while the app believes in the socket still: it is that one's turn again then.
    this.#carrier?.open(taken).catch(() => {});
  }

  #handOver({ id, stream, element }: Canvas): void {
    const canvas = this.#local === undefined ? element.transferControlToOffscreen() : element;
    this.#post({ type: "canvas", id, stream, canvas }, canvas instanceof HTMLCanvasElement ? [] : [canvas]);
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    if (this.#early !== undefined) this.#early.push(message);
    else if (this.#local !== undefined) this.#local.hear(message);
    else this.#worker.postMessage(message, transfer);
  }

  #ask(make: (ask: number) => ToWorker): Promise<FromWorker> {
    const ask = this.#next++;
    const answer = new Promise<FromWorker>((resolve) => this.#answers.set(ask, resolve));
    this.#post(make(ask));
    return answer;
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        return this.#wake(true);
      case "connected":
        if (message.on) clearTimeout(this.#late);
        else if (this.#carrier !== undefined) this.#wait();
        return this.#listeners.forEach((listener) => listener(message.on));
      case "say":
        return this.#carrier?.say(message.text);
      case "stats":
      case "probe":
        this.#answers.get(message.ask)?.(message);
        this.#answers.delete(message.ask);
    }
  }

  #spare(stream: number): Canvas | undefined {
    for (const canvas of this.#canvases.values()) {
      if (canvas.stream === stream && !canvas.hung) return canvas;
    }
    return undefined;
  }

  #make(stream: number): Canvas {
    const element = document.createElement("canvas");
    element.dataset["stream"] = String(stream);
    // Fills its host; letterbox or cover is the host's style, as with a <video>.
    element.style.width = "100%";
    element.style.height = "100%";
    const canvas: Canvas = { id: this.#next++, stream, element, hung: false, visible: true, width: 0, height: 0 };
    this.#canvases.set(element, canvas);
    if (this.#early === undefined) this.#handOver(canvas);
    return canvas;
  }

  #hang(canvas: Canvas, host: HTMLElement): void {
    clearTimeout(canvas.forget);
    host.append(canvas.element);
    canvas.hung = true;
    canvas.visible = true;
    this.#sizes.observe(canvas.element);
    this.#sights?.observe(canvas.element);
    this.#post({ type: "hang", id: canvas.id, on: true });
    this.#review();
  }

  #takeDown(canvas: Canvas): void {
    canvas.hung = false;
    this.#sizes.unobserve(canvas.element);
    this.#sights?.unobserve(canvas.element);
    canvas.element.remove();
    this.#post({ type: "hang", id: canvas.id, on: false });
    canvas.forget = setTimeout(() => {
      this.#canvases.delete(canvas.element);
      this.#post({ type: "forget", id: canvas.id });
    }, SPARE_MS);
    this.#review();
  }

  #measure({ target, contentRect }: ResizeObserverEntry): void {
    const canvas = this.#canvases.get(target);
    if (canvas === undefined) return;
    const scale = window.devicePixelRatio;
    canvas.width = Math.round(contentRect.width * scale);
    canvas.height = Math.round(contentRect.height * scale);
    this.#post({ type: "size", id: canvas.id, width: canvas.width, height: canvas.height });
    this.#review();
  }

  #look(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const canvas = this.#canvases.get(target);
      if (canvas !== undefined) canvas.visible = isIntersecting;
    }
    this.#review();
  }

  /** Tells the worker what is on screen, once for everything that changes in one go: a canvas that moves is never gone. */
  #review(): void {
    if (this.#reviewing) return;
    this.#reviewing = true;
    queueMicrotask(() => {
      this.#reviewing = false;
      const hung = [...this.#canvases.values()].filter((canvas) => canvas.hung);
      const shown = shownNow(this.#asked, hung, document.visibilityState !== "hidden");
      if (sameShown(shown, this.#said)) return;
      this.#said = shown;
      this.#post({ type: "show", streams: shown });
    });
  }
}

const NOTHING: Rates = { units: 0, pixels: 0, canvas2d: 0, webgl: 0 };

/** Nothing the page's thread could do would change the plan; it need not stand still for a second. */
function worthIt(worker: Rates): boolean {
  return choose(worker, { ...NOTHING, webgl: Infinity }).thread === "worker";
}

/** A plan holds for a webview on a machine; another version of it is probed anew. */
function remembered(): Plan | undefined {
  try {
    const { agent, plan } = JSON.parse(localStorage.getItem(REMEMBERED) ?? "null") as { agent: string; plan: Plan };
    return agent === navigator.userAgent ? plan : undefined;
  } catch {
    return undefined;
  }
}

function remember(plan: Plan): void {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify({ agent: navigator.userAgent, plan }));
  } catch {
    // Then the next start probes again.
  }
}
