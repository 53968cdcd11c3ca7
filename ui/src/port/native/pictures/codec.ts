// What WebCodecs wants to know before the first unit.

import type { Kind } from "./wire";

/** The codec string of a key frame; undefined where it can't be told or pictures are not encoded. */
export function codecOf(kind: Kind, unit: Uint8Array): string | undefined {
  switch (kind) {
    case "h264":
      return h264(unit);
    case "vp8":
      return "vp8";
    case "vp9":
      return "vp09.00.41.08";
    case "av1":
      return "av01.0.08M.08";
    case "i420":
      return undefined;
  }
}

/** From the sequence parameter set, which stands before every key frame: profile, constraints and level, two hex digits each. */
function h264(unit: Uint8Array): string | undefined {
  // An access unit delimiter and additional information may come first; beyond that nobody puts it.
  const end = Math.min(unit.length, 512) - 6;
  for (let at = 0; at < end; at += 1) {
    if (unit[at] !== 0 || unit[at + 1] !== 0 || unit[at + 2] !== 1 || ((unit[at + 3] ?? 0) & 0x1f) !== 7) continue;
    const digits = [...unit.subarray(at + 4, at + 7)].map((byte) => byte.toString(16).padStart(2, "0"));
    return `avc1.${digits.join("")}`;
  }
  return undefined;
}
