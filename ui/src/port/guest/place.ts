// Which page a guest's address names.

import { meetingInPath } from "../../state/links";
import type { Place } from "../port";

export function placeOf(path: string, origin: string): Place {
  if (path === "/") return { kind: "home" };
  const meeting = meetingInPath(path);
  return meeting === undefined ? { kind: "nowhere" } : { kind: "meeting", meeting, server: origin };
}
