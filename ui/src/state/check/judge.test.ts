// The six broken set-ups of `confab-server doctor`, as a page sees them, and their combinations.

import { describe, expect, it } from "vitest";
import type { CheckFacts, ServerSeen } from "../../port/check";
import { CHECKS, isPrivate, judge, worst, type Row, type Tried } from "./judge";

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;
type Answered = Extract<ServerSeen, { kind: "answered" }>;

function answered(change: Partial<Answered> = {}): Answered {
  const info = { instance: "one", time: NOW, udp_port: 443, tcp_port: 443, certificate: { from: NOW - 30 * DAY, until: NOW + 60 * DAY } };
  return { kind: "answered", info, latency: 21.4, ahead: 40, mixed: false, ...change };
}

function facts(change: Partial<CheckFacts> = {}): CheckFacts {
  return {
    secure: true, online: true, page: { host: "meet.example.org", port: 443 }, server: answered(), socket: "open",
    udp: { kind: "connected", rtt: 20 }, tcp: { kind: "connected" }, bandwidth: { down: 40_000, up: 9_000 }, ...change,
  };
}

const well: Tried = { microphone: "heard", camera: "seen", speaker: "heard" };
const failed = (announced: string[] = ["203.0.113.5"]) => ({ kind: "failed", announced }) as const;
const wrong = (rows: Row[]) => rows.filter((r) => r.level === "bad" || r.level === "fair").map((r) => r.code);

it("has one row for every check, in order, at any time", () => {
  for (const f of [facts(), facts({ server: { kind: "unreachable" } }), { secure: true, online: true, page: { host: "a.b", port: 443 } }]) {
    expect(judge(f, {}).map((r) => r.check)).toEqual([...CHECKS]);
  }
});

it("finds nothing wrong where nothing is", () => {
  const rows = judge(facts(), well);
  expect(rows.every((r) => r.level === "good")).toBe(true);
  expect(worst(rows)).toBeUndefined();
  expect(rows.find((r) => r.check === "server")?.params).toEqual({ ms: 21 });
});

describe("names the cause", () => {
  it("1: UDP closed", () => {
    expect(wrong(judge(facts({ udp: failed() }), well))).toEqual(["udp_closed"]);
    const noTcp = facts({ udp: failed(), tcp: { kind: "off" } });
    expect(wrong(judge(noTcp, well))).toEqual(["media_closed"]);
  });

  it("2: wrong public address", () => {
    // The page's own port leads to the server, but not under the address it announces.
    expect(wrong(judge(facts({ udp: failed(["198.51.100.7"]), tcp: failed(["198.51.100.7"]) }), well))).toEqual(["address_wrong"]);
    const inside = facts({ udp: failed(["10.0.0.7", "172.17.0.1"]), tcp: { kind: "off" } });
    expect(wrong(judge(inside, well))).toEqual(["address_wrong"]);
    const literal = facts({ page: { host: "203.0.113.9", port: 443 }, udp: failed(), tcp: { kind: "off" } });
    expect(wrong(judge(literal, well))).toEqual(["address_wrong"]);
    // A port of its own for TCP may be closed as UDP is.
    const own = answered();
    own.info = { ...own.info, tcp_port: 4443 };
    expect(wrong(judge(facts({ server: own, udp: failed(), tcp: failed() }), well))).toEqual(["media_closed"]);
  });

  it("3: expired certificate", () => {
    const expired = answered();
    expired.info = { ...expired.info, certificate: { from: NOW - 90 * DAY, until: NOW - DAY } };
    expect(wrong(judge(facts({ server: expired }), well))).toEqual(["certificate_expired"]);
    expired.info = { ...expired.info, certificate: { from: NOW - 90 * DAY, until: NOW + DAY } };
    expect(wrong(judge(facts({ server: expired }), well))).toEqual(["certificate_soon"]);
  });

  it("4: the name leads elsewhere", () => {
    const seen: [ServerSeen, string][] = [
      [{ kind: "other", status: 404 }, "other_server"], [{ kind: "unreachable" }, "server_unreachable"], [answered({ mixed: true }), "mixed_servers"],
    ];
    for (const [server, code] of seen) {
      const { socket: _, udp: __, tcp: ___, bandwidth: ____, ...none } = facts({ server });
      expect(wrong(judge(server.kind === "answered" ? facts({ server }) : none, well))).toEqual([code]);
    }
    expect(wrong(judge(facts({ server: { kind: "unreachable" }, online: false }), well))).toEqual(["offline"]);
  });

  it("5: a clock off by ten minutes, and not the certificate that seems to be expired by it", () => {
    for (const ahead of [600_000, -600_000]) {
      const rows = judge(facts({ server: answered({ ahead }) }), well);
      expect(wrong(rows)).toEqual(["clock_off"]);
      expect(worst(rows)?.params).toMatchObject({ minutes: 10, way: ahead > 0 ? "ahead" : "behind" });
    }
    expect(wrong(judge(facts({ server: answered({ ahead: 45_000 }) }), well))).toEqual(["clock_drifts"]);
  });

  it("6: a proxy drops WebSockets", () => {
    for (const socket of ["closed", "timeout"] as const) expect(wrong(judge(facts({ socket }), well))).toEqual(["websocket_dropped"]);
  });

  it("all of several", () => {
    const rows = judge(facts({ server: answered({ ahead: 600_000 }), socket: "closed", udp: failed(), bandwidth: { down: 900, up: 100 } }), { microphone: "denied" });
    expect(wrong(rows)).toEqual(["clock_off", "websocket_dropped", "udp_closed", "bandwidth_poor", "device_problem"]);
    expect(worst(rows)?.code).toBe("clock_off");
  });
});

it("leaves what follows from an unreachable server unsaid", () => {
  const rows = judge({ secure: true, online: true, page: { host: "a.b", port: 443 }, server: { kind: "unreachable" } }, well);
  expect(rows.filter((r) => r.level === "skipped").map((r) => r.check)).toEqual(["tls", "clock", "websocket", "udp", "tcp", "bandwidth"]);
});

it("waits with UDP's cause until TCP was tried", () => {
  const { tcp: _, bandwidth: __, ...early } = facts({ udp: failed() });
  expect(judge(early, {}).find((r) => r.check === "udp")?.level).toBe("waiting");
});

it("tells a page without TLS that devices stay closed", () => {
  const rows = judge(facts({ secure: false }), {});
  expect(wrong(rows)).toEqual(["tls_none"]);
  expect(rows.filter((r) => r.check === "microphone" || r.check === "camera").every((r) => r.level === "skipped")).toBe(true);
});

it("blames nobody for what a busy server did not answer", () => {
  expect(wrong(judge(facts({ udp: { kind: "refused", code: "overloaded" } }), well))).toEqual(["not_told"]);
  expect(wrong(judge(facts({ udp: { kind: "unsupported" } }), well))).toEqual(["webrtc_off"]);
});

it("knows addresses that mean nothing to others", () => {
  for (const a of ["10.1.1.1", "172.20.0.1", "192.168.0.1", "127.0.0.1", "100.64.1.1", "fd00::1", "fe80::1", "::1"]) expect(isPrivate(a), a).toBe(true);
  for (const a of ["203.0.113.5", "172.32.0.1", "100.128.0.1", "2001:db8::1"]) expect(isPrivate(a), a).toBe(false);
});
