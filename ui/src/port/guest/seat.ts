// The seat in a meeting, kept for this tab: a page loaded anew takes the same seat again. The token is a secret and
// never leaves the tab's own storage.

import type { SavedSeat } from "../../session/session";

export interface KeptSeat extends SavedSeat {
  name: string;
}

const key = (meeting: string) => `confab.seat.${meeting}`;

export function readSeat(meeting: string): KeptSeat | undefined {
  try {
    const value = JSON.parse(sessionStorage.getItem(key(meeting)) ?? "null") as Partial<KeptSeat> | null;
    if (value === null || typeof value.participant !== "number" || typeof value.token !== "string") return undefined;
    return { participant: value.participant, token: value.token, name: typeof value.name === "string" ? value.name : "" };
  } catch {
    return undefined;
  }
}

export function keepSeat(meeting: string, seat: KeptSeat | undefined): void {
  try {
    if (seat === undefined) sessionStorage.removeItem(key(meeting));
    else sessionStorage.setItem(key(meeting), JSON.stringify(seat));
  } catch {
    // Without storage a reload takes a new seat.
  }
}
