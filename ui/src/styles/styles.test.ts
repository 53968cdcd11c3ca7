import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((f) => /\.(svelte|css)$/.test(f) && !f.endsWith("tokens.css"));
const styleOf = (file: string): string => {
  const text = readFileSync(join(root, file), "utf8");
  return file.endsWith(".css") ? text : [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map((m) => m[1]).join("\n");
};
/** Comments and media queries aside: those can't use custom properties. */
const rulesOf = (file: string): string => styleOf(file).replace(/\/\*[\s\S]*?\*\//g, "").replace(/@(media|container)[^{]*/g, "");

it("names no colour, size or duration outside tokens.css", () => {
  const raw = /#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(|\b\d+(\.\d+)?(px|rem|ms|s)\b/gi;
  const found = files.flatMap((file) => [...rulesOf(file).matchAll(raw)].map((m) => `${file}: ${m[0]}`));
  expect(found).toEqual([]);
});

it("uses only tokens that exist", () => {
  const tokens = new Set([...readFileSync(join(root, "styles/tokens.css"), "utf8").matchAll(/(--[\w-]+):/g)].map((m) => m[1]));
  const own = (text: string) => new Set([...text.matchAll(/(?:style:|\s)(--[\w-]+)[:=]/g)].map((m) => m[1]));
  const missing = files.flatMap((file) => {
    const local = own(readFileSync(join(root, file), "utf8"));
    return [...styleOf(file).matchAll(/var\((--[\w-]+)/g)].map((m) => m[1]).filter((t) => !tokens.has(t!) && !local.has(t!)).map((t) => `${file}: ${t}`);
  });
  expect(missing).toEqual([]);
});

it("writes no style attribute, which the content security policy would refuse", () => {
  for (const file of files) expect(readFileSync(join(root, file), "utf8"), file).not.toMatch(/\sstyle="|\{@html/);
});
