// The real server and real native participants, as processes of their own, ended by id.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { program, root, temporary } from './paths.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `probe` gives something true, or fails with `what` after `ms`. */
export async function until(what, ms, probe) {
  const begin = Date.now();
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() - begin > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(50);
  }
}

/** Starts a program of ours; `through`: words before it, as `ip netns exec` is, that end in becoming it. */
export function start(name, args, { through = [], ...options } = {}) {
  const [first, ...rest] = [...through, program(name), ...args];
  const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  child.output = '';
  child.stdout.on('data', (d) => (child.output += d));
  child.stderr.on('data', (d) => (child.output += d));
  child.ended = new Promise((done) => child.on('exit', (code) => { running.delete(child); done(code); }));
  return child;
}

export function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => done(port)); });
  });
}

/** A server on a port and data folder of its own; `extra` is more configuration, or makes it of the server's port and folder. */
export class Server {
  static async start(extra = '') {
    const server = new Server();
    server.port = await freePort();
    server.folder = temporary('server');
    server.config = join(server.folder, 'confab.toml');
    writeFileSync(server.config, `listen = "127.0.0.1:${server.port}"\ndata_dir = "${server.folder}/data"\n${typeof extra === 'function' ? await extra(server) : extra}`);
    server.scheme = /\[tls\]/.test(readFileSync(server.config, 'utf8')) ? 'https' : 'http';
    await server.up();
    if (process.env.CONFAB_UI) await server.#serveUi();
    return server;
  }

  get url() { return `${this.front ? 'http' : this.scheme}://localhost:${this.front?.port ?? this.port}`; }

  /** CONFAB_UI=1: pages come from ui/dist as it is now, not from the server, so that a change of the UI needs no new server. */
  async #serveUi() {
    this.front = await this.serveBuild('dist');
  }

  /** Serves a built UI beside the server's own, as pages of this server: `{ port, child }`, to be ended by whoever asked. */
  async serveBuild(folder) {
    const port = await freePort();
    const child = spawn(process.execPath, [join(root, 'ui/node_modules/vite/bin/vite.js'), 'preview', '--port', port, '--strictPort', '--outDir', folder], {
      cwd: join(root, 'ui'), stdio: 'ignore', env: { ...process.env, CONFAB_SERVER: `http://127.0.0.1:${this.port}` },
    });
    running.add(child);
    await until('the UI is served', 60000, () => fetch(`http://localhost:${port}`).then((r) => r.ok, () => false));
    return { port, child };
  }

  async up() {
    this.child = start('confab-server', ['serve', '--config', this.config]);
    await until('the server answers', 20000, async () => {
      if (this.child.exitCode !== null) throw new Error(`the server ended: ${this.child.output}`);
      return fetch(`${this.url}/health`).then((r) => r.ok, () => false);
    });
  }

  /** Ends it without a warning, as a power cut would. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.child.ended;
  }

  async stop() {
    this.front?.child.kill('SIGTERM');
    this.child.kill('SIGTERM');
    await Promise.race([this.child.ended, sleep(5000)]);
    this.child.kill('SIGKILL');
  }

  /** A new meeting by the API: `{ id, guest_link, host_link }`, with links that name this server. */
  async meeting(title = 'Browser test') {
    const answer = await fetch(`${this.url}/api/v1/meetings`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ title }),
    });
    if (!answer.ok) throw new Error(`creating a meeting: ${answer.status} ${await answer.text()}`);
    const { id, guest_link, host_link } = await answer.json();
    const here = (link) => (this.front ? link.replace(/^https?:\/\/[^/]+/, this.url) : link);
    return { id, guest_link: here(guest_link), host_link: here(host_link) };
  }
}

/** Lines of JSON that a program has written whole so far. */
export const linesOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '').split('\n').filter((l) => l.endsWith('}')).map((l) => JSON.parse(l));

/** A native participant. `name` is also the prefix of its files; `options` as of `start`. */
export class Native {
  constructor(link, name, args, options) {
    this.folder = temporary(`native-${name}`);
    this.speaker = join(this.folder, 'heard.wav');
    this.video = join(this.folder, 'video');
    this.stats = join(this.folder, 'stats.jsonl');
    /** Filled when `--tap-stages` is among the arguments. */
    this.taps = join(this.folder, 'taps');
    this.child = start('confab-headless', [
      'join', link, '--name', name, '--speaker-file', this.speaker, '--video-out', this.video,
      '--stats-json', this.stats, ...(args.includes('--tap-stages') ? ['--tap', this.taps] : []), ...args,
    ], options);
  }

  /** Lines of its statistics so far. */
  lines() {
    return linesOf(this.stats);
  }

  /** Leaves the meeting and closes its files. */
  async leave() {
    this.child.kill('SIGINT');
    await Promise.race([this.child.ended, sleep(8000)]);
    this.child.kill('SIGKILL');
  }
}

/** Runs the analyser of recordings and gives its JSON. */
export function inspect(...args) {
  return JSON.parse(execFileSync(program('confab-inspect'), args, { encoding: 'utf8', maxBuffer: 64 << 20 }));
}

/** As `inspect`, for all of `calls` (arrays of arguments), as many at a time as there are cores. */
export async function inspectAll(calls) {
  const found = [];
  const next = calls.entries();
  const work = async () => {
    for (const [i, args] of next) {
      const { stdout } = await promisify(execFile)(program('confab-inspect'), args, { encoding: 'utf8', maxBuffer: 64 << 20 });
      found[i] = JSON.parse(stdout);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return found;
}

/** `[source id, frame counter]` of each grabbed picture; null where no mark can be read. */
export function readMarks(pictures) {
  const input = pictures.map((p) => `${p.width} ${p.height} ${p.luma}`).join('\n');
  return pictures.length === 0 ? [] : JSON.parse(execFileSync(program('confab-inspect'), ['mark'], { input, encoding: 'utf8' }));
}
