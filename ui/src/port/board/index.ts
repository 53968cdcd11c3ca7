// What the views may know of how a board comes and goes; the guest's own is ../guest/board.ts.
import type { Change } from "../../board";
import type { DrawnStroke } from "../../generated/desk";
import type { Result } from "../port";
import type { Lane, LaneEvents } from "./lane";
import type { Pictures } from "./pictures";

export type { DrawnStroke } from "../../generated/desk";
export type { Lane, LaneEvents, LaneState } from "./lane";
export type { Done, Pictures } from "./pictures";

/** A change, and when the server took it, milliseconds since 1970. */
export interface Entry {
  at: number;
  change: Change;
}

export interface BoardPort {
  /** Opens the board of where one is, or the one named (`screen-N`: over the screen of track N); comes with the board's own files, so that nobody loads them who never draws. */
  open(events: LaneEvents, board?: string): Promise<Lane>;
  /** The way of the bytes of a board's pictures; `board` as it is called once opened, asked when it is dialled. */
  pictures(board: () => string): Promise<Pictures>;
  /** Every change of a board with its time, the oldest first. */
  readonly history?: (board: string) => Promise<Result<Entry[]>>;
  /**
   * Shows lines over the real screen one shares: the first `keep` of those before stay, these come after them. False: not taken, and
   * told anew from none. Only where there is a real screen to draw on.
   */
  readonly drawOver?: (keep: number, strokes: DrawnStroke[]) => Promise<boolean>;
}
