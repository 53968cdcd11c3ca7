// Every view at three sizes, dark and light, in both languages, kept as screenshots; axe finds nothing serious.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, clip } from './lib/paths.mjs';
import { Native, Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const SIZES = { '1280': { width: 1280, height: 800 }, '2560': { width: 2560, height: 1440 }, '390': { width: 390, height: 844 } };
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function accessible(page, view) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const bad = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(bad.map((v) => `${view}: ${v.id} ${v.nodes[0]?.html.slice(0, 200)}`), []);
}

test('landing, pre-join and a meeting of four, at three sizes', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Weekly planning');
  const camera = ['talking-head.y4m', 'street.y4m', 'film-720p.y4m'];
  const others = ['Ada Lovelace', 'Grace Hopper', '林徽因'].map((name, i) => new Native(guest_link, name, [
    '--mic-file', clip('speech-en.wav'), '--camera-file', clip(camera[i]), '--loop', '--max-height', '180']));
  t.after(() => Promise.all(others.map((o) => o.leave())));
  const folder = artefacts('views');
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const [locale, dark] of [['en-US', true], ['zh-CN', false]]) {
      const tag = `${size}-${locale}-${dark ? 'dark' : 'light'}`;
      const guest = await Guest.start({ size: viewport, locale, dark, video: clip('talking-head.y4m') });
      t.after(() => guest.close().catch(() => {}));
      const { page } = guest;
      await page.goto(server.url);
      await page.getByRole('heading').first().waitFor();
      await guest.screenshot(join(folder, `home-${tag}.png`));
      await accessible(page, 'home');
      await page.goto(guest_link.replace('127.0.0.1', 'localhost'));
      await page.getByRole('textbox').first().fill('Katherine Johnson');
      // Microphone and camera: the list shrinks as each is turned on.
      for (const off = page.locator('button.switch[aria-pressed="false"]'); (await off.count()) > 0;) await off.first().click();
      await sleep(1500);
      await guest.screenshot(join(folder, `prejoin-${tag}.png`));
      await accessible(page, 'pre-join');
      await page.getByRole('textbox').first().press('Enter');
      await page.getByRole('toolbar').first().waitFor();
      await until('three remote pictures', 20000, async () => (await guest.grab()).filter((p) => !p.local).length >= 3).catch(() => {});
      await sleep(1500);
      await guest.screenshot(join(folder, `meeting-${tag}.png`));
      await accessible(page, 'meeting');
      assert.deepEqual(guest.foreign, []);
      await guest.close();
    }
  }
});
