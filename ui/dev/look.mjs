// Draws the scenes of dev/ at the sizes of the design, in both themes and languages, and runs axe over them.
//   node dev/look.mjs [out] [filter]     out: directory for the pictures, default ../artefacts/ui
// Wants Chromium at $CHROMIUM or /usr/bin/chromium.

import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { createServer } from "vite";

const out = process.argv[2] ?? "../artefacts/ui";
const filter = process.argv[3] ?? "";
const sizes = { laptop: [1280, 800], large: [2560, 1440], phone: [390, 844] };
const LINK = "/m/0123456789abcdefghjkmnpqrs";
const meeting = (scene, more = {}) => ({ scene, path: LINK, ...more });

const scenes = {
  home: { scene: { people: 0, phase: "idle" }, path: "/" },
  "home-created": { scene: { people: 0, phase: "idle" }, path: "/", act: (p) => p.locator("form button").first().click() },
  "home-closed": { scene: { people: 0, phase: "idle", unauthorized: true }, path: "/", act: (p) => p.locator("form button").first().click() },
  prejoin: meeting({ people: 0, phase: "idle", locked: true }, { name: "Ana López" }),
  "prejoin-problem": meeting({ people: 0, phase: "idle", problem: true }),
  "prejoin-camera": meeting({ people: 0, phase: "idle" }, { name: "王小明", act: (p) => p.locator(".switch").nth(1).click() }),
  alone: meeting({ people: 1 }),
  two: meeting({ people: 2 }),
  four: meeting({ people: 4 }),
  "four-chat": meeting({ people: 4, chat: true, locked: true }, { act: (p) => panel(p, 1) }),
  "four-people": meeting({ people: 9 }, { act: (p) => panel(p, 0) }),
  "no-camera": meeting({ people: 9, cameras: false }),
  nine: meeting({ people: 9 }),
  crowd: meeting({ people: 25 }),
  speaker: meeting({ people: 9 }, { layout: "speaker" }),
  share: meeting({ people: 4, share: true }),
  reconnecting: meeting({ people: 4 }, { phase: "reconnecting" }),
  menu: meeting({ people: 2 }, { act: (p) => p.locator("[aria-haspopup=menu]").nth(3).click() }),
  shortcuts: meeting({ people: 2 }, { act: (p) => p.keyboard.press("Shift+?") }),
  toasts: meeting({ people: 3 }, { act: toasts }),
  left: meeting({ people: 0, phase: "ended", ended: "left" }),
  ended: meeting({ people: 0, phase: "ended", ended: "meeting_ended" }),
  removed: meeting({ people: 0, phase: "ended", ended: "removed" }),
  "not-found": meeting({ people: 0, phase: "idle", notFound: true }),
  fault: meeting({ people: 0, phase: "ended", ended: "internal" }),
};

async function panel(page, n) {
  await page.locator(".toggle").nth(n).click();
}

async function toasts(page) {
  await page.locator("[aria-haspopup=menu]").nth(2).click();
  await page.locator("[role=menuitem]").nth(2).click();
  await panel(page, 0);
  await page.locator(".tools button").nth(1).click();
  await panel(page, 0);
}

const server = await createServer({ server: { port: 0 }, logLevel: "error" });
await server.listen();
const base = server.resolvedUrls.local[0].replace(/\/$/, "");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
mkdirSync(out, { recursive: true });
let serious = 0;

for (const [name, { scene, path, act, phase, layout, name: who }] of Object.entries(scenes)) {
  for (const [size, [width, height]] of Object.entries(sizes)) {
    for (const theme of ["dark", "light"]) {
      for (const locale of ["en", "zh-CN"]) {
        const label = `${name}-${size}-${theme}-${locale}`;
        if (!label.includes(filter) && !new RegExp(filter).test(label)) continue;
        const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce" });
        const page = await context.newPage();
        page.on("pageerror", (e) => console.log(`${label}: ${e.message}`));
        const query = new URLSearchParams({ scene: JSON.stringify({ ...scene, ...(phase && { phase }) }), path, theme, locale, ...(layout && { layout }), ...(who && { name: who }) });
        if (phase) query.set("scene", JSON.stringify({ ...scene }));
        await page.goto(`${base}/dev/?${query}`);
        await page.waitForTimeout(350);
        await act?.(page);
        await page.waitForTimeout(250);
        await page.screenshot({ path: `${out}/${label}.png` });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        for (const v of violations.filter((x) => x.impact === "serious" || x.impact === "critical")) {
          serious++;
          console.log(`${label}: ${v.id} (${v.impact}): ${v.nodes.map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).slice(0, 3).join(" | ")}`);
        }
        await context.close();
      }
    }
  }
}
console.log(`serious axe findings: ${serious}`);
await browser.close();
await server.close();
