// The tools as a state machine: what the pointer does becomes what the board does. Pure; page coordinates, milliseconds.
import { MAX_POINTS, NO_PRESSURE, type ObjectId, type Point } from "../../board";
import type { Box, Vec } from "./geometry";
import { follow } from "./outline";
import type { Handle } from "./select";

export const TOOLS = ["select", "hand", "pen", "highlighter", "erasePart", "eraseStroke", "shape", "connector", "text", "note", "laser"] as const;
export type ToolName = (typeof TOOLS)[number];

/** The pointer on the page. */
export interface Touch extends Vec {
  /** 0 to 1, as PointerEvent has it; of a mouse 0.5. */
  readonly pressure: number;
  readonly pen: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  /** How near is near enough, sixteenths: so many pixels at this zoom. */
  readonly reach: number;
  readonly screen: Vec;
}

export type Input = { is: "down" | "move" | "up"; at: Touch } | { is: "cancel" };

/** What the machine asks about the page. */
export interface Ground {
  hit(p: Vec, reach: number): ObjectId | undefined;
  handle(p: Vec, reach: number): Handle | undefined;
  isSelected(id: ObjectId): boolean;
  /** The point is on the knob that turns what is selected. */
  knob(p: Vec, reach: number): boolean;
}

export type Hold =
  | { is: "nothing" }
  | { is: "ink"; tool: "pen" | "highlighter"; points: readonly Point[]; last: Point }
  | { is: "erase"; tool: "erasePart" | "eraseStroke"; last: Vec }
  | { is: "frame"; from: Vec; to: Vec; add: boolean }
  | { is: "move"; from: Vec; moved: boolean; id: ObjectId; wasSelected: boolean }
  | { is: "resize"; from: Vec; handle: Handle }
  | { is: "turn"; from: Vec }
  | { is: "draw"; tool: "shape" | "connector" | "note"; from: Vec; to: Vec; shift: boolean; moved: boolean }
  | { is: "pan"; last: Vec }
  | { is: "laser"; points: readonly Vec[] };

export type Effect =
  | { is: "stroke"; tool: "pen" | "highlighter"; points: readonly Point[] }
  /** The eraser went from here to there. `first` begins a step of the undo. */
  | { is: "erase"; tool: "erasePart" | "eraseStroke"; from: Vec; to: Vec; first: boolean; last: boolean }
  | { is: "select"; ids: readonly ObjectId[]; add: boolean }
  | { is: "catch"; box: Box; add: boolean }
  | { is: "grab" }
  | { is: "move"; by: Vec; free: boolean; done: boolean }
  | { is: "resize"; handle: Handle; by: Vec; keep: boolean; centre: boolean; done: boolean }
  | { is: "turn"; from: Vec; to: Vec; steps: boolean; done: boolean }
  | { is: "shape"; box: Box; turnedX: boolean; turnedY: boolean }
  | { is: "connector"; from: Vec; to: Vec }
  | { is: "text"; at: Vec }
  | { is: "note"; at: Vec; box: Box | undefined }
  | { is: "pan"; dx: number; dy: number }
  | { is: "laser"; points: readonly Vec[] }
  /** A drag was given up: what it wrote is taken back. */
  | { is: "giveUp" };

export interface ToolState {
  readonly tool: ToolName;
  readonly hold: Hold;
}

export interface Step {
  readonly state: ToolState;
  readonly effects: readonly Effect[];
}

const FREE: Hold = { is: "nothing" };
/** Below this many pixels it was a click. */
const CLICK = 4;
const MOST_LASER = 60;

export const start = (tool: ToolName): ToolState => ({ tool, hold: FREE });

export function step(state: ToolState, input: Input, ground: Ground): Step {
  if (input.is === "cancel") return cancel(state);
  if (input.is === "down") return state.hold.is === "nothing" ? down(state, input.at, ground) : { state, effects: [] };
  return input.is === "move" ? move(state, input.at) : up(state, input.at);
}

function cancel(state: ToolState): Step {
  const writes = ["move", "resize", "turn", "erase"].includes(state.hold.is);
  return { state: { ...state, hold: FREE }, effects: writes ? [{ is: "giveUp" }] : [] };
}

const inkPoint = (at: Touch): Point => ({
  x: Math.round(at.x), y: Math.round(at.y), pressure: at.pen ? Math.round(Math.min(1, Math.max(0, at.pressure)) * 255) : NO_PRESSURE,
});

function down(state: ToolState, at: Touch, ground: Ground): Step {
  const to = (hold: Hold, ...effects: Effect[]): Step => ({ state: { ...state, hold }, effects });
  const { tool } = state;
  switch (tool) {
    case "pen":
    case "highlighter": {
      const first = inkPoint(at);
      return to({ is: "ink", tool, points: [first], last: first });
    }
    case "erasePart":
    case "eraseStroke":
      return to({ is: "erase", tool, last: at }, { is: "erase", tool, from: at, to: at, first: true, last: false });
    case "shape":
    case "connector":
    case "note":
      return to({ is: "draw", tool, from: at, to: at, shift: at.shift, moved: false });
    case "text":
      return to(FREE, { is: "text", at });
    case "hand":
      return to({ is: "pan", last: at.screen });
    case "laser":
      return to({ is: "laser", points: [at] }, { is: "laser", points: [at] });
    case "select":
      return select(to, at, ground);
  }
}

function select(to: (hold: Hold, ...effects: Effect[]) => Step, at: Touch, ground: Ground): Step {
  if (ground.knob(at, at.reach)) return to({ is: "turn", from: at }, { is: "grab" });
  const handle = ground.handle(at, at.reach);
  if (handle) return to({ is: "resize", from: at, handle }, { is: "grab" });
  const id = ground.hit(at, at.reach);
  if (id === undefined) {
    const frame: Hold = { is: "frame", from: at, to: at, add: at.shift };
    return at.shift ? to(frame) : to(frame, { is: "select", ids: [], add: false });
  }
  const wasSelected = ground.isSelected(id);
  const hold: Hold = { is: "move", from: at, moved: false, id, wasSelected };
  return wasSelected && !at.shift ? to(hold) : to(hold, { is: "select", ids: [id], add: at.shift });
}

const difference = (a: Vec, b: Vec): Vec => ({ x: b.x - a.x, y: b.y - a.y });
const isClick = (from: Vec, to: Touch) => Math.hypot(to.x - from.x, to.y - from.y) < Math.max(1, (to.reach * CLICK) / 8);

function move(state: ToolState, at: Touch): Step {
  const to = (hold: Hold, ...effects: Effect[]): Step => ({ state: { ...state, hold }, effects });
  const { hold } = state;
  switch (hold.is) {
    case "ink":
      return inkOn(state, hold, at);
    case "erase":
      return to({ ...hold, last: at }, { is: "erase", tool: hold.tool, from: hold.last, to: at, first: false, last: false });
    case "frame":
      return to({ ...hold, to: at });
    case "move": {
      if (!hold.moved && isClick(hold.from, at)) return { state, effects: [] };
      const moved: Effect = { is: "move", by: straight(difference(hold.from, at), at.shift), free: at.alt, done: false };
      return to({ ...hold, moved: true }, ...(hold.moved ? [] : [{ is: "grab" } as Effect]), moved);
    }
    case "resize":
      return to(hold, { is: "resize", handle: hold.handle, by: difference(hold.from, at), keep: at.shift, centre: at.alt, done: false });
    case "turn":
      return to(hold, { is: "turn", from: hold.from, to: at, steps: at.shift, done: false });
    case "draw":
      return to({ ...hold, to: at, shift: at.shift, moved: hold.moved || !isClick(hold.from, at) });
    case "pan":
      return to({ is: "pan", last: at.screen }, { is: "pan", dx: at.screen.x - hold.last.x, dy: at.screen.y - hold.last.y });
    case "laser": {
      const points = [...hold.points, at].slice(-MOST_LASER);
      return to({ is: "laser", points }, { is: "laser", points });
    }
    case "nothing":
      return { state, effects: [] };
  }
}

/** With Shift along the axis it went further on. */
const straight = (by: Vec, shift: boolean): Vec => (!shift ? by : Math.abs(by.x) >= Math.abs(by.y) ? { x: by.x, y: 0 } : { x: 0, y: by.y });

/** With Shift, ink is one straight line. A stroke with as many points as it may have ends, and the next begins where it ended. */
function inkOn(state: ToolState, hold: Extract<Hold, { is: "ink" }>, at: Touch): Step {
  const hand = inkPoint(at);
  const [first] = hold.points;
  if (at.shift && first) return { state: { ...state, hold: { ...hold, points: [first, hand], last: hand } }, effects: [] };
  const next = follow(hold.last, hand);
  if (next.x === hold.last.x && next.y === hold.last.y) return { state, effects: [] };
  const points = [...hold.points, next];
  if (points.length < MAX_POINTS / 2) return { state: { ...state, hold: { ...hold, points, last: next } }, effects: [] };
  return { state: { ...state, hold: { ...hold, points: [next], last: next } }, effects: [{ is: "stroke", tool: hold.tool, points }] };
}

function up(state: ToolState, at: Touch): Step {
  const done = (...effects: Effect[]): Step => ({ state: { ...state, hold: FREE }, effects });
  const { hold } = state;
  switch (hold.is) {
    case "ink": {
      const end = inkPoint(at);
      const points = end.x === hold.last.x && end.y === hold.last.y ? hold.points : [...hold.points, { ...end, pressure: hold.last.pressure }];
      return done({ is: "stroke", tool: hold.tool, points });
    }
    case "erase":
      return done({ is: "erase", tool: hold.tool, from: hold.last, to: at, first: false, last: true });
    case "frame":
      return isClick(hold.from, at) ? done() : done({ is: "catch", box: boxBetween(hold.from, at), add: hold.add });
    case "move":
      if (hold.moved) return done({ is: "move", by: straight(difference(hold.from, at), at.shift), free: at.alt, done: true });
      // A click on one of several leaves that one selected.
      return hold.wasSelected && !at.shift ? done({ is: "select", ids: [hold.id], add: false }) : done();
    case "resize":
      return done({ is: "resize", handle: hold.handle, by: difference(hold.from, at), keep: at.shift, centre: at.alt, done: true });
    case "turn":
      return done({ is: "turn", from: hold.from, to: at, steps: at.shift, done: true });
    case "draw":
      return done(drawn(hold, at));
    case "laser":
      return done({ is: "laser", points: [] });
    default:
      return done();
  }
}

/** What a shape being drawn covers; with Shift as wide as high. */
export function boxBetween(a: Vec, b: Vec, square = false): Box {
  let [dx, dy] = [b.x - a.x, b.y - a.y];
  if (square) {
    const side = Math.max(Math.abs(dx), Math.abs(dy));
    [dx, dy] = [Math.sign(dx || 1) * side, Math.sign(dy || 1) * side];
  }
  return { x: Math.min(a.x, a.x + dx), y: Math.min(a.y, a.y + dy), width: Math.abs(dx), height: Math.abs(dy) };
}

/** A click makes the usual size around the pointer. */
const USUAL = { width: 160 * 16, height: 100 * 16 };

function drawn(hold: Extract<Hold, { is: "draw" }>, at: Touch): Effect {
  const { from } = hold;
  const moved = hold.moved || !isClick(from, at);
  if (hold.tool === "note") return { is: "note", at: from, box: moved ? boxBetween(from, at, at.shift) : undefined };
  if (hold.tool === "connector") return { is: "connector", from, to: moved ? at : { x: from.x + USUAL.width, y: from.y } };
  const box = moved ? boxBetween(from, at, at.shift) : { x: from.x - USUAL.width / 2, y: from.y - USUAL.height / 2, ...USUAL };
  return { is: "shape", box, turnedX: moved && at.x < from.x, turnedY: moved && at.y < from.y };
}
