// The lane's frames as crates/board recorded them in tests/data/board/lane.json: one of each sort.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { allowFrame, openFrame, pingFrame, presenceFrame, readFrame, secondFrame, updateFrame, type FromServer } from "./frames";

const recorded = JSON.parse(readFileSync(new URL("../../../../tests/data/board/lane.json", import.meta.url), "utf8")) as { bytes: string; frame: string; from: string }[];
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const of = (frame: string, from: string) => {
  const found = recorded.find((r) => r.frame === frame && r.from === from);
  if (!found) throw new Error(`no ${frame} from the ${from}`);
  return Uint8Array.from(Buffer.from(found.bytes, "hex"));
};
const SEAT = { meeting: "0".repeat(25) + "w", participant: 5, token: "secret" };
const COPY = { author: 300, session: 2 };

it("what a client says has the recorded bytes", () => {
  const vector = new Map([{ replica: { author: 1, session: 0 }, next: 7 }, { replica: COPY, next: 1000 }].map((v) => [`${v.replica.author}.${v.replica.session}`, { ...v, last: 0 }]));
  expect(hex(openFrame(SEAT, "room-2"))).toBe(hex(of("open", "client")));
  expect(hex(openFrame(SEAT, "room-2", { replica: COPY, vector }))).toBe(hex(of("open_again", "client")));
  expect(hex(secondFrame(SEAT, "room-2", COPY))).toBe(hex(of("open_second", "client")));
  expect(hex(updateFrame(Uint8Array.of(1, 2, 3)))).toBe(hex(of("update", "client")));
  expect(hex(presenceFrame(Uint8Array.of(0)))).toBe(hex(of("presence", "client")));
  expect(hex(pingFrame())).toBe(hex(of("ping", "client")));
  expect(hex(allowFrame(true))).toBe(hex(of("allow", "client")));
  expect(hex(allowFrame(false))).toBe(hex(of("forbid", "client")));
});

it("what the server says is read", () => {
  const time = 1_790_000_000_000;
  const expected: Record<string, FromServer> = {
    opened: { is: "opened", opened: { replica: COPY, level: "draw", time, next: 1000, board: "room-2" } },
    changes: { is: "changes", body: Uint8Array.of(1, 2, 3) },
    changes_none: { is: "changes", body: new Uint8Array() },
    snapshot: { is: "snapshot", body: Uint8Array.of(4, 5) },
    acknowledged: { is: "acknowledged", next: 1000 },
    refused: { is: "refused", next: 7, name: "too_fast", wait: 250 },
    presence: { is: "shown", body: Uint8Array.of(1, 0, 0) },
    rights: { is: "rights", level: "view" },
    closed: { is: "closed", code: "overloaded", again: true },
    pong: { is: "pong" },
    authors: { is: "authors", authors: [{ author: 1, participant: 5, name: "Ada" }, { author: 300, participant: 6, name: "\u674e" }] },
    allowed: { is: "allowed", allowed: true },
    forbidden: { is: "allowed", allowed: false },
  };
  for (const [name, value] of Object.entries(expected)) expect({ name, ...readFrame(of(name, "server")) }).toEqual({ name, ...value });
  const sorts = recorded.filter((r) => r.from === "server").map((r) => r.frame);
  expect(sorts.filter((name) => name !== "hash" && !(name in expected))).toEqual([]);
});

it("a frame with something left over, or cut short, is none", () => {
  for (const name of ["opened", "acknowledged", "refused", "rights", "closed", "pong", "authors", "allowed"]) {
    const bytes = of(name, "server");
    expect(() => readFrame(Uint8Array.of(...bytes, 0))).toThrow();
    expect(() => readFrame(bytes.subarray(0, -1))).toThrow();
  }
});
