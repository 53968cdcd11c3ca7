// Pictures of the real app to look at: `node look.mjs [folder] [width x height] [others]` joins a meeting with that many others and
// keeps what the whole screen shows at each place, in light and dark.
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { artefacts } from '../browser/lib/paths.mjs';
import { Native, Server, sleep, until } from '../browser/lib/processes.mjs';
import { App } from './lib/app.mjs';
import { Desktop } from './lib/desktop.mjs';
import { page } from './lib/pictures.mjs';

const [folder = artefacts('look'), size = '1280x800', others = '8'] = process.argv.slice(2);
const THEMES = ['light', 'dark'];
const PAGES = ['audio', 'video', 'network', 'shortcuts', 'appearance', 'general', 'about'];

mkdirSync(resolve(folder), { recursive: true });
const server = await Server.start();
const desktop = await Desktop.start({ size });
try {
  await look();
} finally {
  await desktop.stop();
  await server.stop();
}
process.exit(0);

/** The screen as it is, in both themes. */
async function keep(app, name, themes = THEMES) {
  for (const theme of themes) {
    const reply = await app.script('return window.__TAURI_INTERNALS__.invoke("app", { command: arguments[0] })', { type: 'save_settings', patch: { theme } });
    if (reply.type !== 'done') throw new Error(`theme ${theme}: ${JSON.stringify(reply)}`);
    await until(`the page is ${theme}`, 30000, () => app.script('return document.documentElement.dataset.theme === arguments[0]', theme));
    await sleep(1500);
    desktop.screenshot(join(folder, `${name}-${theme}.png`));
    console.log(`${name}-${theme}.png`);
  }
}

async function settings(app) {
  await app.click('button', '^settings');
  for (const name of PAGES) {
    if (!(await app.find('tab', `^${name}`))) throw new Error(`no page "${name}": ${await app.text()}`);
    await app.click('tab', `^${name}`);
    await keep(app, `settings-${name}`, name === 'audio' || name === 'appearance' ? THEMES : ['light']);
  }
  await app.click('button', '^(close|done)');
}

async function more(app, name) {
  await app.click('button', '^more');
  await app.click('menuitem', name);
}

async function look() {
  const { id, guest_link } = await server.meeting('Product review');
  const link = `confab://join/127.0.0.1:${server.port}/${id}`;
  const app = await App.start(desktop);
  await app.turnTo("document.querySelector('h1') !== null");
  await keep(app, 'home');
  await settings(app);
  await app.again(link);
  await app.beforeMeeting();
  await app.fill('textbox', 'your name', 'Dora');
  await app.toggle('microphone', true);
  await app.toggle('camera', true);
  await sleep(1000);
  await keep(app, 'pre-join');
  const names = ['Amira', 'Ben', 'Chiara', 'David', 'Emre', 'Farid', 'Greta', 'Hana'];
  const natives = Array.from({ length: Number(others) }, (_, i) => new Native(guest_link, names[i % names.length],
    ['--mic-tone', String(300 + 40 * i), '--camera-pattern', '320x180@10', '--max-videos', '0', '--max-height', '180']));
  await app.join('Dora');
  await until('everybody is seen', 60000, async () => (await app.boxes()).length > natives.length);
  await sleep(8000);
  await keep(app, 'meeting');
  await app.click('button', '^participants|^people');
  await keep(app, 'people', ['light']);
  await app.click('button', '^chat');
  await keep(app, 'chat', ['dark']);
  await app.click('button', '^chat');
  await app.click('radio', '^speaker');
  await sleep(2000);
  await keep(app, 'speaker');
  await more(app, '^full screen$');
  await keep(app, 'full-screen', ['dark']);
  await more(app, 'full screen');
  await more(app, 'window|picture');
  await sleep(3000);
  await keep(app, 'popped-out');
  await more(app, 'window|picture');
  await app.click('button', '^more');
  await keep(app, 'more');
  await app.click('menuitem', 'connection');
  await sleep(2000);
  await keep(app, 'connection');
  await app.click('button', '^(close|done)');
  await app.click('radio', '^grid');
  const code = join(desktop.folder, 'code.png');
  page(readFileSync(new URL('pages/first.txt', import.meta.url), 'utf8'), code);
  await desktop.show('code page', code);
  await app.click('button', '^share screen');
  await sleep(2500);
  await keep(app, 'share-choice');
  await app.click('button', '^share$');
  await sleep(4000);
  await keep(app, 'sharing');
  await Promise.all(natives.map((n) => n.leave()));
  await app.quit();
}
