import { expect, test, vi } from "vitest";
import { codecOf } from "./codec";
import { Engine } from "./engine";
import { Recent } from "./figures";
import { Link } from "./link";
import { drawnSize, fillPixels } from "./paint";
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
  const none = { units: 0, pixels: 0, canvas2d: 0, webgl: 0 };
  const of = (units: number, pixels: number, canvas2d: number, page: number) => {
    const { mode, painter, thread } = choose({ ...none, units, pixels, canvas2d }, { ...none, webgl: page });
    return `${mode} ${painter} ${thread}`;
  };
  expect(of(300, 0, 1300, 0)).toBe("units 2d worker");
  expect(of(40, 60, 70, 0)).toBe("units 2d worker");
  expect(of(40, 150, 200, 220)).toBe("pictures 2d worker");
  expect(of(40, 250, 200, 220)).toBe("pictures pixels worker");
  expect(of(10, 50, 60, 260)).toBe("pictures webgl page");
  expect(of(40, 300, 100, 900)).toBe("pictures pixels worker");
  expect(of(0, 0, 0, 0)).toBe("pictures pixels worker");
});

test("our own conversion is the standard's within a step, and stays in range", () => {
  const [y, cb, cr] = [
    [16, 81, 235, 255, 0, 41, 145, 210],
    [128, 90, 54, 255],
    [128, 240, 34, 0],
  ];
  const data = new Uint8Array([...y, ...cb.slice(0, 2), ...cr.slice(0, 2)]);
  const out = new Uint32Array(8);
  fillPixels({ data, width: 4, height: 2 }, out);
  const clamp = (x: number) => Math.max(0, Math.min(255, x));
  for (const [i, luma] of y.entries()) {
    const [u, v] = [(cb[(i % 4) >> 1] ?? 0) - 128, (cr[(i % 4) >> 1] ?? 0) - 128];
    const l = 1.1644 * (luma - 16);
    const expected = [l + 1.596 * v, l - 0.3918 * u - 0.813 * v, l + 2.0172 * u].map(clamp);
    const word = out[i] ?? 0;
    const found = [word & 255, (word >> 8) & 255, (word >> 16) & 255];
    for (const [channel, value] of found.entries()) expect(Math.abs(value - (expected[channel] ?? 0))).toBeLessThanOrEqual(1);
    expect(word >>> 24).toBe(255);
  }
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
  engine.hear({ type: "start", url: "ws://127.0.0.1:1/bus", token: "t", plan: { mode: "units", painter: "2d", thread: "worker" }, adapt: false });
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

test("where decoding here falls behind, the app is asked for pictures, once", () => {
  vi.useFakeTimers();
  const said: FromWorker[] = [];
  const engine = new Engine((message) => said.push(message));
  const modes = () => said.flatMap((m) => (m.type === "say" && m.text.includes("show") ? [(JSON.parse(m.text) as { mode: string }).mode] : []));
  const picture = (stream: number, late: number) => {
    const message = new ArrayBuffer(32 + 6);
    const view = new DataView(message);
    view.setUint8(0, 1);
    view.setUint8(1, 3);
    view.setUint8(3, 32);
    view.setUint32(4, stream, true);
    view.setUint16(16, 2, true);
    view.setUint16(18, 2, true);
    const ready = Math.round((performance.timeOrigin + performance.now() - late) * 1000);
    view.setUint32(24, ready % 2 ** 32, true);
    view.setUint32(28, Math.floor(ready / 2 ** 32), true);
    engine.hear({ type: "app", message });
  };
  const seconds = (count: number, late: number) => {
    for (let i = 0; i < count * 30; i += 1) {
      for (const stream of [5, 6, 7, 8]) picture(stream, late);
      vi.advanceTimersByTime(1000 / 30);
    }
  };
  engine.hear({ type: "start", url: undefined, token: "t", plan: { mode: "units", painter: "2d", thread: "worker" }, adapt: true });
  engine.hear({ type: "app", message: '{"type":"hello","version":1}' });
  engine.hear({ type: "show", streams: [5, 6, 7, 8].map((stream) => ({ stream, width: 2, height: 2 })) });
  seconds(11, 5);
  expect(modes()).toEqual(["units", "units"]);
  seconds(11, 90);
  expect(modes()).toEqual(["units", "units", "pictures"]);
  seconds(11, 90);
  expect(modes()).toHaveLength(3);
  engine.hear({ type: "stop" });
  vi.useRealTimers();
});
