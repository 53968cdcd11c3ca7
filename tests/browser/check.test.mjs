// The page /check against a real server: all well, and the six broken set-ups of `confab-server doctor`, each by its right cause.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { accessible } from './lib/axe.mjs';
import { artefacts, temporary } from './lib/paths.mjs';
import { Server } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';

/** Waits until everything about the network was looked at; the codes by check. */
async function looked(page) {
  await page.waitForSelector('[data-check="bandwidth"]:not([data-level="waiting"])', { timeout: 60000 });
  const rows = await page.$$eval('[data-check]', (all) => all.map((e) => [e.dataset.check, { level: e.dataset.level, code: e.dataset.code }]));
  return Object.fromEntries(rows);
}

const wrong = (rows) => Object.values(rows).filter((r) => ['bad', 'fair'].includes(r.level)).map((r) => r.code);

/** A guest at the page of this address; ends with the test. */
async function visit(t, url) {
  const guest = await Guest.start();
  t.after(() => guest.close());
  await guest.page.goto(`${url}/check`);
  return guest.page;
}

/** Connections through `forward` that stand. */
const standing = new Set();

/** TCP at another address of loopback, carried to the server, as a router does; `refuse` may end a connection by its first bytes. */
function forward(t, host, port, to, refuse = () => undefined) {
  const front = createServer((near) => {
    standing.add(near);
    near.on('close', () => standing.delete(near));
    near.on('error', () => {});
    near.once('data', (first) => {
      const answer = refuse(first.toString('latin1'));
      if (answer !== undefined) return near.end(answer);
      const far = connect(to, '127.0.0.1', () => { far.write(first); near.pipe(far).pipe(near); });
      far.on('error', () => near.destroy());
      return undefined;
    });
  });
  t.after(() => front.close());
  return new Promise((done) => front.listen(port, host, () => done(`http://${host}:${front.address().port}`)));
}

test('all is well, devices are tried by a click, and the result can be copied', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const page = await visit(t, server.url);
  const rows = await looked(page);
  assert.deepEqual(wrong(rows), []);
  assert.deepEqual([rows.server.code, rows.websocket.code, rows.udp.code, rows.tcp.code, rows.clock.code], ['server_ok', 'websocket_ok', 'udp_ok', 'tcp_ok', 'clock_ok']);
  await accessible(page, 'check');
  await page.getByRole('button', { name: 'Try the camera' }).click();
  await page.waitForSelector('[data-check="camera"][data-code="device_ok"]');
  await page.getByRole('button', { name: 'Try the microphone' }).click();
  await page.waitForSelector('[data-check="microphone"][data-code="device_ok"]', { timeout: 15000 });
  await page.screenshot({ path: join(artefacts('check'), 'well.png'), fullPage: true });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy the result' }).click();
  await page.getByText('Copied').waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\[udp_ok\]/);
});

test('the page before a meeting leads here', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link } = await server.meeting();
  const guest = await Guest.start();
  t.after(() => guest.close());
  await guest.page.goto(guest_link);
  const link = guest.page.getByRole('link', { name: 'Check your connection' });
  assert.equal(await link.getAttribute('href'), '/check');
});

test('1: UDP closed', async (t) => {
  // Media is bound to one address; at the announced one, a router carries TCP and not UDP.
  const server = await Server.start('[media]\naddress = "127.0.0.1"\npublic_addresses = ["127.0.0.2"]\n');
  t.after(() => server.stop());
  const url = await forward(t, '127.0.0.2', server.port, server.port);
  assert.deepEqual(wrong(await looked(await visit(t, url))), ['udp_closed']);
});

test('2: wrong public address', async (t) => {
  const server = await Server.start('[media]\naddress = "127.0.0.1"\npublic_addresses = ["127.0.0.9"]\n');
  t.after(() => server.stop());
  const rows = await looked(await visit(t, server.url));
  assert.deepEqual(wrong(rows), ['address_wrong']);
});

/** A certificate for localhost that was good in January 2020. */
function expired() {
  const folder = temporary('expired');
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const config = '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n';
  for (const [file, text] of [['config', config], ['index.txt', ''], ['serial', '01\n']]) writeFileSync(join(folder, file), text);
  openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', 'key.pem', '-out', 'request.pem');
  openssl('ca', '-batch', '-selfsign', '-notext', '-config', 'config', '-in', 'request.pem', '-keyfile', 'key.pem', '-out', 'cert.pem', '-startdate', '200101000000Z', '-enddate', '200201000000Z');
  return `[tls]\ncert = "${join(folder, 'cert.pem')}"\nkey = "${join(folder, 'key.pem')}"\n`;
}

test('3: expired certificate', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  await server.kill();
  appendFileSync(server.config, expired());
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
  Object.defineProperty(server, 'url', { value: `https://localhost:${server.port}` });
  await server.up();
  // As somebody does who goes on past the browser's warning.
  const guest = await Guest.start({ insecure: true });
  t.after(() => guest.close());
  await guest.page.goto(`${server.url}/check`);
  assert.deepEqual(wrong(await looked(guest.page)), ['certificate_expired']);
});

test('4: the name leads to another server', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  // The page came while the name still led here.
  let moved = false;
  const elsewhere = () => (moved ? 'HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnginx' : undefined);
  const url = await forward(t, '127.0.0.2', 0, server.port, elsewhere);
  const page = await visit(t, url);
  await looked(page);
  moved = true;
  // What stands would still lead to where the name led before.
  for (const connection of standing) connection.destroy();
  await page.getByRole('button', { name: 'Check again' }).click();
  await page.waitForSelector('[data-check="server"][data-code="other_server"]', { timeout: 30000 });
});

test('5: a clock off by ten minutes', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const guest = await Guest.start();
  t.after(() => guest.close());
  await guest.page.addInitScript(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 600000;
  });
  await guest.page.goto(`${server.url}/check`);
  assert.deepEqual(wrong(await looked(guest.page)), ['clock_off']);
  await guest.page.getByText('10 minutes ahead of').first().waitFor();
});

test('6: a proxy drops WebSockets', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const refuse = (head) => (/^upgrade: *websocket/im.test(head) ? 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n' : undefined);
  const url = await forward(t, '127.0.0.2', 0, server.port, refuse);
  const found = wrong(await looked(await visit(t, url)));
  assert.deepEqual(found, ['websocket_dropped']);
});
