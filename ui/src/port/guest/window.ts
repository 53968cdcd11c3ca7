// The browser's window: full screen, and picture-in-picture where the browser has it.

import type { PopOutHost, PortEvent } from "../port";

/** Of the Document Picture-in-Picture specification, which TypeScript does not know yet. */
interface DocumentPictureInPicture {
  window: Window | null;
  requestWindow(options: { width: number; height: number }): Promise<Window>;
}

const documentPip = (): DocumentPictureInPicture | undefined =>
  (globalThis as { documentPictureInPicture?: DocumentPictureInPicture }).documentPictureInPicture;

/** A picture large enough to know faces by, small enough to work beside. */
const POP_OUT = { width: 400, height: 300 };

export class BrowserWindow {
  readonly canFullScreen = document.fullscreenEnabled === true;
  readonly canPopOut = documentPip() !== undefined || document.pictureInPictureEnabled === true;
  readonly #tell: (event: PortEvent) => void;
  #open: Window | undefined;

  constructor(tell: (event: PortEvent) => void) {
    this.#tell = tell;
    document.addEventListener("fullscreenchange", () => tell({ type: "full_screen", on: document.fullscreenElement !== null }));
  }

  async setFullScreen(on: boolean): Promise<void> {
    if (on) await document.documentElement.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement !== null) await document.exitFullscreen().catch(() => {});
  }

  /** `video`: what to show where the browser can only pop out a single picture. */
  async popOut(video: () => HTMLVideoElement | undefined): Promise<PopOutHost> {
    const able = documentPip();
    return able === undefined ? this.#popVideo(video()) : this.#popDocument(able);
  }

  async close(): Promise<void> {
    this.#open?.close();
    if (document.pictureInPictureElement) await document.exitPictureInPicture().catch(() => {});
  }

  async #popDocument(able: DocumentPictureInPicture): Promise<PopOutHost> {
    try {
      const opened = await able.requestWindow(POP_OUT);
      this.#open = opened;
      opened.addEventListener("pagehide", () => {
        this.#open = undefined;
        this.#tell({ type: "pop_out_closed" });
      });
      return { kind: "window", window: opened };
    } catch {
      return { kind: "refused" };
    }
  }

  async #popVideo(video: HTMLVideoElement | undefined): Promise<PopOutHost> {
    if (video === undefined) return { kind: "refused" };
    try {
      video.disablePictureInPicture = false;
      await video.requestPictureInPicture();
      video.addEventListener("leavepictureinpicture", () => {
        video.disablePictureInPicture = true;
        this.#tell({ type: "pop_out_closed" });
      }, { once: true });
      return { kind: "apart" };
    } catch {
      video.disablePictureInPicture = true;
      return { kind: "refused" };
    }
  }
}
