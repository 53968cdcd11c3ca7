// A page as it is drawn: every visible object with its look and its box, kept up to date by what a change touched. Pure.
import { compareLying, decodeInk, groupOf, isOn, objectsOn, pieces, type Board, type BoardObject, type End, type ObjectId, type Order, type Place, type Point } from "../../board";
import { aroundPlace, boxOf, grow, meets, turned, middle, union, type Box, type Vec } from "./geometry";
import { Grid } from "./grid";
import type { Look } from "./marks";

export interface Item {
  readonly id: ObjectId;
  readonly look: Look;
  /** All that is drawn of it lies in here. */
  readonly box: Box;
  /** The outermost group. */
  readonly group: ObjectId | null;
  readonly locked: boolean;
  /** For those who can't see it. */
  readonly name: string;
}

const PLAIN = { size: 0, align: 0, flags: 0 };
const NO_PLACE: Place = { x: 0, y: 0, width: 0, height: 0, turn: 0 };

export class Scene {
  private readonly items = new Map<ObjectId, Item>();
  private readonly grid = new Grid();
  /** Connectors by what they hold on to. */
  private readonly held = new Map<ObjectId, Set<ObjectId>>();
  /** From bottom to top, with the order each had when it was put there. Kept sorted: a new stroke must not cost a look at all of them. */
  private stack: BoardObject[] = [];
  private readonly lying = new Map<ObjectId, Order>();

  constructor(
    readonly board: Board,
    readonly page: ObjectId,
  ) {
    this.rebuild();
  }

  get size(): number {
    return this.items.size;
  }

  item(id: ObjectId): Item | undefined {
    return this.items.get(id);
  }

  /** From bottom to top. */
  all(): Item[] {
    return this.stack.flatMap(({ id }) => this.items.get(id) ?? []);
  }

  /** Objects that touch a box, from bottom to top. */
  within(box: Box): Item[] {
    const found = [...this.grid.near(box)].flatMap((id) => this.items.get(id) ?? []).filter((item) => meets(item.box, box));
    const object = (item: Item) => this.board.document.object(item.id) as BoardObject;
    return found.sort((a, b) => compareLying(object(a), object(b)));
  }

  bounds(): Box | undefined {
    return union([...this.items.values()].map((item) => item.box));
  }

  /** Takes what a change touched; the parts of the page to draw anew. */
  update(touched: readonly ObjectId[]): Box[] {
    if (touched.includes(this.page)) return this.anew(touched);
    for (const id of touched) this.restack(id);
    return this.refresh(this.withConnectors(touched));
  }

  /** The page itself changed: it was cleared, or looks another way. */
  private anew(touched: readonly ObjectId[]): Box[] {
    const before = this.bounds();
    this.rebuild();
    return [...[before, this.bounds()].flatMap((box) => box ?? []), ...this.refresh(this.withConnectors(touched))];
  }

  /** Puts an object where it lies now, or takes it away. */
  private restack(id: ObjectId): void {
    const object = this.board.document.object(id);
    const on = object !== undefined && isOn(this.board.document, this.page, object);
    const [was, is] = [this.lying.get(id), object?.get("order")];
    if (was !== undefined && (!on || was !== is)) {
      this.stack.splice(this.stack.findLastIndex((other) => other.id === id), 1);
      this.lying.delete(id);
    }
    if (was !== undefined && !on) this.gone.push(...this.drop(id));
    if (!on || is === undefined || this.lying.has(id)) return;
    this.lying.set(id, is);
    // Nearly always it lies on top.
    let at = this.stack.length;
    while (at > 0 && compareLying(this.stack[at - 1] as BoardObject, object) > 0) at -= 1;
    this.stack.splice(at, 0, object);
  }

  private sort(): void {
    const ids = objectsOn(this.board.document, this.page);
    this.stack = ids.flatMap((id) => this.board.document.object(id) ?? []);
    this.lying.clear();
    for (const object of this.stack) this.lying.set(object.id, object.get("order") as Order);
    for (const id of [...this.items.keys()]) if (!this.lying.has(id)) this.gone.push(...this.drop(id));
  }

  private gone: Box[] = [];

  private drop(id: ObjectId): Box[] {
    const item = this.items.get(id);
    this.items.delete(id);
    this.grid.remove(id);
    for (const set of this.held.values()) set.delete(id);
    return item ? [item.box] : [];
  }

  private rebuild(): void {
    this.sort();
    this.refresh([...this.lying.keys()]);
  }

  private withConnectors(touched: readonly ObjectId[]): ObjectId[] {
    const groups = touched.filter((id) => this.board.document.object(id)?.kind === "group");
    const inGroup = groups.length === 0 ? [] : [...this.items.keys()];
    return [...new Set([...touched, ...inGroup, ...touched.flatMap((id) => [...(this.held.get(id) ?? [])])])];
  }

  private refresh(ids: readonly ObjectId[]): Box[] {
    const dirty: Box[] = this.gone;
    this.gone = [];
    for (const id of ids) {
      const before = this.items.get(id);
      const object = this.board.document.object(id);
      const item = object && this.lying.has(id) ? this.read(object) : undefined;
      if (item) {
        this.items.set(id, item);
        this.grid.put(id, item.box);
        this.hold(object as BoardObject);
        dirty.push(item.box);
      }
      if (before && before.box !== item?.box) dirty.push(before.box);
    }
    return dirty;
  }

  private hold(object: BoardObject): void {
    for (const end of [object.get("from"), object.get("to")]) {
      if (!end || !("object" in end)) continue;
      const set = this.held.get(end.object) ?? new Set();
      this.held.set(end.object, set.add(object.id));
    }
  }

  private read(object: BoardObject): Item | undefined {
    const look = this.lookOf(object);
    if (!look) return undefined;
    const group = groupOf(this.board.document, object);
    return { id: object.id, look, box: boundsOf(look), group, locked: object.get("locked") ?? false, name: object.get("name") ?? "" };
  }

  private lookOf(o: BoardObject): Look | undefined {
    const place = o.get("place") ?? NO_PLACE;
    const color = o.get("color") ?? 0xff;
    const [width, dash] = [o.get("width") ?? 32, o.get("dash") ?? 0];
    const [text, style] = [o.get("text") ?? "", o.get("textStyle") ?? PLAIN];
    switch (o.kind) {
      case "stroke":
        return { kind: "stroke", runs: this.runs(o, place), place, color, width, tool: o.get("tool") ?? 0 };
      case "shape":
        return { kind: "shape", place, shape: o.get("shape") ?? 0, color, fill: o.get("fill") ?? 0, width, dash, text, style };
      case "connector":
        return { kind: "connector", from: this.endAt(o.get("from")), to: this.endAt(o.get("to")), color, width, dash, line: o.get("line") ?? 0, text, style };
      case "text":
        return { kind: "text", place, color, text, style };
      case "note":
        return { kind: "note", place, color, fill: o.get("fill") ?? 0, text, style };
      case "image": {
        const asset = o.get("asset");
        return asset ? { kind: "image", place, asset } : undefined;
      }
      default:
        return undefined;
    }
  }

  /** What is left of a stroke, on the page: its ink's own box is stretched over its place. */
  private runs(object: BoardObject, place: Place): Point[][] {
    const ink = object.get("ink");
    if (!ink) return [];
    const own = boxOf(decodeInk(ink));
    return pieces(this.board.document, object).map((run) => stretched(run, own, place));
  }

  /** Where a connector's end lies now. */
  endAt(end: End | undefined): Vec {
    if (!end) return { x: 0, y: 0 };
    if (!("object" in end)) return end;
    const place = this.board.document.object(end.object)?.get("place");
    if (!place || !this.lying.has(end.object)) return { x: end.at[0], y: end.at[1] };
    const at = { x: place.x + (place.width * end.across) / 0xffff, y: place.y + (place.height * end.down) / 0xffff };
    return turned(at, middle(place), place.turn);
  }
}

/** Ink of one box over another; what has no breadth only moves. */
export function stretched(points: readonly Point[], own: Box, place: Box): Point[] {
  const [kx, ky] = [own.width > 0 ? place.width / own.width : 1, own.height > 0 ? place.height / own.height : 1];
  return points.map((p) => ({ x: place.x + (p.x - own.x) * kx, y: place.y + (p.y - own.y) * ky, pressure: p.pressure }));
}

/** With the line's width, heads and the round ends of ink. */
function boundsOf(look: Look): Box {
  switch (look.kind) {
    case "connector": {
      const { from, to, width } = look;
      return grow(boxOf([from, to]), Math.max(12 * 16, width * 4));
    }
    case "stroke":
      return grow(aroundPlace(look.place), look.width);
    case "shape":
      return grow(aroundPlace(look.place), Math.max(look.width, look.shape === 8 ? 160 : 0));
    default:
      return aroundPlace(look.place);
  }
}
