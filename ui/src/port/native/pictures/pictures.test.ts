import { expect, test, vi } from "vitest";
import { codecOf } from "./codec";
import { Engine } from "./engine";
import { Recent } from "./figures";
import { Link } from "./link";
import { drawnSize } from "./paint";
import { choose } from "./probe";
import { sameShown, shownNow } from "./shown";
import type { FromWorker } from "./talk";
import { OWN_CAMERA } from "./wire";

const tile = (stream: number, more = {}) => ({ stream, visible: true, width: 320, height: 180, ...more });

test("what hangs, is wanted and can be seen is shown, in the order of the views", () => {
  const asked = [3, 1, 2].map((stream) => ({ stream, width: 640, height: 360 }));
  const hung = [tile(1), tile(2, { visible: false }), tile(3, { width: 0, height: 0 }), tile(4), tile(OWN_CAMERA)];
  expect(shownNow(asked, hung, true)).toEqual([
    { stream: 3, width: 640, height: 360 },
    { stream: 1, width: 320, height: 180 },
    { stream: OWN_CAMERA, width: 320, height: 180 },
  ]);
  expect(shownNow(asked, hung, false)).toEqual([]);
  expect(shownNow(undefined, [tile(4)], true).map((w) => w.stream)).toEqual([4]);
});

test("a stream that hangs twice is sent once, as large as its largest place", () => {
  const shown = shownNow(undefined, [tile(1), tile(1, { width: 1280, height: 720 })], true);
  expect(shown).toEqual([{ stream: 1, width: 1280, height: 720 }]);
  expect(sameShown(shown, [...shown])).toBe(true);
  expect(sameShown(shown, [])).toBe(false);
});

test("canvases cover their tile, grow in steps and never beyond the picture", () => {
  const picture = { width: 1280, height: 720 };
  expect(drawnSize(picture, 320, 180)).toEqual([320, 180]);
  expect(drawnSize(picture, 330, 180)).toEqual([480, 270]);
  expect(drawnSize(picture, 320, 360)).toEqual([640, 360]);
  expect(drawnSize(picture, 4000, 3000)).toEqual([1280, 720]);
  expect(drawnSize(picture, 0, 0)).toEqual([1280, 720]);
});

test("the codec string comes from the parameter set, wherever it stands in the key frame", () => {
  const delimiter = [0, 0, 0, 1, 9, 0x10];
  const set = [0, 0, 1, 0x67, 0x64, 0, 0x28, 1, 2, 3];
  expect(codecOf("h264", new Uint8Array([...delimiter, ...set]))).toBe("avc1.640028");
  expect(codecOf("h264", new Uint8Array(delimiter))).toBeUndefined();
  expect(codecOf("h264", new Uint8Array([0, 0, 1, 0x67]))).toBeUndefined();
  expect(codecOf("vp8", new Uint8Array())).toBe("vp8");
  expect(codecOf("i420", new Uint8Array(64))).toBeUndefined();
});

test("units are chosen where they are fast enough, pictures where they are much faster, the page's thread where nothing else is", () => {
  const none = { units: 0, webgl: 0, canvas2d: 0 };
  const of = (units: number, canvas2d: number, page: number) => {
    const { mode, painter, thread } = choose({ units, webgl: 0, canvas2d }, { ...none, webgl: page });
    return `${mode} ${painter} ${thread}`;
  };
  expect(of(200, 1000, 0)).toBe("units 2d worker");
  expect(of(40, 70, 0)).toBe("units 2d worker");
  expect(of(40, 200, 220)).toBe("pictures 2d worker");
  expect(of(40, 100, 260)).toBe("pictures webgl page");
  expect(of(0, 0, 0)).toBe("pictures 2d worker");
});

test("percentiles are of the latest values", () => {
  const recent = new Recent();
  expect(recent.percentile(0.5)).toBe(-1);
  for (let i = 0; i < 2000; i += 1) recent.add(i < 1000 ? 1000 : i % 100);
  expect(recent.percentile(0.5)).toBeGreaterThanOrEqual(49);
  expect(recent.percentile(0.5)).toBeLessThanOrEqual(51);
});

test("the link speaks after the greeting only, and gathers credits", async () => {
  const said: string[] = [];
  const seen: (boolean | number)[] = [];
  const link = new Link(
    { carry: (text) => said.push(text) },
    { connected: (on) => seen.push(on), picture: (message) => seen.push(message.byteLength) },
  );
  link.say({ type: "key", stream: 1 });
  link.receive(new ArrayBuffer(4));
  link.receive('{"type":"hello","version":99}');
  expect([said, seen]).toEqual([[], []]);
  link.receive('{"type":"hello","version":1}');
  link.receive(new ArrayBuffer(8));
  link.credit(7, 1);
  link.credit(9, 1);
  link.credit(7, 2);
  await new Promise((resolve) => setTimeout(resolve, 30));
  link.stop();
  expect(seen).toEqual([true, 8, false]);
  expect(said.map((text) => JSON.parse(text) as unknown)).toEqual([{ type: "credit", streams: [[7, 3], [9, 1]] }]);
});

test("where the socket leads nowhere the page carries the messages, and back", () => {
  const sockets: { url: string; closed: boolean }[] = [];
  class FakeSocket {
    readonly record;
    constructor(url: string) {
      this.record = { url, closed: false };
      sockets.push(this.record);
    }
    close(): void {
      this.record.closed = true;
    }
  }
  vi.stubGlobal("WebSocket", FakeSocket);
  const said: FromWorker[] = [];
  const engine = new Engine((message) => said.push(message));
  engine.hear({ type: "start", url: "ws://127.0.0.1:1/bus", token: "t", plan: { mode: "units", painter: "2d", thread: "worker" } });
  engine.hear({ type: "way", carried: true });
  expect(sockets).toEqual([{ url: "ws://127.0.0.1:1/bus?token=t", closed: true }]);
  engine.hear({ type: "app", message: '{"type":"hello","version":1}' });
  expect(said).toEqual([{ type: "connected", on: true }, { type: "say", text: '{"type":"show","mode":"units","streams":[]}' }]);
  engine.hear({ type: "way", carried: false });
  expect(sockets.map((s) => s.closed)).toEqual([true, false]);
  expect(said.at(-1)).toEqual({ type: "connected", on: false });
  engine.hear({ type: "stop" });
  vi.unstubAllGlobals();
});
