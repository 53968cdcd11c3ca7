import { expect, it } from "vitest";
import { allZones, cityOf, findZones } from "./zones";

const all = allZones("en", Date.parse("2026-11-24T09:00:00Z"), "Asia/Shanghai");
const found = (query: string) => findZones(all, query).map((entry) => entry.zone);

it("puts the viewer's own first, the others by their distance from UTC", () => {
  expect(all[0]?.zone).toBe("Asia/Shanghai");
  const rest = all.slice(1).map((entry) => entry.ahead);
  expect(rest).toEqual([...rest].sort((a, b) => a - b));
  expect(cityOf("America/Argentina/Buenos_Aires")).toBe("Buenos Aires");
});

it("finds by id, by city, by cities IANA does not have, and in Chinese", () => {
  expect(found("europe/ber")[0]).toBe("Europe/Berlin");
  expect(found("new york")[0]).toBe("America/New_York");
  expect(found("Sao Paulo")[0]).toBe("America/Sao_Paulo");
  expect(found("munich")).toEqual(["Europe/Berlin"]);
  expect(found("北京")).toEqual(["Asia/Shanghai"]);
  expect(found("旧金")).toEqual(["America/Los_Angeles"]);
  expect(found("nowhere at all")).toEqual([]);
});
