// Pictures as objects of a board, backgrounds one draws on, and the eraser's way across few points.
import { expect, it } from "vitest";
import { Board, objectsOn, pages, snapshotOf, type Asset, type ObjectId, type Rights } from "../../board";
import { addBackground, addPage, addPicture, addShape, addStroke, describe, erase, reorder, START_STYLE } from "./acts";
import { hit } from "./hit";
import { Scene } from "./scene";
import { kindOf } from "./raster";
import { svgOf } from "./svg";

const RIGHTS: Rights = { author: 1, level: "draw" };
const ASSET: Asset = { sha256: new Uint8Array(32).fill(5), media: 0, bytes: 3, width: 800, height: 400, page: 0 };
const VIEW = { width: 1280 * 16, height: 720 * 16 };

function board(): { board: Board; page: ObjectId } {
  const made = new Board({ author: 1, session: 0 });
  return { board: made, page: addPage(made, 0) };
}

it("a picture comes at its own size, or as large as the view lets it, and is called as its file", () => {
  const { board: b, page } = board();
  const small = addPicture(b, page, { asset: { ...ASSET, width: 100, height: 50 }, name: "a.png", at: { x: 0, y: 0 }, view: VIEW });
  expect(b.document.object(small)?.get("place")).toEqual({ x: -800, y: -400, width: 1600, height: 800, turn: 0 });
  const large = addPicture(b, page, { asset: { ...ASSET, width: 4000, height: 1000 }, name: "b".repeat(300), at: { x: 0, y: 0 }, view: VIEW });
  expect(b.document.object(large)?.get("place")?.width).toBe(VIEW.width * 0.6);
  expect(b.document.object(large)?.get("name")).toHaveLength(200);
  const svg = svgOf(new Scene(b, page), (text) => text.length, "t", () => "data:image/png;base64,AAAA");
  expect(svg).toContain('href="data:image/png;base64,AAAA"');
  expect(svg).toContain('<g role="img"><title>a.png</title><image ');
});

it("an alternative text is one change of the document, is in the SVG, and can be undone", () => {
  const { board: b, page } = board();
  const id = addPicture(b, page, { asset: ASSET, name: "IMG_0001.png", at: { x: 0, y: 0 }, view: VIEW });
  b.takeUpdate();
  describe(b, RIGHTS, id, "  A cat\non a <mat>  ");
  const other = new Board({ author: 2, session: 0 });
  other.receiveSnapshot(snapshotOf(b.document));
  expect(b.takeUpdate()).toHaveLength(1);
  expect(other.document.object(id)?.get("name")).toBe("A cat on a <mat>");
  describe(b, RIGHTS, id, "A cat on a <mat>");
  expect(b.takeUpdate(), "the same again is no change").toHaveLength(0);
  expect(svgOf(new Scene(b, page), (text) => text.length, "t")).toContain('<g role="img"><title>A cat on a &#60;mat&#62;</title>');
  describe(b, { author: 3, level: "own" }, id, "not mine to write");
  expect(b.document.object(id)?.get("name")).toBe("A cat on a <mat>");
  b.undo();
  expect(b.document.object(id)?.get("name")).toBe("IMG_0001.png");
});

it("a background is a page of its own with a locked picture that no pointer takes and nothing goes behind", () => {
  const { board: b } = board();
  const page = addBackground(b, ASSET, "slides.pdf, 2");
  expect(pages(b.document).at(-1)).toBe(page);
  const [sheet] = objectsOn(b.document, page);
  expect(b.document.object(sheet as ObjectId)?.get("locked")).toBe(true);
  const one = addShape(b, page, { x: 0, y: 0, width: 320, height: 320 }, { ...START_STYLE, fill: 0xff0000ff });
  const two = addShape(b, page, { x: 9000, y: 0, width: 320, height: 320 }, { ...START_STYLE, fill: 0xff0000ff });
  reorder(b, page, RIGHTS, [two], "back");
  expect(objectsOn(b.document, page)).toEqual([sheet, two, one]);
  reorder(b, page, RIGHTS, [two], "front");
  expect(objectsOn(b.document, page)).toEqual([sheet, one, two]);
  const scene = new Scene(b, page);
  expect(hit(scene, { x: 100, y: 100 }, 10)?.id).toBe(one);
  expect(hit(scene, { x: 4000, y: 1000 }, 10)).toBeUndefined();
});

it("the eraser of whole strokes takes a stroke it crosses far from its points, and leaves what it passes by", () => {
  const { board: b, page } = board();
  const far = { pressure: 128 };
  const crossed = addStroke(b, page, [{ x: 0, y: 0, ...far }, { x: 16_000, y: 0, ...far }], START_STYLE, false);
  const passed = addStroke(b, page, [{ x: 0, y: 4000, ...far }, { x: 16_000, y: 4000, ...far }], START_STYLE, false);
  const scene = new Scene(b, page);
  erase(b, scene, RIGHTS, "eraseStroke", { x: 8000, y: -3000 }, { x: 8000, y: 3000 }, 160, true);
  expect(b.document.object(crossed)?.isAlive).toBe(false);
  expect(b.document.object(passed)?.isAlive).toBe(true);
});

it("what a file is stands in it, not in its name", async () => {
  const of = (text: string, type = "") => kindOf(new Blob([text], { type }));
  expect(await of("%PDF-1.7\n", "image/png")).toBe("pdf");
  expect(await of("  <?xml version='1.0'?><!-- a --><svg xmlns='x'>")).toBe("svg");
  expect(await of("\x89PNG\r\n", "application/pdf")).toBe("picture");
  expect(await of("<html><svg>")).toBe("picture");
});
