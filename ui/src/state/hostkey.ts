// The host's secret comes behind `#` in the link. It is taken out of the address bar at once, so that it is neither
// shown on a shared screen nor kept in the history, and lives for this tab only.

import { hostKeyIn } from "./links";

/** Forgets a key that turned out to be wrong, so that the next try is a guest's. */
export function dropHostKey(meeting: string): void {
  try {
    sessionStorage.removeItem(`confab.host.${meeting}`);
  } catch {
    // Nothing was kept then.
  }
}

/** The host key for a meeting, from the address or from before a reload. */
export function takeHostKey(meeting: string): string | undefined {
  const name = `confab.host.${meeting}`;
  const fresh = hostKeyIn(location.hash);
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  try {
    if (fresh !== undefined) sessionStorage.setItem(name, fresh);
    return fresh ?? sessionStorage.getItem(name) ?? undefined;
  } catch {
    return fresh;
  }
}
