// Drawing on a shared screen, as its views see it: the lane's copy of the board over that screen, the tool in hand, ink that fades.
import { encodeInk, FADING, pages, type Board, type ObjectId, type Point, type Presence, type Shown } from "../../board";
import type { BoardPort, Lane, LaneState } from "../../port/board";
import { addStroke, may, mayCreate, ownOn, remove, setAll, START_STYLE, type Style } from "./acts";
import { LiveInk, type LiveStroke } from "./fading";
import type { Vec } from "./geometry";
import { touches, type StrokeLook } from "./picture";
import { Scene } from "./scene";
import { start, step, type Effect, type Ground, type Input, type ToolState } from "./tools";

export const ANNOTATE_TOOLS = ["pen", "highlighter", "fading", "eraser"] as const;
export type AnnotateTool = (typeof ANNOTATE_TOOLS)[number];

/** Red is seen on most screens; a line of about four pixels where the picture is 1280 wide. */
const STYLE: Style = { ...START_STYLE, color: 0xd13438ff, width: 52, highlight: 260 };
const ERASER = 130;
/** Of ink in the making only the newest points are told; what came before others have. */
const TOLD = 200;
/** Nobody draws on ink with the tools here. */
const BARE: Ground = { hit: () => undefined, handle: () => undefined, knob: () => false, isSelected: () => false };

export class AnnotateModel {
  lane = $state.raw<Lane | undefined>();
  state = $state<LaneState>("opening");
  /** Counts whatever changed the document, the rights or who is there. */
  revision = $state(0);
  /** Counts what only the canvas must follow. */
  frames = $state(0);
  /** None: the pointer goes through to the picture. */
  tool = $state<AnnotateTool | undefined>();
  style = $state.raw<Style>(STYLE);
  /** What the server or this board would not take. */
  refused = $state(false);
  /** Ink of others in the making, and ink that fades. */
  readonly live = new LiveInk();
  #hold: ToolState = start("pen");
  #scene: Scene | undefined;
  #key = 1;
  #closed = false;
  #erased = false;

  readonly level = $derived.by(() => (this.revision, this.lane?.level ?? "view"));
  /** Whether who presents lets the others draw. */
  readonly allowed = $derived.by(() => (this.revision, this.lane?.allowed ?? true));
  readonly mayDraw = $derived.by(() => (this.revision, this.state === "ready" && this.lane !== undefined && mayCreate(this.lane.rights)));
  readonly canUndo = $derived.by(() => (this.revision, this.lane?.board?.canUndo ?? false));
  readonly count = $derived.by(() => (this.revision, this.strokes().length));

  constructor(
    port: BoardPort,
    track: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    void port.open({
      changed: (touched) => this.#changed(touched),
      state: (state) => this.#became(state),
      shown: (shown) => this.#shown(shown),
      refused: () => (this.refused = true),
    }, `screen-${track}`).then((lane) => {
      if (this.#closed) return lane.close();
      this.lane = lane;
      this.#became(lane.state);
      this.#changed(undefined);
    }, () => (this.state = "refused"));
  }

  close(): void {
    this.#closed = true;
    this.lane?.close();
  }

  /** Finished strokes, from bottom to top, in the coordinates of the board. What other programs may put there is not shown. */
  strokes(): StrokeLook[] {
    return (this.#scene?.all() ?? []).flatMap(({ look }) => (look.kind === "stroke" ? [look] : []));
  }

  /** One's own stroke in the making. */
  making(): LiveStroke | undefined {
    const { hold } = this.#hold;
    if (hold.is !== "ink") return undefined;
    return { key: this.#key, tool: this.#wireTool(), points: hold.points, ...this.#ink() };
  }

  nameOf(who: string): string {
    const author = Number(who.split(".")[0]);
    return this.lane?.authors.get(author)?.name ?? "";
  }

  /** Whether it is oneself, in another copy of this board. */
  isOwn = (who: string): boolean => Number(who.split(".")[0]) === this.lane?.rights.author;

  take(tool: AnnotateTool | undefined): void {
    this.point({ is: "cancel" });
    this.tool = tool;
    this.#hold = start(tool === "eraser" ? "eraseStroke" : tool === "highlighter" ? "highlighter" : "pen");
  }

  setStyle(style: Partial<Pick<Style, "color" | "width">>): void {
    this.style = { ...this.style, ...style };
  }

  point(input: Input): void {
    if (this.tool === undefined || (input.is === "down" && !this.mayDraw)) return;
    const drew = this.#hold.hold.is === "ink";
    const { state, effects } = step(this.#hold, input, BARE);
    this.#hold = state;
    for (const effect of effects) this.#do(effect);
    if (state.hold.is === "ink") this.#tell(state.hold.points);
    else if (input.is === "cancel" && drew) this.#show({ is: "drawn", key: this.#key++, object: null });
    this.frames += 1;
  }

  undo = () => void this.#write((board) => board.undo());

  /** All strokes for those who may; others take away their own. */
  clear(): void {
    this.live.clear();
    this.#write((board, page, lane) => {
      if (this.level === "host") board.edit("new", (edit) => edit.clear(page));
      else remove(board, lane.rights, ownOn(board, page, lane.rights.author));
    });
  }

  /** Of who presents: lets the others draw, or forbids it. */
  allow(allowed: boolean): void {
    this.lane?.allow(allowed);
  }

  // ── What comes in ─────────────────────────────────────────────────────────────────────────────────────────────

  #became(state: LaneState): void {
    this.state = state;
    if (state !== "ready") this.point({ is: "cancel" });
  }

  #changed(touched: readonly ObjectId[] | undefined): void {
    const board = this.lane?.board;
    this.revision += 1;
    this.frames += 1;
    if (!board) return;
    const [page] = pages(board.document);
    if (page === undefined) this.#scene = undefined;
    else if (touched === undefined || this.#scene?.board !== board || this.#scene.page !== page) this.#scene = new Scene(board, page);
    else this.#scene.update(touched);
    // Forbidden in the midst of a stroke: it is given up.
    if (this.tool !== undefined && !this.mayDraw) this.take(undefined);
  }

  #shown({ replica, presence }: Shown): void {
    const who = `${replica.author}.${replica.session}`;
    if (presence.is === "drawing") this.live.drawing(who, presence, this.now());
    else if (presence.is === "drawn") this.live.drawn(who, presence.key, presence.object, this.now());
    else if (presence.is === "gone") this.live.gone(who, this.now());
    else return;
    this.frames += 1;
  }

  // ── What goes out ─────────────────────────────────────────────────────────────────────────────────────────────

  #wireTool = (): number => (this.tool === "fading" ? FADING : this.tool === "highlighter" ? 2 : 0);
  #ink = () => ({ color: this.style.color, width: this.tool === "highlighter" ? this.style.highlight : this.style.width });

  #show(presence: Presence): void {
    if (this.mayDraw) this.lane?.show(presence);
  }

  #tell(points: readonly Point[]): void {
    const page = this.#scene?.page;
    const first = Math.max(0, points.length - TOLD);
    if (page !== undefined) this.#show({ is: "drawing", key: this.#key, page, tool: this.#wireTool(), ...this.#ink(), first, ink: encodeInk(points.slice(first)) });
  }

  #do(effect: Effect): void {
    if (effect.is === "erase") return this.#erase(effect.from, effect.to, effect.first);
    if (effect.is !== "stroke") return;
    if (this.tool === "fading") {
      this.#tell(effect.points);
      this.live.add({ key: this.#key, tool: FADING, points: effect.points, ...this.#ink() }, this.now());
      return this.#show({ is: "drawn", key: this.#key++, object: null });
    }
    const made = this.#write((board, page) => addStroke(board, page, effect.points, this.style, effect.tool === "highlighter"));
    this.#show({ is: "drawn", key: this.#key++, object: made ?? null });
  }

  /** Takes away the strokes on the eraser's way that one may; all of one way is one step of the undo. */
  #erase(from: Vec, to: Vec, first: boolean): void {
    if (first) this.#erased = false;
    const { lane } = this;
    const hit = (this.#scene?.all() ?? []).flatMap(({ id, look }) => (look.kind === "stroke" && touches(look, from, to, ERASER) ? [id] : []));
    const ids = hit.filter((id) => lane?.board && may(lane.board, lane.rights, id, "alive"));
    if (ids.length === 0) return;
    this.#write((board, _page, { rights }) => setAll(board, rights, ids, "alive", () => false, this.#erased ? "continue" : "new"));
    this.#erased = true;
  }

  /** Does something to the document; what can't be done leaves it as it was. */
  #write<T>(act: (board: Board, page: ObjectId, lane: Lane) => T): T | undefined {
    const [lane, page] = [this.lane, this.#scene?.page];
    if (!lane?.board || page === undefined || !this.mayDraw) return undefined;
    try {
      const done = act(lane.board, page, lane);
      this.refused = false;
      return done;
    } catch {
      this.refused = true;
      return undefined;
    } finally {
      lane.wrote();
      // A screen has few strokes: the scene is simply read anew.
      this.#changed(undefined);
    }
  }
}

/** Where the newest point of a stroke lies: there stands who draws it. */
export const tipOf = (stroke: LiveStroke): Vec | undefined => stroke.points.at(-1);

