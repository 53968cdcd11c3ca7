// What the app costs: `node measure.mjs start` prints start to home, and what it takes when nothing happens; `node
// measure.mjs meeting [minutes] [people]` prints CPU of app, page and network, and memory over time, with the page's process
// stopped for 20 s in the middle. On a debug build say so with the figures; CONFAB_PROFILE=release takes the other one.
import { readFileSync } from 'node:fs';
import { program } from '../browser/lib/paths.mjs';
import { Native, Server, sleep, until } from '../browser/lib/processes.mjs';
import { App } from './lib/app.mjs';
import { Desktop, launch } from './lib/desktop.mjs';

const TICKS = 100;
const [what = 'start', minutes = '2', people = '2'] = process.argv.slice(2);

/** CPU seconds of a process. */
function cpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Its memory in MB: `own`, pages that no other process has, and `rss`, all that is resident. */
function memory(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]);
  return { own: (kilobytes('Private_Clean') + kilobytes('Private_Dirty')) / 1024, rss: kilobytes('Rss') / 1024 };
}

const kinds = ['app', 'web', 'network'];

function look(app) {
  const processes = app.processes();
  return Object.fromEntries(kinds.map((kind) => {
    const sizes = processes[kind].map(memory);
    return [kind, {
      cpu: processes[kind].reduce((sum, pid) => sum + cpu(pid), 0),
      own: sizes.reduce((sum, size) => sum + size.own, 0),
      rss: sizes.reduce((sum, size) => sum + size.rss, 0),
    }];
  }));
}

/** CPU in per cent of a core between two looks. */
function spent(before, after, seconds) {
  return kinds.map((k) => `${k} ${((100 * (after[k].cpu - before[k].cpu)) / seconds).toFixed(1)} %`).join(', ');
}

const total = (now, what) => kinds.reduce((sum, k) => sum + now[k][what], 0);
const size = (now) => `${kinds.map((k) => `${k} ${now[k].own.toFixed(0)} MB`).join(', ')}, together ${total(now, 'own').toFixed(0)} MB, resident ${total(now, 'rss').toFixed(0)} MB`;

/** How much more of it there is in the mean of the last five looks than in that of the first five, per cent. */
function growth(looks, what) {
  const mean = (some) => some.reduce((sum, now) => sum + total(now, what), 0) / some.length;
  return (100 * mean(looks.slice(-5))) / mean(looks.slice(0, 5)) - 100;
}

/** Milliseconds from starting the program to a window that shows more than one colour. */
async function startToHome(desktop) {
  const begin = Date.now();
  const child = launch(program('confab-desktop'), [], desktop.env);
  await until('a drawn window', 60000, async () => {
    const [id] = desktop.windows('Confab');
    return id && Number(desktop.run('sh', '-c', `import -silent -window ${id} -resize 160x100! -format %k info:`)) > 40;
  });
  const took = Date.now() - begin;
  child.kill('SIGTERM');
  await Promise.race([child.ended, sleep(5000)]);
  return took;
}

async function start(desktop) {
  const times = [];
  for (let i = 0; i < 5; i += 1) times.push(await startToHome(desktop));
  console.log(`start to home: first ${times[0]} ms, then ${times.slice(1).sort((a, b) => a - b).join(', ')} ms (a look every 50 ms, each look costs as much)`);
  const app = await App.start(desktop);
  await app.turnTo("document.querySelector('h1') !== null");
  await sleep(15000);
  const before = look(app);
  await sleep(60000);
  const after = look(app);
  console.log(`idle at home for 60 s: ${spent(before, after, 60)}; memory ${size(after)}`);
  await app.quit();
}

async function meeting(desktop) {
  const server = await Server.start();
  const { guest_link } = await server.meeting('Measured');
  const natives = Array.from({ length: Number(people) }, (_, i) => new Native(guest_link, `Native ${i + 1}`,
    ['--mic-tone', String(300 + 40 * i), '--camera-pattern', '640x360@30', '--max-videos', '0']));
  const app = await App.start(desktop, { link: guest_link });
  await app.beforeMeeting();
  await app.join('Dora');
  await until('everybody is seen', 60000, async () => (await app.boxes()).length > natives.length);
  await sleep(20000);
  const looks = [look(app)];
  let [last, at] = [looks[0], Date.now()];
  const end = at + Number(minutes) * 60000;
  const middle = at + Number(minutes) * 30000;
  let stopped = false;
  while (Date.now() < end) {
    await sleep(30000);
    const now = look(app);
    looks.push(now);
    console.log(`${spent(last, now, (Date.now() - at) / 1000)}; ${size(now)}`);
    [last, at] = [now, Date.now()];
    if (!stopped && at >= middle) {
      stopped = true;
      const pages = app.processes().web;
      pages.forEach((pid) => process.kill(pid, 'SIGSTOP'));
      await sleep(20000);
      console.log(`after 20 s with the page stopped: ${size(look(app))}`);
      pages.forEach((pid) => process.kill(pid, 'SIGCONT'));
      [last, at] = [look(app), Date.now()];
    }
  }
  console.log(`the mean of the last five looks is above that of the first five by ${growth(looks, 'rss').toFixed(1)} % of what is resident, ${growth(looks, 'own').toFixed(1)} % of their own memory`);
  await app.quit();
  await Promise.all(natives.map((n) => n.leave()));
  server.stop();
}

const desktop = await Desktop.start();
try {
  await (what === 'meeting' ? meeting : start)(desktop);
} finally {
  await desktop.stop();
}
process.exit(0);
