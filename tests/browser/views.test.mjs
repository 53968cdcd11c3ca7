// What a guest does beside talking, clicked through: settings, tests of devices, shortcuts, sharing with pause, the small
// window, full screen, the numbers of each stream.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { artefacts, clip } from './lib/paths.mjs';
import { Native, Server, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const folder = artefacts('views');
const button = (page, name) => page.getByRole('button', { name });

async function more(page, name) {
  await button(page, 'More').click();
  await page.getByRole('menuitem', { name }).click();
}

test('settings work before a meeting: preview, record and play back, and they are kept', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const guest = await Guest.start({ audio: clip('speech-en.wav'), video: clip('talking-head.y4m') });
  t.after(() => guest.close());
  const { page } = guest;
  await page.goto(server.url);
  await button(page, 'Settings').click();
  const dialog = page.getByRole('dialog');

  await dialog.getByRole('tab', { name: 'Audio' }).click();
  await dialog.getByRole('button', { name: 'Hear yourself' }).click();
  await dialog.getByRole('button', { name: /Recording/ }).waitFor();
  await until('the level moves while recording', 5000, async () => Math.max(...await dialog.getByRole('meter').evaluateAll((all) => all.map((m) => Number(m.getAttribute('aria-valuenow'))))) > 3);
  await dialog.getByRole('button', { name: /Playing it back/ }).waitFor({ timeout: 15000 });
  await dialog.getByRole('button', { name: 'Hear yourself' }).waitFor({ timeout: 15000 });
  assert.equal(await dialog.getByRole('alert').count(), 0, 'the test worked');

  await dialog.getByRole('tab', { name: 'Video' }).click();
  await dialog.getByRole('button', { name: 'Show my picture' }).click();
  await until('the own picture', 10000, async () => (await guest.grab()).some((p) => p.local));
  await guest.screenshot(join(folder, 'settings-video.png'));

  await dialog.getByRole('tab', { name: 'Appearance' }).click();
  await dialog.getByRole('switch', { name: 'High contrast' }).click();
  assert.equal(await page.locator('html').getAttribute('data-contrast'), 'more');
  await dialog.getByRole('combobox', { name: 'Language' }).selectOption({ label: '简体中文' });
  await page.getByRole('heading', { name: '设置' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal((await guest.grab()).length, 0, 'a preview for the settings ends with them');

  await page.reload();
  await button(page, '设置').waitFor();
  assert.equal(await page.locator('html').getAttribute('data-contrast'), 'more');
  assert.deepEqual(guest.foreign, []);
});

test('a pasted text is judged while it is typed', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { id } = await server.meeting('By code');
  const guest = await Guest.start();
  t.after(() => guest.close());
  const { page } = guest;
  await page.goto(server.url);
  const field = page.getByRole('textbox', { name: 'Meeting link or code' });
  await field.fill('tomorrow at nine');
  await field.blur();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  await field.fill(id);
  await page.getByText(/^A meeting on/).waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'false');
  await field.press('Enter');
  await page.getByRole('heading', { name: 'By code' }).waitFor();
});

test('shortcuts are changed, and a clash is refused', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting();
  const guest = await Guest.start();
  t.after(() => guest.close());
  const { page } = guest;
  await guest.join(guest_link, 'Ada', { camera: false });
  const microphone = page.getByRole('toolbar').getByRole('button', { name: 'Microphone', exact: true });
  const isOn = async (on) => (await microphone.getAttribute('aria-pressed')) === String(on);
  await until('the microphone is on', 10000, () => isOn(true));

  await page.keyboard.press('Control+Comma');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('tab', { name: 'Shortcuts' }).click();
  const entry = dialog.getByRole('button', { name: /^Change: Microphone/ });
  await entry.click();
  await page.keyboard.press('Control+KeyE');
  await dialog.getByRole('alert').filter({ hasText: 'Camera on or off' }).waitFor();
  await page.keyboard.press('Control+Shift+KeyM');
  await entry.filter({ hasText: 'M' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.keyboard.press('Control+Shift+KeyM');
  await until('the new keys mute', 5000, () => isOn(false));
  await page.keyboard.press('Control+KeyD');
  assert.ok(await isOn(false), 'the old keys do nothing');
});

test('a guest shares, pauses and stops; reads the numbers of each stream; uses the small window and full screen', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Screens');
  const nils = new Native(guest_link, 'Nils', ['--mic-file', clip('speech-ru.wav'), '--camera-file', clip('street.y4m'), '--loop', '--max-height', '180']);
  t.after(() => nils.leave());
  const [ada, bob] = [await Guest.start({ video: clip('talking-head.y4m'), args: ['--auto-select-tab-capture-source-by-title=Screens'] }), await Guest.start()];
  t.after(() => ada.close());
  t.after(() => bob.close());
  await ada.join(guest_link, 'Ada');
  await bob.join(guest_link, 'Bob', { camera: false });
  const { page } = ada;
  await until('Nils is seen', 20000, async () => (await ada.grab()).some((p) => !p.local));

  await button(page, 'Share screen').click();
  const bar = page.getByRole('region', { name: 'Your screen share' });
  await bar.waitFor({ timeout: 10000 });
  const screen = async () => (await bob.grab()).find((p) => p.label.includes('screen'));
  await until('Bob sees the screen', 20000, screen);
  await bar.getByRole('button', { name: 'Pause' }).click();
  await bar.getByText(/Paused/).waitFor();
  await ada.screenshot(join(folder, 'sharing-paused.png'));
  await bar.getByRole('button', { name: 'Go on' }).click();
  await bar.getByText('Everyone sees this.').waitFor();
  assert.ok(await screen(), 'the picture is still there');
  await bar.getByRole('button', { name: 'Stop sharing' }).click();
  await until('the screen is gone', 10000, async () => (await screen()) === undefined);

  await more(page, 'Connection');
  const table = page.getByRole('table', { name: 'Streams' });
  await table.getByRole('row', { name: /Nils.*Camera/ }).waitFor({ timeout: 10000 });
  await until('rates are measured', 10000, async () => /\d kbit\/s/.test(await table.getByRole('row', { name: /Nils.*Microphone/ }).innerText()));
  await ada.screenshot(join(folder, 'streams.png'));
  await page.keyboard.press('Escape');

  const opened = ada.context.waitForEvent('page', { timeout: 10000 });
  await more(page, 'Picture in picture');
  const small = await opened;
  await small.getByRole('main', { name: 'Meeting, small window' }).waitFor();
  await until('a picture in the small window', 15000, () => small.evaluate(() => [...document.querySelectorAll('video')].some((v) => v.videoWidth > 0)));
  await small.screenshot({ path: join(folder, 'small-window.png') });
  await small.getByRole('button', { name: 'Microphone' }).click();
  await until('muted from the small window', 5000, async () =>
    (await page.getByRole('toolbar').getByRole('button', { name: 'Microphone', exact: true }).getAttribute('aria-pressed')) === 'false');
  await more(page, 'Close picture in picture');
  await until('the small window is closed', 5000, () => small.isClosed());

  await page.keyboard.press('Control+Shift+KeyF');
  await until('full screen', 5000, () => page.evaluate(() => document.fullscreenElement !== null));
  // The browser says so a frame later, and until then the same keys ask for it again.
  await page.getByRole('button', { name: 'Full screen', exact: true, pressed: true }).waitFor();
  await page.keyboard.press('Control+Shift+KeyF');
  await until('not full screen', 5000, () => page.evaluate(() => document.fullscreenElement === null));
  assert.deepEqual(ada.errors, []);
});
