// What a person may do on a board; twin of crates/board/src/rights.rs. The server decides; the UI greys out by this.
import type { Field, Kind } from "./field";
import { authorOf, type ObjectId } from "./id";

/** From the least to the most. */
export const LEVELS = ["view", "own", "draw", "host"] as const;
export type Level = (typeof LEVELS)[number];

export interface Rights {
  author: number;
  level: Level;
}

export type Forbidden = "ViewOnly" | "NotYours" | "HostOnly" | "Locked";

/** Why an object of this kind may not be made; undefined if it may. */
export function forbidsCreate(rights: Rights, kind: Kind): Forbidden | undefined {
  if (rights.level === "view") return "ViewOnly";
  return rights.level === "own" && kind === "page" ? "HostOnly" : undefined;
}

/** Why this field of this object may not be written; undefined if it may. A cut is asked about as a change of its stroke, too. */
export function forbidsSet(rights: Rights, object: ObjectId, kind: Kind, field: Field, locked: boolean): Forbidden | undefined {
  const own = authorOf(object) === rights.author;
  if (rights.level === "view") return "ViewOnly";
  if (rights.level === "host") return undefined;
  if (rights.level === "own" && !own) return "NotYours";
  if (kind === "page" && field === "cleared") return "HostOnly";
  if (own) return undefined;
  if ((kind === "page" && field === "alive") || field === "locked") return "HostOnly";
  return locked ? "Locked" : undefined;
}
