// What an operator does while people talk: the certificate is renewed, from files and by an authority, and the server is drained. Nobody hears
// any of it. Gaps are measured where they would be heard, at the listener.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { temporary } from './lib/paths.mjs';
import { authority, certify } from './lib/certificate.mjs';
import { during, talking } from './lib/gaps.mjs';
import { Server, freePort, sleep, until } from './lib/processes.mjs';

// Certificates here are the test's own; this process only asks for health and makes meetings.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const NAME = 'meet.confab.test';
/** Words before a program to which the server's name means this machine. */
function knowing(folder) {
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost ${NAME}\n`);
  return ['unshare', '--mount', 'sh', '-c', `mount --bind ${hosts} /etc/hosts && exec "$0" "$@"`];
}

/** SHA-256 of the certificate that new connections are shown. */
const shown = (port) => new Promise((done, fail) => {
  const socket = connect({ port, host: '127.0.0.1', servername: NAME, rejectUnauthorized: false }, () => {
    done(socket.getPeerCertificate().fingerprint256);
    socket.destroy();
  });
  socket.once('error', fail);
});

function fluent(missed) {
  for (const { longest, stalled, packets } of missed) {
    assert.ok(packets > 50, 'they went on talking');
    assert.ok(longest < 1000 && stalled < 1000, `a gap above a second: ${longest}, ${stalled}`);
  }
}

const canHaveNames = () => process.getuid() === 0 && spawnSync('openssl', ['version']).status === 0;

test('a certificate renewed in its files, SIGHUP and a drain leave a call alone, and what does not is measured', async (t) => {
  if (!canHaveNames()) return console.log('not checked: needs root and openssl');
  const folder = temporary('steady');
  const ca = authority(folder);
  const { cert, key } = certify(folder, NAME);
  const server = await Server.start((s) => `public_url = "https://${NAME}:${s.port}"\n[tls]\ncert = "${cert}"\nkey = "${key}"\n`);
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Steady');
  const people = await talking(guest_link, ['--ca', ca], { through: knowing(folder) });
  people.forEach((someone) => t.after(() => someone.leave()));

  const first = await shown(server.port);
  fluent(await during(people, 'new files, SIGHUP', async () => {
    certify(folder, NAME);
    server.child.kill('SIGHUP');
    await until('the new one is shown', 10000, async () => (await shown(server.port)) !== first);
  }));
  const second = await shown(server.port);
  fluent(await during(people, 'new files, found by the server', async () => {
    certify(folder, NAME);
    await until('the next is shown', 40000, async () => (await shown(server.port)) !== second);
  }));

  // What a gap looks like: somebody's machine stands still.
  const [ada, bob] = people;
  const [missed] = await during([ada], 'the speaker stopped for 1.5 s', async () => {
    bob.child.kill('SIGSTOP');
    await sleep(1500);
    bob.child.kill('SIGCONT');
  });
  assert.ok(missed.longest >= 1000, `it is measured: ${JSON.stringify(missed)}`);

  fluent(await during(people, 'SIGUSR1', async () => {
    server.child.kill('SIGUSR1');
    await until('newcomers are sent elsewhere', 10000, async () => (await fetch(`https://127.0.0.1:${server.port}/readyz`)).status === 503);
    await sleep(3000);
  }));
  assert.equal(server.child.exitCode, null, 'it waits for those who talk');
  await Promise.all(people.map((someone) => someone.leave()));
  // Whoever did not get to say goodbye keeps the seat for a minute.
  const code = await Promise.race([server.child.ended, sleep(90000).then(() => 'still there')]);
  assert.equal(code, 0, `it ends when nobody is there any more: ${server.child.output.slice(-500)}`);
});

/** An ACME authority on this machine that looks for proofs at `port`; its certificates are good for 15 s. */
async function pebble(t, folder, port) {
  const [at, management, dns, http, control] = await Promise.all(Array.from({ length: 5 }, freePort));
  const own = certify(folder, 'localhost');
  writeFileSync(join(folder, 'pebble.json'), JSON.stringify({ pebble: {
    listenAddress: `127.0.0.1:${at}`, managementListenAddress: `127.0.0.1:${management}`, certificate: own.cert, privateKey: own.key,
    httpPort: http, tlsPort: port, certificateValidityPeriod: 15,
  } }));
  const run = (program, args) => {
    const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' } });
    t.after(() => child.kill('SIGKILL'));
    process.on('exit', () => child.kill('SIGKILL'));
  };
  run('pebble-challtestsrv', ['-dns01', `127.0.0.1:${dns}`, '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', '', '-management', `127.0.0.1:${control}`]);
  run('pebble', ['-config', join(folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${dns}`]);
  const root = () => fetch(`https://127.0.0.1:${management}/roots/0`).then((r) => r.text(), () => '');
  const roots = join(folder, 'roots.pem');
  writeFileSync(roots, await until('Pebble is there', 60000, root));
  return { directory: `https://localhost:${at}/dir`, roots };
}

test('certificates that an authority gives anew every few seconds leave a call alone', async (t) => {
  if (!canHaveNames() || spawnSync('pebble', ['-h']).error) return console.log('not checked: needs root, openssl and Pebble');
  const folder = temporary('steady-acme');
  const ca = authority(folder);
  let by;
  const server = await Server.start(async (s) => {
    by = await pebble(t, folder, s.port);
    return `public_url = "https://${NAME}:${s.port}"\n[tls]\nacme = true\nacme_directory = "${by.directory}"\nacme_ca = "${ca}"\n`;
  });
  t.after(() => server.stop());
  const { guest_link } = await server.meeting('Renewed');
  const people = await talking(guest_link, ['--ca', by.roots], { through: knowing(folder) });
  people.forEach((someone) => t.after(() => someone.leave()));
  const seen = new Set();
  fluent(await during(people, 'two renewals by ACME', () => until('two new certificates', 60000, async () => {
    seen.add(await shown(server.port));
    return seen.size >= 3;
  })));
});
