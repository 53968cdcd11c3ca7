// A guest whose network lets nothing through but the built-in relay: over TLS, TCP, UDP.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clip } from './lib/paths.mjs';
import { Native, Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

// The server's certificate is its own; this process only asks for health and makes meetings.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

/** Runs in the page before its own scripts: no way but the relay, over TCP as pages are told, or over UDP. */
function relayOnly(over) {
  const Before = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Before {
    constructor(config) {
      const iceServers = (config.iceServers ?? []).map((server) => ({ ...server, urls: server.urls.map((url) => url.replace('transport=tcp', `transport=${over}`)) }));
      super({ ...config, iceServers, iceTransportPolicy: 'relay' });
    }
  };
}

/** What flowed so far, and by which way. */
const media = (guest) => guest.page.evaluate(async () => {
  const sum = { audioIn: 0, videoIn: 0, audioOut: 0, videoOut: 0, way: '' };
  for (const peer of (globalThis.__peers ?? []).filter((p) => p.connectionState === 'connected')) {
    const stats = await peer.getStats();
    for (const s of stats.values()) {
      if (s.type === 'inbound-rtp') sum[`${s.kind}In`] += s.bytesReceived;
      if (s.type === 'outbound-rtp') sum[`${s.kind}Out`] += s.bytesSent;
      if (s.type === 'transport' && s.selectedCandidatePairId) {
        const local = stats.get(stats.get(s.selectedCandidatePairId).localCandidateId);
        sum.way = `${local?.candidateType} ${local?.relayProtocol}`;
      }
    }
  }
  return sum;
});

async function flows(guest) {
  const before = await media(guest);
  await sleep(1000);
  const after = await media(guest);
  return ['audioIn', 'videoIn', 'audioOut', 'videoOut'].every((k) => after[k] > before[k] + 500);
}

/** Joins through the relay; media has to flow both ways within 10 s. */
async function meets(t, { config = '', way }) {
  const server = await Server.start(config);
  t.after(() => server.stop());
  const args = [];
  if (config.includes('self_signed')) {
    // What a certificate of an authority would be: believed by pages and by the relay's connections alike.
    const { publicKey } = new X509Certificate(readFileSync(join(server.folder, 'data/self-signed.pem')));
    const digest = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
    args.push(`--ignore-certificate-errors-spki-list=${digest}`);
  }
  const { guest_link } = await server.meeting('Relay');
  const insecure = guest_link.startsWith('https') ? ['--insecure'] : [];
  const nils = new Native(guest_link, 'Nils', ['--mic-file', clip('speech-ru.wav'), '--camera-pattern', '--loop', ...insecure]);
  t.after(() => nils.leave());
  const guest = await Guest.start({ audio: clip('speech-en.wav'), args, insecure: true });
  t.after(() => guest.close());
  await guest.context.addInitScript(relayOnly, way === 'relay udp' ? 'udp' : 'tcp');
  await guest.join(guest_link, 'Greta');
  const begin = Date.now();
  await until(`media flows by ${way}`, 10000, () => flows(guest));
  console.log(`media by ${way} ${Date.now() - begin} ms after joining`);
  assert.equal((await media(guest)).way, way);
}

test('a guest reaches the meeting by TURN over TLS', (t) => meets(t, { config: '[tls]\nself_signed = true\n', way: 'relay tls' }));

test('a guest reaches the meeting by TURN over TCP', (t) => meets(t, { way: 'relay tcp' }));

// Pages are not told of it, as it gets through nowhere that UDP itself does not.
test('TURN over UDP works for whoever asks for it', (t) => meets(t, { way: 'relay udp' }));
