// Ink as it is seen from far: points nearer to each other than the screen can show are left out, once for each power of two. Pure.
import { NO_PRESSURE } from "../../board";
import type { Look } from "./marks";
import { thinned } from "./outline";

/** Device pixels between points that are told apart. */
const STEP = 1;
/** Sixteenths of a unit: up to so much there is nothing to gain. */
const LEAST = 16;

const kept = new WeakMap<Look, Map<number, Look>>();

/** The look to be drawn where a sixteenth of a unit is `k` device pixels. */
export function coarse(look: Look, k: number): Look {
  if (look.kind !== "stroke" || !(STEP / k > LEAST)) return look;
  const step = 2 ** Math.floor(Math.log2(STEP / k));
  const levels = kept.get(look) ?? new Map<number, Look>();
  kept.set(look, levels);
  const known = levels.get(step);
  if (known) return known;
  // A line thinner than two pixels shows no pressure either.
  const even = look.width * k < 2 && look.tool !== BRUSH;
  const runs = look.runs.map((run) => thinned(even ? run.map((p) => ({ ...p, pressure: NO_PRESSURE })) : run, step));
  const made: Look = { ...look, runs };
  levels.set(step, made);
  return made;
}

const BRUSH = 3;
