import { describe, expect, it } from "vitest";
import { chordOf, DEFAULT_SHORTCUTS, keysOf, match, readShortcuts, takenBy, worksGlobally, type KeyPress } from "./shortcuts";

const press = (code: string, mods = "", key = ""): KeyPress => ({
  code, key, ctrlKey: mods.includes("c"), metaKey: mods.includes("m"), shiftKey: mods.includes("s"), altKey: mods.includes("a"),
});
const hit = (p: KeyPress, typing = false) => match(p, DEFAULT_SHORTCUTS, typing);

describe("match", () => {
  it("knows each default with Ctrl and with ⌘", () => {
    expect(hit(press("KeyD", "c"))).toBe("microphone");
    expect(hit(press("KeyD", "m"))).toBe("microphone");
    expect(hit(press("KeyE", "c"))).toBe("camera");
    expect(hit(press("KeyS", "cs"))).toBe("share");
    expect(hit(press("KeyH", "cs"))).toBe("hand");
    expect(hit(press("KeyP", "cs"))).toBe("people");
    expect(hit(press("KeyC", "cs"))).toBe("chat");
    expect(hit(press("Space"))).toBe("talk");
    expect(hit(press("Slash", "s", "?"))).toBe("help");
  });
  it("wants exactly the modifiers", () => {
    for (const p of [press("KeyD"), press("KeyD", "cs"), press("KeyD", "ca"), press("KeyS", "c"), press("Space", "c")]) expect(hit(p)).toBeUndefined();
  });
  it("leaves plain keys to the text field", () => {
    expect(hit(press("Space"), true)).toBeUndefined();
    expect(hit(press("Slash", "s", "?"), true)).toBeUndefined();
    expect(hit(press("KeyD", "c"), true)).toBe("microphone");
  });
});

it("reads a new chord from a key press, and sees a clash", () => {
  expect(chordOf(press("ShiftLeft", "s"))).toBeUndefined();
  const chord = chordOf(press("KeyE", "c"))!;
  expect(takenBy(chord, DEFAULT_SHORTCUTS, "microphone")).toBe("camera");
  expect(takenBy(chord, DEFAULT_SHORTCUTS, "camera")).toBeUndefined();
});

it("draws keys for each machine", () => {
  expect(keysOf(DEFAULT_SHORTCUTS.share, false)).toEqual(["Ctrl", "Shift", "S"]);
  expect(keysOf(DEFAULT_SHORTCUTS.share, true)).toEqual(["⌘", "⇧", "S"]);
});

it("falls back to the default where storage holds nonsense", () => {
  expect(readShortcuts({ camera: { code: 3 }, hand: { code: "KeyR", mod: true, shift: false, alt: false } })).toEqual({
    ...DEFAULT_SHORTCUTS, hand: { code: "KeyR", mod: true, shift: false, alt: false },
  });
  expect(readShortcuts("x")).toEqual(DEFAULT_SHORTCUTS);
});

it("lets another window keep its plain keys", () => {
  const chord = (code: string, mod = false) => ({ code, mod, shift: false, alt: false });
  expect(worksGlobally(chord("KeyM"))).toBe(false);
  expect(worksGlobally(chord("Space"))).toBe(false);
  expect(worksGlobally(chord("KeyM", true))).toBe(true);
  expect(worksGlobally(chord("F8"))).toBe(true);
});

it("has no two defaults on the same keys", () => {
  for (const [action, chord] of Object.entries(DEFAULT_SHORTCUTS)) expect(takenBy(chord, DEFAULT_SHORTCUTS, action as keyof typeof DEFAULT_SHORTCUTS), action).toBeUndefined();
});
