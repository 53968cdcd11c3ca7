// Who is heard in a recording, by the analyser of confab-inspect; and recordings cut into parts.
import { readFileSync, writeFileSync } from 'node:fs';
import { clip } from '../../browser/lib/paths.mjs';
import { inspect } from '../../browser/lib/processes.mjs';

/** Share of the clip `source` in a recording, 0 to 1. */
export function share(file, source) {
  return inspect('hear', '--heard', file, '--source', clip(source))?.share ?? 0;
}

/** A part of a 16-bit mono recording as a file: from so many seconds before its end to so many before its end. */
export function part(file, from, to, out) {
  const all = readFileSync(file);
  const rate = all.readUInt32LE(24);
  const bytes = 2 * all.readUInt16LE(22);
  const at = (seconds) => Math.max(44, all.length - Math.round(seconds * rate) * bytes);
  const sound = all.subarray(at(from), at(to));
  const head = Buffer.from(all.subarray(0, 44));
  head.writeUInt32LE(36 + sound.length, 4);
  head.writeUInt32LE(sound.length, 40);
  writeFileSync(out, Buffer.concat([head, sound]));
  return out;
}
