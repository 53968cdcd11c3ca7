// Draws the streams of a frame bus and reports what came of it: run by dev/pictures.mjs in a webview.
//   ?url=ws://…&token=…&tiles=9&seconds=20&mode=units|pictures|auto&painter=2d|webgl|pixels&thread=worker|page&report=http://…   probe=1: only measure

import { connectPictures } from "../../src/port/native/pictures";
import type { Plan } from "../../src/port/native/pictures";

const query = new URLSearchParams(location.search);
const text = (name: string) => query.get(name) ?? "";
const number = (name: string, otherwise: number) => Number(query.get(name) ?? otherwise);

const plan: Plan = {
  mode: text("mode") === "pictures" ? "pictures" : "units",
  painter: (["webgl", "pixels"] as const).find((p) => p === text("painter")) ?? "2d",
  thread: text("thread") === "page" ? "page" : "worker",
};
const pictures = connectPictures({ url: text("url"), token: text("token"), ...(text("mode") === "auto" ? {} : { plan }) });

async function report(what: object): Promise<void> {
  await fetch(text("report"), { method: "POST", body: JSON.stringify(what) });
}

async function run(): Promise<void> {
  if (text("probe") !== "") {
    await report({ done: true, agent: navigator.userAgent, probe: await pictures.probe() });
    return;
  }
  const tiles = number("tiles", 9);
  const columns = Math.ceil(Math.sqrt(tiles));
  const grid = document.querySelector<HTMLElement>("#tiles");
  if (grid === null) return;
  grid.style.gridTemplate = `repeat(${Math.ceil(tiles / columns)}, 1fr) / repeat(${columns}, 1fr)`;
  for (let stream = 1; stream <= tiles; stream += 1) {
    const host = document.createElement("div");
    grid.append(host);
    pictures.surface(stream).attach(host);
  }
  pictures.onConnected((connected) => void report({ connected }));
  // Frames of the page itself: whether it stays usable beside the pictures.
  let frames = 0;
  const count = () => {
    frames += 1;
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  for (let second = 1; second <= number("seconds", 20); second += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await report({ second, at: performance.now(), frames, stats: await pictures.stats() });
  }
  await report({ done: true });
}

void run().catch((error: unknown) => report({ done: true, error: String(error) }));
