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
  expect(reader.read(report(0, 0, 0, 0), 0)).toMatchObject({ rttMs: 20, sendKbps: -1, receiveKbps: -1, loss: -1, transport: "udp" });
  expect(reader.read(report(125_000, 250_000, 90, 10), 1000)).toMatchObject({ rttMs: 20, sendKbps: 1000, receiveKbps: 2000, loss: 0.1, transport: "udp" });
});

it("knows nothing right after a new connection", () => {
  const reader = new StatsReader();
  reader.read(report(1000, 1000, 10, 0), 0);
  expect(reader.read(report(10, 10, 1, 0), 1000)).toMatchObject({ sendKbps: -1, receiveKbps: -1 });
  expect(new StatsReader().read([], 0)).toMatchObject({ rttMs: -1, sendKbps: -1, receiveKbps: -1, loss: -1, transport: "" });
});

it("tells what repair did, and what the browser does not tell as not known", () => {
  const video: [string, Record<string, unknown>][] = [
    ["i1", { type: "inbound-rtp", kind: "video", bytesReceived: 1100, packetsLost: 2, nackCount: 5, retransmittedPacketsReceived: 6, retransmittedBytesReceived: 100 }],
    ["i2", { type: "inbound-rtp", kind: "video", bytesReceived: 0, packetsLost: 0, nackCount: 1, retransmittedPacketsReceived: 0, retransmittedBytesReceived: 0 }],
    ["a", { type: "inbound-rtp", kind: "audio", packetsLost: 500, nackCount: 77 }],
    ["o", { type: "outbound-rtp", kind: "video", bytesSent: 2000, nackCount: 9 }],
  ];
  const { repairIn, repairOut } = new StatsReader().read(video, 0);
  expect(repairIn).toEqual({ recovered: 6, success: 0.75, overhead: 0.1, responseMs: -1, nacks: 6 });
  expect(repairOut).toEqual({ recovered: -1, success: -1, overhead: -1, responseMs: -1, nacks: 9 });
});
