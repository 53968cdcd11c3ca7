// A guest in Firefox, driven over WebDriver BiDi. Its microphone and camera are Firefox's own test devices: a tone, and a
// square of changing colour.
import puppeteer from 'puppeteer-core';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tap } from './guest.mjs';
import { temporary } from './paths.mjs';

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // Nothing is asked of anybody else.
  'media.gmp-manager.url': 'data:text/xml,<updates/>',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

export class FirefoxGuest {
  static async start({ size = { width: 1280, height: 800 } } = {}) {
    const guest = new FirefoxGuest();
    const executablePath = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync);
    guest.browser = await puppeteer.launch({
      browser: 'firefox', executablePath, headless: true, userDataDir: join(temporary('firefox'), 'profile'),
      extraPrefsFirefox: PREFERENCES, defaultViewport: size,
    });
    guest.page = await guest.browser.newPage();
    guest.errors = [];
    guest.page.on('pageerror', (e) => guest.errors.push(String(e)));
    guest.page.on('console', (m) => m.type() === 'error' && guest.errors.push(m.text()));
    await guest.page.evaluateOnNewDocument(`(${tap})()`);
    return guest;
  }

  version() { return this.browser.version(); }

  /** Opens a link, names itself, switches devices on and joins. */
  async join(link, name) {
    const { page } = this;
    await page.goto(link.replace('127.0.0.1', 'localhost'));
    await page.locator('::-p-aria([name="Your name"][role="textbox"])').fill(name);
    for (const device of ['microphone', 'camera']) {
      const pressed = () => page.evaluate((device) => {
        const all = [...document.querySelectorAll('button[aria-pressed]')];
        const button = all.find((b) => new RegExp(device, 'i').test(b.getAttribute('aria-label') ?? b.textContent));
        if (button?.getAttribute('aria-pressed') === 'false') button.click();
        return button?.getAttribute('aria-pressed') === 'true';
      }, device);
      for (let i = 0; i < 100 && !(await pressed()); i += 1) await new Promise((done) => setTimeout(done, 100));
    }
    await page.locator('::-p-xpath(//button[starts-with(normalize-space(.), "Join")])').click();
    await page.waitForSelector('[role="toolbar"]', { timeout: 20000 });
  }

  /** Leaves and sees that it did; a click that the browser swallowed is made again, and said. */
  async leave() {
    const there = () => this.page.evaluate(() => Boolean(document.querySelector('[role="toolbar"]')));
    for (let attempt = 1; await there(); attempt += 1) {
      if (attempt > 3) throw new Error(`did not leave: ${await this.page.evaluate(() => document.body.innerText)}`);
      if (attempt > 1) console.log('Leave was clicked, and the meeting is still shown; once more');
      await this.page.locator('::-p-xpath(//button[normalize-space(.)="Leave"])').click();
      for (let i = 0; i < 50 && (await there()); i += 1) await new Promise((done) => setTimeout(done, 100));
    }
  }

  /** Pictures shown now. */
  grab() { return this.page.evaluate(() => globalThis.__grab()); }

  screenshot(path) { return this.page.screenshot({ path }); }

  async close() {
    await this.browser.close();
  }
}
