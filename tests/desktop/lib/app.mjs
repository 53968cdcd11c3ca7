// The desktop app, driven through WebKitWebDriver: the driver starts the program, and the page is asked and clicked as in a
// browser. The few words of WebDriver needed are spoken here, so that no package is.
import { createServer } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../../browser/lib/paths.mjs';
import { sleep, until } from '../../browser/lib/processes.mjs';
import { launch } from './desktop.mjs';
import { markIn } from './pictures.mjs';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

function freePort() {
  return new Promise((done) => { const s = createServer(); s.listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });
}

export class App {
  /** Starts the app on a desktop; `link` as a cold start's deep link. The pattern camera stands in for a real one. */
  static async start(desktop, { link, args = ['--test-camera', 'pattern:640x360@15'] } = {}) {
    const app = new App();
    app.desktop = desktop;
    const port = await freePort();
    app.base = `http://127.0.0.1:${port}`;
    const env = { ...desktop.env, TAURI_AUTOMATION: 'true', TAURI_WEBVIEW_AUTOMATION: 'true', CONFAB_LOG: process.env.CONFAB_LOG ?? 'info' };
    app.driver = launch('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], env);
    await until('WebKitWebDriver', 10000, () => fetch(`${app.base}/status`).then((r) => r.ok, () => false));
    const options = { binary: program('confab-desktop'), args: [...args, ...(link ? [link] : [])] };
    const { sessionId } = await app.call('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    app.session = `/session/${sessionId}`;
    return app;
  }

  async call(method, path, body) {
    const answer = await fetch(this.base + path, { method, ...(body && { body: JSON.stringify(body) }), signal: AbortSignal.timeout(60000) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value?.error} ${value?.message}`);
    return value;
  }

  /** Runs in the page; `code` is a function's body. */
  script(code, ...args) { return this.call('POST', `${this.session}/execute/sync`, { script: code, args }); }

  handles() { return this.call('GET', `${this.session}/window/handles`); }

  /** Turns to the window whose page answers true to `code`. */
  async turnTo(code, ms = 15000) {
    await until(`a window where ${code}`, ms, async () => {
      for (const handle of await this.handles()) {
        try {
          await this.call('POST', `${this.session}/window`, { handle });
          if (await this.script(`return ${code}`)) return true;
        } catch { /* it is being opened or closed */ }
      }
      return false;
    });
  }

  /** The first visible element with this role whose accessible name matches; undefined where none is. */
  async find(role, name) {
    const found = await this.script(`
      const role = arguments[0], name = new RegExp(arguments[1], 'i');
      const of = { button: 'button,[role=button]', combobox: 'select,[role=combobox]', textbox: 'input:not([type=checkbox]):not([type=radio]),textarea,[role=textbox]',
        menuitem: '[role=menuitem]', option: 'option,[role=option]', dialog: 'dialog,[role=dialog]', toolbar: '[role=toolbar]' };
      const label = (e) => e.getAttribute('aria-label') ?? (e.labels?.[0]?.textContent ?? (document.getElementById(e.getAttribute('aria-labelledby') ?? '')?.textContent ?? (e.textContent.trim() || e.title)));
      return [...document.querySelectorAll(of[role] ?? \`[role=\${role}]\`)].find((e) => e.getClientRects().length > 0 && name.test((label(e) ?? '').trim())) ?? null;
    `, role, name);
    return found?.[ELEMENT];
  }

  wait(role, name, ms = 15000) { return until(`${role} "${name}"`, ms, () => this.find(role, name)); }

  async click(role, name, ms) {
    const element = await this.wait(role, name, ms);
    await until(`${role} ${name} can be used`, 10000, () => this.script('return arguments[0].disabled !== true', { [ELEMENT]: element }));
    // By script: a click at a point needs a drawn window in front, which is not what these tests are about.
    await this.script('arguments[0].click()', { [ELEMENT]: element });
  }

  async fill(role, name, text) {
    const element = await this.wait(role, name);
    await this.script(`const [e, text] = arguments; e.focus();
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(e), 'value').set.call(e, text);
      e.dispatchEvent(new InputEvent('input', { bubbles: true })); e.dispatchEvent(new Event('change', { bubbles: true }));`, { [ELEMENT]: element }, text);
  }

  /** Chooses in a list by the option's value. */
  async select(name, value) {
    const element = await this.wait('combobox', name);
    await this.script(`const [e, value] = arguments; e.selectedIndex = [...e.options].findIndex((o) => o.value === value);
      e.dispatchEvent(new Event('change', { bubbles: true }));`, { [ELEMENT]: element }, value);
  }

  async attribute(role, name, attribute) {
    const element = await this.find(role, name);
    return element && this.script('return arguments[0].getAttribute(arguments[1])', { [ELEMENT]: element }, attribute);
  }

  text() { return this.script('return document.body.innerText'); }

  waitText(pattern, ms = 15000) { return until(`the text ${pattern}`, ms, async () => pattern.test(await this.text())); }

  /** The page as a PNG. */
  async png() { return Buffer.from(await this.call('GET', `${this.session}/screenshot`), 'base64'); }

  /** Presses a toggle until it is as wanted. */
  async toggle(name, on) {
    await this.wait('button', name);
    if ((await this.attribute('button', name, 'aria-pressed')) !== String(on)) await this.click('button', name);
    await until(`${name} is ${on}`, 10000, async () => (await this.attribute('button', name, 'aria-pressed')) === String(on));
  }

  /** On to the page before the meeting: a link's server that was never used before is asked about first. */
  async beforeMeeting(ms = 30000) {
    await this.turnTo("document.querySelector('h1') !== null && /Go on|Your name/.test(document.body.innerText)", ms);
    if (await this.find('button', '^go on')) await this.click('button', '^go on');
    await this.wait('button', '^join');
  }

  /** From there into the meeting. */
  async join(name, { microphone = true, camera = true } = {}) {
    await this.fill('textbox', 'your name', name);
    await this.toggle('microphone', microphone);
    await this.toggle('camera', camera);
    await this.click('button', '^join');
    await this.wait('toolbar', '', 20000);
  }

  /** Whether the page of the meeting is shown, and is still. */
  joined() { return this.script("return document.querySelector('[role=toolbar]') !== null"); }

  /** Boxes of the pictures on screen, in device pixels of the page's screenshot. */
  boxes() {
    return this.script(`return [...document.querySelectorAll('canvas')].map((c) => c.getBoundingClientRect())
      .filter((b) => b.width > 60).map(({ x, y, width, height }) => ({ x, y, width, height }))`);
  }

  /** `[source id, frame counter]` of the test pictures that can be read; the own one is mirrored and cannot. */
  async marks() {
    const boxes = await this.boxes();
    const png = await this.png();
    return boxes.map((box) => markIn(png, box)).filter(Boolean);
  }

  /** Takes a microphone, camera or speaker in the meeting, from the menu beside its button. */
  async choose(menu, device) {
    await this.click('button', menu);
    await this.click('menuitemradio', device);
  }

  /** Process ids of the app and of its web processes. */
  processes() {
    const all = readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map(Number);
    const read = (pid, file) => { try { return readFileSync(`/proc/${pid}/${file}`, 'utf8'); } catch { return ''; } };
    const mine = all.filter((pid) => read(pid, 'environ').includes(`DISPLAY=${this.desktop.env.DISPLAY}\0`));
    const named = (part) => mine.filter((pid) => read(pid, 'cmdline').split('\0')[0].endsWith(part));
    return { app: named('confab-desktop'), web: named('WebKitWebProcess'), network: named('WebKitNetworkProcess') };
  }

  /** Sends another start of the program to the one that runs. */
  async again(...args) {
    const child = launch(program('confab-desktop'), args, this.desktop.env);
    const code = await Promise.race([child.ended, sleep(15000).then(() => 'still running')]);
    if (code !== 0) throw new Error(`the second start: ${code} ${child.output}`);
  }

  log() {
    try { return readFileSync(join(this.desktop.env.XDG_DATA_HOME, 'org.confab.Confab/logs/confab.log'), 'utf8'); } catch { return ''; }
  }

  async quit() {
    try { await this.call('DELETE', this.session); } catch { /* it may be gone */ }
    this.processes().app.forEach((pid) => { try { process.kill(pid, 'SIGTERM'); } catch { /* gone */ } });
    this.driver.kill('SIGTERM');
  }
}
