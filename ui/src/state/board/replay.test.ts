import { describe, expect, it } from "vitest";
import { Board, BoardDocument, hashOf, objectsOn, Reader, writeUpdate, readChange, Writer } from "../../board";
import type { Entry } from "../../port/board";
import { readEntries } from "../../port/board/entries";
import { writeChange } from "../../board/change";
import { addNote, addPage, START_STYLE } from "./acts";
import { LONGEST_PAUSE, Replay } from "./replay";

/** A board drawn on at these times: a page, then notes, a second page in the middle. */
function drawn(times: readonly number[]): { board: Board; entries: Entry[] } {
  const board = new Board({ author: 1, session: 1 }, new BoardDocument());
  const entries: Entry[] = [];
  const take = (at: number) => {
    const bytes = writeUpdate(board.takeUpdate());
    const r = new Reader(bytes);
    while (!r.isEmpty) entries.push({ at, change: readChange(r) });
  };
  let page = addPage(board, 0);
  take(times[0] ?? 0);
  times.slice(1).forEach((at, i) => {
    if (i === 2) page = addPage(board, 0, "", page);
    else addNote(board, page, { x: i * 100, y: 0 }, undefined, START_STYLE);
    take(at);
  });
  return { board, entries };
}

describe("a replay", () => {
  const times = [1000, 1200, 1300, 600_000, 600_500];
  const { board, entries } = drawn(times);

  it("ends as the board is, and shortens what nobody wants to wait for", () => {
    const replay = new Replay(entries);
    expect(replay.length).toBe(200 + 100 + LONGEST_PAUSE + 500 + 1000);
    replay.seek(replay.length);
    expect(hashOf(replay.board.document)).toEqual(hashOf(board.document));
    expect([replay.made, replay.moment]).toEqual([entries.length, 600_500]);
  });
  it("goes forward by what changed, and back by beginning anew", () => {
    const replay = new Replay(entries);
    expect(replay.seek(0)).toHaveLength(1);
    expect(replay.moment).toBe(1000);
    const first = replay.page;
    expect(replay.seek(250)).toHaveLength(1);
    expect(objectsOn(replay.board.document, first ?? "")).toHaveLength(1);
    expect(replay.seek(replay.length)?.length).toBeGreaterThan(1);
    expect(replay.page).not.toBe(first);
    expect(replay.seek(250)).toBeUndefined();
    expect([replay.made, replay.page]).toEqual([2, first]);
  });
  it("of nothing is nothing", () => {
    const replay = new Replay([]);
    expect([replay.length, replay.seek(5), replay.page, replay.moment]).toEqual([0, [], undefined, undefined]);
  });
});

it("entries lie one after the other", () => {
  const { entries } = drawn([5, 6, 7]);
  const w = new Writer();
  for (const { at, change } of entries) (w.number(at), writeChange(w, change));
  expect(readEntries(w.bytes())).toEqual(entries);
  expect(() => readEntries(w.bytes().subarray(0, -1))).toThrow();
});
