// The lines of a desktop page's whiteboards: what is said to the shell, and what of its events reaches whom.
import { expect, it } from "vitest";
import type { DeskCommand, DeskEvent } from "../../generated/desk";
import { BoardLines, history, type Ask } from "./board";

function page(take: (command: DeskCommand) => boolean = () => true) {
  const said: DeskCommand[] = [];
  let next = 40;
  const lines = new BoardLines(async (command) => (said.push(command), take(command)), () => (next += 1));
  const dial = () => {
    const heard: unknown[] = [];
    const wire = lines.dial({ opened: () => heard.push("opened"), message: (bytes) => heard.push(Buffer.from(bytes).toString("hex")), closed: () => heard.push("closed") });
    return { heard, wire };
  };
  return { said, lines, dial };
}
const settled = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

it("carries frames there and back, each line's own", async () => {
  const { said, lines, dial } = page();
  const [a, b] = [dial(), dial()];
  expect(said).toEqual([{ type: "board_open", line: 41 }, { type: "board_open", line: 42 }]);
  expect(lines.on({ type: "board_opened", line: 41 })).toBe(true);
  const large = Uint8Array.from({ length: 40_000 }, (_, i) => i & 255);
  a.wire.send(large);
  const frame = said.at(-1);
  if (frame?.type !== "board_say") throw new Error("no frame");
  lines.on({ type: "board_frame", line: 41, frame: frame.frame });
  lines.on({ type: "board_frame", line: 42, frame: "/wA=" });
  lines.on({ type: "board_frame", line: 99, frame: "/wA=" });
  expect(a.heard).toEqual(["opened", Buffer.from(large).toString("hex")]);
  expect(b.heard).toEqual(["ff00"]);
  expect(lines.on({ type: "levels", microphone: 0, speaker: 0 } as DeskEvent)).toBe(false);
  await settled();
});

it("tells of an end once, whoever ended it, and of nothing after one's own", async () => {
  const { said, lines, dial } = page();
  const [a, b] = [dial(), dial()];
  lines.on({ type: "board_closed", line: 41 });
  lines.on({ type: "board_closed", line: 41 });
  a.wire.send(Uint8Array.of(1));
  a.wire.close();
  expect(a.heard).toEqual(["closed"]);
  b.wire.close();
  lines.on({ type: "board_frame", line: 42, frame: "" });
  lines.on({ type: "board_closed", line: 42 });
  expect(b.heard).toEqual([]);
  expect(said.slice(2)).toEqual([{ type: "board_close", line: 42 }]);
});

it("a shell that takes no line, or no frame, has ended it", async () => {
  const none = page(() => false);
  const a = none.dial();
  await settled();
  expect(a.heard).toEqual(["closed"]);
  const full = page((command) => command.type !== "board_say");
  const b = full.dial();
  full.lines.on({ type: "board_opened", line: 41 });
  b.wire.send(Uint8Array.of(1));
  await settled();
  expect(b.heard).toEqual(["opened", "closed"]);
});

it("reads a history page by page, and says why it could not", async () => {
  const asked: DeskCommand[] = [];
  const pages: Record<number, Awaited<ReturnType<Ask>>> = { 0: { type: "board_history", entries: "", next: 7 }, 7: { type: "board_history", entries: "" } };
  const ask: Ask = async (command) => (asked.push(command), command.type === "board_history" ? pages[command.after] : undefined);
  expect(await history(ask, "main")).toEqual({ ok: true, value: [] });
  expect(asked).toEqual([0, 7].map((after) => ({ type: "board_history", board: "main", after })));
  expect(await history(async () => ({ type: "failed", code: "not_found" }), "main")).toEqual({ ok: false, code: "not_found" });
  expect(await history(async () => undefined, "main")).toEqual({ ok: false, code: "unreachable" });
  // Bytes that are no entries are no board.
  expect(await history(async () => ({ type: "board_history", entries: "////" }), "main")).toEqual({ ok: false, code: "internal" });
});
