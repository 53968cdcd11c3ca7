import { describe, expect, it } from "vitest";
import { Board, objectsOn, pages, pictureHash, wholeOrder, type Point, type Rights } from "../../board";
import { enBoard } from "../../i18n/en-board";
import { placeholders } from "../../i18n/format";
import { zhBoard } from "../../i18n/zh-CN-board";
import { addConnector, addNote, addPage, addShape, addStroke, copy, endOn, erase, paste, remove, reorder, setAll, setGroup, START_STYLE } from "./acts";
import { fit, HOME, limited, MAX_ZOOM, pan, pinch, seen, toPage, toScreen, wheel, zoomAt } from "./camera";
import { coarse } from "./coarse";
import { lettersOn, shown } from "./colors";
import { boxOf } from "./geometry";
import { Grid } from "./grid";
import { caught, hit } from "./hit";
import { actOf } from "./keys";
import { lineThrough, outlineOf, thinned } from "./outline";
import type { Look } from "./marks";
import { placing } from "./paint";
import { paperIn } from "./paper";
import { pdfOf } from "./pdf";
import { Scene } from "./scene";
import { align, distribute, expand, fitted, resized, snap, turnedPlace } from "./select";
import { escaped, svgOf } from "./svg";
import { roughly, wrap } from "./text";
import { levelAt, TILE, TileCache, tilesAround, tilesOver } from "./tiles";
import { start, step, type Effect, type Ground, type Input, type ToolName, type Touch } from "./tools";

const view = { width: 800, height: 600 };
const HOST: Rights = { author: 1, level: "host" };
const near = (a: { x: number; y: number }, b: { x: number; y: number }) => [expect(a.x).toBeCloseTo(b.x, 6), expect(a.y).toBeCloseTo(b.y, 6)];
const line = (n: number): Point[] => Array.from({ length: n }, (_, i) => ({ x: i * 100, y: 0, pressure: 128 }));

function paper(): { board: Board; page: string; scene: () => Scene } {
  const board = new Board({ author: 1, session: 1 });
  const page = board.edit("new", (e) => e.create("page", { order: wholeOrder(0) }));
  return { board, page, scene: () => new Scene(board, page) };
}

describe("the camera", () => {
  const camera = { x: 500, y: -300, zoom: 2.5 };
  it("goes to the page and back", () => near(toPage(camera, view, toScreen(camera, view, { x: 12, y: 34 })), { x: 12, y: 34 }));
  it("keeps what is under the pointer when zooming", () => {
    const at = { x: 100, y: 500 };
    const before = toPage(camera, view, at);
    near(toPage(zoomAt(camera, view, at, 1.7), view, at), before);
    near(toPage(wheel(camera, view, at, { deltaX: 0, deltaY: -50, deltaMode: 0, ctrlKey: true, metaKey: false, shiftKey: false }), view, at), before);
  });
  it("follows two fingers", () => {
    const from = [{ x: 100, y: 100 }, { x: 200, y: 100 }] as const;
    const to = [{ x: 300, y: 200 }, { x: 500, y: 200 }] as const;
    const after = pinch(camera, view, from, to);
    expect(after.zoom).toBeCloseTo(5);
    near(toScreen(after, view, toPage(camera, view, from[0])), to[0]);
    near(toScreen(after, view, toPage(camera, view, from[1])), to[1]);
  });
  it("pans by pixels, keeps its limits, and shows a box whole", () => {
    near(toScreen(pan(camera, 10, -20), view, { x: 0, y: 0 }), { x: toScreen(camera, view, { x: 0, y: 0 }).x + 10, y: toScreen(camera, view, { x: 0, y: 0 }).y - 20 });
    expect(limited({ x: NaN, y: 1e12, zoom: 1e9 })).toEqual({ x: 0, y: 2 ** 26, zoom: MAX_ZOOM });
    const all = fit({ x: 0, y: 0, width: 160_000, height: 16_000 }, view);
    expect(toScreen(all, view, { x: 0, y: 0 }).x).toBeCloseTo(48);
    expect(fit(undefined, view)).toEqual(HOME);
  });
});

describe("the scene", () => {
  it("is the same after every change as one built anew", () => {
    const { board, page, scene } = paper();
    const kept = scene();
    const shape = addShape(board, page, { x: 0, y: 0, width: 1600, height: 800 }, START_STYLE);
    kept.update([shape]);
    const end = endOn(kept, { x: 1600, y: 400 }, 10);
    expect(end).toMatchObject({ object: shape, across: 0xffff, down: 0x8000 });
    const connector = addConnector(board, page, end, { x: 4000, y: 400 }, START_STYLE);
    kept.update([connector]);
    setAll(board, HOST, [shape], "place", (o) => ({ ...o.get("place")!, x: 1000 }));
    kept.update([shape]);
    expect(kept.all()).toEqual(scene().all());
    expect(kept.item(connector)?.look).toMatchObject({ from: { x: 2600 } });
    remove(board, HOST, [shape]);
    kept.update([shape]);
    expect(kept.all()).toEqual(scene().all());
    board.undo();
    kept.update([shape]);
    expect(kept.all().map((i) => i.id)).toEqual(objectsOn(board.document, page));
    expect(kept.all()).toEqual(scene().all());
  });
  it("finds what is under the pointer, topmost first, and looks through empty shapes", () => {
    const { board, page, scene } = paper();
    const below = addNote(board, page, { x: 800, y: 400 }, undefined, START_STYLE);
    const frame = addShape(board, page, { x: 0, y: 0, width: 1600, height: 800 }, START_STYLE);
    const ink = addStroke(board, page, line(10), START_STYLE, false);
    const now = scene();
    expect(hit(now, { x: 800, y: 400 }, 20)?.id).toBe(below);
    expect(hit(now, { x: 0, y: 400 }, 20)?.id).toBe(frame);
    expect(hit(now, { x: 450, y: 10 }, 20)?.id).toBe(ink);
    expect(hit(now, { x: 9000, y: 9000 }, 20)).toBeUndefined();
    expect(caught(now, { x: -10, y: -10, width: 1700, height: 900 }).map((i) => i.id)).toEqual([frame, ink]);
  });
  it("turns what is turned: the pointer finds it where it is seen", () => {
    const { board, page, scene } = paper();
    const id = addShape(board, page, { x: 0, y: 0, width: 4000, height: 400 }, { ...START_STYLE, fill: 0xff0000ff }, 9000);
    expect(hit(scene(), { x: 2000, y: 2100 }, 0)?.id).toBe(id);
    expect(hit(scene(), { x: 3900, y: 200 }, 0)).toBeUndefined();
  });
  it("finds in the grid what lies across cells, and nothing that was removed", () => {
    const grid = new Grid();
    grid.put("a", { x: 8000, y: 0, width: 1000, height: 10 });
    grid.put("huge", { x: -1e7, y: -1e7, width: 2e7, height: 2e7 });
    expect([...grid.near({ x: 8900, y: 0, width: 1, height: 1 })].sort()).toEqual(["a", "huge"]);
    grid.remove("a");
    expect([...grid.near({ x: 8900, y: 0, width: 1, height: 1 })]).toEqual(["huge"]);
  });
});

describe("erasing", () => {
  it("cuts a stroke in two in one step, also one that was moved, stretched and turned", () => {
    const { board, page, scene } = paper();
    const id = addStroke(board, page, line(11), START_STYLE, false);
    setAll(board, HOST, [id], "place", () => ({ x: 5000, y: 3000, width: 2000, height: 0, turn: 9000 }));
    const before = pictureHash(board.document);
    // Turned by a quarter about (6000, 3000) it runs from (6000, 2000) to (6000, 4000).
    erase(board, scene(), HOST, "erasePart", { x: 5800, y: 3000 }, { x: 6200, y: 3000 }, 100, true);
    const look = scene().item(id)?.look;
    expect(look?.kind === "stroke" && look.runs.length).toBe(2);
    erase(board, scene(), HOST, "erasePart", { x: 5800, y: 2500 }, { x: 6200, y: 2500 }, 100, false);
    expect(board.undo()).toBe(true);
    expect(pictureHash(board.document)).toEqual(before);
  });
  it("takes the whole stroke, and leaves what one may not change", () => {
    const { board, page, scene } = paper();
    const id = addStroke(board, page, line(11), START_STYLE, false);
    erase(board, scene(), { author: 7, level: "own" }, "eraseStroke", { x: 300, y: 0 }, { x: 310, y: 0 }, 50, true);
    expect(scene().size).toBe(1);
    erase(board, scene(), HOST, "eraseStroke", { x: 300, y: 0 }, { x: 310, y: 0 }, 50, true);
    expect(scene().item(id)).toBeUndefined();
  });
});

describe("what is selected", () => {
  it("moves as a group, is copied with its connectors, comes to the front", () => {
    const { board, page, scene } = paper();
    const a = addShape(board, page, { x: 0, y: 0, width: 1600, height: 800 }, START_STYLE);
    const c = addConnector(board, page, endOn(scene(), { x: 1600, y: 400 }, 1), { x: 4000, y: 0 }, START_STYLE);
    const b = addNote(board, page, { x: 9000, y: 0 }, undefined, START_STYLE);
    setGroup(board, page, HOST, [a, b], true);
    expect(expand(scene(), [a])).toEqual([a, b]);
    const [first, second] = paste(board, page, copy(board, [c, a]), { x: 100, y: 0 });
    expect(board.document.object(second!)?.get("from")).toMatchObject({ object: first });
    reorder(board, page, HOST, [a], "front");
    expect(objectsOn(board.document, page).at(-1)).toBe(a);
    reorder(board, page, HOST, [a], "back");
    expect(objectsOn(board.document, page)[0]).toBe(a);
  });
  it("resizes by any handle with the other side in place", () => {
    const frame = { x: 0, y: 0, width: 1000, height: 500 };
    expect(resized(frame, { h: -1, v: -1 }, { x: 100, y: 50 }, false, false)).toEqual({ x: 100, y: 50, width: 900, height: 450 });
    expect(resized(frame, { h: 1, v: 0 }, { x: 500, y: 9 }, true, false)).toEqual({ x: 0, y: -125, width: 1500, height: 750 });
    expect(resized(frame, { h: 1, v: 1 }, { x: -9999, y: -9999 }, false, false)).toEqual({ x: 0, y: 0, width: 128, height: 128 });
    expect(fitted({ x: 250, y: 0, width: 500, height: 500, turn: 0 }, frame, { x: 0, y: 0, width: 2000, height: 500 })).toEqual({ x: 500, y: 0, width: 1000, height: 500, turn: 0 });
    expect(turnedPlace({ x: 0, y: 0, width: 100, height: 100, turn: 35_000 }, { x: 50, y: 50 }, 2000).turn).toBe(1000);
  });
  it("aligns, spreads and snaps", () => {
    const boxes = [{ x: 0, y: 0, width: 10, height: 10 }, { x: 15, y: 7, width: 10, height: 10 }, { x: 90, y: 3, width: 10, height: 10 }];
    expect(align(boxes, "left").map((v) => v.x)).toEqual([0, -15, -90]);
    expect(align(boxes, "bottom").map((v) => v.y)).toEqual([7, 0, 4]);
    expect(distribute(boxes, "x").map((v) => v.x)).toEqual([0, 30, 0]);
    expect(snap({ x: 103, y: 50, width: 10, height: 10 }, [{ x: 100, y: 0, width: 40, height: 10 }], 5)).toEqual({ by: { x: -3, y: 0 }, lines: [{ axis: "x", at: 100 }] });
    expect(snap({ x: 203, y: 50, width: 10, height: 10 }, boxes, 5).lines).toEqual([]);
  });
});

describe("tools", () => {
  const none: Ground = { hit: () => undefined, handle: () => undefined, knob: () => false, isSelected: () => false };
  const at = (x: number, y: number, more: Partial<Touch> = {}): Touch => ({ x, y, pressure: 0.5, pen: false, shift: false, alt: false, reach: 8, screen: { x, y }, ...more });
  function run(tool: ToolName, inputs: Input[], ground = none): { effects: Effect[]; hold: string } {
    let state = start(tool);
    const effects: Effect[] = [];
    for (const input of inputs) {
      const next = step(state, input, ground);
      state = next.state;
      effects.push(...next.effects);
    }
    return { effects, hold: state.hold.is };
  }
  const drag = (to: Partial<Touch> = {}): Input[] => [{ is: "down", at: at(0, 0) }, { is: "move", at: at(500, 300, to) }, { is: "up", at: at(500, 300, to) }];

  it("every tool comes to rest, done or given up", () => {
    for (const tool of ["select", "hand", "pen", "highlighter", "erasePart", "eraseStroke", "shape", "connector", "text", "note", "laser"] as const) {
      expect(run(tool, drag()).hold, tool).toBe("nothing");
      expect(run(tool, [{ is: "down", at: at(0, 0) }, { is: "cancel" }]).hold, tool).toBe("nothing");
    }
  });
  it("a pen's pressure is kept, a mouse has none, Shift makes it straight", () => {
    const stroke = (more: Partial<Touch>) => run("pen", drag(more)).effects.find((e) => e.is === "stroke")!.points;
    expect(stroke({}).every((p) => p.pressure === 128)).toBe(true);
    expect(stroke({ pen: true, pressure: 1 }).at(-1)!.pressure).toBeGreaterThan(180);
    expect(stroke({ shift: true })).toHaveLength(2);
  });
  it("given up, ink leaves nothing and a move is taken back", () => {
    expect(run("pen", [{ is: "down", at: at(0, 0) }, { is: "move", at: at(90, 0) }, { is: "cancel" }]).effects).toEqual([]);
    const ground = { ...none, hit: () => "1@1.1" };
    const effects = run("select", [{ is: "down", at: at(0, 0) }, { is: "move", at: at(90, 0) }, { is: "cancel" }], ground).effects.map((e) => e.is);
    expect(effects).toEqual(["select", "grab", "move", "giveUp"]);
  });
  it("a click selects and does not move; a drag in the open catches", () => {
    const ground = { ...none, hit: () => "1@1.1", isSelected: () => true };
    expect(run("select", [{ is: "down", at: at(0, 0) }, { is: "move", at: at(1, 1) }, { is: "up", at: at(1, 1) }], ground).effects).toEqual([{ is: "select", ids: ["1@1.1"], add: false }]);
    expect(run("select", drag()).effects).toEqual([{ is: "select", ids: [], add: false }, { is: "catch", box: { x: 0, y: 0, width: 500, height: 300 }, add: false }]);
  });
  it("a shape is as large as drawn, with Shift as wide as high, clicked of the usual size", () => {
    expect(run("shape", drag()).effects).toMatchObject([{ box: { width: 500, height: 300 } }]);
    expect(run("shape", drag({ shift: true })).effects).toMatchObject([{ box: { width: 500, height: 500 } }]);
    expect(run("shape", [{ is: "down", at: at(0, 0) }, { is: "up", at: at(0, 0) }]).effects).toMatchObject([{ box: { width: 2560, height: 1600 } }]);
  });
});

describe("drawing", () => {
  it("draws each tile once, what is stale again, and keeps no more than it may", () => {
    const cache = new TileCache<string>(6);
    const tiles = tilesOver({ x: 0, y: 0, width: 8000, height: 8000 }, 0, 1);
    expect(tiles).toHaveLength(4);
    expect(cache.plan(tiles, { x: 7000, y: 7000, zoom: 1 }).draw[0]?.key).toBe("0:1:1");
    tiles.forEach((tile) => cache.put(tile, tile.key));
    expect(cache.plan(tiles, HOME)).toMatchObject({ draw: [], have: { length: 4 } });
    cache.spoil([{ x: 100, y: 100, width: 10, height: 10 }]);
    expect(cache.plan(tiles, HOME).draw.map((t) => t.key)).toEqual(["0:0:0"]);
    for (const tile of tilesOver({ x: 50_000, y: 0, width: 40_000, height: 100 }, 0, 1)) cache.put(tile, cache.reuse(tile) ?? tile.key);
    expect(cache.size).toBe(6);
  });
  it("lays tiles of a zoom that rests point by point, without seams wherever one looks", () => {
    for (const zoom of [0.05, 0.137, 1, 2.71, 16]) for (const dpr of [1, 1.5, 2]) for (const x of [0, 12_345.678, -98_765.4321]) {
      const camera = { x, y: -x / 3, zoom };
      const box = seen(camera, view);
      const place = placing(camera, view, dpr);
      const placed = tilesOver(box, levelAt(zoom), dpr).map((tile) => place(tile));
      for (const [, , width, height] of placed) expect([width, height]).toEqual([TILE, TILE]);
      const [lefts, tops] = [[...new Set(placed.map(([left]) => left))], [...new Set(placed.map(([, top]) => top))]];
      for (const edges of [lefts, tops]) edges.sort((a, b) => a - b).forEach((edge, i) => i > 0 && expect(edge - edges[i - 1]!).toBe(TILE));
      expect(placed).toHaveLength(lefts.length * tops.length);
      expect(lefts[0]).toBeLessThanOrEqual(0);
      expect(lefts.at(-1)! + TILE).toBeGreaterThanOrEqual(Math.floor(view.width * dpr));
      expect(place({ key: "", level: 0, box: { x: 0, y: 0, width: 4096, height: 4096 } })[2]).toBe(Math.round(256 * zoom * dpr));
    }
  });
  it("shows tiles of the nearest zooms for one that is missing, the nearest on top", () => {
    const cache = new TileCache<number>();
    for (const level of [-3, -1, 0.5, 4, 1.5]) cache.put({ key: `${level}`, level, box: { x: 0, y: 0, width: 5000, height: 5000 } }, level);
    cache.put({ key: "elsewhere", level: 1.1, box: { x: 9000, y: 0, width: 10, height: 10 } }, 1.1);
    expect(cache.standIns({ key: "1", level: 1, box: { x: 100, y: 100, width: 10, height: 10 } }).map((kept) => kept.picture)).toEqual([4, -1, 0.5, 1.5]);
  });
  it("draws ahead what panning will show, and nothing twice", () => {
    const box = { x: 100, y: 100, width: 8000, height: 4000 };
    const inner = tilesOver(box, 0, 1);
    const around = tilesAround(box, 0, 1);
    expect(new Set([...inner, ...around].map((tile) => tile.key)).size).toBe(inner.length + around.length);
    expect([inner.length, around.length]).toEqual([4, 12]);
  });
  it("leaves out of ink what nobody sees from far, and nothing near", () => {
    const { board, page, scene } = paper();
    const wave = Array.from({ length: 200 }, (_, i) => ({ x: i * 20, y: Math.round(300 * Math.sin(i / 9)), pressure: 60 + (i % 190) }));
    const id = addStroke(board, page, wave, START_STYLE, false);
    const look = scene().item(id)!.look as Extract<Look, { kind: "stroke" }>;
    expect(coarse(look, 1 / 16), "at 100 %").toBe(look);
    const far = coarse(look, 1 / 300) as typeof look;
    expect(coarse(look, 1 / 310)).toBe(far);
    const [all, few] = [look.runs[0]!, far.runs[0]!];
    expect(few.length).toBeLessThan(all.length / 4);
    for (const p of all) expect(Math.min(...few.map((q) => Math.hypot(p.x - q.x, p.y - q.y)))).toBeLessThanOrEqual(300);
    expect([few[0], few.at(-1)]).toMatchObject([{ x: all[0]!.x, y: all[0]!.y }, { x: all.at(-1)!.x, y: all.at(-1)!.y }]);
  });
  it("makes smooth paths of numbers only, whatever the points", () => {
    const wild = [...line(5), { x: 400, y: 0, pressure: 0 }, { x: 0, y: 5, pressure: 255 }, { x: 0, y: 5, pressure: 255 }];
    for (const points of [line(1), line(2), wild, wild.slice(0, 1)]) for (const d of [lineThrough(points), outlineOf(points, 48)]) expect(d).toMatch(/^M[\d. MLQZa-]+$/);
    expect(thinned(line(100).map((p) => ({ ...p, x: p.x / 100 })), 4)).toHaveLength(26);
    expect(boxOf([])).toEqual({ x: 0, y: 0, width: 0, height: 0 });
  });
  it("shows black as white on dark paper, and letters that can be read on every note", () => {
    expect(shown(0x000000ff, true)).toBe(0xffffffff);
    expect(shown(0x000000ff, false)).toBe(0xff);
    expect([lettersOn(0xffe58fff), lettersOn(0x101010ff)]).toEqual([0x12171cff, 0xf0f3f6ff]);
  });
  it("breaks lines between words, around ideographs, and inside words too long", () => {
    expect(wrap("one two three", 7, (t) => t.length)).toEqual(["one two", "three"]);
    expect(wrap("会议纪要", 2, (t) => t.length)).toEqual(["会议", "纪要"]);
    expect(wrap("abcdefgh\n", 3, (t) => t.length)).toEqual(["abc", "def", "gh", ""]);
  });
  it("has paper of every kind, and never more lines than can be seen", () => {
    for (let n = 0; n < 8; n++) expect(paperIn(n, { x: 0, y: 0, width: 1e8, height: 1e8 }).d.length, String(n)).toBeLessThan(4_000_000);
    expect(paperIn(4, { x: 0, y: 0, width: 10, height: 10 }).words).toHaveLength(3);
  });
});

describe("exports", () => {
  it("writes an SVG that holds every object and no tag of anybody's", () => {
    const { board, page, scene } = paper();
    addStroke(board, page, line(5), START_STYLE, true);
    const note = addNote(board, page, { x: 0, y: 0 }, undefined, START_STYLE);
    setAll(board, HOST, [note], "text", () => "<script>&\u0001");
    const svg = svgOf(scene(), roughly, `a"b`);
    expect(svg).toMatch(/^<svg [^>]+viewBox="[-\d. ]+">\n<title>a&#34;b<\/title>/);
    expect(svg).toContain("&#60;script&#62;&#38;<");
    expect(svg).toContain('stroke-opacity="0.4"');
    expect(svg).not.toContain("<script");
    expect(escaped("\u0000a'")).toBe("a&#39;");
  });
  it("writes a PDF whose table points at its objects", () => {
    const text = String.fromCharCode(...pdfOf([1, 2].map(() => ({ jpeg: new Uint8Array([255, 216]), width: 3, height: 4, pageWidth: 30, pageHeight: 40, alt: "a" })), "t", "en"));
    const table = Number(/startxref\n(\d+)/.exec(text)?.[1]);
    const offsets = [...text.slice(table).matchAll(/(\d{10}) 00000 n/g)].map((m) => Number(m[1]));
    expect(offsets).toHaveLength(13);
    offsets.forEach((offset, i) => expect(text.slice(offset)).toMatch(new RegExp(`^${i + 1} 0 obj`)));
  });
  it("tells in a PDF what is to be seen on each page, in letters of every script", async () => {
    const { getDocument } = await import("pdfjs-dist/legacy/build/pdf.min.mjs");
    const page = { jpeg: new Uint8Array([255, 216]), width: 3, height: 4, pageWidth: 30, pageHeight: 40 };
    const alts = ["Page 1: 1 object.\nPicture: a (cat) \\ 🐈", "第 2 页：空白"];
    const file = await getDocument({ data: pdfOf(alts.map((alt) => ({ ...page, alt })), "白板", "zh-CN") }).promise;
    for (const [i, alt] of alts.entries()) {
      const tree = await (await file.getPage(i + 1)).getStructTree();
      expect(tree).toMatchObject({ role: "Root", children: [{ role: "Document", children: [{ role: "Figure", alt }] }] });
    }
    expect((await file.getMetadata()).info).toMatchObject({ Title: "白板", Language: "zh-CN" });
    expect(await file.getMarkInfo()).toMatchObject({ Marked: true });
  });
});

it("keys take tools and do what they do elsewhere, and leave the meeting's alone", () => {
  const press = (key: string, more: object = {}) => actOf({ key, code: "", ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });
  expect(press("p")).toEqual({ act: "tool", tool: "pen" });
  expect(press("Z", { ctrlKey: true, shiftKey: true })).toEqual({ act: "redo" });
  expect(press("ArrowLeft", { shiftKey: true })).toEqual({ act: "nudge", x: -160, y: 0 });
  for (const key of ["d", "e"]) expect(press(key, { ctrlKey: true })).toBeUndefined();
  for (const key of ["Tab", " ", "?"]) expect(press(key)).toBeUndefined();
});

it("adds pages in order", () => {
  const { board, page } = paper();
  const last = addPage(board, 4);
  const between = addPage(board, 1, "", page);
  expect(pages(board.document)).toEqual([page, between, last]);
});

it("has every text in both languages", () => {
  expect(Object.keys(zhBoard).sort()).toEqual(Object.keys(enBoard).sort());
  for (const key of Object.keys(enBoard) as (keyof typeof enBoard)[]) {
    expect(placeholders(zhBoard[key]), key).toEqual(placeholders(enBoard[key]));
    const zh = zhBoard[key];
    // Names and figures alone are the same in both.
    if (key !== "object.with" && key !== "board.zoom") expect(typeof zh === "string" ? zh : zh.one, key).toMatch(/\p{Script=Han}/u);
  }
});
