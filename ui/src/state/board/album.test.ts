// Pictures as they are shown: fetched once, decoded no larger than drawn, asked for again when they may be there.
import { expect, it } from "vitest";
import type { Asset } from "../../board";
import type { Pictures } from "../../port/board";
import { Album, keyOf, type Decode } from "./album";
import { shareOf } from "./raster";

const asset = (n: number, width = 4000, height = 2000): Asset => ({ sha256: new Uint8Array(32).fill(n), media: 0, bytes: 3, width, height, page: 0 });
const settled = () => new Promise((done) => setTimeout(done, 0));

function album(has: Set<number>) {
  const asked: number[] = [];
  const decoded: number[] = [];
  const told: string[] = [];
  const pictures: Pictures = {
    get: (sha256) => {
      asked.push(sha256[0] as number);
      return Promise.resolve(has.has(sha256[0] as number) ? { ok: true, value: Uint8Array.of(1, 2, 3) } : { ok: false, code: "not_found" });
    },
    put: () => Promise.resolve({ ok: true, value: undefined }),
    close: () => undefined,
  };
  const decode: Decode = (_, width) => (decoded.push(width), Promise.resolve({ width } as unknown as ImageBitmap));
  const made = new Album(Promise.resolve(pictures), decode, () => 0);
  made.watch((key) => told.push(key));
  return { album: made, asked, decoded, told };
}

it("is fetched once and decoded as large as it is drawn, and larger when one comes nearer", async () => {
  const { album: pictures, asked, decoded, told } = album(new Set([1]));
  expect(pictures.at(asset(1), 300)).toBeUndefined();
  expect(pictures.at(asset(1), 300)).toBeUndefined();
  await settled();
  expect(told).toContain(keyOf(asset(1)));
  pictures.at(asset(1), 300);
  await settled();
  expect(decoded).toEqual([500]);
  expect(pictures.at(asset(1), 300)).toEqual({ width: 500 });
  pictures.at(asset(1), 400);
  await settled();
  expect(decoded).toEqual([500]);
  pictures.at(asset(1), 3000);
  await settled();
  expect(decoded).toEqual([500, 4000]);
  expect(asked).toEqual([1]);
  expect(pictures.state(asset(1))).toBe("here");
});

it("what is not there is asked for again only when it may have come", async () => {
  const has = new Set<number>();
  const { album: pictures, asked } = album(has);
  pictures.at(asset(2), 100);
  await settled();
  expect(pictures.state(asset(2))).toBe("missing");
  pictures.at(asset(2), 100);
  await settled();
  expect(asked).toEqual([2]);
  has.add(2);
  pictures.again();
  pictures.at(asset(2), 100);
  await settled();
  expect(asked).toEqual([2, 2]);
  expect(pictures.state(asset(2))).toBe("here");
  expect(await pictures.whole(asset(2))).toEqual({ width: 4000 });
});

it("kinds that are not stored as pictures are never asked for", async () => {
  const { album: pictures, asked } = album(new Set([3]));
  expect((await pictures.bytes({ ...asset(3), media: 4 })).ok).toBe(false);
  expect(asked).toEqual([]);
});

it("large pictures are made smaller, a screen stays as it is", () => {
  expect(shareOf(3840, 2160)).toBe(1);
  expect(shareOf(8000, 100)).toBeCloseTo(4096 / 8000);
  const share = shareOf(6000, 4000);
  expect(6000 * share * 4000 * share).toBeLessThanOrEqual(8_388_608.01);
});
