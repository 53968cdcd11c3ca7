// Keeps the screen on while in a meeting, where the browser can.

export class Awake {
  #wanted = false;
  #lock: WakeLockSentinel | undefined;

  constructor() {
    // The browser lets go whenever the page is hidden.
    document.addEventListener("visibilitychange", () => {
      if (this.#wanted && document.visibilityState === "visible") void this.hold();
    });
  }

  async hold(): Promise<void> {
    this.#wanted = true;
    this.#lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
  }

  release(): void {
    this.#wanted = false;
    void this.#lock?.release().catch(() => {});
  }
}
