// Measures the frame bus in WebKitGTK: tiles drawn per second, the time from ready in the app to the draw call, who spends the CPU,
// and memory while it runs and while the web process stands still.
//   node dev/pictures.mjs [--tiles 9] [--seconds 30] [--mode units|pictures|auto] [--painter 2d|webgl|pixels] [--thread worker|page] [--dmabuf] [--stop 20] [--probe]
//     [--app ../target/debug/examples/framebus] [--clip ../tests/data/fetched/talking-head.y4m] [--units /tmp/units.h264] [--display 97]
// Wants Xvfb, webkit2gtk's MiniBrowser, `cargo build -p confab-pipeline --example framebus`, and units to send:
//   ffmpeg -i tests/data/fetched/talking-head.y4m -frames:v 300 -c:v libx264 -profile:v baseline -preset veryfast -tune zerolatency -b:v 600k
//     -maxrate 600k -bufsize 300k -g 1000 -x264-params aud=1:slices=1:threads=1:sliced-threads=0 -f h264 /tmp/units.h264

import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createServer } from "vite";

const MINIBROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const { values } = parseArgs({
  options: {
    tiles: { type: "string", default: "9" },
    seconds: { type: "string", default: "30" },
    mode: { type: "string", default: "units" },
    painter: { type: "string", default: "2d" },
    thread: { type: "string", default: "worker" },
    dmabuf: { type: "boolean", default: false },
    stop: { type: "string", default: "0" },
    probe: { type: "boolean", default: false },
    app: { type: "string", default: "../target/debug/examples/framebus" },
    clip: { type: "string", default: "../tests/data/fetched/talking-head.y4m" },
    units: { type: "string", default: "/tmp/units.h264" },
    display: { type: "string", default: "97" },
    size: { type: "string", default: "1280x720" },
    browser: { type: "string", default: MINIBROWSER },
    more: { type: "string", default: "" },
  },
});
const [width, height] = values.size.split("x").map(Number);
const started = [];

function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"], ...options });
  child.on("error", (error) => console.error(`${command}: ${error.message}`));
  started.push(child);
  return child;
}

/** Processes below ours by what they are, as the system counts them: CPU in ticks, memory in MB. */
function usage() {
  const ticks = {};
  const memory = {};
  const pids = {};
  const parents = new Map();
  const names = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const end = stat.lastIndexOf(")");
      const rest = stat.slice(end + 2).split(" ");
      parents.set(entry, rest[1]);
      names.set(entry, [stat.slice(stat.indexOf("(") + 1, end), Number(rest[11]) + Number(rest[12]), (Number(rest[21]) * 4096) / 1e6]);
    } catch {
      // Gone meanwhile.
    }
  }
  const mine = (pid) => pid !== undefined && pid !== "0" && (pid === String(process.pid) || mine(parents.get(pid)));
  const kinds = { framebus: "app", MiniBrowser: "window", WebKitWebProces: "web", WebKitNetworkPr: "network", WebKitGPUProces: "gpu", Xvfb: "x server" };
  for (const [pid, [name, used, resident]] of names) {
    const kind = kinds[name];
    if (kind === undefined || !mine(pid)) continue;
    ticks[kind] = (ticks[kind] ?? 0) + used;
    memory[kind] = (memory[kind] ?? 0) + resident;
    pids[kind] = Number(pid);
  }
  return { ticks, memory, pids, at: performance.now() };
}

/** Share of one core between two readings. */
function cores(from, to) {
  const seconds = (to.at - from.at) / 1000;
  return Object.fromEntries(Object.entries(to.ticks).map(([kind, t]) => [kind, Math.round(t - (from.ticks[kind] ?? 0)) / seconds / 100]));
}

const round = (object) => Object.fromEntries(Object.entries(object).map(([k, v]) => [k, Math.round(v * 100) / 100]));
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const reports = [];
let finish;
const finished = new Promise((resolve) => (finish = resolve));
const http = createHttp((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    response.writeHead(200, { "access-control-allow-origin": "*" }).end();
    if (body === "") return;
    const report = { ...JSON.parse(body), here: performance.now(), usage: usage() };
    reports.push(report);
    if (report.done) finish(report);
  });
}).listen(0, "127.0.0.1");

try {
  const vite = await createServer({ server: { port: 0, host: "127.0.0.1" }, logLevel: "error", root: "." });
  await vite.listen();
  run("Xvfb", [`:${values.display}`, "-screen", "0", `${width}x${height}x24`, "-nolisten", "tcp"]);
  await sleep(1);
  const app = run(values.app, [values.tiles, values.units, values.clip]);
  const lines = createInterface({ input: app.stdout })[Symbol.asyncIterator]();
  const bus = JSON.parse((await lines.next()).value);

  const query = new URLSearchParams({
    url: bus.url,
    token: bus.token,
    tiles: values.tiles,
    seconds: values.seconds,
    mode: values.mode,
    painter: values.painter,
    thread: values.thread,
    report: `http://127.0.0.1:${http.address().port}/`,
    ...(values.probe ? { probe: "1" } : {}),
    ...Object.fromEntries(new URLSearchParams(values.more)),
  });
  const env = { ...process.env, DISPLAY: `:${values.display}`, GDK_BACKEND: "x11", LIBGL_ALWAYS_SOFTWARE: "1" };
  if (!values.dmabuf) env.WEBKIT_DISABLE_DMABUF_RENDERER = "1";
  const page = `http://127.0.0.1:${vite.config.server.port || vite.httpServer.address().port}/dev/pictures/index.html?${query}`;
  run(values.browser, ["--private", `--geometry=${width}x${height}`, page], { env, stdio: ["ignore", "inherit", "inherit"] });

  if (Number(values.stop) > 0) void stopForAWhile(Number(values.stop));
  const limit = Number(values.seconds) + Number(values.stop) + 90;
  const last = await Promise.race([finished, sleep(limit).then(() => ({ error: "no report in time" }))]);
  if (last.probe !== undefined || last.error !== undefined) console.log(JSON.stringify({ agent: last.agent, probe: last.probe, error: last.error }));
  summarise(bus);
  app.stdin.end();
  const end = await Promise.race([lines.next(), sleep(5)]);
  if (end?.value !== undefined) console.log(`app: ${end.value}`);
  await vite.close();
} finally {
  http.close();
  for (const child of started.reverse()) child.kill();
  setTimeout(() => process.exit(), 500);
}

/** The web process stands still in the middle of the run. */
async function stopForAWhile(seconds) {
  while (!reports.some((r) => r.second >= 8)) await sleep(0.2);
  const before = usage();
  process.kill(before.pids.web, "SIGSTOP");
  await sleep(seconds);
  const after = usage();
  process.kill(before.pids.web, "SIGCONT");
  console.log("memory before the stop, MB", round(before.memory), "at its end", round(after.memory));
}

function summarise(bus) {
  const seconds = reports.filter((r) => r.second !== undefined);
  // The first seconds open decoders and warm up.
  const [first, last] = [seconds[Math.min(4, seconds.length - 1)], seconds.at(-1)];
  if (first === undefined || first === last) return console.log("nothing was drawn", reports.at(-1));
  const span = (last.at - first.at) / 1000;
  const rates = last.stats.streams.map((s) => {
    const then = first.stats.streams.find((f) => f.stream === s.stream) ?? { drawn: 0, received: 0, decoded: 0 };
    return { drawn: (s.drawn - then.drawn) / span, received: (s.received - then.received) / span, decoded: (s.decoded - then.decoded) / span };
  });
  const of = (name) => rates.map((r) => Math.round(r[name] * 10) / 10);
  const worst = (name) => Math.max(...last.stats.streams.map((s) => s[name]));
  console.log(`${values.tiles} tiles, ${last.stats.mode}, ${last.stats.painter}, ${last.stats.thread}, dmabuf ${values.dmabuf ? "on" : "off"}, ${values.size}, ${bus.kbps} kbps each, ${span.toFixed(0)} s, load ${readFileSync("/proc/loadavg", "utf8").split(" ")[0]}`);
  console.log("  drawn per second  ", of("drawn").join(" "), "  decoded", of("decoded").join(" "));
  console.log("  received per second", of("received").join(" "), "  the page's own frames", ((last.frames - first.frames) / span).toFixed(1));
  console.log(`  ready to draw call  p50 ${worst("latencyP50")} ms, p95 ${worst("latencyP95")} ms; to arrival in the worker p50 ${worst("arrivalP50")}, p95 ${worst("arrivalP95")} (worst tile)`);
  console.log("  cores", round(cores(first.usage, last.usage)));
  console.log("  memory, MB: after", first.second, "s", round(first.usage.memory), "after", last.second, "s", round(last.usage.memory));
  console.log("  connections", last.stats.connections, "errors", last.stats.streams.reduce((n, s) => n + s.errors, 0));
}
