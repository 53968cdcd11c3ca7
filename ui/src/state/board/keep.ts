// Keeps what was drawn on a shared screen as a page of the meeting's whiteboard: the picture's edge and the strokes, at the size of a
// 1280 wide screen. The still itself does not come along: boards have no bytes of pictures yet.
import { forbidsCreate, NO_PRESSURE, type Board, type ObjectId, type Point } from "../../board";
import type { BoardPort, Lane } from "../../port/board";
import { addPage, addShape, addStroke, START_STYLE } from "./acts";
import type { Box } from "./geometry";
import { placed, type Size, type StrokeLook } from "./picture";

/** Sixteenths of a unit. */
const WIDTH = 1280 * 16;
const EDGE = 0x9aa7b4ff;
const PATIENCE_MS = 15_000;

export const pageBox = (picture: Size): Box => ({ x: 0, y: 0, width: WIDTH, height: Math.round((WIDTH * picture.height) / picture.width) });

/** Writes the page into a board; its id. Each stroke is a change of its own: together they could be too large for one. */
export function writePage(board: Board, strokes: readonly StrokeLook[], picture: Size, name: string): ObjectId {
  const box = pageBox(picture);
  const page = addPage(board, 0, name);
  addShape(board, page, box, { ...START_STYLE, color: EDGE, width: 16, fill: 0, shape: 0 });
  for (const look of strokes) {
    const { runs, width, color, tool } = placed(look, box);
    const thick = Math.min(16 * 1024, Math.max(1, Math.round(width)));
    const style = { ...START_STYLE, color, width: thick, highlight: thick };
    for (const run of runs) if (run.length > 0) addStroke(board, page, run.map(whole), style, tool === 2);
  }
  return page;
}

const whole = (p: Point): Point => ({ x: Math.round(p.x), y: Math.round(p.y), pressure: p.pressure ?? NO_PRESSURE });

/** Resolves when the server has stored all of it. Rejects when the board cannot be opened, may not be written to, or takes too long. */
export function keepAsPage(port: BoardPort, strokes: readonly StrokeLook[], picture: Size, name: string): Promise<void> {
  return new Promise((done, fail) => {
    let lane: Lane | undefined;
    let wrote = false;
    const end = (how: () => void) => {
      clearTimeout(timer);
      lane?.close();
      how();
    };
    const timer = setTimeout(() => end(() => fail(new Error("the board did not answer"))), PATIENCE_MS);
    const go = () => {
      if (lane?.state === "refused") return end(() => fail(new Error(lane?.code)));
      if (lane?.state !== "ready" || !lane.board) return;
      if (wrote) return lane.board.unacknowledged === 0 ? end(done) : undefined;
      if (forbidsCreate(lane.rights, "page") !== undefined) return end(() => fail(new Error("board_view_only")));
      wrote = true;
      writePage(lane.board, strokes, picture, name);
      lane.wrote();
    };
    port.open({ changed: go, state: go, shown: () => undefined, refused: (why) => end(() => fail(new Error(why))) }).then((opened) => {
      lane = opened;
      go();
    }, (error: unknown) => end(() => fail(error instanceof Error ? error : new Error(String(error)))));
  });
}
