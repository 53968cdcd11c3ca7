import { describe, expect, it } from "vitest";
import { bytesText, cameraAfter, DOWN_PRESETS, facesHeight, hourAt, keptCap, LEAST_KBPS, readCap, savingOf, UP_PRESETS } from "./saver";

describe("the data saver", () => {
  it("limits nothing while it is off, whatever limits are kept", () => {
    expect(savingOf({ dataSaver: "off", saverUp: 300, saverDown: 300 })).toEqual({ smallCamera: false });
    expect(facesHeight({ dataSaver: "off", saverUp: 300, saverDown: 300 })).toBe(Infinity);
  });
  it("tells a limit, and none where none is wanted", () => {
    expect(savingOf({ dataSaver: "save", saverUp: 300, saverDown: 0 })).toEqual({ smallCamera: true, up: 300 });
    expect(savingOf({ dataSaver: "audio", saverUp: 0, saverDown: 800 })).toEqual({ smallCamera: true, down: 800 });
  });
  it("asks for small faces where there is little for them", () => {
    const height = (saverDown: number) => facesHeight({ dataSaver: "save", saverUp: 0, saverDown });
    expect([200, 1000, 2000, 0].map(height)).toEqual([180, 180, 360, 360]);
  });
  it("takes the camera away with the pictures, and gives back only what was there", () => {
    const after = (mode: "off" | "save" | "audio", on: boolean, held: boolean) => cameraAfter(mode, { on, held });
    expect(after("audio", true, false)).toEqual({ camera: false, held: true });
    expect(after("audio", false, false)).toEqual({ held: false });
    // Chosen again in another window while it holds.
    expect(after("audio", false, true)).toEqual({ held: true });
    expect(after("save", false, true)).toEqual({ camera: true, held: false });
    expect(after("off", false, false)).toEqual({ held: false });
    expect(after("off", true, true)).toEqual({ held: false });
    expect(after("save", true, false)).toEqual({ held: false });
  });
  it("takes no limit that voices could not live with, and no nonsense", () => {
    expect(["100", " 350 ", "20000"].map(readCap)).toEqual([100, 350, 20_000]);
    for (const bad of ["", "99", "20001", "-500", "3e2", "1.5", "abc", "９００"]) expect(readCap(bad), bad).toBeUndefined();
    for (const preset of [...UP_PRESETS, ...DOWN_PRESETS]) expect(preset === 0 || readCap(String(preset)) === preset).toBe(true);
    expect(LEAST_KBPS).toBe(100);
  });
  it("keeps what was stored only where it can be", () => {
    expect([0, 100, 640, 99, 1.5, "300", null, 1e9].map((v) => keptCap(v, 500))).toEqual([0, 100, 640, 500, 500, 500, 500, 500]);
  });
  it("writes amounts with three digits", () => {
    expect(hourAt(1000)).toBe(450_000_000);
    expect([0, 340_000, 9_960_000, 23_449_000, 99_960_000, 450_000_000, 1_254_000_000, 12_300_000_000].map((b) => bytesText(b, "en")))
      .toEqual(["0.0 MB", "0.3 MB", "10.0 MB", "23.4 MB", "100 MB", "450 MB", "1.25 GB", "12.3 GB"]);
  });
});
