// The app in a meeting with a native participant: by a deep link, hearing and seeing, muting, another microphone, leaving and
// coming back; then its page is killed, and the server.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { artefacts, clip } from '../browser/lib/paths.mjs';
import { Native, Server, inspect, sleep, until } from '../browser/lib/processes.mjs';
import { Desktop } from './lib/desktop.mjs';
import { App } from './lib/app.mjs';
import { markIn } from './lib/pictures.mjs';

let server, desktop, app, nils, links;
const keep = () => artefacts('desktop');

before(async () => {
  server = await Server.start();
  desktop = await Desktop.start();
  links = await server.meeting('Desktop test');
  nils = new Native(links.guest_link, 'Nils', ['--mic-file', clip('speech-ru.wav'), '--camera-pattern', '--loop']);
  desktop.speak('mic_one', clip('speech-en.wav'));
  desktop.speak('mic_two', clip('speech-fr.wav'));
});

after(async () => {
  if (app) writeFileSync(join(keep(), 'app.log'), app.log());
  await app?.quit();
  await nils?.leave();
  await server?.stop();
  await desktop?.stop();
});

const deepLink = () => `confab://join/127.0.0.1:${server.port}/${links.id}`;

/** Share of `source` in the last seconds of what the speaker plays. */
async function hears(source, seconds = 12) {
  const file = join(desktop.folder, `heard-${Date.now()}.wav`);
  const recorder = desktop.listen(file);
  await sleep(seconds * 1000);
  recorder.kill('SIGINT');
  await recorder.ended;
  return inspect('hear', '--heard', file, '--source', clip(source))?.share ?? 0;
}

test('a cold start by a deep link leads before the meeting', async () => {
  const begin = Date.now();
  app = await App.start(desktop, { link: deepLink() });
  await app.wait('button', '^join', 30000);
  console.log(`cold start to the page before the meeting: ${Date.now() - begin} ms`);
  await app.waitText(/Desktop test/);
  desktop.screenshot(join(keep(), 'pre-join.png'));
  assert.equal(await app.attribute('button', 'microphone', 'aria-pressed'), 'false', 'nobody joins with an open microphone unasked');
});

test('joined, it sees the other one: the counter in the picture goes on', async () => {
  await app.join('Dora');
  const look = async () => {
    const boxes = await app.script(`return [...document.querySelectorAll('canvas')].map((c) => c.getBoundingClientRect())
      .filter((b) => b.width > 60).map(({ x, y, width, height }) => ({ x, y, width, height }))`);
    const png = await app.png();
    return boxes.map((box) => markIn(png, box)).filter(Boolean);
  };
  const first = await until('a mark in a picture', 30000, async () => { const m = await look(); return m.length > 0 && m; });
  desktop.screenshot(join(keep(), 'meeting.png'));
  await sleep(1000);
  const second = await look();
  const moved = first.some(([id, counter]) => second.some(([i, c]) => i === id && c !== counter));
  assert.ok(moved, `marks ${JSON.stringify(first)} then ${JSON.stringify(second)}`);
});

test('it hears the other one', async () => {
  const share = await hears('speech-ru.wav');
  console.log(`heard at the speaker: ${(100 * share).toFixed(0)} %`);
  assert.ok(share >= 0.7, `share ${share}`);
});

test('muted it is silent, and the other microphone is heard instead of the first', async () => {
  const heardBy = async (seconds) => {
    const ear = new Native(links.guest_link, 'Ear', ['--no-mic', '--no-camera'].slice(0, 0));
    await sleep(seconds * 1000);
    await ear.leave();
    return (source) => inspect('hear', '--heard', ear.speaker, '--source', clip(source), '--last', String(seconds - 4))?.share ?? 0;
  };
  const open = await heardBy(16);
  console.log(`open: first microphone ${open('speech-en.wav').toFixed(2)}`);
  assert.ok(open('speech-en.wav') >= 0.6, `the first microphone is heard: ${open('speech-en.wav')}`);
  await app.toggle('microphone', false);
  const muted = await heardBy(12);
  assert.ok(muted('speech-en.wav') < 0.2, `muted: ${muted('speech-en.wav')}`);
  await app.toggle('microphone', true);
});

test('a second start with the same link comes to the front and opens no other window', async () => {
  const count = (await app.handles()).length;
  await app.again(deepLink());
  await sleep(1000);
  assert.equal((await app.handles()).length, count);
});

test('a link that leads nowhere is said so at home', async () => {
  await app.again('confab://join/../../etc/passwd');
  await app.turnTo("/code|link/i.test(document.body.innerText) && document.querySelector('[role=toolbar]') === null");
  desktop.screenshot(join(keep(), 'home.png'));
  await app.turnTo("document.querySelector('[role=toolbar]') !== null");
});

test('the page is killed and comes back into the meeting', async () => {
  const before = app.processes().web;
  assert.ok(before.length > 0, 'there are web processes');
  before.forEach((pid) => process.kill(pid, 'SIGKILL'));
  await until('a new web process', 15000, () => app.processes().web.some((pid) => !before.includes(pid)));
  assert.equal(app.processes().app.length, 1, 'the app lives');
  assert.match(app.log(), /loading it again/);
  const share = await hears('speech-ru.wav', 10);
  assert.ok(share >= 0.7, `the meeting went on: ${share}`);
});
