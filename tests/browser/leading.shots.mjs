// A meeting as it is led, at three sizes, dark in English and light in Chinese: the lobby from both sides, people, polls and questions,
// chat, breakout rooms, the floor; kept as screenshots, and axe finds nothing serious. CONFAB_ONLY: a pattern for the names of pictures.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { accessible } from './lib/axe.mjs';
import { artefacts } from './lib/paths.mjs';
import { Native, Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

const folder = artefacts('leading');
const SIZES = { 1280: { width: 1280, height: 800 }, 390: { width: 390, height: 844 }, 2560: { width: 2560, height: 1440 } };
const only = new RegExp(process.env.CONFAB_ONLY ?? '');
const SAID = {
  'en-US': { title: 'Weekly planning', ask: 'Which day suits?', options: ['Tuesday', 'Thursday, but not before ten in the morning'], agenda: 'Welcome 5\nBudget of the coming year 20\nAny other business', chat: 'Good morning. The notes: https://notes.example.org/2026', wants: 'Will this be recorded?' },
  'zh-CN': { title: '每周例会', ask: '哪一天合适？', options: ['星期二', '星期四，但不早于上午十点'], agenda: '开场 5\n明年预算 20\n其他事项', chat: '早上好。资料在这里：https://notes.example.org/2026', wants: '会议会录制吗？' },
};

for (const [locale, dark] of [['en-US', true], ['zh-CN', false]]) {
  test(`a meeting that is led, ${locale}`, async (t) => {
    const server = await Server.start();
    t.after(() => server.stop());
    const said = SAID[locale];
    const { guest_link, host_link } = await server.meeting(said.title);
    const faults = [];
    const open = async () => { const g = await Guest.start({ locale, dark }); t.after(() => g.close().catch(() => {})); g.page.setDefaultTimeout(120_000); return g; };
    /** The page as it is now, at each size. */
    const shots = async (guest, name) => {
      for (const [size, viewport] of Object.entries(SIZES)) {
        const tag = `${name}-${size}-${locale}-${dark ? 'dark' : 'light'}`;
        if (!only.test(tag)) continue;
        await guest.page.setViewportSize(viewport);
        await sleep(500);
        await guest.screenshot(join(folder, `${tag}.png`));
        try { await accessible(guest.page, tag); } catch (e) { faults.push(e.message); }
      }
      await guest.page.setViewportSize(SIZES[1280]);
    };
    const [host, ada] = [await open(), await open()];
    const { page } = host;
    const click = (at, name) => at.getByRole('button', { name }).first().click();
    const enter = async (guest, link, name) => {
      await guest.page.goto(link.replace('127.0.0.1', 'localhost'));
      await guest.page.getByRole('textbox', { name: /Your name|您的名字/ }).fill(name);
      await guest.page.getByRole('button', { name: /^(Join|加入)$/ }).click();
    };
    await enter(host, host_link, 'Hanna Müller');
    await page.getByRole('toolbar').first().waitFor();
    await click(page, /^(People|成员)/);
    const natives = ['Grace Hopper', '林徽因', 'Maximiliane von und zu Hohenstein-Wallmoden', 'محمد الفاتح'].map((name) => new Native(guest_link, name, []));
    t.after(() => Promise.all(natives.map((n) => n.leave())));
    await until('all are in', 120_000, async () => (await page.locator('aside li[data-participant]').count()) === 5);
    await click(page, /^(Meeting rules|会议规则)$/);
    await page.getByRole('dialog').getByLabel(/^(Lobby|等候室)$/).selectOption('everyone');
    await shots(host, 'rules');
    await page.keyboard.press('Escape');
    await enter(ada, guest_link, 'Ada');
    await page.locator('[data-waiting]').waitFor();
    await shots(ada, 'lobby');
    await shots(host, 'people');
    await page.locator('[data-waiting] button').first().click();
    await ada.page.getByRole('toolbar').first().waitFor();
    await ada.page.keyboard.press('Control+Shift+KeyH');

    await click(page, /^(Polls and questions|投票与提问)/);
    await click(page, /^(New poll|新建投票)$/);
    await page.getByLabel(/^(Question|题目)$/).fill(said.ask);
    for (const [i, text] of said.options.entries()) await page.getByRole('dialog').getByRole('textbox').nth(i + 1).fill(text);
    await shots(host, 'new-poll');
    await click(page.getByRole('dialog'), /^(Open the poll|开始投票)$/);
    await click(ada.page, /^(Polls and questions|投票与提问)/);
    await ada.page.getByRole('radio', { name: said.options[1] }).check();
    await click(ada.page.getByRole('complementary'), /^(Vote|投票)$/);
    await ada.page.locator('#ask').fill(said.wants);
    await ada.page.keyboard.press('Enter');
    await page.getByText(said.wants).first().waitFor();
    await click(page, /^(Edit the agenda|编辑议程)$/);
    await page.locator('#agenda-text').fill(said.agenda);
    await click(page.getByRole('complementary'), /^(Save|保存)$/);
    await click(page.getByRole('complementary'), /^(Begin|开始)$/);
    await shots(ada, 'poll-guest');
    await click(page, /^(Close and show results|结束并公布结果)/);
    await shots(host, 'poll');

    await click(page, /^(Chat|聊天)/);
    await page.getByRole('complementary').getByRole('textbox').fill(said.chat);
    await page.keyboard.press('Enter');
    await shots(host, 'chat');
    await click(page, /^(More|更多)$/);
    await shots(host, 'more');
    await page.getByRole('menuitem', { name: /^(Breakout rooms|分组讨论)$/ }).click();
    await shots(host, 'breakout-make');
    await click(page, /^(Make the rooms|创建小组)$/);
    await page.locator('[data-room="2"] li').first().waitFor();
    await shots(host, 'breakout');
    await click(page, /^(Open the rooms|开始分组讨论)$/);
    await ada.page.locator('[data-breakout]').waitFor();
    await shots(ada, 'in-a-room');
    await shots(host, 'breakout-open');
    assert.deepEqual(faults, []);
  });
}
