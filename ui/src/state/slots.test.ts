import { describe, expect, it } from "vitest";
import { planSlots, sameSlots, slotTarget, type Wanted } from "./slots";

const mids = { audio: ["a0", "a1"], video: ["v0", "v1", "v2"] };
const want = (video: [number, number][], audio: number[] = []): Wanted => ({
  video: video.map(([track, height]) => ({ track, height })), audio,
});
const tracksOf = (plan: ReturnType<typeof planSlots>) =>
  new Map(plan.slots.flatMap((s) => (s.track === undefined ? [] : [[s.mid, s.track] as const])));

describe("planSlots", () => {
  it("names every slot once, empty ones too", () => {
    const plan = planSlots(mids, new Map(), want([[7, 360]], [8]));
    expect(plan.slots.map((s) => s.mid)).toEqual(["a0", "a1", "v0", "v1", "v2"]);
    expect(plan.slots.find((s) => s.mid === "v0")).toEqual({ mid: "v0", track: 7, max_height: 360 });
    expect(plan.slots.find((s) => s.mid === "a1")).toEqual({ mid: "a1", max_height: 0 });
    expect(plan.missing).toEqual({ audio: 0, video: 0 });
  });
  it("leaves a track in its slot when others come and go", () => {
    const first = planSlots(mids, new Map(), want([[1, 360], [2, 360], [3, 360]]));
    const second = planSlots(mids, tracksOf(first), want([[9, 360], [3, 180], [2, 720]]));
    expect(second.placed.get(2)).toBe(first.placed.get(2));
    expect(second.placed.get(3)).toBe(first.placed.get(3));
    expect(second.placed.get(9)).toBe(first.placed.get(1));
  });
  it("keeps a hidden track in its slot, paused, while nobody needs it", () => {
    const first = planSlots(mids, new Map(), want([[1, 360], [2, 360]]));
    const hidden = planSlots(mids, tracksOf(first), want([[1, 0], [2, 360]]));
    expect(hidden.slots.find((s) => s.track === 1)?.max_height).toBe(0);
    const crowded = planSlots(mids, tracksOf(hidden), want([[1, 0], [2, 360], [3, 90], [4, 90]]));
    expect(crowded.placed.has(1)).toBe(false);
    expect(crowded.missing.video).toBe(0);
  });
  it("takes empty slots before those of hidden tracks", () => {
    const first = planSlots(mids, new Map(), want([[1, 360]]));
    const second = planSlots(mids, tracksOf(first), want([[1, 0], [2, 360]]));
    expect(second.placed.get(1)).toBe("v0");
    expect(second.placed.get(2)).not.toBe("v0");
  });
  it("says how many slots are missing, and serves the most important first", () => {
    const plan = planSlots({ audio: [], video: ["v0"] }, new Map(), want([[1, 720], [2, 180]], [5, 6]));
    expect(plan.placed.get(1)).toBe("v0");
    expect(plan.missing).toEqual({ audio: 2, video: 1 });
  });
  it("never asks for a height that does not fit the wire", () => {
    const plan = planSlots(mids, new Map(), want([[1, 99999.5]]));
    expect(plan.slots.find((s) => s.track === 1)?.max_height).toBe(4320);
  });
});

describe("sameSlots", () => {
  it("sees a changed height", () => {
    const a = planSlots(mids, new Map(), want([[1, 360]])).slots;
    const b = planSlots(mids, new Map(), want([[1, 180]])).slots;
    expect(sameSlots(a, a)).toBe(true);
    expect(sameSlots(a, b)).toBe(false);
  });
});

describe("slotTarget", () => {
  it("grows in steps of four up to the limit and never shrinks", () => {
    expect([slotTarget(1, 0, 64), slotTarget(5, 4, 64), slotTarget(3, 8, 64), slotTarget(99, 8, 64)]).toEqual([4, 8, 8, 64]);
  });
});
