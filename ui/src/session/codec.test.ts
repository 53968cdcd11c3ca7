import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Snapshot, VideoCodec } from "../generated/protocol";
import { bestCodec, CodecChoice } from "./codec";

interface Case {
  encodes: VideoCodec[];
  receivers: VideoCodec[][];
  best: VideoCodec | null;
}

const CASES = JSON.parse(readFileSync(new URL("../../../tests/data/codec.json", import.meta.url), "utf8")) as Case[];

test.each(CASES)("$encodes for $receivers: $best", ({ encodes, receivers, best }) => {
  expect(bestCodec(encodes, receivers) ?? null).toBe(best);
});

test("a change waits for two seconds after the last one", () => {
  const room = (...decodes: VideoCodec[][]) => ({ participants: decodes.map((d, i) => ({ id: i + 1, decodes: d })) }) as unknown as Snapshot;
  const both: VideoCodec[] = ["h264", "vp8"];
  const choice = new CodecChoice("h264");
  // The first participant is oneself, whose decoder does not matter.
  expect(choice.update(both, room(["vp8"], both), 1, 0)).toBeUndefined();
  expect(choice.update(both, room(both, both, ["vp8"]), 1, 10)).toBe("vp8");
  expect(choice.update(both, room(both, both), 1, 1000)).toBeUndefined();
  expect(choice.current).toBe("vp8");
  expect(choice.update(both, room(both, both), 1, 2010)).toBe("h264");
});
