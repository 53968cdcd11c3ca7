import { expect, it } from "vitest";
import { agendaText, parseAgenda, timeLeft } from "./agenda";

it("reads a line for each item, with its minutes at the end", () => {
  expect(parseAgenda("News 5\n\n  Plan 2027 \nAny other business\n")).toEqual([
    { title: "News", minutes: 5 }, { title: "Plan", minutes: 1440 }, { title: "Any other business", minutes: 0 },
  ]);
  expect(parseAgenda("5")).toEqual([{ title: "5", minutes: 0 }]);
  expect(parseAgenda("x\n".repeat(60))).toHaveLength(50);
  expect([...(parseAgenda("é".repeat(200))[0]?.title ?? "")]).toHaveLength(120);
});

it("writes what it reads", () => {
  const text = "News 5\nAny other business";
  expect(agendaText(parseAgenda(text))).toBe(text);
});

it("knows how much time is left, and how much too much was taken", () => {
  const items = [{ title: "News", minutes: 5 }, { title: "Open", minutes: 0 }];
  expect(timeLeft({ items, current: 0, since: 1000 }, 61_000)).toBe(240_000);
  expect(timeLeft({ items, current: 0, since: 0 }, 360_000)).toBe(-60_000);
  expect(timeLeft({ items, current: 1, since: 0 }, 0)).toBeUndefined();
  expect(timeLeft({ items, since: 0 }, 0)).toBeUndefined();
});
