// Browser exceptions into the few problems the views have words for.

import type { DeviceProblem } from "../port";

export function describeFailure(error: unknown): DeviceProblem {
  const { name } = named(error);
  switch (name) {
    case "NotAllowedError":
      return "denied";
    case "SecurityError":
      return "insecure";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "NotSupportedError":
    case "TypeError":
      return "unsupported";
    default:
      return "failed";
  }
}

/** Whether somebody just closed the browser's question which screen to share: no problem at all. */
export function isCancelled(error: unknown): boolean {
  const { name, message } = named(error);
  return name === "NotAllowedError" && !/system/i.test(message);
}

function named(error: unknown): { name: string; message: string } {
  return error instanceof Error || error instanceof DOMException ? error : { name: "", message: "" };
}
