import { expect, it } from "vitest";
import { bytes, text } from "./passkeys";

it("writes bytes as base64url and reads them back", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (const length of [0, 1, 2, 3, 32, 256]) {
    const written = text(all.slice(0, length).buffer);
    expect(written).toMatch(/^[A-Za-z0-9_-]*$/);
    expect([...bytes(written)]).toEqual([...all.slice(0, length)]);
  }
  expect(text(Uint8Array.of(0xfb, 0xff, 0xfe).buffer)).toBe("-__-");
});
