// Passkeys in Chromium, with the virtual authenticator of its developer tools: made, used without typing an address, removed; and
// what does not get in.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { artefacts, program } from './lib/paths.mjs';
import { Server } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const folder = artefacts('passkeys');
const PASSWORD = 'correct horse battery';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function start(t) {
  const server = await Server.start(({ port }) => `public_url = "http://localhost:${port}"\n`);
  t.after(() => server.stop());
  const add = ['account', 'add', '--email', 'ada@example.org', '--name', 'Ada', '--role', 'owner', '--password-stdin', '--config', server.config];
  execFileSync(program('confab-server'), add, { input: `${PASSWORD}\n` });
  return server;
}

/** A browser with an authenticator that knows its person; `cdp` reaches it. */
async function device(t, options = {}) {
  const guest = await Guest.start(options);
  t.after(() => guest.close().catch(() => {}));
  guest.cdp = await guest.context.newCDPSession(guest.page);
  await guest.cdp.send('WebAuthn.enable');
  const { authenticatorId } = await guest.cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  guest.authenticatorId = authenticatorId;
  guest.credentials = async () => (await guest.cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
  return guest;
}

async function signInByPassword(guest, server) {
  const { page } = guest;
  await page.goto(`${server.url}/account`);
  await page.getByRole('textbox', { name: 'Mail address' }).fill('ada@example.org');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Other ways to sign in' }).waitFor();
}

async function addPasskey(guest, name) {
  const { page } = guest;
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('textbox', { name: 'Name of the passkey' }).fill(name);
  await page.keyboard.press('Enter');
}

async function signOut(guest) {
  await guest.page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await guest.page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor();
}

async function look(guest, name) {
  await guest.screenshot(join(folder, `${name}.png`));
  await guest.page.evaluate(axe);
  const { violations } = await guest.page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`), [], name);
}

test('a passkey is made, opens the account without an address, and is removed', async (t) => {
  const server = await start(t);
  const ada = await device(t);
  const { page } = ada;
  await signInByPassword(ada, server);
  await look(ada, 'none-yet');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('textbox', { name: 'Name of the passkey' }).fill('Ada\'s phone');
  await look(ada, 'adding');
  await page.keyboard.press('Enter');
  await page.getByText('The passkey is added.').waitFor();
  await page.getByText('not used yet').waitFor();
  const [kept] = await ada.credentials();
  assert.deepEqual([kept.isResidentCredential, kept.rpId], [true, 'localhost']);
  await addPasskey(ada, 'Again');
  await page.getByRole('alert').filter({ hasText: 'passkey_known' }).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();

  await signOut(ada);
  await look(ada, 'sign-in');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Ada\'s phone').waitFor();
  await page.getByRole('list').filter({ hasText: 'Passkey' }).getByText('Last used').waitFor();
  await look(ada, 'used');
  for (const [name, width, height] of [['wide', 2560, 1440], ['phone', 390, 844]]) {
    await page.setViewportSize({ width, height });
    await look(ada, `used-${name}`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.getByRole('button', { name: 'Remove Ada\'s phone' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Removed.').waitFor();
  await signOut(ada);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('alert').filter({ hasText: 'passkey_refused' }).waitFor();
  assert.deepEqual(ada.foreign, []);
});

test('nobody gets in unverified, by an answer of before, or with a counter that goes back', async (t) => {
  const server = await start(t);
  const ada = await device(t, { dark: false });
  const { page, cdp, authenticatorId } = ada;
  await signInByPassword(ada, server);
  await addPasskey(ada, 'Key');
  await page.getByText('The passkey is added.').waitFor();
  const [before] = await ada.credentials();
  await signOut(ada);

  // What the page sends is kept, and sent once more.
  const sent = [];
  page.on('request', (request) => request.url().endsWith('/session/passkey') && sent.push(request.postData()));
  const enter = page.getByRole('button', { name: 'Sign in with a passkey' });
  await enter.click();
  await page.getByText('Last used').first().waitFor();
  await signOut(ada);
  const post = (body) => page.evaluate(async (body) => {
    const answer = await fetch('/api/v1/session/passkey', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return [answer.status, (await answer.json()).code];
  }, body);
  assert.deepEqual(await post(sent[0]), [401, 'passkey_refused'], 'a challenge is good once');
  assert.deepEqual(await post(sent[0].replace(/"credential":"[^"]*"/, '"credential":"AAAA"')), [401, 'passkey_refused']);
  assert.deepEqual(await post('{}'), [400, 'bad_message']);

  // A copy of the authenticator as it was counts from there.
  await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: before.credentialId });
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...before, signCount: 0 } });
  await enter.click();
  await page.getByRole('alert').filter({ hasText: 'passkey_refused' }).waitFor();
  await look(ada, 'refused');

  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await enter.click();
  await page.getByRole('alert').filter({ hasText: 'passkey_cancelled' }).waitFor({ timeout: 60_000 });
  assert.equal(await page.evaluate(async () => (await (await fetch('/api/v1/session')).json()).me), undefined);

  // Another's challenge makes no passkey here, and nobody without a session gets one.
  const status = await page.evaluate(async () => (await fetch('/api/v1/account/passkeys/challenge', { method: 'POST' })).status);
  assert.equal(status, 401);
});

test('where browsers know no passkeys there is no word of them', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const answer = await fetch(`${server.url}/api/v1/session`);
  assert.equal((await answer.json()).passkeys, false, 'an address is no name');
  const challenge = await fetch(`${server.url}/api/v1/session/passkey/challenge`, { method: 'POST' });
  assert.deepEqual([challenge.status, (await challenge.json()).code], [404, 'not_found']);
});
