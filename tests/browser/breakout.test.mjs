// Breakout rooms of twelve: guests in Chromium and headless natives in four rooms. They are moved within two seconds without a new
// connection, hear and read their own room alone, and come back as who they were.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { artefacts, clip } from './lib/paths.mjs';
import { Native, Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const SECONDS_TO_MOVE = 2000;
const ROOMS = 4;

/** The room a page is in by its banner: 0 is the main room; undefined without one. */
const room = (guest) => guest.page.evaluate(() => {
  const banner = document.querySelector('[data-breakout]');
  return banner === null ? undefined : Number(banner.getAttribute('data-breakout'));
});

/** Whose tiles are shown, in the order of ids. */
const shown = (guest) => guest.page.evaluate(() =>
  [...new Set([...document.querySelectorAll('main [data-participant]')].map((t) => Number(t.dataset.participant)))].sort((a, b) => a - b));

/** Peer connections a page has made so far. */
const peers = (guest) => guest.page.evaluate(() => globalThis.__peers.length);

/** How much sound every receiver of a page has played, in loudness times seconds, added up. */
const heard = (guest) => guest.page.evaluate(async () => {
  let energy = 0;
  for (const peer of globalThis.__peers) for (const [, r] of await peer.getStats()) if (r.type === 'inbound-rtp' && r.kind === 'audio') energy += r.totalAudioEnergy ?? 0;
  return energy;
});

test('twelve people in four rooms and back', { timeout: 300_000 }, async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Workshop');
  const folder = artefacts('breakout');
  const guests = {};
  for (const [name, link] of [['Hanna', host_link], ['Ada', guest_link], ['Eve', guest_link]]) {
    const guest = await Guest.start();
    t.after(() => guest.close());
    guests[name] = guest;
    await guest.join(link, name, { microphone: false, camera: false });
  }
  const { Hanna: host, Ada: ada, Eve: eve } = guests;
  // Nine natives: those who speak say so with a voice of their own.
  const natives = Array.from({ length: 9 }, (_, i) => new Native(guest_link, `Native ${i + 1}`, i < 2 ? ['--mic-file', clip('speech-en.wav'), '--loop'] : []));
  t.after(() => Promise.all(natives.map((n) => n.leave())));
  const people = () => host.page.evaluate(() => document.querySelectorAll('aside li[data-participant]').length);
  await host.page.getByRole('button', { name: /^People/ }).first().click();
  await until('twelve are in', 60_000, async () => (await people()) === 12);

  // The host makes four rooms, and people are spread by themselves.
  await host.page.getByRole('button', { name: 'Breakout rooms' }).first().click();
  await host.page.getByLabel('Number of rooms').fill(String(ROOMS));
  await host.page.getByRole('button', { name: 'Make the rooms' }).click();
  const plan = () => host.page.evaluate(() => Object.fromEntries([...document.querySelectorAll('aside [data-room]')].map((r) =>
    [r.getAttribute('data-room'), [...r.querySelectorAll('li')].map((p) => [Number(p.dataset.participant), p.querySelector('bdi').textContent])])));
  await until('all are assigned', 5000, async () => (await plan())[0]?.length === 1);
  const planned = await plan();
  assert.deepEqual(Object.values(planned).map((p) => p.length), [1, 3, 3, 3, 2]);

  // By keyboard: Eve to where Ada is not, with the menu.
  const roomOf = (name, rooms) => Number(Object.entries(rooms).find(([, list]) => list.some(([, n]) => n === name))?.[0]);
  const target = (roomOf('Ada', planned) % ROOMS) + 1;
  const menu = host.page.getByRole('button', { name: 'Move Eve' });
  await menu.focus();
  await host.page.keyboard.press('Enter');
  const item = host.page.getByRole('menuitem', { name: `Room ${target}`, exact: true });
  if (await item.isEnabled()) await item.press('Enter');
  else await host.page.keyboard.press('Escape');
  await until('Eve is assigned', 3000, async () => roomOf('Eve', await plan()) === target);
  // By mouse: one native dragged to where Ada is.
  const adas = roomOf('Ada', await plan());
  const speaker = 'Native 1';
  const head = host.page.locator(`aside [data-room="${adas}"] .head h3`);
  const dragged = host.page.locator('aside li', { hasText: speaker }).first().locator('bdi');
  await dragged.hover();
  const from = await dragged.boundingBox();
  await host.page.mouse.down();
  // The drag begins before the list scrolls to the room.
  await host.page.mouse.move(from.x + 2, from.y + from.height + 12, { steps: 4 });
  await head.hover();
  await head.hover();
  await host.page.mouse.up();
  await until('the one dragged is assigned', 3000, async () => roomOf(speaker, await plan()) === adas);
  await host.screenshot(join(folder, 'planned.png'));

  const before = { ada: await peers(ada), eve: await peers(eve), host: await peers(host) };
  const opened = Date.now();
  await host.page.getByRole('button', { name: 'Open the rooms' }).click();
  const moved = async (guest, to, since, what) => {
    await until(what, 10_000, async () => (await room(guest)) === to);
    const ms = Date.now() - since;
    t.diagnostic(`${what} after ${ms} ms`);
    assert.ok(ms <= SECONDS_TO_MOVE, `${what} took ${ms} ms`);
  };
  await Promise.all([moved(ada, adas, opened, 'Ada is in her room'), moved(eve, target, opened, 'Eve is in hers')]);
  let places = await plan();
  const names = (n) => places[n].map(([, name]) => name).sort();
  const ids = (rooms) => Object.values(rooms).flat().sort(([a], [b]) => a - b);
  const idOf = (name) => ids(places).find(([, n]) => n === name || n.startsWith(`${name} `))[0];
  const inRoom = (n) => places[n].map(([id]) => id).sort((a, b) => a - b);
  // People are moved one after the other, and the host's list follows.
  const settled = async () => {
    places = await plan();
    return (await shown(ada)).join() === inRoom(adas).join();
  };
  await until('tiles of the own room', 10_000, settled)
    .catch(async (e) => { throw new Error(`${e.message}: ${await shown(ada)} are shown, ${inRoom(adas)} are in it`); });
  assert.ok(!(await shown(eve)).includes(idOf('Ada')));
  await until('the host is alone', 5000, async () => (await shown(host)).join() === String(idOf('Hanna')));
  await ada.screenshot(join(folder, 'in-a-room.png'));

  // Sound of the own room, and of no other: a room without a speaker is silent.
  const silent = [1, 2, 3, 4].find((n) => !names(n).some((name) => ['Native 1', 'Native 2'].includes(name)));
  await until('Ada hears her room', 15_000, async () => {
    const first = await heard(ada);
    await sleep(1000);
    return (await heard(ada)) > first + 1e-4;
  });
  const inMain = await heard(host);
  await sleep(2000);
  assert.ok((await heard(host)) - inMain < 1e-6, 'the main room hears nothing of the others');
  t.diagnostic(`room ${silent} has no speaker`);

  // Words stay in the room; a host's go to all.
  await ada.page.getByRole('button', { name: /^Chat/ }).first().click();
  await ada.page.getByRole('complementary').getByRole('textbox').fill('only for us');
  await ada.page.keyboard.press('Enter');
  await ada.page.getByText('only for us').first().waitFor();
  await host.page.getByLabel('Message to all rooms').fill('two minutes left');
  await host.page.keyboard.press('Enter');
  for (const guest of [ada, eve]) await guest.page.getByText('two minutes left').first().waitFor();
  for (const guest of [eve, host]) assert.equal(await guest.page.getByText('only for us').count(), 0);

  // Ada asks for help, and the host comes.
  await ada.page.getByRole('button', { name: 'Ask a host to come' }).click();
  await host.page.getByText(/Ada in .* asks a host to come/).first().waitFor();
  const gone = Date.now();
  await host.page.getByRole('button', { name: `Go in: Room ${adas}` }).click();
  await moved(host, adas, gone, 'the host is with Ada');
  await until('the host sees Ada', 5000, async () => (await shown(host)).includes(idOf('Ada')));

  // Eve is moved here, too; then all come back.
  const called = Date.now();
  await host.page.getByRole('button', { name: 'Move Eve' }).click();
  await host.page.getByRole('menuitem', { name: `Room ${adas}`, exact: true }).click();
  await moved(eve, adas, called, 'Eve came to Ada');
  await host.page.getByLabel('Time to come back').selectOption('0');
  const closed = Date.now();
  await host.page.getByRole('button', { name: 'Close the rooms' }).click();
  await Promise.all([ada, eve, host].map((guest, i) => moved(guest, undefined, closed, `back (${['Ada', 'Eve', 'Hanna'][i]})`)));
  await until('all are seen again', 5000, async () => (await shown(ada)).length === 12);
  const after = await plan();
  assert.deepEqual(ids(after), ids(planned), 'everybody is who they were');
  assert.deepEqual({ ada: await peers(ada), eve: await peers(eve), host: await peers(host) }, before, 'no connection was made anew');
  for (const guest of [host, ada, eve]) assert.deepEqual(guest.errors, []);
});
