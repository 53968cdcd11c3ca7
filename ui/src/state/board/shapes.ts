// The shapes of a board and the ways of its connectors as paths, in the letters of SVG's `d`. Pure.
import type { Place } from "../../board";
import type { Vec } from "./geometry";
import { num } from "./outline";

/** The order is the number in the document. */
export const SHAPES = ["rectangle", "rounded", "ellipse", "diamond", "triangle", "hexagon", "star", "line", "arrow", "cloud"] as const;
export type ShapeName = (typeof SHAPES)[number];
/** Open shapes have no surface. */
export const isOpen = (shape: number): boolean => shape === 7 || shape === 8;

const poly = (points: readonly Vec[]): string => `M${points.map((p) => `${num(p.x)} ${num(p.y)}`).join("L")}Z`;
const line = (a: Vec, b: Vec): string => `M${num(a.x)} ${num(a.y)}L${num(b.x)} ${num(b.y)}`;

/** Corners as shares of the box. */
const CORNERS: Record<number, readonly (readonly [number, number])[]> = {
  0: [[0, 0], [1, 0], [1, 1], [0, 1]],
  3: [[0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]],
  4: [[0.5, 0], [1, 1], [0, 1]],
  5: [[0.25, 0], [0.75, 0], [1, 0.5], [0.75, 1], [0.25, 1], [0, 0.5]],
  6: Array.from({ length: 10 }, (_, i) => {
    const [angle, r] = [(i * Math.PI) / 5 - Math.PI / 2, i % 2 === 0 ? 0.5 : 0.2];
    return [0.5 + r * Math.cos(angle), 0.5 + r * Math.sin(angle)] as const;
  }),
};

/** The outline of a shape in its box, not turned. */
export function shapePath(shape: number, { x, y, width: w, height: h }: Place, lineWidth: number): string {
  const share = CORNERS[shape];
  if (share) return poly(share.map(([a, b]) => ({ x: x + a * w, y: y + b * h })));
  if (shape === 7) return line({ x, y }, { x: x + w, y: y + h });
  if (shape === 8) return arrow({ x, y: y + h / 2 }, { x: x + w, y: y + h / 2 }, lineWidth);
  if (shape === 9) return cloud(x, y, w, h);
  if (shape === 2) return `M${num(x)} ${num(y + h / 2)}a${num(w / 2)} ${num(h / 2)} 0 1 1 ${num(w)} 0a${num(w / 2)} ${num(h / 2)} 0 1 1 ${num(-w)} 0Z`;
  const r = Math.min(w, h) / 5;
  const arc = (dx: number, dy: number) => `a${num(r)} ${num(r)} 0 0 1 ${num(dx)} ${num(dy)}`;
  return `M${num(x + r)} ${num(y)}h${num(w - 2 * r)}${arc(r, r)}v${num(h - 2 * r)}${arc(-r, r)}h${num(2 * r - w)}${arc(-r, -r)}v${num(2 * r - h)}${arc(r, -r)}Z`;
}

function cloud(x: number, y: number, w: number, h: number): string {
  const p = (a: number, b: number) => `${num(x + a * w)} ${num(y + b * h)}`;
  return `M${p(0.25, 0.9)}C${p(0.02, 0.92)} ${p(-0.05, 0.55)} ${p(0.14, 0.48)}C${p(0.1, 0.15)} ${p(0.42, 0.02)} ${p(0.52, 0.22)}C${p(0.72, 0)} ${p(0.95, 0.2)} ${p(0.86, 0.45)}C${p(1.06, 0.55)} ${p(1, 0.92)} ${p(0.75, 0.9)}Z`;
}

/** Two strokes at `tip`, coming from `from`. */
export function head(from: Vec, tip: Vec, lineWidth: number): string {
  const angle = Math.atan2(tip.y - from.y, tip.x - from.x);
  const size = Math.max(10 * 16, lineWidth * 3.5);
  const wing = (turn: number) => ({ x: tip.x - size * Math.cos(angle + turn), y: tip.y - size * Math.sin(angle + turn) });
  const [a, b] = [wing(0.45), wing(-0.45)];
  return `M${num(a.x)} ${num(a.y)}L${num(tip.x)} ${num(tip.y)}L${num(b.x)} ${num(b.y)}`;
}

const arrow = (a: Vec, b: Vec, lineWidth: number): string => line(a, b) + head(a, b, lineWidth);

/** The points a connector passes; of a curve, its handles too. `line` bits 2 and 3: 0 straight, 1 elbow, 2 curve. */
export function connectorWay(a: Vec, b: Vec, way: number): Vec[] {
  if (way === 0) return [a, b];
  const flat = Math.abs(b.x - a.x) >= Math.abs(b.y - a.y);
  const half = flat ? (a.x + b.x) / 2 : (a.y + b.y) / 2;
  return flat ? [a, { x: half, y: a.y }, { x: half, y: b.y }, b] : [a, { x: a.x, y: half }, { x: b.x, y: half }, b];
}

export function connectorPath(a: Vec, b: Vec, style: number, lineWidth: number): string {
  const way = (style >> 2) & 3;
  const points = connectorWay(a, b, way);
  const [first, ...rest] = points.map((p) => `${num(p.x)} ${num(p.y)}`);
  let d = way >= 2 && rest.length === 3 ? `M${first}C${rest.join(" ")}` : `M${first}L${rest.join("L")}`;
  // Where both ends share a coordinate, the step before the tip has no length and says no direction.
  const before = (tip: Vec, path: readonly Vec[]) => path.find((p) => Math.hypot(p.x - tip.x, p.y - tip.y) > 1) ?? tip;
  if ((style & 1) !== 0) d += head(before(a, points.slice(1)), a, lineWidth);
  if ((style & 2) !== 0) d += head(before(b, points.slice(0, -1).reverse()), b, lineWidth);
  return d;
}
