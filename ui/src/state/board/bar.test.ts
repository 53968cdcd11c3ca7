// Buttons of the tool bar at the sizes boards have.
import { expect, it } from "vitest";
import { fitting, type BarKey } from "./bar";
import { TOOLS } from "./tools";

const ALL: BarKey[] = [...TOOLS, "style", "shapes", "import", "undo", "redo", "zoom", "fit", "objects", "replay", "export"];
/** What the bar needs, by the widths of its styles. */
const needs = (keys: ReadonlySet<BarKey>, more: boolean) => {
  const buttons = keys.size + (keys.has("zoom") ? 2 : 0) + Number(more);
  return buttons * 40 + (keys.has("zoom") ? 48 - 40 : 0) + (buttons - 1) * 4 + 8 + 16;
};

it("has room for all beside the people of a window 1280 wide", () => {
  expect(fitting(ALL, 1043 / 16)).toEqual(new Set(ALL));
  expect(needs(new Set(ALL), false)).toBeLessThanOrEqual(1043);
});

it("never is wider than its board, and gives up what is needed least", () => {
  let before = 0;
  for (let width = 280; width < 1400; width += 1) {
    const shown = fitting(ALL, width / 16);
    expect(needs(shown, shown.size < ALL.length), `${width}`).toBeLessThanOrEqual(width);
    expect(shown.size).toBeGreaterThanOrEqual(before);
    before = shown.size;
  }
  expect([...fitting(ALL, 366 / 16)].sort()).toEqual(["erasePart", "pen", "select", "style", "text", "undo"]);
});

it("keeps the view's own buttons where nobody may draw", () => {
  const look: BarKey[] = ["hand", "zoom", "fit", "objects", "replay", "export"];
  expect(fitting(look, 420 / 16)).toEqual(new Set(look));
  expect([...fitting(look, 366 / 16)].sort()).toEqual(["export", "hand", "objects", "zoom"]);
});
