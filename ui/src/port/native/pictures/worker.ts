// The picture worker: what the app sends becomes pictures on the canvases that the page handed over. The page's own thread
// takes no part in it.

import { webCodecs } from "./decoder";
import { Link } from "./link";
import { CanvasEasel } from "./paint";
import { probe } from "./probe";
import { PICTURE_CREDIT, Stream, type Studio, UNIT_CREDIT } from "./stream";
import type { FromWorker, Plan, ToWorker, Wanted } from "./talk";
import { type Shown, isOwn, readHeader } from "./wire";

/** The part of a worker's global scope that is used; TypeScript's DOM library only knows windows. */
interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  requestAnimationFrame?: (callback: () => void) => number;
  close(): void;
}
const scope = globalThis as unknown as Scope;

interface Canvas {
  stream: number;
  easel: CanvasEasel;
}

const streams = new Map<number, Stream>();
const canvases = new Map<number, Canvas>();
let plan: Plan = { mode: "units", painter: "2d" };
let link: Link | undefined;
let wanted: readonly Wanted[] = [];
let drawing = false;

const studio: Studio = {
  decoder: webCodecs,
  credit: (stream, count) => link?.credit(stream, count),
  needKey: (stream) => link?.say({ type: "key", stream }),
  due: () => {
    if (drawing) return;
    drawing = true;
    nextFrame(() => {
      drawing = false;
      for (const stream of streams.values()) stream.draw();
    });
  },
  now: () => (performance.timeOrigin + performance.now()) * 1000,
};

function nextFrame(callback: () => void): void {
  if (scope.requestAnimationFrame !== undefined) scope.requestAnimationFrame(callback);
  else setTimeout(callback, 8);
}

function start(message: ToWorker & { type: "start" }): void {
  plan = message.plan;
  const { url, token } = message;
  const way =
    url === undefined
      ? { carry: (text: string) => scope.postMessage({ type: "say", text }) }
      : { socket: () => new WebSocket(`${url}?token=${token}`) };
  link = new Link(way, {
    connected: (on) => {
      for (const stream of streams.values()) stream.rest();
      scope.postMessage({ type: "connected", on });
      if (on) sayWhatIsShown();
    },
    picture: (message) => {
      const header = readHeader(message);
      if (header !== undefined) streams.get(header.stream)?.feed(header, message);
    },
  });
}

function show(next: readonly Wanted[]): void {
  wanted = next;
  const ids = new Set(next.map((w) => w.stream));
  for (const [id, stream] of streams) {
    if (ids.has(id)) continue;
    stream.rest();
    forgetUnused(id);
  }
  for (const id of ids) streamOf(id);
  sayWhatIsShown();
}

function sayWhatIsShown(): void {
  const shown = (w: Wanted): Shown => ({
    ...w,
    credit: plan.mode === "units" && !isOwn(w.stream) ? UNIT_CREDIT : PICTURE_CREDIT,
  });
  link?.say({ type: "show", mode: plan.mode, streams: wanted.map(shown) });
}

function streamOf(id: number): Stream {
  const known = streams.get(id);
  if (known !== undefined) return known;
  const stream = new Stream(id, studio);
  streams.set(id, stream);
  return stream;
}

/** Streams that hang nowhere and are not shown hold nothing. */
function forgetUnused(id: number): void {
  const stream = streams.get(id);
  if (stream === undefined || !stream.isBare || wanted.some((w) => w.stream === id)) return;
  stream.close();
  streams.delete(id);
}

function hang(id: number, on: boolean): void {
  const canvas = canvases.get(id);
  if (canvas === undefined) return;
  if (on) {
    streamOf(canvas.stream).hang(id, canvas.easel);
  } else {
    streams.get(canvas.stream)?.takeDown(id);
    forgetUnused(canvas.stream);
  }
}

scope.onmessage = ({ data: message }) => {
  switch (message.type) {
    case "start":
      return start(message);
    case "app":
      return link?.receive(message.message);
    case "canvas": {
      const painter = plan.mode === "units" && !isOwn(message.stream) ? "2d" : plan.painter;
      canvases.set(message.id, { stream: message.stream, easel: new CanvasEasel(message.canvas, painter) });
      return;
    }
    case "hang":
      return hang(message.id, message.on);
    case "forget":
      hang(message.id, false);
      return void canvases.delete(message.id);
    case "size":
      return canvases.get(message.id)?.easel.size(message.width, message.height);
    case "show":
      return show(message.streams);
    case "stats": {
      const figures = [...streams.values()].map((stream) => stream.figures());
      const stats = { ...plan, connected: link?.isUp ?? false, connections: link?.connections ?? 0, streams: figures };
      return scope.postMessage({ type: "stats", ask: message.ask, stats });
    }
    case "probe":
      void probe().then((result) => scope.postMessage({ type: "probe", ask: message.ask, probe: result }));
      return;
    case "stop":
      link?.stop();
      for (const stream of streams.values()) stream.close();
      return scope.close();
  }
};
