// Keys of the board, beside the meeting's own: a letter takes a tool, chords do what they do elsewhere, full stop and comma go from
// object to object. Tab is left alone: it has to lead out of the canvas. Pure.
import type { ToolName } from "./tools";

export type BoardAct =
  | { act: "tool"; tool: ToolName }
  | { act: "undo" | "redo" | "copy" | "cut" | "paste" | "duplicate" | "delete" | "all" | "none" | "group" | "ungroup" | "front" | "back" | "zoomIn" | "zoomOut" | "actual" | "fit" | "edit" | "next" | "previous" }
  | { act: "nudge"; x: number; y: number };

/** What of a KeyboardEvent is needed. */
export interface BoardKey {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

export const TOOL_KEYS: Record<ToolName, string> = {
  select: "V", hand: "H", pen: "P", highlighter: "M", erasePart: "E", eraseStroke: "X", shape: "R", connector: "C", text: "T", note: "N", laser: "L",
};

const BY_LETTER = new Map((Object.entries(TOOL_KEYS) as [ToolName, string][]).map(([tool, key]) => [key.toLowerCase(), tool]));
/** Units an arrow key moves, and with Shift. */
const NUDGE = [1, 10] as const;
const ARROWS: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const CHORDS: Record<string, BoardAct["act"]> = {
  z: "undo", y: "redo", c: "copy", x: "cut", v: "paste", a: "all", g: "group", "]": "front", "[": "back", "=": "zoomIn", "+": "zoomIn", "-": "zoomOut", "0": "actual", "1": "fit",
};
const SHIFTED: Record<string, BoardAct["act"]> = { z: "redo", g: "ungroup" };
const PLAIN: Record<string, BoardAct["act"]> = { Delete: "delete", Backspace: "delete", Escape: "none", Enter: "edit", F2: "edit", ".": "next", ",": "previous" };

/** What a key press on the canvas does. Ctrl+D and Ctrl+E stay the meeting's; Ctrl+J duplicates. */
export function actOf(press: BoardKey): BoardAct | undefined {
  const mod = press.ctrlKey || press.metaKey;
  const letter = press.key.toLowerCase();
  if (press.altKey) return undefined;
  if (mod) {
    if (letter === "j" && !press.shiftKey) return { act: "duplicate" };
    const act = press.shiftKey ? SHIFTED[letter] : CHORDS[letter];
    return act && ({ act } as BoardAct);
  }
  const arrow = ARROWS[press.key];
  if (arrow) {
    const step = NUDGE[press.shiftKey ? 1 : 0] * 16;
    return { act: "nudge", x: arrow[0] * step, y: arrow[1] * step };
  }
  const plain = PLAIN[press.key];
  if (plain) return { act: plain } as BoardAct;
  const tool = press.shiftKey ? undefined : BY_LETTER.get(letter);
  return tool && { act: "tool", tool };
}
