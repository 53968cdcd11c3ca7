// The browser's way of asking: fetch, a WebSocket, and a peer connection in no meeting for UDP and for TCP
// (docs/PROTOCOL.md, "Before a meeting").

import type { CheckAnswer, CheckInfo, CheckOffer, ErrorBody } from "../../generated/protocol";
import type { BandwidthSeen, CheckFacts, CheckPort, MediaSeen, ServerSeen } from "../check";
import { announcedIn, kilobits, onlyBy, type Way } from "./checkwords";

/** The shortest of so many answers is the latency. */
const QUESTIONS = 4;
const ANSWER_MS = 6_000;
const SOCKET_MS = 6_000;
const MEDIA_MS = 8_000;
/** How long a measurement of the line may take. */
const LINE_MS = 5_000;
const UPLOAD = 512 * 1024;

export function createCheck(): CheckPort {
  return { run };
}

async function run(seen: (facts: CheckFacts) => void, signal: AbortSignal): Promise<CheckFacts> {
  const port = Number(location.port) || (location.protocol === "https:" ? 443 : 80);
  let facts: CheckFacts = { secure: window.isSecureContext, online: navigator.onLine, page: { host: location.hostname, port } };
  const put = (more: Partial<CheckFacts>): void => {
    facts = { ...facts, ...more };
    if (!signal.aborted) seen(facts);
  };
  put({});
  put({ server: await askServer(signal) });
  if (facts.server?.kind !== "answered") return facts;
  const { info } = facts.server;
  put({ socket: await askSocket(signal) });
  put({ udp: await askMedia("udp", signal) });
  put({ tcp: info.tcp_port === undefined ? { kind: "off" } : await askMedia("tcp", signal) });
  // Last, so that it delays nothing that is measured.
  put({ bandwidth: await measure(signal) });
  return facts;
}

function within(signal: AbortSignal, ms: number): AbortSignal {
  const timed = new AbortController();
  const timer = setTimeout(() => timed.abort(), ms);
  const stop = (): void => {
    clearTimeout(timer);
    timed.abort();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return timed.signal;
}

async function askServer(signal: AbortSignal): Promise<ServerSeen> {
  let best: { info: CheckInfo; latency: number; ahead: number } | undefined;
  const instances = new Set<string>();
  for (let n = 0; n < QUESTIONS; n++) {
    try {
      const asked = performance.now();
      const response = await fetch("/check/info", { cache: "no-store", credentials: "omit", signal: within(signal, ANSWER_MS) });
      const latency = performance.now() - asked;
      const ours = Date.now() - latency / 2;
      if (response.status === 429) return { kind: "too_fast" };
      const info = (await response.json().catch(() => undefined)) as Partial<CheckInfo> | undefined;
      if (!response.ok || typeof info?.instance !== "string" || typeof info.time !== "number") return { kind: "other", status: response.status };
      instances.add(info.instance);
      if (best === undefined || latency < best.latency) best = { info: info as CheckInfo, latency, ahead: ours - info.time };
    } catch {
      if (signal.aborted) break;
    }
  }
  return best === undefined ? { kind: "unreachable" } : { kind: "answered", ...best, mixed: instances.size > 1 };
}

/** Open counts when the server speaks as well: some proxies agree to the opening and pass nothing on. */
function askSocket(signal: AbortSignal): Promise<"open" | "closed" | "timeout"> {
  return new Promise((done) => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
    const end = (outcome: "open" | "closed" | "timeout"): void => {
      clearTimeout(timer);
      socket.close();
      done(outcome);
    };
    const timer = setTimeout(() => end("timeout"), SOCKET_MS);
    signal.addEventListener("abort", () => end("timeout"), { once: true });
    // No message of the protocol: the server says so, and that is what is wanted.
    socket.addEventListener("open", () => socket.send("{}"));
    socket.addEventListener("message", () => end("open"));
    socket.addEventListener("close", () => end("closed"));
    socket.addEventListener("error", () => end("closed"));
  });
}

async function askMedia(way: Way, signal: AbortSignal): Promise<MediaSeen> {
  if (typeof RTCPeerConnection === "undefined") return { kind: "unsupported" };
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  try {
    connection.addTransceiver("audio", { direction: "recvonly" });
    await connection.setLocalDescription();
    const offer: CheckOffer = { sdp: connection.localDescription?.sdp ?? "" };
    const response = await fetch("/check/connection", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(offer), credentials: "omit", signal: within(signal, ANSWER_MS),
    });
    if (!response.ok) {
      const refused = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
      return { kind: "refused", code: refused?.code ?? "internal" };
    }
    const answer = (await response.json()) as CheckAnswer;
    const sdp = onlyBy(way, answer.sdp);
    const announced = announcedIn(sdp);
    if (announced.length === 0) return { kind: "off" };
    await connection.setRemoteDescription({ type: "answer", sdp });
    if (!(await connected(connection, signal))) return { kind: "failed", announced };
    const rtt = await roundTrip(connection);
    return { kind: "connected", ...(rtt !== undefined && { rtt }) };
  } catch {
    return { kind: "refused", code: "unreachable" };
  } finally {
    connection.close();
  }
}

function connected(connection: RTCPeerConnection, signal: AbortSignal): Promise<boolean> {
  return new Promise((done) => {
    const end = (is: boolean): void => {
      clearTimeout(timer);
      done(is);
    };
    const timer = setTimeout(() => end(false), MEDIA_MS);
    signal.addEventListener("abort", () => end(false), { once: true });
    const look = (): void => {
      if (connection.connectionState === "connected") end(true);
      if (connection.connectionState === "failed") end(false);
    };
    connection.addEventListener("connectionstatechange", look);
    look();
  });
}

async function roundTrip(connection: RTCPeerConnection): Promise<number | undefined> {
  const report = await connection.getStats();
  for (const entry of report.values()) {
    const pair = entry as RTCIceCandidatePairStats;
    if (pair.type === "candidate-pair" && pair.state === "succeeded" && pair.currentRoundTripTime !== undefined) return pair.currentRoundTripTime * 1000;
  }
  return undefined;
}

async function measure(signal: AbortSignal): Promise<BandwidthSeen> {
  const down = await download(signal);
  const up = await upload(signal);
  return { ...(down !== undefined && { down }), ...(up !== undefined && { up }) };
}

/** What came until it was all there, or the time was over. */
async function download(signal: AbortSignal): Promise<number | undefined> {
  let bytes = 0;
  let began = 0;
  try {
    const response = await fetch("/check/payload", { cache: "no-store", credentials: "omit", signal: within(signal, LINE_MS) });
    const reader = response.ok ? response.body?.getReader() : undefined;
    if (reader === undefined) return undefined;
    // From the first byte: the wait for it is latency, which is measured apart.
    began = performance.now();
    for (let part = await reader.read(); !part.done; part = await reader.read()) bytes += part.value.length;
  } catch {
    // What came so far counts.
  }
  return kilobits(bytes, began === 0 ? 0 : performance.now() - began);
}

function upload(signal: AbortSignal): Promise<number | undefined> {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    let bytes = 0;
    let refused = false;
    const began = performance.now();
    const body = new Uint8Array(UPLOAD);
    for (let at = 0; at < UPLOAD; at += 65_536) crypto.getRandomValues(body.subarray(at, at + 65_536));
    request.upload.addEventListener("progress", (event) => (bytes = event.loaded));
    request.addEventListener("load", () => (refused = request.status >= 400));
    request.addEventListener("loadend", () => done(refused ? undefined : kilobits(bytes, performance.now() - began)));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.open("POST", "/check/payload");
    request.timeout = LINE_MS;
    request.send(body);
  });
}
