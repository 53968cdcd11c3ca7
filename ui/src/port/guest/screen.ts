// Sharing a screen from a browser: the browser asks which one; here it is opened, frozen, and given back.

import type { LocalScreen, ScreenChoice, ScreenMode, Source } from "../port";
import { freeze, type Frozen } from "./frozen";
import { describeFailure, isCancelled } from "./problems";

export interface ScreenEvents {
  put(change: { [K in keyof LocalScreen]?: LocalScreen[K] | undefined }): void;
  /** What is to be sent now, or null for nothing. */
  track(source: Source, track: MediaStreamTrack | null): void;
  /** It ended without being stopped here. */
  lost(): void;
}

const HINTS: Record<ScreenMode, string> = { text: "detail", motion: "motion" };

export class ScreenShare {
  readonly #events: ScreenEvents;
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  #frozen: Frozen | undefined;
  #busy = false;

  constructor(events: ScreenEvents) {
    this.#events = events;
  }

  /** What is sent now. */
  track(source: Source): MediaStreamTrack | undefined {
    return source === "screen" ? (this.#frozen?.track ?? this.#tracks.get(source)) : this.#tracks.get(source);
  }

  async start({ audio, mode }: ScreenChoice): Promise<void> {
    if (this.#busy || this.#tracks.size > 0) return;
    this.#busy = true;
    this.#events.put({ starting: true, problem: undefined, paused: undefined, mode });
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio });
      const [video, sound] = [stream.getVideoTracks()[0], stream.getAudioTracks()[0]];
      if (video === undefined) throw new DOMException("no picture", "NotFoundError");
      // Text must stay sharp; the encoder then gives up frames before detail.
      video.contentHint = HINTS[mode];
      video.addEventListener("ended", () => this.#onEnded(video));
      this.#tracks.set("screen", video);
      if (sound !== undefined) this.#tracks.set("screen_audio", sound);
      this.#events.put({ on: true, starting: false });
      this.#events.track("screen", video);
      if (sound !== undefined) this.#events.track("screen_audio", sound);
    } catch (error) {
      this.#events.put({ on: false, starting: false, problem: isCancelled(error) ? undefined : describeFailure(error) });
    } finally {
      this.#busy = false;
    }
  }

  async pause(on: boolean): Promise<void> {
    const video = this.#tracks.get("screen");
    if (video === undefined || this.#busy || on === (this.#frozen !== undefined)) return;
    this.#busy = true;
    const frozen = on ? await freeze(video).catch(() => undefined) : undefined;
    this.#busy = false;
    if (this.#tracks.get("screen") !== video) return frozen?.stop();
    if (on && frozen === undefined) return;
    this.#frozen?.stop();
    this.#frozen = frozen;
    this.#events.put({ paused: on || undefined });
    this.#events.track("screen", frozen?.track ?? video);
    // Sound that goes on would tell what the picture hides.
    const sound = this.#tracks.get("screen_audio");
    if (sound !== undefined) sound.enabled = !on;
  }

  setMode(mode: ScreenMode): void {
    const video = this.#tracks.get("screen");
    if (video !== undefined) video.contentHint = HINTS[mode];
    this.#events.put({ mode });
  }

  stop(): void {
    if (this.#tracks.size === 0) return;
    this.#frozen?.stop();
    this.#frozen = undefined;
    this.#events.put({ on: false, paused: undefined });
    for (const [source, track] of [...this.#tracks]) {
      this.#tracks.delete(source);
      track.stop();
      this.#events.track(source, null);
    }
  }

  #onEnded(video: MediaStreamTrack): void {
    if (this.#tracks.get("screen") !== video) return;
    this.stop();
    this.#events.lost();
  }
}
