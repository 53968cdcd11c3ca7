import { describe, expect, it } from "vitest";
import { DEFAULTS, readSettings } from "./settings";
import { DEFAULT_SHORTCUTS } from "./shortcuts";

describe("readSettings", () => {
  it("gives the defaults for nothing and for nonsense", () => {
    for (const stored of [undefined, null, 7, "x", [], { name: 4, theme: "pink", scale: 40, deviceSets: "all", shortcuts: 3, globalShortcuts: [1] }]) {
      expect(readSettings(stored)).toEqual(DEFAULTS);
    }
  });
  it("keeps what is valid beside what is not", () => {
    const read = readSettings({ name: "Ada", dataSaver: "audio", saverDown: 99, saverUp: 0, mirrorSelf: "no", scale: 1.5, language: "zh-CN", unknown: 1 });
    expect(read).toEqual({ ...DEFAULTS, name: "Ada", dataSaver: "audio", saverUp: 0, scale: 1.5, language: "zh-CN" });
  });
  it("cuts a name that is too long", () => {
    expect(readSettings({ name: "x".repeat(500) }).name.length).toBeLessThanOrEqual(64);
  });
  it("reads device sets and global shortcuts entry by entry", () => {
    const talk = { code: "F8", mod: false, shift: false, alt: false };
    const read = readSettings({ deviceSets: [{ key: "a", microphone: "m", camera: 3 }, { nothing: 1 }, null], globalShortcuts: { talk, camera: { code: 1 } } });
    expect(read.deviceSets).toEqual([{ key: "a", microphone: "m" }]);
    expect(read.globalShortcuts).toEqual({ microphone: null, talk, camera: null });
    expect(read.shortcuts).toEqual(DEFAULT_SHORTCUTS);
  });
  it("understands noise suppression that was on or off", () => {
    const read = (noiseSuppression: unknown) => readSettings({ noiseSuppression }).noiseSuppression;
    expect([true, false, "off", "standard", "strong", "loud", 3].map(read)).toEqual(["standard", "off", "off", "standard", "strong", "standard", "standard"]);
  });
  it("understands a data saver that was on or off", () => {
    expect([true, false, "save", "more", 3].map((dataSaver) => readSettings({ dataSaver }).dataSaver)).toEqual(["save", "off", "save", "off", "off"]);
  });
  it("comes back the same after being written", () => {
    const changed = { ...DEFAULTS, theme: "light" as const, deviceSets: [{ key: "k", speaker: "s" }] };
    expect(readSettings(JSON.parse(JSON.stringify(changed)))).toEqual(changed);
  });
});
