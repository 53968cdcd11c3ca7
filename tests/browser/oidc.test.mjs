// Signing in by OpenID Connect, against a certified provider in a process of its own: in Chromium as people do it, and step by step
// with everything that may not get in.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { artefacts, program } from './lib/paths.mjs';
import { Server, sleep } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';
import { IdProvider, SECRET, Traveller } from './lib/provider.mjs';

const folder = artefacts('oidc');
const PASSWORD = 'correct horse battery';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ADA = { email: 'ada@example.org', email_verified: true, name: 'Ada 阿达' };

/** A server and its provider; `more`: lines of `[oidc]`. */
async function both(t, more = '', signOut = false) {
  const provider = await IdProvider.reserve();
  provider.signOut = signOut;
  const server = await Server.start(({ port, folder }) => {
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
    return `public_url = "http://localhost:${port}"\n[oidc]\nissuer = "${provider.issuer}"\nclient_id = "confab"\n`
      + `client_secret_file = "${folder}/secret"\nname = "Test ID"\n${more}`;
  });
  t.after(() => server.stop());
  await provider.start(server);
  t.after(() => provider.child.connected && provider.stop());
  return { server, provider };
}

const account = (server, args, input) => execFileSync(program('confab-server'), ['account', ...args, '--config', server.config], { encoding: 'utf8', input });
const add = (server, email, role) => account(server, ['add', '--email', email, '--name', 'A Person', '--role', role, '--password-stdin'], `${PASSWORD}\n`);

async function look(guest, name) {
  await guest.screenshot(join(folder, `${name}.png`));
  await guest.page.evaluate(axe);
  const { violations } = await guest.page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`), [], name);
}

test('who gets in by the provider, and as whom', async (t) => {
  const { server, provider } = await both(t);
  add(server, 'owner@example.org', 'owner');
  add(server, 'bob@example.org', 'member');
  account(server, ['add', '--email', 'new-owner@example.org', '--name', 'Olga', '--role', 'owner']);
  await provider.tell({ people: {
    ada: ADA,
    bob: { email: 'BOB@example.org', email_verified: true, name: 'Bob' },
    forger: { email: 'bob@example.org', email_verified: false, name: 'Not Bob' },
    other: { email: 'bob@example.org', email_verified: true, name: 'The next Bob' },
    owner: { email: 'owner@example.org', email_verified: true, name: 'Owner' },
    olga: { email: 'new-owner@example.org', email_verified: true },
    unnamed: {},
  } });
  const enter = async (login) => {
    const traveller = new Traveller();
    return [await traveller.enter(server, login), await traveller.me(server)];
  };
  assert.equal((await enter('ada'))[0], '/account#problem=no_account', 'nobody is let in by being known elsewhere');
  assert.equal((await enter('unnamed'))[0], '/account#problem=no_account');
  assert.equal((await enter('forger'))[0], '/account#problem=no_account', 'an address that is only said');
  assert.equal((await enter('owner'))[0], '/account#problem=link_first', 'an owner with a password links by hand');
  assert.equal((await enter('nobody'))[0], '/account#problem=provider_refused');
  const [page, bob] = await enter('bob');
  assert.deepEqual([page, bob.email, bob.role], ['/account', 'bob@example.org', 'member']);
  assert.equal((await enter('other'))[0], '/account#problem=link_first', 'the address went to somebody else');
  assert.equal((await enter('olga'))[1].role, 'owner', 'made, and never entered before');
  // Whoever is linked stays that person under another address.
  provider.people.bob.email = 'robert@example.org';
  await provider.tell({ people: provider.people });
  assert.equal((await enter('bob'))[1].id, bob.id);
  account(server, ['disable', '--email', 'bob@example.org']);
  assert.equal((await enter('bob'))[0], '/account#problem=no_account');

  const owner = new Traveller();
  await owner.go(`${server.url}/api/v1/session`, { method: 'POST', json: { email: 'owner@example.org', password: PASSWORD } });
  const invited = await owner.go(`${server.url}/api/v1/invitations`, { method: 'POST', json: { email: 'ada@example.org', role: 'admin' } });
  assert.equal(invited.status, 201, invited.text);
  const [, ada] = await enter('ada');
  assert.deepEqual([ada.role, ada.name], ['admin', 'Ada 阿达']);
  assert.equal(JSON.parse((await owner.go(`${server.url}/api/v1/invitations`)).text).items.length, 0, 'the invitation is taken');
  const log = JSON.parse((await owner.go(`${server.url}/api/v1/audit`)).text).items;
  for (const [action, by] of [['joined', 'ada@example.org'], ['provider_linked', 'bob@example.org']]) {
    assert.ok(log.some((e) => e.action === action && e.by === by && e.detail === 'Test ID'), action);
  }
});

test('domains, accounts at the first entry, roles by a claim', async (t) => {
  const { server, provider } = await both(t, 'sign_up = true\ndomains = ["example.org"]\nadmin_claim = "groups"\nadmin_values = ["confab"]\n');
  const people = {
    ada: { ...ADA, groups: ['staff', 'confab'] },
    eve: { email: 'eve@example.com', email_verified: true },
    sly: { email: 'sly@example.org', email_verified: false },
  };
  await provider.tell({ people });
  const ada = new Traveller();
  assert.equal(await ada.enter(server, 'ada'), '/account');
  assert.equal((await ada.me(server)).role, 'admin');
  assert.equal(await new Traveller().enter(server, 'eve'), '/account#problem=no_account');
  assert.equal(await new Traveller().enter(server, 'sly'), '/account#problem=no_account');
  people.ada.groups = 'staff';
  await provider.tell({ people });
  assert.equal(await new Traveller().enter(server, 'ada'), '/account');
  assert.equal((await ada.me(server)).role, 'member', 'the older session too');
  const refused = await ada.go(`${server.url}/api/v1/account/provider`, { method: 'DELETE' });
  assert.deepEqual([refused.status, JSON.parse(refused.text).code], [409, 'last_way_in']);
});

test('what does not hold gets nobody in', async (t) => {
  const { server, provider } = await both(t, 'sign_up = true\n');
  await provider.tell({ people: { ada: ADA } });
  const start = `${server.url}/api/v1/session/provider`;
  const problem = (code) => `/account#problem=${code}`;
  const changed = (url, name, value) => {
    const other = new URL(url);
    if (value === undefined) other.searchParams.delete(name); else other.searchParams.set(name, value);
    return other.href;
  };

  await t.test('another state, none, and no cookie', async () => {
    for (const state of ['x'.repeat(43), undefined, '']) {
      const traveller = new Traveller();
      const back = await traveller.toCallback(start, 'ada');
      assert.equal(await traveller.finish(changed(back, 'state', state)), problem('provider_refused'));
      assert.equal(await traveller.finish(back), problem('provider_refused'), 'one try for a cookie');
    }
    const [ada, eve] = [new Traveller(), new Traveller()];
    const back = await ada.toCallback(start, 'ada');
    assert.equal(await eve.finish(back), problem('provider_refused'), 'a link to somebody else\'s sign-in');
    await eve.toCallback(start, 'ada');
    assert.equal(await eve.finish(back), problem('provider_refused'), 'with a cookie of one\'s own');
    assert.equal(await eve.me(server), undefined);
  });

  await t.test('another issuer, a code that is none, an answer twice', async () => {
    const traveller = new Traveller();
    const back = await traveller.toCallback(start, 'ada');
    const kept = new Map(traveller.cookies(server.url));
    assert.equal(new URL(back).searchParams.get('iss'), provider.issuer);
    for (const other of [changed(back, 'iss', 'https://evil.example'), changed(back, 'iss'), changed(back, 'code', 'x'), changed(back, 'code'), `${back}&state=x`]) {
      kept.forEach((value, name) => traveller.cookies(server.url).set(name, value));
      assert.equal(await traveller.finish(other), problem('provider_refused'), other);
    }
    const again = new Traveller();
    const once = await again.toCallback(start, 'ada');
    const trip = again.cookies(server.url).get('confab-trip');
    assert.equal(await again.finish(once), '/account');
    assert.equal(again.cookies(server.url).get('confab-trip'), undefined);
    again.cookies(server.url).set('confab-trip', trip);
    again.forget(server.url, 'confab');
    assert.equal(await again.finish(once), problem('provider_refused'), 'a code is good once');
    assert.equal(await again.me(server), undefined);
  });

  await t.test('a token for another sign-in', async () => {
    const traveller = new Traveller();
    const { to } = await traveller.go(start);
    const query = new URL(to).searchParams;
    assert.equal(query.get('code_challenge_method'), 'S256');
    assert.equal(query.get('redirect_uri'), `${server.url}/api/v1/session/provider/callback`);
    const back = await traveller.toCallback(changed(to, 'nonce', 'y'.repeat(43)), 'ada');
    assert.equal(await traveller.finish(back), problem('provider_refused'));
    const other = new Traveller();
    const page = (await other.go(start)).to;
    const injected = await other.toCallback(changed(page, 'code_challenge', 'z'.repeat(43)), 'ada');
    assert.equal(await other.finish(injected), problem('provider_refused'), 'PKCE');
  });

  await t.test('tokens that say something else, or are signed by a stranger', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const wrong of [
      { exp: now - 3600, iat: now - 7200 }, { aud: 'another' }, { aud: ['confab', 'another'] }, { azp: 'another' }, { iss: 'https://evil.example' },
      { iat: now + 3600 }, { nbf: now + 3600 }, { nonce: 'x' }, { sub: 'another' }, { by: 'stranger' }, { header: { kid: 'unknown' } },
    ]) {
      await provider.tell({ wrong });
      const traveller = new Traveller();
      assert.equal(await traveller.enter(server, 'ada'), problem('provider_refused'), JSON.stringify(wrong));
      assert.equal(await traveller.me(server), undefined);
    }
    await provider.tell({ wrong: null });
    assert.equal(await new Traveller().enter(server, 'ada'), '/account');
  });

  await t.test('a provider that is away, and its new keys when it is back', async () => {
    const traveller = new Traveller();
    const back = await traveller.toCallback(start, 'ada');
    await provider.stop();
    assert.equal(await traveller.finish(back), problem('provider_unavailable'));
    // Keys are asked for again every five seconds at most.
    await sleep(5100);
    await provider.start();
    assert.equal(await new Traveller().enter(server, 'ada'), '/account');
  });

  await t.test('linking is begun by a page of ours alone', async () => {
    const traveller = new Traveller();
    await traveller.enter(server, 'ada');
    const session = traveller.cookies(server.url).get('confab');
    const foreign = await fetch(`${server.url}/api/v1/account/provider`, {
      method: 'POST', headers: { cookie: `confab=${session}`, origin: 'https://evil.example' },
    });
    assert.deepEqual([foreign.status, (await foreign.json()).code], [403, 'not_allowed']);
    assert.equal((await fetch(`${server.url}/api/v1/account/provider`, { method: 'POST' })).status, 401);
  });
});

test('a provider that is not there is said on the sign-in page', async (t) => {
  const { server, provider } = await both(t);
  await provider.stop();
  const guest = await Guest.start({ size: { width: 390, height: 844 }, locale: 'zh-CN', dark: false });
  t.after(() => guest.close());
  await guest.page.goto(`${server.url}/account`);
  await guest.page.getByRole('link', { name: '使用 Test ID 登录' }).click();
  await guest.page.getByRole('alert').filter({ hasText: 'provider_unavailable' }).waitFor();
  assert.equal(new URL(guest.page.url()).hash, '');
  await look(guest, 'unavailable');
});

test('linking and signing in as people do it', async (t) => {
  const { server, provider } = await both(t);
  await provider.tell({ people: { ada: { email: 'ada@elsewhere.example', email_verified: true, name: 'Ada' } } });
  add(server, 'ada@example.org', 'owner');
  const guest = await Guest.start();
  t.after(() => guest.close());
  const { page } = guest;
  await page.goto(`${server.url}/account`);
  await page.getByRole('link', { name: 'Sign in with Test ID' }).waitFor();
  await look(guest, 'sign-in');
  await page.getByRole('textbox', { name: 'Mail address' }).fill('ada@example.org');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Link Test ID' }).click();
  await page.getByRole('textbox', { name: 'Who are you?' }).fill('ada');
  await page.keyboard.press('Enter');
  await page.getByText('Linked as ada@elsewhere.example').waitFor();
  await page.getByText('You can sign in with it from now on.').waitFor();
  await look(guest, 'linked');
  for (const [name, width, height] of [['wide', 2560, 1440], ['phone', 390, 844]]) {
    await page.setViewportSize({ width, height });
    await look(guest, `linked-${name}`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await page.getByRole('link', { name: 'Sign in with Test ID' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Linked as ada@elsewhere.example').waitFor();
  assert.equal(new URL(page.url()).pathname, '/account');
  await page.goto(`${server.url}/admin`);
  await page.getByText('Linked a sign-in provider').waitFor();

  await page.goto(`${server.url}/account`);
  await page.getByRole('button', { name: 'Remove Test ID' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Not linked').waitFor();
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await page.getByRole('link', { name: 'Sign in with Test ID' }).click();
  await page.getByRole('alert').filter({ hasText: 'no_account' }).waitFor();
  assert.deepEqual(guest.foreign, []);
});

test('who came by the provider is signed out there too', async (t) => {
  const { server, provider } = await both(t, 'sign_up = true\n', true);
  await provider.tell({ people: { ada: ADA } });
  const ada = new Traveller();
  await ada.enter(server, 'ada');
  const session = await ada.go(`${server.url}/api/v1/session`, { method: 'DELETE' });
  const page = new URL(JSON.parse(session.text).url);
  assert.equal(page.origin, provider.issuer);
  assert.equal(page.searchParams.get('client_id'), 'confab');
  assert.equal(page.searchParams.get('post_logout_redirect_uri'), `${server.url}/account`);
  const [, claims] = page.searchParams.get('id_token_hint').split('.');
  assert.equal(JSON.parse(Buffer.from(claims, 'base64url')).sub, 'ada');
  assert.equal(await ada.me(server), undefined);
  const kept = [...ada.cookies(server.url).keys()];
  assert.ok(!kept.some((name) => /confab(-provider)?$/.test(name)), `${kept}`);
  assert.equal((await ada.go(`${server.url}/api/v1/session`, { method: 'DELETE' })).status, 204, 'nobody is signed in any more');

  // The word of another session leads nowhere.
  await ada.enter(server, 'ada');
  const word = ada.cookies(server.url).get('confab-provider');
  add(server, 'bob@example.org', 'member');
  const bob = new Traveller();
  await bob.go(`${server.url}/api/v1/session`, { method: 'POST', json: { email: 'bob@example.org', password: PASSWORD } });
  bob.cookies(server.url).set('confab-provider', word);
  assert.equal((await bob.go(`${server.url}/api/v1/session`, { method: 'DELETE' })).status, 204);
  // A provider that is away keeps nobody in.
  await provider.stop();
  const begin = Date.now();
  const alone = await ada.go(`${server.url}/api/v1/session`, { method: 'DELETE' });
  assert.ok([200, 204].includes(alone.status) && Date.now() - begin < 10000, `${alone.status}`);
  assert.equal(await ada.me(server), undefined);
});

test('signing out at the provider as people do it', async (t) => {
  const { server, provider } = await both(t, 'sign_up = true\n', true);
  await provider.tell({ people: { ada: ADA } });
  const guest = await Guest.start();
  t.after(() => guest.close());
  const { page } = guest;
  const signIn = page.getByRole('link', { name: 'Sign in with Test ID' });
  await page.goto(`${server.url}/account`);
  await signIn.click();
  await page.getByRole('textbox', { name: 'Who are you?' }).fill('ada');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  // The provider asks for itself, and sends the browser back.
  await page.waitForURL(`${provider.issuer}/session/end**`);
  await page.getByRole('button', { name: /yes/i }).click();
  await page.waitForURL(`${server.url}/account*`);
  await signIn.click();
  await page.getByRole('textbox', { name: 'Who are you?' }).waitFor();
});
