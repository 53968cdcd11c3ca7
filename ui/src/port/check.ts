// Looking at the way to the server before any meeting: what is asked, and what was seen. What it means is said by
// ../state/check/judge.ts.

import type { CheckInfo } from "../generated/protocol";

/** What one question brought; absent in `CheckFacts`: not asked yet. */
export interface CheckFacts {
  /** Whether the page may use devices at all: https, or this machine. */
  secure: boolean;
  /** What the browser says of its network. */
  online: boolean;
  page: { host: string; port: number };
  server?: ServerSeen;
  /** A WebSocket to the server. */
  socket?: "open" | "closed" | "timeout";
  udp?: MediaSeen;
  tcp?: MediaSeen;
  bandwidth?: BandwidthSeen;
}

export type ServerSeen =
  | {
      kind: "answered";
      info: CheckInfo;
      /** The shortest of several answers, milliseconds. */
      latency: number;
      /** Our clock less the server's, milliseconds, half the wait taken into account. */
      ahead: number;
      /** Several servers answered one after another, under the one name. */
      mixed: boolean;
    }
  /** Something answered that is no Confab. */
  | { kind: "other"; status: number }
  | { kind: "unreachable" }
  | { kind: "too_fast" };

export type MediaSeen =
  /** `rtt`: milliseconds; absent where the browser does not tell. */
  | { kind: "connected"; rtt?: number }
  /** Where the server said it is; all of them were tried in vain. */
  | { kind: "failed"; announced: string[] }
  /** The server has no such way. */
  | { kind: "off" }
  /** The browser has no WebRTC, or it is switched off. */
  | { kind: "unsupported" }
  /** The server did not answer the offer, by this code. */
  | { kind: "refused"; code: string };

/** kbit/s; absent: not measured. */
export interface BandwidthSeen {
  down?: number;
  up?: number;
}

export interface CheckPort {
  /** Asks everything, one after the other; what is seen is handed over as it comes. Never rejects. */
  run(seen: (facts: CheckFacts) => void, signal: AbortSignal): Promise<CheckFacts>;
}
