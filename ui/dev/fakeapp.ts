// The desktop app's part of the port without a shell, for looking at its views. Development only.

import type { AppPort, RecentMeeting, Scene2, ScreenSource, Settings, StreamStats } from "./types";
import { DEFAULTS } from "../src/state/settings";

const HOUR = 3_600_000;

export function fakeApp(scene: Scene2): AppPort {
  let recent: RecentMeeting[] = (scene.recent ?? 0) === 0 ? [] : [
    { id: "a", server: "https://meet.example", meeting: "0123456789abcdefghjkmnpqrs", title: "Weekly planning 每周例会", lastJoined: Date.now() - 2 * HOUR },
    { id: "b", server: "https://meet.example", meeting: "1123456789abcdefghjkmnpqrs", title: "", lastJoined: Date.now() - 26 * HOUR },
    { id: "c", server: "https://conference.university.example.edu:8443", meeting: "2123456789abcdefghjkmnpqrs", title: "A very long title for a very long meeting about everything that was left over from last time", lastJoined: Date.now() - 400 * HOUR },
  ];
  const ok = { ok: true as const, value: undefined };
  return {
    info: async () => ({
      version: "0.1.0", platform: "Linux x86_64, WebKitGTK 2.50", diagnostics: true, updates: true,
      policy: { ...(scene.noServer === true ? {} : { server: "https://meet.example" }), locked: scene.locked === true },
    }),
    settings: async () => DEFAULTS as Settings,
    saveSettings: async () => ok,
    onSettings: () => () => {},
    recent: async () => recent,
    forgetRecent: async (id) => void (recent = recent.filter((m) => m.id !== id)),
    openMeeting: async () => ({ ok: false, code: "server_not_allowed" }),
    accounts: async () => [],
    signIn: async () => ok,
    cancelSignIn: async () => {},
    signOut: async () => ok,
    fetchFile: async (_, name) => ({ ok: true, value: `/home/ana/Downloads/${name}` }),
    saveFile: async (name) => ({ ok: true, value: `/home/ana/Downloads/${name}` }),
    openHome: async () => {},
    close: async () => {},
    openLink: async () => {},
    saveSupportBundle: async () => ({ ok: true, value: "/home/ana/Documents/confab-support-2026-11-21.zip" }),
    openDiagnostics: async () => ok,
    checkUpdate: async () => ({ ok: true, value: { state: "found", version: "0.2.0" } }),
    installUpdate: async () => ok,
  };
}

export function fakeSources(): ScreenSource[] {
  const source = (id: string, kind: ScreenSource["kind"], title: string, width: number, height: number): ScreenSource => ({ id, kind, title, width, height, thumbnail: thumbnail(id, width, height) });
  return [
    source("d1", "display", "DP-1", 2560, 1440), source("d2", "display", "eDP-1", 1920, 1080),
    source("w1", "window", "plan.md — Editor", 1400, 900), source("w2", "window", "财务报表 2026.xlsx - 表格", 1600, 1000),
    source("w3", "window", "A browser with a very long page title that goes on and on — Browser", 1200, 1600), source("w4", "window", "Terminal", 800, 600),
    source("w5", "window", "Photos", 1280, 720), source("w6", "window", "Mail", 1100, 800),
  ];
}

function thumbnail(id: string, width: number, height: number): string {
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = Math.round((320 * height) / width);
  const c = canvas.getContext("2d") as CanvasRenderingContext2D;
  const hue = id.charCodeAt(1) * 47;
  c.fillStyle = `hsl(${hue} 30% 88%)`;
  c.fillRect(0, 0, 320, canvas.height);
  c.fillStyle = `hsl(${hue} 30% 40%)`;
  c.fillRect(0, 0, 320, 14);
  for (let y = 26; y < canvas.height - 10; y += 14) c.fillRect(16, y, 120 + ((y * 37) % 160), 6);
  return canvas.toDataURL("image/png");
}

export function fakeStreams(people: number): StreamStats[] {
  const base = { codec: "h264", layer: "", loss: 0, jitterMs: 4, bufferMs: 60, fps: 30, width: 640, height: 360, freezes: 0, concealed: -1, nacks: 12, resent: 10, fec: 0, limit: "" as const };
  const all: StreamStats[] = [
    { ...base, id: "s1", direction: "send", source: "microphone", codec: "opus", kbps: 38, fps: -1, width: -1, height: -1, bufferMs: -1, freezes: -1 },
    ...([["q", 180, 140], ["h", 360, 480], ["f", 720, 1500]] as const).map(([layer, height, kbps]) => ({
      ...base, id: `s${layer}`, direction: "send" as const, source: "camera" as const, layer, height, width: (height * 16) / 9, kbps, bufferMs: -1, freezes: -1,
      limit: layer === "f" ? ("cpu" as const) : ("" as const),
    })),
  ];
  for (let n = 2; n <= people; n++) {
    all.push({ ...base, id: `a${n}`, direction: "receive", participant: n, source: "microphone", codec: "opus", kbps: 36, fps: -1, width: -1, height: -1, freezes: -1, concealed: n === 3 ? 0.12 : 0.001, loss: n === 3 ? 0.14 : 0.002 });
    all.push({ ...base, id: `v${n}`, direction: "receive", participant: n, source: "camera", kbps: 470, loss: n === 3 ? 0.05 : 0, freezes: n === 3 ? 4 : 0 });
  }
  return all;
}
