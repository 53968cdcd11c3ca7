// The server under floods, one kind after the other, while two natives talk: how long newcomers wait (`/healthz` over a new TLS connection, ten
// times a second), what the listeners miss, how many bytes go out for those that came in. All on loopback, by floods in `attack.mjs`.
// Prints a table; fails where somebody's call broke for a second, a newcomer found no way in, or an answer was larger than its question.
//
//     node tools/flood/flood.mjs [--seconds 15] [--only PATTERN] [--places 1024]       CONFAB_PROGRAMS: a folder with confab-server and confab-headless
import { spawn } from 'node:child_process';
import { request } from 'node:https';
import { fileURLToPath } from 'node:url';
import { during, talking } from '../../tests/browser/lib/gaps.mjs';
import { Server, freePort, sleep } from '../../tests/browser/lib/processes.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const option = (name, otherwise) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? otherwise : process.argv[at + 1]; };
const seconds = Number(option('seconds', 15));
const only = option('only', '');
const places = Number(option('places', 1024));

/** What is thrown at it. 256 places are an address's, so that 40 addresses fill the house where `places` are few enough for this machine. */
const FLOODS = [
  ['nothing', undefined],
  ['1,000 connections a second, one address', { kind: 'connections', rate: 1000 }],
  ['1,000 connections a second, 200 addresses', { kind: 'connections', rate: 1000, addresses: 200 }],
  ['500 TLS handshakes a second, 200 addresses', { kind: 'handshakes', rate: 500, addresses: 200 }],
  ['dripping heads, one address', { kind: 'headers', rate: 500 }],
  ['dripping heads, 40 addresses', { kind: 'headers', rate: 1000, addresses: 40 }],
  ['silent connections, 40 addresses', { kind: 'silence', rate: 1000, addresses: 40 }],
  ['WebSockets without hello, 40 addresses', { kind: 'sockets', rate: 200, addresses: 40 }],
  ['WebSocket messages of 1 MB, 40 addresses', { kind: 'megabytes', rate: 50, addresses: 40 }],
  ['5,000 unsigned datagrams a second', { kind: 'datagrams', rate: 5000, addresses: 200 }],
];

/** Runs a flood; undefined: nothing, for the same time. */
function flood(port, what) {
  if (!what) return sleep(seconds * 1000);
  const script = fileURLToPath(new URL('attack.mjs', import.meta.url));
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [script, JSON.stringify({ port, seconds, ...what })], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (d) => (said += d));
    child.on('exit', (code) => (code === 0 ? done(JSON.parse(said)) : fail(new Error(`${what.kind}: ${code}`))));
  });
}

/** A newcomer's question: ms until its answer; undefined: none within 5 s. */
const ask = (port) => new Promise((done) => {
  const begun = performance.now();
  const asked = request({ port, host: '127.0.0.1', path: '/healthz', agent: false, timeout: 5000 }, (answer) => {
    answer.resume();
    answer.on('end', () => done(answer.statusCode === 200 ? performance.now() - begun : undefined));
  });
  asked.on('timeout', () => asked.destroy());
  asked.on('error', () => done(undefined));
  asked.end();
});

/** Asks until `over` is. */
async function newcomers(port, over) {
  const seen = [];
  let going = true;
  over.finally(() => (going = false)).catch(() => {});
  while (going) {
    seen.push(ask(port));
    await sleep(100);
  }
  const all = await Promise.all(seen);
  const waited = all.filter((ms) => ms !== undefined).toSorted((a, b) => a - b);
  const at = (share) => Math.round(waited[Math.min(waited.length - 1, Math.floor(waited.length * share))] ?? NaN);
  return { asked: all.length, failed: all.length - waited.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

async function metrics(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = (name) => Number(text.match(new RegExp(`^${name} (\\S+)$`, 'm'))?.[1] ?? NaN);
  const { rss, cpu } = { rss: value('process_resident_memory_bytes') / 2 ** 20, cpu: value('process_cpu_seconds_total') };
  return { rss, cpu, accepted: value('confab_tcp_connections_total'), refused: value('confab_tcp_connections_refused_total'), displaced: value('confab_tcp_connections_displaced_total') };
}

const telling = await freePort();
const server = await Server.start(`[tls]\nself_signed = true\n[limits]\nconnections = ${places}\n[metrics]\nlisten = "127.0.0.1:${telling}"\n`);
const people = [];
const wrong = [];
try {
  const { guest_link } = await server.meeting('Flooded');
  people.push(...await talking(guest_link.replace('localhost', '127.0.0.1'), ['--insecure']));
  for (const [name, what] of FLOODS.filter(([n]) => new RegExp(only).test(n))) {
    const before = await metrics(telling);
    let got, others;
    const missed = await during(people, name, async () => {
      const flooding = flood(server.port, what);
      [got, others] = await Promise.all([flooding, newcomers(server.port, flooding)]);
    });
    const after = await metrics(telling);
    const longest = Math.max(...missed.map((m) => m.longest));
    console.log(JSON.stringify({ flood: name, ...got, healthz_ms: others, longest_silence_ms: longest, stalled_ms: Math.max(...missed.map((m) => m.stalled)),
      server: { cpu_s: +(after.cpu - before.cpu).toFixed(1), rss_mib: Math.round(after.rss), accepted: after.accepted - before.accepted, refused: after.refused - before.refused, displaced: after.displaced - before.displaced } }));
    if (longest >= 1000) wrong.push(`${name}: the call broke for ${longest} ms`);
    if (others.failed > others.asked / 100) wrong.push(`${name}: ${others.failed} of ${others.asked} newcomers found no way in`);
    if (what?.kind === 'datagrams' && got.in > got.out) wrong.push(`${name}: ${got.in} bytes for ${got.out}`);
    // Places of the last flood come back: heads and silences are given up after 25 s at most.
    await sleep(what ? 5000 : 0);
  }
} finally {
  await Promise.all(people.map((someone) => someone.leave()));
  await server.stop();
}
wrong.forEach((w) => console.log(`WRONG: ${w}`));
process.exit(wrong.length ? 1 : 0);
