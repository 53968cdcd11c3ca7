// A camera's track with something else behind the person. Workers run the network and keep the time; here pictures are taken
// from the camera and painted. All of it stays in this browser, and nothing is loaded before a background is chosen.

import type { Background } from "../../port";
import weightsUrl from "../../../../../assets/person-mask/person-mask.f16?url";
import { HEIGHT, WIDTH } from "./net";
import { Pace } from "./pace";
import { Painter } from "./paint";
import type { Answer, Ask } from "./worker";

const TICK_MS = 33;
/** Ticks that have piled up while the page was busy are one. */
const APART_MS = 20;
/** Nobody waits longer for the first mask. */
const FIRST_MS = 10_000;

export class Backdrop {
  /** To be sent in the camera's place. */
  readonly track: MediaStreamTrack;
  readonly #camera: MediaStreamTrack;
  readonly #scene: Scene;

  private constructor(camera: MediaStreamTrack, scene: Scene, track: MediaStreamTrack) {
    this.#camera = camera;
    this.#scene = scene;
    this.track = track;
  }

  /**
   * Resolves when the first picture has its background, so that nobody sees the room before; rejects where it can't be done, and then
   * the camera is as it was. `tooSlow` is called once, when this machine has not kept up for some seconds.
   */
  static async start(camera: MediaStreamTrack, background: Background, tooSlow: () => void): Promise<Backdrop> {
    const scene = new Scene(camera, background, tooSlow);
    try {
      await scene.open();
      const track = scene.canvas.captureStream(30).getVideoTracks()[0];
      if (track === undefined) throw new DOMException("", "NotSupportedError");
      track.contentHint = "motion";
      return new Backdrop(camera, scene, track);
    } catch (error) {
      scene.close();
      throw error;
    }
  }

  /** Gives the camera back as it is, still open. */
  undress(): MediaStreamTrack {
    this.#scene.close();
    this.track.stop();
    return this.#camera;
  }

  /** Ends it, and the camera. */
  stop(): void {
    this.undress().stop();
  }
}

/** What is at work while a background is on. */
class Scene {
  readonly #video = document.createElement("video");
  readonly #small = document.createElement("canvas");
  readonly #worker = newWorker();
  readonly #clock = newWorker();
  readonly #painter: Painter;
  readonly #pace = new Pace();
  readonly #background: Background;
  readonly #tooSlow: () => void;
  #pressure: Observer | undefined;
  #began: number | undefined;
  #ticked = 0;
  #seen = false;
  #over = false;
  #first: (() => void) | undefined;

  constructor(camera: MediaStreamTrack, background: Background, tooSlow: () => void) {
    this.#background = background;
    this.#tooSlow = tooSlow;
    const painter = Painter.make();
    if (painter === undefined) {
      this.#worker.terminate();
      this.#clock.terminate();
      throw new DOMException("", "NotSupportedError");
    }
    this.#painter = painter;
    Object.assign(this.#small, { width: WIDTH, height: HEIGHT });
    Object.assign(this.#video, { muted: true, playsInline: true, srcObject: new MediaStream([camera]) });
  }

  get canvas(): HTMLCanvasElement {
    return this.#painter.canvas;
  }

  async open(): Promise<void> {
    const [weights, picture] = await Promise.all([load(weightsUrl), this.#background.kind === "picture" ? decode(this.#background.url) : undefined, this.#video.play()]);
    if (picture !== undefined) this.#painter.setPicture(picture);
    await new Promise<void>((done, fail) => {
      this.#first = done;
      const failed = () => fail(new DOMException("", "UnknownError"));
      setTimeout(failed, FIRST_MS);
      for (const worker of [this.#worker, this.#clock]) {
        worker.addEventListener("error", failed);
        worker.addEventListener("message", (event: MessageEvent<Answer>) => this.#on(event.data));
      }
      ask(this.#worker, { type: "start", weights }, [weights]);
      ask(this.#clock, { type: "clock", tickMs: TICK_MS });
    });
    this.#pressure = observePressure((critical) => this.#pace.pressed(critical, performance.now()));
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#pressure?.disconnect();
    this.#worker.terminate();
    this.#clock.terminate();
    this.#video.srcObject = null;
    this.#painter.close();
  }

  #on(answer: Answer): void {
    if (this.#over) return;
    if (answer.type === "tick") return this.#tick();
    this.#painter.setLines(new Float32Array(answer.lines));
    if (answer.room !== undefined) this.#painter.setRoom(new Uint8Array(answer.room));
    this.#pace.ran(this.#began ?? 0, performance.now());
    this.#began = undefined;
    this.#seen = true;
  }

  #tick(): void {
    if (this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const now = performance.now();
    if (now - this.#ticked < APART_MS) return;
    this.#ticked = now;
    if (this.#began === undefined && this.#pace.due(now)) this.#look(now);
    if (!this.#seen) return;
    this.#painter.paint(this.#video);
    this.#pace.painted(now);
    this.#first?.();
    if (this.#pace.tooSlow) this.#tooSlow();
  }

  #look(now: number): void {
    const context = this.#small.getContext("2d", { willReadFrequently: true, alpha: false });
    if (context === null) return;
    this.#began = now;
    context.drawImage(this.#video, 0, 0, WIDTH, HEIGHT);
    const pixels = context.getImageData(0, 0, WIDTH, HEIGHT).data.buffer;
    const strength = this.#background.kind === "blur" ? { strength: this.#background.strength } : {};
    ask(this.#worker, { type: "look", pixels, ...strength }, [pixels]);
  }
}

function newWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

function ask(worker: Worker, message: Ask, transfer: Transferable[] = []): void {
  worker.postMessage(message, transfer);
}

async function load(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new DOMException("", "NetworkError");
  return response.arrayBuffer();
}

async function decode(url: string): Promise<ImageBitmap> {
  const image = new Image();
  image.src = url;
  await image.decode();
  return createImageBitmap(image);
}

/** The Compute Pressure API, which only Chromium has and TypeScript does not know. */
interface Observer {
  observe(source: "cpu", options: { sampleInterval: number }): Promise<void>;
  disconnect(): void;
}

function observePressure(told: (critical: boolean) => void): Observer | undefined {
  type Make = new (on: (records: readonly { state: string }[]) => void) => Observer;
  const make = (globalThis as { PressureObserver?: Make }).PressureObserver;
  if (make === undefined) return undefined;
  const observer = new make((records) => told(records.at(-1)?.state === "critical"));
  observer.observe("cpu", { sampleInterval: 1000 }).catch(() => undefined);
  return observer;
}
