import { expect, it } from "vitest";
import { StatsReader } from "./stats";

const report = (sent: number, received: number, packets: number, lost: number): [string, Record<string, unknown>][] => [
  ["o", { type: "outbound-rtp", bytesSent: sent }],
  ["i", { type: "inbound-rtp", bytesReceived: received, packetsReceived: packets, packetsLost: lost }],
  ["p", { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.02, localCandidateId: "l" }],
  ["l", { type: "local-candidate", protocol: "udp" }],
];

it("makes rates of two looks", () => {
  const reader = new StatsReader();
  expect(reader.read(report(0, 0, 0, 0), 0)).toEqual({ rttMs: 20, sendKbps: -1, receiveKbps: -1, loss: -1, transport: "udp" });
  expect(reader.read(report(125_000, 250_000, 90, 10), 1000)).toEqual({ rttMs: 20, sendKbps: 1000, receiveKbps: 2000, loss: 0.1, transport: "udp" });
});

it("knows nothing right after a new connection", () => {
  const reader = new StatsReader();
  reader.read(report(1000, 1000, 10, 0), 0);
  expect(reader.read(report(10, 10, 1, 0), 1000)).toMatchObject({ sendKbps: -1, receiveKbps: -1 });
  expect(new StatsReader().read([], 0)).toEqual({ rttMs: -1, sendKbps: -1, receiveKbps: -1, loss: -1, transport: "" });
});
