import { expect, it } from "vitest";
import { bytesOf, Usage } from "./usage";

it("goes on counting over a new peer connection", () => {
  const usage = new Usage();
  usage.note(1, { sent: 100, received: 1000 }, 0);
  usage.note(1, { sent: 300, received: 3000 }, 1000);
  usage.note(2, { sent: 0, received: 50 }, 2000);
  usage.note(4, { sent: 7, received: 0 }, 3000);
  expect(usage.used).toEqual({ sent: 307, received: 3050, hour: -1 });
});

it("takes the last minute for the hour", () => {
  const usage = new Usage();
  // A million a second, then a hundred thousand.
  for (let s = 0; s <= 120; s++) usage.note(1, { sent: Math.min(s, 30) * 1e6 + Math.max(0, s - 30) * 1e5, received: 0 }, s * 1000);
  expect(usage.used.hour).toBe(360e6);
});

it("counts what travels, also where the browser has no count of its transport", () => {
  const streams: [string, Record<string, unknown>][] = [
    ["o", { type: "outbound-rtp", bytesSent: 1000, headerBytesSent: 100 }],
    ["i", { type: "inbound-rtp", bytesReceived: 2000, headerBytesReceived: 300 }],
    ["j", { type: "inbound-rtp", bytesReceived: 10 }],
  ];
  expect(bytesOf(streams)).toEqual({ sent: 1100, received: 2310 });
  expect(bytesOf([...streams, ["t", { type: "transport", bytesSent: 1500, bytesReceived: 2700 }]])).toEqual({ sent: 1500, received: 2700 });
  expect(bytesOf([])).toEqual({ sent: 0, received: 0 });
});
