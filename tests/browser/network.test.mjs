// Bad days: the server is killed and started again; UDP is closed to a guest.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { clip } from './lib/paths.mjs';
import { Native, Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';
import { inOwnNetwork, OWN_ADDRESS } from './lib/own-network.mjs';

inOwnNetwork(import.meta.filename);

/** Bytes of media a guest has received and sent over all its peer connections, by kind. */
const bytes = (guest) => guest.page.evaluate(async () => {
  const sum = { audioIn: 0, videoIn: 0, audioOut: 0, videoOut: 0, protocol: '', kind: '' };
  for (const peer of (globalThis.__peers ?? []).filter((p) => p.connectionState === 'connected')) {
    const stats = await peer.getStats();
    for (const s of stats.values()) {
      if (s.type === 'inbound-rtp') sum[`${s.kind}In`] += s.bytesReceived;
      if (s.type === 'outbound-rtp') sum[`${s.kind}Out`] += s.bytesSent;
      if (s.type === 'transport' && s.selectedCandidatePairId) {
        const pair = stats.get(s.selectedCandidatePairId);
        // Of a relayed candidate: how its relay is reached.
        const local = stats.get(pair.localCandidateId);
        sum.protocol = local?.relayProtocol ?? local?.protocol ?? '';
        sum.kind = local?.candidateType ?? '';
      }
    }
  }
  return sum;
});

/** Whether media flows both ways: each counter grows within a second. */
async function flows(guest) {
  const before = await bytes(guest);
  await sleep(1000);
  const after = await bytes(guest);
  return ['audioIn', 'videoIn', 'audioOut', 'videoOut'].every((k) => after[k] > before[k] + 500);
}

const native = (link, name) => new Native(link, name, ['--mic-file', clip('speech-ru.wav'), '--camera-pattern', '--loop']);

test('after the server is killed and started again, guest and native are back both ways within 10 s', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Restart');
  const nils = native(guest_link, 'Nils');
  t.after(() => nils.leave());
  const guest = await Guest.start({ audio: clip('speech-en.wav') });
  t.after(() => guest.close());
  await guest.join(host_link, 'Greta');
  await until('media flows', 20000, () => flows(guest));
  await guest.page.getByRole('button', { name: 'Chat' }).first().click();
  await guest.page.getByRole('textbox', { name: /message/i }).fill('before the cut');
  await guest.page.keyboard.press('Enter');
  await guest.page.getByText('before the cut').first().waitFor();

  await server.kill();
  await sleep(1000);
  await server.up();
  const begin = Date.now();
  await until('media flows again both ways', 10000, () => flows(guest));
  console.log(`back after ${Date.now() - begin} ms`);
  await guest.page.getByText('before the cut').first().waitFor();
  const line = nils.lines().at(-1);
  assert.ok(line, 'the native keeps writing statistics');
});

test('a guest that has UDP gets media over UDP, also where media, pages and the relay have one address', async (t) => {
  const server = await Server.start((server) => `public_url = "http://${OWN_ADDRESS}:${server.port}"\n[media]\npublic_addresses = ["${OWN_ADDRESS}"]\n`);
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('UDP');
  const nils = native(guest_link.replace(OWN_ADDRESS, '127.0.0.1'), 'Nils');
  t.after(() => nils.leave());
  const guest = await Guest.start({ audio: clip('speech-en.wav') });
  t.after(() => guest.close());
  await guest.join(guest_link.replace(OWN_ADDRESS, 'localhost'), 'Greta');
  await until('media flows', 20000, () => flows(guest));
  const { protocol, kind } = await bytes(guest);
  assert.equal(protocol, 'udp');
  assert.match(kind, /^(host|srflx|prflx)$/, 'not by the relay');
});

test('a guest without UDP gets media over TCP within 10 s', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('No UDP');
  const nils = native(guest_link, 'Nils');
  t.after(() => nils.leave());
  const guest = await Guest.start({ audio: clip('speech-en.wav'), args: ['--force-webrtc-ip-handling-policy=disable_non_proxied_udp', '--webrtc-ip-handling-policy=disable_non_proxied_udp'] });
  t.after(() => guest.close());
  await guest.join(guest_link, 'Greta');
  const begin = Date.now();
  await until('media flows over TCP', 10000, () => flows(guest));
  console.log(`media over TCP ${Date.now() - begin} ms after joining`);
  assert.equal((await bytes(guest)).protocol, 'tcp');
});

test('a guest that hears gaps tells the server of them, and its user', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Gaps');
  const nils = native(guest_link, 'Nils');
  t.after(() => nils.leave());
  const guest = await Guest.start({ audio: clip('speech-en.wav') });
  t.after(() => guest.close());
  const told = [];
  guest.page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => {
    const { body } = JSON.parse(payload);
    if (body?.type === 'listening') told.push(body);
  }));
  await guest.join(guest_link, 'Greta', { camera: false });
  await until('Nils is heard', 20000, async () => (await bytes(guest)).audioIn > 10000);
  await sleep(6000);
  const before = told.at(-1)?.stalled_permille ?? 0;
  assert.ok(before <= 15, `hardly anything stalled: ${JSON.stringify(told)}`);

  // Whoever speaks is gone, twice and for so long that nothing hides it. The server takes a silent sender's line away after two
  // seconds or so; what is missing after that is not the listener's trouble.
  for (let i = 0; i < 2; i += 1) {
    nils.child.kill('SIGSTOP');
    await sleep(3000);
    nils.child.kill('SIGCONT');
    await sleep(4000);
  }
  const all = () => (told.at(-1)?.stalled_permille ?? 0) > before + 33;
  await until('the gaps are told', 15000, all).catch((e) => { throw new Error(`${e.message}: ${JSON.stringify(told)}`); });
  console.log(`told of ${told.map((l) => l.stalled_permille)} thousandths of the last minute`);
  assert.ok(told.every((l) => l.stalled_permille <= before + 120), `for 6 s: ${told.map((l) => l.stalled_permille)}`);
  await guest.page.getByRole('img', { name: /speech broke up/i }).first().waitFor({ timeout: 10000 });
});
