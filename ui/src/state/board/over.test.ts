// Lines for the real screen: where they lie, and that only what changed is told, one message at a time.
import { expect, it } from "vitest";
import { FADING, NO_PRESSURE, type Point } from "../../board";
import type { DrawnStroke } from "../../generated/desk";
import { LiveInk, STAY_MS, FADE_MS } from "./fading";
import { linesOf, OverScreen, type Ink } from "./over";
import { PAGE, type StrokeLook } from "./picture";

const at = (x: number, y: number, pressure = NO_PRESSURE): Point => ({ x: x * PAGE.width, y: y * PAGE.height, pressure });
const look = (points: Point[], tool = 0): StrokeLook => ({ kind: "stroke", runs: [points], place: { x: 0, y: 0, width: 0, height: 0, turn: 0 }, color: 0xd13438ff, width: PAGE.width / 100, tool });

class Sheet implements Ink {
  all: StrokeLook[] = [];
  live = new LiveInk();
  strokes = () => this.all;
  making = () => undefined;
}

function over(taken: () => boolean = () => true) {
  const sheet = new Sheet();
  const told: [number, DrawnStroke[]][] = [];
  const waiting: (() => void)[] = [];
  const timers: (() => void)[] = [];
  let now = 0;
  const draw = (keep: number, strokes: DrawnStroke[]) => {
    told.push([keep, strokes]);
    return new Promise<boolean>((done) => waiting.push(() => done(taken())));
  };
  const screen = new OverScreen(sheet, draw, (_, call) => timers.push(call), () => now);
  const answer = async () => {
    waiting.splice(0).forEach((done) => done());
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  const tick = (ms: number) => {
    now += ms;
    timers.splice(0).forEach((call) => call());
  };
  return { sheet, told, screen, answer, tick, timers };
}

it("counts in shares of the picture, with the pen's pressure, and marks a highlighter", () => {
  const sheet = new Sheet();
  sheet.all = [look([at(0.25, 0.5), at(0.75, 0.5)]), look([at(0.1, 0.1, 0), at(0.2, 0.2, 255)]), look([at(0, 0, 9), at(1, 1, 90)], 2)];
  expect(linesOf(sheet, 0)).toEqual([
    { color: 0xd13438, width: 0.01001, hatched: false, points: [0.25, 0.5, 1, 0.75, 0.5, 1] },
    { color: 0xd13438, width: 0.01001, hatched: false, points: [0.1, 0.1, 0.25, 0.2, 0.2, 1.5] },
    { color: 0xd13438, width: 0.01001, hatched: true, points: [0, 0, 1, 1, 1, 1] },
  ].map((line) => ({ ...line, width: 0.01 })));
});

it("tells what is new after what stays, and waits for the answer before it tells more", async () => {
  const { sheet, told, screen, answer } = over();
  const [a, b, c] = [look([at(0, 0)]), look([at(0.1, 0)]), look([at(0.2, 0)])];
  sheet.all = [a];
  screen.changed();
  sheet.all = [a, b];
  screen.changed();
  sheet.all = [a, b, c];
  screen.changed();
  expect(told.length).toBe(1);
  await answer();
  expect(told.map(([keep, lines]) => [keep, lines.length])).toEqual([[0, 1], [1, 2]]);
  await answer();
  screen.changed();
  await answer();
  expect(told.length).toBe(2);
  // The same stroke read anew is the same stroke.
  sheet.all = [look([at(0, 0)]), c];
  screen.changed();
  await answer();
  expect(told.at(-1)).toEqual([1, linesOf({ ...sheet, strokes: () => [c] }, 0)]);
  screen.close();
  await answer();
  expect(told.at(-1)).toEqual([0, []]);
});

it("takes away at its beginning what a page before it left", async () => {
  const { told, screen, answer } = over();
  screen.changed();
  await answer();
  screen.changed();
  expect(told).toEqual([[0, []]]);
});

it("begins anew after a list was not taken", async () => {
  let taken = false;
  const { sheet, told, screen, answer } = over(() => taken);
  sheet.all = [look([at(0, 0)])];
  screen.changed();
  await answer();
  taken = true;
  sheet.all = [...sheet.all, look([at(0.5, 0)])];
  screen.changed();
  await answer();
  expect(told.map(([keep, lines]) => [keep, lines.length])).toEqual([[0, 1], [0, 2]]);
});

it("makes ink that fades thinner until it is gone, by itself", async () => {
  const { sheet, told, screen, answer, tick, timers } = over();
  sheet.live.add({ key: 1, tool: FADING, color: 0xff, width: 164, points: [at(0.5, 0.5), at(0.6, 0.5)] }, 0);
  screen.changed();
  await answer();
  const whole = told.at(-1)?.[1][0]?.width ?? 0;
  tick(STAY_MS + FADE_MS / 2);
  await answer();
  expect(told.at(-1)?.[1][0]?.width).toBeCloseTo(whole / 2, 4);
  tick(FADE_MS);
  await answer();
  expect(told.at(-1)).toEqual([0, []]);
  expect(timers.length).toBe(0);
});

it("takes ink away that somebody else has found gone while it was told", async () => {
  const { sheet, told, screen, answer, tick, timers } = over();
  sheet.live.add({ key: 1, tool: FADING, color: 0xff, width: 164, points: [at(0.5, 0.5), at(0.6, 0.5)] }, 0);
  screen.changed();
  await answer();
  tick(STAY_MS + FADE_MS - 1);
  expect(told.at(-1)?.[1].length).toBe(1);
  sheet.live.shades(STAY_MS + FADE_MS);
  await answer();
  tick(50);
  await answer();
  expect(told.at(-1)).toEqual([0, []]);
  expect(timers.length).toBe(0);
});
