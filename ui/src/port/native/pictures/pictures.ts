// The page's end of the pictures: canvases that hang where views want them, and one worker that draws on them. A canvas that is
// taken down keeps its picture for a moment and hangs again where the same stream is wanted next, so that a change of layout shows
// no black.

import type { VideoSurface } from "../../port";
import { Engine } from "./engine";
import { choose, probe } from "./probe";
import { sameShown, shownNow } from "./shown";
import type { FromWorker, PictureStats, Plan, Probe, Rates, ToWorker, Wanted } from "./talk";

export interface PictureOptions {
  /** `ws://127.0.0.1:<port>/bus`; undefined: by way of `carrier`. */
  url: string | undefined;
  token: string;
  /** Absent: probed at the first start on this webview, and remembered. */
  plan?: Plan;
  carrier?: Carrier;
}

/** Messages by another way than a socket, where the system blocks those. */
export interface Carrier {
  /** Calls back with everything the app sends. */
  open(onMessage: (message: string | ArrayBuffer) => void): void;
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

/** How long a canvas that was taken down waits to be hung again. */
const SPARE_MS = 3000;
const REMEMBERED = "confab.pictures.plan.2";

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
  /** Draws in the page's own thread, where the plan says so. */
  #local: Engine | undefined;
  readonly #canvases = new Map<Element, Canvas>();
  readonly #listeners = new Set<(on: boolean) => void>();
  readonly #answers = new Map<number, (message: FromWorker) => void>();
  readonly #sizes: ResizeObserver;
  readonly #sights: IntersectionObserver | undefined;
  readonly #carrier: Carrier | undefined;
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
    const ask = this.#next++;
    const answer = new Promise<FromWorker>((resolve) => this.#answers.set(ask, resolve));
    this.#worker.postMessage({ type: "probe", ask } satisfies ToWorker);
    const worker = ((await answer) as FromWorker & { type: "probe" }).rates;
    const page = worthIt(worker) ? NOTHING : await probe();
    return { worker, page, plan: choose(worker, page) };
  }

  onConnected(listener: (on: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#onSeen);
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
    const chosen = plan ?? remembered() ?? (await this.probe()).plan;
    if (plan === undefined) remember(chosen);
    if (chosen.thread === "page") this.#local = new Engine((message) => this.#hear(message));
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#post({ type: "start", url, token, plan: chosen });
    for (const canvas of this.#canvases.values()) this.#handOver(canvas);
    for (const message of early) this.#post(message);
    this.#carrier?.open((message) => this.#post({ type: "app", message }, typeof message === "string" ? [] : [message]));
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
      case "connected":
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

const NOTHING: Rates = { units: 0, webgl: 0, canvas2d: 0 };

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
