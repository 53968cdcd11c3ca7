// Texts that would be markup or a script (tests/data/markup.json), in every place people can write and others read, in real Chromium:
// no script runs, nothing is fetched from elsewhere, and the content policy finds nothing to forbid, because none of it became markup.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program, root } from './lib/paths.mjs';
import { Server, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const corpus = JSON.parse(readFileSync(join(root, 'tests/data/markup.json'), 'utf8'));
const cut = (text, most) => [...text].slice(0, most).join('');
/** What may stand in a command's arguments. */
const plain = (text) => text.replaceAll('\0', '');
const TOKEN = randomBytes(16).toString('hex');
const PASSWORD = 'correct horse battery';

async function started(t) {
  const digest = createHash('sha256').update(TOKEN).digest('hex');
  const server = await Server.start(`[limits]\nmeetings_per_minute = 10000\n[access]\ntokens = ["${digest}"]\n`);
  t.after(() => server.stop());
  return server;
}

async function post(server, path, body) {
  const answer = await fetch(server.url + path, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
  });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}

/** A browser that notes whatever a text of ours could have done. */
async function watched(t, options) {
  const guest = await Guest.start(options);
  t.after(() => guest.close().catch(() => {}));
  guest.harm = [];
  await guest.context.exposeFunction('__harm', (what) => guest.harm.push(what));
  await guest.context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => globalThis.__harm(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
    Object.defineProperty(globalThis, 'broken', { set: () => globalThis.__harm('a script ran') });
  });
  guest.page.on('dialog', (dialog) => { guest.harm.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  guest.page.on('popup', (page) => guest.harm.push(`window: ${page.url()}`));
  return guest;
}

/** Every element that a text could have become, wherever it stands. */
const STRANGE = 'iframe, object, embed, base, form[action], [onerror], [onload], [onclick], [onfocus], [onmouseover], [ontoggle], [onbegin], a[href^="javascript:" i], img[src="x"], meta[http-equiv="refresh" i], link[href^="//"]';

async function unharmed(guest, what) {
  assert.equal(await guest.page.locator(STRANGE).count(), 0, what);
  assert.equal(await guest.page.evaluate(() => [...document.scripts].filter((s) => s.src === '').length), 0, `${what}: a script without an address`);
  assert.deepEqual([...guest.harm, ...guest.foreign], [], what);
}

test('no script runs where a meeting and a room show what people wrote', async (t) => {
  const server = await started(t);
  const guest = await watched(t);
  for (const text of corpus) {
    const room = await post(server, '/api/v1/rooms', { name: cut(text, 100), place: cut(text, 100), zone: 'UTC', show_titles: true });
    const { id } = await post(server, '/api/v1/meetings', {
      title: cut(text, 100), description: text, starts_at: Date.now() + 3_600_000, minutes: 30, room: room.id,
      organizer: { name: cut(text, 100), address: 'ada@example.org' },
    });
    for (const path of [`/m/${id}`, `/rooms/${room.id}`]) {
      await guest.page.goto(server.url + path, { waitUntil: 'load' });
      await unharmed(guest, `${path} with ${JSON.stringify(text)}`);
    }
  }
  t.diagnostic(`${corpus.length} texts on ${2 * corpus.length} pages`);
});

test('no script runs where names and chat are shown', async (t) => {
  const server = await started(t);
  const { guest_link, host_link } = await post(server, '/api/v1/meetings', { title: corpus[0] });
  const host = await watched(t);
  const other = await watched(t);
  await host.join(host_link, cut(corpus[4], 40), { microphone: false, camera: false });
  await other.join(guest_link, cut(corpus[5], 40), { microphone: false, camera: false });
  await host.page.getByRole('button', { name: /^People/ }).first().click();
  await host.page.getByText(cut(corpus[5], 40)).first().waitFor();
  for (const guest of [host, other]) await guest.page.getByRole('button', { name: /^Chat/ }).first().click();
  const box = other.page.getByRole('complementary').getByRole('textbox');
  for (const text of corpus) {
    await box.fill(plain(text));
    await other.page.keyboard.press('Enter');
    // As fast as a person: what is faster the server refuses.
    await other.page.waitForTimeout(350);
  }
  // The last one that is a line of words: all before it are there.
  await host.page.getByText('%s%s%n%x').first().waitFor();
  const shown = await host.page.getByRole('complementary').innerText();
  assert.ok(shown.includes('<script>globalThis.broken=1</script>'), 'it is shown as it was written');
  for (const guest of [host, other]) await unharmed(guest, 'a meeting');
  t.diagnostic(`${corpus.length} texts in the chat`);
});

test('no script runs where accounts are listed', async (t) => {
  const server = await started(t);
  const account = (input, ...args) => execFileSync(program('confab-server'), ['account', ...args, '--config', server.config], { encoding: 'utf8', input });
  account(PASSWORD, 'add', '--email', 'ada@example.org', '--name', cut(corpus[0], 40), '--role', 'owner', '--password-stdin');
  const names = corpus.map((text) => plain(cut(text, 40)).trim()).filter((name) => name !== '' && !name.startsWith('-'));
  for (const [n, name] of names.entries()) account('', 'add', '--email', `a${n}@example.org`, `--name=${name}`);
  const guest = await watched(t);
  await guest.page.goto(`${server.url}/account`);
  await guest.page.getByRole('textbox', { name: 'Mail address' }).fill('ada@example.org');
  await guest.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await guest.page.keyboard.press('Enter');
  await guest.page.getByRole('heading', { name: 'Where you are signed in' }).waitFor();
  await unharmed(guest, 'the profile');
  await guest.page.goto(`${server.url}/admin`);
  await guest.page.getByText('a3@example.org').first().waitFor();
  await until('the list', 10000, async () => (await guest.page.getByText(names[3]).count()) > 0);
  await unharmed(guest, 'the administration');
  t.diagnostic(`${names.length} names in the list`);
});
