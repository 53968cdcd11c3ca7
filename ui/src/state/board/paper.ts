// What a page's paper shows below everything: lines of its template as marks. Pure; sixteenths of a unit.
import type { Box } from "./geometry";
import { num } from "./outline";

/** The order is the number in the document. */
export const TEMPLATES = ["blank", "grid", "dots", "lines", "kanban", "lecture", "music", "axes"] as const;
/** Those that are offered first. */
export const OFFERED = [0, 1, 2, 3, 4, 5] as const;
/** A kanban and a lecture page have a size; the others go on for ever. */
export const SHEET: Box = { x: -960 * 16, y: -540 * 16, width: 1920 * 16, height: 1080 * 16 };
const STEP = 40 * 16;
/** More lines than this are too fine to be seen: every fifth is drawn. */
const MOST = 120;

export interface Paper {
  /** Of thin lines. */
  readonly d: string;
  /** Round dots instead of lines. */
  readonly dots: boolean;
  readonly words: readonly { column: number; x: number; y: number }[];
}

const NOTHING: Paper = { d: "", dots: false, words: [] };
const down = (x: number, y: number, height: number) => `M${num(x)} ${num(y)}v${num(height)}`;
const across = (x: number, y: number, width: number) => `M${num(x)} ${num(y)}h${num(width)}`;

function stops(from: number, length: number, step: number): number[] {
  const coarse = length / step > MOST ? step * 5 : step;
  const out: number[] = [];
  for (let at = Math.ceil(from / coarse) * coarse; at <= from + length && out.length <= MOST * 4; at += coarse) out.push(at);
  return out;
}

/** The part of the paper that lies in a box. */
export function paperIn(template: number, { x, y, width, height }: Box): Paper {
  const columns = () => stops(x, width, STEP);
  const rows = () => stops(y, height, STEP);
  switch (template) {
    case 1:
      return { ...NOTHING, d: columns().map((at) => down(at, y, height)).join("") + rows().map((at) => across(x, at, width)).join("") };
    case 2:
      return { ...NOTHING, dots: true, d: rows().flatMap((row) => columns().map((column) => `M${num(column)} ${num(row)}h1`)).join("") };
    case 3:
      return { ...NOTHING, d: rows().map((at) => across(x, at, width)).join("") };
    case 4:
      return kanban();
    case 5: {
      const margin = SHEET.x + SHEET.width / 4;
      const foot = SHEET.y + (SHEET.height * 4) / 5;
      return { ...NOTHING, d: sheet() + down(margin, SHEET.y, foot - SHEET.y) + across(SHEET.x, foot, SHEET.width) };
    }
    case 6:
      return { ...NOTHING, d: rows().filter((at) => Math.abs(Math.round(at / STEP)) % 8 < 5).map((at) => across(x, at, width)).join("") };
    case 7:
      return { ...NOTHING, d: across(x, 0, width) + down(0, y, height) + columns().map((at) => down(at, -64, 128)).join("") + rows().map((at) => across(-64, at, 128)).join("") };
    default:
      return NOTHING;
  }
}

const sheet = () => `M${SHEET.x} ${SHEET.y}h${SHEET.width}v${SHEET.height}h${-SHEET.width}Z`;

function kanban(): Paper {
  const third = SHEET.width / 3;
  const head = SHEET.y + 80 * 16;
  const words = [0, 1, 2].map((column) => ({ column, x: SHEET.x + third * (column + 0.5), y: SHEET.y + 26 * 16 }));
  return { d: sheet() + across(SHEET.x, head, SHEET.width) + [1, 2].map((i) => down(SHEET.x + i * third, SHEET.y, SHEET.height)).join(""), dots: false, words };
}
