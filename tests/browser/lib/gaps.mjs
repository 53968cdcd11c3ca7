// Gaps in a call, measured at the listener: two natives hear each other's tone; what is missing from it was missing for a person.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Native, sleep, until } from './processes.mjs';

const TONE = 1000;
/** Ten milliseconds of it, which are whole periods. */
const WAVE = Array.from({ length: 480 }, (_, i) => [Math.cos, Math.sin].map((f) => f((2 * Math.PI * TONE * i) / 48000)));

/** Two natives who hear each other's tone. */
export async function talking(link, more, options) {
  const args = ['--mic-tone', `${TONE}`, '--raw-voice', ...more];
  const people = ['Ada', 'Bob'].map((name) => new Native(link, name, args, options));
  for (const someone of people) {
    await until('they hear each other', 20000, () => last(someone)?.bitrate_kbps > 1).catch((e) => { throw new Error(`${e.message}: ${someone.child.output}`); });
  }
  await sleep(3000);
  return people;
}

/** The newest line about the sound somebody receives. */
const last = (someone) => someone.lines().findLast((l) => l.direction === 'receive' && l.source === 'microphone' && l.track !== undefined);

/** Longest time without the tone between two moments of what was heard, ms: of 10 ms pieces, those much fainter than most. */
function silence(file, from, to) {
  const bytes = readFileSync(file);
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset + 44, (bytes.length - 44) >> 1);
  const powers = [];
  for (let at = from; at + 480 <= Math.min(to, samples.length); at += 480) {
    let [re, im] = [0, 0];
    for (let i = 0; i < 480; i += 1) {
      re += samples[at + i] * WAVE[i][0];
      im += samples[at + i] * WAVE[i][1];
    }
    powers.push(Math.hypot(re, im));
  }
  const usual = powers.toSorted((a, b) => a - b)[powers.length >> 1];
  assert.ok(usual > 1000, 'the tone is heard');
  let [longest, run] = [0, 0];
  for (const power of powers) {
    run = power < usual / 10 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return { longest: longest * 10, seconds: powers.length / 100 };
}

const heardSoFar = (someone) => Math.floor((readFileSync(someone.speaker).length - 44) / 2);

/** Does something while they talk; what the listeners missed meanwhile. `whole`: the rest of the second in which it ended is waited for. */
export async function during(people, what, act) {
  const before = people.map((someone) => ({ at: heardSoFar(someone), line: last(someone) }));
  await act();
  await sleep(2500);
  const after = people.map((someone) => ({ at: heardSoFar(someone), line: last(someone) }));
  return people.map((someone, i) => {
    const { line } = after[i];
    const stalls = line.stalls - before[i].line.stalls;
    const stalled = line.stall_ms - before[i].line.stall_ms;
    const { longest, seconds } = silence(someone.speaker, before[i].at, after[i].at);
    const packets = line.packets - before[i].line.packets;
    console.log(`${what}: in ${seconds.toFixed(1)} s ${packets} packets of sound, ${stalls} gaps of 200 ms and more between them (${stalled} ms), longest silence ${longest} ms`);
    return { longest, stalled, packets };
  });
}
