// Finds the objects near a place without looking at all of them: a grid of cells, each with the boxes that touch it. Pure.
import type { Box } from "./geometry";

/** 512 units. */
const CELL = 512 * 16;
/** A box over more cells than this is looked at always; else a single huge object fills the grid. */
const MOST = 64;

export class Grid {
  private readonly cells = new Map<string, Set<string>>();
  private readonly large = new Set<string>();
  private readonly boxes = new Map<string, Box>();

  put(id: string, box: Box): void {
    this.remove(id);
    this.boxes.set(id, box);
    const keys = this.keys(box);
    if (!keys) this.large.add(id);
    else for (const key of keys) (this.cells.get(key) ?? this.cell(key)).add(id);
  }

  remove(id: string): void {
    const box = this.boxes.get(id);
    if (!box) return;
    this.boxes.delete(id);
    this.large.delete(id);
    for (const key of this.keys(box) ?? []) {
      const cell = this.cells.get(key);
      cell?.delete(id);
      if (cell?.size === 0) this.cells.delete(key);
    }
  }

  /** Ids of boxes that may touch this one; a few more, never fewer. */
  near(box: Box): Set<string> {
    const keys = this.keys(box);
    if (!keys) return new Set(this.boxes.keys());
    const found = new Set(this.large);
    for (const key of keys) for (const id of this.cells.get(key) ?? []) found.add(id);
    return found;
  }

  private cell(key: string): Set<string> {
    const made = new Set<string>();
    this.cells.set(key, made);
    return made;
  }

  private keys({ x, y, width, height }: Box): string[] | undefined {
    const [left, top] = [Math.floor(x / CELL), Math.floor(y / CELL)];
    const [across, down] = [Math.floor((x + width) / CELL) - left + 1, Math.floor((y + height) / CELL) - top + 1];
    if (!(across * down <= MOST)) return undefined;
    return Array.from({ length: across * down }, (_, i) => `${left + (i % across)} ${top + Math.floor(i / across)}`);
  }
}
