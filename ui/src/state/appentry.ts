// What the desktop app wants when it opens the sign-in page in the browser (docs/PROTOCOL.md, "The app's sign-in"). It stands behind `#` and
// is taken out of the address bar at once. A way to the sign-in provider leaves the page, so that the wish waits in the tab's storage.

import type { AppSignIn } from "../generated/protocol";

export interface AppWish extends AppSignIn {
  /** The server's origin as the app knows it. */
  server: string;
}

/** How it went, as the app's answer says. */
export type AppAnswer = "done" | "denied" | "other_server" | "failed";

const KEY = "confab.app-sign-in";
/** As long as the app waits. */
const LASTS_MS = 10 * 60_000;

export function wishIn(hash: string): AppWish | undefined {
  const at = new URLSearchParams(hash.replace(/^#/, ""));
  return checked({ port: Number(at.get("port")), challenge: at.get("challenge"), state: at.get("state"), server: at.get("server") });
}

export function answerIn(hash: string): AppAnswer | undefined {
  const word = /^#app=([a-z_]{1,40})$/.exec(hash)?.[1];
  if (word === undefined) return undefined;
  return word === "done" || word === "denied" || word === "other_server" ? word : "failed";
}

/** Where the browser brings a no. */
export function refusalPage(wish: AppWish): string {
  return `http://127.0.0.1:${wish.port}/signed-in?error=access_denied&state=${wish.state}`;
}

/** Anybody can write a link: only what an app makes is one. */
function checked(wish: { [K in keyof AppWish]: unknown }): AppWish | undefined {
  const { port, challenge, state, server } = wish;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  if (typeof challenge !== "string" || !/^[\w-]{43}$/.test(challenge)) return undefined;
  if (typeof state !== "string" || !/^[\w-]{16,128}$/.test(state)) return undefined;
  if (typeof server !== "string" || !/^https?:\/\/[^/\s]+$/.test(server)) return undefined;
  return { port, challenge, state, server };
}

/** Until the way back from the provider. */
export function keepWish(wish: AppWish, now: number, storage: Storage = sessionStorage): void {
  storage.setItem(KEY, JSON.stringify({ ...wish, at: now }));
}

/** What was kept, once. */
export function takeWish(now: number, storage: Storage = sessionStorage): AppWish | undefined {
  const wish = keptWish(now, storage);
  storage.removeItem(KEY);
  return wish;
}

/** What is kept, as long as the app waits for it. */
export function keptWish(now: number, storage: Storage = sessionStorage): AppWish | undefined {
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? "null") as ({ [K in keyof AppWish]: unknown } & { at: number }) | null;
    const fresh = kept !== null && kept.at <= now && now - kept.at < LASTS_MS;
    return fresh ? checked(kept) : undefined;
  } catch {
    return undefined;
  }
}
