// Which words fit a device that gives nothing. A browser asks at its address bar, the desktop app in the system's settings.

import type { MessageKey } from "../i18n/en";
import type { Params } from "../i18n/format";
import type { Device, DeviceKind, DeviceProblem, LocalState, Port } from "../port/port";

export function problemKey(kind: "microphone" | "camera" | "screen" | "speaker", problem: DeviceProblem, port: Port["kind"]): MessageKey {
  if (kind === "speaker") return `device.speaker.${problem}`;
  const own = port === "native" && (problem === "denied" || problem === "unsupported" || problem === "insecure");
  return own ? `device.${kind}.${problem === "denied" ? "denied" : "unsupported"}.app` : `device.${kind}.${problem}`;
}

/** The words for leaving the choice to the system, with what that is now, where it tells. */
export function defaultLabel(devices: readonly Device[], kind: DeviceKind): [key: MessageKey, params?: Params] {
  const now = devices.find((d) => d.kind === kind && d.isDefault === true && d.label !== "");
  return now === undefined ? ["device.default"] : ["device.default.now", { label: now.label }];
}

/** Whether this window can open devices: the app's home window has no participant, and so no devices. */
export function hasDevices(port: Pick<Port, "kind" | "place">): boolean {
  return port.kind === "guest" || port.place.kind !== "home";
}

/** Whether turning a device on will make the browser ask: it tells no names of devices before that. */
export function willAsk(local: LocalState, port: Port["kind"]): boolean {
  return port === "guest" && !local.microphone.on && !local.camera.on && local.devices.every((d) => d.label === "")
    && local.microphone.problem === undefined && local.camera.problem === undefined;
}
