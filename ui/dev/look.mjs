// Draws the scenes of dev/ at the sizes of the design, in both themes and languages, and runs axe over them.
//   node dev/look.mjs [out] [filter]     out: directory for the pictures, default ../artefacts/ui
// Wants Chromium at $CHROMIUM or /usr/bin/chromium.

import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { createServer } from "vite";

const out = process.argv[2] ?? "../artefacts/ui";
const filter = process.argv[3] ?? "";
// "zoomed": a laptop's window at 200 %.
const sizes = { laptop: [1280, 800], large: [2560, 1440], phone: [390, 844], zoomed: [640, 400] };
// Windows of the app that have a size of their own.
const small = { bar: [360, 56], small: [360, 202] };
const LINK = "/m/0123456789abcdefghjkmnpqrs";
const meeting = (scene, more = {}) => ({ scene, path: LINK, ...more });

const scenes = {
  home: { scene: { people: 0, phase: "idle" }, path: "/" },
  "home-created": { scene: { people: 0, phase: "idle" }, path: "/", act: (p) => p.locator("form button").first().click() },
  "home-link": { scene: { people: 0, phase: "idle" }, path: "/", act: (p) => p.locator("#link").fill("https://meet.other.example/m/0123456789abcdefghjkmnpqrs") },
  "home-bad": { scene: { people: 0, phase: "idle" }, path: "/", act: async (p) => { await p.locator("#link").fill("tomorrow at nine"); await p.locator("#link").blur(); } },
  "app-home": { scene: { people: 0, phase: "idle", app: true, recent: 3 }, path: "/" },
  "app-home-empty": { scene: { people: 0, phase: "idle", app: true }, path: "/" },
  "app-home-no-server": { scene: { people: 0, phase: "idle", app: true, noServer: true }, path: "/" },
  "app-refused": { scene: { people: 0, phase: "idle", app: true, recent: 3, place: { kind: "home", refused: "bad_link" } }, path: "/" },
  "app-unknown": meeting({ people: 0, phase: "idle", app: true, unknownServer: true }),
  "home-closed": { scene: { people: 0, phase: "idle", unauthorized: true }, path: "/", act: (p) => p.locator("form button").first().click() },
  prejoin: meeting({ people: 0, phase: "idle", locked: true }, { name: "Ana López" }),
  "prejoin-problem": meeting({ people: 0, phase: "idle", problem: true }),
  "prejoin-camera": meeting({ people: 0, phase: "idle" }, { name: "王小明", act: (p) => p.locator(".switch").nth(1).click() }),
  board: meeting({ people: 4 }, { act: (p) => p.locator("footer button:has(.lucide-presentation)").click() }),
  "board-full": meeting({ people: 4, board: { objects: 2000 } }, { act: (p) => p.locator("footer button:has(.lucide-presentation)").click() }),
  "board-replay": meeting({ people: 4, board: { objects: 60 } }, { act: async (p) => { await p.locator("footer button:has(.lucide-presentation)").click(); await boardTool(p, ".lucide-history"); } }),
  "board-more": meeting({ people: 4, board: { objects: 12 } }, { act: async (p) => { await p.locator("footer button:has(.lucide-presentation)").click(); await p.locator(".bar").waitFor(); await p.locator(".bar > button:has(.lucide-ellipsis)").click({ timeout: 2000 }).catch(() => undefined); } }),
  "board-password": meeting({ people: 4, board: { objects: 0 } }, { act: async (p) => {
    await p.locator("footer button:has(.lucide-presentation)").click();
    await p.locator(".bar input[type=file]").setInputFiles("../tests/data/locked.pdf");
    await p.locator("dialog input").fill("wrong");
    await p.keyboard.press("Enter");
    await p.locator("dialog .problem").waitFor();
  } }),
  "board-alt": meeting({ people: 4, board: { objects: 0 } }, { act: async (p) => {
    await p.locator("footer button:has(.lucide-presentation)").click();
    await p.locator(".bar input[type=file]").setInputFiles("../src-tauri/icons/128x128@2x.png");
    await p.locator(".selection button:has(.lucide-text-quote)").click();
  } }),
  "board-picture": meeting({ people: 4, board: { objects: 0 } }, { act: async (p) => {
    await p.locator("footer button:has(.lucide-presentation)").click();
    await p.locator(".bar input[type=file]").setInputFiles("../src-tauri/icons/128x128@2x.png");
    await p.locator(".selection button:has(.lucide-layers)").waitFor();
    await p.waitForTimeout(500);
  } }),
  "board-pdf": meeting({ people: 4, board: { objects: 0 } }, { act: async (p) => {
    await p.locator("footer button:has(.lucide-presentation)").click();
    await p.locator(".bar input[type=file]").setInputFiles("../tests/data/pages.pdf");
    await p.locator("dialog canvas").nth(1).waitFor();
  } }),
  "board-no-picture": meeting({ people: 4, board: { objects: 0 } }, { act: async (p) => {
    await p.locator("footer button:has(.lucide-presentation)").click();
    await p.locator(".bar input[type=file]").setInputFiles("package.json");
    await p.locator(".problem").waitFor();
  } }),
  "board-view": meeting({ people: 4, board: { objects: 0, level: "view" } }, { act: (p) => p.locator("footer button:has(.lucide-presentation)").click() }),
  "board-offline": meeting({ people: 4, board: { objects: 12, state: "offline" } }, { act: (p) => p.locator("footer button:has(.lucide-presentation)").click() }),
  "board-opening": meeting({ people: 4, board: { objects: 0, state: "opening" } }, { act: (p) => p.locator("footer button:has(.lucide-presentation)").click() }),
  "board-refused": meeting({ people: 4, board: { objects: 0, state: "refused" } }, { act: (p) => p.locator("footer button:has(.lucide-presentation)").click() }),
  lobby: meeting({ people: 0, phase: "waiting", lobby: "inside" }, { name: "Ana López" }),
  "lobby-host": meeting({ people: 4, lobby: "host" }, { act: (p) => panel(p, 0) }),
  rules: meeting({ people: 4 }, { act: async (p) => { await panel(p, 0); await p.locator(".tools button").nth(3).click(); } }),
  floor: meeting({ people: 4, floor: true }, { act: (p) => panel(p, 0) }),
  polls: meeting({ people: 4, polls: true }, { act: (p) => panel(p, 1) }),
  "new-poll": meeting({ people: 4 }, { act: async (p) => { await panel(p, 1); await p.locator("aside .head .button").first().click(); } }),
  "rooms-new": meeting({ people: 9 }, { act: rooms }),
  "rooms-planned": meeting({ people: 9, rooms: "planned" }, { act: rooms }),
  "rooms-open": meeting({ people: 9, rooms: "main" }, { act: rooms }),
  "rooms-move": meeting({ people: 9, rooms: "planned" }, { act: async (p) => { await rooms(p); await p.locator("aside section [aria-haspopup=menu]").first().click(); } }),
  "rooms-main": meeting({ people: 9, rooms: "main" }),
  "rooms-inside": meeting({ people: 9, rooms: "inside", host: false }),
  "rooms-closing": meeting({ people: 9, rooms: "closing", host: false }),
  "rooms-choose": meeting({ people: 9, rooms: "choose", host: false }, { act: rooms }),
  "rooms-people": meeting({ people: 9, rooms: "inside" }, { act: (p) => panel(p, 0) }),
  "rooms-chat": meeting({ people: 9, rooms: "inside", chat: true }, { act: (p) => panel(p, 2) }),
  denied: meeting({ people: 0, phase: "ended", ended: "denied" }),
  passcode: meeting({ people: 0, phase: "ended", ended: "passcode_needed" }, { name: "Ana López" }),
  alone: meeting({ people: 1 }),
  two: meeting({ people: 2 }),
  four: meeting({ people: 4 }),
  "four-chat": meeting({ people: 4, chat: true, locked: true }, { act: (p) => panel(p, 2) }),
  "four-people": meeting({ people: 9 }, { act: (p) => panel(p, 0) }),
  saver: meeting({ people: 4, saved: true }, { saver: "save" }),
  "saver-audio": meeting({ people: 4 }, { saver: "audio" }),
  "saver-audio-nine": meeting({ people: 9 }, { saver: "audio" }),
  "saver-audio-crowd": meeting({ people: 25 }, { saver: "audio" }),
  "saver-audio-share": meeting({ people: 4, share: true }, { saver: "audio" }),
  "saver-audio-anyway": meeting({ people: 4, share: true }, { saver: "audio", act: (p) => p.locator(".note .button").click() }),
  "saver-audio-camera": meeting({ people: 4 }, { saver: "audio", act: (p) => p.keyboard.press("Control+e") }),
  "saver-menu": meeting({ people: 4 }, { saver: "save", act: (p) => p.locator("[aria-haspopup=menu]").nth(3).click() }),
  "saver-settings": meeting({ people: 4, app: true }, { saver: "save", act: (p) => settings(p, 2) }),
  "saver-settings-own": meeting({ people: 4 }, { saver: "save", act: ownLimit }),
  "saver-connection": meeting({ people: 4, app: true }, { saver: "audio", act: (p) => p.locator(".saver").click() }),
  "saver-prejoin": meeting({ people: 0, phase: "idle" }, { name: "Ana López", saver: "audio" }),
  "saver-pop-out": meeting({ people: 4, app: true, place: { kind: "pop_out", what: 22 } }, { saver: "audio", only: ["small"] }),
  "slow": meeting({ people: 9, slow: true }),
  "no-camera": meeting({ people: 9, cameras: false }),
  nine: meeting({ people: 9 }),
  crowd: meeting({ people: 25 }),
  speaker: meeting({ people: 9 }, { layout: "speaker" }),
  share: meeting({ people: 4, share: true }),
  annotate: meeting({ people: 4, share: true }, { act: annotate }),
  "annotate-still": meeting({ people: 4, share: true }, { act: async (p) => { await annotate(p); await p.locator(".layer .bar button:has(.lucide-pause)").click(); } }),
  "annotate-forbidden": meeting({ people: 4, share: true, board: { objects: 0, forbidden: true } }, { act: (p) => p.locator(".layer .opener").click() }),
  reconnecting: meeting({ people: 4 }, { phase: "reconnecting" }),
  menu: meeting({ people: 2 }, { act: (p) => p.locator("[aria-haspopup=menu]").nth(3).click() }),
  ...Object.fromEntries(["audio", "video", "network", "shortcuts", "appearance", "general", "about"].map((page, n) =>
    [`settings-${page}`, meeting({ people: 4, app: true }, { act: (p) => settings(p, n) })])),
  "guest-settings": meeting({ people: 4 }, { act: (p) => settings(p, 0) }),
  picker: meeting({ people: 3, app: true }, { act: (p) => picker(p, 0) }),
  "picker-windows": meeting({ people: 3, app: true }, { act: (p) => picker(p, 1) }),
  sharing: meeting({ people: 3, sharing: true, app: true }),
  "sharing-paused": meeting({ people: 3, sharing: true, paused: true }),
  "own-draw": meeting({ people: 3, sharing: true, board: { objects: 0 } }, { act: async (p) => {
    await p.locator(".share button:has(.lucide-pencil)").click();
    await p.locator("dialog .bar").waitFor();
  } }),
  "share-bar": meeting({ people: 3, sharing: true, app: true, place: { kind: "share_bar" } }, { only: ["bar"] }),
  "share-bar-paused": meeting({ people: 3, sharing: true, paused: true, app: true, place: { kind: "share_bar" } }, { only: ["bar"] }),
  "pop-out": meeting({ people: 4, app: true, place: { kind: "pop_out", what: 22 } }, { only: ["small"] }),
  "no-speaker": meeting({ people: 4, app: true, speakerProblem: true, picturesLost: true }),
  "no-speaker-settings": meeting({ people: 4, app: true, speakerProblem: true }, { act: (p) => settings(p, 0) }),
  skip: meeting({ people: 2 }, { act: (p) => p.keyboard.press("Tab") }),
  streams: meeting({ people: 5 }, { act: (p) => more(p, /Connection|连接状况/) }),
  "same-room": meeting({ people: 4, sameRoom: true }),
  "same-room-people": meeting({ people: 4, sameRoom: true, app: true }, { act: (p) => panel(p, 0) }),
  offline: meeting({ people: 4, phase: "reconnecting", offlineFor: 21_000, soundBlocked: true }),
  "pages-two": meeting({ people: 40 }, { act: (p) => p.keyboard.press("PageDown") }),
  "speaker-many": meeting({ people: 25 }, { layout: "speaker" }),
  shortcuts: meeting({ people: 2 }, { act: (p) => p.keyboard.press("Shift+?") }),
  toasts: meeting({ people: 3 }, { act: toasts }),
  left: meeting({ people: 0, phase: "ended", ended: "left" }),
  ended: meeting({ people: 0, phase: "ended", ended: "meeting_ended" }),
  removed: meeting({ people: 0, phase: "ended", ended: "removed" }),
  "not-found": meeting({ people: 0, phase: "idle", notFound: true }),
  "not-started": { scene: { people: 0, notStarted: true }, path: "/" },
  fault: meeting({ people: 0, phase: "ended", ended: "internal" }),
};

/** Presses a button of the board's tools, behind "More" where it has no room. */
async function boardTool(page, icon) {
  await page.locator(".bar").waitFor();
  const direct = page.locator(`.bar > button:has(${icon})`);
  if ((await direct.count()) > 0) return direct.click();
  await page.locator(".bar > button:has(.lucide-ellipsis)").click();
  await page.locator(`.bar [role^=menuitem]:has(${icon})`).click();
}

/** Opens the tools over the shared screen and draws a line across it. */
async function annotate(page) {
  await page.locator(".layer .opener").click();
  const box = await page.locator(".layer canvas[data-strokes]").boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.7);
  await page.mouse.down();
  for (let i = 1; i <= 20; i++) await page.mouse.move(box.x + box.width * (0.3 + i * 0.02), box.y + box.height * (0.7 + 0.03 * Math.sin(i)));
  await page.mouse.up();
}

async function panel(page, n) {
  await page.locator(".toggle:not(.roomy)").nth(n).click();
}

async function rooms(page) {
  await more(page, /Breakout rooms|分组讨论/);
}

async function more(page, name) {
  await page.locator("[aria-haspopup=menu]").nth(3).click();
  await page.getByRole("menuitem", { name }).click();
}

async function settings(page, n) {
  await page.keyboard.press("Control+Comma");
  await page.locator("[role=tab]").nth(n).click();
}

async function ownLimit(page) {
  await settings(page, 2);
  await page.locator("select").first().selectOption("-1");
  await page.locator(".cap input").fill("80");
}

async function picker(page, n) {
  await page.keyboard.press("Control+Shift+S");
  await page.locator("[role=radiogroup] [role=radio]").nth(2 + n).waitFor();
  if (n > 0) await page.locator(".picker .segments [role=radio]").nth(n).click();
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

for (const [name, { scene, path, act, phase, layout, name: who, saver, only }] of Object.entries(scenes)) {
  for (const [size, [width, height]] of Object.entries({ ...sizes, ...small })) {
    if (only === undefined ? size in small : !only.includes(size)) continue;
    for (const theme of ["dark", "light", "contrast"]) {
      for (const locale of ["en", "zh-CN"]) {
        const label = `${name}-${size}-${theme}-${locale}`;
        if (!new RegExp(filter).test(label)) continue;
        const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce" });
        const page = await context.newPage();
        page.setDefaultTimeout(120_000);
        page.on("pageerror", (e) => console.log(`${label}: ${e.message}`));
        const query = new URLSearchParams({ scene: JSON.stringify({ ...scene, ...(phase && { phase }) }), path, theme: theme === "light" ? "light" : "dark", locale, ...(theme === "contrast" && { contrast: "more" }), ...(layout && { layout }), ...(who && { name: who }), ...(saver && { saver }) });
        await page.goto(`${base}/dev/?${query}`);
        await page.locator("#app > *").first().waitFor({ state: "attached", timeout: 60_000 });
        await page.waitForTimeout(350);
        try {
          await act?.(page);
        } catch (e) {
          console.log(`${label}: ${e.message.split("\n")[0]}`);
        }
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
