// Builds the one-page UI into dist/, which confab-server embeds. No inline script or style leaves this build, so
// that the server's strict content security policy holds.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const pdfjs = dirname(createRequire(import.meta.url).resolve("pdfjs-dist/package.json"));
const pdfjsVersion = (JSON.parse(readFileSync(join(pdfjs, "package.json"), "utf8")) as { version: string }).version;

/** What pdf.js fetches by name: character maps, the standard letters, a decoder of JPEG 2000. With its version in the way, as if hashed. */
function pdfjsParts(): Plugin {
  const wanted = { cmaps: /\.bcmap$|LICENSE/, standard_fonts: /\.(pfb|ttf)$|LICENSE/, wasm: /^openjpeg_nowasm_fallback\.js$|LICENSE.*OPENJPEG/ };
  return {
    name: "pdfjs-parts",
    generateBundle() {
      for (const [folder, names] of Object.entries(wanted)) {
        for (const name of readdirSync(join(pdfjs, folder)).filter((n) => names.test(n))) {
          this.emitFile({ type: "asset", fileName: `assets/pdfjs-${pdfjsVersion}/${folder}/${name}`, source: readFileSync(join(pdfjs, folder, name)) });
        }
      }
    },
  };
}

export default defineConfig(({ command }) => ({
  plugins: [svelte(), pdfjsParts()],
  define: { __PDFJS_VERSION__: JSON.stringify(pdfjsVersion) },
  publicDir: "public",
  build: {
    target: ["chrome111", "firefox114", "safari16.4"],
    // Everything is fetched from the same host; small files as data: URLs would only widen the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    outDir: "dist",
  },
  // The weights of the person mask are outside.
  server: { proxy: command === "serve" ? devProxy() : {}, fs: { allow: [".", "../assets"] } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));

/** `npm run dev` and `npx vite preview` against a running confab-server (CONFAB_SERVER, default http://127.0.0.1:8480). */
function devProxy() {
  const target = process.env["CONFAB_SERVER"] ?? "http://127.0.0.1:8480";
  // The server lets only its own pages open a WebSocket.
  const to = { target, changeOrigin: true, secure: false, headers: { origin: target } };
  return { "/api": to, "^/check/": to, "/ws": { ...to, ws: true }, "^/m/[^/]+\\.ics$": to };
}
