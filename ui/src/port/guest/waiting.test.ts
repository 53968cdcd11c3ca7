import { expect, it } from "vitest";
import { Waiting } from "./waiting";

type Counts = { packets: number; lost?: number; resent?: number; freezes?: number };
const report = (mid: string, { packets, lost = 0, resent = 0, freezes = 0 }: Counts) =>
  new Map([["in", { type: "inbound-rtp", kind: "video", mid, packetsReceived: packets, packetsLost: lost, retransmittedPacketsReceived: resent, freezeCount: freezes }]]);

/** Looks twice a second for so long, at 50 packets a look of which this share was lost. */
function see(waiting: Waiting, from: { at: number; counts: Counts }, seconds: number, share: number, freezes = 0) {
  let wait = 0;
  for (let i = 0; i < seconds * 2; i++) {
    from.at += 500;
    const { packets, lost = 0, freezes: before = 0 } = from.counts;
    from.counts = { packets: packets + 50 * (1 - share), lost: lost + 50 * share, freezes: before + (i < freezes ? 1 : 0) };
    wait = waiting.look(report("3", from.counts), from.at).get("3") ?? -1;
  }
  return wait;
}

it("lets pictures wait for as many requests as the loss makes necessary, and soon", () => {
  for (const [share, wait] of [[0, 0], [0.01, 0], [0.05, 120], [0.1, 200], [0.3, 300]] as const) {
    expect(see(new Waiting(), { at: 0, counts: { packets: 0 } }, 4, share), `${share}`).toBe(wait);
  }
});

it("goes back when the loss is gone, not at once", () => {
  const waiting = new Waiting();
  const state = { at: 0, counts: { packets: 0 } };
  see(waiting, state, 5, 0.3);
  expect(see(waiting, state, 3, 0)).toBe(300);
  expect(see(waiting, state, 60, 0)).toBe(0);
});

it("lets pictures wait longer after freezes, to a limit, and forgets them", () => {
  const waiting = new Waiting();
  const state = { at: 0, counts: { packets: 0 } };
  see(waiting, state, 1, 0);
  expect(see(waiting, state, 1, 0, 1)).toBe(100);
  expect(see(waiting, state, 4, 0, 8)).toBe(400);
  expect(see(waiting, state, 20, 0)).toBe(350);
  expect(see(waiting, state, 150, 0)).toBe(0);
});

it("counts resends as losses, and a slot with another person anew", () => {
  const waiting = new Waiting();
  for (let i = 0; i < 8; i++) waiting.look(report("3", { packets: 50 * i, resent: 15 * i }), 500 * i);
  expect(waiting.look(report("3", { packets: 400, resent: 120 }), 4000).get("3")).toBe(300);
  expect(waiting.look(report("3", { packets: 10 }), 4500).get("3")).toBe(0);
});
