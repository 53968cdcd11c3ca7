import { expect, it } from "vitest";
import { createAccounts } from "./accounts";

type Call = { url: string; init: RequestInit };

/** A server that answers everything the same way, and what it was asked. */
function server(answer: Response | Error): { asked: Call[]; port: ReturnType<typeof createAccounts> } {
  const asked: Call[] = [];
  const port = createAccounts(async (url, init) => {
    asked.push({ url: String(url), init: init ?? {} });
    if (answer instanceof Error) throw answer;
    return answer.clone();
  });
  return { asked, port };
}

it("sends secrets in bodies, as JSON, with the cookie", async () => {
  const { asked, port } = server(new Response(JSON.stringify({ accounts: true }), { status: 200 }));
  const answer = await port.signIn("ada@example.org", "a secret");
  expect(answer).toEqual({ ok: true, value: { accounts: true } });
  expect(asked[0]?.url).toBe("/api/v1/session");
  expect(asked[0]?.init).toMatchObject({ method: "POST", credentials: "same-origin", headers: { "content-type": "application/json" } });
  expect(JSON.parse(String(asked[0]?.init.body))).toEqual({ email: "ada@example.org", password: "a secret" });
});

it("takes an answer without a body, and escapes what stands in paths", async () => {
  const { asked, port } = server(new Response(null, { status: 204 }));
  expect(await port.endSession("a/b?c")).toEqual({ ok: true, value: undefined });
  expect(asked[0]?.url).toBe("/api/v1/account/sessions/a%2Fb%3Fc");
});

it("tells the code and how long to wait", async () => {
  const slow = new Response(JSON.stringify({ code: "too_many_tries", message: "" }), { status: 429, headers: { "retry-after": "64" } });
  expect(await server(slow).port.signIn("a@b.c", "x")).toEqual({ ok: false, code: "too_many_tries", wait: 64 });
  expect(await server(new Response("<html>", { status: 502 })).port.standing()).toEqual({ ok: false, code: "internal" });
  expect(await server(new Error("no network")).port.standing()).toEqual({ ok: false, code: "unreachable" });
});

it("asks once more where nothing changes by it and no answer came", async () => {
  const methods: string[] = [];
  const port = createAccounts(async (_, init) => {
    methods.push(init?.method ?? "GET");
    if (methods.length % 2 === 1) throw new Error("the network changed");
    return new Response(JSON.stringify({ accounts: true }), { status: 200 });
  });
  expect(await port.standing()).toEqual({ ok: true, value: { accounts: true } });
  expect(await port.signIn("ada@example.org", "x")).toEqual({ ok: false, code: "unreachable" });
  expect(methods).toEqual(["GET", "GET", "POST"]);
});
