// Which buttons of the board's tool bar have room, and which go behind "More": what is needed most stays longest. Pure.
import type { ToolName } from "./tools";

export type BarKey = ToolName | "style" | "shapes" | "import" | "undo" | "redo" | "zoom" | "fit" | "objects" | "replay" | "export";

/** From what stays to what goes first. */
const RANKS: readonly BarKey[] = [
  "pen", "erasePart", "select", "style", "undo", "text", "note", "import", "shape", "hand", "redo", "highlighter", "zoom", "objects", "export", "shapes",
  "connector", "laser", "eraseStroke", "fit", "replay",
];

// Widths in rem, as in FloatBar's styles: a button, what lies between two, the bar's own edges and what stays free beside it.
const BUTTON = 2.5;
const GAP = 0.25;
const EDGES = 2 * 0.25 + 2 * 0.5;
/** Two buttons and the figure between them. */
const ZOOM = 2 * BUTTON + 2 * GAP + 3;

const widthOf = (key: BarKey): number => (key === "zoom" ? ZOOM : BUTTON) + GAP;

/** Those of `keys` that have room on a board of this width, rem; where some have not, a button for the rest has. */
export function fitting(keys: readonly BarKey[], width: number): ReadonlySet<BarKey> {
  const room = width - EDGES + GAP;
  if (keys.reduce((sum, key) => sum + widthOf(key), 0) <= room) return new Set(keys);
  const shown = new Set<BarKey>();
  let left = room - BUTTON - GAP;
  for (const key of RANKS) {
    if (!keys.includes(key)) continue;
    left -= widthOf(key);
    // Nothing less needed takes the place of what is too wide: buttons go one by one, in one order.
    if (left < 0) break;
    shown.add(key);
  }
  return shown;
}
