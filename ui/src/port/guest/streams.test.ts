import { expect, it } from "vitest";
import { StreamReader, type Owner } from "./streams";

type Entries = [string, Record<string, unknown>][];
const owner: Owner = (mid, sends) => (sends ? { source: "camera" } : mid === "4" ? { participant: 7, source: "microphone" } : undefined);
const voice = (bytes: number, packets: number, lost: number, more: Record<string, unknown> = {}): Entries => [
  ["in", { type: "inbound-rtp", mid: "4", codecId: "c", bytesReceived: bytes, packetsReceived: packets, packetsLost: lost, jitter: 0.004, ...more }],
  ["idle", { type: "inbound-rtp", mid: "9", packetsReceived: 4 }],
  ["c", { type: "codec", mimeType: "audio/opus" }],
];

it("tells whose stream it is and what it carries, and gives rates from the second look on", () => {
  const reader = new StreamReader();
  const first = reader.read(voice(0, 10, 0), 1000, owner);
  expect(first).toHaveLength(1);
  expect(first[0]).toMatchObject({ id: "in", direction: "receive", participant: 7, source: "microphone", codec: "opus", kbps: -1, loss: -1, jitterMs: 4, width: -1 });
  const [second] = reader.read(voice(5000, 100, 10), 2000, owner);
  expect(second).toMatchObject({ kbps: 40, loss: 0.1 });
});

it("measures waiting and concealment over the time since the last look", () => {
  const reader = new StreamReader();
  reader.read(voice(1, 1, 0, { jitterBufferDelay: 480, jitterBufferEmittedCount: 48000, concealedSamples: 0, totalSamplesReceived: 48000 }), 0, owner);
  const [now] = reader.read(voice(2, 2, 0, { jitterBufferDelay: 480 + 2880, jitterBufferEmittedCount: 96000, concealedSamples: 4800, totalSamplesReceived: 96000 }), 1000, owner);
  expect(now?.bufferMs).toBeCloseTo(60);
  expect(now?.concealed).toBeCloseTo(0.1);
});

it("takes a sent layer's loss from the far end's report", () => {
  const report: Entries = [
    ["out", { type: "outbound-rtp", mid: "1", rid: "h", packetsSent: 5, remoteId: "far", qualityLimitationReason: "bandwidth", framesPerSecond: 24, frameWidth: 640, frameHeight: 360 }],
    ["far", { type: "remote-inbound-rtp", fractionLost: 0.05, jitter: 0.01 }],
  ];
  expect(new StreamReader().read(report, 0, owner)[0]).toMatchObject({ direction: "send", source: "camera", layer: "h", loss: 0.05, jitterMs: 10, limit: "bandwidth", fps: 24, height: 360 });
});
