// A server behind a router, with one key in its configuration; people outside and inside; people whose network lets nothing out but TCP 443.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clip, program } from './lib/paths.mjs';
import { authority, believes, certify } from './lib/certificate.mjs';
import { Native, sleep, start, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';
import { INSIDE, NAME, PUBLIC, Routed } from './lib/routed.mjs';

/** Undoes what was done, the last first: what runs in a network ends before it. */
function undoing(t) {
  const steps = [];
  t.after(async () => { for (const step of steps.reverse()) await step(); });
  return (step) => steps.push(step);
}

/** The server behind the router, with a meeting. */
async function serve(t) {
  const later = undoing(t);
  const net = Routed.start();
  if (!net) {
    console.log('not checked: network namespaces need root, iproute2 and nftables');
    return undefined;
  }
  later(() => net.stop());
  const ca = authority(net.folder);
  const { cert, key } = certify(net.folder, NAME);
  const config = join(net.folder, 'confab.toml');
  writeFileSync(config, `listen = "0.0.0.0:443"\npublic_url = "https://${NAME}"\ndata_dir = "${net.folder}/data"\n[tls]\ncert = "${cert}"\nkey = "${key}"\n[media]\npublic_addresses = ["${PUBLIC}"]\n`);
  const child = start('confab-server', ['serve', '--config', config], { through: net.on('server') });
  later(async () => { child.kill('SIGTERM'); await Promise.race([child.ended, sleep(5000)]); child.kill('SIGKILL'); });
  await until('the server listens', 20000, () => child.output.includes('listening'));
  const said = execFileSync(program('confab-server'), ['meeting', 'new', '--title', 'Behind a router', '--config', config], { encoding: 'utf8' });
  const link = said.split(/\s+/).find((word) => word.startsWith('https://') && !word.includes('#'));
  return { later, net, ca, link, flag: believes(cert) };
}

/** A native on a host to whom the server's name means `address`. */
function native({ later, net, ca, link }, name, host, address) {
  const args = ['--mic-file', clip('speech-ru.wav'), '--camera-pattern', '320x180@15', '--loop', '--ca', ca];
  const someone = new Native(link, name, args, { through: net.on(host, address) });
  someone.begun = Date.now();
  someone.name = name;
  later(() => someone.leave());
  return someone;
}

async function guest({ later, net, link, flag }, name, host, address) {
  const someone = await Guest.start({ audio: clip('speech-en.wav'), program: net.browser(host, address), args: [flag], insecure: true });
  later(() => someone.close());
  await someone.join(link, name);
  someone.begun = Date.now();
  someone.name = name;
  return someone;
}

/** What a native has received from somebody in its last second, and by which way. */
function hears(native, from) {
  const lines = native.lines().filter((l) => l.direction === 'receive' && l.name === from && l.bitrate_kbps > 1);
  const recent = lines.filter((l) => Date.now() - l.at < 3000);
  return ['microphone', 'camera'].every((source) => recent.some((l) => l.source === source)) && recent.at(-1).path;
}

const media = (guest) => guest.page.evaluate(async () => {
  const sum = { audioIn: 0, videoIn: 0, audioOut: 0, videoOut: 0, way: '' };
  for (const peer of (globalThis.__peers ?? []).filter((p) => p.connectionState === 'connected')) {
    const stats = await peer.getStats();
    for (const s of stats.values()) {
      if (s.type === 'inbound-rtp') sum[`${s.kind}In`] += s.bytesReceived;
      if (s.type === 'outbound-rtp') sum[`${s.kind}Out`] += s.bytesSent;
      if (s.type === 'transport' && s.selectedCandidatePairId) {
        const local = stats.get(stats.get(s.selectedCandidatePairId).localCandidateId);
        sum.way = `${local?.candidateType === 'relay' ? 'relay ' : ''}${local?.relayProtocol ?? local?.protocol}`;
      }
    }
  }
  return sum;
});

async function flows(guest) {
  const before = await media(guest);
  await sleep(700);
  const after = await media(guest);
  return ['audioIn', 'videoIn', 'audioOut', 'videoOut'].every((k) => after[k] > before[k] + 300) && after.way;
}

/** Waits for media both ways; says how long it took and which way it goes. */
async function arrives(what, someone, probe) {
  const way = await until(`media both ways for ${what}`, 10000, probe).catch((e) => { throw new Error(`${e.message}\n${someone.child?.output ?? ''}`); });
  console.log(`${what}: media both ways by ${way} after ${Date.now() - someone.begun} ms`);
  return way;
}

for (const looks of [false, true]) {
  test(`from a network that lets nothing out but ${looks ? 'TLS' : 'TCP'} to 443`, async (t) => {
    const house = await serve(t);
    if (!house) return;
    house.net.narrow('outside', looks);
    const nils = native(house, 'Nils', 'inside', INSIDE);
    const olaf = native(house, 'Olaf', 'outside');
    const way = await arrives('a native', olaf, () => hears(nils, 'Olaf') && hears(olaf, 'Nils'));
    assert.equal(way, 'tcp');
    const greta = await guest(house, 'Greta', 'outside');
    const by = await arrives('Chromium', greta, () => flows(greta));
    assert.match(by, looks ? /^relay tls$/ : /tcp|tls/);
    await until('the native sees the guest', 30000, () => hears(olaf, 'Greta'));
  });
}

for (const [how, back, inside] of [
  ['and a router that leads back in', true, PUBLIC],
  ['and a router that does not, with a name that means the private address inside', false, INSIDE],
]) {
  test(`behind a router with one key, people outside and inside, ${how}`, async (t) => {
    const house = await serve(t);
    if (!house) return;
    house.net.leadsBack(back);
    const olaf = native(house, 'Olaf', 'outside');
    const ines = native(house, 'Ines', 'inside', inside);
    await arrives('a native inside', ines, () => hears(olaf, 'Ines') && hears(ines, 'Olaf'));
    await arrives('a native outside', olaf, () => hears(ines, 'Olaf') && hears(olaf, 'Ines'));
    const [greta, gina] = [await guest(house, 'Greta', 'outside'), await guest(house, 'Gina', 'inside', inside)];
    await arrives('Chromium outside', greta, () => flows(greta));
    await arrives('Chromium inside', gina, () => flows(gina));
    await until('all are seen', 30000, () => ['Greta', 'Gina'].every((name) => hears(olaf, name) && hears(ines, name)));
  });
}
