// Small translations at the edge: the views' words into the wire's, and bytes into messages.

import type { ServerMessage } from "../../generated/protocol";
import type { Action } from "../../session/session";
import type { HostAction } from "../port";

export function hostAction(action: HostAction): Action {
  switch (action.type) {
    case "mute":
      return { type: "host_mute", participant: action.participant, source: action.source };
    case "mute_all":
      return { type: "host_mute_all" };
    case "lower_hand":
      return { type: "host_lower_hand", participant: action.participant };
    case "spotlight":
      return { type: "host_spotlight", participants: action.participants };
    case "remove":
      return { type: "host_remove", participant: action.participant };
    case "lock":
      return { type: "host_lock", locked: action.locked };
    case "end":
      return { type: "host_end" };
  }
}

export function parseMessage(data: unknown): ServerMessage | undefined {
  try {
    return typeof data === "string" ? (JSON.parse(data) as ServerMessage) : undefined;
  } catch {
    return undefined;
  }
}

export function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** "Chrome/156" or the like, for the server's log. */
export function browserName(): string {
  return /(Firefox|Edg|Chrome|Version)\/\d+/.exec(navigator.userAgent)?.[0] ?? "browser";
}
