// A board as it came to be: its history on a time line in which nobody waits for long. Pure; who shows it says how far it is.
import { Board, pages, BoardDocument, type ObjectId } from "../../board";
import type { Entry } from "../../port/board";

/** Longest pause between two changes, milliseconds: what was longer is as long. */
export const LONGEST_PAUSE = 1500;
/** What one looks at at the end before it is over. */
const TAIL = 1000;

export class Replay {
  /** Milliseconds on the time line. */
  readonly length: number;
  /** The board as it was; another one after a step back. */
  board = fresh();
  /** The page where the newest change was made. */
  page: ObjectId | undefined;
  readonly #times: number[] = [];
  #next = 0;

  constructor(readonly entries: readonly Entry[]) {
    let time = 0;
    entries.forEach(({ at }, i) => {
      const before = entries[i - 1]?.at ?? at;
      time += Math.min(LONGEST_PAUSE, Math.max(0, at - before));
      this.#times.push(time);
    });
    this.length = entries.length === 0 ? 0 : time + TAIL;
  }

  /** How many changes have been made. */
  get made(): number {
    return this.#next;
  }

  /** When it was, milliseconds since 1970. */
  get moment(): number | undefined {
    return this.entries[Math.max(0, this.#next - 1)]?.at;
  }

  /** Goes to a place on the time line. What changed; undefined: the board is another one. */
  seek(time: number): ObjectId[] | undefined {
    const last = this.#times[this.#next - 1];
    const back = last !== undefined && time < last;
    if (back) [this.board, this.#next, this.page] = [fresh(), 0, undefined];
    const touched = new Set<ObjectId>();
    for (let entry = this.entries[this.#next]; entry && (this.#times[this.#next] ?? 0) <= time; entry = this.entries[this.#next]) {
      const applied = this.board.receive(entry.change);
      const found = applied.is === "now" ? applied.touched : [];
      found.forEach((id) => touched.add(id));
      this.page = found.map((id) => this.#pageOf(id)).findLast((page) => page !== undefined) ?? this.page;
      this.#next += 1;
    }
    const all = pages(this.board.document);
    if (this.page === undefined || !all.includes(this.page)) this.page = all[0];
    return back ? undefined : [...touched];
  }

  #pageOf(id: ObjectId): ObjectId | undefined {
    const { document } = this.board;
    let object = document.object(id);
    for (let steps = 0; object && object.kind !== "page" && steps < 8; steps++) object = document.object(object.get("parent") ?? "");
    return object?.kind === "page" ? object.id : undefined;
  }
}

/** Of nobody: what is looked at has no author of its own. */
function fresh(): Board {
  return new Board({ author: 0xffff_fffe, session: 0 }, new BoardDocument());
}
