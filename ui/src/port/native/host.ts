// The two doors of the desktop shell, and its events. The shell's own script puts `__TAURI_INTERNALS__` into the page before
// anything else runs; its few calls used here are what @tauri-apps/api consists of.

import type { Carrier } from "./pictures";

export interface Host {
  /** A typed command to the participant ("desk") or to the shell ("app"). */
  invoke<Reply>(door: "desk" | "app", command: object): Promise<Reply>;
  /** Events for this window alone. */
  listen<Payload>(event: string, handler: (payload: Payload) => void): Promise<void>;
  /** The frame bus by way of the shell. */
  carrier?: Carrier;
}

interface Internals {
  invoke(command: string, payload: object): Promise<unknown>;
  transformCallback<Event>(callback: (event: Event) => void): number;
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
      const callback = shell.transformCallback(({ payload }: { payload: Payload }) => handler(payload));
      await shell.invoke("plugin:event|listen", { event, target, handler: callback });
    },
    carrier: {
      async open(onMessage) {
        await shell.invoke("pictures", { channel: `__CHANNEL__:${shell.transformCallback(inOrder(onMessage))}` });
      },
      say: (text) => void shell.invoke("pictures", { say: text }).catch(() => {}),
    },
  };
}

/** One message of a channel of the shell; large ones are fetched and may overtake each other. */
type Piece<Message> = { index: number; message: Message } | { index: number; end: true };

export function inOrder<Message>(handler: (message: Message) => void): (piece: Piece<Message>) => void {
  const early = new Map<number, Piece<Message>>();
  let next = 0;
  return (piece) => {
    early.set(piece.index, piece);
    for (let due = early.get(next); due !== undefined; due = early.get(next)) {
      early.delete(next);
      next += 1;
      if ("message" in due) handler(due.message);
    }
  };
}
