import { expect, it } from "vitest";
import { answerIn, keepWish, keptWish, refusalPage, takeWish, wishIn } from "./appentry";

const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const HASH = `#port=40404&challenge=${CHALLENGE}&state=0123456789abcdef&server=https%3A%2F%2Fmeet.example`;
const WISH = { port: 40404, challenge: CHALLENGE, state: "0123456789abcdef", server: "https://meet.example" };

function storage(): Storage {
  const all = new Map<string, string>();
  return {
    getItem: (key: string) => all.get(key) ?? null, setItem: (key: string, value: string) => void all.set(key, value), removeItem: (key: string) => void all.delete(key),
  } as Storage;
}

it("reads what an app makes, and nothing else", () => {
  expect(wishIn(HASH)).toEqual(WISH);
  for (const bad of [
    "", "#", HASH.replace("40404", "0"), HASH.replace("40404", "70000"), HASH.replace("40404", "80@evil.example"), HASH.replace("40404", "1.5"),
    HASH.replace(CHALLENGE, "short"), HASH.replace("0123456789abcdef", "0123456789abcdef%26code%3Dx"), HASH.replace("0123456789abcdef", "x"),
    HASH.replace("https", "javascript"), HASH.replace("&server=https%3A%2F%2Fmeet.example", ""),
  ]) expect(wishIn(bad), bad).toBeUndefined();
  expect(refusalPage(WISH)).toBe("http://127.0.0.1:40404/signed-in?error=access_denied&state=0123456789abcdef");
});

it("knows how it went", () => {
  expect(answerIn("#app=done")).toBe("done");
  expect(answerIn("#app=denied")).toBe("denied");
  expect(answerIn("#app=link_expired")).toBe("failed");
  for (const other of ["", "#app=", "#app=<b>", "#done", HASH]) expect(answerIn(other), other).toBeUndefined();
});

it("keeps a wish for the way to the provider and back, once and for ten minutes", () => {
  const kept = storage();
  keepWish(WISH, 1000, kept);
  expect(keptWish(2000, kept)).toEqual(WISH);
  expect(takeWish(2000, kept)).toEqual(WISH);
  expect(takeWish(2000, kept)).toBeUndefined();
  keepWish(WISH, 1000, kept);
  expect(keptWish(1000 + 600_000, kept)).toBeUndefined();
  expect(takeWish(1000 + 600_000, kept)).toBeUndefined();
  kept.setItem("confab.app-sign-in", "{broken");
  expect(takeWish(0, kept)).toBeUndefined();
});
