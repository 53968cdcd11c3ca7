// What an object looks like, as marks that the canvas and the SVG draw alike: so an export shows what the screen shows. Pure.
// Lengths are sixteenths of a unit.
import { NO_PRESSURE, type Asset, type Place, type Point, type TextStyle } from "../../board";
import { lettersOn, translucent } from "./colors";
import { middle, type Vec } from "./geometry";
import { feelsPressure, lineThrough, outlineOf } from "./outline";
import { connectorPath, connectorWay, isOpen, shapePath } from "./shapes";
import { DEFAULT_SIZE, LEADING, NOTE_SIZE, sizeOf, wrap, type Measure } from "./text";

export type Mark =
  /** `ink`: shown otherwise on dark paper, while surfaces stay as they are. */
  | { is: "fill"; d: string; color: number; ink: boolean }
  | { is: "line"; d: string; color: number; width: number; dash: number }
  | { is: "text"; lines: readonly string[]; x: number; y: number; size: number; align: number; flags: number; color: number; ink: boolean }
  | { is: "image"; asset: Asset; place: Place };

/** How it is turned: clockwise about a point, hundredths of a degree. */
export interface Turn extends Vec {
  readonly turn: number;
}

/** What the scene knows of an object that is drawn. */
export type Look =
  | { kind: "stroke"; runs: readonly (readonly Point[])[]; place: Place; color: number; width: number; tool: number }
  | { kind: "shape"; place: Place; shape: number; color: number; fill: number; width: number; dash: number; text: string; style: TextStyle }
  | { kind: "connector"; from: Vec; to: Vec; color: number; width: number; dash: number; line: number; text: string; style: TextStyle }
  | { kind: "text"; place: Place; color: number; text: string; style: TextStyle }
  | { kind: "note"; place: Place; color: number; fill: number; text: string; style: TextStyle }
  | { kind: "image"; place: Place; asset: Asset };

const PAD = 12 * 16;
const HIGHLIGHTER = 2;
const BRUSH = 3;
const NOTE_FILL = 0xffe58fff;

export function turnOf(look: Look): Turn {
  return look.kind === "connector" ? { x: 0, y: 0, turn: 0 } : { ...middle(look.place), turn: look.place.turn };
}

export function marksOf(look: Look, measure: Measure): Mark[] {
  switch (look.kind) {
    case "stroke":
      return stroke(look);
    case "shape": {
      const { place, shape, color, fill, width, dash } = look;
      const d = shapePath(shape, place, width);
      const surface: Mark[] = fill !== 0 && !isOpen(shape) ? [{ is: "fill", d, color: fill, ink: false }] : [];
      const border: Mark[] = width > 0 && color !== 0 ? [{ is: "line", d, color, width, dash }] : [];
      // Letters on a surface are read against it, else against the paper.
      const letters = (fill & 255) > 127 ? { color: lettersOn(fill), ink: false } : { color: 0x12171cff, ink: true };
      return [...surface, ...border, ...inBox(look.text, look.style, place, DEFAULT_SIZE, letters, measure)];
    }
    case "connector": {
      const { from, to, color, width, dash, line } = look;
      const way = connectorWay(from, to, (line >> 2) & 3);
      const at = middle({ x: from.x, y: from.y, width: to.x - from.x, height: to.y - from.y });
      const size = sizeOf(look.style, 16 * 16);
      const label: Mark[] = look.text === "" ? [] : [{ is: "text", lines: look.text.split("\n"), x: at.x, y: at.y - size * 0.5, size, align: 1, flags: look.style.flags, color, ink: true }];
      return [{ is: "line", d: connectorPath(from, to, line, width), color, width, dash }, ...(way.length > 0 ? label : [])];
    }
    case "text": {
      const { place, text, style, color } = look;
      return textMark(wrapped(text, style, place.width, DEFAULT_SIZE, measure), place, place.y, style, DEFAULT_SIZE, { color, ink: true });
    }
    case "note": {
      const { place, fill, text, style } = look;
      const paper = fill === 0 ? NOTE_FILL : fill;
      return [{ is: "fill", d: shapePath(0, place, 0), color: paper, ink: false }, ...inBox(text, style, place, NOTE_SIZE, { color: lettersOn(paper), ink: false }, measure)];
    }
    case "image":
      return [{ is: "image", asset: look.asset, place: look.place }];
  }
}

function stroke({ runs, color, width, tool }: Extract<Look, { kind: "stroke" }>): Mark[] {
  const shownColor = tool === HIGHLIGHTER && (color & 255) === 255 ? translucent(color) : color;
  const presses = tool !== HIGHLIGHTER && runs.some(feelsPressure);
  if (presses || tool === BRUSH) {
    const d = runs.map((run) => outlineOf(tool === BRUSH ? tapered(run) : run, width)).join("");
    return d === "" ? [] : [{ is: "fill", d, color: shownColor, ink: true }];
  }
  const d = runs.map(lineThrough).join("");
  return d === "" ? [] : [{ is: "line", d, color: shownColor, width, dash: 0 }];
}

/** A brush comes to a point at both ends. */
function tapered(run: readonly Point[]): Point[] {
  const reach = Math.max(1, Math.min(12, run.length / 3));
  return run.map((p, i) => ({ ...p, pressure: Math.round((p.pressure === NO_PRESSURE ? 190 : p.pressure) * Math.min(1, (Math.min(i, run.length - 1 - i) + 0.4) / reach)) }));
}

interface Letters {
  color: number;
  ink: boolean;
}

function wrapped(text: string, style: TextStyle, width: number, usual: number, measure: Measure): string[] {
  const size = sizeOf(style, usual);
  return text === "" ? [] : wrap(text, width, (part) => measure(part, size, style.flags));
}

/** In the middle of its box, as in notes and shapes. */
function inBox(text: string, style: TextStyle, place: Place, usual: number, letters: Letters, measure: Measure): Mark[] {
  const pad = Math.min(PAD, place.width / 8);
  const inner = { ...place, x: place.x + pad, width: place.width - 2 * pad };
  const lines = wrapped(text, style, inner.width, usual, measure);
  const height = lines.length * sizeOf(style, usual) * LEADING;
  return textMark(lines, inner, place.y + (place.height - height) / 2, style, usual, letters);
}

function textMark(lines: readonly string[], box: Place, y: number, style: TextStyle, usual: number, letters: Letters): Mark[] {
  if (lines.length === 0) return [];
  const x = box.x + (box.width * style.align) / 2;
  return [{ is: "text", lines, x, y, size: sizeOf(style, usual), align: style.align, flags: style.flags, ...letters }];
}
