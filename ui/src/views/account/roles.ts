// Who has to do with whom; the server decides, the page offers no more than that.

import type { Account, AccountRole } from "../../port/port";

export const ROLES: readonly AccountRole[] = ["member", "admin", "owner"];

/** Roles an invitation by `me` may give. */
export function mayGive(me: Account): readonly AccountRole[] {
  return me.role === "owner" ? ROLES : me.role === "admin" ? ["member"] : [];
}

/** Nobody shuts themselves out. */
export function mayChange(me: Account, other: Account): boolean {
  return me.id !== other.id && mayGive(me).includes(other.role);
}
