// What a look at the way to the server means, in rows. As in `confab-server doctor`: the cause is named, and what only
// follows from it waits. Texts are `check.said.<code>` and `check.todo.<code>`.

import type { CheckFacts, MediaSeen } from "../../port/check";
import type { DeviceProblem } from "../../port/port";

export const CHECKS = ["server", "tls", "clock", "websocket", "udp", "tcp", "bandwidth", "microphone", "camera", "speaker"] as const;
export type Check = (typeof CHECKS)[number];

/** `waiting`: not asked yet. `skipped`: it follows from another row, or is not used. */
export type Level = "waiting" | "good" | "fair" | "bad" | "skipped";

export type CheckCode =
  | "waiting" | "skipped" | "try"
  | "server_ok" | "offline" | "server_unreachable" | "other_server" | "mixed_servers" | "latency_high" | "too_fast"
  | "tls_ok" | "tls_none" | "certificate_expired" | "certificate_not_yet" | "certificate_soon"
  | "clock_ok" | "clock_drifts" | "clock_off"
  | "websocket_ok" | "websocket_dropped"
  | "udp_ok" | "udp_closed" | "media_closed" | "address_wrong" | "webrtc_off" | "not_told"
  | "tcp_ok" | "tcp_off" | "tcp_closed"
  | "bandwidth_ok" | "bandwidth_low" | "bandwidth_poor" | "bandwidth_unknown"
  | "device_ok" | "microphone_silent" | "speaker_unheard" | "device_problem";

export interface Row {
  check: Check;
  level: Level;
  code: CheckCode;
  /** For the text. */
  params?: Record<string, string | number>;
  problem?: DeviceProblem;
}

/** What the person tried by hand. */
export interface Tried {
  microphone?: "heard" | "silent" | DeviceProblem;
  camera?: "seen" | DeviceProblem;
  speaker?: "heard" | "unheard" | DeviceProblem;
}

const CLOCK_OFF = 120_000;
const CLOCK_DRIFTS = 30_000;
const SOON = 7 * 86_400_000;
const LATENCY_HIGH = 300;
/** kbit/s: below it sound only; below the second, small pictures. */
const POOR = 200;
const LOW = 1_200;

const row = (check: Check, level: Level, code: CheckCode, params?: Row["params"]): Row => ({ check, level, code, ...(params !== undefined && { params }) });

export function judge(facts: CheckFacts, tried: Tried): Row[] {
  const server = ofServer(facts);
  const reached = facts.server?.kind === "answered";
  const gone = facts.server !== undefined && !reached;
  const media = gone ? [row("udp", "skipped", "skipped"), row("tcp", "skipped", "skipped")] : ofMedia(facts);
  return [
    server,
    gone ? row("tls", "skipped", "skipped") : ofTls(facts),
    gone ? row("clock", "skipped", "skipped") : ofClock(facts),
    gone ? row("websocket", "skipped", "skipped") : ofSocket(facts),
    ...media,
    gone ? row("bandwidth", "skipped", "skipped") : ofBandwidth(facts),
    ofDevice("microphone", tried.microphone, facts),
    ofDevice("camera", tried.camera, facts),
    ofDevice("speaker", tried.speaker, facts),
  ];
}

/** What to say first: the worst row, the first of them. Nothing while there is nothing wrong. */
export function worst(rows: readonly Row[]): Row | undefined {
  return rows.find((r) => r.level === "bad") ?? rows.find((r) => r.level === "fair");
}

function ofServer({ server, online }: CheckFacts): Row {
  if (server === undefined) return row("server", "waiting", "waiting");
  if (server.kind === "too_fast") return row("server", "fair", "too_fast");
  if (server.kind === "other") return row("server", "bad", "other_server", { status: server.status });
  if (server.kind === "unreachable") return row("server", "bad", online ? "server_unreachable" : "offline");
  if (server.mixed) return row("server", "bad", "mixed_servers");
  const ms = Math.round(server.latency);
  return ms >= LATENCY_HIGH ? row("server", "fair", "latency_high", { ms }) : row("server", "good", "server_ok", { ms });
}

/** The browser tells a page nothing of the certificate it let pass: the server says when its own is valid. */
function ofTls({ server, secure, page }: CheckFacts): Row {
  if (server?.kind !== "answered") return row("tls", "waiting", "waiting");
  if (!secure) return row("tls", "bad", "tls_none", { host: page.host });
  const { info } = server;
  if (info.certificate === undefined) return row("tls", "good", "tls_ok");
  const date = { at: info.certificate.until };
  if (info.certificate.until < info.time) return row("tls", "bad", "certificate_expired", date);
  if (info.certificate.from > info.time) return row("tls", "bad", "certificate_not_yet", { at: info.certificate.from });
  return info.certificate.until < info.time + SOON ? row("tls", "fair", "certificate_soon", date) : row("tls", "good", "tls_ok");
}

function ofClock({ server }: CheckFacts): Row {
  if (server?.kind !== "answered") return row("clock", "waiting", "waiting");
  const apart = Math.abs(server.ahead);
  const params = { minutes: Math.round(apart / 60_000), seconds: Math.round(apart / 1000), way: server.ahead > 0 ? "ahead" : "behind" };
  if (apart >= CLOCK_OFF) return row("clock", "bad", "clock_off", params);
  return apart >= CLOCK_DRIFTS ? row("clock", "fair", "clock_drifts", params) : row("clock", "good", "clock_ok");
}

function ofSocket({ socket }: CheckFacts): Row {
  if (socket === undefined) return row("websocket", "waiting", "waiting");
  return socket === "open" ? row("websocket", "good", "websocket_ok") : row("websocket", "bad", "websocket_dropped");
}

function ofMedia(facts: CheckFacts): Row[] {
  const { udp, tcp } = facts;
  if (udp === undefined) return [row("udp", "waiting", "waiting"), row("tcp", "waiting", "waiting")];
  if (udp.kind === "unsupported") return [row("udp", "bad", "webrtc_off"), row("tcp", "skipped", "skipped")];
  const ofTcp = tcp === undefined ? row("tcp", "waiting", "waiting") : ofTcpWay(tcp);
  if (udp.kind === "connected") return [row("udp", "good", "udp_ok", udp.rtt === undefined ? { ms: "–" } : { ms: Math.round(udp.rtt) }), ofTcp];
  if (udp.kind !== "failed") return [row("udp", "fair", "not_told", { code: udp.kind === "refused" ? udp.code : "off" }), ofTcp];
  // Whether another way leads there says what is wrong with this one.
  if (tcp === undefined) return [row("udp", "waiting", "waiting"), ofTcp];
  if (tcp.kind === "connected") return [row("udp", "fair", "udp_closed"), ofTcp];
  if (isWrongAddress(facts, udp.announced, tcp)) return [row("udp", "bad", "address_wrong", { addresses: udp.announced.join(", ") }), row("tcp", "skipped", "skipped")];
  return [row("udp", "bad", "media_closed"), tcp.kind === "failed" ? row("tcp", "skipped", "skipped") : ofTcp];
}

/** The page came through, so its address and port lead to the server. What the server announces does not: then it is not the same place. */
function isWrongAddress({ server, page }: CheckFacts, announced: readonly string[], tcp: MediaSeen): boolean {
  const sharesPort = server?.kind === "answered" && server.info.tcp_port === page.port;
  if (tcp.kind === "failed" && sharesPort) return true;
  const host = page.host.replace(/^\[|\]$/g, "");
  const near = isAddress(host) ? isPrivate(host) : host === "localhost" || !host.includes(".");
  if (isAddress(host) && !announced.includes(host)) return true;
  return !near && announced.every(isPrivate);
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
}

/** Addresses that mean something else, or nothing, to others. */
export function isPrivate(address: string): boolean {
  return /^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(address) || /^(::1$|f[cd]|fe[89ab])/i.test(address);
}

function ofTcpWay(tcp: MediaSeen): Row {
  switch (tcp.kind) {
    case "connected":
      return row("tcp", "good", "tcp_ok");
    case "off":
      return row("tcp", "skipped", "tcp_off");
    case "failed":
      return row("tcp", "fair", "tcp_closed");
    case "unsupported":
      return row("tcp", "skipped", "skipped");
    case "refused":
      return row("tcp", "fair", "not_told", { code: tcp.code });
  }
}

function ofBandwidth({ bandwidth }: CheckFacts): Row {
  if (bandwidth === undefined) return row("bandwidth", "waiting", "waiting");
  const { down, up } = bandwidth;
  if (down === undefined || up === undefined) return row("bandwidth", "skipped", "bandwidth_unknown");
  const least = Math.min(down, up);
  const params = { down: megabits(down), up: megabits(up) };
  if (least < POOR) return row("bandwidth", "bad", "bandwidth_poor", params);
  return least < LOW ? row("bandwidth", "fair", "bandwidth_low", params) : row("bandwidth", "good", "bandwidth_ok", params);
}

/** One place after the point below ten. */
function megabits(kilobits: number): string {
  const mbit = kilobits / 1000;
  return mbit >= 10 ? String(Math.round(mbit)) : mbit.toFixed(1);
}

function ofDevice(check: "microphone" | "camera" | "speaker", tried: Tried[typeof check], { secure }: CheckFacts): Row {
  if (!secure && check !== "speaker") return row(check, "skipped", "skipped");
  switch (tried) {
    case undefined:
      return row(check, "waiting", "try");
    case "heard":
    case "seen":
      return row(check, "good", "device_ok");
    case "silent":
      return row(check, "fair", "microphone_silent");
    case "unheard":
      return row(check, "fair", "speaker_unheard");
    default:
      return { ...row(check, "bad", "device_problem"), problem: tried };
  }
}
