// The messages of the board's lane (docs/BOARD.md): a byte for the sort, then the body. Pure.
import { LEVELS, Reader, vectorBytes, WireError, Writer, type Level, type Replica, type Vector } from "../../board";

export interface Opened {
  replica: Replica;
  level: Level;
  /** The server's clock, milliseconds since 1970. */
  time: number;
  /** The copy's own next number. */
  next: number;
  /** Which board it is: `main`, `room-N`, or `screen-N` over the screen of track N. */
  board: string;
}

/** Whose writes carry a number. */
export interface AuthorName {
  author: number;
  /** The seat they have, or last had. */
  participant: number;
  name: string;
}

/** The seat that opens a board; the server takes author, name and level from it. */
export interface LaneSeat {
  meeting: string;
  participant: number;
  token: string;
}

export type FromServer =
  | { is: "opened"; opened: Opened }
  | { is: "changes" | "snapshot" | "shown"; body: Uint8Array }
  | { is: "acknowledged"; next: number }
  /** `wait`: milliseconds until it may be tried again; 0 where waiting does not help. */
  | { is: "refused"; next: number; name: string; wait: number }
  | { is: "rights"; level: Level }
  | { is: "hash"; body: Uint8Array }
  /** `again`: the copy should come back by itself. */
  | { is: "closed"; code: string; again: boolean }
  | { is: "pong" }
  | { is: "authors"; authors: AuthorName[] }
  /** Over a screen: whether who presents lets the others draw. */
  | { is: "allowed"; allowed: boolean };

const VERSION = 1;
/** Characters of words and names. */
const MAX_WORD = 200;
const MOST_AUTHORS = 20_000;
const MOST = Number.MAX_SAFE_INTEGER;

function frame(sort: number, write?: (w: Writer) => void): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  w.byte(sort);
  write?.(w);
  return w.bytes();
}

function writeSeat(w: Writer, seat: LaneSeat, board: string): void {
  w.number(VERSION);
  w.text(seat.meeting);
  w.number(seat.participant);
  w.text(seat.token);
  w.text(board);
}

/** Without a copy the server gives all, under a new session. An empty board name is the board of where one is. */
export function openFrame(seat: LaneSeat, board: string, copy?: { replica: Replica; vector: Vector }): Uint8Array<ArrayBuffer> {
  return frame(1, (w) => {
    writeSeat(w, seat, board);
    w.byte(copy ? 1 : 0);
    if (!copy) return;
    w.replica(copy.replica);
    w.raw(vectorBytes(copy.vector));
  });
}
/** Opens a second way to a copy that is here. */
export function secondFrame(seat: LaneSeat, board: string, replica: Replica): Uint8Array<ArrayBuffer> {
  return frame(1, (w) => {
    writeSeat(w, seat, board);
    w.byte(2);
    w.replica(replica);
  });
}
export const updateFrame = (update: Uint8Array): Uint8Array<ArrayBuffer> => frame(5, (w) => w.raw(update));
export const presenceFrame = (presence: Uint8Array): Uint8Array<ArrayBuffer> => frame(8, (w) => w.raw(presence));
export const pingFrame = (): Uint8Array<ArrayBuffer> => frame(14);
/** Of who presents: whether the others may draw. */
export const allowFrame = (allowed: boolean): Uint8Array<ArrayBuffer> => frame(17, (w) => w.byte(allowed ? 1 : 0));

/** Reads what the server says; throws WireError. */
export function readFrame(bytes: Uint8Array): FromServer {
  const body = bytes.subarray(1);
  const r = new Reader(body);
  const ending = <T>(value: T): T => (r.end(), value);
  switch (bytes[0]) {
    case 2:
      return ending({ is: "opened", opened: { replica: r.replica(), level: readLevel(r), time: r.below(MOST), next: r.below(MOST), board: r.text(MAX_WORD) } });
    case 3:
      return { is: "changes", body };
    case 4:
      return { is: "snapshot", body };
    case 6:
      return ending({ is: "acknowledged", next: r.below(MOST) });
    case 7:
      return ending({ is: "refused", next: r.below(MOST), name: r.text(MAX_WORD), wait: r.below(MOST) });
    case 9:
      return { is: "shown", body };
    case 10:
      return ending({ is: "rights", level: readLevel(r) });
    case 12:
      return { is: "hash", body };
    case 13:
      return ending({ is: "closed", code: r.text(MAX_WORD), again: r.small(1) === 1 });
    case 15:
      r.below(MOST);
      return ending({ is: "pong" });
    case 16:
      return ending({ is: "authors", authors: readAuthors(r) });
    case 18:
      return ending({ is: "allowed", allowed: r.small(1) === 1 });
    default:
      throw new WireError("Unknown");
  }
}

function readLevel(r: Reader): Level {
  const level = LEVELS[r.byte()];
  if (level === undefined) throw new WireError("Unknown");
  return level;
}

function readAuthors(r: Reader): AuthorName[] {
  const authors: AuthorName[] = [];
  for (let count = r.below(MOST_AUTHORS); count > 0; count--) authors.push({ author: r.below(0xffff_ffff), participant: r.below(0xffff_ffff), name: r.text(MAX_WORD) });
  return authors;
}
