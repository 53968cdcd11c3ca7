// The lane against a server that keeps a real document: cuts, resending, refusals, in virtual time.
import { expect, it } from "vitest";
import { Board, BoardDocument, hashOf, objectsOn, pages, readUpdate, snapshotOf, wholeOrder, Writer, WireError, writeUpdate, type Change, type Presence } from "../../board";
import { readFrame } from "./frames";
import { Lane, type LaneEvents, type WireEvents, type World } from "./lane";

class Server {
  readonly document = new BoardDocument();
  readonly log: Change[] = [];
  readonly got: Uint8Array[] = [];
  now = 0;
  wires = 0;
  private sockets: WireEvents[] = [];
  private timers: { at: number; call: () => void }[] = [];
  private session = 0;
  refuse: string | undefined;
  deaf = false;
  /** How long it takes to answer a ping. */
  slow = 20;
  /** What first connections carry is held back, as TCP does where a segment is lost. */
  private held: (() => void)[] | undefined;
  private seconds = new Set<WireEvents>();

  readonly world: World = {
    random: () => 1,
    now: () => this.now,
    seat: () => ({ meeting: "m", participant: 3, token: "secret" }),
    after: (ms, call) => {
      const timer = { at: this.now + ms, call };
      this.timers.push(timer);
      return () => (this.timers = this.timers.filter((t) => t !== timer));
    },
    dial: (events) => {
      this.wires += 1;
      this.sockets.push(events);
      return { send: (frame) => this.take(events, frame), close: () => (this.sockets = this.sockets.filter((s) => s !== events)) };
    },
  };

  connect(): void {
    this.sockets.forEach((s) => s.opened());
  }

  connectNewest(): void {
    this.sockets.at(-1)?.opened();
  }

  cutSecond(): void {
    const all = this.sockets.filter((s) => this.seconds.has(s));
    this.sockets = this.sockets.filter((s) => !this.seconds.has(s));
    all.forEach((s) => s.closed());
  }

  hold(): void {
    this.held = [];
  }

  release(): void {
    const held = this.held;
    this.held = undefined;
    held?.forEach((goOn) => goOn());
  }

  private carry(socket: WireEvents, goOn: () => void): void {
    if (this.held && !this.seconds.has(socket)) this.held.push(goOn);
    else goOn();
  }

  cut(): void {
    const all = this.sockets;
    this.sockets = [];
    all.forEach((s) => s.closed());
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((t) => t !== next);
      this.now = next.at;
      next.call();
    }
    this.now = end;
  }

  tell(sort: number, write: (w: Writer) => void): void {
    const w = new Writer();
    w.byte(sort);
    write(w);
    [...this.sockets].forEach((s) => this.carry(s, () => s.message(w.bytes())));
  }

  private take(socket: WireEvents, frame: Uint8Array): void {
    this.got.push(frame);
    if (!this.deaf) this.carry(socket, () => this.read(socket, frame));
  }

  private read(socket: WireEvents, frame: Uint8Array): void {
    if (frame[0] === 1 && frame[13 + (frame[12] ?? 0)] === 2) return this.openSecond(socket);
    if (frame[0] === 1) return this.open();
    if (frame[0] === 14) return void this.world.after(this.slow, () => this.sockets.includes(socket) && socket.message(Uint8Array.of(15, 0)));
    if (frame[0] !== 5 || !this.sockets.includes(socket)) return;
    if (this.refuse !== undefined) {
      const name = this.refuse;
      this.refuse = undefined;
      return this.tell(7, (w) => (w.number(this.document.nextSeq({ author: 1, session: this.session })), w.text(name), w.number(200)));
    }
    const changes = readUpdate(frame.subarray(1));
    this.log.push(...changes.filter((c) => this.document.apply(c).is === "now"));
    this.tell(6, (w) => w.number((changes.at(-1)?.seq ?? 0) + 1));
  }

  private openSecond(socket: WireEvents): void {
    this.seconds.add(socket);
    const replica = { author: 1, session: this.session };
    const w = new Writer();
    w.byte(2);
    w.replica(replica);
    w.byte(2);
    w.number(1000);
    w.number(this.document.nextSeq(replica));
    w.text("main");
    socket.message(w.bytes());
  }

  /** A copy that comes back keeps its session and gets all changes; a new one the snapshot. */
  private open(): void {
    const back = this.got.at(-1)![13] === 1;
    if (!back) this.session += 1;
    const replica = { author: 1, session: this.session };
    this.tell(2, (w) => (w.replica(replica), w.byte(2), w.number(1000), w.number(this.document.nextSeq(replica)), w.text("main")));
    if (back) this.tell(3, (w) => this.log.length > 0 && w.raw(writeUpdate(this.log)));
    else this.tell(4, (w) => w.raw(snapshotOf(this.document)));
  }
}

function client(): { server: Server; lane: Lane; states: string[]; refused: string[]; whole: () => number } {
  const server = new Server();
  const [states, refused]: string[][] = [[], []] as string[][];
  let whole = 0;
  const events: LaneEvents = { changed: (t) => t ?? whole++, state: (s) => states!.push(s), shown: () => undefined, refused: (n) => refused!.push(n) };
  return { server, lane: new Lane("", server.world, events), states: states!, refused: refused!, whole: () => whole };
}

const addPage = (board: Board) => board.edit("new", (e) => e.create("page", { order: wholeOrder(0) }));
const equal = (lane: Lane, server: Server) => expect(hashOf(lane.board!.document)).toEqual(hashOf(server.document));

it("opens, sends at once, then gathers for 50 ms, and is acknowledged", () => {
  const { server, lane, states } = client();
  server.connect();
  expect([lane.state, lane.level, lane.name, lane.rights.author]).toEqual(["ready", "draw", "main", 1]);
  addPage(lane.board!);
  addPage(lane.board!);
  lane.wrote();
  lane.wrote();
  const updates = () => server.got.filter((f) => f[0] === 5);
  expect(updates()).toHaveLength(0);
  server.run(0);
  expect(updates()).toHaveLength(1);
  for (let i = 0; i < 2; i++) {
    addPage(lane.board!);
    lane.wrote();
    server.run(20);
  }
  expect(updates()).toHaveLength(1);
  server.run(10);
  expect(updates()).toHaveLength(2);
  expect(lane.board!.unacknowledged).toBe(0);
  equal(lane, server);
  expect(states).toEqual(["ready"]);
});

it("keeps what was drawn offline and sends it after the cut, once", () => {
  const { server, lane } = client();
  server.connect();
  server.cut();
  expect(lane.state).toBe("offline");
  addPage(lane.board!);
  lane.wrote();
  server.run(500);
  expect(server.wires).toBe(2);
  server.connect();
  expect(lane.state).toBe("ready");
  expect(pages(server.document)).toHaveLength(1);
  expect(lane.board!.unacknowledged).toBe(0);
  equal(lane, server);
});

it("sends again what was sent and not acknowledged", () => {
  const { server, lane } = client();
  server.connect();
  server.deaf = true;
  addPage(lane.board!);
  lane.wrote();
  server.run(50);
  expect(lane.board!.unacknowledged).toBe(1);
  server.cut();
  server.deaf = false;
  server.run(1000);
  server.connect();
  expect(pages(server.document)).toHaveLength(1);
  equal(lane, server);
});

it("waits longer between tries, up to ten seconds", () => {
  const { server } = client();
  const times: number[] = [];
  for (let i = 0; i < 8; i++) {
    server.cut();
    const [from, wires] = [server.now, server.wires];
    while (server.wires === wires) server.run(100);
    times.push(server.now - from);
  }
  expect(times).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

it("takes a new copy under a new session after a refusal, without what was refused", () => {
  const { server, lane, refused, whole } = client();
  server.connect();
  const first = lane.board;
  server.refuse = "board_locked";
  addPage(lane.board!);
  lane.wrote();
  server.run(50);
  expect(refused).toEqual(["board_locked"]);
  server.run(500);
  server.connect();
  expect(lane.board).not.toBe(first);
  expect(lane.board!.replica.session).toBe(2);
  expect(pages(lane.board!.document)).toHaveLength(0);
  expect(whole()).toBe(2);
  equal(lane, server);
});

it("waits as long as the server says when it was too fast, and loses nothing", () => {
  const { server, lane, refused } = client();
  server.connect();
  server.refuse = "too_fast";
  addPage(lane.board!);
  lane.wrote();
  server.run(0);
  expect(pages(server.document)).toHaveLength(0);
  server.run(199);
  expect(pages(server.document)).toHaveLength(0);
  server.run(1);
  expect(pages(server.document)).toHaveLength(1);
  expect(refused).toEqual([]);
});

it("stays away where the server says so, and comes back where it says that", () => {
  const a = client();
  a.server.connect();
  a.server.tell(13, (w) => (w.text("removed"), w.byte(0)));
  a.server.run(60_000);
  expect([a.lane.state, a.lane.code, a.server.wires]).toEqual(["refused", "removed", 1]);
  const b = client();
  b.server.connect();
  const first = b.lane.board;
  b.server.tell(13, (w) => (w.text("board_moved"), w.byte(1)));
  b.server.run(500);
  b.server.connect();
  expect(b.lane.state).toBe("ready");
  expect(b.lane.board).not.toBe(first);
});

it("pings when it has nothing to say and gives a silent server up", () => {
  const { server, lane } = client();
  server.connect();
  server.deaf = true;
  server.run(10_000);
  expect(server.got.at(-1)).toEqual(new Uint8Array([14]));
  server.tell(15, (w) => w.number(1));
  server.run(19_000);
  expect(lane.state).toBe("ready");
  server.run(1000);
  expect(lane.state).toBe("offline");
});

it("takes changes of others and the rights that change", () => {
  const { server, lane } = client();
  server.connect();
  const other = new Board({ author: 2, session: 1 });
  const page = addPage(other);
  server.tell(3, (w) => w.raw(writeUpdate(other.takeUpdate())));
  expect(pages(lane.board!.document)).toEqual([page]);
  expect(objectsOn(lane.board!.document, page)).toEqual([]);
  server.tell(10, (w) => w.byte(0));
  expect(lane.rights).toEqual({ author: 1, level: "view" });
  server.tell(16, (w) => (w.number(1), w.number(2), w.number(9), w.text("王小明")));
  expect(lane.authors.get(2)).toEqual({ author: 2, participant: 9, name: "王小明" });
});

it("opens anew, and from nothing, when it can't read what the server says", () => {
  const { server, lane } = client();
  server.connect();
  server.tell(99, () => undefined);
  expect(lane.state).toBe("offline");
  server.run(500);
  server.connect();
  expect(lane.board!.replica.session).toBe(2);
});

it("sends the newest presence of a sort, twenty times a second", () => {
  const { server, lane } = client();
  server.connect();
  for (let x = 0; x < 100; x++) {
    lane.show({ is: "cursor", page: "1@1.1", x, y: 0 } satisfies Presence);
    server.run(5);
  }
  expect(server.got.filter((f) => f[0] === 8)).toHaveLength(10);
});

it("reads no frame with anything left over", () => {
  for (const bytes of [[], [1], [6], [6, 1, 1], [10, 9], [13, 1, 65, 2], [7, 0, 255]]) expect(() => readFrame(new Uint8Array(bytes)), String(bytes)).toThrow(WireError);
});

/** A lane whose second way is being opened, since pings came late. */
function stumbling() {
  const made = client();
  const { server, lane } = made;
  server.connect();
  for (let i = 0; i < 8 && server.wires === 1; i++) {
    addPage(lane.board!);
    lane.wrote();
    server.run(1000);
    server.slow = i % 3 === 2 ? 300 : 20;
  }
  expect(server.wires).toBe(2);
  return made;
}

it("asks how well the connection does every second while something happens, and every ten otherwise", () => {
  const { server, lane } = client();
  server.connect();
  const pings = () => server.got.filter((f) => f[0] === 14).length;
  for (let i = 0; i < 10; i++) {
    addPage(lane.board!);
    lane.wrote();
    server.run(1000);
  }
  expect(pings()).toBeGreaterThanOrEqual(8);
  server.run(5000);
  const quiet = pings();
  server.run(60_000);
  expect(pings() - quiet).toBeLessThanOrEqual(6);
  expect([server.wires, lane.state]).toEqual([1, "ready"]);
});

it("goes a second way where the first stumbles, and what one holds back comes by the other", () => {
  const { server, lane } = stumbling();
  server.connectNewest();
  server.hold();
  const before = server.log.length;
  addPage(lane.board!);
  lane.wrote();
  server.run(100);
  expect(server.log.length).toBe(before + 1);
  expect(lane.board!.unacknowledged).toBe(0);
  // Another's change comes by it, too.
  const other = new Board({ author: 9, session: 0 }, new BoardDocument());
  addPage(other);
  const theirs = other.takeUpdate();
  theirs.forEach((c) => server.document.apply(c));
  server.tell(3, (w) => w.raw(writeUpdate(theirs)));
  equal(lane, server);
  server.release();
  server.run(100);
  equal(lane, server);
  expect(lane.state).toBe("ready");
});

it("goes a second way at once where the server is far, but that only once", () => {
  const { server, lane } = client();
  server.slow = 150;
  server.connect();
  const draw = (times: number) => {
    for (let i = 0; i < times; i++) {
      addPage(lane.board!);
      lane.wrote();
      server.run(1000);
    }
  };
  draw(3);
  server.connectNewest();
  expect(server.wires).toBe(2);
  server.cutSecond();
  draw(12);
  expect([server.wires, lane.state]).toEqual([2, "ready"]);
  equal(lane, server);
});

it("a second way that ends is opened again only where the first stumbles anew, and goes with the first", () => {
  const { server, lane } = stumbling();
  server.connectNewest();
  server.cutSecond();
  server.slow = 20;
  for (let i = 0; i < 12; i++) {
    addPage(lane.board!);
    lane.wrote();
    server.run(1000);
  }
  expect([server.wires, lane.state]).toEqual([2, "ready"]);
  equal(lane, server);
  const again = stumbling();
  again.server.connectNewest();
  again.lane.close();
  const sent = again.server.got.length;
  again.server.run(60_000);
  expect(again.server.got.length).toBe(sent);
});
