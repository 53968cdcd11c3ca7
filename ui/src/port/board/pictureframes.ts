// The messages of a connection for pictures (docs/BOARD.md, "Pictures"): a byte for the sort, then the body. Pure.
import { Reader, WireError, Writer } from "../../board";
import type { LaneSeat } from "./frames";

export type PictureAnswer =
  /** `most`: bytes a picture may have now; 0: none is taken. */
  | { is: "opened"; board: string; most: number }
  | { is: "took"; bytes: number }
  | { is: "kept"; sha256: Uint8Array }
  | { is: "refused"; sha256: Uint8Array; code: string }
  | { is: "found"; sha256: Uint8Array; size: number }
  | { is: "piece"; piece: Uint8Array }
  | { is: "closed"; code: string; again: boolean };

const VERSION = 1;
const MAX_WORD = 200;
const MOST = Number.MAX_SAFE_INTEGER;

function frame(sort: number, write: (w: Writer) => void): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  w.byte(sort);
  write(w);
  return w.bytes();
}

export function openPicturesFrame(seat: LaneSeat, board: string): Uint8Array<ArrayBuffer> {
  return frame(19, (w) => {
    w.number(VERSION);
    w.text(seat.meeting);
    w.number(seat.participant);
    w.text(seat.token);
    w.text(board);
  });
}

export function putFrame(sha256: Uint8Array, size: number, name: string): Uint8Array<ArrayBuffer> {
  return frame(21, (w) => {
    w.raw(sha256);
    w.number(size);
    w.text(name);
  });
}

export const pieceFrame = (piece: Uint8Array): Uint8Array<ArrayBuffer> => frame(22, (w) => w.raw(piece));
export const getFrame = (sha256: Uint8Array): Uint8Array<ArrayBuffer> => frame(23, (w) => w.raw(sha256));

/** Reads what the server says; throws WireError. */
export function readPictureFrame(bytes: Uint8Array): PictureAnswer {
  const body = bytes.subarray(1);
  const r = new Reader(body);
  const hash = () => r.raw(32).slice();
  const ending = <T>(value: T): T => (r.end(), value);
  switch (bytes[0]) {
    case 13:
      return ending({ is: "closed", code: r.text(MAX_WORD), again: r.small(1) === 1 });
    case 20:
      return ending({ is: "opened", board: r.text(MAX_WORD), most: r.below(MOST) });
    case 24:
      return ending({ is: "took", bytes: r.below(MOST) });
    case 25:
      return ending({ is: "kept", sha256: hash() });
    case 26:
      return ending({ is: "refused", sha256: hash(), code: r.text(MAX_WORD) });
    case 27:
      return ending({ is: "found", sha256: hash(), size: r.below(MOST) });
    case 28:
      return { is: "piece", piece: body };
    default:
      throw new WireError("Unknown");
  }
}
