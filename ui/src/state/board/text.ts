// Texts of a board broken into lines that fit a box. Pure: who draws measures. Sizes in sixteenths of a unit.
import type { TextStyle } from "../../board";

export const DEFAULT_SIZE = 20 * 16;
export const NOTE_SIZE = 18 * 16;
/** Lines from base to base, in sizes. */
export const LEADING = 1.3;
export const BOLD = 1;
export const ITALIC = 2;
export const UNDERLINE = 4;
export const STRUCK = 8;
export const FIXED = 16;

/** How wide a text is drawn, sixteenths. */
export type Measure = (text: string, size: number, flags: number) => number;

export const sizeOf = (style: TextStyle | undefined, usual = DEFAULT_SIZE): number => style?.size || usual;

/** Without a canvas: letters half as wide as high, those of Chinese, Japanese and Korean as wide as high. */
export const roughly: Measure = (text, size) =>
  [...text].reduce((width, letter) => width + (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}＀-￯]/u.test(letter) ? size : size * 0.53), 0);

/** Breaks between words, around ideographs, and inside words that fit no line. */
export function wrap(text: string, width: number, measured: (part: string) => number): string[] {
  return text.split("\n").flatMap((paragraph) => wrapOne(paragraph, width, measured));
}

function wrapOne(paragraph: string, width: number, measured: (part: string) => number): string[] {
  const parts = paragraph.match(/\s+|\p{Script=Han}|[^\s\p{Script=Han}]+/gu) ?? [];
  const lines: string[] = [];
  let line = "";
  const add = (part: string) => {
    if (measured((line + part).trimEnd()) <= width || line === "") {
      line += part;
      return;
    }
    lines.push(line.trimEnd());
    line = part.trim() === "" ? "" : part;
  };
  for (const part of parts) {
    if (measured(part) <= width || part.trim() === "") add(part);
    else for (const letter of part) add(letter);
  }
  return [...lines, line.trimEnd()];
}
