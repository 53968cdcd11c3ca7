// A port without a server, for looking at every state of the UI. Development only: never part of the build.

import type { ChatEntry, Participant, Port, PortEvent, PortState, QualityLevel, VideoSurface } from "../src/port/port";
import { fakeApp, fakeSources, fakeStreams } from "./fakeapp";
import { fakeBoard, type FakeBoard } from "./fakeboard";
import { UNKNOWN_REPAIR } from "../src/port/stats";
import { placeOf } from "../src/port/guest/place";

const NAMES = [
  "Ana López", "王小明", "Bo", "محمد عبد الرحمن", "Maximiliane von Hohenstein-Sonnenburg zu Lichtenfels", "Priya Raman", "陈美玲", "James O’Neil", "Émile Zátopek",
  "יעל כהן", "Kofi Mensah", "Sofia Rossi", "李雷", "Tomasz Nowak", "Aiko Tanaka", "Oluwaseun Adeyemi", "Lars Østergård", "Fatima Zahra", "Ivan Petrov", "Chloé Martin",
  "韩梅梅", "Diego Fernández", "Grace Kim", "Noah Williams", "Zoë",
];

export interface Scene {
  people: number;
  cameras?: boolean;
  /** The network is too slow for the picture of the third. */
  slow?: boolean;
  share?: boolean;
  host?: boolean;
  locked?: boolean;
  phase?: PortState["phase"];
  ended?: PortState["ended"];
  chat?: boolean;
  problem?: boolean;
  unauthorized?: boolean;
  notFound?: boolean;
  /** The page found nothing behind it. */
  notStarted?: boolean;
  /** As in the desktop app: with so many recent meetings. */
  app?: boolean;
  recent?: number;
  noServer?: boolean;
  unknownServer?: boolean;
  sharing?: boolean;
  paused?: boolean;
  weak?: boolean;
  soundBlocked?: boolean;
  offlineFor?: number;
  /** Windows of the app beside the meeting's, and a link that led nowhere. */
  place?: Port["place"];
  speakerProblem?: boolean;
  picturesLost?: boolean;
  /** Another device in this room is live. */
  sameRoom?: boolean;
  /** In the lobby; or a host with people in it. */
  lobby?: "inside" | "host";
  floor?: boolean;
  polls?: boolean;
  /** The whiteboard, opened by the button in the bar. */
  board?: FakeBoard;
  /** Breakout rooms: none of one's own in "main", a guest's in "inside", seconds before the end in "closing". */
  rooms?: "planned" | "main" | "inside" | "closing" | "choose";
}

const CHAT: [number, string][] = [
  [2, "Morning all. Notes are at https://wiki.example.org/plan_(draft), please add yours."],
  [3, "早上好！我刚看完，第三点还需要讨论。"],
  [1, "Thanks. I will share my screen in a minute."],
  [1, "Can everyone read the small print?"],
  [4, "نعم، واضح جدا"],
  [5, "A very long line without any space: " + "x".repeat(90)],
];

const waitingPerson = (id: number, name: string, member = false, turned_away = false) =>
  ({ id, name, client: "browser" as const, presence: "connected" as const, member, turned_away, since: 0 });

function tools(scene: Scene): NonNullable<PortState["tools"]> {
  const poll = { multiple: false, anonymous: false, live: false, quiz: false, correct: [], votes: [] };
  return {
    seat_order: [],
    ...(scene.rooms !== undefined && { breakout: {
      rooms: ["Budget", "第二小组", "A room with a rather long name for the narrow panel"], choose: scene.rooms === "choose",
      ...(scene.rooms !== "planned" && { opened_at: Date.now() - 60_000, ends_at: Date.now() + (scene.rooms === "closing" ? 43_000 : 754_000) }),
    } }),
    ...(scene.floor === true && { floor: { holder: 2, since: Date.now() - 83_000, queue: [3, 1] } }),
    polls: scene.polls !== true ? [] : [
      { ...poll, id: 1, question: "Which day suits you best?", options: ["Tuesday", "星期四", "Friday afternoon, after the review"], closed: true, voters: 7, results: [2, 4, 1], votes: [{ participant: 2, name: "王小明", choices: [1] }, { participant: 3, name: "Bo", choices: [0] }] },
      { ...poll, id: 2, question: "Shall we move the weekly to mornings?", options: ["Yes", "No"], live: true, anonymous: true, closed: false, voters: 5, results: [3, 2] },
    ],
    questions: scene.polls !== true ? [] : [
      { id: 1, from: 2, name: "王小明", text: "下次会议是什么时候？", at: 0, client_id: "q1", votes: [3, 4, 5] },
      { id: 2, from: 3, name: "Bo", text: "Will the recording be shared?", at: 0, client_id: "q2", votes: [1], answer: { by: 1, text: "Yes, on Monday." } },
    ],
  };
}

function place({ rooms }: Scene, i: number): Partial<Participant> {
  if (rooms === undefined || (i === 0 && rooms !== "inside" && rooms !== "closing")) return {};
  const room = (i % 3) + 1;
  if (rooms === "planned") return i % 5 === 4 ? {} : { assigned: room };
  return { assigned: room, room, ...(i === 3 && { help: 5 }) };
}

export function fakePort(scene: Scene, path: string): Port {
  const cameras = scene.cameras ?? true;
  const participants: Participant[] = Array.from({ length: scene.people }, (_, i) => ({
    id: i + 1, name: NAMES[i % NAMES.length] as string, role: i === 0 && scene.host !== false ? "host" : i === 3 ? "host" : "guest", client: "browser",
    presence: i === 4 ? "reconnecting" : "connected", muted: i % 3 === 2 ? ["microphone"] : [], decodes: ["h264"], joined_at: i,
    ...(i === 2 || i === 6 ? { hand: 1000 - i } : {}),
    ...(scene.sameRoom === true && i === 0 ? { same_room: 2 } : {}),
    ...place(scene, i),
    tracks: [
      { id: i * 10 + 1, source: "microphone", layers: [] },
      ...(cameras && i % 4 !== 3 ? [{ id: i * 10 + 2, source: "camera" as const, layers: [] }] : []),
      ...(scene.sharing === true && i === 0 ? [{ id: 3, source: "screen" as const, layers: [] }] : []),
      ...(scene.share === true && i === 1 ? [{ id: i * 10 + 3, source: "screen" as const, layers: [] }] : []),
    ],
  }));
  const chat: ChatEntry[] = scene.chat === true
    ? CHAT.map(([from, text], i) => ({ id: i + 1, from, name: NAMES[from - 1] as string, text, at: Date.UTC(2026, 10, 21, 9, i * 2), client_id: `c${i}`, pending: i === 5 }))
    : [];
  const quality = new Map<number, QualityLevel>([[2, "fair"], [3, "poor"], [1, scene.weak === true ? "poor" : "good"]]);
  let state: PortState = {
    phase: scene.phase ?? "joined", ...(scene.ended !== undefined && { ended: scene.ended }),
    ...(scene.people > 0 && { you: 1, meeting: { id: "0123456789abcdefghjkmnpqrs", title: "Weekly planning 每周例会", locked: scene.locked ?? false, started_at: Date.now() - 754_000 } }),
    ...(scene.offlineFor !== undefined && { reconnectingSince: Date.now() - scene.offlineFor }),
    ...(scene.picturesLost === true && { picturesLost: true }),
    ...(scene.lobby === "inside" && { waiting: { title: "Weekly planning 每周例会", startsAt: Date.now() + 754_000, position: 2, reason: "host" as const } }),
    ...(scene.lobby === "host" && { lobby: [waitingPerson(30, "Nadia Haddad"), waitingPerson(31, "刘洋", true), waitingPerson(32, "Ben", false, true)] }),
    ...((scene.floor === true || scene.polls === true || scene.rooms !== undefined) && { tools: tools(scene) }),
    ...(scene.polls === true && { ownVotes: [{ poll: 2, choices: [1] }] }),
    ...(scene.floor === true && { speakingTimes: [{ participant: 2, seconds: 245 }, { participant: 3, seconds: 61 }] }),
    participants, chat, speakers: scene.people > 1 ? [2] : [], quality, limited: new Map(scene.slow === true ? [[22, "bandwidth" as const]] : []), listening: { stalled_permille: scene.weak === true ? 52 : 4, minutes: 12, fluent_minutes: 11 }, media: scene.people > 0 ? "connected" : "none",
    local: {
      microphone: scene.problem === true ? { on: false, starting: false, problem: "busy" } : { on: scene.people > 0, starting: false },
      camera: { on: cameras && scene.people > 0, starting: false },
      screen: { on: scene.sharing === true, starting: false, ...(scene.paused === true && { paused: true }), ...(scene.app === true && { title: "plan.md — Editor" }) },
      speaker: { choosable: true, ...(scene.speakerProblem === true && { problem: "busy" as const }) },
      devices: [
        { id: "m1", kind: "microphone", label: "Headset microphone (USB Audio)" },
        { id: "c1", kind: "camera", label: "Integrated camera" },
        { id: "s1", kind: "speaker", label: "Built-in speakers", isDefault: true },
      ],
      canShare: true, soundBlocked: scene.soundBlocked === true,
    },
  };
  const listeners = new Set<(s: PortState) => void>();
  const events = new Set<(e: PortEvent) => void>();
  const set = (change: Partial<PortState>) => {
    state = { ...state, ...change };
    for (const l of listeners) l(state);
  };
  const local = (kind: "microphone" | "camera" | "screen", on: boolean) => set({ local: { ...state.local, [kind]: { on, starting: false } } });
  const me = (change: Partial<Participant>) => set({ participants: state.participants.map((p) => (p.id === state.you ? { ...p, ...change } : p)) });
  const info = { id: "0123456789abcdefghjkmnpqrs", title: "Weekly planning 每周例会", state: "running" as const, starts_at: Date.UTC(2026, 10, 22, 9), minutes: 45, locked: scene.locked ?? false, participants: 3 };
  return {
    kind: scene.app === true ? "native" : "guest",
    ...(scene.app === true && { app: fakeApp(scene) }),
    ...(scene.app !== true && { board: fakeBoard(scene.board ?? { objects: 12 }) }),
    place: { ...placeOf(path, "https://meet.example"), ...(scene.unknownServer === true && { unknownServer: true }), ...scene.place } as Port["place"],
    can: { screenPicker: scene.app === true, popOut: true, fullScreen: true, processing: true, strongNoise: scene.app === true, background: scene.app !== true, speakerLevel: scene.app === true, lead: true },
    subscribe: (l) => (listeners.add(l), l(state), () => listeners.delete(l)),
    onEvent: (l) => (events.add(l), () => events.delete(l)),
    meetingInfo: async () => (scene.notFound === true ? { ok: false, code: "meeting_not_found" } : { ok: true, value: info }),
    createMeeting: async () => scene.unauthorized === true
      ? { ok: false, code: "unauthorized" }
      : { ok: true, value: { id: info.id, guest_link: `https://meet.example/m/${info.id}`, host_link: `https://meet.example/m/${info.id}#host=zyxwvtsrqpnmkjhgfedcba9876` } },
    canResume: () => false,
    join: () => set({ phase: "connecting" }),
    leave: () => set({ phase: "ended", ended: "left" }),
    setMicrophone: async (on) => local("microphone", on),
    setCamera: async (on) => local("camera", on),
    startScreen: async () => local("screen", true),
    stopScreen: () => local("screen", false),
    chooseDevice: async () => {},
    refreshDevices: async () => {},
    levels: () => ({ microphone: 0.55, speaker: 0.3 }),
    screenSources: async () => fakeSources(),
    pauseScreen: async (paused) => set({ local: { ...state.local, screen: { ...state.local.screen, paused } } }),
    setScreenMode: async (mode) => set({ local: { ...state.local, screen: { ...state.local.screen, mode } } }),
    recordTest: () => new Promise((r) => setTimeout(() => r(undefined), 800)),
    playTest: () => new Promise((r) => setTimeout(() => r(undefined), 800)),
    talk: async (on) => local("microphone", on),
    setProcessing: async () => {},
    setBackground: async () => {},
    setDataSaver: () => {},
    ownScreen: () => drawing(3),
    streamStats: async () => fakeStreams(scene.people),
    popOut: async () => ({ kind: "refused" }),
    setFullScreen: async () => {},
    testSpeaker: () => new Promise((r) => setTimeout(() => r(undefined), 800)),
    allowSound: async () => {},
    ownCamera: () => drawing(0),
    video: (track) => drawing(track),
    show: () => {},
    sendChat: (text) => set({ chat: [...state.chat, { id: state.chat.length + 1, from: 1, name: NAMES[0] as string, text, at: Date.now(), client_id: `n${state.chat.length}`, pending: false }] }),
    ask: (request) => {
      if (request.type === "host_admit_all") set({ lobby: [] });
    },
    raiseHand: (up) => {
      const { hand: _, ...rest } = state.participants[0] as Participant;
      set({ participants: [up ? { ...rest, hand: 1 } : rest, ...state.participants.slice(1)] });
    },
    react: (reaction) => events.forEach((l) => l({ type: "reaction", participant: 1, reaction })),
    rename: (name) => me({ name }),
    sameRoom: () => {
      const { same_room: _, ...rest } = state.participants[0] as Participant;
      set({ participants: [rest, ...state.participants.slice(1)] });
    },
    host: (action) => action.type === "lock" && state.meeting !== undefined && set({ meeting: { ...state.meeting, locked: action.locked } }),
    linkStats: async () => ({
      rttMs: 23, sendKbps: 1840, receiveKbps: 3120, loss: 0.004, transport: "udp", sentBytes: 84_300_000, receivedBytes: 312_000_000, hourBytes: 1_870_000_000,
      repairIn: { recovered: 1284, success: 0.993, overhead: 0.061, responseMs: scene.app === true ? 38 : -1, nacks: scene.app === true ? -1 : 1311 },
      repairOut: { ...UNKNOWN_REPAIR, overhead: 0.048, nacks: scene.app === true ? -1 : 212 },
    }),
  };
}

/** A drawn stand-in for a camera picture, or a page of text for a screen. */
function drawing(track: number): VideoSurface {
  return {
    attach: (host) => {
      const canvas = document.createElement("canvas");
      canvas.width = 640;
      canvas.height = 360;
      const c = canvas.getContext("2d") as CanvasRenderingContext2D;
      if (track % 10 === 3) page(c);
      else portrait(c, track);
      host.append(canvas);
      return () => canvas.remove();
    },
  };
}

function portrait(c: CanvasRenderingContext2D, track: number): void {
  const hue = (track * 47) % 360;
  const wall = c.createLinearGradient(0, 0, 640, 360);
  wall.addColorStop(0, `hsl(${hue} 22% 62%)`);
  wall.addColorStop(1, `hsl(${hue + 40} 24% 40%)`);
  c.fillStyle = wall;
  c.fillRect(0, 0, 640, 360);
  c.fillStyle = `hsl(${hue + 180} 30% 30%)`;
  c.beginPath();
  c.ellipse(320, 380, 150, 130, 0, 0, 7);
  c.fill();
  c.fillStyle = `hsl(25 45% ${45 + (track % 4) * 9}%)`;
  c.beginPath();
  c.ellipse(320, 175, 72, 90, 0, 0, 7);
  c.fill();
}

function page(c: CanvasRenderingContext2D): void {
  c.fillStyle = "#fff";
  c.fillRect(0, 0, 640, 360);
  c.fillStyle = "#222";
  c.font = "13px monospace";
  for (let y = 0; y < 22; y++) c.fillText(`${String(y + 1).padStart(2)}  let answer = forward.handle(Input::Packet { track: ${y * 7}, layer: ${y % 3} }, now);`, 12, 22 + y * 16);
}
