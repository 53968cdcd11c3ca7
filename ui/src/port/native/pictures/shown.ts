// Which streams are on screen, and how large: what views said, what really hangs somewhere, and whether the window is seen at all.

import type { Wanted } from "./talk";
import { isOwn } from "./wire";

/** A canvas as it hangs. */
export interface Hung {
  stream: number;
  /** In the scrolled-to part of its page. */
  visible: boolean;
  /** Device pixels; 0 before the first layout. */
  width: number;
  height: number;
}

/**
 * `asked`: what views want shown of others; undefined before they said so, and then everything that hangs counts. Our own pictures
 * count wherever they hang.
 */
export function shownNow(asked: readonly Wanted[] | undefined, hung: Iterable<Hung>, windowSeen: boolean): Wanted[] {
  if (!windowSeen) return [];
  const found = new Map<number, Wanted>();
  for (const { stream, visible, width, height } of hung) {
    const hint = asked?.find((w) => w.stream === stream);
    if (!visible || (asked !== undefined && hint === undefined && !isOwn(stream))) continue;
    const known = found.get(stream) ?? { stream, width: 0, height: 0 };
    const size = width > 0 && height > 0 ? { width, height } : { width: hint?.width ?? 0, height: hint?.height ?? 0 };
    found.set(stream, { stream, width: Math.max(known.width, size.width), height: Math.max(known.height, size.height) });
  }
  // In the order views gave: the most important first.
  const rank = (stream: number) => {
    const at = asked?.findIndex((w) => w.stream === stream) ?? -1;
    return at < 0 ? Number.MAX_SAFE_INTEGER : at;
  };
  return [...found.values()].sort((a, b) => rank(a.stream) - rank(b.stream) || a.stream - b.stream);
}

export function sameShown(a: readonly Wanted[], b: readonly Wanted[]): boolean {
  return a.length === b.length && a.every((w, i) => w.stream === b[i]?.stream && w.width === b[i]?.width && w.height === b[i]?.height);
}
