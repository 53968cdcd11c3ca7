// How many columns and rows make the largest tiles on a stage. Pure arithmetic in CSS pixels.

export interface Stage {
  width: number;
  height: number;
  /** Between tiles, both ways. */
  gap: number;
  /** Narrowest and widest shape of a tile, width / height. Pictures are cropped to it. */
  minAspect: number;
  maxAspect: number;
  /** Below this width tiles no longer shrink: the stage scrolls instead. */
  minTileWidth: number;
}

export interface Grid {
  columns: number;
  rows: number;
  tileWidth: number;
  tileHeight: number;
  /** The tiles are taller together than the stage. */
  scrolls: boolean;
}

/** The grid whose tiles have the largest area; of equals the one with the fewest empty cells. */
export function bestGrid(count: number, stage: Stage): Grid {
  const n = Math.max(1, Math.floor(count));
  let best: Grid | undefined;
  for (let columns = 1; columns <= n; columns++) {
    const grid = gridOf(n, columns, stage);
    if (best === undefined || isBetter(grid, best, n)) best = grid;
  }
  const found = best as Grid;
  return found.tileWidth < stage.minTileWidth && n > 1 ? scrollingGrid(n, stage) : found;
}

function gridOf(n: number, columns: number, stage: Stage): Grid {
  const rows = Math.ceil(n / columns);
  const cellWidth = Math.max(0, (stage.width - stage.gap * (columns - 1)) / columns);
  const cellHeight = Math.max(0, (stage.height - stage.gap * (rows - 1)) / rows);
  const tileWidth = Math.min(cellWidth, cellHeight * stage.maxAspect);
  const tileHeight = Math.min(cellHeight, tileWidth / stage.minAspect);
  return { columns, rows, tileWidth: Math.floor(tileWidth), tileHeight: Math.floor(tileHeight), scrolls: false };
}

function isBetter(a: Grid, b: Grid, n: number): boolean {
  const areaA = a.tileWidth * a.tileHeight;
  const areaB = b.tileWidth * b.tileHeight;
  if (areaA !== areaB) return areaA > areaB;
  return a.columns * a.rows - n < b.columns * b.rows - n;
}

function scrollingGrid(n: number, stage: Stage): Grid {
  const fit = Math.floor((stage.width + stage.gap) / (stage.minTileWidth + stage.gap));
  const columns = Math.min(n, Math.max(1, fit));
  const rows = Math.ceil(n / columns);
  const tileWidth = Math.floor((stage.width - stage.gap * (columns - 1)) / columns);
  const tileHeight = Math.floor(tileWidth / stage.maxAspect);
  const scrolls = rows * tileHeight + (rows - 1) * stage.gap > stage.height;
  return { columns, rows, tileWidth, tileHeight, scrolls };
}

/** The tiles of a gallery cut into pages that need no scrolling. */
export interface Pages {
  count: number;
  perPage: number;
}

/** More pictures at once are a mosaic, and more than many machines decode. */
const MOST_PER_PAGE = 25;

/** As many tiles to a page as keep their smallest width, spread evenly, so that the last page is not nearly empty. */
export function galleryPages(tiles: number, stage: Stage): Pages {
  const n = Math.max(1, Math.floor(tiles));
  let most = Math.min(n, MOST_PER_PAGE);
  while (most > 1 && !fits(most, stage)) most--;
  const count = Math.ceil(n / most);
  return { count, perPage: Math.ceil(n / count) };
}

function fits(count: number, stage: Stage): boolean {
  const grid = bestGrid(count, stage);
  return !grid.scrolls && grid.tileWidth >= stage.minTileWidth;
}
