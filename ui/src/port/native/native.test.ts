import { describe, expect, it, vi } from "vitest";
import type { DeskPatch, DeskState } from "../../generated/desk";
import { createNativePort } from "../native";
import type { PortEvent, PortState } from "../port";
import { DrawRate } from "./drawrate";
import { type Host, inOrder } from "./host";
import { LevelWatch } from "./levels";
import type { Pictures } from "./pictures";

const STATE: DeskState = {
  seq: 3,
  call: { phase: "joined", you: 1, media: "connected", meeting: { id: "m", title: "Tea", locked: false, started_at: 1 } },
  participants: [], chat: [], speakers: [1], quality: [{ participant: 1, level: "good" }], limited: [], listening: { stalled_permille: 0, minutes: 0, fluent_minutes: 0 },
  leading: { lobby: [], tools: { questions: [], polls: [], seat_order: [] }, ownVotes: [], speakingTimes: [] },
  local: {
    microphone: { on: true, starting: false }, camera: { on: false, starting: false },
    screen: { on: false, starting: false, paused: false, mode: "text" }, speaker: { choosable: true }, devices: [], canShare: true, talking: false, noise: { engine: "standard" },
  },
};

interface Command {
  type: string;
  [field: string]: unknown;
}

/** A shell that answers from a table and can tell events. */
class FakeShell implements Host {
  readonly said: [string, Command][] = [];
  readonly handlers = new Map<string, (payload: unknown) => void>();
  answers: Record<string, (command: Command) => unknown> = {
    place: () => ({ type: "place", place: { kind: "meeting", meeting: "m", server: "https://a.b", host: true, unknownServer: false } }),
    attach: () => ({ type: "attached", state: STATE, bus: { url: "ws://127.0.0.1:5/bus", token: "t" } }),
  };

  async invoke<Reply>(door: string, command: object): Promise<Reply> {
    const asked = command as Command;
    this.said.push([door, asked]);
    const answer = this.answers[asked.type];
    return (answer?.(asked) ?? { type: "done" }) as Reply;
  }

  async listen<Payload>(event: string, handler: (payload: Payload) => void): Promise<void> {
    this.handlers.set(event, handler as (payload: unknown) => void);
  }

  tell(event: string, payload: unknown): void {
    this.handlers.get(event)?.(payload);
  }

  count(type: string): number {
    return this.said.filter(([, c]) => c.type === type).length;
  }
}

const surfaces: number[] = [];
let connected: (on: boolean) => void = () => {};
const connect = () => ({
  surface: (stream: number) => (surfaces.push(stream), { attach: () => () => {} }),
  onConnected: (listener: (on: boolean) => void) => ((connected = listener), () => {}),
}) as unknown as Pictures;

async function open(shell = new FakeShell()) {
  const port = await createNativePort(shell, connect);
  const states: PortState[] = [];
  const events: PortEvent[] = [];
  port.subscribe((state) => states.push(state));
  port.onEvent((event) => events.push(event));
  return { shell, port, states, events, last: () => states[states.length - 1] as PortState };
}

describe("the native port", () => {
  it("has the place and the whole state before the first view asks", async () => {
    const { port, last } = await open();
    expect(port.place).toMatchObject({ kind: "meeting", meeting: "m" });
    expect(last()).toMatchObject({ phase: "joined", you: 1, media: "connected", meeting: { title: "Tea" } });
    expect(last().quality.get(1)).toBe("good");
    expect(last().local.soundBlocked).toBe(false);
  });

  it("keeps what a patch does not name, and drops what is no more", async () => {
    const { shell, last } = await open();
    const before = last();
    shell.tell("desk://state", { seq: 4, speakers: [] } satisfies DeskPatch);
    expect(last().speakers).toEqual([]);
    expect(last().participants).toBe(before.participants);
    expect(last().local).toBe(before.local);
    expect(last().quality).toBe(before.quality);
    shell.tell("desk://state", { seq: 5, call: { phase: "ended", ended: "removed", media: "none" } } satisfies DeskPatch);
    expect(last()).toMatchObject({ phase: "ended", ended: "removed" });
    expect(last().you).toBeUndefined();
  });

  it("passes over patches it has, and begins anew when one is missing", async () => {
    const { shell, last } = await open();
    shell.tell("desk://state", { seq: 3, speakers: [9] } satisfies DeskPatch);
    expect(last().speakers).toEqual([1]);
    shell.answers["attach"] = () => ({ type: "attached", state: { ...STATE, seq: 7, speakers: [2] } });
    shell.tell("desk://state", { seq: 7, quality: [] } satisfies DeskPatch);
    shell.tell("desk://state", { seq: 8, limited: [{ track: 5, limited: "bandwidth" }] } satisfies DeskPatch);
    await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve));
    expect(shell.count("attach")).toBe(2);
    expect(last().speakers).toEqual([2]);
    expect(last().limited.get(5)).toBe("bandwidth");
  });

  it("takes patches that overtake the first state", async () => {
    const shell = new FakeShell();
    shell.answers["attach"] = () => {
      shell.tell("desk://state", { seq: 3, speakers: [9] });
      shell.tell("desk://state", { seq: 4, speakers: [4] });
      return { type: "attached", state: STATE };
    };
    const { last } = await open(shell);
    expect(last().speakers).toEqual([4]);
  });

  it("carries every word of the door to the participant", async () => {
    const { shell, port } = await open();
    port.join({ meeting: "m", name: "Ana" });
    await port.setCamera(true);
    await port.chooseDevice("speaker", undefined);
    await port.startScreen({ id: "window:1", audio: true, mode: "motion" });
    port.show([{ track: 7, height: 180.5 }]);
    port.host({ type: "mute_all" });
    port.leave();
    expect(shell.said.slice(2).map(([door, command]) => [door, command])).toEqual([
      ["desk", { type: "join", name: "Ana" }],
      ["desk", { type: "set_camera", on: true }],
      ["desk", { type: "choose_device", kind: "speaker" }],
      ["desk", { type: "start_screen", id: "window:1", audio: true, mode: "motion" }],
      ["desk", { type: "show", page: "meeting", videos: [{ track: 7, height: 180.5 }] }],
      ["desk", { type: "host", action: { type: "mute_all" } }],
      ["desk", { type: "leave" }],
    ]);
  });

  it("gives answers, and says unreachable where there is none", async () => {
    const { shell, port } = await open();
    shell.answers["meeting_info"] = () => ({ type: "failed", code: "meeting_not_found" });
    expect(await port.meetingInfo("m")).toEqual({ ok: false, code: "meeting_not_found" });
    shell.answers["meeting_info"] = () => ({ type: "failed", code: "closed" });
    expect(await port.meetingInfo("m")).toEqual({ ok: false, code: "unreachable" });
    shell.answers["record_test"] = () => ({ type: "recorded", problem: "busy" });
    expect(await port.recordTest(3)).toBe("busy");
    shell.answers["play_test"] = () => ({ type: "played", problem: "missing" });
    expect(await port.playTest()).toBe("missing");
    shell.answers["test_speaker"] = () => ({ type: "played" });
    expect(await port.testSpeaker()).toBeUndefined();
    shell.answers["screen_sources"] = () => Promise.reject(new Error("closing"));
    expect(await port.screenSources()).toEqual([]);
    shell.answers["open_meeting"] = () => ({ type: "failed", code: "bad_link" });
    expect(await port.app?.openMeeting("x")).toEqual({ ok: false, code: "bad_link" });
    shell.answers["pop_out"] = () => ({ type: "pop_out", host: "apart" });
    expect(await port.popOut(7)).toEqual({ kind: "apart" });
  });

  it("tells what happens to views, whoever it comes from", async () => {
    const { shell, port, events } = await open();
    const settings: unknown[] = [];
    port.app?.onSettings((now) => settings.push(now));
    shell.tell("desk://event", { type: "muted_by_host", source: "microphone", by: 2 });
    shell.tell("app://event", { type: "shortcut", action: "camera" });
    shell.tell("app://event", { type: "settings", settings: { name: "Bo" } });
    expect(events.map((e) => e.type)).toEqual(["muted_by_host", "shortcut"]);
    expect(settings).toEqual([{ name: "Bo" }]);
  });

  it("keeps what happened before anybody listened, a link that was refused too", async () => {
    const shell = new FakeShell();
    shell.answers["place"] = () => {
      shell.tell("app://event", { type: "full_screen", on: true });
      return { type: "place", place: { kind: "home", refused: "bad_link" } };
    };
    const { port, events } = await open(shell);
    shell.tell("app://event", { type: "link_refused", code: "bad_link" });
    expect(port.place).toEqual({ kind: "home", refused: "bad_link" });
    expect(events).toEqual([{ type: "full_screen", on: true }, { type: "link_refused", code: "bad_link" }]);
    const later: PortEvent[] = [];
    port.onEvent((event) => later.push(event));
    expect(later).toEqual([]);
  });

  it("has another place once the shell gave the window something else to show", async () => {
    const shell = new FakeShell();
    shell.answers["place"] = () => ({ type: "place", place: { kind: "pop_out", meeting: "m", server: "https://a.b", what: "speaker" } });
    const { port, events } = await open(shell);
    shell.tell("app://event", { type: "place", place: { kind: "pop_out", meeting: "m", server: "https://a.b", what: 7 } });
    expect(port.place).toMatchObject({ what: 7 });
    expect(events).toEqual([{ type: "place" }]);
  });

  it("says so when pictures have had no way for a while, until they have", async () => {
    vi.useFakeTimers();
    try {
      const { last } = await open();
      expect(last().picturesLost).toBeUndefined();
      vi.advanceTimersByTime(5000);
      expect(last().picturesLost).toBe(true);
      connected(true);
      expect(last().picturesLost).toBeUndefined();
      connected(false);
      vi.advanceTimersByTime(4000);
      expect(last().picturesLost).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it("shows pictures of the bus: others by track, the own ones by their numbers", async () => {
    const { port } = await open();
    surfaces.length = 0;
    port.video(7);
    port.ownCamera();
    port.ownScreen();
    expect(surfaces).toEqual([7, 0xffff_fffe, 0xffff_fffd]);
  });

  it("asks a home window's shell for no participant", async () => {
    const shell = new FakeShell();
    shell.answers["place"] = () => ({ type: "place", place: { kind: "home" } });
    const { last } = await open(shell);
    expect(shell.count("attach")).toBe(0);
    expect(last().phase).toBe("idle");
  });
});

it("takes the pieces of a channel in their order, however they come", () => {
  const heard: string[] = [];
  const take = inOrder<string>((message) => heard.push(message));
  take({ index: 1, message: "b" });
  take({ index: 0, message: "a" });
  take({ index: 3, end: true });
  take({ index: 2, message: "c" });
  expect(heard).toEqual(["a", "b", "c"]);
});

describe("the draw rate", () => {
  const measure = (frameMs: number, shown: (now: number) => number) => {
    const told: number[] = [];
    let next: ((now: number) => void) | undefined;
    const screen = { requestAnimationFrame: (callback: (now: number) => void) => (next = callback), document: { visibilityState: "visible" } };
    const rate = new DrawRate((fps) => told.push(fps), screen);
    for (let now = 0; now < 12_000; now += frameMs) {
      rate.shown(shown(now));
      const callback = next;
      next = undefined;
      callback?.(now);
    }
    return told;
  };

  it("is told once, of five seconds with nine pictures", () => {
    expect(measure(40, () => 9)).toEqual([25]);
    expect(measure(40, () => 8)).toEqual([]);
    expect(measure(40, (now) => (now < 3000 ? 9 : 4))).toEqual([]);
  });
});

describe("levels", () => {
  it("are asked for once a second while somebody looks, and are nothing once they are old", () => {
    let now = 0;
    let asked = 0;
    const watch = new LevelWatch(() => asked++, () => now);
    for (; now < 2000; now += 16) {
      watch.read();
      watch.note({ microphone: 0.5, speaker: 0.25 });
    }
    expect(asked).toBe(2);
    expect(watch.read()).toEqual({ microphone: 0.5, speaker: 0.25 });
    now += 1500;
    expect(watch.read()).toEqual({ microphone: 0, speaker: 0 });
  });
});
