// How often the webview really draws while much moves in it, for the shell, which may choose another way of drawing at the
// next start. Counted, since neither names nor versions of graphics tell.

/** As many pictures as make drawing hard. */
const MANY = 9;
const MEASURE_MS = 5000;

/** The part of a window that is used. */
export interface Screen {
  requestAnimationFrame(callback: (now: number) => void): unknown;
  readonly document: { readonly visibilityState: string };
}

export class DrawRate {
  readonly #tell: (fps: number) => void;
  readonly #screen: Screen;
  #shown = 0;
  #state: "waiting" | "counting" | "told" = "waiting";

  /** `tell` is called once at most. */
  constructor(tell: (fps: number) => void, screen: Screen) {
    this.#tell = tell;
    this.#screen = screen;
  }

  /** So many pictures of others are on screen now. */
  shown(count: number): void {
    this.#shown = count;
    if (this.#state === "waiting" && count >= MANY) this.#count();
  }

  #count(): void {
    this.#state = "counting";
    let [frames, begun] = [0, -1];
    const next = (now: number) => {
      // Fewer pictures, or none seen at all: that says nothing.
      if (this.#shown < MANY || this.#screen.document.visibilityState === "hidden") {
        this.#state = "waiting";
        return;
      }
      if (begun < 0) begun = now;
      else frames += 1;
      if (now - begun < MEASURE_MS) return void this.#screen.requestAnimationFrame(next);
      this.#state = "told";
      this.#tell(Math.round((frames * 10_000) / (now - begun)) / 10);
    };
    this.#screen.requestAnimationFrame(next);
  }
}
