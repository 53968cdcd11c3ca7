// From a link in a letter to talking, on a phone: three clicks, and sound both ways within five seconds of the last one.
// The browser is told to allow the microphone without asking; a person's browser asks once, which is one more touch of its own.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, clip } from './lib/paths.mjs';
import { Native, Server, inspect, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';
import { Sink } from './lib/sink.mjs';

const PHONE = { width: 390, height: 844 };
const BOB = 'bob@example.org';
const MOST_CLICKS = 3;
const MOST_MS = 5000;

/** A meeting that begins in a minute, with Bob invited by mail; its letter. */
async function invited(server, sink) {
  const start = new Date(Date.now() + 60_000).toISOString().slice(0, 19);
  const answer = await fetch(`${server.url}/api/v1/meetings`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'On the way', schedule: { kind: 'planned', when: { once: { start, zone: 'UTC', minutes: 30 } } }, invitees: [{ address: BOB, name: 'Bob' }] }),
  });
  const made = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(made));
  assert.equal(made.mails, true, 'the server writes letters');
  return { made, letter: await sink.letter(BOB) };
}

/** A mail reader as simple as can be: the letter's text, with its addresses as links. */
function reader(letter, server) {
  const { text } = letter.parts.find((part) => part.type.startsWith('text/plain'));
  const escaped = text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  const here = (url) => (server.front ? url.replace(/^https?:\/\/[^/]+/, server.url) : url.replace('127.0.0.1', 'localhost'));
  const linked = escaped.replace(/https?:\/\/\S+/g, (url) => `<a href="${here(url)}">${url}</a>`);
  return `<!doctype html><meta name="viewport" content="width=device-width"><pre style="white-space:pre-wrap">${linked}</pre>`;
}

/** Energy of all that is received, and packets of sound sent. */
const sound = (guest) => guest.page.evaluate(async () => {
  const sum = { energyIn: 0, packetsOut: 0 };
  for (const peer of globalThis.__peers ?? []) {
    for (const s of (await peer.getStats()).values()) {
      if (s.kind !== 'audio') continue;
      if (s.type === 'inbound-rtp') sum.energyIn += s.totalAudioEnergy ?? 0;
      if (s.type === 'outbound-rtp') sum.packetsOut += s.packetsSent;
    }
  }
  return sum;
});

/** Whether the native gets this one's voice; 127 is silence. */
const hears = (native, name) => native.lines().some((l) => l.direction === 'receive' && l.source === 'microphone' && l.name === name && l.packets > 0 && (l.level_dbov ?? 127) < 100);

test('a link in a letter leads to talking in three clicks and five seconds on a phone', async (t) => {
  const sink = await Sink.start();
  if (sink === undefined) return t.skip('the Python package aiosmtpd is missing; ./confab test brings it');
  t.after(() => sink.stop());
  const server = await Server.start(`[mail]\nhost = "localhost"\nport = ${sink.port}\ntls = "off"\nfrom = "Confab <confab@example.org>"\n`);
  t.after(() => server.stop());
  const { made, letter } = await invited(server, sink);
  const nils = new Native(made.guest_link, 'Nils', ['--mic-file', clip('speech-ru.wav'), '--loop']);
  t.after(() => nils.leave());

  const guest = await Guest.start({ audio: clip('speech-en.wav'), size: PHONE, phone: true, dark: false });
  t.after(() => guest.close());
  const { page } = guest;
  const folder = artefacts('phone');
  let clicks = 0;
  const touch = async (what) => { clicks += 1; await what.tap(); };

  await page.setContent(reader(letter, server));
  await touch(page.getByRole('link', { name: new RegExp(`/m/${made.id}`) }).first());
  // The name is asked for, and its field has the focus: it is typed, not looked for.
  const name = page.getByRole('textbox', { name: /your name/i });
  await name.waitFor();
  await page.getByRole('heading', { name: 'On the way' }).waitFor();
  await until('the name can be typed at once', 5000, () => name.evaluate((field) => field === document.activeElement));
  await page.keyboard.type('Bob');
  await until('Nils is there', 20000, async () => (await (await fetch(`${server.url}/api/v1/meetings/${made.id}`)).json()).participants === 1);
  const microphone = page.getByRole('button', { name: /microphone/i }).and(page.locator('[aria-pressed]')).first();
  await touch(microphone);
  await until('the microphone is on', 5000, async () => (await microphone.getAttribute('aria-pressed')) === 'true');
  await guest.screenshot(join(folder, 'before.png'));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `nothing hangs over the edge: ${wide} px`);

  await touch(page.getByRole('button', { name: /^join/i }));
  const joined = Date.now();
  const took = {};
  await until('sound both ways', 20000, async () => {
    const now = await sound(guest);
    // The native writes its statistics once a second, so what it hears is seen up to a second late.
    if (now.energyIn > 1e-4) took.heard ??= Date.now() - joined;
    if (hears(nils, 'Bob')) took.spoken ??= Date.now() - joined;
    return took.heard !== undefined && took.spoken !== undefined;
  }).catch(async (e) => {
    await guest.screenshot(join(folder, 'failed.png'));
    throw new Error(`${e.message}: ${JSON.stringify([took, await sound(guest)])}; the native said: ${nils.child.output.slice(-1500)}`);
  });
  console.log(`${clicks} clicks; after Join Bob heard Nils in ${took.heard} ms, Nils heard Bob in ${took.spoken} ms`);
  writeFileSync(join(folder, 'report.json'), JSON.stringify({ clicks, ...took }));
  assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
  assert.ok(Math.max(took.heard, took.spoken) <= MOST_MS, JSON.stringify(took));

  // And it is these voices that are heard, not just any sound.
  const heard = Object.values(await guest.record(10000));
  await sleep(500);
  await guest.screenshot(join(folder, 'meeting.png'));
  await nils.leave();
  const shares = [
    ['Bob', heard.map((file) => inspect('hear', '--heard', file, '--source', clip('speech-ru.wav'), '--last', '10'))],
    ['Nils', [inspect('hear', '--heard', nils.speaker, '--source', clip('speech-en.wav'), '--last', '10')]],
  ];
  for (const [who, found] of shares) {
    const best = Math.max(0, ...found.map((one) => one?.share ?? 0));
    console.log(`${who} heard the other in ${(100 * best).toFixed(0)} % of what was spoken`);
    assert.ok(best >= 0.6, `${who}: ${JSON.stringify(found)}`);
  }
  assert.deepEqual(guest.foreign, [], 'the page asks nobody else');
  assert.deepEqual(guest.errors, [], 'the page has no errors');
});
