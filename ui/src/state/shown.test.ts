import { expect, it } from "vitest";
import { gather } from "./shown";

it("names each track once, tallest first", () => {
  const all = [{ track: 3, height: 180 }, { track: 1, height: 720 }, { track: 3, height: 360 }];
  expect(gather(all, false)).toEqual([{ track: 1, height: 720 }, { track: 3, height: 360 }]);
});

it("asks for nothing while the page is hidden", () => {
  expect(gather([{ track: 3, height: 180 }], true)).toEqual([{ track: 3, height: 0 }]);
});

it("goes on asking for a picture in a window apart", () => {
  expect(gather([{ track: 3, height: 180 }, { track: 3, height: 240, apart: true }], true)).toEqual([{ track: 3, height: 240 }]);
});
