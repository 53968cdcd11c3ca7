// One kind of flood, as a process of its own: what it sends is written here and nowhere else. Sources are addresses of loopback, so that it can
// look like one attacker or like many; it refuses any other target. Prints one line of JSON with what it did and got.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { randomBytes } from 'node:crypto';

const { kind, port, seconds, rate, addresses = 1 } = JSON.parse(process.argv[2]);
const TARGET = '127.0.0.1';
const did = { made: 0, refused: 0, answered: 0, open: 0, out: 0, in: 0 };
const from = (n) => `127.9.${(n % addresses) >> 8}.${(n % addresses & 0xff) + 1}`;
const over = Date.now() + seconds * 1000;

/** Calls `act` with a number, `rate` times a second, until it is over. */
function paced(act) {
  const begun = Date.now();
  let n = 0;
  return new Promise((done) => {
    const timer = setInterval(() => {
      if (Date.now() > over) { clearInterval(timer); return done(); }
      for (const due = ((Date.now() - begun) * rate) / 1000; n < due; n += 1) act(n);
    }, 5);
  });
}

/** A TCP connection from another address; `opened` gets it. Counts those that end before they got an answer. */
function dial(n, opened) {
  did.made += 1;
  const socket = connect({ port, host: TARGET, localAddress: from(n) });
  let answered = false;
  socket.on('connect', () => { did.open += 1; opened(socket); });
  socket.on('data', (d) => { did.in += d.length; if (!answered) did.answered += 1; answered = true; });
  socket.on('error', () => {});
  socket.on('close', () => { did.open -= 1; if (!answered) did.refused += 1; });
  return socket;
}

/** The first bytes of a TLS connection, sent again and again: the server answers with a key exchange and a signature each time. */
function clientHello() {
  return new Promise((done) => {
    const server = createServer((s) => s.once('data', (d) => { s.destroy(); server.close(); done(d); }));
    server.listen(0, TARGET, () => connectTls({ port: server.address().port, host: TARGET, servername: 'localhost', rejectUnauthorized: false }).on('error', () => {}));
  });
}

const UPGRADE = `GET /ws HTTP/1.1\r\nHost: ${TARGET}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`;

/** A WebSocket by TLS; `opened` gets the stream once the server has agreed. */
function webSocket(n, opened) {
  const raw = connect({ port, host: TARGET, localAddress: from(n) });
  did.made += 1;
  raw.on('error', () => {});
  raw.on('connect', () => {
    const socket = connectTls({ socket: raw, servername: 'localhost', rejectUnauthorized: false }, () => socket.write(UPGRADE));
    did.open += 1;
    socket.once('data', () => { did.answered += 1; opened(socket); });
    socket.on('error', () => {});
    socket.on('close', () => { did.open -= 1; });
  });
}

/** A masked text frame of a megabyte that is no message. */
function megabyte() {
  const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.alloc(1 << 20, 'x')]);
}

const header = (type, length, id = randomBytes(12)) => Buffer.concat([Buffer.from([type >> 8, type & 0xff, length >> 8, length & 0xff, 0x21, 0x12, 0xa4, 0x42]), id]);
/** Datagrams that nobody has signed: what an attacker sends in another's name, hoping that the answer is larger. */
const STUN = [
  () => header(0x0001, 0),
  () => Buffer.concat([header(0x0003, 8), Buffer.from([0, 0x19, 0, 4, 17, 0, 0, 0])]), // Allocate, for UDP
  () => Buffer.concat([header(0x0004, 8), Buffer.from([0, 0x0d, 0, 4, 0, 0, 2, 0x58])]), // Refresh
  () => header(0x0008, 0), // CreatePermission
  () => Buffer.concat([header(0x0009, 8), Buffer.from([0, 0x0c, 0, 4, 0x40, 0, 0, 0])]), // ChannelBind
  () => header(0x0001, 4).fill(0xff, 2, 4),
  () => randomBytes(1 + (Math.random() * 200 | 0)),
];

const FLOODS = {
  /** Connections that ask for a page and go. */
  connections: () => paced((n) => dial(n, (s) => s.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))),
  /** Connections that have the server do its part of a handshake. */
  async handshakes() {
    const hello = await clientHello();
    await paced((n) => { const s = dial(n, () => s.write(hello)); s.on('data', () => s.destroy()); });
  },
  /** Heads of requests that drip in. */
  headers: () => paced((n) => dial(n, (s) => {
    const drip = setInterval(() => (s.destroyed ? clearInterval(drip) : s.write('x')), 3000);
    s.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  })),
  /** Connections that say nothing at all. */
  silence: () => paced((n) => dial(n, () => {})),
  /** WebSockets that never say hello. */
  sockets: () => paced((n) => webSocket(n, () => {})),
  /** WebSockets that send a megabyte. */
  megabytes: () => { const frame = megabyte(); return paced((n) => webSocket(n, (s) => { did.out += frame.length; s.write(frame); })); },
  async datagrams() {
    const sockets = await Promise.all(Array.from({ length: Math.min(addresses, 200) }, (_, n) => new Promise((done) => {
      const socket = createSocket('udp4');
      socket.on('message', (m) => { did.in += m.length; did.answered += 1; });
      socket.bind(0, from(n), () => done(socket));
    })));
    await paced((n) => {
      const bytes = STUN[n % STUN.length]();
      did.made += 1;
      did.out += bytes.length;
      sockets[Math.random() * sockets.length | 0].send(bytes, port, TARGET);
    });
    await new Promise((done) => setTimeout(done, 300));
  },
};

await FLOODS[kind]();
process.stdout.write(JSON.stringify(did), () => process.exit(0));
