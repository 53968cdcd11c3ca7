// The client for programs (sdk/typescript), made from the same document that the server is held to.

import { expect, test } from "vitest";
import { Confab, ConfabError } from "../../../sdk/typescript/src";

function confab(status: number, answer: unknown) {
  const asked: { url: string; init: RequestInit }[] = [];
  const send = async (url: URL | RequestInfo, init?: RequestInit): Promise<Response> => {
    asked.push({ url: String(url), init: init ?? {} });
    return new Response(answer === undefined ? null : JSON.stringify(answer), { status });
  };
  return { client: new Confab("https://meet.example.org/", "cft_secret", send as typeof fetch), asked };
}

test("a list is asked for with the token and read", async () => {
  const { client, asked } = confab(200, { occurrences: [], more_from: null });
  const found = await client.listMeetings({ from: 5, limit: 10 });
  expect(found.occurrences).toEqual([]);
  expect(asked[0]?.url).toBe("https://meet.example.org/api/v1/meetings?from=5&limit=10");
  expect(asked[0]?.init.headers).toEqual({ authorization: "Bearer cft_secret" });
});

test("a body is JSON, and a revision goes along", async () => {
  const { client, asked } = confab(200, {});
  await client.changeMeeting("a/b", { title: "Anew" }, '"7"');
  expect(asked[0]?.url).toBe("https://meet.example.org/api/v1/meetings/a%2Fb");
  expect(asked[0]?.init).toMatchObject({
    method: "PATCH", body: '{"title":"Anew"}',
    headers: { "if-match": '"7"', "content-type": "application/json" },
  });
});

test("a refusal has its code, and an empty answer is none", async () => {
  const refused = confab(403, { code: "scope_missing", message: "no" });
  const error: unknown = await refused.client.listWebhooks().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ConfabError);
  expect(error).toMatchObject({ status: 403, code: "scope_missing" });
  expect(await confab(204, undefined).client.removeWebhook("x")).toBeUndefined();
  const proxy = await confab(502, "bad gateway").client.listRooms().catch((e: unknown) => e);
  expect(proxy).toMatchObject({ status: 502, code: "unknown" });
});
