// What can be shared, before anything is.

import type { ScreenSource } from "../port/port";

/** As the shell names it where the system keeps its screens to itself and asks the user with a dialog of its own. */
const DIALOG = "display:system-dialog";

/** Whether a list of our own would have nothing to show but that dialog. */
export function systemAsks(sources: readonly Pick<ScreenSource, "id">[]): boolean {
  return sources.length === 1 && sources[0]?.id === DIALOG;
}
