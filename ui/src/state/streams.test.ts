import { describe, expect, it } from "vitest";
import type { StreamStats } from "../port/port";
import { sortStreams, streamCells } from "./streams";

const stream = (over: Partial<StreamStats>): StreamStats => ({
  id: "a", direction: "receive", source: "camera", codec: "h264", layer: "", kbps: 500, loss: 0, jitterMs: 4, bufferMs: 60, fps: 30, width: 640, height: 360,
  freezes: 0, concealed: -1, nacks: 3, resent: 2, fec: -1, limit: "", ...over,
});

describe("the support view", () => {
  it("writes what is not known as a dash, never as a minus one", () => {
    const cells = streamCells(stream({ kbps: -1, loss: -1, jitterMs: -1, bufferMs: -1, fps: -1, width: -1, height: -1, freezes: -1, codec: "" }), "en");
    for (const text of [cells.codec, cells.rate, cells.loss, cells.jitter, cells.buffer, cells.picture, cells.freezes, cells.concealed]) expect(text).toBe("–");
    expect(cells.lossTone).toBe("");
  });
  it("marks loss and made-up sound by how bad they are", () => {
    expect(streamCells(stream({ loss: 0.004 }), "en")).toMatchObject({ loss: "0.4 %", lossTone: "" });
    expect(streamCells(stream({ loss: 0.05 }), "en").lossTone).toBe("warn");
    expect(streamCells(stream({ source: "microphone", concealed: 0.2 }), "en")).toMatchObject({ concealed: "20.0 %", concealedTone: "bad", picture: "–" });
  });
  it("writes what was asked for again beside what was resent", () => {
    const repair = (over: Partial<StreamStats>) => streamCells(stream(over), "en").repair;
    expect(repair({})).toBe("3 / 2");
    expect(repair({ nacks: 1200, resent: -1 })).toBe("1,200 / –");
    expect(repair({ fec: 9 })).toBe("3 / 2 + 9");
    expect(repair({ nacks: -1, resent: -1, fec: 0 })).toBe("–");
  });
  it("writes a picture with its rate", () => {
    expect(streamCells(stream({}), "en").picture).toBe("640×360 · 30 fps");
  });
  it("puts own streams first, the largest layer first, then others by person", () => {
    const all = [
      stream({ id: "1", participant: 3, source: "microphone" }), stream({ id: "2", participant: 3 }), stream({ id: "3", participant: 2 }),
      stream({ id: "4", direction: "send", height: 180 }), stream({ id: "5", direction: "send", height: 720 }),
    ];
    expect(sortStreams(all).map((s) => s.id)).toEqual(["5", "4", "3", "2", "1"]);
  });
});
