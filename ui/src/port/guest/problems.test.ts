import { expect, it } from "vitest";
import { describeFailure, isCancelled } from "./problems";

const thrown = (name: string, message = "") => new DOMException(message, name);

it("says in our words why a device gives nothing", () => {
  const names = ["NotAllowedError", "NotFoundError", "NotReadableError", "SecurityError", "TypeError", "Strange"];
  expect(names.map((n) => describeFailure(thrown(n)))).toEqual(["denied", "missing", "busy", "insecure", "unsupported", "failed"]);
  expect(describeFailure("text")).toBe("failed");
});

it("tells a closed picker from a system that forbids", () => {
  expect(isCancelled(thrown("NotAllowedError", "Permission denied by user"))).toBe(true);
  expect(isCancelled(thrown("NotAllowedError", "Permission denied by system"))).toBe(false);
  expect(isCancelled(thrown("NotReadableError"))).toBe(false);
});
