import { describe, expect, it } from "vitest";
import type { Device } from "../port/port";
import { chosenFor, rememberDevice, setKey } from "./devicesets";

const device = (kind: Device["kind"], id: string): Device => ({ kind, id, label: id.toUpperCase() });
const TRAIN = [device("microphone", "built-in"), device("camera", "lid"), device("speaker", "laptop")];
const DESK = [...TRAIN, device("microphone", "big"), device("speaker", "monitor")];

describe("device sets", () => {
  it("are the same in any order, and differ by what is connected", () => {
    expect(setKey([...DESK].reverse())).toBe(setKey(DESK));
    expect(setKey(DESK)).not.toBe(setKey(TRAIN));
  });
  it("have no name while the browser tells no labels", () => {
    expect(setKey([{ kind: "microphone", id: "m", label: "" }])).toBe("");
  });
  it("bring the choice back when the same devices are there again", () => {
    let sets = rememberDevice(DESK, [], "microphone", "big");
    sets = rememberDevice(TRAIN, sets, "microphone", "built-in");
    expect(chosenFor(DESK, sets)).toEqual({ microphone: "big" });
    expect(chosenFor(TRAIN, sets)).toEqual({ microphone: "built-in" });
  });
  it("take the last choice for a new set, where that device is here", () => {
    const sets = rememberDevice(DESK, rememberDevice(DESK, [], "camera", "lid"), "speaker", "monitor");
    expect(chosenFor(TRAIN, sets)).toEqual({ camera: "lid" });
  });
  it("remember the system's default as a choice too", () => {
    const sets = rememberDevice(DESK, rememberDevice(DESK, [], "microphone", "big"), "microphone", undefined);
    expect(sets).toHaveLength(1);
    expect(chosenFor(DESK, sets)).toEqual({});
  });
  it("forget the oldest of too many", () => {
    let sets: ReturnType<typeof rememberDevice> = [];
    for (let n = 0; n < 30; n++) sets = rememberDevice([device("camera", `c${n}`)], sets, "camera", `c${n}`);
    expect(sets).toHaveLength(16);
    expect(sets[0]?.camera).toBe("c29");
  });
});
