import { describe, expect, it } from "vitest";
import { MAX_BREAKOUT_ROOMS } from "../generated/protocol";
import type { Participant } from "../port/port";
import { inRoomOf, peopleByRoom, renamed, roomNames, timeLeft } from "./breakout";

const person = (id: number, over: Partial<Participant> = {}): Participant => ({
  id, name: `P${id}`, role: "guest", client: "browser", presence: "connected", muted: [], tracks: [], decodes: [], joined_at: id, ...over,
});
const ids = (people: readonly Participant[]) => people.map((p) => p.id);

describe("breakout rooms", () => {
  it("shows those of the own room", () => {
    const people = [person(1), person(2, { room: 1 }), person(3, { room: 1 }), person(4, { room: 2 })];
    expect(ids(inRoomOf(people, 2))).toEqual([2, 3]);
    expect(ids(inRoomOf(people, 1))).toEqual([1]);
    expect(ids(inRoomOf(people, undefined))).toEqual([1, 2, 3, 4]);
  });

  it("lists people where they are once rooms are open, and where they are to be before", () => {
    const people = [person(1), person(2, { assigned: 2 }), person(3, { room: 1, assigned: 2 }), person(4, { room: 9 })];
    const planned = peopleByRoom(people, { rooms: ["A", "B"], choose: false });
    expect([...planned].map(([n, list]) => [n, ids(list)])).toEqual([[0, [1, 4]], [1, []], [2, [2, 3]]]);
    const open = peopleByRoom(people, { rooms: ["A", "B"], choose: false, opened_at: 5 });
    expect([...open].map(([n, list]) => [n, ids(list)])).toEqual([[0, [1, 2]], [1, [3]], [2, []]]);
  });

  it("keeps names that are there and stays within the limits", () => {
    expect(roomNames(["Red"], 3, (n) => `Room ${n}`)).toEqual(["Red", "Room 2", "Room 3"]);
    expect(roomNames(["Red", "Blue"], 1, String)).toEqual(["Red"]);
    expect(roomNames([], 999, String)).toHaveLength(MAX_BREAKOUT_ROOMS);
    expect(renamed(["Red", "Blue"], 2, " Green ")).toEqual(["Red", "Green"]);
    expect(renamed(["Red"], 1, "  ")).toBeUndefined();
    expect(renamed(["Red"], 1, "x".repeat(65))).toBeUndefined();
  });

  it("counts down to the end, if there is one", () => {
    expect(timeLeft({ rooms: ["A"], choose: false, opened_at: 1, ends_at: 9000 }, 4000)).toBe(5000);
    expect(timeLeft({ rooms: ["A"], choose: false, opened_at: 1, ends_at: 9000 }, 10000)).toBe(0);
    expect(timeLeft({ rooms: ["A"], choose: false, opened_at: 1 }, 4000)).toBeUndefined();
    expect(timeLeft({ rooms: ["A"], choose: false, ends_at: 9000 }, 4000)).toBeUndefined();
  });
});
