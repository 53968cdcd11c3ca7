// A meeting that is led: rules, the lobby from both sides, private words, the floor and a poll, clicked as people would.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Server, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

test('a host sets the rules, admits and turns away, and leads', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Led');
  const open = async () => { const g = await Guest.start(); t.after(() => g.close()); return g; };
  const [host, ada, eve] = [await open(), await open(), await open()];
  await host.join(host_link, 'Hanna');

  await host.page.getByRole('button', { name: /^People/ }).first().click();
  await host.page.getByRole('button', { name: 'Meeting rules' }).click();
  await host.page.getByRole('dialog').getByLabel('Lobby').selectOption('everyone');
  await host.page.keyboard.press('Escape');

  // Both wait, in order, and see nothing of the room.
  const knock = async (guest, name, place) => {
    await guest.page.goto(guest_link.replace('127.0.0.1', 'localhost'));
    await guest.page.getByLabel('Your name').fill(name);
    await guest.page.getByRole('button', { name: 'Join', exact: true }).click();
    await guest.page.getByText(`You are number ${place} in line.`).waitFor();
    assert.equal(await guest.page.getByText('Hanna').count(), 0, 'no name is told to the lobby');
  };
  await knock(ada, 'Ada', 1);
  await knock(eve, 'Eve', 2);

  // The place is kept over a page that is loaded anew.
  await eve.page.reload();
  await eve.page.getByText('You are number 2 in line.').waitFor();

  await host.page.getByRole('button', { name: 'Turn Eve away' }).click();
  await eve.page.getByRole('heading', { name: 'You were not let in' }).waitFor();
  const clicked = Date.now();
  await host.page.getByRole('button', { name: 'Admit Ada' }).click();
  await ada.page.getByRole('toolbar').waitFor({ timeout: 5000 });
  t.diagnostic(`in ${Date.now() - clicked} ms after the click`);

  // To the hosts alone.
  await ada.page.getByRole('button', { name: /^Chat/ }).first().click();
  await ada.page.getByLabel('To', { exact: true }).selectOption('hosts');
  await ada.page.getByRole('complementary').getByRole('textbox').fill('a word in private');
  await ada.page.keyboard.press('Enter');
  await host.page.getByRole('button', { name: /^Chat/ }).first().click();
  await host.page.getByText('a word in private').first().waitFor();
  await host.page.getByText('only to hosts').first().waitFor();

  // One at a time.
  await host.page.getByRole('button', { name: /^People/ }).first().click();
  await host.page.getByRole('button', { name: 'Meeting rules' }).click();
  await host.page.getByRole('switch', { name: 'One speaks at a time' }).click();
  await host.page.keyboard.press('Escape');
  await ada.page.getByRole('button', { name: 'Ask for the floor' }).click();
  await ada.page.getByText('You have the floor.').first().waitFor();
  await host.page.getByText('Ada has the floor.').first().waitFor();
  await ada.page.getByRole('button', { name: 'Give up the floor' }).click();
  await host.page.getByText('The floor is free.').first().waitFor();

  // A poll, voted in and closed.
  await host.page.getByRole('button', { name: /^Polls and questions/ }).first().click();
  await host.page.getByRole('button', { name: 'New poll' }).click();
  await host.page.getByLabel('Question', { exact: true }).fill('Tea?');
  await host.page.getByLabel('Option 1', { exact: true }).fill('Yes');
  await host.page.getByLabel('Option 2', { exact: true }).fill('No');
  await host.page.getByRole('button', { name: 'Open the poll' }).click();
  await ada.page.getByRole('button', { name: /^Polls and questions/ }).first().click();
  await ada.page.getByRole('radio', { name: 'Yes' }).check();
  await ada.page.getByRole('button', { name: 'Vote', exact: true }).click();
  await host.page.getByRole('button', { name: 'Close and show results' }).click();
  await until('the result is shown', 5000, async () => (await ada.page.getByText('1 vote, 100 %').count()) === 1);
});
