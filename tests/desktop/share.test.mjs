// The app shares its screen, and a browser guest reads the code page on it; push-to-talk while another window has the keyboard.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, clip, root } from '../browser/lib/paths.mjs';
import { Server, sleep, until } from '../browser/lib/processes.mjs';
import { Guest } from '../browser/lib/guest.mjs';
import { Desktop, launch } from './lib/desktop.mjs';
import { App } from './lib/app.mjs';
import { likeness, read } from './lib/pictures.mjs';

let server, desktop, app, guest, links;
const keep = () => artefacts('desktop');

before(async () => {
  server = await Server.start();
  desktop = await Desktop.start({ size: '1920x1080' });
  links = await server.meeting('Sharing');
  desktop.speak('mic_one', clip('speech-en.wav'));
  app = await App.start(desktop, { link: `confab://join/127.0.0.1:${server.port}/${links.id}` });
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

/** A page of our own code, as an editor shows it, in a window. */
function codePage() {
  const text = readFileSync(join(root, 'src-tauri/src/store.rs'), 'utf8').split('\n').slice(12, 48).map((l) => l.slice(0, 96)).join('\n');
  const file = join(desktop.folder, 'page.png');
  const source = join(desktop.folder, 'page.txt');
  writeFileSync(source, text);
  execFileSync('convert', ['-size', '1500x1000', 'xc:white', '-font', 'DejaVu-Sans-Mono', '-pointsize', '20', '-fill', 'black', '-annotate', '+20+40', `@${source}`, file]);
  return { text, file };
}

test('a guest reads the code page on the shared screen', async () => {
  const page = codePage();
  const viewer = launch('display', ['-geometry', '+200+20', '-title', 'code page', page.file], desktop.env);
  await until('the page on the screen', 10000, () => desktop.windows('code page').length > 0);
  await sleep(1000);
  const best = likeness(page.text, read(readFileSync(desktop.screenshot(join(keep(), 'screen.png')))));
  await app.click('button', 'share');
  await app.click('button', 'screen|display|1920', 10000).catch(() => {});
  await app.click('button', '^(share|start sharing)$', 5000).catch(() => {});
  const begin = Date.now();
  let text = '', share = 0;
  await until('the text at the guest', 20000, async () => {
    const pictures = (await guest.grab()).filter((p) => !p.local && p.width >= 1000);
    for (const p of pictures) {
      const png = execFileSync('convert', ['-size', `${p.width}x${p.height}`, '-depth', '8', 'gray:-', 'png:-'], { input: Buffer.from(p.luma, 'base64'), maxBuffer: 64 << 20 });
      text = read(png);
      share = Math.max(share, likeness(page.text, text));
      if (share >= 0.99 * best) { writeFileSync(join(keep(), 'shared.png'), png); return true; }
    }
    return false;
  }).catch((e) => { throw new Error(`${e.message}; read ${(100 * share).toFixed(1)} % where the screen itself gives ${(100 * best).toFixed(1)} %`); });
  console.log(`read ${(100 * share).toFixed(1)} % (the screen itself: ${(100 * best).toFixed(1)} %) ${Date.now() - begin} ms after the last click`);
  viewer.kill('SIGTERM');
});

test('push-to-talk opens the microphone while another window has the keyboard', async () => {
  const shell = (command) => app.script('return window.__TAURI_INTERNALS__.invoke("app", { command: arguments[0] })', command);
  const chord = { code: 'F9', mod: false, shift: false, alt: false };
  const reply = await shell({ type: 'save_settings', patch: { globalShortcuts: { talk: chord, microphone: null, camera: null } } });
  assert.equal(reply.type, 'done', JSON.stringify(reply));
  await app.toggle('microphone', false);
  const other = launch('display', ['-title', 'another window', 'xc:grey[300x200]'], desktop.env);
  const [window] = await until('another window', 10000, () => { const w = desktop.windows('another window'); return w.length > 0 && w; });
  desktop.run('xdotool', 'windowactivate', '--sync', window);
  const open = () => app.attribute('button', 'microphone', 'aria-pressed');
  assert.equal(await open(), 'false');
  desktop.run('xdotool', 'keydown', 'F9');
  await until('the microphone is open', 3000, async () => (await open()) === 'true');
  assert.equal(desktop.run('xdotool', 'getactivewindow').trim(), window, 'the other window keeps the keyboard');
  desktop.run('xdotool', 'keyup', 'F9');
  await until('the microphone is closed', 3000, async () => (await open()) === 'false');
  other.kill('SIGTERM');
});
