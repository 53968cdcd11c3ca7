import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type FromPage, type Header, parseToPage, readHeader } from "./wire";

interface Vectors {
  headers: { fields: Header; bytes: string }[];
  bad_headers: string[];
  from_page: FromPage[];
  to_page: object[];
}

const vectors = JSON.parse(readFileSync(new URL("../../../../../tests/data/framebus.json", import.meta.url), "utf8")) as Vectors;

function bytes(hex: string): ArrayBuffer {
  return new Uint8Array((hex.match(/../g) ?? []).map((pair) => parseInt(pair, 16))).buffer;
}

test("headers are those of the shared vectors", () => {
  for (const { fields, bytes: hex } of vectors.headers) expect(readHeader(bytes(hex))).toEqual(fields);
  for (const hex of vectors.bad_headers) expect(readHeader(bytes(hex))).toBeUndefined();
});

test("texts of the app are understood, others are not", () => {
  for (const message of vectors.to_page) expect(parseToPage(JSON.stringify(message))).toEqual(message);
  for (const text of ["", "null", "{}", '{"type":"bye"}', '{"type":"hello"}']) expect(parseToPage(text)).toBeUndefined();
});

test("the shapes this side sends are in the shared vectors", () => {
  const kinds = new Set(vectors.from_page.map((message) => message.type));
  expect([...kinds].sort()).toEqual(["credit", "key", "show"]);
  const [show] = vectors.from_page;
  expect(show?.type === "show" && Object.keys(show.streams[0] ?? {})).toEqual(["stream", "width", "height", "credit"]);
});
