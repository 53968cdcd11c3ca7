// A meeting in a page of somebody else, in real Chromium: it is shown where the operator says so and nowhere else, tells the page that
// one is in and out, and does what the page may ask for.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Server, freePort, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

/** A site of its own with one page that holds the meeting. */
async function site(t, server, port, meeting) {
  const page = `<!doctype html><title>Intranet</title><script src="${server.url}/embed.js"></script>
    <confab-meeting meeting="${meeting}" name="Ada" style="width: 1000px; height: 700px"></confab-meeting>`;
  const http = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(page));
  await new Promise((done) => http.listen(port, '127.0.0.1', done));
  t.after(() => http.close());
  return `http://127.0.0.1:${port}/`;
}

async function framed(t, allowed) {
  const port = await freePort();
  const origins = allowed ? `"http://127.0.0.1:${port}"` : '"https://elsewhere.example"';
  const server = await Server.start(`[embed]\norigins = [${origins}]\n`);
  t.after(() => server.stop());
  const made = await fetch(`${server.url}/api/v1/meetings`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
  const { id, host_link } = await made.json();
  const guest = await Guest.start();
  t.after(() => guest.close().catch(() => {}));
  await guest.page.addInitScript(() => {
    globalThis.heard = [];
    for (const name of ['confab-joined', 'confab-left', 'confab-ended']) {
      document.addEventListener(name, (event) => globalThis.heard.push([name, event.detail.code ?? '']));
    }
  });
  await guest.page.goto(await site(t, server, port, allowed === 'host' ? host_link : id));
  return { server, guest, heard: () => guest.page.evaluate(() => globalThis.heard) };
}

test('a listed page shows the meeting, hears of it and mutes and leaves', async (t) => {
  const { guest, heard } = await framed(t, 'host');
  const inside = guest.page.frameLocator('confab-meeting iframe');
  const name = inside.getByRole('textbox', { name: /your name/i });
  const microphone = (on) => inside.getByRole('button', { name: /microphone/i }).and(inside.locator(`[aria-pressed="${on}"]`)).first().waitFor();
  await name.waitFor();
  assert.equal(await name.inputValue(), 'Ada');
  await inside.getByRole('button', { name: /^join/i }).click();
  await until('the page hears that one is in', 20000, async () => (await heard()).length > 0);
  assert.deepEqual(await heard(), [['confab-joined', '']]);

  const ask = (what) => guest.page.evaluate((name) => document.querySelector('confab-meeting')[name](), what);
  await ask('unmute');
  await microphone(true);
  await ask('mute');
  await microphone(false);
  await ask('leave');
  await until('the page hears that one is out', 20000, async () => (await heard()).length > 1);
  assert.deepEqual(await heard(), [['confab-joined', ''], ['confab-left', '']]);
});

test('a page that is not listed shows nothing', async (t) => {
  const { guest } = await framed(t, false);
  const frame = await until('there is a frame', 10000, () => guest.page.frames()[1]);
  await until('the browser refuses it', 20000, async () => guest.errors.some((e) => e.includes('frame-ancestors')));
  assert.equal(await frame.getByRole('textbox').count().catch(() => 0), 0);
});
