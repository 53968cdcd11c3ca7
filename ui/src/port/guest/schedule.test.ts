import { expect, it } from "vitest";
import { createSchedule } from "./schedule";

function server(answer: () => Response) {
  const asked: { url: string; init: RequestInit }[] = [];
  const port = createSchedule(async (url, init) => {
    asked.push({ url: String(url), init: init ?? {} });
    return answer();
  }, "https://meet.example");
  return { port, asked };
}

it("says which revision a change has seen", async () => {
  const { port, asked } = server(() => Response.json({ code: "changed_meanwhile", message: "look again" }, { status: 412 }));
  expect(await port.change("m1", 7, { title: "New" })).toEqual({ ok: false, code: "changed_meanwhile" });
  expect(asked[0]?.url).toBe("/api/v1/meetings/m1");
  expect(asked[0]?.init.headers).toMatchObject({ "if-match": '"7"', "content-type": "application/json" });
  expect(asked[0]?.init.body).toBe('{"title":"New"}');
});

it("takes lists out of their wrapping and leaves refusals as they are", async () => {
  const { port, asked } = server(() => Response.json({ stays: [{ name: "Ada" }] }));
  expect(await port.attendance("m1", 5)).toEqual({ ok: true, value: [{ name: "Ada" }] });
  expect(asked[0]?.url).toBe("/api/v1/meetings/m1/attendance?at=5");
  const off = server(() => new Response("", { status: 502 }));
  expect(await off.port.rooms()).toEqual({ ok: false, code: "internal" });
});

it("asks for spans the API takes", async () => {
  const { port, asked } = server(() => Response.json({ occurrences: [], more_from: null }));
  await port.list(-5, 10.5);
  expect(asked[0]?.url).toBe("/api/v1/meetings?from=0&until=11&limit=1000");
});
