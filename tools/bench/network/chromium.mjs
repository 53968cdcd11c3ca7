// Two Chromiums in the two namespaces of the network bench, which calls this: node chromium.mjs direct|guests SPACE_A SPACE_B FOLDER VIDEO AUDIO [MEETING]
// With each other directly (offer and answer are carried here, media is theirs alone), or as guests of a meeting. Says "there" when each is shown the other, then notes five times a second in
// FOLDER/browsers.jsonl what came to each, until it is ended. Counts are sums since the start; `frozen` is the browser's own measure of freezes, in seconds.
import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Guest } from '../../../tests/browser/lib/guest.mjs';

const [kind, spaceA, spaceB, folder, video, audio, meeting] = process.argv.slice(2);
const HERE = 'https://bench.invalid/';
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A program that is Chromium inside a namespace: what talks to it are inherited pipes, which know no namespaces. */
function inside(space) {
  const path = join(folder, `chromium-${space}`);
  writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${space} /usr/bin/chromium "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

const start = (space) => Guest.start({ audio, video, program: inside(space), insecure: true, size: { width: 800, height: 500 } });

/** A call as in a textbook: default codecs and settings, offer and answer when all candidates are known. */
async function call(a, b) {
  for (const { page } of [a, b]) {
    await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<video autoplay playsinline muted width=640 height=360></video><audio autoplay></audio>' }));
    await page.goto(HERE);
    await page.evaluate(async () => {
      const peer = (globalThis.peer = new RTCPeerConnection());
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360, frameRate: 30 } });
      for (const track of stream.getTracks()) peer.addTrack(track, stream);
      peer.ontrack = ({ track, streams }) => (document.querySelector(track.kind).srcObject = streams[0]);
      globalThis.local = async (make, remote) => {
        if (remote) await peer.setRemoteDescription(remote);
        await peer.setLocalDescription(await (make === 'offer' ? peer.createOffer() : peer.createAnswer()));
        if (peer.iceGatheringState !== 'complete') await new Promise((done) => (peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done()));
        return peer.localDescription.toJSON();
      };
    });
  }
  const offer = await a.page.evaluate(() => local('offer'));
  const answer = await b.page.evaluate((offer) => local('answer', offer), offer);
  await a.page.evaluate((answer) => peer.setRemoteDescription(answer), answer);
}

/** What came to a browser so far, and what it sent. */
const came = (guest) => guest.page.evaluate(async () => {
  const sent = (s) => ({ rid: s.rid ?? '', active: s.active, target: Math.round((s.targetBitrate ?? 0) / 1000), frames: s.framesEncoded ?? 0, keys: s.keyFramesEncoded ?? 0, rows: s.frameHeight ?? 0, packets: s.packetsSent ?? 0,
    resent: s.retransmittedPacketsSent ?? 0, nacks: s.nackCount ?? 0, plis: s.pliCount ?? 0, delay: s.totalPacketSendDelay ?? 0, bytes: s.bytesSent ?? 0, resentBytes: s.retransmittedBytesSent ?? 0, limited: s.qualityLimitationReason ?? '' });
  const sum = { frames: 0, freezes: 0, frozen: 0, bytes: 0, invented: 0, samples: 0, rows: 0, estimate: 0, way: '', sends: [] };
  for (const peer of (globalThis.__peers ?? []).filter((p) => p.connectionState === 'connected')) {
    const all = await peer.getStats();
    const chosen = all.get([...all.values()].find((s) => s.type === 'transport')?.selectedCandidatePairId);
    sum.estimate = Math.round((chosen?.availableOutgoingBitrate ?? 0) / 1000);
    const local = all.get(chosen?.localCandidateId);
    sum.way = local?.candidateType === 'relay' ? `relay ${local.relayProtocol}` : (local?.protocol ?? '');
    for (const s of all.values()) {
      if (s.type === 'outbound-rtp' && s.kind === 'video') sum.sends.push(sent(s));
      if (s.type !== 'inbound-rtp') continue;
      if (s.kind === 'audio') {
        sum.invented += s.concealedSamples ?? 0;
        sum.samples += s.totalSamplesReceived ?? 0;
        continue;
      }
      sum.frames += s.framesDecoded ?? 0;
      sum.freezes += s.freezeCount ?? 0;
      sum.frozen += s.totalFreezesDuration ?? 0;
      sum.bytes += s.bytesReceived ?? 0;
      sum.rows = Math.max(sum.rows, s.frameHeight ?? 0);
    }
  }
  return sum;
});

async function main() {
  const both = await Promise.all([start(spaceA), start(spaceB)]);
  if (kind === 'guests') {
    await both[1].join(meeting, 'Greta');
    await both[0].join(meeting, 'Gerd');
  } else {
    await call(both[0], both[1]);
  }
  for (let i = 0; ; i++) {
    const counts = await Promise.all(both.map(came));
    if (counts.every((c) => c.frames > 10)) break;
    if (i > 150) throw new Error(`no picture: ${JSON.stringify(counts)} ${both.map((g) => g.errors.join('; '))}`);
    await sleep(200);
  }
  console.log('there');
  const note = async (side) => {
    for (;;) {
      const counts = await came(both[side]);
      appendFileSync(join(folder, 'browsers.jsonl'), `${JSON.stringify({ at: Date.now(), side, ...counts })}\n`);
      await sleep(200);
    }
  };
  const end = () => Promise.all(both.map((g) => g.close())).finally(() => process.exit(0));
  process.on('SIGINT', end).on('SIGTERM', end);
  await Promise.race([note(0), note(1)]);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
