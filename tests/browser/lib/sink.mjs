// A real SMTP server that keeps letters: the one of the server's own tests (signaling-server/tests/common/sink.py).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './paths.mjs';
import { until } from './processes.mjs';

const python = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'confab/tools/bin/python');

export class Sink {
  /** Undefined where the Python package is missing; `./confab test` brings it. */
  static async start() {
    if (!existsSync(python) || spawnSync(python, ['-c', 'import aiosmtpd'], { stdio: 'ignore' }).status !== 0) return undefined;
    const sink = new Sink();
    sink.letters = [];
    sink.child = spawn(python, [join(root, 'signaling-server/tests/common/sink.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(sink.child.stdout).on('line', (line) => {
      if (line.startsWith('port ')) sink.port = Number(line.slice(5));
      else sink.letters.push(JSON.parse(line));
    });
    await until('the mail server listens', 20000, () => sink.port);
    return sink;
  }

  /** The first letter to this address, when it is there. */
  letter(to) {
    return until(`a letter to ${to}`, 20000, () => this.letters.find((one) => one.to?.includes(to)));
  }

  /** It ends when its standard input does. */
  stop() { this.child.stdin.end(); }
}
