// Which page a guest's address names.

import { meetingInPath } from "../../state/links";
import type { AccountPage, Place } from "../port";

const ACCOUNT_PAGES: readonly AccountPage[] = ["join", "reset", "forgot", "ask", "app"];

export function placeOf(path: string, origin: string): Place {
  if (path === "/") return { kind: "home" };
  if (path === "/check") return { kind: "check" };
  if (path === "/admin") return { kind: "admin" };
  if (path === "/account") return { kind: "account", page: "own" };
  const page = ACCOUNT_PAGES.find((p) => path === `/account/${p}`);
  if (page !== undefined) return { kind: "account", page };
  const meeting = meetingInPath(path);
  return meeting === undefined ? { kind: "nowhere" } : { kind: "meeting", meeting, server: origin };
}
