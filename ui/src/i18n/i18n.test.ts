import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { en, type Message, type MessageKey } from "./en";
import { format, placeholders } from "./format";
import { zhCN } from "./zh-CN";

const keys = Object.keys(en) as MessageKey[];

describe("the catalogues", () => {
  it("have the same keys", () => {
    expect(Object.keys(zhCN).sort()).toEqual([...keys].sort());
  });
  it("fill in the same things", () => {
    for (const key of keys) expect(placeholders(zhCN[key]), key).toEqual(placeholders(en[key]));
  });
  it("leave no text empty, and none of the Chinese in English", () => {
    const sameInBoth = new Set<MessageKey>(["app.name", "device.nth", "connection.kbps", "say.chat", "say.reaction", "cal.event"]);
    const texts = (m: Message) => (typeof m === "string" ? [m] : [m.one, m.other]);
    for (const key of keys) {
      for (const text of [...texts(en[key]), ...texts(zhCN[key])]) expect(text.trim(), key).not.toBe("");
      if (!sameInBoth.has(key)) for (const text of texts(zhCN[key])) expect(text, key).toMatch(/\p{Script=Han}/u);
    }
  });
  it("have words for every error code of the protocol", () => {
    const source = readFileSync(new URL("../../../crates/base/src/code.rs", import.meta.url), "utf8");
    const codes = [...source.matchAll(/=> "([a-z_]+)"/g)].map((m) => `error.${m[1]}`);
    expect(codes.length).toBeGreaterThan(15);
    for (const code of codes) expect(keys).toContain(code);
  });
});

it("chooses the plural by the language", () => {
  expect(format(en, "en", "panel.people.count", { n: 1 })).toBe("1 person");
  expect(format(en, "en", "panel.people.count", { n: 4 })).toBe("4 people");
  expect(format(zhCN, "zh-CN", "panel.people.count", { n: 4 })).toBe("4 人");
});

it("leaves a placeholder standing rather than print undefined", () => {
  expect(format(en, "en", "app.code")).toBe("Code: {code}");
});
