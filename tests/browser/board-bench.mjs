// What panning over 2,000 strokes and drawing on a small and a large board cost in Chromium: `cargo xtask bench board` runs it. Frames are
// those that requestAnimationFrame gives; a frame counts as made in time if the next comes within 16.7 ms and a millisecond. There is no
// GPU here: Chromium draws in software, and shares the processor with everything else. CONFAB_UI_BEFORE=folder (with CONFAB_UI=1) compares
// ui/dist with an earlier build of the UI.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { program } from './lib/paths.mjs';
import { Server, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const STROKES = (process.argv[2] ?? '2000').split(',').map(Number);
const SECONDS = 8;
const canvas = (guest) => guest.page.getByRole('application');
const count = async (guest) => Number(/(\d+) objects/.exec(await canvas(guest).getAttribute('aria-label'))[1]);

/** Runs in the page: turns the wheel at every frame for so long, and says what became of the frames. */
function pan({ seconds, zoomed }) {
  return new Promise((done) => {
    const target = document.querySelector('[role=application]');
    const intervals = [];
    const costs = [];
    const begin = performance.now();
    let last;
    let step = 0;
    // What the page itself does in a frame, from its first callback to the last.
    const ask = globalThis.requestAnimationFrame.bind(globalThis);
    let cost = 0;
    globalThis.requestAnimationFrame = (call) => ask((at) => {
      const before = performance.now();
      call(at);
      cost += performance.now() - before;
    });
    const frame = (at) => {
      if (last !== undefined) {
        intervals.push(at - last);
        costs.push(cost);
      }
      cost = 0;
      last = at;
      if (performance.now() - begin > seconds * 1000) {
        globalThis.requestAnimationFrame = ask;
        return done({ intervals, costs });
      }
      const angle = (step += 1) / 60;
      const { left, top, width, height } = target.getBoundingClientRect();
      target.dispatchEvent(new WheelEvent('wheel', {
        deltaX: 24 * Math.cos(angle), deltaY: 18 * Math.sin(angle / 2), ctrlKey: zoomed, clientX: left + width / 2, clientY: top + height / 2, bubbles: true, cancelable: true,
      }));
      ask(frame);
    };
    ask(frame);
  });
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const at = (list, share) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * share))] ?? 0;
const round = (n) => Math.round(n * 100) / 100;
const share = (list) => round((100 * list.filter((ms) => ms <= 17.7).length) / list.length);

/** How many frames an empty page of the same browser makes: what the machine lets through at all. */
const idle = (seconds) => new Promise((done) => {
  const intervals = [];
  let last;
  const begin = performance.now();
  const frame = (at) => {
    if (last !== undefined) intervals.push(at - last);
    last = at;
    if (performance.now() - begin > seconds * 1000) done(intervals);
    else requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
});

/** A guest with the whole board before them. */
async function look(link, strokes) {
  const guest = await Guest.start({ size: { width: 1280, height: 800 } });
  await guest.join(link, 'Ada', { microphone: false, camera: false });
  await guest.page.getByRole('button', { name: 'Whiteboard', exact: true }).click();
  await until('all is there', 60_000, async () => (await count(guest).catch(() => 0)) >= strokes);
  const session = await guest.context.newCDPSession(guest.page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  /** What the page's main thread used of the processor, ms: drawing in software too, and not what other programs took meanwhile. */
  guest.used = async () => 1000 * (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
  return guest;
}

async function panned(guest, zoomed = false) {
  await guest.page.bringToFront();
  const before = await guest.used();
  const { intervals, costs } = await guest.page.evaluate(pan, { seconds: SECONDS, zoomed });
  const used = (await guest.used()) - before;
  return {
    frames: intervals.length, in_time_percent: share(intervals), interval_p95: round(at(intervals, 0.95)), cost_p50: round(at(costs, 0.5)), cost_p95: round(at(costs, 0.95)),
    processor_ms_per_frame: round(used / intervals.length),
  };
}

const nearer = (guest) => guest.page.getByRole('button', { name: 'Zoom in', exact: true }).click({ clickCount: 4, delay: 100 });

/** Fills a board, and has it looked at. */
async function withBoard(strokes, act) {
  const server = await Server.start();
  const { id, guest_link } = await server.meeting('Board');
  const drawers = (...more) => promisify(execFile)(program('confab-drawers'), ['--at', `127.0.0.1:${server.port}`, '--meeting', id, ...more], { timeout: 300_000 });
  const guests = [];
  const open = async (link) => (guests.push(await look(link, strokes)), guests.at(-1));
  try {
    // The board is there only while somebody is in the meeting.
    const host = await Guest.start();
    guests.push(host);
    await host.join(guest_link, 'Hanna', { microphone: false, camera: false });
    await drawers('--strokes', '--ops', String(strokes), '--every', '20', '--batch', '10');
    return await act({ server, link: guest_link, open, drawers });
  } finally {
    for (const guest of guests) await guest.close();
    await server.stop();
  }
}

const measure = (strokes) => withBoard(strokes, async ({ link, open, drawers }) => {
  const guest = await open(link);
  const nothing = await guest.page.evaluate(idle, 3);
  // The whole board in view is the worst case: every object on screen. Then at 100 %.
  const far = await panned(guest);
  await nearer(guest);
  const near = await panned(guest);
  // Others draw while one looks: a frame with a change in it.
  const drawing = drawers('--ops', '1200', '--every', '100');
  const drawn = await panned(guest);
  await drawing;
  return { strokes, idle_in_time_percent: share(nothing), pan_all: far, pan_near: near, pan_while_drawn: drawn };
});

/** This build of the UI and an earlier one (CONFAB_UI_BEFORE, its folder) in turns in one run: on a shared machine their ratio says more than either. */
const compare = (strokes, folder) => withBoard(strokes, async ({ server, link, open }) => {
  const earlier = await server.serveBuild(folder);
  try {
    const pages = { before: await open(link.replace(/^https?:\/\/[^/]+/, `http://localhost:${earlier.port}`)), after: await open(link) };
    const told = { strokes };
    for (const where of ['pan_all', 'pan_near']) {
      const runs = { before: [], after: [] };
      for (let turn = 0; turn < 3; turn += 1) for (const [name, guest] of Object.entries(pages)) runs[name].push(await panned(guest));
      const middle = (name, what) => at(runs[name].map((run) => run[what]), 0.5);
      told[where] = Object.fromEntries(['in_time_percent', 'cost_p50', 'cost_p95', 'processor_ms_per_frame'].map((what) => {
        const [before, after] = [middle('before', what), middle('after', what)];
        return [what, { before, after, ratio: round(after / before) }];
      }));
      for (const guest of Object.values(pages)) await nearer(guest);
    }
    return told;
  } finally {
    earlier.child.kill('SIGTERM');
  }
});

const before = process.env.CONFAB_UI_BEFORE;
for (const strokes of STROKES) console.log(JSON.stringify(await (before ? compare(strokes, before) : measure(strokes))));
process.exit(0);
