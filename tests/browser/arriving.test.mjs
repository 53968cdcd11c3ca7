// The network changes while the page of a meeting loads, as it does for a laptop that has just been opened: a part of the page or the
// first question to the server gets no answer, and the guest comes in all the same.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

/** Opens a link while `lose` takes its pick of what is asked for; says how often the page was asked for. */
async function arrive(guest, link, lose) {
  let pages = 0;
  await guest.page.route('**/*', (route) => {
    const request = route.request();
    if (request.isNavigationRequest()) pages += 1;
    return lose(request) ? route.abort('failed') : route.continue();
  });
  await guest.page.goto(link, { waitUntil: 'commit' });
  return () => pages;
}

/** The first of them. */
const first = (count, matches) => {
  let lost = 0;
  return (request) => matches(request) && lost++ < count;
};

test('a part of the page that is lost once is loaded with the page again', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Weekly');
  const parts = {
    'a style': [1, (r) => r.resourceType() === 'stylesheet' && r.url().includes('/assets/index')],
    'the page\'s own script': [1, (r) => r.resourceType() === 'script' && r.url().includes('/assets/index')],
    // Loaded ahead, and again when it is needed.
    'a script of that one': [2, (r) => r.resourceType() === 'script' && r.url().includes('/assets/Icon')],
  };
  for (const [what, [count, matches]] of Object.entries(parts)) {
    const guest = await Guest.start();
    t.after(() => guest.close());
    const pages = await arrive(guest, guest_link, first(count, matches));
    await until(`${what}: loaded once more`, 15000, () => pages() === 2);
    const name = guest.page.getByRole('textbox', { name: /your name/i });
    await name.waitFor({ timeout: 15000 });
    await guest.page.waitForLoadState('load');
    assert.equal(await guest.page.evaluate(() => sessionStorage.getItem('confab-loads')), null, `${what}: counts anew`);
    assert.equal(pages(), 2, what);
    assert.equal(await name.evaluate((e) => getComputedStyle(e).fontFamily.includes('Inter')), true, `${what}: styled`);
  }
});

test('a part that never comes does not load the page for ever', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Weekly');
  const guest = await Guest.start();
  t.after(() => guest.close());
  const pages = await arrive(guest, guest_link, (r) => r.resourceType() === 'stylesheet' && r.url().includes('/assets/Dialog'));
  await sleep(6000);
  assert.equal(pages(), 3);
  await guest.page.getByRole('textbox', { name: /your name/i }).waitFor();
});

test('a question that gets no answer once is asked again', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Weekly');
  const guest = await Guest.start();
  t.after(() => guest.close());
  const pages = await arrive(guest, guest_link, first(1, (r) => /\/api\/v1\/meetings\//.test(r.url())));
  await guest.page.getByRole('textbox', { name: /your name/i }).waitFor({ timeout: 15000 });
  await guest.page.getByRole('heading', { name: 'Weekly' }).waitFor({ timeout: 15000 });
  assert.equal(pages(), 1);
});
