// Screens in the better codecs between natives and browsers: AV1 from a native as long as every browser decodes it, VP9 from a browser.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Native, Server, readMarks, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

/** The mark of the synthetic screen. */
const SCREEN = 200;

/** Codec and pictures a second of the widest picture that comes in. */
const incoming = (guest) => guest.page.evaluate(async () => {
  const peer = globalThis.__peers?.findLast((p) => p.connectionState === 'connected');
  if (peer === undefined) return undefined;
  const report = await peer.getStats();
  const all = [...report.values()].filter((s) => s.type === 'inbound-rtp' && s.kind === 'video' && s.framesPerSecond > 0);
  const [widest] = all.sort((a, b) => b.frameWidth - a.frameWidth);
  return widest && { codec: report.get(widest.codecId)?.mimeType, fps: widest.framesPerSecond, width: widest.frameWidth, freezes: widest.freezeCount };
});

/** Everything about the videos that come in, for when that fails. */
const all = (guest) => guest.page.evaluate(async () => {
  const told = [];
  for (const peer of globalThis.__peers ?? []) {
    const of = (peer.connectionState === 'closed' ? [] : [...(await peer.getStats()).values()]).filter((s) => s.type === 'inbound-rtp' && s.kind === 'video' && s.packetsReceived > 0);
    told.push([peer.connectionState, ...of.map((s) => [s.mid, s.codecId, s.packetsReceived, s.framesReceived, s.framesDecoded, s.keyFramesDecoded, s.pliCount, s.nackCount, s.framesPerSecond, s.decoderImplementation])]);
  }
  return told;
});

/** Two different pictures of the native's screen, one after the other. */
async function moves(guest) {
  const look = async () => readMarks((await guest.grab()).filter((p) => !p.local)).find((mark) => mark?.[0] === SCREEN)?.[1];
  const first = await until('the screen is shown', 20000, look).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify([await all(guest), (await guest.grab()).map((p) => ({ ...p, marks: undefined, data: undefined, pixels: undefined }))]).slice(0, 3000)}`);
  });
  await until('it moves', 10000, async () => (await look()) !== first);
}

test('a native shares its screen in AV1 with browsers, and in H.264 while one does not decode AV1', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Screens');
  const nora = new Native(guest_link, 'Nora', ['--screen-pattern']);
  t.after(() => nora.leave());
  const ada = await Guest.start();
  t.after(() => ada.close());
  await ada.join(guest_link, 'Ada', { camera: false, microphone: false });
  await moves(ada);
  const sent = () => nora.lines().findLast((l) => l.direction === 'send' && l.source === 'screen');
  const sees = async (guest, codec) => {
    let now;
    await until(`${codec} comes in`, 60000, async () => (now = await incoming(guest))?.codec === `video/${codec}`)
      .catch(async (error) => {
        const [first, then] = [await all(guest), await sleep(2000).then(() => all(guest))];
        throw new Error(`${error.message}; sent ${JSON.stringify(sent())}, received ${JSON.stringify([now, first, then])}`);
      });
  };
  await sees(ada, 'AV1');
  console.log('Ada:', JSON.stringify(await incoming(ada)));

  const bob = await Guest.start();
  t.after(() => bob.close());
  await bob.context.addInitScript(() => {
    const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
    RTCRtpReceiver.getCapabilities = (kind) => {
      const found = all(kind);
      return { ...found, codecs: found.codecs.filter((c) => c.mimeType !== 'video/AV1') };
    };
  });
  await bob.join(guest_link, 'Bob', { camera: false, microphone: false });
  await sees(ada, 'H264');
  await moves(bob);
  await sees(bob, 'H264');
  await moves(ada);
  await bob.page.getByRole('button', { name: 'Leave' }).first().click();
  await sees(ada, 'AV1');
  await moves(ada);
  console.log('Ada:', JSON.stringify(await incoming(ada)));
  assert.deepEqual(ada.errors, []);
});

test('a native sees a browser\'s screen in VP9', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Screens');
  const nora = new Native(guest_link, 'Nora', ['--max-height', '720']);
  t.after(() => nora.leave());
  const ada = await Guest.start({ args: ['--auto-select-tab-capture-source-by-title=Screens'] });
  t.after(() => ada.close());
  // A larger machine than the test's may be.
  await ada.context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 8 }));
  await ada.join(guest_link, 'Ada', { camera: true, microphone: false });
  await ada.page.getByRole('button', { name: 'Share screen' }).click();
  await ada.page.getByRole('region', { name: 'Your screen share' }).waitFor({ timeout: 10000 });
  const line = (source) => nora.lines().findLast((l) => l.direction === 'receive' && l.source === source && l.codec !== undefined);
  const screen = await until('the screen is seen in VP9', 60000, () => [line('screen')].find((l) => l?.codec === 'vp9' && l.fps > 0));
  console.log('Nora:', JSON.stringify(screen));
  assert.ok(screen.height > 0 && (screen.dropped_frames ?? 0) < 30, JSON.stringify(screen));
  const camera = await until('the camera is seen', 20000, () => line('camera'));
  assert.ok(['h264', 'vp8'].includes(camera.codec), camera.codec);
  assert.deepEqual(ada.errors, []);
});
