// A board without a server: the real lane against a document in this page, with so many objects on it. Development only.
import { Board, Reader, readUpdate, snapshotOf, Writer, wholeOrder, orderBetween, encodeInk, type Level } from "../src/board";
import { LEVELS } from "../src/board";
import type { BoardPort, Entry } from "../src/port/board";
import { Lane, type WireEvents } from "../src/port/board/lane";

export interface FakeBoard {
  objects: number;
  level?: Level;
  /** Over a shared screen: who presents has turned drawing off. */
  forbidden?: boolean;
  /** "offline" after opening, "opening" for ever, or refused with a code. */
  state?: "offline" | "opening" | "refused";
}

export function fakeBoard({ objects, level = "host", state, forbidden = false }: FakeBoard): BoardPort {
  const server = new Board({ author: 2, session: 1 });
  const parent = server.edit("new", (edit) => edit.create("page", { order: wholeOrder(0), template: 2 }));
  let order = wholeOrder(0);
  for (let i = 0; i < objects; i++) {
    // One change each: all together would be larger than an update may be.
    server.edit("new", (edit) => {
      order = orderBetween(order, undefined);
      const at = { x: (i % 40) * 200 * 16, y: Math.floor(i / 40) * 160 * 16 };
      if (i % 4 === 0) edit.create("note", { parent, order, place: { ...at, width: 2400, height: 2000, turn: 0 }, text: i % 8 === 0 ? "下次会议之前" : "Ask Ana about the plan" });
      else if (i % 4 === 1) edit.create("shape", { parent, order, place: { ...at, width: 2400, height: 1600, turn: i * 50 % 36000 }, shape: i % 10, color: 0x2563ebff });
      else {
        const points = Array.from({ length: 60 }, (_, n) => ({ x: n * 40, y: Math.round(900 + 800 * Math.sin(n / 6 + i)), pressure: i % 3 === 0 ? 60 + n * 3 : 128 }));
        edit.create("stroke", { parent, order, place: { ...at, width: 59 * 40, height: 1600, turn: 0 }, ink: encodeInk(points), color: 0xd13438ff, width: 48 });
      }
    });
  }
  const entries: Entry[] = [];
  for (let batch = server.takeUpdate(); batch.length > 0; batch = server.takeUpdate()) {
    for (const change of batch) entries.push({ at: 1_790_000_000_000 + entries.length * 400, change });
  }
  const screen = overScreen();
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  return {
    pictures: async () => ({
      get: async (sha256) => {
        const value = kept.get(String(sha256));
        return value ? { ok: true, value } : { ok: false, code: "not_found" };
      },
      put: async (sha256, bytes) => {
        kept.set(String(sha256), new Uint8Array(bytes));
        return { ok: true, value: undefined };
      },
      close: () => undefined,
    }),
    history: async () => ({ ok: true, value: entries }),
    open: async (events, name = "") => new Lane(name, {
      random: Math.random,
      now: () => performance.now(),
      seat: () => ({ meeting: "m", participant: 1, token: "t" }),
      after: (ms, call) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      dial: (wire) => {
        if (state !== "opening") setTimeout(() => wire.opened(), 50);
        return { send: (frame) => setTimeout(() => answer(wire, name === "" ? server : screen, frame, name === "" ? level : forbidden ? "view" : "own", state, name === "" ? undefined : !forbidden), 0), close: () => undefined };
      },
    }, events),
  };
}

/** A shared screen with a ring around its middle, an underlined line, and a cross in each corner. */
function overScreen(): Board {
  const board = new Board({ author: 2, session: 1 });
  const parent = board.edit("new", (edit) => edit.create("page", { order: wholeOrder(0) }));
  let order = wholeOrder(0);
  const stroke = (at: { x: number; y: number }, points: { x: number; y: number }[], color: number, width = 52, tool = 0) => board.edit("new", (edit) => {
    order = orderBetween(order, undefined);
    const [w, h] = [Math.max(...points.map((p) => p.x)), Math.max(...points.map((p) => p.y))];
    return edit.create("stroke", { parent, order, place: { ...at, width: w, height: h, turn: 0 }, ink: encodeInk(points.map((p) => ({ ...p, pressure: 128 }))), color, width, tool });
  });
  const ring = Array.from({ length: 49 }, (_, i) => ({ x: Math.round(1600 + 1600 * Math.cos((i * Math.PI) / 24)), y: Math.round(900 + 900 * Math.sin((i * Math.PI) / 24)) }));
  stroke({ x: 8192 - 1600, y: 4608 - 900 }, ring, 0xd13438ff);
  stroke({ x: 600, y: 2100 }, [{ x: 0, y: 0 }, { x: 5000, y: 0 }], 0xd97706ff, 260, 2);
  for (const [x, y] of [[0, 0], [16384 - 400, 0], [0, 9216 - 400], [16384 - 400, 9216 - 400]] as const) stroke({ x, y }, [{ x: 0, y: 0 }, { x: 400, y: 400 }], 0x2563ebff);
  return board;
}

function answer(wire: WireEvents, server: Board, frame: Uint8Array, level: Level, state: FakeBoard["state"], allowed?: boolean): void {
  const say = (sort: number, write: (w: Writer) => void) => {
    const w = new Writer();
    w.byte(sort);
    write(w);
    wire.message(w.bytes());
  };
  if (frame[0] === 14) return say(15, (w) => w.number(1));
  if (frame[0] === 5) {
    const changes = readUpdate(frame.subarray(1));
    changes.forEach((change) => server.receive(change));
    return say(6, (w) => w.number((changes.at(-1)?.seq ?? 0) + 1));
  }
  if (frame[0] !== 1 || new Reader(frame).isEmpty) return;
  if (state === "refused") return say(13, (w) => (w.text("not_allowed"), w.byte(0)));
  say(2, (w) => (w.replica({ author: 1, session: 1 }), w.byte(LEVELS.indexOf(level)), w.number(1), w.number(0), w.text("main")));
  say(4, (w) => w.raw(snapshotOf(server.document)));
  say(16, (w) => (w.number(1), w.number(2), w.number(2), w.text("王小明")));
  if (allowed !== undefined) say(18, (w) => w.byte(allowed ? 1 : 0));
  if (state === "offline") wire.closed();
}
