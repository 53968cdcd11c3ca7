// The record-and-play-back test: what the others would hear. The recording stays in this page and is forgotten at once.

import type { DeviceProblem } from "../port";
import { describeFailure } from "./problems";

const LONGEST_S = 10;

export class Rehearsal {
  #recording: Blob | undefined;

  /** Records a track, which stays the caller's. */
  async record(track: MediaStreamTrack, seconds: number): Promise<DeviceProblem | undefined> {
    this.#recording = undefined;
    if (typeof MediaRecorder === "undefined") return "unsupported";
    try {
      const recorder = new MediaRecorder(new MediaStream([track]));
      const parts: Blob[] = [];
      recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
      const over = new Promise<void>((done, fail) => {
        recorder.addEventListener("stop", () => done());
        recorder.addEventListener("error", () => fail(new DOMException("", "UnknownError")));
      });
      recorder.start();
      const timer = setTimeout(() => recorder.state !== "inactive" && recorder.stop(), Math.min(LONGEST_S, seconds) * 1000);
      await over.finally(() => clearTimeout(timer));
      this.#recording = new Blob(parts, { type: recorder.mimeType });
      return undefined;
    } catch (error) {
      return describeFailure(error);
    }
  }

  /** Plays it through an element the caller has set up with the right speaker. */
  async play(element: HTMLAudioElement): Promise<void> {
    const recording = this.#recording;
    this.#recording = undefined;
    if (recording === undefined) return;
    const url = URL.createObjectURL(recording);
    element.src = url;
    const over = new Promise<void>((done) => {
      element.addEventListener("ended", () => done());
      element.addEventListener("error", () => done());
    });
    try {
      await element.play();
      await over;
    } catch {
      // The browser did not play it: nothing to wait for.
    } finally {
      URL.revokeObjectURL(url);
    }
  }
}
