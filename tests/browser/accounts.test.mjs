// Accounts, clicked and typed through: the first owner by the command line's link, somebody invited, a role, a session ended,
// somebody disabled. By keyboard where a form is filled in. Every page by axe, at two sizes, dark and light, in both languages.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { artefacts, program } from './lib/paths.mjs';
import { Native, Server } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const folder = artefacts('accounts');
const PASSWORD = 'correct horse battery';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const account = (server, ...args) => execFileSync(program('confab-server'), ['account', ...args, '--config', server.config], { encoding: 'utf8' });
/** A link of the command line or of a letter, at the address the page is served from. */
const here = (server, link) => server.url + new URL(link).pathname + new URL(link).hash;

async function browser(t, options = {}) {
  const guest = await Guest.start(options);
  t.after(() => guest.close().catch(() => {}));
  return guest;
}

/** No serious fault for people who use a screen reader or the keyboard, and a picture to look at. */
async function look(guest, name) {
  await guest.screenshot(join(folder, `${name}.png`));
  await guest.page.evaluate(axe);
  const { violations } = await guest.page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`), [], name);
}

const sessions = (page) => page.locator('#sessions ~ ul li').first();

test('from the first owner to somebody who is disabled', async (t) => {
  const server = await Server.start('[access]\ncreate = "account"\n');
  t.after(() => server.stop());
  const printed = account(server, 'add', '--email', 'ada@example.org', '--name', 'Ada', '--role', 'owner');
  const ada = await browser(t);
  await ada.page.goto(here(server, /http\S+/.exec(printed)[0]));
  const password = ada.page.getByLabel('New password', { exact: true });
  await password.waitFor();
  assert.equal(new URL(ada.page.url()).hash, '', 'the secret is not in the address bar');
  await password.fill('ada@example.org');
  await ada.page.keyboard.press('Enter');
  await ada.page.getByRole('alert').filter({ hasText: 'weak_password' }).waitFor();
  await password.fill(PASSWORD);
  await ada.page.keyboard.press('Enter');
  await sessions(ada.page).waitFor();

  const bob = await browser(t, { size: { width: 390, height: 844 }, locale: 'zh-CN', dark: false });
  await bob.page.goto(server.url);
  await bob.page.getByRole('link', { name: '登录' }).first().waitFor();
  await bob.page.getByText('在此服务器上，会议由有账号的人创建。').waitFor();
  await look(bob, 'home-signed-out');

  await ada.page.goto(`${server.url}/admin`);
  await ada.page.getByRole('button', { name: 'Invite somebody' }).click();
  await ada.page.getByRole('textbox', { name: 'Mail address' }).fill('bob@example.org');
  await look(ada, 'invite');
  await ada.page.keyboard.press('Enter');
  const link = ada.page.getByRole('textbox', { name: 'Invitation link' });
  await link.waitFor();
  await bob.page.goto(here(server, await link.inputValue()));
  await bob.page.getByText('bob@example.org').waitFor();
  await look(bob, 'join');
  await bob.page.getByRole('textbox', { name: '姓名' }).fill('Bob');
  await bob.page.getByLabel('新密码', { exact: true }).fill(PASSWORD);
  await bob.page.keyboard.press('Enter');
  await sessions(bob.page).waitFor();
  await look(bob, 'own');
  await bob.page.goto(server.url);
  await bob.page.getByRole('button', { name: '立即开会' }).waitFor();
  await look(bob, 'home-signed-in');

  await ada.page.reload();
  const row = ada.page.getByRole('listitem').filter({ hasText: 'bob@example.org' });
  await row.getByRole('combobox', { name: 'Role of Bob' }).selectOption('admin');
  await ada.page.getByText('Changed the role of bob@example.org').waitFor();
  await look(ada, 'admin');
  await bob.page.goto(`${server.url}/admin`);
  await bob.page.locator('#audit').waitFor();
  await row.getByRole('button', { name: 'Disable Bob' }).click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Disable', exact: true }).click();
  await ada.page.getByText('Disabled bob@example.org', { exact: true }).waitFor();
  await bob.page.goto(`${server.url}/account`);
  await bob.page.getByRole('button', { name: '登录' }).waitFor();
  assert.deepEqual([...ada.foreign, ...bob.foreign], []);
});

test('an admin sees what runs and who is in it, sends somebody out and ends it', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const printed = account(server, 'add', '--email', 'ada@example.org', '--name', 'Ada', '--role', 'owner');
  const ada = await browser(t);
  const { page } = ada;
  await page.goto(here(server, /http\S+/.exec(printed)[0]));
  await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await sessions(page).waitFor();
  await page.goto(`${server.url}/admin`);
  await page.getByText('No meeting is running.').waitFor();
  await page.getByText('Nothing is planned.').waitFor();
  await page.getByRole('region', { name: 'What this server allows' }).getByText(/^Anyone · /).waitFor();

  const { guest_link, host_link } = await server.meeting('Weekly');
  const [nils, nora] = [new Native(host_link, 'Nils', []), new Native(guest_link, 'Nora', [])];
  t.after(() => Promise.all([nils.leave(), nora.leave()]));
  // Without loading the page again.
  const live = page.getByRole('region', { name: 'Running now' });
  for (const name of ['Nils', 'Nora']) await live.getByRole('button', { name: `Send out ${name}` }).waitFor({ timeout: 30000 });
  await look(ada, 'admin-live');
  await live.getByRole('button', { name: 'Send out Nora' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Send out' }).click();
  await live.getByRole('button', { name: 'Send out Nora' }).waitFor({ state: 'detached' });
  await page.getByText('Sent Nora out of the meeting “Weekly”').waitFor();
  await nora.child.ended;
  // By keyboard.
  await live.getByRole('button', { name: 'End “Weekly”' }).focus();
  await page.keyboard.press('Enter');
  await look(ada, 'admin-end');
  await dialog.getByRole('button', { name: 'End', exact: true }).press('Enter');
  await page.getByText('No meeting is running.').waitFor();
  await page.getByText('Ended the meeting “Weekly” for all').waitFor();
  await nils.child.ended;
  assert.deepEqual(ada.foreign, []);
});

test('signing in and out, a wrong password, a dead link', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const printed = account(server, 'add', '--email', 'ada@example.org', '--name', 'Ada');
  const first = await browser(t);
  await first.page.goto(here(server, /http\S+/.exec(printed)[0]));
  await first.page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await first.page.keyboard.press('Enter');
  await sessions(first.page).waitFor();

  const second = await browser(t, { dark: false });
  await second.page.goto(server.url);
  await second.page.getByRole('link', { name: 'Sign in' }).click();
  await second.page.getByRole('textbox', { name: 'Mail address' }).fill('Ada@Example.org');
  await second.page.getByLabel('Password', { exact: true }).fill('something else');
  await second.page.keyboard.press('Enter');
  await second.page.getByRole('alert').filter({ hasText: 'wrong_password' }).waitFor();
  await look(second, 'sign-in');
  await second.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await second.page.keyboard.press('Enter');
  await sessions(second.page).waitFor();
  assert.equal(await second.page.locator('#sessions ~ ul li').count(), 2);
  await second.page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await second.page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
  await second.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await first.page.reload();
  await first.page.getByRole('heading', { name: 'Sign in' }).waitFor();

  await first.page.goto(here(server, /http\S+/.exec(printed)[0]));
  await first.page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await first.page.keyboard.press('Enter');
  await first.page.getByRole('heading', { name: 'This link does not work any more' }).waitFor();
  await look(first, 'dead-link');
  await first.page.getByRole('link', { name: 'Forgot the password?' }).click();
  await first.page.getByText('This server sends no mail.').waitFor();
});
