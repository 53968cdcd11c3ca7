// Reading pictures: marks of test pictures and text, from PNG files. ImageMagick crops, tesseract reads.
import { execFileSync } from 'node:child_process';
import { readMarks } from '../../browser/lib/processes.mjs';

/** `{ x, y, width, height }` of a picture in pixels; its grey values. */
function luma(png, { x, y, width, height }) {
  const crop = `${width}x${height}+${x}+${y}`;
  return execFileSync('convert', ['png:-', '-crop', crop, '+repage', '-depth', '8', 'gray:-'], { input: png, maxBuffer: 64 << 20 });
}

/** The mark in a part of a screenshot: `[source id, frame counter]`, or null. */
export function markIn(png, box) {
  const whole = { x: Math.round(box.x), y: Math.round(box.y), width: Math.round(box.width), height: Math.round(box.height) };
  const grey = luma(png, whole);
  // Marks are written in video range.
  const video = Buffer.from(grey.map((v) => Math.round(16 + (v * 219) / 255)));
  return readMarks([{ width: whole.width, height: whole.height, luma: video.toString('base64') }])[0];
}

/** The text in a PNG. Words of a dictionary help nobody who reads code; several threads only get into each other's way. */
export function read(png) {
  return execFileSync('tesseract', ['stdin', 'stdout', '--psm', '6', '-c', 'load_system_dawg=0', '-c', 'load_freq_dawg=0'], {
    input: png, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, OMP_THREAD_LIMIT: '1' },
  });
}

/** A page of text as an editor shows it, black on white or the other way round, as a PNG file. */
export function page(text, file, { dark = false } = {}) {
  const [paper, ink] = dark ? ['black', 'white'] : ['white', 'black'];
  const literal = text.replace(/\\/g, '\\\\').replace(/%/g, '%%');
  execFileSync('convert', ['-size', '1500x1000', `xc:${paper}`, '-font', 'DejaVu-Sans-Mono', '-pointsize', '20', '-fill', ink, '-annotate', '+20+40', literal, file]);
}

/** A picture of `{ width, height, luma }` (base64, video range) as a PNG. */
export function png({ width, height, luma }) {
  const input = Buffer.from(luma, 'base64');
  return execFileSync('convert', ['-size', `${width}x${height}`, '-depth', '8', 'gray:-', 'png:-'], { input, maxBuffer: 64 << 20 });
}

/** Share of the characters of `wanted` that `found` has in the same order; white space does not count. */
export function likeness(wanted, found) {
  const a = wanted.replace(/\s+/g, ''), b = found.replace(/\s+/g, '');
  let row = new Uint16Array(b.length + 1);
  for (const letter of a) {
    const next = new Uint16Array(b.length + 1);
    for (let i = 0; i < b.length; i++) next[i + 1] = letter === b[i] ? row[i] + 1 : Math.max(row[i + 1], next[i]);
    row = next;
  }
  return row[b.length] / a.length;
}

/** Where a colour is in a part of a screenshot: the edges of the smallest box around all of it, in pixels of the whole; undefined: nowhere. */
export function inkIn(shot, { x, y, width, height }, [red, green, blue]) {
  const crop = `${width}x${height}+${x}+${y}`;
  const bytes = execFileSync('convert', ['png:-', '-crop', crop, '+repage', '-depth', '8', 'rgb:-'], { input: shot, maxBuffer: 64 << 20 });
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < bytes.length; i += 3) {
    if (bytes[i] !== red || bytes[i + 1] !== green || bytes[i + 2] !== blue) continue;
    const [at, row] = [x + ((i / 3) % width), y + Math.floor(i / 3 / width)];
    [left, top, right, bottom] = [Math.min(left, at), Math.min(top, row), Math.max(right, at + 1), Math.max(bottom, row + 1)];
  }
  return right < 0 ? undefined : { left, top, right, bottom };
}
