import { expect, it } from "vitest";
import type { AppReply } from "../../generated/app";
import { nativeAccounts, nativeSchedule, shellFetch } from "./account";
import { ShellLink } from "./app";
import type { Host } from "./host";

/** A shell that answers everything with one reply, and what it was asked. */
function shell(reply: AppReply): { link: ShellLink; asked: unknown[] } {
  const asked: unknown[] = [];
  const host: Host = {
    invoke: async <Reply>(_: string, command: object) => (asked.push(command), reply as Reply),
    listen: async () => {},
  };
  return { link: new ShellLink(host), asked };
}

const said = (status: number, body: unknown, retryAfter?: number): AppReply => ({ type: "said", status, body: JSON.stringify(body), ...(retryAfter !== undefined && { retryAfter }) });

it("asks by way of the shell what a browser asks by its cookie", async () => {
  const { link, asked } = shell(said(200, { accounts: true }));
  expect(await nativeAccounts(link).standing()).toEqual({ ok: true, value: { accounts: true } });
  await nativeAccounts(link).changeProfile({ name: "Ada" });
  await nativeSchedule(link).cancel("m", 3, "all");
  expect(asked).toEqual([
    { type: "ask_server", request: { method: "GET", path: "/session" } },
    { type: "ask_server", request: { method: "PATCH", path: "/account", body: '{"name":"Ada"}' } },
    { type: "ask_server", request: { method: "POST", path: "/meetings/m/cancel", seen: '"3"', body: '{"scope":"all"}' } },
  ]);
});

it("tells the server's code and how long to wait, and when there is no server", async () => {
  const slow = shell(said(429, { code: "too_many_tries", message: "" }, 64));
  expect(await nativeAccounts(slow.link).sessions()).toEqual({ ok: false, code: "too_many_tries", wait: 64 });
  const none = shell({ type: "failed", code: "no_server" });
  expect(await nativeAccounts(none.link).standing()).toEqual({ ok: false, code: "unreachable" });
  const ended = shell({ type: "said", status: 204, body: "" });
  expect(await nativeAccounts(ended.link).endSession("x")).toEqual({ ok: true, value: undefined });
});

it("signs out by the shell, which forgets the session in any case", async () => {
  const { link, asked } = shell({ type: "done" });
  expect(await nativeAccounts(link).signOut()).toEqual({ ok: true, value: undefined });
  expect(asked).toEqual([{ type: "sign_out" }]);
});

it("enters a meeting by its page's path, and asks no other address", async () => {
  const { link, asked } = shell(said(200, {}));
  expect(nativeSchedule(link).door("0123456789abcdefghjkmnpqrs")).toBe("/m/0123456789abcdefghjkmnpqrs");
  await expect(shellFetch(link)("https://evil.example/api/v1/session")).rejects.toThrow();
  expect(asked).toEqual([]);
});
