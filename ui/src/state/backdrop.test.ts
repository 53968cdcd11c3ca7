import { expect, test } from "vitest";
import { shownPart } from "../port/guest/background/paint";
import { sizeWithin } from "./backdrop";
import { backgroundOf, readSettings } from "./settings";

test("pictures shrink with their shape and never grow", () => {
  expect(sizeWithin(4000, 3000, 1280)).toEqual([1280, 960]);
  expect(sizeWithin(30, 5000, 1280)).toEqual([8, 1280]);
  expect(sizeWithin(640, 360, 1280)).toEqual([640, 360]);
  expect(sizeWithin(100_000, 1, 1280)).toEqual([1280, 1]);
});

test("a picture behind fills, and what is too much is cut off", () => {
  expect(shownPart(16 / 9, undefined)).toEqual([1, 1]);
  expect(shownPart(16 / 9, 1)).toEqual([1, 9 / 16]);
  expect(shownPart(1, 2)).toEqual([0.5, 1]);
});

test("what is stored is read with care", () => {
  expect(backgroundOf(readSettings({ background: "light" }))).toEqual({ kind: "blur", strength: "light" });
  expect(backgroundOf(readSettings({ background: "beach", backgroundPicture: 7 }))).toEqual({ kind: "none" });
  expect(backgroundOf(readSettings({ background: "picture" }))).toEqual({ kind: "none" });
  expect(backgroundOf(readSettings({ background: "picture", backgroundPicture: "https://elsewhere.example/a.png" }))).toEqual({ kind: "none" });
  const url = "data:image/jpeg;base64,AA==";
  expect(backgroundOf(readSettings({ background: "picture", backgroundPicture: url }))).toEqual({ kind: "picture", url });
});
