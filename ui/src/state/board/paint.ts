// Draws marks on a canvas, and the canvas as an export. The only file of the board's state that knows a canvas.
import type { Asset, ObjectId } from "../../board";
import { scaleOf, toScreen, type Camera, type View } from "./camera";
import { coarse } from "./coarse";
import { css, PAPER, shown } from "./colors";
import type { Box } from "./geometry";
import { marksOf, turnOf, type Look, type Mark } from "./marks";
import { paperIn } from "./paper";
import type { Scene } from "./scene";
import { dashOf, exportBox, FONTS } from "./svg";
import { BOLD, FIXED, ITALIC, LEADING, STRUCK, UNDERLINE, type Measure } from "./text";
import { levelAt, levelOf, MOST_TILES, TILE, TileCache, tilesAround, tilesOver, zoomOf, type Tile } from "./tiles";

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const fontOf = (size: number, flags: number): string => `${flags & ITALIC ? "italic " : ""}${flags & BOLD ? "700 " : ""}${size}px ${flags & FIXED ? FONTS.fixed : FONTS.plain}`;

let ruler: Context | null | undefined;
/** Measures with the browser's own letters. */
export const measure: Measure = (text, size, flags) => {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (!ruler) return text.length * size * 0.6;
  ruler.font = fontOf(100, flags);
  return (ruler.measureText(text).width * size) / 100;
};

const marks = new WeakMap<Look, Mark[]>();
const paths = new WeakMap<Mark, Path2D>();

function remembered(look: Look): Mark[] {
  const known = marks.get(look) ?? marksOf(look, measure);
  marks.set(look, known);
  return known;
}

function pathOf(mark: Extract<Mark, { d: string }>): Path2D {
  const known = paths.get(mark) ?? new Path2D(mark.d);
  paths.set(mark, known);
  return known;
}

/** The picture of an asset, to be drawn so many units of the page wide; undefined: its place is shown. */
export type PictureAt = (asset: Asset, width: number) => CanvasImageSource | undefined;
const NO_PICTURE: PictureAt = () => undefined;

/** Letters smaller than this are bars, device pixels: nobody reads them, and letters cost most of a page seen from far. */
const LEGIBLE = 2.5;

/** The context is in page coordinates; `k`: device pixels of a sixteenth, where detail too small to be seen may be left out. */
export function drawLook(context: Context, look: Look, dark: boolean, picture: PictureAt = NO_PICTURE, k = Infinity): void {
  const { x, y, turn } = turnOf(look);
  if (turn !== 0) {
    context.save();
    context.translate(x, y);
    context.rotate((turn * Math.PI) / 18_000);
    context.translate(-x, -y);
  }
  for (const mark of remembered(coarse(look, k))) drawMark(context, mark, dark, picture, k);
  if (turn !== 0) context.restore();
}

function drawMark(context: Context, mark: Mark, dark: boolean, picture: PictureAt, k: number): void {
  switch (mark.is) {
    case "fill":
      context.fillStyle = css(mark.ink ? shown(mark.color, dark) : mark.color);
      context.fill(pathOf(mark));
      return;
    case "line":
      context.strokeStyle = css(shown(mark.color, dark));
      context.lineWidth = mark.width;
      context.lineCap = context.lineJoin = "round";
      context.setLineDash(dashOf(mark.dash, mark.width));
      context.stroke(pathOf(mark));
      return;
    case "image":
      return drawPicture(context, mark, picture(mark.asset, mark.place.width));
    case "text":
      if (mark.size * k < LEGIBLE) drawBars(context, mark, dark);
      else drawText(context, mark, dark);
  }
}

/** Bytes of pictures come by a way of their own; until then their place is shown. */
function drawPicture(context: Context, { place: { x, y, width, height } }: Extract<Mark, { is: "image" }>, picture: CanvasImageSource | undefined): void {
  if (picture) {
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, x, y, width, height);
    return;
  }
  context.fillStyle = css(0x8090a055);
  context.fillRect(x, y, width, height);
  context.strokeStyle = css(0x8090a0ff);
  context.lineWidth = 16;
  context.setLineDash([64, 64]);
  context.strokeRect(x, y, width, height);
}

/** Where letters would be, as grey as they look from far. */
function drawBars(context: Context, { lines, x, y, size, align, flags, color, ink }: Extract<Mark, { is: "text" }>, dark: boolean): void {
  context.save();
  context.globalAlpha *= 0.4;
  context.fillStyle = css(ink ? shown(color, dark) : color);
  lines.forEach((line, i) => {
    const width = measure(line, size, flags);
    context.fillRect(x - (width * align) / 2, y + size * (i * LEADING + 0.45), width, size * 0.5);
  });
  context.restore();
}

function drawText(context: Context, { lines, x, y, size, align, flags, color, ink }: Extract<Mark, { is: "text" }>, dark: boolean): void {
  context.font = fontOf(size, flags);
  context.fillStyle = css(ink ? shown(color, dark) : color);
  context.textAlign = (["left", "center", "right"] as const)[align] ?? "left";
  context.textBaseline = "alphabetic";
  lines.forEach((line, i) => {
    const base = y + size * (i * LEADING + 1);
    context.fillText(line, x, base);
    const width = flags & (UNDERLINE | STRUCK) ? measure(line, size, flags) : 0;
    const left = x - (width * align) / 2;
    if (flags & UNDERLINE) context.fillRect(left, base + size * 0.1, width, size * 0.06);
    if (flags & STRUCK) context.fillRect(left, base - size * 0.3, width, size * 0.06);
  });
}

function onto(context: Context, box: Box, k: number): void {
  context.setTransform(k, 0, 0, k, -box.x * k, -box.y * k);
}

function drawPaper(context: Context, scene: Scene, box: Box, words: readonly string[], dark: boolean): void {
  context.fillStyle = css(dark ? PAPER.dark : PAPER.light);
  context.fillRect(box.x, box.y, box.width, box.height);
  const paper = paperIn(scene.board.document.object(scene.page)?.get("template") ?? 0, box);
  if (paper.d === "") return;
  context.strokeStyle = css(dark ? 0x2d3642ff : 0xdfe4e9ff);
  context.lineWidth = paper.dots ? 48 : 16;
  context.lineCap = "round";
  context.setLineDash([]);
  context.stroke(new Path2D(paper.d));
  for (const { column, x, y } of paper.words) {
    drawText(context, { is: "text", lines: [words[column] ?? ""], x, y, size: 24 * 16, align: 1, flags: BOLD, color: 0x55616dff, ink: true }, dark);
  }
}

/** A zoom that did not change for so long rests. */
const REST_MS = 150;
/** Tiles drawn ahead in one frame while nothing moves. */
const AHEAD = 4;

/**
 * Where tiles lie on the canvas: left, top, width, height in whole device pixels, so that neighbours meet without a seam and a tile of the
 * zoom's own level is copied point by point.
 */
export function placing(camera: Camera, view: View, dpr: number): (tile: Tile) => [number, number, number, number] {
  const origin = toScreen(camera, view, { x: 0, y: 0 });
  const [left, top] = [Math.round(origin.x * dpr), Math.round(origin.y * dpr)];
  return ({ box }) => {
    const exact = box.width * scaleOf(camera) * dpr;
    const side = Math.abs(exact - TILE) < 0.01 ? TILE : exact;
    const at = (begin: number, place: number) => begin + Math.round(Math.round(place / box.width) * side);
    const [x, y] = [at(left, box.x), at(top, box.y)];
    return [x, y, at(left, box.x + box.width) - x, at(top, box.y + box.height) - y];
  };
}

/** One page's picture in tiles. Ask for a frame with `draw`; it says whether something is left to do. */
export class Painter {
  private readonly cache = new TileCache<HTMLCanvasElement>();
  dark = false;
  words: readonly string[] = [];
  /** The picture of an asset, so many pixels wide. */
  pictures: PictureAt = NO_PICTURE;
  /** Not in the tiles: being moved or typed in. */
  hidden: ReadonlySet<ObjectId> = new Set();
  private last: Camera | undefined;
  private zoomedAt = -Infinity;

  spoil(boxes: readonly Box[] | undefined): void {
    if (boxes) this.cache.spoil(boxes);
    else this.cache.spoilAll();
  }

  clear(): void {
    this.cache.clear();
  }

  /**
   * Draws what the camera sees; tiles as long as `budget` milliseconds last, the rest in the next frames. What is left of the budget goes
   * to the tiles around: a browser draws most of a tile after the call that asks for it, so while the view moves it is one of them a frame.
   */
  draw(context: CanvasRenderingContext2D, scene: Scene, camera: Camera, view: View, dpr: number, box: Box, budget: number): boolean {
    const now = performance.now();
    const moving = this.last !== camera;
    if (this.last !== undefined && this.last.zoom !== camera.zoom) this.zoomedAt = now;
    this.last = camera;
    const rests = now - this.zoomedAt >= REST_MS;
    const level = rests ? levelAt(camera.zoom) : levelOf(camera.zoom);
    const tiles = tilesOver(box, level, dpr);
    const left = this.fill(scene, this.cache.plan(tiles, camera).draw, dpr, now + budget, 1, Infinity);
    const around = left === 0 && rests ? tilesAround(box, level, dpr) : [];
    const ahead = tiles.length + around.length > MOST_TILES ? [] : this.cache.plan(around, camera).draw;
    const coming = this.fill(scene, ahead, dpr, now + budget, 0, moving ? 1 : AHEAD);
    this.compose(context, tiles, camera, view, dpr);
    return left > 0 || coming > 0 || !rests;
  }

  /** Draws at least so many of these, at most so many, and between them as long as there is time; how many are left. */
  private fill(scene: Scene, tiles: readonly Tile[], dpr: number, until: number, least: number, most: number): number {
    let done = 0;
    for (const tile of tiles) {
      if (done >= most || (done >= least && performance.now() > until)) break;
      this.drawTile(scene, tile, dpr);
      done += 1;
    }
    return tiles.length - done;
  }

  /** Paper with nothing on it: a canvas nothing shines through is black before it is painted. */
  blank(context: CanvasRenderingContext2D): void {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = css(this.dark ? PAPER.dark : PAPER.light);
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  }

  private compose(context: CanvasRenderingContext2D, tiles: readonly Tile[], camera: Camera, view: View, dpr: number): void {
    context.setTransform(1, 0, 0, 1, 0, 0);
    const { have } = this.cache.plan(tiles, camera);
    const place = placing(camera, view, dpr);
    if (have.length < tiles.length) {
      this.blank(context);
      const there = new Set(have.map((kept) => kept.tile.key));
      for (const tile of tiles) if (!there.has(tile.key)) for (const stand of this.cache.standIns(tile)) context.drawImage(stand.picture, ...place(stand.tile));
    }
    for (const kept of have) context.drawImage(kept.picture, ...place(kept.tile));
  }

  private drawTile(scene: Scene, tile: Tile, dpr: number): void {
    const picture = this.cache.reuse(tile) ?? document.createElement("canvas");
    if (picture.width !== TILE) picture.width = picture.height = TILE;
    // Paper covers all of it, and what hides all beneath is copied, not mixed.
    const context = picture.getContext("2d", { alpha: false });
    if (!context) return;
    const k = (zoomOf(tile.level) * dpr) / 16;
    onto(context, tile.box, k);
    drawPaper(context, scene, tile.box, this.words, this.dark);
    for (const item of scene.within(tile.box)) if (!this.hidden.has(item.id)) drawLook(context, item.look, this.dark, (asset, width) => this.pictures(asset, width * k), k);
    this.cache.put(tile, picture);
  }
}

/** A whole page as a picture, on light paper; `scale` in pixels per unit. */
export function pictureOf(scene: Scene, words: readonly string[], scale: (width: number, height: number) => number, picture: PictureAt = NO_PICTURE): HTMLCanvasElement {
  const box = exportBox(scene);
  const k = scale(box.width / 16, box.height / 16);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((box.width / 16) * k));
  canvas.height = Math.max(1, Math.round((box.height / 16) * k));
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  onto(context, box, k / 16);
  drawPaper(context, scene, box, words, false);
  for (const item of scene.all()) drawLook(context, item.look, false, picture);
  return canvas;
}
