// What has to be drawn for a frame: the page in tiles of 256 pixels kept as pictures, so that panning over thousands of objects
// draws only tiles that come into view, one by one and before they do, and a change only those it touches. Pure: says what to draw,
// draws nothing.
import { scaleOf, UNIT, type Camera } from "./camera";
import { grow, meets, type Box } from "./geometry";

/** Side of a tile, device pixels. */
export const TILE = 256;
/** Pictures kept: 384 of 256 KiB each. */
export const MOST_TILES = 384;

export interface Tile {
  readonly key: string;
  readonly level: number;
  /** The part of the page on it. */
  readonly box: Box;
}

/** The level of a zoom that rests: its tiles are shown point by point, sharp and not stretched. */
export const levelAt = (zoom: number): number => Math.log2(zoom) * 2;
/** Levels while it changes: half powers of two; between them tiles are stretched by at most a fifth either way. */
export const levelOf = (zoom: number): number => Math.round(levelAt(zoom));
export const zoomOf = (level: number): number => 2 ** (level / 2);

/** Tiles a box needs at a level. `dpr`: device pixels per CSS pixel. */
export function tilesOver(box: Box, level: number, dpr: number): Tile[] {
  const side = (TILE * UNIT) / (zoomOf(level) * dpr);
  const tiles: Tile[] = [];
  for (let row = Math.floor(box.y / side); row * side < box.y + box.height; row++) {
    for (let column = Math.floor(box.x / side); column * side < box.x + box.width; column++) {
      tiles.push({ key: `${level}:${column}:${row}`, level, box: { x: column * side, y: row * side, width: side, height: side } });
    }
  }
  return tiles;
}

/** The tiles around those a box needs, one deep: what panning will show next. */
export function tilesAround(box: Box, level: number, dpr: number): Tile[] {
  const side = (TILE * UNIT) / (zoomOf(level) * dpr);
  const needed = new Set(tilesOver(box, level, dpr).map((tile) => tile.key));
  return tilesOver(grow(box, side), level, dpr).filter((tile) => !needed.has(tile.key));
}

/** Levels that stand in for a missing tile: each zoom one rested at leaves one. */
const STAND_INS = 3;

interface Kept<P> {
  tile: Tile;
  picture: P;
  /** Something on it changed since it was drawn. */
  stale: boolean;
}

/** The tiles of one page, least lately used ones given up. `P` is whatever holds a picture. */
export class TileCache<P> {
  private readonly kept = new Map<string, Kept<P>>();

  constructor(private readonly most = MOST_TILES) {}

  get size(): number {
    return this.kept.size;
  }

  /** For each tile its picture, and those to draw, nearest to the middle of the view first, missing ones before stale ones. */
  plan(tiles: readonly Tile[], camera: Camera): { have: Kept<P>[]; draw: Tile[] } {
    const have: Kept<P>[] = [];
    const draw: { tile: Tile; missing: boolean; far: number }[] = [];
    for (const tile of tiles) {
      const known = this.kept.get(tile.key);
      if (known) {
        this.kept.delete(tile.key);
        this.kept.set(tile.key, known);
        have.push(known);
      }
      if (known && !known.stale) continue;
      const far = Math.hypot(tile.box.x + tile.box.width / 2 - camera.x, tile.box.y + tile.box.height / 2 - camera.y) * scaleOf(camera);
      draw.push({ tile, missing: !known, far });
    }
    draw.sort((a, b) => Number(b.missing) - Number(a.missing) || a.far - b.far);
    return { have, draw: draw.map((d) => d.tile) };
  }

  /** Takes a tile just drawn; gives back a picture that is no longer needed, to be drawn over. */
  put(tile: Tile, picture: P): void {
    this.kept.delete(tile.key);
    this.kept.set(tile.key, { tile, picture, stale: false });
  }

  /** A picture to draw on: the tile's own, or the one least lately used once there are enough. */
  reuse(tile: Tile): P | undefined {
    const own = this.kept.get(tile.key);
    if (own) return own.picture;
    if (this.kept.size < this.most) return undefined;
    const [oldest] = this.kept;
    if (!oldest) return undefined;
    this.kept.delete(oldest[0]);
    return oldest[1].picture;
  }

  /** What lies in these boxes changed. */
  spoil(boxes: readonly Box[]): void {
    for (const kept of this.kept.values()) kept.stale ||= boxes.some((box) => meets(box, kept.tile.box));
  }

  spoilAll(): void {
    for (const kept of this.kept.values()) kept.stale = true;
  }

  clear(): void {
    this.kept.clear();
  }

  /** Tiles of the nearest other levels that show something of a missing one meanwhile, the nearest last: on top. */
  standIns(tile: Tile): Kept<P>[] {
    const far = (kept: Kept<P>) => Math.abs(kept.tile.level - tile.level);
    const other = [...this.kept.values()].filter((kept) => far(kept) > 0 && meets(kept.tile.box, tile.box));
    const near = [...new Set(other.map(far))].sort((a, b) => a - b).slice(0, STAND_INS);
    return other.filter((kept) => near.includes(far(kept))).sort((a, b) => far(b) - far(a));
  }
}
