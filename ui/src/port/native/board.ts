// Whiteboards in the desktop app: the page's own lane, whose frames the shell carries, since a page here may open no socket to a
// server. The shell completes the opening, so the seat's token never comes into the page (crates/client/src/board.rs).
import type { DeskCommand, DeskEvent, DeskReply } from "../../generated/desk";
import type { BoardPort, Entry } from "../board";
import type { Wire, WireEvents, World } from "../board/lane";
import type { Result } from "../port";

/** How commands get to the participant; says whether it took them. */
export type Tell = (command: DeskCommand) => Promise<boolean>;
/** A command and what came back; undefined: nothing did. */
export type Ask = (command: DeskCommand) => Promise<DeskReply | undefined>;

/** The connections of one page. Numbers are drawn, since every window of a meeting hears of all of them. */
export class BoardLines {
  readonly #lines = new Map<number, WireEvents>();

  constructor(
    private readonly tell: Tell,
    private readonly draw: () => number = () => crypto.getRandomValues(new Uint32Array(1))[0] as number,
  ) {}

  readonly dial = (events: WireEvents): Wire => {
    const line = this.draw();
    this.#lines.set(line, events);
    void this.tell({ type: "board_open", line }).then((taken) => taken || this.#end(line));
    return {
      send: (frame) => this.#lines.has(line) && void this.tell({ type: "board_say", line, frame: base64(frame) }).then((taken) => taken || this.#end(line)),
      close: () => {
        if (this.#lines.delete(line)) void this.tell({ type: "board_close", line });
      },
    };
  };

  /** Whether the event was about a whiteboard, of whichever window. */
  on(event: DeskEvent): event is Extract<DeskEvent, { type: `board_${string}` }> {
    switch (event.type) {
      case "board_opened":
        this.#lines.get(event.line)?.opened();
        return true;
      case "board_frame":
        this.#lines.get(event.line)?.message(bytes(event.frame));
        return true;
      case "board_closed":
        this.#end(event.line);
        return true;
      default:
        return false;
    }
  }

  #end(line: number): void {
    const events = this.#lines.get(line);
    this.#lines.delete(line);
    events?.closed();
  }
}

export function createNativeBoard(lines: BoardLines, ask: Ask): BoardPort {
  const world: World = {
    dial: lines.dial,
    // The shell fills in who it is.
    seat: () => ({ meeting: "", participant: 0, token: "" }),
    after: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    now: () => performance.now(),
  };
  return {
    open: async (events, board = "") => {
      const { Lane } = await import("../board/lane");
      return new Lane(board, world, events);
    },
    pictures: async (board) => {
      const { PictureLine } = await import("../board/pictures");
      return new PictureLine(board, world);
    },
    history: (board) => history(ask, board),
    drawOver: async (keep, strokes) => (await ask({ type: "draw_over", keep, strokes }))?.type === "done",
  };
}

/** Page by page, until there is no more. */
export async function history(ask: Ask, board: string): Promise<Result<Entry[]>> {
  const { readEntries } = await import("../board/entries");
  const entries: Entry[] = [];
  try {
    for (let after: number | undefined = 0; after !== undefined; ) {
      const reply = await ask({ type: "board_history", board, after });
      if (reply?.type !== "board_history") return { ok: false, code: reply?.type === "failed" && reply.code !== "closed" ? reply.code : "unreachable" };
      for (const entry of readEntries(bytes(reply.entries))) entries.push(entry);
      after = reply.next;
    }
    return { ok: true, value: entries };
  } catch {
    return { ok: false, code: "internal" };
  }
}

/** In pieces: a call takes only so many arguments. */
const PIECE = 0x8000;

function base64(frame: Uint8Array): string {
  let text = "";
  for (let i = 0; i < frame.length; i += PIECE) text += String.fromCharCode(...frame.subarray(i, i + PIECE));
  return btoa(text);
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
