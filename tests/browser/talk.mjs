// A Chromium guest and a native meet by a link and hear each other; says how long it took. For scripts that have set a server up:
//     node talk.mjs <guest link>
import { clip } from './lib/paths.mjs';
import { Native, inspect, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const link = process.argv[2];
const begun = Date.now();
const since = () => `${((Date.now() - begun) / 1000).toFixed(1)} s`;
const nils = new Native(link, 'Nils', ['--mic-file', clip('speech-ru.wav'), '--camera-pattern', '320x180@15', '--loop']);
const guest = await Guest.start({ audio: clip('speech-en.wav') });
try {
  await guest.join(link, 'Greta');
  console.log(`the guest is in after ${since()}`);
  const bytes = () => guest.page.evaluate(async () => {
    let sum = 0;
    for (const peer of globalThis.__peers ?? []) for (const s of (await peer.getStats()).values()) if (s.type === 'inbound-rtp' && s.kind === 'audio') sum += s.bytesReceived;
    return sum;
  });
  await until('the guest is sent sound', 20000, async () => (await bytes()) > 2000);
  await until('the native is sent sound', 20000, () => nils.lines().some((l) => l.direction === 'receive' && l.source === 'microphone' && l.packets > 50));
  console.log(`sound both ways after ${since()}`);
  const heard = Object.values(await guest.record(12000));
  await nils.leave();
  const found = {
    'the guest': Math.max(0, ...heard.map((file) => inspect('hear', '--heard', file, '--source', clip('speech-ru.wav'), '--last', '10')?.share ?? 0)),
    'the native': inspect('hear', '--heard', nils.speaker, '--source', clip('speech-en.wav'), '--last', '10')?.share ?? 0,
  };
  for (const [who, share] of Object.entries(found)) console.log(`${who} heard the other in ${(100 * share).toFixed(0)} % of what was spoken`);
  if (Object.values(found).some((share) => share < 0.6)) throw new Error('they did not understand each other');
} finally {
  await guest.close();
  await nils.leave();
}
