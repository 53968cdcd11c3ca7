// Drawing on a shared screen: three Chromium guests, one shares, one draws in a window of 1280, one looks in a window of 2560. A stroke
// lies on the same spot of the picture for all, within three pixels; who shares may forbid it, and pause the picture, which is
// drawn on as it stands; it ends with the share.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { artefacts, clip } from './lib/paths.mjs';
import { Server, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const folder = artefacts('annotation');
/** From here to there, in shares of the picture. */
const FROM = [0.25, 0.3];
const TO = [0.75, 0.6];
/** The pen's, in 16384ths of the picture's width (ui/src/state/board/annotate.svelte.ts). */
const WIDTH = 52;

const layer = (page) => page.locator('.tile.screen canvas[data-strokes]');
const strokes = async (page) => Number(await layer(page).getAttribute('data-strokes'));

/** Where the shared picture is on the page, measured from the video itself, and which part of it has red ink. */
function look(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('.tile.screen canvas[data-strokes]');
    const video = document.querySelector('.tile.screen video');
    const room = video.getBoundingClientRect();
    const k = Math.min(room.width / video.videoWidth, room.height / video.videoHeight);
    const [width, height] = [video.videoWidth * k, video.videoHeight * k];
    const picture = { x: room.x + (room.width - width) / 2, y: room.y + (room.height - height) / 2, width, height };
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const at = canvas.getBoundingClientRect();
    const scale = canvas.width / at.width;
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let y = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++) {
        const i = (y * canvas.width + x) * 4;
        if (data[i + 3] < 128 || data[i] < 150 || data[i + 1] > 100) continue;
        [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
      }
    }
    return { picture, ink: { left: at.x + left / scale, top: at.y + top / scale, right: at.x + right / scale, bottom: at.y + bottom / scale } };
  });
}

test('a stroke lies on the same spot for every viewer, and who shares rules', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Screens');
  const ada = await Guest.start({ video: clip('talking-head.y4m'), args: ['--auto-select-tab-capture-source-by-title=Screens'] });
  t.after(() => ada.close());
  const bob = await Guest.start();
  t.after(() => bob.close());
  const cleo = await Guest.start({ size: { width: 2560, height: 1300 } });
  t.after(() => cleo.close());
  await ada.join(guest_link, 'Ada', { microphone: false });
  await bob.join(guest_link, 'Bob', { microphone: false, camera: false });
  await cleo.join(guest_link, 'Cleo', { microphone: false, camera: false });
  await ada.page.getByRole('button', { name: 'Share screen' }).click();
  await ada.page.getByRole('region', { name: 'Your screen share' }).waitFor({ timeout: 10000 });

  for (const { page } of [bob, cleo]) {
    await page.getByRole('button', { name: 'Draw on the screen' }).waitFor({ timeout: 30000 });
    await until('the screen is shown', 30000, () => page.evaluate(() => document.querySelector('.tile.screen video')?.videoWidth > 0));
  }
  await bob.page.getByRole('button', { name: 'Draw on the screen' }).click();
  await bob.page.getByRole('toolbar', { name: 'Drawing on the screen' }).waitFor();
  const { picture } = await look(bob.page);
  const spot = ([across, down]) => [picture.x + across * picture.width, picture.y + down * picture.height];
  await bob.page.mouse.move(...spot(FROM));
  await bob.page.mouse.down();
  await bob.page.mouse.move(...spot(TO), { steps: 20 });
  await bob.page.mouse.up();
  for (const { page } of [bob, cleo]) await until('the stroke', 10000, async () => (await strokes(page)) === 1);
  await ada.page.getByRole('button', { name: 'Erase everybody’s drawing' }).waitFor();

  for (const [name, { page }] of [['Bob', bob], ['Cleo', cleo]]) {
    await page.waitForTimeout(300);
    const { picture: box, ink } = await look(page);
    const half = (WIDTH / 16384) * box.width / 2;
    const off = {
      left: ink.left - (box.x + FROM[0] * box.width - half), right: ink.right - (box.x + TO[0] * box.width + half),
      top: ink.top - (box.y + FROM[1] * box.height - half), bottom: ink.bottom - (box.y + TO[1] * box.height + half),
    };
    console.log(`${name}: picture ${Math.round(box.width)}x${Math.round(box.height)}, off by ${JSON.stringify(off)} pixels`);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    for (const [edge, error] of Object.entries(off)) assert.ok(Math.abs(error) <= 3, `${name}, ${edge}: ${error}`);
  }

  // Forbidden in the midst of it: the tools go, the drawing stays; allowed again, they come back.
  const allow = ada.page.getByRole('button', { name: 'Let others draw' });
  assert.equal(await allow.getAttribute('aria-pressed'), 'true');
  await allow.click();
  await bob.page.getByText('Drawing on this screen is turned off by who shares it.').waitFor();
  assert.equal(await bob.page.getByRole('button', { name: 'Pen', exact: true }).count(), 0);
  assert.equal(await strokes(bob.page), 1);
  await allow.click();
  await bob.page.getByRole('button', { name: 'Pen', exact: true }).waitFor();

  // Paused by who shares, the picture stands for all, and is drawn on.
  await ada.page.getByRole('region', { name: 'Your screen share' }).getByRole('button', { name: 'Pause' }).click();
  await bob.page.mouse.move(...spot([0.3, 0.8]));
  await bob.page.mouse.down();
  await bob.page.mouse.move(...spot([0.6, 0.8]), { steps: 10 });
  await bob.page.mouse.up();
  for (const { page } of [bob, cleo]) await until('a stroke on the standing picture', 10000, async () => (await strokes(page)) === 2);
  const standing = await look(cleo.page);
  const lower = standing.picture.y + 0.8 * standing.picture.height + (WIDTH / 16384) * standing.picture.width / 2;
  assert.ok(Math.abs(standing.ink.bottom - lower) <= 3, `${standing.ink.bottom} and not ${lower}`);
  await bob.page.getByRole('button', { name: 'Undo' }).click();
  for (const { page } of [bob, cleo]) await until('undone', 10000, async () => (await strokes(page)) === 1);
  await ada.page.getByRole('region', { name: 'Your screen share' }).getByRole('button', { name: 'Go on' }).click();

  // Ink that fades is seen and goes, and is no stroke.
  await bob.page.getByRole('button', { name: /^Fading pen/ }).click();
  await bob.page.mouse.move(...spot([0.1, 0.1]));
  await bob.page.mouse.down();
  await bob.page.mouse.move(...spot([0.2, 0.1]), { steps: 5 });
  await bob.page.mouse.up();
  const higher = async () => { const { picture: box, ink } = await look(cleo.page); return ink.top < box.y + 0.15 * box.height; };
  await until('fading ink at Cleo', 5000, higher);
  await until('it is gone', 10000, async () => !(await higher()));
  assert.equal(await strokes(cleo.page), 1);

  await ada.page.getByRole('button', { name: 'Erase everybody’s drawing' }).click();
  for (const { page } of [bob, cleo]) await until('erased', 10000, async () => (await strokes(page)) === 0);

  // Who shares draws on a large picture of the own screen: for the viewers it lies where it was drawn.
  await ada.page.getByRole('region', { name: 'Your screen share' }).getByRole('button', { name: 'Draw', exact: true }).click();
  const own = ada.page.getByRole('dialog', { name: 'Draw on your shared screen' });
  await own.getByRole('button', { name: 'Pen', exact: true }).waitFor();
  await until('her screen is shown', 10000, () => own.locator('video').evaluate((video) => video.videoWidth > 0));
  const its = await own.locator('video').evaluate((video) => {
    const room = video.getBoundingClientRect();
    const k = Math.min(room.width / video.videoWidth, room.height / video.videoHeight);
    const [width, height] = [video.videoWidth * k, video.videoHeight * k];
    return { x: room.x + (room.width - width) / 2, y: room.y + (room.height - height) / 2, width, height };
  });
  const hers = ([across, down]) => [its.x + across * its.width, its.y + down * its.height];
  await ada.page.mouse.move(...hers(FROM));
  await ada.page.mouse.down();
  await ada.page.mouse.move(...hers(TO), { steps: 20 });
  await ada.page.mouse.up();
  for (const { page } of [bob, cleo]) await until("Ada's stroke", 10000, async () => (await strokes(page)) === 1);
  await ada.page.screenshot({ path: join(folder, 'own.png') });
  await cleo.page.waitForTimeout(300);
  const seen = await look(cleo.page);
  assert.ok(Math.abs(seen.ink.left - (seen.picture.x + (FROM[0] - WIDTH / 32768) * seen.picture.width)) <= 3, JSON.stringify(seen));
  assert.ok(Math.abs(seen.ink.bottom - (seen.picture.y + TO[1] * seen.picture.height + (WIDTH / 32768) * seen.picture.width)) <= 3, JSON.stringify(seen));
  await own.getByRole('button', { name: 'Close the drawing tools' }).click();
  await own.waitFor({ state: 'detached' });

  await ada.page.getByRole('button', { name: 'Stop sharing' }).first().click();
  for (const { page } of [bob, cleo]) await layer(page).waitFor({ state: 'detached', timeout: 10000 });
  for (const guest of [ada, bob, cleo]) assert.deepEqual(guest.foreign, []);
});
