// What a way to the sign-in provider and back came to stands behind `#`, and is taken out of the address bar at once.

import type { Code } from "../generated/protocol";

export type WayBack = { kind: "linked" } | { kind: "problem"; code: Code };

export function takeWayBack(known: (code: string) => code is Code): WayBack | undefined {
  const back = wayBackIn(location.hash, known);
  if (back !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return back;
}

/** Anybody can write a link: only codes there are text for count. */
export function wayBackIn(hash: string, known: (code: string) => code is Code): WayBack | undefined {
  if (hash === "#linked") return { kind: "linked" };
  const code = /^#problem=([a-z_]{1,40})$/.exec(hash)?.[1];
  return code !== undefined && known(code) ? { kind: "problem", code } : undefined;
}
