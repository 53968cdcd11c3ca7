import { describe, expect, it } from "vitest";
import type { Participant, Source } from "../port/port";
import { handOrder, orderPeople, planStage } from "./stage";

function person(id: number, over: Partial<Participant> = {}, sources: Source[] = ["microphone", "camera"]): Participant {
  return {
    id, name: `P${id}`, role: "guest", client: "browser", presence: "connected", muted: [], decodes: ["h264"], joined_at: id,
    tracks: sources.map((source, i) => ({ id: id * 10 + i, source, layers: [] })), ...over,
  };
}

describe("planStage", () => {
  it("shows the viewer first and the others in order of joining", () => {
    const plan = planStage({ participants: [person(1), person(2), person(3)], you: 3, layout: "grid" });
    expect(plan).toMatchObject({ kind: "grid", tiles: [{ participant: 3 }, { participant: 1 }, { participant: 2 }] });
  });
  it("keeps the order when somebody else speaks", () => {
    const participants = [person(1), person(2), person(3)];
    const a = planStage({ participants, you: 1, layout: "grid", speaker: 3 });
    expect(a).toEqual(planStage({ participants, you: 1, layout: "grid", speaker: 2 }));
  });
  it("gives the speaker the stage, never the viewer", () => {
    const participants = [person(1), person(2), person(3)];
    expect(planStage({ participants, you: 1, layout: "speaker", speaker: 3 })).toMatchObject({ kind: "focus", main: { participant: 3 } });
    expect(planStage({ participants, you: 1, layout: "speaker", speaker: 1 })).toMatchObject({ kind: "focus", main: { participant: 2 } });
  });
  it("lets a shared screen take the stage and people go to the strip", () => {
    const participants = [person(1), person(2, {}, ["microphone", "camera", "screen"])];
    const plan = planStage({ participants, you: 1, layout: "grid" });
    expect(plan).toMatchObject({ kind: "focus", main: { key: "screen-2", track: 22 }, strip: [{ key: "camera-1" }, { key: "camera-2" }] });
  });
  it("puts a pin before everything", () => {
    const participants = [person(1), person(2, {}, ["screen"]), person(3)];
    expect(planStage({ participants, you: 1, layout: "grid", pinned: "camera-3" })).toMatchObject({ kind: "focus", main: { key: "camera-3" } });
  });
  it("gives the stage to whom a host put before everyone, but for a pin, a shared screen and that person", () => {
    const participants = [person(1), person(2), person(3)];
    const input = { participants, you: 1, layout: "speaker", speaker: 3, spotlights: [2] } as const;
    expect(planStage(input)).toMatchObject({ kind: "focus", main: { key: "camera-2" }, strip: [{ key: "camera-1" }, { key: "camera-3" }] });
    expect(planStage({ ...input, layout: "grid" })).toMatchObject({ kind: "focus", main: { key: "camera-2" } });
    expect(planStage({ ...input, pinned: "camera-3" })).toMatchObject({ main: { key: "camera-3" } });
    expect(planStage({ ...input, you: 2, layout: "grid" }).kind).toBe("grid");
    expect(planStage({ ...input, participants: [...participants, person(4, {}, ["screen"])] })).toMatchObject({ main: { key: "screen-4" } });
  });
  it("puts several side by side whom a host put before everyone", () => {
    const participants = [person(1), person(2), person(3), person(4)];
    const input = { participants, you: 1, layout: "speaker", spotlights: [3, 1] } as const;
    expect(planStage(input)).toMatchObject({ kind: "lit", tiles: [{ key: "camera-3" }, { key: "camera-1" }], strip: [{ key: "camera-2" }, { key: "camera-4" }] });
    expect(planStage({ ...input, pinned: "camera-2" })).toMatchObject({ kind: "focus", main: { key: "camera-2" } });
    expect(planStage({ ...input, spotlights: [3, 9] })).toMatchObject({ kind: "focus", main: { key: "camera-3" } });
  });
  it("forgets a pin whose person left", () => {
    expect(planStage({ participants: [person(1), person(2)], you: 1, layout: "grid", pinned: "camera-9" }).kind).toBe("grid");
  });
  it("does not show the viewer's own screen to the viewer", () => {
    const plan = planStage({ participants: [person(1, {}, ["camera", "screen"]), person(2)], you: 1, layout: "grid" });
    expect(plan).toMatchObject({ kind: "grid", tiles: [{ key: "camera-1" }, { key: "camera-2" }] });
  });
  it("asks for no picture of a muted camera", () => {
    const plan = planStage({ participants: [person(1), person(2, { muted: ["camera"] })], you: 1, layout: "grid" });
    expect(plan.kind === "grid" && plan.tiles[1]?.track).toBeUndefined();
  });
  it("keeps the strip still when the speaker changes", () => {
    const participants = [person(1), person(2), person(3)];
    const strip = (speaker: number) => {
      const plan = planStage({ participants, you: 1, layout: "speaker", speaker });
      return plan.kind === "focus" ? plan.strip : [];
    };
    expect(strip(2).map((t) => t.key)).toEqual(strip(3).map((t) => t.key));
    expect(strip(2).filter((t) => t.standIn).map((t) => t.participant)).toEqual([2]);
    expect(strip(2).find((t) => t.standIn)?.track).toBeUndefined();
  });
  it("needs no stand-in for two people", () => {
    const plan = planStage({ participants: [person(1), person(2)], you: 1, layout: "speaker" });
    expect(plan.kind === "focus" && plan.strip.map((t) => t.participant)).toEqual([1]);
  });
  it("shows one person alone in the grid, in every layout", () => {
    expect(planStage({ participants: [person(1)], you: 1, layout: "speaker" }).kind).toBe("grid");
  });
});

it("orders hands by when they went up", () => {
  const hands = handOrder([person(1, { hand: 300 }), person(2), person(3, { hand: 100 })]);
  expect([...hands]).toEqual([[3, 1], [1, 2]]);
});

it("seats people as a host ordered them, and the rest as they came", () => {
  const person = (id: number) => ({ id, name: "", role: "guest", client: "browser", presence: "connected", muted: [], tracks: [], decodes: [], joined_at: id }) as never;
  const people = [person(1), person(2), person(3), person(4)];
  const ids = (seats: number[]) => orderPeople(people, 3, seats).map((p) => p.id);
  expect(ids([])).toEqual([3, 1, 2, 4]);
  expect(ids([4, 2])).toEqual([4, 2, 1, 3]);
  expect(ids([9, 4])).toEqual([4, 1, 2, 3]);
});
