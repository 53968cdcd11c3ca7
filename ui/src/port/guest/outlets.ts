// Where pictures and sounds of others come out: <video> elements that views hang up, <audio> elements nobody sees.

import type { TrackId, VideoSurface } from "../port";

/** Shows tracks wherever views want them, and moves the picture when its slot changes. */
export class Pictures {
  readonly #places = new Map<HTMLVideoElement, TrackId>();
  #find: (track: TrackId) => MediaStream | undefined = () => undefined;

  surface(track: TrackId): VideoSurface {
    return {
      attach: (host) => {
        const video = makeVideo(host);
        this.#places.set(video, track);
        show(video, this.#find(track) ?? null);
        return () => {
          this.#places.delete(video);
          show(video, null);
          video.remove();
        };
      },
    };
  }

  /** The largest picture of a track on the page; without a track the largest of all. */
  element(track: TrackId | undefined): HTMLVideoElement | undefined {
    return [...this.#places].filter(([, of]) => track === undefined || of === track).map(([video]) => video)
      .sort((a, b) => b.clientWidth * b.clientHeight - a.clientWidth * a.clientHeight)[0];
  }

  /** Tells anew where each track's picture is. */
  place(find: (track: TrackId) => MediaStream | undefined): void {
    this.#find = find;
    for (const [video, track] of this.#places) show(video, find(track) ?? null);
  }
}

/** The own camera or screen, from the device, not by way of the server. */
export class Mirror {
  readonly #places = new Set<HTMLVideoElement>();
  #stream: MediaStream | null = null;

  surface(): VideoSurface {
    return {
      attach: (host) => {
        const video = makeVideo(host);
        this.#places.add(video);
        show(video, this.#stream);
        return () => {
          this.#places.delete(video);
          show(video, null);
          video.remove();
        };
      },
    };
  }

  setTrack(track: MediaStreamTrack | null): void {
    this.#stream = track === null ? null : new MediaStream([track]);
    for (const video of this.#places) show(video, this.#stream);
  }
}

/** Plays every sound slot through the chosen speaker. */
export class Sounds {
  readonly #playing = new Map<string, HTMLAudioElement>();
  readonly #onBlocked: (blocked: boolean) => void;
  #speaker = "";
  #deaf = false;
  #box: HTMLElement | undefined;

  constructor(onBlocked: (blocked: boolean) => void) {
    this.#onBlocked = onBlocked;
  }

  /** Replaces what is played: sound by slot. */
  play(slots: ReadonlyMap<string, MediaStream>): void {
    for (const [mid, element] of this.#playing) {
      if (slots.has(mid)) continue;
      element.srcObject = null;
      element.remove();
      this.#playing.delete(mid);
    }
    for (const [mid, stream] of slots) {
      const known = this.#playing.get(mid);
      if (known?.srcObject === stream) continue;
      const element = known ?? this.#make(mid);
      element.srcObject = stream;
      void this.#start(element);
    }
  }

  /** Silences everything, or plays it again; it is received all the same. */
  setDeaf(deaf: boolean): void {
    this.#deaf = deaf;
    for (const element of this.#playing.values()) element.muted = deaf;
  }

  /** From within a click. */
  async allow(): Promise<void> {
    this.#onBlocked(false);
    await Promise.all([...this.#playing.values()].map((element) => this.#start(element)));
  }

  async setSpeaker(id: string | undefined): Promise<void> {
    this.#speaker = id ?? "";
    await Promise.all([...this.#playing.values()].map((element) => setSink(element, this.#speaker)));
  }

  /** Three rising notes through the chosen speaker; resolves when they are over. */
  async test(): Promise<void> {
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const element = await this.apart();
    element.srcObject = out.stream;
    const end = ring(context, out);
    await element.play().catch(() => {});
    await context.resume().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, end * 1000));
    element.srcObject = null;
    await context.close();
  }

  /** An element of no slot that plays through the chosen speaker. */
  async apart(): Promise<HTMLAudioElement> {
    const element = new Audio();
    await setSink(element, this.#speaker);
    return element;
  }

  #make(mid: string): HTMLAudioElement {
    if (this.#box === undefined) {
      this.#box = document.createElement("div");
      this.#box.hidden = true;
      document.body.append(this.#box);
    }
    const element = document.createElement("audio");
    element.autoplay = true;
    element.muted = this.#deaf;
    element.dataset["slot"] = mid;
    this.#box.append(element);
    this.#playing.set(mid, element);
    void setSink(element, this.#speaker);
    return element;
  }

  async #start(element: HTMLAudioElement): Promise<void> {
    try {
      await element.play();
    } catch (error) {
      // AbortError: the source changed meanwhile, and a newer play is on its way.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#onBlocked(true);
    }
  }
}

function makeVideo(host: HTMLElement): HTMLVideoElement {
  const video = document.createElement("video");
  video.autoplay = true;
  video.muted = true;
  video.playsInline = true;
  video.disablePictureInPicture = true;
  host.append(video);
  return video;
}

function show(video: HTMLVideoElement, stream: MediaStream | null): void {
  if (video.srcObject === stream) return;
  video.srcObject = stream;
  if (stream !== null) void video.play().catch(() => {});
}

async function setSink(element: HTMLMediaElement, id: string): Promise<void> {
  if (!("setSinkId" in element)) return;
  // A speaker that is gone: the system's default plays on.
  await element.setSinkId(id).catch(() => {});
}

/** Writes the notes into the context's time line; returns when the last one is over, in seconds. */
function ring(context: AudioContext, out: AudioNode): number {
  const notes = [523.25, 659.25, 783.99];
  notes.forEach((hertz, n) => {
    const at = context.currentTime + 0.1 + n * 0.22;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.25, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.4);
    tone.connect(gain).connect(out);
    tone.start(at);
    tone.stop(at + 0.45);
  });
  return 0.1 + notes.length * 0.22 + 0.4;
}
