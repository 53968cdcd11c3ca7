import { expect, test } from "vitest";
import { systemAsks } from "./screens";

test("the picker steps aside where only the system's own dialog can be chosen", () => {
  expect(systemAsks([{ id: "display:system-dialog" }])).toBe(true);
  expect(systemAsks([{ id: "display:DP-1" }])).toBe(false);
  expect(systemAsks([{ id: "display:system-dialog" }, { id: "window:1" }])).toBe(false);
  expect(systemAsks([])).toBe(false);
});
