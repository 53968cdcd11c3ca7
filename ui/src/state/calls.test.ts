import { expect, test } from "vitest";
import type { CallDetails, CallMinute } from "../generated/protocol";
import { findings, grade, lossOf, stretches } from "./calls";

const BEGAN = Date.UTC(2026, 10, 22, 10, 0);
const at = (minute: number) => BEGAN + minute * 60_000;
const minute = (n: number, score = 44): CallMinute => ({ from: at(n), to: at(n + 1), score });

function call(): CallDetails {
  const changed = { ...minute(4), client: { seconds: 60, cpu_limited: 0, bandwidth_limited: 0, stalled: 0, mic_on: 0, mic_silent: 0, speaker_failed: 0, devices: [{ device: "microphone" as const, change: "changed" as const, ago_s: 30 }] } };
  return {
    call: { id: 1, meeting: "m", title: "", from: at(0), to: at(10), people: 2, minutes: 2, poor_minutes: 1 },
    people: [{ id: 2, name: "Bob", client: "browser", minutes: [minute(3, 20), changed] }, { id: 3, name: "", client: "desktop", minutes: [] }],
    server: [], cut: false,
    causes: [
      { kind: "loss_up", participant: 2, from: at(3), to: at(5), amount: 121 },
      { kind: "cpu", participant: 3, from: at(6), to: at(7), amount: 0 },
      { kind: "server_cpu", from: at(1), to: at(2), amount: 97 },
    ],
  };
}

test("causes and changes of devices are told in order, with names, times and numbers", () => {
  const told = findings(call(), "en-GB", (id) => `Participant ${id}`);
  expect(told.map((f) => f.key)).toEqual(["cause.server_cpu", "cause.loss_up", "device.microphone.changed", "cause.cpu.unknown"]);
  expect(told[1]?.values).toMatchObject({ who: "Bob", percent: "12%" });
  expect(told[0]?.values).toMatchObject({ n: "97" });
  expect(told[2]?.at).toBe(at(4.5));
  expect(told[3]?.values["who"]).toBe("Participant 3");
});

test("a time line has each minute once, where it was", () => {
  const person = { id: 1, name: "", client: "browser" as const, minutes: [minute(1), { ...minute(2, 30), from: at(1.9) }, minute(5, 15)] };
  const found = stretches(person, at(0), at(10)).map((s) => [Math.round(s.left * 100), Math.round(s.width * 100), s.grade]);
  expect(found).toEqual([[10, 10, "good"], [20, 10, "fair"], [50, 10, "poor"]]);
});

test("grades part where the protocol says, and losses are the server's word first", () => {
  expect([45, 36, 35, 26, 25, 10].map(grade)).toEqual(["good", "good", "fair", "fair", "poor", "poor"]);
  const server = { loss_up: 120, loss_down: 3, queued_ms: 0, held_back: 0, silent: 0 };
  const client = { seconds: 60, loss_up: 60, loss_down: 8, cpu_limited: 0, bandwidth_limited: 0, stalled: 0, mic_on: 0, mic_silent: 0, speaker_failed: 0 };
  expect(lossOf({ ...minute(0), server, client }, "loss_up")).toBe(12);
  expect(lossOf({ ...minute(0), server, client }, "loss_down")).toBe(0.8);
  expect(lossOf(minute(0), "loss_down")).toBeUndefined();
});
