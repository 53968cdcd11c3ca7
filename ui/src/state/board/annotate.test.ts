// Drawing on a shared screen: the same spot for any size of view, ink that fades, who may, and several people over one server.
import { describe, expect, it } from "vitest";
import { Board, FADING, fromSnapshot, LEVELS, pages, Reader, readPresence, readUpdate, snapshotOf, Writer, wholeOrder, writeUpdate, encodeInk, objectsOn, type Level } from "../../board";
import { enAnnotate } from "../../i18n/en-annotate";
import { placeholders } from "../../i18n/format";
import { zhAnnotate } from "../../i18n/zh-CN-annotate";
import type { BoardPort } from "../../port/board";
import { Lane, type WireEvents } from "../../port/board/lane";
import { AnnotateModel } from "./annotate.svelte";
import { FADE_MS, LiveInk, SILENT_MS, STAY_MS } from "./fading";
import { keepAsPage, pageBox } from "./keep";
import { lengthIn, onPicture, PAGE, pictureIn, placed, toBoard, touches, type Size } from "./picture";
import { Scene } from "./scene";
import type { Touch } from "./tools";

/** Views as they occur: the two of the acceptance, odd ones with bars beside or above, a phone. */
const VIEWS: Size[] = [
  { width: 1280, height: 720 }, { width: 2560, height: 1440 }, { width: 1280, height: 800 }, { width: 2560, height: 1301 }, { width: 1037, height: 613 }, { width: 390, height: 844 }, { width: 3001, height: 500 },
];

/** A shared picture and the layers of it that viewers get: sizes are rounded to even pixels on the way. */
const SCREENS: Size[][] = [
  [{ width: 1920, height: 1080 }, { width: 960, height: 540 }, { width: 480, height: 270 }],
  [{ width: 1366, height: 768 }, { width: 682, height: 384 }, { width: 340, height: 192 }],
  [{ width: 3440, height: 1440 }, { width: 1720, height: 720 }],
  [{ width: 799, height: 1235 }, { width: 398, height: 616 }],
];

describe("a spot on a picture", () => {
  it("is the same within three pixels whatever the view and the layer are", () => {
    let worst = 0;
    for (const layers of SCREENS) {
      for (const from of VIEWS.flatMap((view) => layers.map((layer) => pictureIn(view, layer)!))) {
        for (const to of VIEWS.flatMap((view) => layers.map((layer) => pictureIn(view, layer)!))) {
          for (const [across, down] of [[0, 0], [1, 1], [0.5, 0.5], [0.123, 0.877], [0.999, 0.001]] as const) {
            // The pointer stands on this share of the picture here; there the same share has to be drawn.
            const pointer = { x: from.x + across * from.width, y: from.y + down * from.height };
            const seen = onPicture(to, toBoard(from, pointer));
            const error = Math.hypot(seen.x - (to.x + across * to.width), seen.y - (to.y + down * to.height));
            worst = Math.max(worst, error);
          }
        }
      }
    }
    expect(worst).toBeLessThan(3);
    // What is left is the rounding of coordinates alone.
    expect(worst).toBeLessThan(0.2);
  });

  it("lies in the part of the view the picture takes, and never beside it", () => {
    const box = pictureIn({ width: 1280, height: 800 }, { width: 1920, height: 1080 })!;
    expect(box).toEqual({ x: 0, y: 40, width: 1280, height: 720 });
    expect(toBoard(box, { x: 640, y: 400 })).toEqual({ x: PAGE.width / 2, y: PAGE.height / 2 });
    expect(toBoard(box, { x: -50, y: 10 })).toEqual({ x: 0, y: 0 });
    expect(toBoard(box, { x: 5000, y: 799 })).toEqual({ x: PAGE.width, y: PAGE.height });
    const tall = pictureIn({ width: 1000, height: 500 }, { width: 500, height: 1000 })!;
    expect(tall).toEqual({ x: 375, y: 0, width: 250, height: 500 });
    for (const none of [{ width: 0, height: 0 }, { width: NaN, height: 3 }]) expect(pictureIn({ width: 10, height: 10 }, none)).toBeUndefined();
    expect(pictureIn({ width: 0, height: 10 }, { width: 4, height: 3 })).toBeUndefined();
  });

  it("has lines as thick in all directions, by the picture's width", () => {
    const box = { x: 10, y: 20, width: 2560, height: 700 };
    expect(lengthIn(box, PAGE.width)).toBe(2560);
    const look = { kind: "stroke", runs: [[{ x: PAGE.width, y: PAGE.height, pressure: 9 }]], place: { x: 0, y: 0, width: 0, height: 0, turn: 0 }, color: 1, width: 64, tool: 0 } as const;
    expect(placed(look, box)).toMatchObject({ runs: [[{ x: 2570, y: 720, pressure: 9 }]], width: 10 });
  });
});

it("an eraser touches a line between its points, and passes by beside it", () => {
  const look = { kind: "stroke", runs: [[{ x: 0, y: 0, pressure: 9 }, { x: 1000, y: 0, pressure: 9 }]], place: { x: 0, y: 0, width: 0, height: 0, turn: 0 }, color: 1, width: 20, tool: 0 } as const;
  expect(touches(look, { x: 500, y: -500 }, { x: 520, y: 500 }, 5)).toBe(true);
  expect(touches(look, { x: 500, y: 14 }, { x: 520, y: 14 }, 5)).toBe(true);
  expect(touches(look, { x: 500, y: 16 }, { x: 520, y: 300 }, 5)).toBe(false);
  expect(touches(look, { x: 1100, y: -500 }, { x: 1100, y: 500 }, 5)).toBe(false);
  const dot = { ...look, runs: [[{ x: 50, y: 50, pressure: 9 }]] };
  expect(touches(dot, { x: 50, y: 60 }, { x: 50, y: 60 }, 5)).toBe(true);
  expect(touches(dot, { x: 50, y: 80 }, { x: 90, y: 80 }, 5)).toBe(false);
});

describe("ink that fades", () => {
  const ink = (...xs: number[]) => encodeInk(xs.map((x) => ({ x, y: 0, pressure: 128 })));
  const part = (key: number, tool: number, first: number, ...xs: number[]) => ({ key, tool, color: 1, width: 2, first, ink: ink(...xs) });

  it("stays, fades and is gone", () => {
    const live = new LiveInk();
    live.drawing("1.0", part(1, FADING, 0, 1, 2, 3), 0);
    live.drawing("1.0", part(1, FADING, 2, 5, 6), 40);
    expect(live.shades(50)).toMatchObject([{ strength: 1, by: "1.0", stroke: { points: [{ x: 1 }, { x: 2 }, { x: 5 }, { x: 6 }] } }]);
    live.drawn("1.0", 1, null, 100);
    expect(live.shades(100 + STAY_MS)).toMatchObject([{ strength: 1, by: undefined }]);
    expect(live.shades(100 + STAY_MS + FADE_MS / 2)[0]?.strength).toBeCloseTo(0.5);
    expect(live.moves).toBe(true);
    expect(live.shades(100 + STAY_MS + FADE_MS)).toEqual([]);
    expect(live.moves).toBe(false);
  });
  it("other ink is gone at once when it was given up or became an object", () => {
    const live = new LiveInk();
    for (const object of [null, "5@1.0"]) {
      live.drawing("1.0", part(1, 0, 0, 1), 0);
      live.drawn("1.0", 1, object, 1);
      expect(live.shades(1)).toEqual([]);
    }
  });
  it("fades too when its end never came: a new stroke, silence, or the copy left", () => {
    for (const end of ["next", "silent", "gone"]) {
      const live = new LiveInk();
      live.drawing("1.0", part(1, FADING, 0, 1), 0);
      if (end === "next") live.drawing("1.0", part(2, 0, 0, 7), 10);
      if (end === "gone") live.gone("1.0", 10);
      const fading = live.shades(end === "silent" ? SILENT_MS + 1 : 11).filter((shade) => shade.by === undefined);
      expect(fading, end).toMatchObject([{ strength: 1, stroke: { key: 1 } }]);
      expect(live.shades(SILENT_MS + STAY_MS + FADE_MS + 1).filter((shade) => shade.by === undefined), end).toEqual([]);
    }
  });
});

/** A server of one board: orders, sends on, and lets who presents forbid, as crates/board does. */
class Server {
  readonly board = new Board({ author: 0, session: 0 });
  readonly presence: ReturnType<typeof readPresence>[] = [];
  allowed = true;
  asked: string[] = [];
  private timers: { at: number; call: () => void }[] = [];
  private people: { wire: WireEvents; author: number; level: Level; presents: boolean; told: Level }[] = [];
  now = 0;

  constructor(readonly screen = true) {
    if (screen) this.board.edit("new", (edit) => edit.create("page", { order: wholeOrder(0) }));
  }

  port(author: number, level: Level, presents = false): BoardPort {
    return {
      open: async (events, board = "") => {
        this.asked.push(board);
        const lane = new Lane(board, {
          random: () => 1,
          now: () => 0,
          seat: () => ({ meeting: "m", participant: author, token: "t" }),
          after: (ms, call) => {
            const timer = { at: this.now + ms, call };
            this.timers.push(timer);
            return () => (this.timers = this.timers.filter((t) => t !== timer));
          },
          dial: (wire) => {
            const person = { wire, author, level, presents, told: level };
            queueMicrotask(() => wire.opened());
            return { send: (frame) => this.take(person, frame), close: () => (this.people = this.people.filter((p) => p !== person)) };
          },
        }, events);
        await Promise.resolve();
        return lane;
      },
      pictures: () => Promise.reject(new Error("there are none over a screen")),
    };
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let next = this.next(end); next; next = this.next(end)) {
      this.timers = this.timers.filter((t) => t !== next);
      this.now = next.at;
      next.call();
    }
    this.now = end;
  }

  private next(end: number) {
    return this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
  }

  private say(wire: WireEvents, sort: number, write: (w: Writer) => void): void {
    const w = new Writer();
    w.byte(sort);
    write(w);
    wire.message(w.bytes());
  }

  private levelOf = (person: Server["people"][number]): Level => (person.presents ? "host" : this.allowed ? person.level : "view");

  private take(person: Server["people"][number], frame: Uint8Array): void {
    const body = frame.subarray(1);
    if (frame[0] === 1) {
      this.people.push(person);
      person.told = this.levelOf(person);
      this.say(person.wire, 2, (w) => (w.replica({ author: person.author, session: 0 }), w.byte(LEVELS.indexOf(person.told)), w.number(1), w.number(0), w.text("")));
      this.say(person.wire, 4, (w) => w.raw(snapshotOf(this.board.document)));
      this.say(person.wire, 16, (w) => (w.number(1), w.number(person.author), w.number(person.author), w.text(`P${person.author}`)));
      if (this.screen) this.say(person.wire, 18, (w) => w.byte(this.allowed ? 1 : 0));
    } else if (frame[0] === 5) {
      const changes = readUpdate(body);
      if (this.levelOf(person) === "view") return this.say(person.wire, 7, (w) => (w.number(0), w.text("board_view_only"), w.number(0)));
      changes.forEach((change) => this.board.receive(change));
      this.say(person.wire, 6, (w) => w.number((changes.at(-1)?.seq ?? 0) + 1));
      for (const other of this.people) if (other !== person) this.say(other.wire, 3, (w) => w.raw(writeUpdate(changes)));
    } else if (frame[0] === 8) {
      this.presence.push(readPresence(body));
      for (const other of this.people) if (other !== person) this.say(other.wire, 9, (w) => (w.replica({ author: person.author, session: 0 }), w.raw(body)));
    } else if (frame[0] === 17 && person.presents) {
      this.allowed = new Reader(body).byte() === 1;
      for (const other of this.people) {
        this.say(other.wire, 18, (w) => w.byte(this.allowed ? 1 : 0));
        if (other.told !== this.levelOf(other)) this.say(other.wire, 10, (w) => w.byte(LEVELS.indexOf((other.told = this.levelOf(other)))));
      }
    }
  }
}

const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

async function three() {
  const server = new Server();
  const models = [server.port(1, "view", true), server.port(2, "own"), server.port(3, "own")].map((port) => new AnnotateModel(port, 7, () => server.now));
  await settled();
  server.run(10);
  const [presenter, ada, bob] = models as [AnnotateModel, AnnotateModel, AnnotateModel];
  return { server, presenter, ada, bob };
}

/** Draws by hand from pixel to pixel of a view. */
function drag(model: AnnotateModel, view: Size, picture: Size, ...way: [number, number][]): void {
  const box = pictureIn(view, picture)!;
  const touch = ([x, y]: [number, number]): Touch => ({ ...toBoard(box, { x, y }), screen: { x, y }, pressure: 0.5, pen: false, shift: false, alt: false, reach: 50 });
  way.forEach((at, i) => model.point({ is: i === 0 ? "down" : "move", at: touch(at) }));
  model.point({ is: "up", at: touch(way.at(-1)!) });
}

const HD = { width: 1920, height: 1080 };
const SMALL = { width: 1280, height: 800 };
const LARGE = { width: 2560, height: 1300 };

describe("several people on one screen", () => {
  it("see a stroke where it was drawn, within three pixels on 1280 and 2560", async () => {
    const { server, presenter, ada, bob } = await three();
    expect(server.asked).toEqual(["screen-7", "screen-7", "screen-7"]);
    expect([presenter.level, ada.level, ada.mayDraw, ada.allowed]).toEqual(["host", "own", true, true]);
    ada.take("pen");
    // From the picture's upper left corner to its middle.
    drag(ada, SMALL, HD, [0, 40], [320, 220], [640, 400]);
    server.run(100);
    for (const model of [presenter, bob]) {
      const [stroke] = model.strokes();
      const box = pictureIn(LARGE, { width: 960, height: 540 })!;
      const points = placed(stroke!, box).runs.flat();
      const [first, last] = [points[0]!, points.at(-1)!];
      expect(Math.hypot(first.x - box.x, first.y - box.y)).toBeLessThan(3);
      expect(Math.hypot(last.x - (box.x + box.width / 2), last.y - (box.y + box.height / 2))).toBeLessThan(3);
    }
    expect(ada.lane?.board?.unacknowledged).toBe(0);
  });

  it("erase and clear what they may, and take it back", async () => {
    const { server, presenter, ada, bob } = await three();
    for (const [model, y] of [[ada, 100], [bob, 300]] as const) {
      model.take("pen");
      drag(model, SMALL, HD, [100, y], [600, y]);
    }
    server.run(100);
    expect([ada.count, bob.count, presenter.count]).toEqual([2, 2, 2]);
    // Over both strokes: only the own one goes.
    ada.take("eraser");
    drag(ada, SMALL, HD, [300, 90], [300, 310]);
    server.run(100);
    expect(bob.count).toBe(1);
    ada.undo();
    server.run(100);
    expect(bob.count).toBe(2);
    ada.clear();
    server.run(100);
    expect(presenter.count).toBe(1);
    presenter.clear();
    server.run(100);
    expect([ada.count, bob.count]).toEqual([0, 0]);
    presenter.undo();
    server.run(100);
    expect(bob.count).toBe(1);
  });

  it("stop drawing when who presents forbids it, and go on when it is allowed again", async () => {
    const { server, presenter, ada } = await three();
    ada.take("pen");
    const box = pictureIn(SMALL, HD)!;
    ada.point({ is: "down", at: { ...toBoard(box, { x: 9, y: 99 }), screen: { x: 9, y: 99 }, pressure: 0.5, pen: false, shift: false, alt: false, reach: 50 } });
    presenter.allow(false);
    server.run(10);
    expect([ada.allowed, ada.mayDraw, ada.tool, ada.making()]).toEqual([false, false, undefined, undefined]);
    expect([presenter.allowed, presenter.mayDraw]).toEqual([false, true]);
    ada.take("pen");
    drag(ada, SMALL, HD, [1, 99], [500, 99]);
    server.run(100);
    expect(presenter.count).toBe(0);
    presenter.allow(true);
    server.run(10);
    ada.take("pen");
    drag(ada, SMALL, HD, [1, 99], [500, 99]);
    server.run(100);
    expect(presenter.count).toBe(1);
  });

  it("draw with ink that fades without writing anything", async () => {
    const { server, ada, bob } = await three();
    const before = snapshotOf(server.board.document);
    ada.take("fading");
    drag(ada, SMALL, HD, [100, 100], [300, 300], [500, 500]);
    server.run(100);
    expect(snapshotOf(server.board.document)).toEqual(before);
    for (const model of [ada, bob]) expect(model.live.shades(server.now)).toMatchObject([{ strength: 1, by: undefined, stroke: { tool: FADING } }]);
    expect(bob.live.shades(server.now + STAY_MS + FADE_MS)).toEqual([]);
    expect(server.presence.map((p) => p.is)).toEqual(["drawing", "drawn"]);
  });

  it("leave, and nothing of them is left in the making", async () => {
    const { server, ada, bob } = await three();
    ada.take("pen");
    const box = pictureIn(SMALL, HD)!;
    ada.point({ is: "down", at: { ...toBoard(box, { x: 9, y: 99 }), screen: { x: 9, y: 99 }, pressure: 0.5, pen: false, shift: false, alt: false, reach: 50 } });
    server.run(60);
    expect(bob.live.shades(server.now)).toMatchObject([{ by: "2.0" }]);
    ada.take(undefined);
    server.run(60);
    expect(bob.live.shades(server.now)).toEqual([]);
  });
});

describe("kept as a page of the whiteboard", () => {
  it("has the strokes and the picture's edge at the size of a screen, stored by the server", async () => {
    const { server, ada } = await three();
    ada.take("highlighter");
    drag(ada, SMALL, HD, [0, 40], [1280, 760]);
    server.run(100);
    const main = new Server(false);
    const kept = keepAsPage(main.port(2, "draw"), ada.strokes(), HD, "Screen of Ada");
    await settled();
    main.run(100);
    await kept;
    expect(main.asked).toEqual([""]);
    const document = fromSnapshot(snapshotOf(main.board.document));
    const [page] = pages(document);
    expect(document.object(page!)?.get("name")).toBe("Screen of Ada");
    const [edge, stroke] = objectsOn(document, page!).map((id) => document.object(id)!);
    expect(edge?.kind).toBe("shape");
    expect(edge?.get("place")).toEqual({ ...pageBox(HD), turn: 0 });
    expect(stroke?.get("tool")).toBe(2);
    const runs = new Scene(main.board, page!).all()[1]!.look;
    const points = runs.kind === "stroke" ? runs.runs.flat() : [];
    expect(points[0]).toMatchObject({ x: 0, y: 0 });
    expect(points.at(-1)).toMatchObject({ x: 1280 * 16, y: 720 * 16 });
  });
  it("is refused where one may only look, and nothing is written", async () => {
    for (const level of ["view", "own"] as const) {
      const main = new Server(false);
      const kept = keepAsPage(main.port(2, level), [], HD, "x");
      await expect(kept).rejects.toThrow("board_view_only");
      expect(pages(main.board.document)).toEqual([]);
    }
  });
});

it("the catalogues have the same keys and fill in the same things", () => {
  expect(Object.keys(zhAnnotate)).toEqual(Object.keys(enAnnotate));
  for (const [key, text] of Object.entries(enAnnotate)) {
    const chinese = zhAnnotate[key as keyof typeof enAnnotate];
    expect(placeholders(chinese), key).toEqual(placeholders(text));
    for (const one of typeof chinese === "string" ? [chinese] : [chinese.one, chinese.other]) expect(one, key).toMatch(/\p{Script=Han}/u);
  }
});
