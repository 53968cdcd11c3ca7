import { expect, it } from "vitest";
import { tokenIn } from "./linktoken";

const TOKEN = "0123456789abcdefghjkmnpqrs";

it("finds the secret of a link and nothing else", () => {
  expect(tokenIn(`#token=${TOKEN}`)).toBe(TOKEN);
  for (const bad of ["", "#", "#token=", "#token=short", `#token=${TOKEN}x`, `#host=${TOKEN}`, "#token=<script>alert(1)</script>"]) {
    expect(tokenIn(bad), bad).toBeUndefined();
  }
});
