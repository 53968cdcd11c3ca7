// Planning as people do it: a weekly meeting scheduled by keyboard, changed, one of it cancelled, its link opened by a guest without
// script; a room booked twice; what somebody else changed meanwhile; who was there in one that is past. Every page by axe.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { accessible } from './lib/axe.mjs';
import { artefacts } from './lib/paths.mjs';
import { account, ask } from './lib/people.mjs';
import { Server, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const folder = artefacts('planning');
const PASSWORD = 'correct horse battery';
const TOKEN = randomBytes(16).toString('hex');
const ACCESS = `[access]\ncreate = "account"\ntokens = ["${createHash('sha256').update(TOKEN).digest('hex')}"]\n`;
const DAY = 86_400_000;

/** A server with an owner, and a browser where the owner is signed in, in Berlin. */
async function signedIn(t, options = {}) {
  const server = await Server.start(ACCESS);
  t.after(() => server.stop());
  const link = account(server, 'Ada', 'owner');
  const ada = await Guest.start(options);
  t.after(() => ada.close().catch(() => {}));
  ada.page.setDefaultTimeout(60_000);
  await ada.page.goto(link);
  await ada.page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await ada.page.keyboard.press('Enter');
  await ada.page.locator('#sessions').waitFor();
  const zone = await ask(ada.page, 'PATCH', '/account', { time_zone: 'Europe/Berlin' });
  assert.equal(zone.status, 200, JSON.stringify(zone.body));
  await ada.page.goto(server.url);
  await ada.page.getByRole('heading', { name: 'Your meetings' }).waitFor();
  return { server, ada };
}

async function look(guest, name) {
  await guest.screenshot(join(folder, `${name}.png`));
  await accessible(guest.page, name);
}

const date = (at) => new Date(at).toISOString().slice(0, 10);
/** The next Tuesday at least two days ahead. */
function tuesday() {
  let at = Date.now() + 2 * DAY;
  while (new Date(at).getUTCDay() !== 2) at += DAY;
  return date(at);
}

/** Goes on with Tab until what has the focus fits. */
async function tabTo(page, what, fits) {
  for (let n = 0; n < 60; n++) {
    if (await page.evaluate(fits)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard does not come to ${what}`);
}
const named = (name) => `(document.activeElement?.labels?.[0]?.textContent ?? document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim() === ${JSON.stringify(name)}`;

test('a weekly meeting is scheduled by keyboard, changed, one of it cancelled, and its link is readable without script', async (t) => {
  const { server, ada } = await signedIn(t);
  const { page } = ada;
  const { keyboard } = page;
  const first = tuesday();
  await page.getByText('Nothing planned here').waitFor();
  await look(ada, 'home-empty');

  // Scheduled without a pointer.
  await page.locator('h1').first().waitFor();
  await keyboard.press('n');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: 'Schedule a meeting' }).waitFor();
  await until('the title has the focus', 5000, () => page.evaluate(named('Title')));
  await keyboard.type('Weekly planning');
  await page.getByLabel('Date').fill(first);
  await tabTo(page, 'Start', named('Start'));
  await page.getByLabel('Start', { exact: true }).fill('09:00');
  await tabTo(page, 'Time zone', named('Time zone'));
  await keyboard.type('new york');
  await page.getByRole('option', { name: /New York/ }).first().waitFor();
  await keyboard.press('Enter');
  assert.match(await page.getByRole('combobox', { name: 'Time zone' }).inputValue(), /^New York/);
  await page.getByText(/^For you: /).waitFor();
  await tabTo(page, 'Repeat', named('Repeat'));
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowDown');
  await page.getByText(/^Every week on Tuesday\. First: /).waitFor();
  await tabTo(page, 'Ends', named('Ends'));
  await keyboard.press('ArrowDown');
  await page.getByLabel('How many meetings').fill('6');
  await page.getByText(/^Every week on Tuesday, 6 times\./).waitFor();
  await tabTo(page, 'invite', named('Invite by mail address'));
  await keyboard.type('bob@example.org');
  await keyboard.press('Enter');
  await page.getByRole('button', { name: 'Remove bob@example.org' }).waitFor();
  await look(ada, 'dialog');
  await tabTo(page, 'Schedule', named('Schedule'));
  await keyboard.press('Enter');
  await dialog.getByRole('heading', { name: 'The meeting is planned' }).waitFor();
  const link = await page.getByRole('textbox', { name: 'Link for everyone' }).inputValue();
  const id = new URL(link).pathname.slice('/m/'.length);
  assert.match(await page.getByRole('textbox', { name: 'Link for you, the host' }).inputValue(), /#host=/);
  assert.match(await page.getByRole('link', { name: 'Calendar file (.ics)' }).getAttribute('href'), new RegExp(`/m/${id}`));
  await page.getByText('This server sends no mail.').waitFor();
  await look(ada, 'made');
  await keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });

  // In the calendar, seen from Berlin; opened and changed by keyboard.
  await page.getByRole('button', { name: 'Next week' }).click();
  const event = page.locator(`button.event`).filter({ hasText: 'Weekly planning' });
  // On a Sunday it is in the week that has just begun; the list of a week takes a moment.
  await event.first().waitFor({ timeout: 5000 }).catch(() => page.getByRole('button', { name: 'Week before' }).click());
  await event.first().waitFor();
  assert.match(await event.first().getAttribute('aria-label'), /, 3:00\s–\s4:00\sPM/, 'nine in New York is three in Berlin');
  await look(ada, 'week');
  await event.first().focus();
  await keyboard.press('Enter');
  await dialog.getByRole('heading', { name: 'Weekly planning' }).waitFor();
  await dialog.getByText('America/New_York').waitFor();
  await dialog.getByText('Every week on Tuesday, 6 times').waitFor();
  await dialog.getByRole('textbox', { name: 'Link for everyone' }).waitFor();
  await look(ada, 'details');
  await dialog.getByRole('button', { name: 'Change', exact: true }).focus();
  await keyboard.press('Enter');
  await dialog.getByRole('radio', { name: 'The whole series' }).focus();
  await keyboard.press('Space');
  await page.getByLabel('Title').fill('Weekly planning, new');
  await dialog.getByRole('combobox', { name: 'Lobby' }).selectOption('guests');
  await look(ada, 'change');
  await dialog.getByRole('button', { name: 'Save the change' }).focus();
  await keyboard.press('Enter');
  await page.getByText('The meeting is changed.').waitFor();
  const plan = (await ask(ada.page, 'GET', `/meetings/${id}/plan`)).body;
  assert.deepEqual([plan.title, plan.lobby, plan.schedule.when.series.rule.ends, plan.invitees.length], ['Weekly planning, new', 'guests', { after: 6 }, 1]);

  // One is moved, the next one cancelled.
  await page.locator('button.event').filter({ hasText: 'Weekly planning, new' }).first().click();
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByLabel('Start', { exact: true }).fill('10:00');
  await dialog.getByRole('button', { name: 'Save the change' }).click();
  await page.getByRole('button', { name: /^Weekly planning, new, 4:00\s–/ }).waitFor();
  await page.getByRole('button', { name: 'Next week' }).click();
  await page.getByRole('button', { name: /^Weekly planning, new, 3:00\s–/ }).click();
  await dialog.getByRole('button', { name: 'Cancel the meeting' }).click();
  await dialog.getByRole('radio', { name: /^Only / }).waitFor();
  await look(ada, 'cancel');
  await dialog.getByRole('button', { name: 'Cancel it' }).click();
  await page.getByText('Cancelled.', { exact: true }).waitFor();
  await page.getByRole('button', { name: /^Weekly planning, new, Cancelled, / }).waitFor();
  const changed = (await ask(ada.page, 'GET', `/meetings/${id}/plan`)).body.schedule.when.series.overrides;
  assert.deepEqual(Object.values(changed).map((o) => o.cancelled === true).sort(), [false, true]);
  assert.deepEqual(ada.foreign, []);

  // What a guest sees of the link without script: title, the host's zone, a calendar file; with it, the viewer's zone as well.
  const landing = await (await fetch(`http://127.0.0.1:${server.port}/m/${id}`)).text();
  for (const said of ['Weekly planning, new', 'America/New_York', 'Ada invites you', `/m/${id}/invite.ics`]) assert.ok(landing.includes(said), said);
  const ics = await (await fetch(`http://127.0.0.1:${server.port}/m/${id}/invite.ics`)).text();
  assert.match(ics, /RRULE:FREQ=WEEKLY/);
  assert.ok(!ics.includes('host='), 'no host secret in the calendar');
  await readsWithoutScript(t, server, id);
  await addsToCalendars(t, server, id);
});

/** The landing page in a browser of its own with script switched off. */
async function readsWithoutScript(t, server, id) {
  const guest = await Guest.start({ javaScript: false, dark: false });
  t.after(() => guest.close().catch(() => {}));
  await guest.page.goto(`http://localhost:${server.port}/m/${id}`);
  await guest.page.getByRole('heading', { name: 'Weekly planning, new' }).waitFor();
  await guest.page.getByText('America/New_York').first().waitFor();
  assert.match(await guest.page.getByRole('link', { name: 'File (.ics)' }).getAttribute('href'), /invite\.ics$/);
  await guest.screenshot(join(folder, 'landing-no-script.png'));
  const reader = await Guest.start({ timezone: 'Asia/Shanghai', locale: 'zh-CN' });
  t.after(() => reader.close().catch(() => {}));
  await reader.page.goto(`http://localhost:${server.port}/m/${id}`);
  await reader.page.getByText(/GMT-5|EST/).first().waitFor();
  await reader.page.getByText(/GMT\+8/).first().waitFor();
  await look(reader, 'landing');
}

/** With script, the page before the meeting has the file and the three web calendars in one menu. */
async function addsToCalendars(t, server, id) {
  const guest = await Guest.start({ dark: false });
  t.after(() => guest.close().catch(() => {}));
  const { page } = guest;
  await page.goto(`http://localhost:${server.port}/m/${id}`);
  await page.getByRole('button', { name: 'Add to calendar' }).click();
  const items = page.getByRole('menuitem');
  const links = await items.evaluateAll((all) => all.map((a) => a.getAttribute('href')));
  assert.equal(links.length, 4, links.join(' '));
  assert.ok(links[0].endsWith(`/m/${id}.ics`), links[0]);
  assert.deepEqual(links.slice(1).map((link) => new URL(link).host), ['calendar.google.com', 'outlook.office.com', 'outlook.live.com']);
  for (const link of links) assert.ok(!link.includes('host%3D') && !link.includes('host='), 'no host secret in a calendar');
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  assert.deepEqual(guest.foreign, [], 'nothing is asked of calendars before a click');
}

test('a room cannot be booked twice, and what was changed meanwhile is shown before it is written over', async (t) => {
  const { server, ada } = await signedIn(t, { dark: false });
  const { page } = ada;
  const made = await fetch(`http://127.0.0.1:${server.port}/api/v1/rooms`, {
    method: 'POST', headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'Aquarium', place: '2nd floor', seats: 8, zone: 'Europe/Berlin' }),
  });
  assert.equal(made.status, 201, await made.text());
  const dialog = page.getByRole('dialog');
  const book = async (title, time) => {
    await page.getByRole('button', { name: 'Schedule a meeting' }).click();
    await page.getByLabel('Title').fill(title);
    await page.getByLabel('Date').fill(tuesday());
    await page.getByLabel('Start', { exact: true }).fill(time);
    await dialog.getByRole('combobox', { name: 'Room', exact: true }).selectOption({ label: 'Aquarium · 2nd floor · 8 seats' });
  };
  await book('First in the room', '09:00');
  await dialog.getByText('Free at this time.').waitFor();
  await dialog.getByRole('button', { name: 'Schedule', exact: true }).click();
  await dialog.getByRole('heading', { name: 'The meeting is planned' }).waitFor();
  const id = new URL(await page.getByRole('textbox', { name: 'Link for everyone' }).inputValue()).pathname.slice('/m/'.length);
  await dialog.getByRole('button', { name: 'Done' }).click();

  await book('Second in the room', '09:30');
  await dialog.getByText(/^Taken /).waitFor();
  await dialog.getByRole('button', { name: 'Schedule', exact: true }).click();
  await dialog.getByText('The room is taken at this time. Choose another room or time.').waitFor();
  await look(ada, 'room-taken');
  await page.getByLabel('Start', { exact: true }).fill('10:00');
  await dialog.getByRole('button', { name: 'Schedule', exact: true }).click();
  await dialog.getByRole('heading', { name: 'The meeting is planned' }).waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();

  // Bad values are said beside their fields, and what was filled in is not lost by Escape.
  await page.getByRole('button', { name: 'Schedule a meeting' }).click();
  await page.getByLabel('Date').fill('2020-01-01');
  await dialog.getByRole('button', { name: 'Schedule', exact: true }).click();
  await dialog.getByText('This time has passed. Choose one that is to come.').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Leave without saving?' }).waitFor();
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await dialog.first().waitFor({ state: 'detached' });

  // Another window changes the description while this one has the dialog open.
  const event = page.locator('button.event').filter({ hasText: 'First in the room' });
  if (await event.count() === 0) await page.getByRole('button', { name: 'Next week' }).click();
  await event.first().click();
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByLabel('Title').fill('Still the first');
  assert.equal((await ask(ada.page, 'PATCH', `/meetings/${id}`, { description: 'From elsewhere' })).status, 200);
  await dialog.getByRole('button', { name: 'Save the change' }).click();
  await dialog.getByText('Different now: description.').waitFor();
  await look(ada, 'conflict');
  await dialog.getByRole('button', { name: 'Save mine over it' }).click();
  await page.getByText('The meeting is changed.').waitFor();
  const plan = (await ask(ada.page, 'GET', `/meetings/${id}/plan`)).body;
  assert.deepEqual([plan.title, plan.description], ['Still the first', 'From elsewhere'], 'nothing of either is lost');
  assert.deepEqual(ada.foreign, []);
});

test('who was in a meeting that is past stands in its record; the personal room and the subscription come and go', async (t) => {
  const { server, ada } = await signedIn(t);
  const { page } = ada;
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Make your personal room' }).click();
  await page.getByText('Ada’s room').waitFor();
  await page.reload();
  await page.getByText('Ada’s room').waitFor();
  await page.getByRole('button', { name: 'Make a link' }).click();
  const feed = new URL(await page.getByRole('textbox', { name: 'Link to subscribe to' }).inputValue());
  const at = `http://127.0.0.1:${server.port}${feed.pathname}`;
  assert.match(await (await fetch(at)).text(), /BEGIN:VCALENDAR/);
  await page.getByRole('button', { name: 'Revoke My meetings' }).click();
  await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
  await until('the link is worth nothing', 10_000, async () => (await fetch(at)).status === 404);

  // A meeting with its host and a guest, who writes; then it is ended.
  const made = (await ask(ada.page, 'POST', '/meetings', { title: 'Stand-up' })).body;
  const guest = await Guest.start();
  t.after(() => guest.close().catch(() => {}));
  await ada.join(`${server.url}/m/${made.id}`, 'Ada', { microphone: false, camera: false });
  await guest.join(`${server.url}/m/${made.id}`, 'Bob', { microphone: false, camera: false });
  await guest.page.getByRole('button', { name: 'Chat' }).first().click();
  await guest.page.getByRole('textbox', { name: 'Message to everyone' }).fill('Good morning');
  await guest.page.keyboard.press('Enter');
  await guest.page.getByText('Good morning').first().waitFor();
  await page.getByRole('button', { name: /^Leave or end/ }).click();
  await page.getByRole('menuitem', { name: 'End for all' }).click();
  await dialog.getByRole('button', { name: 'End for all' }).click();
  await page.getByRole('heading', { name: 'The meeting has ended' }).waitFor();

  await page.goto(server.url);
  await page.getByRole('button', { name: /^Stand-up / }).click();
  const table = dialog.getByRole('table');
  await table.getByText('Ada').waitFor();
  assert.deepEqual(await table.locator('tbody tr td:nth-child(-n+2)').allTextContents(), ['Ada', 'Host', 'Bob', 'Guest']);
  await dialog.getByText('Good morning').waitFor();
  await look(ada, 'record');
  const csv = await page.evaluate(async (path) => (await fetch(path)).text(), await dialog.getByRole('link', { name: 'As a table (CSV)' }).getAttribute('href'));
  assert.match(csv, /"Bob"/);
  await page.keyboard.press('Escape');
  await look(ada, 'home-past');
  await page.goto(`${server.url}/account`);
  await page.locator('#sessions').waitFor();
  await look(ada, 'account');
  await page.goto(`${server.url}/admin`);
  await page.locator('#audit').waitFor();
  await look(ada, 'admin');
  assert.deepEqual(ada.foreign, []);
});
