// A second way to a board's copy (docs/BOARD.md): another connection over which the same changes come and go, opened where the first
// stumbles. TCP holds back all that follows a lost segment; what comes over two connections comes when the first of them has it.
import type { Replica } from "../../board";
import { pingFrame, readFrame, secondFrame, type FromServer } from "./frames";
import type { Wire, World } from "./lane";

/** Silence after which one says that one is there. */
const PING_MS = 10_000;
/** No connection for so long is none. */
const PATIENCE_MS = 10_000;

export interface SecondEvents {
  opened(): void;
  /** Changes of others, or an acknowledgement. */
  heard(message: FromServer): void;
  /** It is over, by itself. */
  closed(): void;
}

export class SecondWay {
  #isOpen = false;
  readonly #wire: Wire;
  #patience: (() => void) | undefined;
  #ping: (() => void) | undefined;
  #closed = false;

  constructor(
    private readonly world: World,
    private readonly events: SecondEvents,
    board: string,
    replica: Replica,
  ) {
    this.#patience = world.after(PATIENCE_MS, () => this.#lost());
    this.#wire = world.dial({
      opened: () => {
        const seat = world.seat();
        if (seat) this.#send(secondFrame(seat, board, replica));
        else this.#lost();
      },
      message: (bytes) => this.#take(bytes),
      closed: () => this.#lost(),
    });
  }

  say(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#isOpen) this.#send(frame);
  }

  close(): void {
    this.#closed = true;
    this.#isOpen = false;
    this.#patience?.();
    this.#ping?.();
    this.#wire.close();
  }

  #send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    this.#wire.send(frame);
    this.#ping?.();
    this.#ping = this.world.after(PING_MS, () => this.#send(pingFrame()));
  }

  #take(bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      const message = readFrame(bytes);
      if (message.is === "closed") this.#lost();
      else if (message.is === "opened") this.#opened();
      else if (this.#isOpen) this.events.heard(message);
    } catch {
      this.#lost();
    }
  }

  #opened(): void {
    this.#patience?.();
    this.#isOpen = true;
    this.events.opened();
  }

  #lost(): void {
    if (this.#closed) return;
    this.close();
    this.events.closed();
  }
}
