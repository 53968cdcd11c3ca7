// Signing in to the app by the system's browser: the app opens its sign-in page with the desktop's own opener, which here is a script that
// notes the address; Chromium stands in for the person's browser. Then home is the person's, until the session is ended on either side.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, program } from '../browser/lib/paths.mjs';
import { Server, until } from '../browser/lib/processes.mjs';
import { Guest } from '../browser/lib/guest.mjs';
import { Desktop } from './lib/desktop.mjs';
import { App } from './lib/app.mjs';

const PASSWORD = 'correct horse battery';
const EMAIL = 'ada@example.org';
let server, desktop, app, browser, opened;
const keep = () => artefacts('desktop');

before(async () => {
  // The app has to know it by the name it has itself.
  server = await Server.start(({ port }) => `public_url = "http://localhost:${port}"\n`);
  const add = ['account', 'add', '--email', EMAIL, '--name', 'Ada 阿达', '--role', 'owner', '--password-stdin', '--config', server.config];
  execFileSync(program('confab-server'), add, { input: `${PASSWORD}\n` });
  desktop = await Desktop.start();
  const bin = join(desktop.folder, 'bin');
  opened = join(desktop.folder, 'opened');
  mkdirSync(bin);
  writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$1" > '${opened}.new' && mv '${opened}.new' '${opened}'\n`);
  chmodSync(join(bin, 'xdg-open'), 0o755);
  desktop.env.PATH = `${bin}:${desktop.env.PATH}`;
  const settings = join(desktop.env.XDG_CONFIG_HOME, 'org.confab.Confab');
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, 'settings.json'), JSON.stringify({ version: 1, content: { server: server.url } }));
  browser = await Guest.start();
});

after(async () => {
  if (app) writeFileSync(join(keep(), 'signin.log'), app.log());
  await app?.quit();
  await browser?.close();
  await server?.stop();
  await desktop?.stop();
});

const sessions = () => join(desktop.env.XDG_DATA_HOME, 'org.confab.Confab/sessions.json');

/** The page that the app opened since the last one. */
async function page() {
  const url = await until('the app opens the browser', 15000, () => existsSync(opened) && readFileSync(opened, 'utf8'));
  rmSync(opened);
  return url;
}

test('a person signs in in the browser, and home in the app is theirs', async () => {
  app = await App.start(desktop);
  await app.turnTo("document.querySelector('h1') !== null", 30000);
  await app.click('button', '^sign in$', 30000);
  await app.waitText(/Go on in your browser/);
  const url = await page();
  assert.ok(url.startsWith(`${server.url}/account/app#port=`), url);
  await browser.page.goto(url);
  await browser.page.getByRole('textbox', { name: 'Mail address' }).fill(EMAIL);
  await browser.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await browser.page.keyboard.press('Enter');
  await browser.page.getByRole('button', { name: 'Sign in to the app' }).waitFor();
  assert.equal(new URL(browser.page.url()).hash, '', 'nothing of it stays in the address');
  await browser.screenshot(join(keep(), 'let-app-in.png'));
  await browser.page.getByRole('button', { name: 'Sign in to the app' }).click();
  await browser.page.getByText('The app is signed in').waitFor();
  await app.waitText(/Ada 阿达/, 20000);
  await app.wait('button', '^schedule');
  desktop.screenshot(join(keep(), 'home-signed-in.png'));
  assert.equal(statSync(sessions()).mode & 0o777, 0o600);
});

test('a meeting is started from home and entered as its owner, and its report is saved', async () => {
  await app.click('button', '^start');
  await app.beforeMeeting();
  await app.join('Ada', { microphone: false, camera: false });
  await app.click('button', '^people');
  await app.click('button', '^save the report');
  const file = await until('the report is saved', 15000, () => find(desktop.home, /^meeting-report.*\.csv$/));
  assert.match(readFileSync(file, 'utf8'), /^\ufeff/);
});

/** A file of this name below a folder. */
function find(folder, name) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const found = find(path, name);
      if (found) return found;
    } else if (name.test(entry.name)) return path;
  }
  return undefined;
}

test('after a restart it is still signed in; ended in the browser, it is over', async () => {
  await app.quit();
  app = await App.start(desktop);
  await app.turnTo("/Ada 阿达/.test(document.body.innerText)", 30000);
  await browser.page.goto(`${server.url}/account`);
  await browser.page.getByRole('button', { name: 'Sign out: Confab · Linux' }).click();
  await browser.page.getByText('Confab · Linux').waitFor({ state: 'detached' });
  await app.quit();
  app = await App.start(desktop);
  await app.turnTo("document.querySelector('h1') !== null", 30000);
  await app.wait('button', '^sign in$', 20000);
  assert.ok(!readFileSync(sessions(), 'utf8').includes('secret'));
});

test('a no in the browser is a no in the app, and signing out in the app ends the session on the server', async () => {
  await app.click('button', '^sign in$');
  await browser.page.goto(await page());
  await browser.page.getByRole('link', { name: 'No', exact: true }).click();
  await browser.page.getByText('The app is not signed in').waitFor();
  await app.waitText(/You said no in the browser/);
  await app.click('button', '^sign in$');
  // A page of its own, as a browser opens one: the two addresses differ behind their # alone.
  const again = await page();
  await browser.page.goto('about:blank');
  await browser.page.goto(again);
  await browser.page.getByRole('button', { name: 'Sign in to the app' }).click();
  await browser.page.getByText('The app is signed in').waitFor();
  await app.click('button', 'Ada 阿达', 20000);
  await app.waitText(/Where you are signed in/);
  desktop.screenshot(join(keep(), 'account-page.png'));
  await app.click('button', '^sign out$');
  await app.waitText(/Not signed in/);
  await browser.page.goto(`${server.url}/account`);
  await browser.page.getByText('Where you are signed in').waitFor();
  await browser.page.getByText('This one').waitFor();
  assert.equal(await browser.page.getByText('Confab · Linux').count(), 0);
});
