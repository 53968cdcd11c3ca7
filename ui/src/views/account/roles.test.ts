import { expect, it } from "vitest";
import type { Account, AccountRole } from "../../port/port";
import { mayChange, mayGive } from "./roles";

const account = (id: string, role: AccountRole): Account => ({ id, role, email: `${id}@example.org`, name: id, created_at: 0, disabled: false });

it("offers admins members alone, owners everybody, and nobody themselves", () => {
  const [owner, admin, member] = [account("o", "owner"), account("a", "admin"), account("m", "member")];
  expect(mayGive(owner)).toEqual(["member", "admin", "owner"]);
  expect(mayGive(admin)).toEqual(["member"]);
  expect(mayGive(member)).toEqual([]);
  expect([mayChange(owner, admin), mayChange(admin, member)]).toEqual([true, true]);
  expect([mayChange(owner, owner), mayChange(admin, owner), mayChange(admin, account("b", "admin")), mayChange(member, account("n", "member"))]).toEqual([false, false, false, false]);
});
