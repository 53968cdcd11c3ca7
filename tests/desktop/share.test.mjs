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

const TIME = 2000;

/** How much of the text the guest reads in the last picture it sees within the time after `begin`, and since when it could be read. */
async function judge(what, text, begin) {
  await sleep(begin + TIME - Date.now());
  const at = (await guest.looks()).map((t) => t - begin);
  const seen = at.filter((t) => t >= 0 && t <= TIME).length;
  const first = at.length - at.filter((t) => t >= 0).length;
  assert.ok(seen > 0, `${what}: the guest saw no new picture of the screen in time, ${at.join(', ')} ms`);
  const score = async (index, file) => {
    const picture = png(await guest.look(index));
    if (file) writeFileSync(file, picture);
    return likeness(text, read(picture));
  };
  const final = await score(first + seen - 1, join(keep(), `${what}.png`));
  let [from, to] = [first, first + seen - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (await score(middle) >= 0.99) to = middle;
    else from = middle + 1;
  }
  console.log(`${what}: ${seen} pictures, the first after ${at[first]} ms, ${(100 * final).toFixed(1)} % read${final >= 0.99 ? `, at least 99 % from ${at[to]} ms on` : ''}`);
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
  await guest.watchScreen(2 * TIME);
  const begin = Date.now();
  await app.click('button', '^share$');
  const share = await judge('shared', code.text, begin);
  viewer.kill('SIGTERM');
  await viewer.ended;
  assert.ok(share >= 0.99, `${(100 * share).toFixed(1)} % of the code page`);
});

test('a page turned on the shared screen is read within 2 s', async () => {
  const code = codePage('second', { dark: true });
  await guest.watchScreen(10 * TIME);
  const { viewer } = await desktop.show('next page', code.file);
  const begin = Date.now();
  const share = await judge('turned', code.text, begin);
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
