import { expect, it } from "vitest";
import type { Code } from "../generated/protocol";
import { wayBackIn } from "./wayback";

it("reads a code there is, and nothing made up", () => {
  const known = (code: string): code is Code => code === "no_account";
  expect(wayBackIn("#problem=no_account", known)).toEqual({ kind: "problem", code: "no_account" });
  expect(wayBackIn("#linked", known)).toEqual({ kind: "linked" });
  for (const other of ["", "#", "#problem=", "#problem=made_up", "#problem=no_account&x", "#problem=<b>", "#token=abc"]) {
    expect(wayBackIn(other, known)).toBeUndefined();
  }
});
