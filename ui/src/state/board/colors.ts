// Colours of a board, 0xRRGGBBAA. On dark paper the same board is shown with its greys mirrored, so that black ink is seen; what is
// stored and exported stays as drawn. Pure.

/** What the style choice offers: ink and notes that can be told apart on both papers. */
export const INKS = [0x1b1f24ff, 0xd13438ff, 0xd97706ff, 0x2f8f46ff, 0x0b7f70ff, 0x2563ebff, 0x7c4dc4ff, 0xc2418fff] as const;
export const NOTES = [0xffe58fff, 0xffc9a8ff, 0xc9ecc0ff, 0xbfe3f5ff, 0xdccdf7ff, 0xf7c8dcff] as const;
export const PAPER = { light: 0xffffffff, dark: 0x171b21ff } as const;
/** A highlighter's ink lets through what is below. */
const THROUGH = 0x66;

export const translucent = (color: number): number => ((color & 0xffffff00) >>> 0) + THROUGH;

const channels = (color: number): [number, number, number, number] => [(color >>> 24) & 255, (color >>> 16) & 255, (color >>> 8) & 255, color & 255];

const pack = ([r, g, b, a]: readonly number[]): number => (((r ?? 0) << 24) | ((g ?? 0) << 16) | ((b ?? 0) << 8) | (a ?? 0)) >>> 0;

/** How a line's colour is shown on this paper. */
export function shown(color: number, dark: boolean): number {
  if (!dark) return color;
  const [r, g, b, a] = channels(color);
  const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
  if (most - least < 32) return pack([255 - r, 255 - g, 255 - b, a]);
  // Colours keep their hue and come up to where they can be read.
  const up = most < 200 ? 0.35 : 0.15;
  return pack([r, g, b].map((c) => Math.round(c + (255 - c) * up)).concat(a));
}

/** CSS and SVG: `#rrggbb`, and the opacity apart, which some readers of SVG want. */
export const hex = (color: number): string => `#${(color >>> 8).toString(16).padStart(6, "0")}`;
export const opacity = (color: number): number => Math.round(((color & 255) / 255) * 1000) / 1000;
export const css = (color: number): string => `#${color.toString(16).padStart(8, "0")}`;

/** Dark letters on bright paper, bright ones on dark, by the luminance of WCAG 2.2. */
export function lettersOn(fill: number): number {
  const [r, g, b] = channels(fill).map((c) => {
    const part = c / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? 0x12171cff : 0xf0f3f6ff;
}
