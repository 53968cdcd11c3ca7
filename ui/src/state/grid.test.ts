import { describe, expect, it } from "vitest";
import { bestGrid, galleryPages, type Stage } from "./grid";

const wide = 16 / 9;
const stage = (width: number, height: number, over: Partial<Stage> = {}): Stage => ({
  width, height, gap: 8, minAspect: wide, maxAspect: wide, minTileWidth: 0, ...over,
});

describe("bestGrid", () => {
  it("gives one person the whole stage that 16:9 allows", () => {
    expect(bestGrid(1, stage(1600, 900))).toMatchObject({ columns: 1, rows: 1, tileWidth: 1600, tileHeight: 900 });
  });
  it("puts two side by side on a wide stage and one above the other on a tall one", () => {
    expect(bestGrid(2, stage(1280, 640))).toMatchObject({ columns: 2, rows: 1 });
    expect(bestGrid(2, stage(390, 700))).toMatchObject({ columns: 1, rows: 2 });
  });
  it("is square for 4, 9 and 25 on a 16:9 stage", () => {
    for (const n of [4, 9, 25]) expect(bestGrid(n, stage(1600, 900)).columns).toBe(Math.sqrt(n));
  });
  it("never draws beyond the stage unless it scrolls", () => {
    for (let n = 1; n <= 60; n++) {
      for (const [w, h] of [[1280, 660], [390, 640], [2560, 1300], [300, 1200]] as const) {
        const g = bestGrid(n, stage(w, h, { minTileWidth: 120, minAspect: 1 }));
        expect(g.columns * g.rows).toBeGreaterThanOrEqual(n);
        expect(g.columns * g.tileWidth + (g.columns - 1) * 8).toBeLessThanOrEqual(w);
        if (!g.scrolls) expect(g.rows * g.tileHeight + (g.rows - 1) * 8).toBeLessThanOrEqual(h);
      }
    }
  });
  it("finds no larger tile by trying every column count by hand", () => {
    for (let n = 1; n <= 30; n++) {
      const g = bestGrid(n, stage(1280, 640));
      for (let c = 1; c <= n; c++) {
        const r = Math.ceil(n / c);
        const w = Math.min((1280 - 8 * (c - 1)) / c, ((640 - 8 * (r - 1)) / r) * wide);
        expect(g.tileWidth).toBeGreaterThanOrEqual(Math.floor(w));
      }
    }
  });
  it("scrolls rather than draw stamps", () => {
    const g = bestGrid(25, stage(366, 600, { minTileWidth: 160 }));
    expect(g).toMatchObject({ columns: 2, scrolls: true });
    expect(g.tileWidth).toBeGreaterThanOrEqual(160);
  });
  it("survives a stage of no size", () => {
    expect(bestGrid(3, stage(0, 0)).tileWidth).toBe(0);
  });
});

describe("galleryPages", () => {
  const laptop = stage(1256, 672, { minTileWidth: 180 });
  const phone = stage(366, 700, { minTileWidth: 160, minAspect: 1 });
  it("needs one page as long as all fit", () => {
    expect(galleryPages(9, laptop)).toEqual({ count: 1, perPage: 9 });
    expect(galleryPages(25, laptop)).toEqual({ count: 1, perPage: 25 });
  });
  it("never makes a page that scrolls or draws stamps", () => {
    for (let n = 1; n <= 120; n++) {
      for (const s of [laptop, phone]) {
        const { count, perPage } = galleryPages(n, s);
        expect(count * perPage).toBeGreaterThanOrEqual(n);
        expect((count - 1) * perPage).toBeLessThan(n);
        const g = bestGrid(perPage, s);
        expect(g.scrolls).toBe(false);
        expect(g.tileWidth).toBeGreaterThanOrEqual(s.minTileWidth);
      }
    }
  });
  it("spreads people evenly", () => {
    expect(galleryPages(26, laptop)).toEqual({ count: 2, perPage: 13 });
  });
  it("shows one at a time where not even one fits", () => {
    expect(galleryPages(3, stage(90, 60, { minTileWidth: 160 }))).toEqual({ count: 3, perPage: 1 });
  });
});
