// What nine remote tiles of 360 rows and an own camera of 720 in three layers cost a native, in cores: `cargo xtask bench tiles` runs it.
// Everything is real: nine natives send a clip, three of them look at the measured one, at 720, 360 and 180 rows. Linux.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clip, temporary } from './lib/paths.mjs';
import { Server, linesOf, sleep, start } from './lib/processes.mjs';

const SECONDS = Number(process.argv[2] ?? 20);
const WARM = 15;
const TILES = 9;
const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const round = (n) => Math.round(n * 100) / 100;

/** Seconds of processor time a process has used so far. */
function used(child) {
  const words = readFileSync(`/proc/${child.pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(words[11]) + Number(words[12])) / ticks;
}

/** The measured native among the others: `{ cores, tiles, layers }`; with `hidden` it looks at nobody. */
async function measure(server, hidden) {
  const { guest_link: link } = await server.meeting('Tiles');
  const stats = join(temporary('tiles'), 'stats.jsonl');
  const time = ['--for', `${SECONDS + 3 * WARM}s`];
  const own = start('confab-headless', [
    'join', link, '--name', 'Measured', '--camera-file', clip('film-720p.y4m'), '--mic-file', clip('speech-en.wav'), '--loop',
    '--max-height', '360', '--max-videos', hidden ? '0' : String(TILES), '--stats-json', stats, ...time,
    // Where the others take all of the machine, it is they who get less.
  ], { through: process.getuid() === 0 ? ['nice', '-n', '-10'] : [] });
  await sleep(2000);
  const others = Array.from({ length: TILES }, (_, i) => start('confab-headless', [
    'join', link, '--name', `Tile ${i + 1}`, '--camera-file', clip('talking-head.y4m'), '--loop',
    ...(i < 3 ? ['--max-videos', '1', '--max-height', String([720, 360, 180][i])] : ['--max-videos', '0']), ...time,
  ]));
  await sleep(WARM * 1000);
  const [before, begin] = [used(own), Date.now()];
  const beside = [...others, server.child];
  const theirs = beside.map(used);
  await sleep(SECONDS * 1000);
  const elapsed = (Date.now() - begin) / 1000;
  const cores = (used(own) - before) / elapsed;
  const rest = beside.reduce((sum, child, i) => sum + used(child) - theirs[i], 0) / elapsed;
  const lines = linesOf(stats).filter((l) => l.at >= begin && l.source === 'camera');
  for (const child of [own, ...others]) child.kill('SIGINT');
  await Promise.all([own, ...others].map((child) => Promise.race([child.ended, sleep(8000)])));
  const mean = (of, field) => round(of.reduce((sum, l) => sum + (l[field] ?? 0), 0) / Math.max(1, of.length));
  const by = (direction, key) => {
    const ours = lines.filter((l) => l.direction === direction);
    return [...new Set(ours.map((l) => l[key]))].map((name) => {
      const of = ours.filter((l) => l[key] === name);
      return { [key]: name, height: of.at(-1).height, fps: mean(of, 'fps'), kbps: mean(of, 'bitrate_kbps') };
    });
  };
  const ended = [own, ...others].filter((child) => child.exitCode).map((child) => child.output);
  if (ended.length > 0) throw new Error(ended.join('\n'));
  return { cores: round(cores), cores_of_the_rest: round(rest), tiles: by('receive', 'name'), layers: by('send', 'layer') };
}

const server = await Server.start();
try {
  console.log(JSON.stringify({ seconds: SECONDS, shown: await measure(server, false), hidden: await measure(server, true) }));
} finally {
  await server.stop();
}
