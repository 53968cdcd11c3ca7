// Every page around meetings at three sizes, dark and light, in both languages, with people, plans, a past meeting, tokens and a
// webhook in the server; kept as screenshots, and axe finds nothing serious. CONFAB_ONLY: a pattern for the names of pages.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { accessible } from './lib/axe.mjs';
import { artefacts, clip } from './lib/paths.mjs';
import { account, api } from './lib/people.mjs';
import { Native, Server, sleep } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const folder = artefacts('pages');
const PASSWORD = 'correct horse battery';
const TOKEN = randomBytes(16).toString('hex');
const ACCESS = `[access]\ncreate = "account"\ntokens = ["${createHash('sha256').update(TOKEN).digest('hex')}"]\n`;
const SIZES = { 1280: { width: 1280, height: 800 }, 2560: { width: 2560, height: 1440 }, 390: { width: 390, height: 844 } };
const only = new RegExp(process.env.CONFAB_ONLY ?? '');
const DAY = 86_400_000;
const day = (n) => new Date(Date.now() + n * DAY).toISOString().slice(0, 10);

/** An owner with something in every list; the meeting that is running, and one that is planned. */
async function furnish(t, server, ada) {
  const link = account(server, 'Ada Lovelace', 'owner', 'ada@example.org');
  const { page } = ada;
  await page.goto(link);
  await page.getByLabel(/New password|新密码/).first().fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.locator('#sessions').waitFor();
  await api(page, 'PATCH', '/account', { time_zone: 'Europe/Berlin' });
  const plan = (title, more) => api(page, 'POST', '/meetings', { title, ...more });
  const at = (days, hour, minutes) => ({ starts_at: Date.parse(`${day(days)}T${hour}:00Z`), minutes });
  const plans = [];
  for (const [title, more] of [
    ['Design review', at(1, '10:00', 60)], ['Interview: systems engineer', at(1, '10:30', 45)],
    ['Customer call with Müller & Söhne', at(2, '14:00', 30)], ['All hands', at(3, '16:00', 90)],
  ]) plans.push(await plan(title, more));
  await fetch(`http://127.0.0.1:${server.port}/api/v1/rooms`, {
    method: 'POST', headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'Aquarium', place: '2nd floor', seats: 8, zone: 'Europe/Berlin' }),
  });
  const past = await plan('Stand-up');
  const held = new Native(past.host_link, 'Grace Hopper', ['--mic-file', clip('speech-en.wav'), '--loop']);
  const other = new Native(past.guest_link, '林徽因', ['--mic-file', clip('speech-en.wav'), '--loop']);
  await sleep(75_000);
  await held.leave();
  await other.leave();
  const running = await plan('Weekly planning');
  const natives = ['Grace Hopper', 'Nils'].map((name) => new Native(running.host_link, name, ['--mic-file', clip('speech-en.wav'), '--loop']));
  t.after(() => Promise.all(natives.map((n) => n.leave())));
  for (const invited of ['bob@example.org', 'maria.fernandez.de.la.cruz@subsidiary.example.org']) await api(page, 'POST', '/invitations', { email: invited, role: 'member' });
  await sleep(3000);
  return { running, past, planned: plans.find(Boolean) };
}

const heading = (page) => page.locator('h1, h2').first().waitFor();
const click = (page, name) => page.getByRole('button', { name }).first().click();

/** name: path, and what to do there before the picture. */
const pages = ({ planned, past }) => ({
  home: ['/'],
  'schedule': ['/', async (p) => { await click(p, /^(Schedule a meeting|安排会议)$/); await p.getByRole('dialog').waitFor(); }],
  'details': ['/', async (p) => { await p.locator('button.event, .agenda button').first().click(); await p.getByRole('dialog').waitFor(); }],
  'record': ['/', async (p) => { await p.getByRole('button', { name: /^Stand-up / }).first().click(); await p.getByRole('dialog').waitFor(); }],
  'account': ['/account'],
  'account-token': ['/account', async (p) => { await p.locator('section:has(#tokens) button, [aria-labelledby=tokens] button').first().click(); }],
  'admin': ['/admin', (p) => p.locator('#audit').waitFor()],
  'admin-invite': ['/admin', (p) => click(p, /^(Invite somebody|邀请)/)],
  'admin-webhook': ['/admin', async (p) => { await p.locator('[aria-labelledby=webhooks] button').first().click(); }],
  'admin-call': ['/admin', async (p) => { await p.locator('[aria-labelledby=calls] button').first().click(); }],
  'check': ['/check'],
  'landing': [new URL((planned ?? past).guest_link).pathname],
});

test('every page around meetings, at three sizes', async (t) => {
  const server = await Server.start(ACCESS);
  t.after(() => server.stop());
  const first = await Guest.start();
  const made = await furnish(t, server, first);
  const cookies = await first.context.cookies();
  await first.close();
  const faults = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const [locale, dark] of [['en-US', true], ['zh-CN', false]]) {
      const guest = await Guest.start({ size: viewport, locale, dark });
      t.after(() => guest.close().catch(() => {}));
      await guest.context.addCookies(cookies);
      guest.page.setDefaultTimeout(20_000);
      for (const [name, [path, act]] of Object.entries(pages(made))) {
        const tag = `${name}-${size}-${locale}-${dark ? 'dark' : 'light'}`;
        if (!only.test(tag)) continue;
        await guest.page.goto(server.url + path);
        await heading(guest.page);
        await sleep(800);
        try { await act?.(guest.page); } catch (e) { faults.push(`${tag}: ${e.message.split('\n')[0]}`); }
        await sleep(500);
        // A window as high as the page rather than a stitched picture, so that nothing is cut off by a scroll bar.
        const height = await guest.page.evaluate(() => document.documentElement.scrollHeight);
        if (act === undefined) await guest.page.setViewportSize({ ...viewport, height: Math.max(viewport.height, height) });
        await guest.page.screenshot({ path: join(folder, `${tag}.png`) });
        await guest.page.setViewportSize(viewport);
        try { await accessible(guest.page, tag); } catch (e) { faults.push(`${tag}: ${e.message}`); }
      }
      await guest.close();
    }
  }
  assert.deepEqual(faults, []);
});
