// A Firefox guest that has no H.264, a Chromium guest and a native in one meeting see each other, and what they send follows who is
// there.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, clip, temporary } from './lib/paths.mjs';
import { Native, Server, inspect, readMarks, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';
import { FirefoxGuest } from './lib/firefox.mjs';
import { inOwnNetwork, OWN_ADDRESS } from './lib/own-network.mjs';

inOwnNetwork(import.meta.filename);

/** What a page's camera is coded in now, from what it has sent in the last second; none where it sends nothing. */
async function sentIn(page) {
  const look = () => page.evaluate(async () => {
    const all = [...(await globalThis.__peers.at(-1).getStats()).values()];
    const sent = all.filter((s) => s.type === 'outbound-rtp' && s.kind === 'video');
    return sent.map((s) => ({ id: s.id, frames: s.framesEncoded ?? 0, codec: all.find((c) => c.id === s.codecId)?.mimeType }));
  });
  const before = await look();
  await sleep(1000);
  const moved = (await look()).filter((s) => s.frames > (before.find((b) => b.id === s.id)?.frames ?? 0));
  return [...new Set(moved.map((s) => s.codec))].join(' and ');
}

/** Who is seen, by the numbers in their pictures, and how many others' pictures there are at all. */
async function seen(guest) {
  const pictures = (await guest.grab()).filter((p) => !p.local && p.luma);
  return { count: pictures.length, ids: readMarks(pictures).flatMap((m) => (m === null ? [] : [m[0]])) };
}

test('Firefox, Chromium and a native see each other', async (t) => {
  const server = await Server.start(`[media]\npublic_addresses = ["${OWN_ADDRESS}"]\n`);
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Three kinds');
  const folder = temporary('clips');
  const clips = [1, 2].map((id) => {
    const file = join(folder, `${id}.y4m`);
    inspect('clip', '--id', String(id), '--width', '640', '--height', '360', '--fps', '15', '--seconds', '20', '--out', file);
    return file;
  });
  const nils = new Native(guest_link, 'Nils', ['--mic-file', clip('speech-en.wav'), '--camera-file', clips[0], '--loop', '--max-height', '360']);
  t.after(() => nils.leave());
  const chromium = await Guest.start({ audio: clip('speech-fr.wav'), video: clips[1], size: { width: 800, height: 500 } });
  t.after(() => chromium.close());
  await chromium.join(host_link, 'Greta');
  await until('Greta sees Nils', 30000, async () => (await seen(chromium)).ids.includes(1)).catch(async (e) => {
    await chromium.screenshot(join(artefacts('firefox'), 'greta-failed.png'));
    throw new Error(`${e.message}: ${JSON.stringify(await seen(chromium))} ${chromium.errors.join('; ')} ${nils.child.output.slice(-1500)}`);
  });
  const native = (direction) => nils.lines().filter((l) => l.direction === direction && l.source === 'camera' && l.codec).at(-1)?.codec;
  await until('natives send H.264', 10000, () => native('send') === 'h264');
  const alone = await sentIn(chromium.page);

  const firefox = await FirefoxGuest.start({ size: { width: 800, height: 500 } });
  t.after(() => firefox.close());
  await firefox.join(guest_link, 'Fritz');
  const decodes = await firefox.page.evaluate(() => RTCRtpReceiver.getCapabilities('video').codecs.map((c) => c.mimeType));
  const has264 = decodes.includes('video/H264');
  console.log(`${await firefox.version()}: ${has264 ? 'with' : 'without'} H.264; Chromium sent ${alone} before`);
  const wanted = has264 ? 'h264' : 'vp8';

  await until('Fritz sees Nils and Greta', 30000, async () => {
    const { ids } = await seen(firefox);
    return ids.includes(1) && ids.includes(2);
  }).catch(async (e) => {
    await firefox.screenshot(join(artefacts('firefox'), 'failed.png'));
    throw new Error(`${e.message}: ${JSON.stringify(await seen(firefox))} ${firefox.errors.join('; ')}`);
  });
  await until('Greta sees Nils and Fritz', 30000, async () => {
    const { ids, count } = await seen(chromium);
    return ids.includes(1) && count === 2;
  }).catch(async (e) => {
    await chromium.screenshot(join(artefacts('firefox'), 'greta-failed.png'));
    await firefox.screenshot(join(artefacts('firefox'), 'failed.png'));
    throw new Error(`${e.message}: ${JSON.stringify(await seen(chromium))} ${chromium.errors.join('; ')} Fritz: ${JSON.stringify(await seen(firefox))} ${firefox.errors.join('; ')}`);
  });
  const received = () => readdirSync(nils.video).filter((f) => f.endsWith('camera.y4m')).map((f) => statSync(join(nils.video, f)).size);
  await until('Nils sees two people', 30000, () => received().filter((size) => size > 1 << 20).length === 2)
    .catch((e) => { throw new Error(`${e.message}: ${received()} ${nils.child.output.slice(-1500)}`); });
  await until(`Nils sends ${wanted}`, 10000, () => native('send') === wanted);
  assert.equal((await sentIn(chromium.page)).toLowerCase(), `video/${wanted}`, 'Greta sends what Fritz decodes');
  await firefox.screenshot(join(artefacts('firefox'), 'three-kinds.png'));
  const moves = async () => JSON.stringify(readMarks((await firefox.grab()).filter((p) => !p.local && p.luma)));
  const before = await moves();
  await sleep(1500);
  assert.notEqual(await moves(), before, 'the pictures move');
  assert.deepEqual(firefox.errors, []);
  await firefox.leave();

  await until('Nils sends H.264 again', 30000, () => native('send') === 'h264').catch(async (e) => {
    await chromium.screenshot(join(artefacts('firefox'), 'nils-failed.png'));
    throw new Error(`${e.message}: ${JSON.stringify(await seen(chromium))} ${JSON.stringify(nils.lines().slice(-6))} ${nils.child.output.slice(-1500)}`);
  });
  await until('Greta sends as before', 20000, async () => (await sentIn(chromium.page)) === alone).catch(async (e) => {
    const codecs = await chromium.page.evaluate(() => JSON.stringify(globalThis.__peers.at(-1).getSenders().map((s) => s.getParameters().encodings.map((c) => c.codec))));
    throw new Error(`${e.message}: ${await sentIn(chromium.page)} ${codecs}`);
  });
  await until('Greta still sees Nils', 10000, async () => (await seen(chromium)).ids.includes(1));
  assert.deepEqual(chromium.errors, []);
});
