import { expect, it } from "vitest";
import { AVATAR_COLOURS, avatarColour, initials } from "./people";

it("makes initials of names in many scripts", () => {
  const cases: [string, string][] = [
    ["Ana Lopez", "AL"], ["ana", "A"], ["Ana Maria de Souza", "AS"], ["王小明", "王"], ["王 小明", "王"], ["محمد علي", "م"],
    ["  ", "?"], ["", "?"], ["🦊", "🦊"], ["Émile", "É"], ["jean-luc p.", "JP"], ["7 of 9", "7"],
  ];
  for (const [name, expected] of cases) expect(initials(name), name).toBe(expected);
});

it("gives a name the same colour every time, within the palette", () => {
  for (const name of ["", "Ana", "王小明", "x".repeat(64)]) {
    const colour = avatarColour(name);
    expect(colour).toBe(avatarColour(` ${name} `));
    expect(colour).toBeGreaterThanOrEqual(0);
    expect(colour).toBeLessThan(AVATAR_COLOURS);
  }
});
