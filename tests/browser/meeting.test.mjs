// Two guests and two natives: for a minute every ordered pair hears the other's voice and sees the other's picture.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, clip, temporary } from './lib/paths.mjs';
import { Native, Server, inspect, inspectAll, readMarks, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const SECONDS = 60;
const VOICES = { Greta: 'speech-en.wav', Gina: 'speech-fr.wav', Nils: 'speech-ru.wav', Nora: 'speech-it.wav' };
const MARKS = { Greta: 1, Gina: 2, Nils: 3, Nora: 4 };

/** Which voices are heard in the recordings of each listener; the best recording counts for each voice. */
async function heard(recordings) {
  const tries = Object.entries(recordings).flatMap(([listener, files]) =>
    Object.keys(VOICES).filter((n) => n !== listener).flatMap((speaker) => files.map((file) => ({ listener, speaker, file }))));
  const found = await inspectAll(tries.map(({ speaker, file }) =>
    ['hear', '--heard', file, '--source', clip(VOICES[speaker]), '--last', String(SECONDS)]));
  const best = {};
  for (const [i, { listener, speaker }] of tries.entries()) {
    const pair = `${listener} ${speaker}`;
    if (found[i] && !(best[pair]?.share >= found[i].share)) best[pair] = { listener, speaker, ...found[i] };
  }
  return Object.values(best);
}

test('two guests and two natives hear and see each other for a minute', async (t) => {
  // Two browsers and two natives take most of a small machine: what else it does in that minute is heard. A second minute
  // has to be as good as the first should have been.
  for (const last of [false, true]) {
    const ends = [];
    try {
      return await minute((end) => ends.unshift(end));
    } catch (error) {
      if (last) throw error;
      t.diagnostic(`once more: ${error.message}`);
    } finally {
      for (const end of ends) await end();
    }
  }
});

async function minute(after) {
  const server = await Server.start();
  after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Four people');
  const folder = temporary('clips');
  const clips = Object.fromEntries(Object.entries(MARKS).map(([name, id]) => {
    const file = join(folder, `${name}.y4m`);
    inspect('clip', '--id', String(id), '--width', '320', '--height', '180', '--fps', '10', '--seconds', '20', '--out', file);
    return [name, file];
  }));

  const natives = ['Nils', 'Nora'].map((name) => [name, new Native(guest_link, name, [
    '--mic-file', clip(VOICES[name]), '--camera-file', clips[name], '--loop', '--tap-stages', 'heard',
    // As high as the clips: what they see is written as it comes.
    '--max-height', '180'])]);
  after(() => Promise.all(natives.map(([, n]) => n.leave())));
  const guests = [];
  for (const [name, link] of [['Greta', host_link], ['Gina', guest_link]]) {
    const guest = await Guest.start({ audio: clip(VOICES[name]), video: clips[name], size: { width: 800, height: 500 } });
    after(() => guest.close());
    await guest.join(link, name);
    guests.push([name, guest]);
  }

  const shown = (guest) => guest.grab().then((all) => all.filter((p) => !p.local && p.luma));
  for (const [name, guest] of guests) {
    await until(`${name} sees three people`, 60000, async () => (await shown(guest)).length >= 3).catch(async (e) => {
      await guest.screenshot(join(artefacts('meeting'), `${name}-failed.png`));
      throw new Error(`${e.message}; natives said:\n${natives.map(([n, c]) => n + ': ' + c.child.output.slice(-1500)).join('\n')}`);
    });
  }
  // Starting two browsers takes all there is of a small machine; the minute begins when that is over.
  await sleep(10000);
  await guests[0][1].screenshot(join(artefacts('meeting'), 'four-people-1280.png'));

  const heardBy = {};
  const seenBy = {};
  const start = Date.now();
  await Promise.all(guests.map(async ([name, guest]) => {
    const recording = guest.record(SECONDS * 1000);
    const marks = (seenBy[name] = {});
    while (Date.now() - start < SECONDS * 1000) {
      const at = (Date.now() - start) / 1000;
      for (const found of readMarks(await shown(guest))) {
        if (found) (marks[found[0]] ??= []).push({ at, counter: found[1] });
      }
      await sleep(3000);
    }
    heardBy[name] = Object.values(await recording);
  }));
  for (const [name, native] of natives) {
    await native.leave();
    heardBy[name] = readdirSync(native.taps).map((f) => join(native.taps, f));
  }

  // Judging takes the machine for itself.
  await Promise.all(guests.map(([, guest]) => guest.page.goto('about:blank')));
  const report = await heard(heardBy);
  /** What the natives' loudspeakers play: all voices at once, of which a correlation finds less than of each by itself. */
  const mixes = await heard(Object.fromEntries(natives.map(([name, native]) => [name, [native.speaker]])));
  for (const [name, native] of natives) {
    seenBy[name] = {};
    for (const file of readdirSync(native.video).filter((f) => f.endsWith('.y4m'))) {
      const found = inspect('marks', '--video', join(native.video, file));
      for (const source of found.sources) seenBy[name][source.id] = source;
    }
  }
  writeFileSync(join(artefacts('meeting'), 'report.json'), JSON.stringify({ report, mixes, seenBy }, null, 1));

  for (const [what, rows] of [['hears', report], ['hears in the mix', mixes]]) {
    for (const row of rows) {
      console.log(`${row.listener} ${what} ${row.speaker}: ${(100 * row.share).toFixed(0)} % of ${row.active} windows, longest gap ${row.longest_gap_s} s, skipped ${row.skipped_s?.toFixed(2)} s, correlation ${row.correlation?.toFixed(2)}`);
    }
  }
  assert.equal(report.length, 12, 'each of twelve pairs has something to judge');
  assert.equal(mixes.length, 6, 'each voice is in each mix');
  for (const row of report) {
    assert.ok(row.active >= 80, `${row.listener} heard ${row.speaker} long enough to judge`);
    // On a machine to itself: 97 to 100 %, and half a second. The bound leaves room for one that stumbles.
    assert.ok(row.share >= 0.9 && row.longest_gap_s <= 2, `${row.listener} hears ${row.speaker}: ${JSON.stringify(row)}`);
  }
  // Three voices at once leave each less to be found by; one that is missing is found in a tenth of the windows at most.
  for (const row of mixes) assert.ok(row.share >= 0.3, `${row.listener} hears ${row.speaker} in the mix: ${JSON.stringify(row)}`);
  for (const [name] of guests) {
    for (const [other, id] of Object.entries(MARKS).filter(([n]) => n !== name)) {
      const seen = seenBy[name][id] ?? [];
      const gaps = seen.slice(1).map((s, i) => (s.counter === seen[i].counter ? s.at - seen[i].at : 0));
      console.log(`${name} sees ${other}: ${seen.length} pictures with the right mark`);
      assert.ok(seen.length >= 8, `${name} sees ${other}: ${seen.length} marks`);
      assert.ok(Math.max(0, ...gaps) <= 4, `${name} sees ${other} move`);
    }
  }
  for (const [name] of natives) {
    for (const [other, id] of Object.entries(MARKS).filter(([n]) => n !== name)) {
      const seen = seenBy[name][id];
      console.log(`${name} sees ${other}: ${JSON.stringify(seen)}`);
      assert.ok(seen && seen.frames >= SECONDS * 2, `${name} sees ${other}: ${JSON.stringify(seen)}`);
    }
  }
  for (const [name, guest] of guests) {
    assert.deepEqual(guest.foreign, [], `${name}'s page asks nobody else`);
    assert.deepEqual(guest.errors, [], `${name}'s page has no errors`);
  }
}
