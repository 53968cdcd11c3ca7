// The app shares its screen, and a browser guest reads the code page on it; push-to-talk while another window has the keyboard.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, clip, root } from '../browser/lib/paths.mjs';
import { Server, sleep, until } from '../browser/lib/processes.mjs';
import { Guest } from '../browser/lib/guest.mjs';
import { Desktop } from './lib/desktop.mjs';
import { App } from './lib/app.mjs';
import { likeness, page, png, read } from './lib/pictures.mjs';

let server, desktop, app, guest, links;
const keep = () => artefacts('desktop');

before(async () => {
  server = await Server.start();
  desktop = await Desktop.start({ size: '1920x1080' });
  links = await server.meeting('Sharing');
  desktop.speak('mic_one', clip('speech-en.wav'));
  app = await App.start(desktop, { link: `confab://join/127.0.0.1:${server.port}/${links.id}` });
  await app.beforeMeeting();
  await app.join('Dora', { camera: false });
  guest = await Guest.start({ audio: clip('speech-fr.wav') });
  await guest.join(links.guest_link, 'Greta', { camera: false });
});

after(async () => {
  if (app) writeFileSync(join(keep(), 'share.log'), app.log());
  await app?.quit();
  await guest?.close();
  await server?.stop();
  await desktop?.stop();
});

/** A page of code, as an editor shows it: its text and its picture. */
function codePage(name, look) {
  const text = readFileSync(join(root, `tests/desktop/pages/${name}.txt`), 'utf8');
  const file = join(desktop.folder, `${name}.png`);
  page(text, file, look);
  return { text, file };
}

/** What the guest sees of the screen in the next `ms`, with the time since `begin` of each look. */
async function watch(begin, ms) {
  const looks = [];
  while (Date.now() - begin < ms) {
    const screen = (await guest.grab()).find((p) => !p.local && p.width >= 1000);
    const at = Date.now() - begin;
    if (screen !== undefined && at <= ms) looks.push({ at, screen });
    await sleep(100);
  }
  return looks;
}

/** Reads the last look, and says when the text could first be read. */
function judge(what, text, looks) {
  assert.ok(looks.length > 0, `${what}: the guest saw no screen in time`);
  const score = ({ screen }) => likeness(text, read(png(screen)));
  const last = looks.at(-1);
  const final = score(last);
  writeFileSync(join(keep(), `${what}.png`), png(last.screen));
  let [from, to] = [0, looks.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (score(looks[middle]) >= 0.99) to = middle;
    else from = middle + 1;
  }
  console.log(`${what}: ${(100 * final).toFixed(1)} % read ${last.at} ms after, ${looks.length} looks${final >= 0.99 ? `, at least 99 % from ${looks[to].at} ms on` : ''}`);
  return final;
}

test('a guest reads the code page on the shared screen within 2 s', async () => {
  const code = codePage('first');
  const { viewer } = await desktop.show('code page', code.file);
  await sleep(1000);
  const screen = likeness(code.text, read(readFileSync(desktop.screenshot(join(keep(), 'screen.png')))));
  console.log(`read on the screen itself: ${(100 * screen).toFixed(1)} %`);
  await app.click('button', '^share screen');
  await until('a screen is chosen', 10000, () => app.script("return [...document.querySelectorAll('dialog .button.primary')].some((b) => !b.disabled)"));
  const begin = Date.now();
  await app.click('button', '^share$');
  const share = judge('shared', code.text, await watch(begin, 2000));
  viewer.kill('SIGTERM');
  await viewer.ended;
  assert.ok(share >= 0.99, `${(100 * share).toFixed(1)} % of the code page`);
});

test('a page turned on the shared screen is read within 2 s', async () => {
  const code = codePage('second', { dark: true });
  const { viewer } = await desktop.show('next page', code.file);
  const begin = Date.now();
  const share = judge('turned', code.text, await watch(begin, 2000));
  viewer.kill('SIGTERM');
  await viewer.ended;
  assert.ok(share >= 0.99, `${(100 * share).toFixed(1)} % of the next page`);
});

test('push-to-talk opens the microphone while another window has the keyboard', async () => {
  const shell = (command) => app.script('return window.__TAURI_INTERNALS__.invoke("app", { command: arguments[0] })', command);
  const chord = { code: 'F9', mod: false, shift: false, alt: false };
  const reply = await shell({ type: 'save_settings', patch: { globalShortcuts: { talk: chord, microphone: null, camera: null } } });
  assert.equal(reply.type, 'done', JSON.stringify(reply));
  await app.toggle('microphone', false);
  const grey = join(desktop.folder, 'grey.png');
  page('', grey);
  const { viewer, id } = await desktop.show('another window', grey);
  desktop.run('xdotool', 'windowactivate', '--sync', id);
  const open = () => app.attribute('button', '^microphone$', 'aria-pressed');
  assert.equal(await open(), 'false');
  desktop.run('xdotool', 'keydown', 'F9');
  await until('the microphone is open', 3000, async () => (await open()) === 'true');
  assert.equal(desktop.run('xdotool', 'getactivewindow').trim(), id, 'the other window keeps the keyboard');
  desktop.run('xdotool', 'keyup', 'F9');
  await until('the microphone is closed', 3000, async () => (await open()) === 'false');
  viewer.kill('SIGTERM');
});
