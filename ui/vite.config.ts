// Builds the one-page UI into dist/, which confab-server embeds. No inline script or style leaves this build, so
// that the server's strict content security policy holds.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig(({ command }) => ({
  plugins: [svelte()],
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
  return { "/api": to, "/ws": { ...to, ws: true }, "^/m/[^/]+\\.ics$": to };
}
