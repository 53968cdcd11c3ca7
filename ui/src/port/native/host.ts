// The two doors of the desktop shell, and its events. The shell's own script puts `__TAURI_INTERNALS__` into the page before
// anything else runs; its few calls used here are what @tauri-apps/api consists of.

export interface Host {
  /** A typed command to the participant ("desk") or to the shell ("app"). */
  invoke<Reply>(door: "desk" | "app", command: object): Promise<Reply>;
  /** Events for this window alone. */
  listen<Payload>(event: string, handler: (payload: Payload) => void): Promise<void>;
}

interface Internals {
  invoke(command: string, payload: object): Promise<unknown>;
  transformCallback(callback: (event: { payload: unknown }) => void): number;
  metadata: { currentWindow: { label: string } };
}

function internals(): Internals | undefined {
  return (globalThis as { __TAURI_INTERNALS__?: Internals }).__TAURI_INTERNALS__;
}

/** Whether this page runs in the desktop app. */
export function inShell(): boolean {
  return internals() !== undefined;
}

export function shellHost(): Host {
  const shell = internals();
  if (shell === undefined) throw new Error("not in the desktop app");
  const target = { kind: "WebviewWindow", label: shell.metadata.currentWindow.label };
  return {
    invoke: <Reply>(door: string, command: object) => shell.invoke(door, { command }) as Promise<Reply>,
    async listen<Payload>(event: string, handler: (payload: Payload) => void): Promise<void> {
      const callback = shell.transformCallback(({ payload }) => handler(payload as Payload));
      await shell.invoke("plugin:event|listen", { event, target, handler: callback });
    },
  };
}
