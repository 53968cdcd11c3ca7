// Which words fit a device that gives nothing. A browser asks at its address bar, the desktop app in the system's settings.

import type { MessageKey } from "../i18n/en";
import type { DeviceProblem, Port } from "../port/port";

export function problemKey(kind: "microphone" | "camera" | "screen", problem: DeviceProblem, port: Port["kind"]): MessageKey {
  const own = port === "native" && (problem === "denied" || problem === "unsupported" || problem === "insecure");
  return own ? `device.${kind}.${problem === "denied" ? "denied" : "unsupported"}.app` : `device.${kind}.${problem}`;
}
