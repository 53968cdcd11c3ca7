// The document in TypeScript on two hours of ten people: what taking an op costs in minute 5 and in minute 120, what a late joiner's
// reading and hashing cost. `cargo run --release -p confab-board --example engine files DIR` makes the files; then `node apply.mjs DIR`
// (npm ci in ui before, whose bundler is used).
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const folder = process.argv[2] ?? ".";
const ui = createRequire(new URL("../../../../ui/package.json", import.meta.url));
const { build } = await import(ui.resolve("vite"));
const [library] = await build({
  root: new URL("../../../../ui/", import.meta.url).pathname, configFile: false, logLevel: "silent",
  build: { write: false, minify: true, lib: { entry: new URL("../../../../ui/src/board/index.ts", import.meta.url).pathname, formats: ["es"] } },
});
const file = join(mkdtempSync(join(tmpdir(), "board-")), "board.mjs");
writeFileSync(file, library.output[0].code);
const board = await import(file);

function updatesOf(bytes) {
  const updates = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    updates.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return updates;
}

const updates = updatesOf(readFileSync(join(folder, "ours.updates")));
const saved = new Uint8Array(readFileSync(join(folder, "ours.document")));
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** Microseconds of each op. */
function run() {
  const document = new board.BoardDocument();
  return updates.map((update) => {
    const before = performance.now();
    for (const change of board.readUpdate(update)) document.apply(change);
    return (performance.now() - before) * 1000;
  });
}

run(); // The compiler has seen it all.
const times = run();
const minute = Math.floor(updates.length / 120);
const [early, late] = [times.slice(minute * 4, minute * 5), times.slice(-minute)];
let [read, hash] = [Infinity, Infinity];
for (let i = 0; i < 9; i++) {
  const start = performance.now();
  const document = board.fromSnapshot(saved);
  const middle = performance.now();
  board.hashOf(document);
  read = Math.min(read, middle - start);
  hash = Math.min(hash, performance.now() - middle);
}
const round = (n) => Math.round(n * 10) / 10;
console.log(JSON.stringify({
  ops: updates.length, apply_us: { minute_5: round(median([...early])), minute_120: round(median([...late])), mean_5: round(mean(early)), mean_120: round(mean(late)) },
  ratio: round((10 * median([...late])) / median([...early])) / 10, document_bytes: saved.length, read_ms: round(read), hash_ms: round(hash),
}));
