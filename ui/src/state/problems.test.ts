import { expect, it } from "vitest";
import type { LocalState } from "../port/port";
import { defaultLabel, hasDevices, problemKey, willAsk } from "./problems";

const local = (over: Partial<LocalState> = {}): LocalState => ({
  microphone: { on: false, starting: false }, camera: { on: false, starting: false }, screen: { on: false, starting: false },
  speaker: { choosable: true }, devices: [{ id: "m", kind: "microphone", label: "" }], canShare: true, soundBlocked: false, ...over,
});

it("speaks of the address bar in a browser and of the system's settings in the app", () => {
  expect(problemKey("camera", "denied", "guest")).toBe("device.camera.denied");
  expect(problemKey("camera", "denied", "native")).toBe("device.camera.denied.app");
  expect(problemKey("microphone", "busy", "native")).toBe("device.microphone.busy");
  expect(problemKey("screen", "insecure", "native")).toBe("device.screen.unsupported.app");
});

it("says which device the system's default is, where that is known", () => {
  const devices = [{ id: "a", kind: "speaker" as const, label: "Headset", isDefault: true }, { id: "b", kind: "speaker" as const, label: "Monitor" }];
  expect(defaultLabel(devices, "speaker")).toEqual(["device.default.now", { label: "Headset" }]);
  expect(defaultLabel(devices, "camera")).toEqual(["device.default"]);
});

it("announces the browser's question until it was answered", () => {
  expect(willAsk(local(), "guest")).toBe(true);
  expect(willAsk(local(), "native")).toBe(false);
  expect(willAsk(local({ devices: [{ id: "m", kind: "microphone", label: "Headset" }] }), "guest")).toBe(false);
  expect(willAsk(local({ camera: { on: false, starting: false, problem: "denied" } }), "guest")).toBe(false);
});

it("has no devices in the app's home window", () => {
  expect(hasDevices({ kind: "native", place: { kind: "home" } })).toBe(false);
  expect(hasDevices({ kind: "guest", place: { kind: "home" } })).toBe(true);
});
