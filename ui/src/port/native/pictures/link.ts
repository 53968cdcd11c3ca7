// The worker's way to the app: a WebSocket that is opened again when it breaks, or messages carried by the page. Credits are
// gathered for a moment, so that many pictures cost one message.

import { type FromPage, VERSION, parseToPage } from "./wire";

const FIRST_RETRY = 200;
const LAST_RETRY = 4000;
/** Milliseconds that credits may wait; far below a picture's time. */
const GATHER = 4;

export interface LinkEvents {
  connected(on: boolean): void;
  picture(message: ArrayBuffer): void;
}

export class Link {
  readonly #events: LinkEvents;
  readonly #open: (() => WebSocket) | undefined;
  /** Where there is no socket. */
  readonly #carry: ((text: string) => void) | undefined;
  #socket: WebSocket | undefined;
  #retry = FIRST_RETRY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #credits = new Map<number, number>();
  #gathering = false;
  #up = false;
  #stopped = false;
  connections = 0;

  constructor(way: { socket: () => WebSocket } | { carry: (text: string) => void }, events: LinkEvents) {
    this.#events = events;
    this.#open = "socket" in way ? way.socket : undefined;
    this.#carry = "carry" in way ? way.carry : undefined;
    this.#connect();
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** What the app sent, by socket or carried. */
  receive(message: string | ArrayBuffer): void {
    if (typeof message !== "string") {
      if (this.#up) this.#events.picture(message);
      return;
    }
    const hello = parseToPage(message);
    if (hello === undefined) return;
    if (hello.version !== VERSION) {
      console.error(`frame bus: the app speaks version ${hello.version}, this page ${VERSION}`);
      return;
    }
    this.#retry = FIRST_RETRY;
    this.#up = true;
    this.connections += 1;
    this.#events.connected(true);
  }

  say(message: FromPage): void {
    if (!this.#up) return;
    const text = JSON.stringify(message);
    if (this.#carry !== undefined) this.#carry(text);
    else this.#socket?.send(text);
  }

  credit(stream: number, count: number): void {
    if (!this.#up) return;
    this.#credits.set(stream, (this.#credits.get(stream) ?? 0) + count);
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      const streams = [...this.#credits];
      this.#credits.clear();
      if (streams.length > 0) this.say({ type: "credit", streams });
    }, GATHER);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#down();
  }

  #connect(): void {
    if (this.#open === undefined || this.#stopped) return;
    const socket = this.#open();
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.receive(data);
    socket.onclose = () => {
      this.#down();
      this.#timer = setTimeout(() => this.#connect(), this.#retry);
      this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
    };
  }

  #down(): void {
    this.#credits.clear();
    if (!this.#up) return;
    this.#up = false;
    this.#events.connected(false);
  }
}
