// Kinds and their fields; twin of crates/board/src/field.rs. The place in each list is the number on the wire.
export const KINDS = ["page", "stroke", "shape", "connector", "text", "note", "image", "group", "cut"] as const;
export type Kind = (typeof KINDS)[number];

// prettier-ignore
export const FIELDS = [
  "alive", "parent", "order", "place", "color", "fill", "width", "dash", "text", "textStyle", "shape", "from", "to", "line",
  "group", "asset", "name", "template", "locked", "spans", "tool", "ink", "cleared",
] as const;
export type Field = (typeof FIELDS)[number];

/** Fields a kind must be made with. */
export const REQUIRED: Record<Kind, readonly Field[]> = {
  page: ["order"],
  stroke: ["parent", "order", "place", "ink"],
  shape: ["parent", "order", "place", "shape"],
  connector: ["parent", "order", "from", "to"],
  text: ["parent", "order", "place"],
  note: ["parent", "order", "place"],
  image: ["parent", "order", "place", "asset"],
  group: ["parent"],
  cut: ["parent", "spans"],
};

/** Fields a kind may have besides; all have a default. */
export const OPTIONAL: Record<Kind, readonly Field[]> = {
  page: ["alive", "fill", "asset", "name", "template", "cleared"],
  stroke: ["alive", "color", "width", "group", "name", "locked", "tool"],
  shape: ["alive", "color", "fill", "width", "dash", "text", "textStyle", "group", "name", "locked"],
  connector: ["alive", "color", "width", "dash", "text", "textStyle", "line", "group", "name", "locked"],
  text: ["alive", "color", "text", "textStyle", "group", "name", "locked"],
  note: ["alive", "color", "fill", "text", "textStyle", "group", "name", "locked"],
  image: ["alive", "group", "name", "locked"],
  group: ["alive", "group", "name", "locked"],
  cut: ["alive"],
};

const HAS = new Map<Kind, Set<Field>>(KINDS.map((kind) => [kind, new Set([...REQUIRED[kind], ...OPTIONAL[kind]])]));
const CODES = new Map<Field, number>(FIELDS.map((field, code) => [field, code]));

export function has(kind: Kind, field: Field): boolean {
  return HAS.get(kind)?.has(field) ?? false;
}

export function codeOf(field: Field): number {
  return CODES.get(field) ?? 0;
}

/** Written when the object is made and never again. */
export function isFixed(field: Field): boolean {
  return field === "ink" || field === "spans";
}
