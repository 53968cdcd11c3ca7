// A board's history as the server gives it (docs/BOARD.md): entries one after the other, each a time and a change. Pure.
import { readChange, Reader } from "../../board";
import type { Entry } from ".";

/** Throws WireError. */
export function readEntries(bytes: Uint8Array): Entry[] {
  const r = new Reader(bytes);
  const entries: Entry[] = [];
  while (!r.isEmpty) entries.push({ at: r.below(Number.MAX_SAFE_INTEGER), change: readChange(r) });
  return entries;
}
