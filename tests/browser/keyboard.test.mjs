// Everything without a pointer: each page, panel, dialog and menu around meetings gone over with Tab and arrow keys, and what hosts do
// in a meeting done with keys alone, its effect seen by the other side.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KEY_FLAGS, closing, dialog, hold, sweep, tapKeys } from './lib/keys.mjs';
import { root } from './lib/paths.mjs';
import { account, api } from './lib/people.mjs';
import { Native, Server, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const PASSWORD = 'correct horse battery';
const TOKEN = randomBytes(16).toString('hex');
const ACCESS = `[access]\ncreate = "account"\ntokens = ["${createHash('sha256').update(TOKEN).digest('hex')}"]\n`;
const VIEWS = join(root, 'ui/src/views');

/** Dialogs that were opened by key, gone over and closed by Escape: the files they stand in. */
const opened = new Set();
/** Dialogs a browser's test does not come to; why. */
const ELSEWHERE = {
  'ScreenPicker.svelte': 'the app picks a screen by it, a browser has its own',
  'OwnCalendar.svelte': 'asks before an outside calendar is left, so there has to be one',
};

async function browser(t, options = {}) {
  const guest = await Guest.start({ ...options, args: [...KEY_FLAGS, ...(options.args ?? [])] });
  t.after(() => guest.close().catch(() => {}));
  await guest.context.addInitScript(tapKeys);
  guest.page.setDefaultTimeout(120_000);
  return guest;
}

const button = (page, name) => page.getByRole('button', { name, exact: typeof name === 'string' });
/** Opens what stands in this file by Enter on `opener`, and goes over it. */
const opens = async (page, file, opener, inside) => { opened.add(file); return dialog(page, opener, file, inside); };

/** Each page of the settings, chosen by arrow key. */
async function settingsPages(page) {
  const faults = [];
  const tabs = page.getByRole('dialog').getByRole('tab');
  for (let n = await tabs.count(); n-- > 1;) {
    await page.getByRole('dialog').getByRole('tab', { selected: true }).focus();
    await page.keyboard.press('ArrowDown');
    faults.push(...await sweep(page, `settings, ${await page.getByRole('dialog').getByRole('tab', { selected: true }).innerText()}`));
  }
  return faults;
}

/** Signs in by such a link; the form for a password is gone over on the way. */
async function signIn(guest, link, faults) {
  await guest.page.goto(link);
  const password = guest.page.getByLabel('New password', { exact: true });
  await password.waitFor();
  faults.push(...await sweep(guest.page, 'a new password'));
  await password.fill(PASSWORD);
  await guest.page.keyboard.press('Enter');
  await guest.page.locator('#sessions').waitFor();
}

test('pages around meetings: home, planning, the account, administration', async (t) => {
  // Passkeys need a name.
  const server = await Server.start(({ port }) => `public_url = "http://localhost:${port}"\n${ACCESS}`);
  t.after(() => server.stop());
  const invited = account(server, 'Ada', 'owner');
  const faults = [];
  const ada = await browser(t);
  const { page } = ada;
  const go = async (path, ready) => { await page.goto(server.url + path); await ready.first().waitFor(); await page.waitForTimeout(150); };

  await go('/', page.getByRole('link', { name: 'Sign in' }));
  faults.push(...await sweep(page, 'home, signed out'), ...await opens(page, 'Settings.svelte', button(page, 'Settings'), settingsPages));
  await go('/account', button(page, 'Sign in'));
  faults.push(...await sweep(page, 'sign in'));
  await go('/account/forgot', page.getByRole('heading'));
  faults.push(...await sweep(page, 'forgot the password'));
  await signIn(ada, invited, faults);

  // A meeting that is past, one to come, and one that runs.
  const past = await api(page, 'POST', '/meetings', { title: 'Stand-up' });
  const held = new Native(past.host_link, 'Grace', []);
  t.after(() => held.leave());
  const planned = await api(page, 'POST', '/meetings', { title: 'Review', starts_at: Math.ceil(Date.now() / 3_600_000) * 3_600_000 + 3_600_000, minutes: 60 });
  await api(page, 'POST', '/invitations', { email: 'eve@example.org', role: 'member' });
  await fetch(`http://127.0.0.1:${server.port}/api/v1/rooms`, {
    method: 'POST', headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'Aquarium', place: '2nd floor', seats: 8, zone: 'Europe/Berlin' }),
  });

  await go('/account', page.locator('#sessions'));
  faults.push(...await sweep(page, 'the account'));
  faults.push(...await opens(page, 'OnceShown.svelte', page.locator('[aria-labelledby=tokens] button').first()));
  faults.push(...await opens(page, 'Sessions.svelte', button(page, 'Sign out everywhere')));
  faults.push(...await opens(page, 'OwnData.svelte', button(page, 'Delete my account')));
  faults.push(...await opens(page, 'Ways.svelte', button(page, 'Add a passkey')));
  await makeToken(page, faults);
  faults.push(...await opens(page, 'ListCard.svelte', button(page, /^Revoke/)));

  await go('/admin', page.locator('#audit'));
  await button(page, 'Send out Grace').waitFor();
  faults.push(...await opens(page, 'LiveMeetings.svelte', button(page, 'Send out Grace')));
  faults.push(...await opens(page, 'LiveMeetings.svelte', button(page, 'End “Stand-up”')));
  faults.push(...await opens(page, 'OnceShown.svelte', button(page, 'Invite somebody')));
  faults.push(...await opens(page, 'ListCard.svelte', button(page, /^Call back/)));
  faults.push(...await opens(page, 'OnceShown.svelte', page.locator('[aria-labelledby=webhooks] button').first()));
  await makeWebhook(page);
  faults.push(...await opens(page, 'Letters.svelte', button(page, /^Letters to/)));
  faults.push(...await opens(page, 'ListCard.svelte', button(page, /^Remove the webhook/)));
  account(server, 'Bob', 'member');
  await go('/admin', button(page, 'Disable Bob'));
  faults.push(...await opens(page, 'People.svelte', button(page, 'Disable Bob')));
  faults.push(...await sweep(page, 'administration'));
  await held.leave();

  await go('/', button(page, 'Schedule a meeting'));
  await page.locator('button.event').first().waitFor();
  faults.push(...await sweep(page, 'home, signed in'));
  faults.push(...await opens(page, 'ScheduleDialog.svelte', button(page, 'Schedule a meeting')));
  faults.push(...await opens(page, 'MeetingDetails.svelte', page.locator('button.event')));
  await button(page, 'Make your personal room').press('Enter');
  faults.push(...await opens(page, 'PersonalRoom.svelte', button(page, 'Give up this link')));
  await button(page, 'Make a link').press('Enter');
  faults.push(...await opens(page, 'Feeds.svelte', button(page, 'Revoke My meetings')));
  await t.test('scheduling, and calling it off', () => schedule(page, faults));
  for (const view of ['Day', 'List']) {
    await page.getByRole('radio', { checked: true }).first().focus();
    await page.keyboard.press(view === 'Day' ? 'ArrowLeft' : 'End');
    if (await page.getByRole('radio', { name: view }).getAttribute('aria-checked') !== 'true') await page.getByRole('radio', { name: view }).press('Space');
    await page.waitForTimeout(150);
    faults.push(...await sweep(page, `home, ${view}`));
  }
  await until('the past meeting is listed', 20_000, async () => { if (await button(page, /^Stand-up /).count()) return true; await page.reload(); await page.waitForTimeout(1000); return false; });
  faults.push(...await opens(page, 'Record.svelte', button(page, /^Stand-up /)));

  await go('/check', button(page, 'Check again'));
  await page.waitForSelector('[data-check="bandwidth"]:not([data-level="waiting"])', { timeout: 60_000 });
  faults.push(...await sweep(page, 'the check'));
  await go(new URL(planned.guest_link).pathname, button(page, 'Join'));
  faults.push(...await sweep(page, 'before the meeting'));
  await go('/m/aaa-bbbb-ccc', page.getByRole('heading'));
  faults.push(...await sweep(page, 'a meeting that is not there'));
  assert.deepEqual(faults, []);
});

/** A token is made; what shows it closes as every dialog does. */
async function makeToken(page, faults) {
  await page.locator('[aria-labelledby=tokens] button').first().focus();
  await hold(page);
  await page.keyboard.press('Enter');
  const asked = page.getByRole('dialog');
  await asked.getByRole('textbox').first().fill('Robot');
  await asked.getByRole('checkbox').first().press('Space');
  await asked.getByRole('textbox').first().press('Enter');
  await asked.getByRole('heading', { name: 'Token “Robot”' }).waitFor();
  faults.push(...await closing(page, 'OnceShown.svelte, made'));
  await button(page, /^Revoke/).first().waitFor();
}

async function makeWebhook(page) {
  await page.locator('[aria-labelledby=webhooks] button').first().press('Enter');
  const asked = page.getByRole('dialog');
  await asked.getByRole('textbox').first().fill('https://hooks.example.org/confab');
  await page.keyboard.press('Enter');
  await asked.getByRole('heading', { name: 'Webhook made' }).waitFor();
  await page.keyboard.press('Escape');
  await button(page, /^Remove the webhook/).first().waitFor();
}

/** A meeting is planned from the dialog; what is shown then, and the question before it is called off. */
async function schedule(page, faults) {
  const opener = button(page, 'Schedule a meeting');
  await opener.focus();
  await hold(page);
  await page.keyboard.press('Enter');
  await page.getByLabel('Title').fill('By keys');
  await page.getByLabel('Title').press('Enter');
  await page.getByRole('heading', { name: 'The meeting is planned' }).waitFor();
  opened.add('Made.svelte');
  faults.push(...await closing(page, 'Made.svelte'));
  const event = page.locator('button.event').filter({ hasText: 'By keys' });
  await event.first().waitFor();
  await event.first().focus();
  await hold(page);
  await page.keyboard.press('Enter');
  await button(page.getByRole('dialog'), 'Cancel the meeting').press('Enter');
  await button(page.getByRole('dialog'), 'Cancel it').waitFor();
  opened.add('CancelDialog.svelte');
  faults.push(...await closing(page, 'CancelDialog.svelte'));
}

/** Goes on with Tab until what is looked for has the focus. */
async function to(page, locator, key = 'Tab') {
  let what = await locator.first().elementHandle();
  for (let n = 0; n < 140; n++) {
    const at = await what.evaluate((el) => (el.isConnected ? el === document.activeElement : undefined));
    if (at) return;
    if (at === undefined) what = await locator.first().elementHandle();
    else await page.keyboard.press(key);
  }
  throw new Error(`${key} does not lead to ${locator}`);
}
/** Goes there and presses Enter. */
const act = async (page, locator, key = 'Enter') => { await to(page, locator); await hold(page); await page.keyboard.press(key); };
/** Opens a menu and chooses one of its entries. */
async function choose(page, menu, entry) {
  await act(page, menu);
  await to(page, page.getByRole('menuitem', { name: entry, exact: typeof entry === 'string' }), 'ArrowDown');
  await page.keyboard.press('Enter');
}
/** Opens a panel by its keys where it is not open. */
async function panel(page, keys, name) {
  const aside = page.getByRole('complementary', { name });
  if (!(await aside.count())) await page.keyboard.press(keys);
  await aside.waitFor();
  return aside;
}
const PEOPLE = 'Control+Shift+KeyP';
const CHAT = 'Control+Shift+KeyC';
const people = (page) => panel(page, PEOPLE, 'People');
const polls = async (page) => {
  const aside = page.getByRole('complementary', { name: 'Polls and questions' });
  if (!(await aside.count())) await act(page, button(page, /^Polls and questions/));
  await aside.waitFor();
};

/** Joins without a pointer, devices off. */
async function enter(guest, link, name) {
  const { page } = guest;
  await page.goto(link.replace('127.0.0.1', 'localhost'));
  await to(page, page.getByRole('textbox', { name: 'Your name' }));
  await page.keyboard.press('Control+KeyA');
  await page.keyboard.type(name);
  await act(page, button(page, /^Join/));
}

const inside = (page) => page.getByRole('toolbar', { name: 'Controls' }).waitFor({ timeout: 60_000 });
const pressed = (page, name) => button(page.getByRole('toolbar', { name: 'Controls' }), name).first().getAttribute('aria-pressed');
const menu = (name) => `Actions for ${name}`;

test('a host leads by keys alone, and the others see it', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { id, guest_link, host_link } = await server.meeting('By keys');
  const [host, ada, eve] = [await browser(t, { args: ['--auto-select-tab-capture-source-by-title=By keys'] }), await browser(t), await browser(t, { dark: false })];
  const [h, a, e] = [host.page, ada.page, eve.page];
  const faults = [];
  const state = () => fetch(`${server.url}/api/v1/meetings/${id}`).then((r) => r.json());
  await enter(host, host_link, 'Hanna');
  await inside(h);
  faults.push(...await sweep(h, 'alone in the meeting'));

  // The lobby, from both sides.
  await people(h);
  await act(h, button(h, 'Meeting rules'));
  await to(h, h.getByRole('dialog').getByRole('combobox', { name: 'Lobby' }));
  await h.keyboard.type('Everyone');
  await h.keyboard.press('Escape');
  await enter(ada, guest_link, 'Ada');
  await a.getByText('You are number 1 in line.').waitFor();
  faults.push(...await sweep(a, 'in the lobby'));
  await enter(eve, guest_link, 'Eve');
  await e.getByText('You are number 2 in line.').waitFor();
  await people(h);
  await button(h, 'Admit Eve').waitFor();
  faults.push(...await sweep(h, 'people, with a lobby'));
  await act(h, button(h, 'Admit Ada'));
  await inside(a);
  await act(h, button(h, 'Admit Eve'));
  await inside(e);
  const on = async (page, device, keys) => {
    await page.keyboard.press(keys);
    await until(`the ${device} is on`, 20_000, async () => (await pressed(page, device)) === 'true');
  };
  await on(a, 'Microphone', 'Control+KeyD');

  // Muted, asked, unmuted by her own hand; the camera; all.
  await choose(h, button(h, menu('Ada')), 'Mute microphone');
  await until('Ada is muted', 20_000, async () => (await pressed(a, 'Microphone')) === 'false');
  await choose(h, button(h, menu('Ada')), 'Ask to unmute');
  await a.getByText('Hanna asks you to unmute your microphone.').first().waitFor();
  assert.equal(await pressed(a, 'Microphone'), 'false', 'asking unmutes nobody');
  await act(a, button(a, 'Unmute'));
  await until('Ada has unmuted herself', 20_000, async () => (await pressed(a, 'Microphone')) === 'true');
  await on(a, 'Camera', 'Control+KeyE');
  await choose(h, button(h, menu('Ada')), 'Turn camera off');
  await until('her camera is off', 20_000, async () => (await pressed(a, 'Camera')) === 'false');
  faults.push(...await opens(h, 'Dialogs.svelte: mute_all', button(h, 'Mute all')));
  await on(e, 'Microphone', 'Control+KeyD');
  await act(h, button(h, 'Mute all'));
  await act(h, button(h.getByRole('dialog'), 'Mute all'));
  await until('all are muted', 20_000, async () => (await pressed(a, 'Microphone')) === 'false' && (await pressed(e, 'Microphone')) === 'false');

  // In the light, by another name, with a hand, as a co-host.
  await choose(h, button(h, menu('Eve')), 'Spotlight for everyone');
  await a.getByTitle('In the spotlight').first().waitFor();
  faults.push(...await sweep(a, 'a spotlight'));
  await choose(h, button(h, menu('Eve')), 'End the spotlight');
  await a.getByTitle('In the spotlight').first().waitFor({ state: 'detached' });
  await choose(h, button(h, menu('Eve')), 'Rename');
  faults.push(...await opensNow(h, 'RenameOther.svelte'));
  await choose(h, button(h, menu('Eve')), 'Rename');
  await to(h, h.getByRole('dialog').getByRole('textbox'));
  await h.keyboard.press('Control+KeyA');
  await h.keyboard.type('Eva');
  await h.keyboard.press('Enter');
  await a.getByText('Eva', { exact: true }).first().waitFor();
  for (const page of [a, e]) await page.keyboard.press('Control+Shift+KeyH');
  await act(h, button(h, 'Lower all hands'));
  await until('hands are down', 20_000, async () => (await pressed(a, 'Raise hand')) === 'false' && (await pressed(e, 'Raise hand')) === 'false');
  await choose(h, button(h, menu('Ada')), 'Make co-host');
  await people(a);
  await button(a, 'Lock the meeting').waitFor();
  await act(a, button(a, 'Lock the meeting'));
  await until('the meeting is locked', 20_000, async () => (await state()).locked === true);
  await act(h, button(h, 'Unlock the meeting'));
  await until('it is open again', 20_000, async () => (await state()).locked === false);

  // The floor: asked for, given, given up.
  await act(h, button(h, 'Meeting rules'));
  faults.push(...await opensNow(h, 'Rules.svelte'));
  await act(h, button(h, 'Meeting rules'));
  await act(h, h.getByRole('dialog').getByRole('switch', { name: 'One speaks at a time' }), 'Space');
  await h.keyboard.press('Escape');
  await act(e, button(e, 'Ask for the floor'));
  await e.getByText('You have the floor.').first().waitFor();
  await choose(h, button(h, menu('Ada')), 'Give the floor');
  await a.getByText('You have the floor.').first().waitFor();
  faults.push(...await sweep(h, 'the floor'));
  await act(a, button(a, 'Give up the floor'));
  await h.getByText('The floor is free.').first().waitFor();

  // A quiz, voted in; a question; the agenda's clock; words to one alone.
  await polls(h);
  await act(h, button(h, 'New poll'));
  faults.push(...await opensNow(h, 'NewPoll.svelte'));
  await act(h, button(h, 'New poll'));
  for (const [field, text] of [['Question', 'Tea?'], ['Option 1', 'Yes'], ['Option 2', 'No']]) {
    await to(h, h.getByRole('dialog').getByRole('textbox', { name: field, exact: true }));
    await h.keyboard.type(text);
  }
  await act(h, h.getByRole('checkbox', { name: 'Option 1 is right' }), 'Space');
  await act(h, button(h, 'Open the poll'));
  await polls(e);
  await to(e, e.getByRole('radio', { name: 'Yes' }));
  await e.keyboard.press('Space');
  await act(e, button(e, 'Vote'));
  await to(e, e.getByRole('complementary').locator('#ask'));
  await e.keyboard.type('When do we end?');
  await e.keyboard.press('Enter');
  await h.getByText('When do we end?').first().waitFor();
  faults.push(...await sweep(h, 'polls and questions, a host'), ...await sweep(e, 'polls and questions, a guest'));
  await act(h, button(h, 'Close and show results'));
  await until('the result is shown', 20_000, async () => (await e.getByText('1 vote, 100 %').count()) === 1);
  await act(h, button(h, 'Edit the agenda'));
  await to(h, h.locator('#agenda-text'));
  await h.keyboard.type('Welcome 5');
  await act(h, button(h, 'Save'));
  await act(h, button(h, 'Begin'));
  await e.getByText(/\d:\d\d left/).first().waitFor();
  faults.push(...await sweep(h, 'an agenda'));
  await panel(h, CHAT, 'Chat');
  await to(h, h.getByRole('combobox', { name: 'To', exact: true }));
  await h.keyboard.type('Eva');
  await to(h, h.getByRole('complementary').getByRole('textbox'));
  await h.keyboard.type('a word to you');
  await h.keyboard.press('Enter');
  await panel(e, CHAT, 'Chat');
  await e.getByText('a word to you').first().waitFor();
  await e.getByText('only to you').first().waitFor();
  await panel(a, CHAT, 'Chat');
  assert.equal(await a.getByText('a word to you').count(), 0, 'Ada does not read it');
  await share(h, e, faults);

  await rooms(h, e, faults);
  await windows(h, faults);
  await board(h, faults);
  await screen(h, e, faults);

  // Somebody goes, and then all.
  await people(h);
  await choose(h, button(h, menu('Eva')), 'Remove from the meeting');
  faults.push(...await opensNow(h, 'Dialogs.svelte: remove'));
  await choose(h, button(h, menu('Eva')), 'Remove from the meeting');
  await act(h, button(h.getByRole('dialog'), 'Remove'));
  await e.getByText(/removed/i).first().waitFor();
  faults.push(...await sweep(e, 'removed'));
  await choose(h, button(h, 'Leave or end'), 'End for all');
  faults.push(...await opensNow(h, 'Dialogs.svelte: end'));
  await choose(h, button(h, 'Leave or end'), 'End for all');
  await act(h, button(h.getByRole('dialog'), 'End for all'));
  await a.getByRole('heading', { name: 'The meeting has ended' }).waitFor();
  assert.equal((await state()).state, 'ended');
  faults.push(...await sweep(a, 'the end'));
  assert.deepEqual(faults, []);
});

/** As `opens`, where the dialog is there already: the focus goes back to what has its name. */
async function opensNow(page, file) {
  opened.add(file);
  await until(`${file} opens`, 60_000, () => page.getByRole('dialog').count());
  return closing(page, file);
}

/** A file goes with a message, and the other side can save it. */
async function share(h, e, faults) {
  const chosen = h.waitForEvent('filechooser');
  await act(h, button(h, 'Attach files'));
  await (await chosen).setFiles({ name: 'minutes.txt', mimeType: 'text/plain', buffer: Buffer.from('all agreed') });
  await h.getByText(/^ready/).first().waitFor();
  faults.push(...await sweep(h, 'a file to send'));
  await to(h, h.getByRole('complementary').getByRole('textbox'));
  await h.keyboard.press('Enter');
  await e.getByRole('link', { name: /minutes\.txt/ }).or(button(e, /minutes\.txt/)).first().waitFor();
  faults.push(...await sweep(e, 'a file in the chat'));
}

/** Breakout rooms: made, somebody assigned, opened, and all called back. */
async function rooms(h, e, faults) {
  await choose(h, button(h, 'More'), 'Breakout rooms');
  await h.getByLabel('Number of rooms').waitFor();
  faults.push(...await sweep(h, 'breakout rooms to be made'));
  const ways = h.getByRole('complementary');
  await to(h, ways.getByRole('radio', { checked: true }));
  for (let n = 0; n < 3 && !(await ways.getByRole('radio', { name: 'I assign people' }).isChecked()); n++) await h.keyboard.press('ArrowDown');
  await act(h, button(h, 'Make the rooms'));
  await choose(h, button(h, 'Move Eva'), 'Room 2');
  await h.locator('[data-room="2"] li').first().waitFor();
  faults.push(...await sweep(h, 'breakout rooms, planned'));
  await act(h, button(h, 'Open the rooms'));
  await e.locator('[data-breakout="2"]').waitFor({ timeout: 30_000 });
  faults.push(...await sweep(h, 'breakout rooms, open'), ...await sweep(e, 'in a breakout room'));
  await to(h, h.getByRole('combobox', { name: 'Time to come back' }));
  await h.keyboard.type('At once');
  await act(h, button(h, 'Close the rooms'));
  await e.locator('[data-breakout]').waitFor({ state: 'detached', timeout: 30_000 });
}

/** What is behind More: each of its dialogs. */
async function windows(h, faults) {
  for (const [entry, file] of [['Change your name', 'Dialogs.svelte: rename'], ['Connection', 'Dialogs.svelte: connection'], ['Recent notices', 'Dialogs.svelte: notices'], ['Keyboard shortcuts', 'Dialogs.svelte: shortcuts'], ['Settings', 'Settings.svelte']]) {
    await choose(h, button(h, 'More'), entry);
    faults.push(...await opensNow(h, file));
  }
}

/** Chooses a tool of the whiteboard, in its bar or, where that has no room, behind More tools. */
async function tool(page, name) {
  const bar = page.getByRole('toolbar', { name: 'Tools' });
  if (await button(bar, name).count()) return act(page, button(bar, name));
  await act(page, button(bar, 'More tools'));
  await to(page, page.getByRole('menu').locator('[role^=menuitem]').filter({ hasText: name }), 'ArrowDown');
  await page.keyboard.press('Enter');
}

/** The whiteboard's tools, with something on it. */
async function board(h, faults) {
  await act(h, button(h, 'Whiteboard'));
  await h.getByRole('toolbar', { name: 'Tools' }).waitFor();
  await h.waitForTimeout(500);
  faults.push(...await sweep(h, 'the whiteboard'));
  const bring = async (file) => {
    const chosen = h.waitForEvent('filechooser');
    await tool(h, 'Picture or PDF');
    await (await chosen).setFiles(join(root, file));
  };
  await bring('tests/data/pages.pdf');
  faults.push(...await opensNow(h, 'ImportDialog.svelte'));
  await bring('tests/data/locked.pdf');
  faults.push(...await opensNow(h, 'PdfPassword.svelte'));
  await act(h, button(h.getByRole('alert'), 'Close'));
  await bring('src-tauri/icons/256x256.png');
  const chosen = h.getByRole('toolbar', { name: 'Selected objects' });
  await chosen.waitFor();
  faults.push(...await opens(h, 'Describe.svelte', button(chosen, 'Alternative text')));
  await tool(h, 'Objects');
  await h.getByRole('complementary', { name: 'Objects' }).waitFor();
  faults.push(...await sweep(h, 'the whiteboard, its objects'));
  await act(h, button(h, 'Close the whiteboard'));
}

/** A screen is shown; the other one draws on it, who shows it draws on a large picture of it. */
async function screen(h, e, faults) {
  await act(h, button(h, 'Share screen'));
  const own = h.getByRole('region', { name: 'Your screen share' });
  await own.waitFor();
  await act(e, button(e, 'Draw on the screen'));
  await e.getByRole('toolbar', { name: 'Drawing on the screen' }).waitFor();
  faults.push(...await sweep(e, 'drawing on a screen'), ...await sweep(h, 'showing a screen'));
  faults.push(...await opens(h, 'OwnDraw.svelte', button(own, 'Draw')));
  await act(h, button(h, 'Stop sharing'));
  await own.waitFor({ state: 'detached' });
}

test('no dialog is left out', () => {
  const files = readdirSync(VIEWS, { recursive: true }).filter((f) => f.endsWith('.svelte') && /<Dialog\b/.test(readFileSync(join(VIEWS, f), 'utf8'))).map((f) => basename(f));
  const seen = new Set([...opened].map((name) => name.split(':')[0]));
  assert.deepEqual(files.filter((f) => !seen.has(f) && ELSEWHERE[f] === undefined).sort(), []);
  const names = [...readFileSync(join(VIEWS, 'Dialogs.svelte'), 'utf8').matchAll(/model\.dialog === "(\w+)"/g)].map(([, name]) => name);
  const own = names.filter((name) => !['rules', 'new_poll', 'rename_other', 'settings', 'screen'].includes(name));
  assert.deepEqual(own.filter((name) => !opened.has(`Dialogs.svelte: ${name}`)), []);
});
