// The browser's half of the engines' bench: loading 5,000 strokes, applying 120,000 updates one by one, and what each engine
// adds to the page. `cargo run --release -- yrs files DIR` and `loro files DIR` in the folder above and
// `cargo run -p confab-board --example engine files DIR` make the files; then, here,
// `npm install && node bench.mjs DIR` (npm install in ui as well, whose bundler is used).
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { performance } from "node:perf_hooks";
import * as Y from "yjs";
import { LoroDoc } from "loro-crdt";

const folder = process.argv[2] ?? ".";
const ui = createRequire(new URL("../../../../ui/package.json", import.meta.url));
const { build } = await import(ui.resolve("vite"));

function updatesOf(file) {
  const bytes = readFileSync(file);
  const updates = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    updates.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return updates;
}

/** Bytes, gzipped, of a page with nothing but this import. */
async function bundled(code) {
  const entry = "\0entry";
  const plugin = { name: "entry", resolveId: (id) => (id === "entry" ? entry : undefined), load: (id) => (id === entry ? code : undefined) };
  const out = await build({
    root: new URL(".", import.meta.url).pathname, configFile: false, logLevel: "silent", plugins: [plugin],
    build: { write: false, minify: true, rollupOptions: { input: "entry" }, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
  return out.output.reduce((sum, o) => sum + gzipSync("code" in o ? o.code : o.source).length, 0);
}

function measure(name, load, fresh, apply) {
  const saved = new Uint8Array(readFileSync(`${folder}/${name}.document`));
  // The shortest of nine: what else the machine does only adds.
  let loadMs = Infinity;
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    load(saved);
    loadMs = Math.min(loadMs, performance.now() - start);
  }
  const document = fresh();
  const times = updatesOf(`${folder}/${name}.updates`).map((update) => {
    const before = performance.now();
    apply(document, update);
    return (performance.now() - before) * 1000;
  });
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  return { load_ms: +loadMs.toFixed(1), apply_us_first: +median(times.slice(1000, 3000)).toFixed(1), apply_us_last: +median(times.slice(-2000)).toFixed(1) };
}

const rows = {
  yjs: measure("yrs", (bytes) => Y.applyUpdate(new Y.Doc(), bytes), () => new Y.Doc(), (doc, update) => Y.applyUpdate(doc, update)),
  loro: measure("loro", (bytes) => new LoroDoc().import(bytes), () => new LoroDoc(), (doc, update) => doc.import(update)),
};
rows.yjs.gzip = await bundled('import * as Y from "yjs"; globalThis.y = [Y.Doc, Y.UndoManager, Y.applyUpdate];');
const wasm = new URL("./node_modules/loro-crdt/web/loro_wasm_bg.wasm", import.meta.url);
rows.loro.gzip = gzipSync(readFileSync(wasm)).length;

const entry = new URL("../../../../ui/src/board/index.ts", import.meta.url).pathname;
const [library] = await build({
  root: new URL("../../../../ui/", import.meta.url).pathname, configFile: false, logLevel: "silent",
  build: { write: false, minify: true, lib: { entry, formats: ["es"] } },
});
const code = library.output[0].code;
const file = join(mkdtempSync(join(tmpdir(), "board-")), "board.mjs");
writeFileSync(file, code);
const board = await import(file);
const applyOurs = (document, update) => board.readUpdate(update).forEach((change) => document.apply(change));
rows.ours = { ...measure("ours", board.fromSnapshot, () => new board.BoardDocument(), applyOurs), gzip: gzipSync(code).length };
console.log(JSON.stringify(rows));
