// One open board as its views see it: the lane's copy, the page shown, the tool in hand, what is selected; and what is done with them.
import { authorOf, extend, encodeInk, pages, type Board, type ObjectId, type Place, type Point, type Presence, type Shown, type Values } from "../../board";
import type { BoardPort, Lane, LaneState } from "../../port/board";
import {
  addConnector, addNote, addPage, addShape, addStroke, addText, copy, describe, endOn, erase, may, mayCreate, paste, remove, reorder, setAll, setGroup, START_STYLE, type Copied, type Style,
} from "./acts";
import { Album, keyOf } from "./album";
import { fit, HOME, limited, scaleOf, type Camera, type View } from "./camera";
import { type Box, type Vec, middle } from "./geometry";
import { caught, exactBox, hit } from "./hit";
import { Importing } from "./importing.svelte";
import type { Look } from "./marks";
import { Painter } from "./paint";
import { Scene } from "./scene";
import { align, distribute, expand, fitted, frameOf, handleUnder, movedPlace, neighbours, resized, snap, turnedPlace, type Alignment, type Snap } from "./select";
import { start, step, type Effect, type Ground, type Input, type ToolName, type ToolState } from "./tools";

/** What somebody else shows now. */
export interface Other {
  author: number;
  page?: ObjectId;
  cursor?: Vec;
  laser?: readonly Vec[];
  view?: { page: ObjectId; x: number; y: number; zoom: number };
  drawing?: { key: number; page: ObjectId; tool: number; color: number; width: number; points: Point[] };
}

const ERASER = 10;
const DRAG_MS = 40;
const KNOB = 28;

export class BoardModel {
  lane = $state.raw<Lane | undefined>();
  state = $state<LaneState>("opening");
  /** Counts whatever changed the document: views that read it read the document anew. */
  revision = $state(0);
  /** Counts what only the canvas must follow. */
  frames = $state(0);
  page = $state<ObjectId | undefined>();
  scene = $state.raw<Scene | undefined>();
  #camera = $state.raw<Camera>(HOME);
  view = $state.raw<View>({ width: 0, height: 0 });
  tool = $state.raw<ToolState>(start("pen"));
  style = $state.raw<Style>(START_STYLE);
  selected = $state.raw<readonly ObjectId[]>([]);
  others = $state.raw<ReadonlyMap<string, Other>>(new Map());
  /** Text being typed: of an object, or of one to be made at a place. */
  typing = $state.raw<{ id?: ObjectId; place: Place } | undefined>();
  /** The object whose alternative text is being written. */
  describing = $state<ObjectId | undefined>();
  refused = $state<string | undefined>();
  failed = $state(false);
  snapped = $state.raw<Snap["lines"]>([]);
  /** Who shows the board to everybody, and oneself. */
  presenter = $state<number | undefined>();
  you = $state<number | undefined>();
  /** Looks where the presenter looks, until one moves the view oneself. */
  follows = $state(true);
  readonly painter = new Painter();
  readonly album: Album;
  readonly importing: Importing;
  #held: { ids: readonly ObjectId[]; places: Map<ObjectId, Place>; frame: Box } | undefined;
  #wrote = false;
  #lastDrag = 0;
  #copied: Copied = [];
  #key = 1;
  #closed = false;

  readonly board: Board | undefined = $derived.by(() => (this.revision, this.lane?.board));
  readonly pages: readonly ObjectId[] = $derived.by(() => (this.revision, this.board ? pages(this.board.document) : []));
  readonly level = $derived.by(() => (this.revision, this.lane?.level ?? "view"));
  readonly mayDraw = $derived.by(() => (this.revision, this.lane !== undefined && mayCreate(this.lane.rights)));
  readonly presents = $derived(this.presenter !== undefined && this.presenter === this.you);
  readonly frame: Box | undefined = $derived.by(() => (this.revision, this.scene && frameOf(this.selected.flatMap((id) => this.scene?.item(id) ?? []))));

  constructor(port: BoardPort) {
    const pictures = port.pictures(() => this.lane?.name ?? "");
    this.album = new Album(pictures);
    this.album.watch((key) => this.#developed(key));
    this.importing = new Importing(this, this.album, pictures);
    this.painter.pictures = (asset, width) => this.album.at(asset, width);
    void port.open({
      changed: (touched) => this.#changed(touched),
      state: (state) => this.#became(state),
      shown: (shown) => this.#shown(shown),
      refused: (name) => ((this.refused = name), (this.typing = undefined)),
    }).then((lane) => {
      if (this.#closed) return lane.close();
      this.lane = lane;
      this.state = lane.state;
      this.#changed(undefined);
    }, () => (this.failed = true));
  }

  close(): void {
    this.#closed = true;
    this.importing.cancel();
    this.album.close();
    this.lane?.close();
  }

  #became(state: LaneState): void {
    // What could not be fetched may be there now.
    if (state === "ready" && this.state !== "ready") this.album.again();
    this.state = state;
  }

  /** A picture can be drawn, or drawn better. */
  #developed(key: string): void {
    const items = this.scene?.all().filter(({ look }) => look.kind === "image" && keyOf(look.asset) === key) ?? [];
    this.painter.spoil(items.map((item) => item.box));
    if (items.length > 0) this.frames += 1;
  }

  // ── Where one looks ───────────────────────────────────────────────────────────────────────────────────────────

  get camera(): Camera {
    return this.#camera;
  }

  /** Moved by hand: it no longer follows; who presents is followed. */
  set camera(camera: Camera) {
    this.follows = false;
    this.#look(camera);
  }

  #look(camera: Camera): void {
    this.#camera = camera;
    this.tellView();
  }

  /** Tells where one looks, if one presents. */
  tellView(): void {
    const { x, y, zoom } = this.#camera;
    if (this.presents && this.page !== undefined) this.tell({ is: "view", page: this.page, x: Math.round(x), y: Math.round(y), zoom: Math.round(zoom * 1000) });
  }

  /** Says who presents and who one is; a new presenter is followed. */
  present(presenter: number | undefined, you: number | undefined): void {
    if (presenter !== this.presenter) this.follows = true;
    [this.presenter, this.you] = [presenter, you];
    this.tellView();
    this.follow();
  }

  /** Looks where the presenter looks. */
  follow(): void {
    if (!this.follows || this.presents || this.presenter === undefined) return;
    const found = [...this.others.values()].find(({ author, view }) => view !== undefined && this.lane?.authors.get(author)?.participant === this.presenter);
    if (!found?.view || !this.pages.includes(found.view.page)) return;
    if (found.view.page !== this.page) this.#open(found.view.page);
    this.#camera = limited({ x: found.view.x, y: found.view.y, zoom: found.view.zoom / 1000 });
  }

  // ── What comes in ─────────────────────────────────────────────────────────────────────────────────────────────

  #changed(touched: readonly ObjectId[] | undefined): void {
    const board = this.lane?.board;
    this.revision += 1;
    if (!board) return;
    const all = pages(board.document);
    const first = touched === undefined || this.scene?.board !== board;
    if (this.page === undefined || !all.includes(this.page)) this.#turn(all[0]);
    else if (first) this.#open(this.page);
    else this.#refresh(touched);
    if (first) this.follow();
  }

  #refresh(touched: readonly ObjectId[]): void {
    if (touched.length > 0) this.painter.spoil(this.scene?.update(touched) ?? []);
    this.selected = this.selected.filter((id) => this.scene?.item(id));
    if (this.describing !== undefined && !this.scene?.item(this.describing)) this.describing = undefined;
    this.frames += 1;
  }

  #open(page: ObjectId | undefined): void {
    const board = this.lane?.board;
    this.page = page;
    this.scene = board && page !== undefined ? new Scene(board, page) : undefined;
    this.painter.clear();
    this.selected = [];
    this.typing = this.describing = undefined;
    this.frames += 1;
  }

  show(page: ObjectId | undefined): void {
    this.follows = false;
    this.#turn(page);
  }

  #turn(page: ObjectId | undefined): void {
    this.#open(page);
    this.#look(fit(this.scene?.bounds(), this.view));
  }

  #shown({ replica, presence }: Shown): void {
    const key = `${replica.author}.${replica.session}`;
    const others = new Map(this.others);
    const was = others.get(key) ?? { author: replica.author };
    if (presence.is === "gone") others.delete(key);
    else others.set(key, told(was, presence));
    this.others = others;
    this.frames += 1;
    if (presence.is === "view") this.follow();
  }

  nameOf(author: number): string | undefined {
    return this.lane?.authors.get(author)?.name;
  }

  // ── What goes out ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Does something to the document; what is too large or not to be done leaves it as it was. */
  write<T>(act: (board: Board, page: ObjectId) => T): T | undefined {
    const [board, page] = [this.lane?.board, this.page];
    if (!board || page === undefined || !this.mayDraw) return undefined;
    const before = board.document.clock;
    try {
      return act(board, page);
    } catch {
      this.failed = true;
      return undefined;
    } finally {
      if (board.document.clock !== before) this.#written();
    }
  }

  #written(): void {
    this.failed = false;
    this.refused = undefined;
    this.lane?.wrote();
    this.#changed(this.lane?.board?.takeWritten() ?? []);
  }

  tell(presence: Presence): void {
    if (this.mayDraw) this.lane?.show(presence);
  }

  // ── The pointer ───────────────────────────────────────────────────────────────────────────────────────────────

  take(tool: ToolName): void {
    this.point({ is: "cancel" });
    this.tool = start(tool);
    if (tool !== "select") this.selected = [];
  }

  /** A point of the knob that turns what is selected. */
  knob(): Vec | undefined {
    return this.frame && { x: middle(this.frame).x, y: this.frame.y - KNOB / scaleOf(this.camera) };
  }

  point(input: Input): void {
    // Who draws first on a new board draws its first page.
    if (input.is === "down" && this.page === undefined) this.#open(this.#firstPage(0));
    const { state, effects } = step(this.mayDraw || this.tool.tool === "hand" ? this.tool : start("hand"), input, this.#ground);
    this.tool = this.mayDraw || this.tool.tool === "hand" ? state : { tool: this.tool.tool, hold: state.hold };
    for (const effect of effects) this.#do(effect);
    if (state.hold.is === "ink" && this.page !== undefined) this.#tellInk(state.hold.points, state.hold.tool === "highlighter");
    this.frames += 1;
  }

  #tellInk(points: readonly Point[], highlighter: boolean): void {
    // The newest 200 points are enough for others: what came before they have.
    const first = Math.max(0, points.length - 200);
    const { color, highlight, width } = this.style;
    this.tell({ is: "drawing", key: this.#key, page: this.page ?? "", tool: highlighter ? 2 : 0, color, width: highlighter ? highlight : width, first, ink: encodeInk(points.slice(first)) });
  }

  readonly #ground: Ground = {
    hit: (p, reach) => this.scene && hit(this.scene, p, reach)?.id,
    handle: (p, reach) => (this.frame && this.selected.length > 0 ? handleUnder(this.frame, p, reach * 1.5) : undefined),
    knob: (p, reach) => {
      const knob = this.selected.length > 0 ? this.knob() : undefined;
      return knob !== undefined && Math.hypot(knob.x - p.x, knob.y - p.y) <= reach * 1.5;
    },
    isSelected: (id) => this.selected.includes(id),
  };

  #do(effect: Effect): void {
    switch (effect.is) {
      case "stroke": {
        const made = this.write((board, page) => addStroke(board, page, effect.points, this.style, effect.tool === "highlighter"));
        return this.tell({ is: "drawn", key: this.#key++, object: made ?? null });
      }
      case "erase":
        return void this.write((board) => this.scene && this.lane && erase(board, this.scene, this.lane.rights, effect.tool, effect.from, effect.to, ERASER / scaleOf(this.camera), this.#first(effect.first)));
      case "select":
        return this.select(effect.ids, effect.add);
      case "catch":
        return this.select(this.scene ? caught(this.scene, effect.box).map((item) => item.id) : [], effect.add);
      case "grab":
        return this.#grab();
      case "move":
        return this.#drag(effect.done, () => this.#move(effect.by, effect.free));
      case "resize":
        return this.#drag(effect.done, (held) => {
          const to = resized(held.frame, effect.handle, effect.by, effect.keep, effect.centre);
          return (place) => fitted(place, held.frame, to);
        });
      case "turn":
        return this.#drag(effect.done, (held) => {
          const at = middle(held.frame);
          const angle = (p: Vec) => (Math.atan2(p.y - at.y, p.x - at.x) * 18_000) / Math.PI;
          const by = angle(effect.to) - angle(effect.from);
          return (place) => turnedPlace(place, at, effect.steps ? Math.round(by / 1500) * 1500 : by);
        });
      case "shape":
        return this.#made((board, page) => addShape(board, page, effect.box, this.style, effect.turnedX && this.style.shape === 8 ? 18_000 : 0));
      case "connector": {
        const reach = ERASER / scaleOf(this.camera);
        return this.#made((board, page) => this.scene && addConnector(board, page, endOn(this.scene, effect.from, reach), endOn(this.scene, effect.to, reach), this.style));
      }
      case "note":
        this.#made((board, page) => addNote(board, page, effect.at, effect.box, this.style));
        return this.edit(this.selected[0]);
      case "text":
        if (this.mayDraw) this.typing = { place: { x: Math.round(effect.at.x), y: Math.round(effect.at.y) - 200, width: 320 * 16, height: 26 * 16, turn: 0 } };
        return;
      case "pan":
        this.camera = { ...this.camera, x: this.camera.x - effect.dx / scaleOf(this.camera), y: this.camera.y - effect.dy / scaleOf(this.camera) };
        return;
      case "laser":
        return this.#laser(effect.points);
      case "giveUp":
        return this.#giveUp();
    }
  }

  /** One eraser's way is one step, although it is written bit by bit. */
  #first(first: boolean): boolean {
    if (first) this.#wrote = false;
    const begins = !this.#wrote;
    this.#wrote = true;
    return begins;
  }

  #laser(points: readonly Vec[]): void {
    if (this.page === undefined) return;
    if (points.length === 0) return this.tell({ is: "gone" });
    this.tell({ is: "laser", page: this.page, ink: encodeInk(points.slice(-30).map((p) => ({ ...whole(p), pressure: 128 }))) });
  }

  /** Puts something new on the page, its first where there is none, and selects it. */
  put(make: (board: Board, page: ObjectId) => ObjectId | undefined): void {
    if (this.page === undefined) this.#open(this.#firstPage(0));
    this.#made(make);
  }

  /** Writes to a board that has no page yet. */
  begin<T>(act: (board: Board) => T): T | undefined {
    const board = this.lane?.board;
    if (!board || !this.mayDraw || this.page !== undefined) return undefined;
    const made = act(board);
    this.lane?.wrote();
    this.#changed(undefined);
    return made;
  }

  /** What is seen of the page, its own units. */
  seen(): { width: number; height: number } {
    const k = scaleOf(this.camera);
    const { width, height } = this.view;
    return width > 0 && height > 0 ? { width: width / k, height: height / k } : { width: 1280 * 16, height: 720 * 16 };
  }

  #made(make: (board: Board, page: ObjectId) => ObjectId | undefined): void {
    const id = this.write(make);
    if (id === undefined) return;
    this.tool = start("select");
    this.selected = [id];
  }

  #grab(): void {
    const ids = this.selected.filter((id) => this.board && this.lane && may(this.board, this.lane.rights, id, "place"));
    const places = new Map(ids.flatMap((id) => [[id, this.board?.document.object(id)?.get("place")] as const]).filter((entry): entry is [ObjectId, Place] => entry[1] !== undefined));
    this.#held = this.frame && { ids: [...places.keys()], places, frame: this.frame };
    this.#wrote = false;
    this.#lastDrag = 0;
  }

  /** Writes where everything is dragged to, at most every 40 ms and at the end; all of it one step of the undo. */
  #drag(done: boolean, how: (held: { frame: Box }) => (place: Place) => Place): void {
    const held = this.#held;
    if (!held || this.lane === undefined) return;
    const now = performance.now();
    if (!done && now - this.#lastDrag < DRAG_MS) return;
    this.#lastDrag = now;
    const place = how(held);
    const { rights } = this.lane;
    this.write((board) => setAll(board, rights, held.ids, "place", (object) => {
      const from = held.places.get(object.id);
      const [to, is] = [from && place(from), object.get("place")];
      return to && is && JSON.stringify(to) !== JSON.stringify(is) ? to : undefined;
    }, this.#first(false) ? "new" : "continue"));
    if (!done) return;
    this.#held = undefined;
    this.snapped = [];
  }

  #move(by: Vec, free: boolean): (place: Place) => Place {
    const held = this.#held;
    if (!held || !this.scene || free) return (place) => movedPlace(place, by);
    const moved = { ...held.frame, x: held.frame.x + by.x, y: held.frame.y + by.y };
    const reach = 6 / scaleOf(this.camera);
    const found = snap(moved, neighbours(this.scene, moved, new Set(this.selected), 400 / scaleOf(this.camera)), reach);
    this.snapped = found.lines;
    return (place) => movedPlace(place, { x: by.x + found.by.x, y: by.y + found.by.y });
  }

  #giveUp(): void {
    this.#held = undefined;
    this.snapped = [];
    if (this.#wrote) this.undo();
    this.#wrote = false;
  }

  // ── What buttons and keys do ──────────────────────────────────────────────────────────────────────────────────

  select(ids: readonly ObjectId[], add = false): void {
    if (!this.scene) return;
    const all = expand(this.scene, ids);
    const gone = add && all.every((id) => this.selected.includes(id));
    this.selected = gone ? this.selected.filter((id) => !all.includes(id)) : add ? [...new Set([...this.selected, ...all])] : all;
    this.frames += 1;
  }

  undo = () => void this.write((board) => board.undo());
  redo = () => void this.write((board) => board.redo());
  remove = () => void this.write((board) => this.lane && remove(board, this.lane.rights, this.selected));
  group = (on: boolean) => void this.write((board, page) => this.lane && setGroup(board, page, this.lane.rights, this.selected, on));
  lock = (on: boolean) => void this.write((board) => this.lane && setAll(board, this.lane.rights, this.selected, "locked", () => on));
  mayLock = (): boolean => this.selected.length > 0 && this.selected.every((id) => this.board && this.lane && may(this.board, this.lane.rights, id, "locked"));
  /** Locks what is selected under all else. */
  background(): void {
    this.order("back");
    this.lock(true);
  }
  order = (to: "front" | "back") => void this.write((board, page) => this.lane && reorder(board, page, this.lane.rights, this.selected, to));
  /** The words of what is copied go to the clipboard, so that a picture copied elsewhere before is not what is pasted. */
  copy = (): string => {
    this.#copied = this.board ? copy(this.board, this.selected) : [];
    return this.#copied.map(({ kind, values }) => values.text || values.name || kind).join("\n");
  };

  paste(): void {
    const made = this.write((board, page) => paste(board, page, this.#copied, { x: 320, y: 320 }));
    if (made) this.select(made);
  }

  duplicate(): void {
    this.copy();
    this.paste();
  }

  arrange(how: Alignment | "across" | "down"): void {
    const boxes = this.selected.flatMap((id) => this.scene?.item(id) ?? []).map((item) => exactBox(item.look));
    const by = how === "across" ? distribute(boxes, "x") : how === "down" ? distribute(boxes, "y") : align(boxes, how);
    this.#shift((i) => by[i] ?? { x: 0, y: 0 });
  }

  nudge = (by: Vec) => this.#shift(() => by);

  #shift(by: (i: number) => Vec): void {
    const ids = this.selected;
    this.write((board) => this.lane && setAll(board, this.lane.rights, ids, "place", (object) => {
      const place = object.get("place");
      return place && movedPlace(place, by(ids.indexOf(object.id)));
    }));
  }

  /** Of what is drawn next, and of what is selected. */
  setStyle(style: Partial<Style>): void {
    this.style = { ...this.style, ...style };
    const fields: [keyof Style, keyof Values][] = [["color", "color"], ["fill", "fill"], ["width", "width"], ["dash", "dash"], ["shape", "shape"], ["line", "line"]];
    for (const [from, field] of fields) {
      const value = style[from];
      if (value === undefined || this.selected.length === 0) continue;
      this.write((board) => this.lane && setAll(board, this.lane.rights, this.selected, field as "color", (object) => (object.kind === "note" && field === "fill" ? undefined : (value as number))));
    }
    if (style.note !== undefined) this.write((board) => this.lane && setAll(board, this.lane.rights, this.selected, "fill", (object) => (object.kind === "note" ? style.note : undefined)));
  }

  edit(id = this.selected[0]): void {
    const place = id === undefined ? undefined : this.board?.document.object(id)?.get("place");
    if (id === undefined || !place || !this.board || !this.lane || !may(this.board, this.lane.rights, id, "text") || this.board.document.object(id)?.get("text") === undefined) return;
    this.typing = { id, place };
    this.tell({ is: "typing", object: id });
  }

  /** Takes what was typed; a text left empty goes. */
  typed(text: string, height: number): void {
    const typing = this.typing;
    this.typing = undefined;
    const kept = [...text].slice(0, 1300).join("");
    if (!typing || (typing.id === undefined && kept.trim() === "")) return;
    if (typing.id === undefined) return this.#made((board, page) => addText(board, page, { ...typing.place, height }, kept, this.style));
    const { id } = typing;
    this.write((board) => this.lane && setAll(board, this.lane.rights, [id], "text", (object) => (object.get("text") === kept ? undefined : kept)));
  }

  /** Whether one may write what is read to those who can't see it. */
  mayDescribe = (id: ObjectId | undefined): id is ObjectId => id !== undefined && this.mayDraw && this.board !== undefined && this.lane !== undefined && may(this.board, this.lane.rights, id, "name");
  describe = (id: ObjectId, text: string) => void this.write((board) => this.lane && describe(board, this.lane.rights, id, text));

  addPage(template = 0): void {
    const id = this.write((board, page) => addPage(board, template, "", page)) ?? (this.page === undefined ? this.#firstPage(template) : undefined);
    if (id !== undefined) this.show(id);
  }

  /** A board begins without a page. */
  #firstPage(template: number): ObjectId | undefined {
    const board = this.lane?.board;
    if (!board || !this.mayDraw || this.level === "own") return undefined;
    const id = addPage(board, template);
    this.lane?.wrote();
    this.revision += 1;
    return id;
  }

  setTemplate = (template: number) => void this.write((board, page) => this.lane && setAll(board, this.lane.rights, [page], "template", () => template));
  clearPage = () => void this.write((board, page) => this.level === "host" && board.edit("new", (edit) => edit.clear(page)));
  mayDeletePage = (): boolean => this.pages.length > 1 && this.board !== undefined && this.lane !== undefined && may(this.board, this.lane.rights, this.page ?? "", "alive");
  deletePage = () => void this.write((board, page) => this.lane && this.mayDeletePage() && remove(board, this.lane.rights, [page]));

  fitAll(): void {
    this.camera = fit(this.scene?.bounds(), this.view);
  }

  /** The window has its size now. */
  sized(view: View): void {
    const first = this.view.width === 0;
    this.view = view;
    if (!first || view.width === 0) return;
    this.#look(fit(this.scene?.bounds(), view));
    this.follow();
  }

  /** Brings an object into view, and selects it. */
  goTo(id: ObjectId): void {
    const item = this.scene?.item(id);
    if (!item) return;
    this.camera = { ...this.camera, ...middle(item.box) };
    this.tool = start("select");
    this.select([id]);
  }

  /** The next object in the order they lie in. */
  next(by: 1 | -1): void {
    const all = this.scene?.all() ?? [];
    const at = all.findIndex((item) => item.id === this.selected[0]);
    const item = all[(at + by + all.length) % all.length];
    if (item) this.goTo(item.id);
  }

  authorOf = (id: ObjectId): string | undefined => this.nameOf(authorOf(id));

  /** Ink in the making, one's own and others', as it will look. */
  drafts(): Look[] {
    const draft = (points: readonly Point[], color: number, width: number, tool: number): Look => ({ kind: "stroke", runs: [points], place: { x: 0, y: 0, width: 0, height: 0, turn: 0 }, color, width, tool });
    const { hold } = this.tool;
    const own = hold.is === "ink" ? [draft(hold.points, this.style.color, hold.tool === "highlighter" ? this.style.highlight : this.style.width, hold.tool === "highlighter" ? 2 : this.style.tool)] : [];
    return [...[...this.others.values()].flatMap(({ drawing }) => (drawing !== undefined && drawing.page === this.page ? [draft(drawing.points, drawing.color, drawing.width, drawing.tool)] : [])), ...own];
  }
}

const whole = (p: Vec): { x: number; y: number } => ({ x: Math.round(p.x), y: Math.round(p.y) });

function told(was: Other, presence: Exclude<Presence, { is: "gone" }>): Other {
  switch (presence.is) {
    case "cursor":
      return { ...was, page: presence.page, cursor: { x: presence.x, y: presence.y }, laser: undefined };
    case "laser": {
      const points: Point[] = [];
      extend(points, 0, presence.ink);
      return { ...was, page: presence.page, laser: points, ...(points.length > 0 && { cursor: points.at(-1) }) };
    }
    case "drawing": {
      const points = was.drawing?.key === presence.key ? [...was.drawing.points] : [];
      extend(points, Math.min(presence.first, points.length), presence.ink);
      return { ...was, page: presence.page, drawing: { ...presence, points } };
    }
    case "view":
      return { ...was, view: { page: presence.page, x: presence.x, y: presence.y, zoom: presence.zoom } };
    case "drawn":
      return { ...was, drawing: was.drawing?.key === presence.key ? undefined : was.drawing };
    default:
      return was;
  }
}
