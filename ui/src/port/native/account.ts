// The server's API as the desktop app's home asks it: by way of the shell, which puts the person's session to it and lets through only
// what home shows.

import { createAccounts } from "../guest/accounts";
import { API } from "../guest/http";
import { createSchedule } from "../guest/schedule";
import type { AccountsPort } from "../accounts";
import type { SchedulePort } from "../schedule";
import type { ShellLink } from "./app";

/** `fetch` for addresses below the API of the settings' server, and nothing else. */
export function shellFetch(shell: ShellLink): typeof fetch {
  return async (address, init = {}) => {
    const path = String(address);
    if (!path.startsWith(`${API}/`)) throw new TypeError("not the server's API");
    const seen = new Headers(init.headers).get("if-match");
    const request = {
      method: init.method ?? "GET", path: path.slice(API.length),
      ...(seen !== null && { seen }), ...(typeof init.body === "string" && { body: init.body }),
    };
    const said = await shell.ask("said", { type: "ask_server", request }, (reply) => reply);
    if (!said.ok) throw new TypeError(said.code);
    const { status, body, retryAfter } = said.value;
    const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
    return new Response(body === "" ? null : body, { status, headers });
  };
}

/** Ways in are the browser's: what is not asked for here is refused by the shell. */
export function nativeAccounts(shell: ShellLink): AccountsPort {
  const accounts = createAccounts(shellFetch(shell));
  return {
    ...accounts,
    passkeys: false,
    async signOut() {
      const done = await shell.do({ type: "sign_out" });
      return done.ok ? { ok: true, value: undefined } : { ok: false, code: "unreachable" };
    },
  };
}

/** A meeting's door is its page's path, which the app enters itself. */
export function nativeSchedule(shell: ShellLink): SchedulePort {
  return createSchedule(shellFetch(shell), "");
}
