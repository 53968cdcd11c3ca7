// What a page's whiteboard was told and said, and the document that makes: read by the UI's own code, outside the page.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** Before the page is opened: keeps the frames of its lane, both ways. */
export const tapBoard = (guest) => guest.context.addInitScript(() => {
  const lanes = (globalThis.__lanes = []);
  /** Whether the first frame opens a second way beside another connection, which brings only a part of what is said (docs/BOARD.md). */
  const opensSecond = (bytes) => {
    let at = 1;
    const number = () => {
      for (let n = 0, bits = 0; ; bits += 7) {
        n += (bytes[at] & 127) * 2 ** bits;
        if (bytes[at++] < 128) return n;
      }
    };
    const text = () => { const length = number(); at += length; };
    number(), text(), number(), text(), text();
    return bytes[at] === 2;
  };
  const Own = globalThis.WebSocket;
  globalThis.WebSocket = class extends Own {
    constructor(...args) {
      super(...args);
      if (!this.url.endsWith('/ws/board')) return;
      const lane = { socket: this, frames: [] };
      lanes.push(lane);
      this.addEventListener('message', ({ data }) => lane.frames.push({ from: 'server', bytes: [...new Uint8Array(data)] }));
      const send = this.send.bind(this);
      this.send = (data) => {
        const bytes = [...new Uint8Array(data.buffer ?? data)];
        if (bytes[0] === 1 && opensSecond(bytes)) lanes.splice(lanes.indexOf(lane), 1);
        lane.frames.push({ from: 'page', bytes });
        send(data);
      };
    }
  };
});

/** Asks for the server's hash on the page's own connection, and gives all of its frames. */
const asked = () => new Promise((done, fail) => {
  const lane = globalThis.__lanes.at(-1);
  const begin = Date.now();
  const before = lane.frames.length;
  lane.socket.send(Uint8Array.of(11));
  const look = () => {
    if (lane.frames.slice(before).some(({ from, bytes }) => from === 'server' && bytes[0] === 12)) return done(lane.frames);
    if (Date.now() - begin > 5000) return fail(new Error('the server told no hash'));
    setTimeout(look, 20);
  };
  look();
});

const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** The UI's document and lane, bundled for node. */
export async function library() {
  const ui = createRequire(join(root, 'ui/package.json'));
  const { build } = await import(ui.resolve('vite'));
  const [bundle] = await build({
    root: join(root, 'ui'), configFile: false, logLevel: 'silent',
    build: { write: false, minify: false, lib: { entry: join(root, 'ui/src/board/index.ts'), formats: ['es'] } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'confab-board-'));
  const file = join(folder, 'board.mjs');
  writeFileSync(file, bundle.output[0].code);
  const board = await import(file);
  rmSync(folder, { recursive: true });
  return {
    /** The hash of what a guest's page has, and the server's as told to it. */
    async hashes(guest) {
      const frames = await guest.page.evaluate(asked);
      let document;
      let servers;
      for (const { from, bytes } of frames) {
        const [sort, body] = [bytes[0], Uint8Array.from(bytes.slice(1))];
        if (from === 'server' && sort === 4) document = board.fromSnapshot(body);
        if ((from === 'server' && sort === 3) || (from === 'page' && sort === 5)) for (const change of body.length > 0 ? board.readUpdate(body) : []) document.apply(change);
        if (from === 'server' && sort === 12) servers = hex(body.slice(-32));
      }
      return { own: hex(board.hashOf(document)), servers };
    },
  };
}
