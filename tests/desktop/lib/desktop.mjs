// A desktop of the test's own: an X server, a window manager, a session bus, a sound server with null devices, and a home
// folder. Everything is a child of the test and ends with it.
import { spawn, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporary } from '../../browser/lib/paths.mjs';
import { until } from '../../browser/lib/processes.mjs';

const children = new Set();
process.on('exit', () => children.forEach((child) => end(child, 'SIGKILL')));
// Ended from outside, too, nothing is left behind.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1));

/** With everything it started itself, where it leads a group. */
function end(child, signal) {
  try { process.kill(child.leads ? -child.pid : child.pid, signal); } catch { /* it is gone */ }
}

/** Starts a program; its output is kept in `output`. */
export function launch(program, args, env, extra = {}) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...extra });
  children.add(child);
  child.leads = extra.detached === true;
  child.output = '';
  child.stdout?.on('data', (d) => (child.output += d));
  child.stderr?.on('data', (d) => (child.output += d));
  child.on('error', (e) => (child.output += String(e)));
  child.ended = new Promise((done) => child.on('exit', (code) => { children.delete(child); done(code); }));
  return child;
}

export class Desktop {
  /** `size`: of the screen. */
  static async start({ size = '1280x800' } = {}) {
    const desktop = new Desktop();
    desktop.folder = temporary('desktop');
    const sub = (name) => { const path = join(desktop.folder, name); mkdirSync(path, { mode: 0o700 }); return path; };
    desktop.runtime = sub('run');
    desktop.home = sub('home');
    desktop.env = {
      PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: desktop.home, XDG_RUNTIME_DIR: desktop.runtime,
      XDG_CONFIG_HOME: join(desktop.home, '.config'), XDG_DATA_HOME: join(desktop.home, '.local/share'), XDG_CACHE_HOME: join(desktop.home, '.cache'),
      XDG_SESSION_TYPE: 'x11', GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1', GTK_A11Y: 'none',
      // WebKit's own sandbox wants user namespaces, which a container may not give.
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
    };
    await desktop.#display(size);
    await desktop.#bus();
    await desktop.#sound();
    return desktop;
  }

  async #display(size) {
    const server = launch('Xvfb', ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp'], this.env, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    let text = '';
    server.stdio[3].on('data', (d) => (text += d));
    await until('an X server', 10000, () => text.includes('\n'));
    this.env.DISPLAY = `:${text.trim()}`;
    launch('openbox', ['--sm-disable'], this.env);
  }

  async #bus() {
    const bus = launch('dbus-daemon', ['--session', '--nofork', '--print-address=1', `--address=unix:path=${this.runtime}/bus`], this.env);
    await until('a session bus', 10000, () => bus.output.includes('unix:'));
    this.env.DBUS_SESSION_BUS_ADDRESS = `unix:path=${this.runtime}/bus`;
  }

  /** `speaker` is played to by default; `mic_one` and `mic_two` are sinks whose monitors are microphones. */
  async #sound() {
    const sink = (name) => `module-null-sink sink_name=${name} rate=48000 sink_properties=device.description=${name}`;
    const source = (name) => `module-remap-source master=${name}.monitor source_name=${name}_in source_properties=device.description=${name}_in`;
    const socket = join(this.runtime, 'pulse.sock');
    const script = join(this.folder, 'pulse.pa');
    const lines = [
      `load-module module-native-protocol-unix socket=${socket} auth-anonymous=1`,
      ...['speaker', 'mic_one', 'mic_two'].map((n) => `load-module ${sink(n)}`),
      ...['mic_one', 'mic_two'].map((n) => `load-module ${source(n)}`),
      'set-default-sink speaker', 'set-default-source mic_one_in', '',
    ];
    writeFileSync(script, lines.join('\n'));
    this.env.PULSE_SERVER = `unix:${socket}`;
    const server = launch('pulseaudio', ['-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', '--disable-shm=yes', '-F', script], this.env);
    await until('a sound server', 10000, () => {
      if (server.exitCode !== null) throw new Error(`pulseaudio: ${server.output}`);
      try { return execFileSync('pactl', ['info'], { env: this.env, stdio: 'pipe' }).length > 0; } catch { return false; }
    });
  }

  run(program, ...args) { return execFileSync(program, args, { env: this.env, encoding: 'utf8', stdio: 'pipe', timeout: 20000 }); }

  /** Plays a file into a microphone, over and over, until the returned child is ended. */
  speak(microphone, file) {
    return launch('sh', ['-c', `while :; do paplay --device=${microphone} '${file}' || sleep 0.2; done`], this.env, { detached: true });
  }

  /** Records what the speaker plays, mono 48 kHz, into `file`. */
  listen(file) {
    return launch('parec', ['--device=speaker.monitor', '--format=s16le', '--rate=48000', '--channels=1', '--file-format=wav', file], this.env);
  }

  /** Shows a picture in a window of its own and waits until it is there; end the returned child to close it. */
  async show(title, file, at = '+200+20') {
    const viewer = launch('display', ['-geometry', at, '-title', title, file], this.env);
    const [id] = await until(`the window "${title}"`, 10000, () => { const found = this.windows(title); return found.length > 0 && found; });
    return { viewer, id };
  }

  /** The whole screen, as a PNG file. */
  screenshot(file) { this.run('import', '-window', 'root', file); return file; }

  /** Ids of visible windows whose title has `name`. */
  windows(name) {
    try { return this.run('xdotool', 'search', '--onlyvisible', '--name', name).trim().split('\n').filter(Boolean); } catch { return []; }
  }

  async stop() {
    [...children].reverse().forEach((child) => end(child, 'SIGTERM'));
    await Promise.race([Promise.all([...children].map((c) => c.ended)), new Promise((done) => setTimeout(done, 3000))]);
    children.forEach((child) => end(child, 'SIGKILL'));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
