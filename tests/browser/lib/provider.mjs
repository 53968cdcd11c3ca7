// The sign-in provider of the tests, and a browser without a window that goes to it and back.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from './processes.mjs';

const program = fileURLToPath(new URL('./provider-process.mjs', import.meta.url));
export const SECRET = 'a secret: of/the client';

export class IdProvider {
  static async reserve() {
    const provider = new IdProvider();
    provider.port = await freePort();
    provider.people = {};
    /** Whether it can be signed out of. */
    provider.signOut = false;
    return provider;
  }

  get issuer() { return `http://localhost:${this.port}`; }

  /** Also after `stop`, with new keys. */
  async start(server) {
    if (server) [this.redirect, this.after] = ['api/v1/session/provider/callback', 'account'].map((page) => `http://localhost:${server.port}/${page}`);
    const options = JSON.stringify({ port: this.port, redirect: this.redirect, after: this.after, secret: SECRET, signOut: this.signOut });
    this.child = fork(program, [options], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(this.child, 'message');
    await this.tell({ people: this.people });
  }

  async tell(message) {
    if (message.people) this.people = message.people;
    this.child.send(message);
    await once(this.child, 'message');
  }

  async stop() {
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}

/** Follows redirects by hand, with a cookie jar for every origin, so that a test can look at each step and change it. */
export class Traveller {
  #jars = new Map();

  cookies(url) { return this.#jars.get(new URL(url).origin) ?? new Map(); }

  forget(url, name) { this.cookies(url).delete(name); }

  async go(url, { method = 'GET', form, json } = {}) {
    const { origin } = new URL(url);
    const jar = this.#jars.get(origin) ?? new Map();
    this.#jars.set(origin, jar);
    const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') };
    const body = form ? new URLSearchParams(form) : json ? JSON.stringify(json) : undefined;
    if (json) headers['content-type'] = 'application/json';
    const answer = await fetch(url, { method, headers, body, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [name, ...value] = line.split(';')[0].split('=');
      const gone = /max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line);
      if (gone) jar.delete(name); else jar.set(name, value.join('='));
    }
    const to = answer.headers.get('location');
    return { status: answer.status, to: to === null ? undefined : new URL(to, url).href, text: await answer.text() };
  }

  /** From the first page to where the provider sends the browser back to, without going there. */
  async toCallback(page, login) {
    for (let url = page, steps = 0; steps < 12; steps += 1) {
      if (new URL(url).pathname.endsWith('/session/provider/callback')) return url;
      const here = new URL(url).pathname.startsWith('/interaction/') ? { method: 'POST', form: { login } } : {};
      const { to, status, text } = await this.go(url, here);
      if (to === undefined) throw new Error(`${url}: ${status} ${text}`);
      if (to.includes('/account#')) return to;
      url = to;
    }
    throw new Error('the way to the provider has no end');
  }

  /** The whole way; gives where it ended: '/account', or with what went wrong. */
  async enter(server, login) {
    const back = await this.toCallback(`${server.url}/api/v1/session/provider`, login);
    return back.includes('/account#') ? this.#page(back) : this.finish(back);
  }

  async finish(callback) {
    const { to, status, text } = await this.go(callback);
    if (to === undefined) throw new Error(`${callback}: ${status} ${text}`);
    return this.#page(to);
  }

  #page(url) {
    const { pathname, hash } = new URL(url);
    return pathname + hash;
  }

  async me(server) {
    const { text } = await this.go(`${server.url}/api/v1/session`);
    return JSON.parse(text).me;
  }
}
