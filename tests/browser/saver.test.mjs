// The data saver in a guest: its limits hold both ways, sound alone is sound alone, and the camera comes back as it was.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { clip } from './lib/paths.mjs';
import { Native, Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

/** Bytes with headers that a guest sent and received, by kind. */
const bytes = (guest) => guest.page.evaluate(async () => {
  const sum = { audioIn: 0, videoIn: 0, audioOut: 0, videoOut: 0 };
  for (const peer of (globalThis.__peers ?? []).filter((p) => p.connectionState === 'connected')) {
    for (const s of (await peer.getStats()).values()) {
      if (s.type === 'inbound-rtp') sum[`${s.kind}In`] += s.bytesReceived + s.headerBytesReceived;
      if (s.type === 'outbound-rtp') sum[`${s.kind}Out`] += s.bytesSent + s.headerBytesSent;
    }
  }
  return sum;
});

/** kbit/s of each in so many seconds. */
async function rates(guest, seconds) {
  const before = await bytes(guest);
  await sleep(seconds * 1000);
  const after = await bytes(guest);
  return Object.fromEntries(Object.keys(after).map((k) => [k, ((after[k] - before[k]) * 8) / 1000 / seconds]));
}

async function choose(page, mode) {
  await page.locator('[aria-haspopup=menu]').nth(3).click();
  await page.getByRole('menuitemradio', { name: mode }).click();
}

/** A limit of one's own, typed into the settings. */
async function limit(page, name, kbps) {
  await page.getByLabel(name, { exact: true }).selectOption('-1');
  const field = page.getByLabel(`${name}, kbit/s`);
  await field.fill(String(kbps));
  await field.press('Tab');
}

const camera = (page) => page.getByRole('button', { name: 'Camera', exact: true });

test('a guest saves data: limits hold both ways, sound alone is sound alone, and the camera comes back', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Saver');
  const nils = new Native(guest_link, 'Nils', ['--mic-file', clip('speech-ru.wav'), '--camera-pattern', '--loop']);
  t.after(() => nils.leave());
  const guest = await Guest.start({ audio: clip('speech-en.wav') });
  t.after(() => guest.close());
  await guest.join(host_link, 'Greta');
  const { page } = guest;
  await until('pictures flow both ways', 60000, async () => {
    const now = await rates(guest, 1);
    return now.videoIn > 100 && now.videoOut > 100;
  });

  await page.keyboard.press('Control+Comma');
  await page.getByRole('tab', { name: 'Network' }).click();
  await page.getByRole('radio', { name: 'Save data' }).click();
  await limit(page, 'Send at most', 80);
  await page.getByRole('alert').filter({ hasText: 'between 100 and' }).waitFor();
  await limit(page, 'Send at most', 260);
  await limit(page, 'Receive at most', 300);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Data saver' }).waitFor();
  await sleep(6000);
  const saved = await rates(guest, 15);
  console.log('with limits of 260 up and 300 down:', saved);
  assert.ok(saved.audioOut + saved.videoOut <= 260, 'up');
  assert.ok(saved.audioIn + saved.videoIn <= 300, 'down');
  assert.ok(saved.videoOut > 40 && saved.videoIn > 40 && saved.audioIn > 10, 'and something is seen and heard');

  await choose(page, 'Audio only');
  await page.getByText('Picture off to save data').waitFor();
  await sleep(3000);
  const sound = await rates(guest, 8);
  console.log('with sound only:', sound);
  assert.ok(sound.videoIn < 5 && sound.videoOut < 5, 'no pictures');
  assert.ok(sound.audioIn > 10 && sound.audioOut > 10, 'voices go on');
  assert.equal(await camera(page).getAttribute('aria-pressed'), 'false');
  await camera(page).click();
  await page.getByText('so your camera stays off').first().waitFor();
  assert.equal(await camera(page).getAttribute('aria-pressed'), 'false');

  await choose(page, 'Off');
  await until('pictures flow both ways again', 30000, async () => {
    const now = await rates(guest, 1);
    return now.videoIn > 100 && now.videoOut > 100;
  });
  assert.equal(await camera(page).getAttribute('aria-pressed'), 'true');
  await page.locator('[aria-haspopup=menu]').nth(3).click();
  await page.getByRole('menuitem', { name: 'Connection' }).click();
  await page.getByText('Received in this meeting').waitFor();
  assert.match(await page.locator('dl').first().innerText(), /Received in this meeting\s+[\d.]+ MB/);
  assert.deepEqual(guest.errors, []);
});
