// The host's tools, clicked as a host would: mute, remove, lock, end for all.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

test('a host mutes, locks, removes and ends for all', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { id, guest_link, host_link } = await server.meeting('Host tools');
  const open = async () => { const g = await Guest.start(); t.after(() => g.close()); return g; };
  const [host, ada, late] = [await open(), await open(), await open()];
  await host.join(host_link, 'Hanna');
  await ada.join(guest_link, 'Ada');

  await host.page.getByRole('button', { name: /^People/ }).first().click();
  const actions = () => host.page.getByRole('button', { name: 'Actions for Ada' }).click();
  await actions();
  await host.page.getByRole('menuitem', { name: 'Mute microphone' }).click();
  const mic = ada.page.getByRole('toolbar').getByRole('button', { name: /microphone/i }).and(ada.page.locator('[aria-pressed]')).first();
  await until('Ada is muted', 5000, async () => (await mic.getAttribute('aria-pressed')) === 'false');

  await host.page.getByRole('button', { name: 'Lock the meeting' }).click();
  await until('the meeting is locked', 5000, async () =>
    (await fetch(`${server.url}/api/v1/meetings/${id}`).then((r) => r.json())).locked === true);
  await late.page.goto(guest_link.replace('127.0.0.1', 'localhost'));
  await late.page.getByText(/locked/i).first().waitFor();

  await actions();
  await host.page.getByRole('menuitem', { name: /remove/i }).click();
  await host.page.getByRole('dialog').getByRole('button', { name: /remove/i }).click();
  await ada.page.getByText(/removed/i).first().waitFor({ timeout: 5000 });
  await sleep(1500);
  assert.equal(await ada.page.getByRole('toolbar').count(), 0, 'Ada does not come back by itself');

  await host.page.getByRole('button', { name: 'Leave or end' }).or(host.page.getByRole('button', { name: /^Leave/ })).first().click();
  await host.page.getByRole('menuitem', { name: 'End for all' }).click();
  const confirm = host.page.getByRole('dialog').getByRole('button', { name: /end/i });
  if (await confirm.count()) await confirm.click();
  await until('the meeting has ended', 5000, async () =>
    (await fetch(`${server.url}/api/v1/meetings/${id}`).then((r) => r.json())).state === 'ended');
  await late.page.reload();
  await late.page.getByText(/ended|over/i).first().waitFor();
});
