// Accounts on a test's server, and the API as a signed-in page asks it.
import { execFileSync } from 'node:child_process';
import { program } from './paths.mjs';

/** An account that somebody has on the server; the link by which its password is chosen. */
export function account(server, name, role, email = `${name.toLowerCase()}@example.org`) {
  const add = ['account', 'add', '--email', email, '--name', name, '--role', role, '--config', server.config];
  const printed = execFileSync(program('confab-server'), add, { encoding: 'utf8' });
  const link = new URL(/http\S+/.exec(printed)[0]);
  return server.url + link.pathname + link.hash;
}

/** Asks with the page's cookie. */
export function ask(page, method, path, body) {
  return page.evaluate(async ([method, path, body]) => {
    const answer = await fetch(`/api/v1${path}`, { method, ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) });
    return { status: answer.status, body: await answer.json().catch(() => null) };
  }, [method, path, body]);
}

/** What is answered to what has to go well. */
export async function api(page, method, path, body) {
  const answer = await ask(page, method, path, body);
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
