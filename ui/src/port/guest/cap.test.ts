import { describe, expect, it } from "vitest";
import { shareCap, type Sendable } from "./cap";

const CAMERA: Sendable[] = [150_000, 500_000, 1_700_000].map((max) => ({ source: "camera", max }));
const SCREEN: Sendable = { source: "screen", max: 2_500_000 };
const VOICE = [40_000];

describe("a limit on what is sent", () => {
  it("holds, with the sound in it, at every height", () => {
    for (let cap = 100_000; cap <= 5_000_000; cap += 50_000) {
      for (const all of [CAMERA, [SCREEN], [...CAMERA, SCREEN], []]) {
        const rates = shareCap(cap, VOICE, all);
        expect(rates.reduce((a, b) => a + b, 62_000)).toBeLessThanOrEqual(cap);
        rates.forEach((rate, i) => expect(rate).toBeLessThanOrEqual(all[i]?.max ?? 0));
      }
    }
  });
  it("leaves pictures out before sound is in need", () => {
    expect(shareCap(100_000, VOICE, CAMERA)).toEqual([0, 0, 0]);
    expect(shareCap(150_000, VOICE, CAMERA)).toEqual([73_000, 0, 0]);
  });
  it("gives the lowest face first, then the screen, then sharper faces", () => {
    const all = [...CAMERA, SCREEN];
    expect(shareCap(400_000, VOICE, all)).toEqual([150_000, 0, 0, 148_000]);
    expect(shareCap(4_000_000, VOICE, all)).toEqual([150_000, 500_000, 0, 2_500_000]);
    expect(shareCap(700_000, VOICE, CAMERA)).toEqual([150_000, 418_000, 0]);
    expect(shareCap(10_000_000, VOICE, all)).toEqual([150_000, 500_000, 1_700_000, 2_500_000]);
  });
  it("gives no sharp face where the plain one did not fit", () => {
    const all: Sendable[] = [{ source: "camera", max: 2_000_000 }, { source: "camera", max: 300_000 }];
    expect(shareCap(500_000, VOICE, all)).toEqual([0, 0]);
  });
});
