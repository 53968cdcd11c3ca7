// A guest: a Chromium of its own, fed with a file as microphone and camera, and taps on what it receives.
import { chromium } from 'playwright-core';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporary } from './paths.mjs';

const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows', '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/** Runs in the page before its own scripts: collects remote tracks, so that a test can record what arrives. */
export function tap() {
  const remote = (globalThis.__remote = []);
  const Native = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      (globalThis.__peers ??= []).push(this);
      this.addEventListener('track', (e) => remote.push({ kind: e.track.kind, mid: e.transceiver.mid, track: e.track }));
    }
  };
  // Starts recording every remote audio track that is there now, on a thread of its own: three voices are 300 blocks a second,
  // and a page that has pictures to draw would leave some.
  globalThis.__recordAudio = () => {
    const recorder = (globalThis.__recorder ??= new Worker(URL.createObjectURL(new Blob([`(${globalThis.__recorderThread})()`]))));
    for (const entry of remote.filter((r) => r.kind === 'audio' && !r.recorded)) {
      entry.recorded = true;
      const { readable } = new MediaStreamTrackProcessor({ track: entry.track, maxBufferSize: 500 });
      recorder.postMessage({ mid: entry.mid, readable }, [readable]);
    }
  };
  globalThis.__recorderThread = () => {
    const recordings = [];
    onmessage = async ({ data: { mid, readable } }) => {
      if (!readable) {
        // Hands over what was recorded: [{ mid, rate, base64 of 16-bit samples }].
        postMessage(recordings.map((r) => {
          const bytes = new Uint8Array(r.samples.buffer, 0, 2 * r.length);
          let text = '';
          for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
          return { mid: r.mid, rate: r.rate, base64: btoa(text) };
        }));
        return;
      }
      const recording = { mid, rate: 48000, samples: new Int16Array(48000 * 8), length: 0 };
      recordings.push(recording);
      const reader = readable.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        recording.rate = value.sampleRate;
        const plane = new Float32Array(value.numberOfFrames);
        value.copyTo(plane, { planeIndex: 0, format: 'f32-planar' });
        value.close();
        if (recording.length + plane.length > recording.samples.length) {
          const longer = new Int16Array(2 * recording.samples.length);
          longer.set(recording.samples);
          recording.samples = longer;
        }
        for (const x of plane) recording.samples[recording.length++] = Math.max(-1, Math.min(1, x)) * 32767;
      }
    };
  };
  globalThis.__takeAudio = () => new Promise((done) => {
    globalThis.__recorder.onmessage = ({ data }) => done(data);
    globalThis.__recorder.postMessage({});
  });
  // One picture of every visible <video> with its size: [{ label, width, height, luma: base64 }].
  globalThis.__grab = () => [...document.querySelectorAll('video')].filter((v) => v.videoWidth > 0 && v.readyState >= 2).map((video) => {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let i = 0; i < data.length; i += 4) {
      text += String.fromCharCode(Math.round(16 + 0.257 * data[i] + 0.504 * data[i + 1] + 0.098 * data[i + 2]));
    }
    return { local: video.closest('[data-self]') !== null || video.muted && video.hasAttribute('data-local'),
      label: video.closest('[aria-label]')?.getAttribute('aria-label') ?? '', width: canvas.width, height: canvas.height, luma: btoa(text) };
  });
  // Pictures of a shared screen as they are shown, kept as frames, which costs next to nothing; they are read later, one by one.
  globalThis.__watchScreen = (ms) => {
    globalThis.__looks?.forEach(({ frame }) => frame.close());
    const looks = (globalThis.__looks = []);
    const begin = Date.now();
    const look = () => {
      const at = Date.now();
      if (at - begin > ms) return;
      const video = [...document.querySelectorAll('video')].find((v) => v.videoWidth >= 1000 && v.readyState >= 2 && v.closest('[data-self]') === null && !v.hasAttribute('data-local'));
      const count = video?.getVideoPlaybackQuality().totalVideoFrames;
      // The same picture again is the same look.
      if (video !== undefined && looks.at(-1)?.count !== count) looks.push({ at, count, frame: new VideoFrame(video) });
      setTimeout(look, 50);
    };
    look();
  };
  globalThis.__look = async (index) => {
    const { frame } = globalThis.__looks[index];
    const { width, height } = frame.visibleRect;
    const planes = new Uint8Array(frame.allocationSize());
    const [{ offset, stride }] = await frame.copyTo(planes);
    if (!['I420', 'NV12'].includes(frame.format)) throw new Error(`a picture in ${frame.format}`);
    let text = '';
    for (let y = 0; y < height; y++) text += String.fromCharCode(...planes.subarray(offset + y * stride, offset + y * stride + width));
    return { width, height, luma: btoa(text) };
  };
}

export class Guest {
  /** Starts a browser. `files`: `{ audio: wav, video: y4m }` as its devices; `size`: the window; `program`: what to run in Chromium's place; `insecure`: any certificate will do; `timezone`: where it is; `javaScript`: false for a reader without; `phone`: it is touched. */
  static async start({ audio, video, size = { width: 1280, height: 800 }, locale = 'en-US', dark = true, args = [], program, insecure = false, timezone, javaScript = true, phone = false } = {}) {
    const guest = new Guest();
    guest.folder = temporary('guest');
    const flags = [...FLAGS, ...args];
    if (audio) flags.push(`--use-file-for-fake-audio-capture=${audio}`);
    if (video) flags.push(`--use-file-for-fake-video-capture=${video}`);
    const executablePath = program ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
    guest.context = await chromium.launchPersistentContext(join(guest.folder, 'profile'), {
      executablePath, args: flags, ignoreDefaultArgs: ['--mute-audio', '--hide-scrollbars'], viewport: size, locale,
      colorScheme: dark ? 'dark' : 'light', headless: true, javaScriptEnabled: javaScript, ...(timezone && { timezoneId: timezone }), ...(phone && { hasTouch: true, isMobile: true, deviceScaleFactor: 2 }), permissions: ['camera', 'microphone'], ignoreHTTPSErrors: insecure,
    });
    await guest.context.addInitScript(tap);
    guest.page = guest.context.pages()[0] ?? (await guest.context.newPage());
    guest.errors = [];
    guest.foreign = [];
    guest.page.on('pageerror', (e) => guest.errors.push(String(e)));
    guest.page.on('console', (m) => m.type() === 'error' && guest.errors.push(`${m.text()} (${m.location().url})`));
    guest.page.on('request', (r) => {
      const url = new URL(r.url());
      if (['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol) && !['localhost', '127.0.0.1'].includes(url.hostname)) guest.foreign.push(r.url());
    });
    return guest;
  }

  /** Opens a link, names itself, switches devices on and joins. */
  async join(link, name, devices) {
    await this.#enter(link, name, devices).catch(async (e) => {
      const shown = await this.page.evaluate(() => document.body?.innerText.slice(0, 500)).catch(String);
      throw new Error(`${e.message}\n${name} at ${this.page.url()} sees: ${shown}\n${this.errors.join('; ')}`);
    });
  }

  async #enter(link, name, { microphone = true, camera = true } = {}) {
    const { page } = this;
    await page.goto(link.replace('127.0.0.1', 'localhost'));
    await page.getByRole('textbox', { name: /your name/i }).fill(name);
    for (const [device, on] of [['microphone', microphone], ['camera', camera]]) {
      const button = page.getByRole('button', { name: new RegExp(device, 'i') }).and(page.locator('[aria-pressed]')).first();
      await button.waitFor();
      if ((await button.getAttribute('aria-pressed')) === String(!on)) await button.click();
    }
    await page.getByRole('button', { name: /^join/i }).click();
    await page.getByRole('toolbar').first().waitFor({ timeout: 15000 });
  }

  /** Records all remote audio for `ms` into WAV files: `{ mid: path }`. */
  async record(ms) {
    await this.page.evaluate(() => globalThis.__recordAudio());
    await new Promise((done) => setTimeout(done, ms));
    const files = {};
    for (const { mid, rate, base64 } of await this.page.evaluate(() => globalThis.__takeAudio())) {
      files[mid] = join(this.folder, `heard-${mid}.wav`);
      writeFileSync(files[mid], wav(Buffer.from(base64, 'base64'), rate));
    }
    return files;
  }

  /** Pictures shown now. */
  grab() { return this.page.evaluate(() => globalThis.__grab()); }

  /** Begins to keep the pictures of a shared screen for `ms`, with the time each was seen. */
  watchScreen(ms) { return this.page.evaluate((ms) => globalThis.__watchScreen(ms), ms); }

  /** When each of them was seen, in milliseconds since 1970. */
  looks() { return this.page.evaluate(() => globalThis.__looks.map(({ at }) => at)); }

  /** One of them: `{ width, height, luma }`. */
  look(index) { return this.page.evaluate((index) => globalThis.__look(index), index); }

  screenshot(path) { return this.page.screenshot({ path }); }

  async close() {
    await this.context.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function wav(samples, rate) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0); head.writeUInt32LE(36 + samples.length, 4); head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16); head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22); head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28); head.writeUInt16LE(2, 32); head.writeUInt16LE(16, 34);
  head.write('data', 36); head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
