import { describe, expect, it } from "vitest";
import { dueAt, hearSpeakers, HOLD_MS, type Floor } from "./hold";

const YOU = 1;
const hear = (floor: Floor, speakers: number[], now: number) => hearSpeakers(floor, speakers, YOU, now);

describe("the floor", () => {
  it("goes to the first who speaks at once, and stays through silence", () => {
    const floor = hear({}, [2], 0);
    expect(floor.speaker).toBe(2);
    expect(hear(floor, [], 5000).speaker).toBe(2);
  });
  it("is not taken by a word", () => {
    let floor = hear({}, [2], 0);
    floor = hear(floor, [3], 1000);
    expect(floor.speaker).toBe(2);
    floor = hear(floor, [2], 1400);
    expect(floor).toEqual({ speaker: 2 });
  });
  it("changes when somebody speaks on", () => {
    let floor = hear({}, [2], 0);
    floor = hear(floor, [3], 1000);
    expect(dueAt(floor)).toBe(1000 + HOLD_MS);
    floor = hear(floor, [3], 1000 + HOLD_MS);
    expect(floor).toEqual({ speaker: 3 });
    expect(dueAt(floor)).toBeUndefined();
  });
  it("never goes to oneself", () => {
    expect(hear({ speaker: 2 }, [YOU], 0).speaker).toBe(2);
    expect(hear({}, [YOU, 4], 0).speaker).toBe(4);
  });
});
