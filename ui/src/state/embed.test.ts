import { expect, test } from "vitest";
import type { PortState } from "../port/port";
import { commandIn, proposedName, speakWithFrame, toldOf } from "./embed";

test("only commands are taken", () => {
  expect(commandIn({ confab: 1, type: "mute" })).toBe("mute");
  for (const other of [undefined, null, "mute", { type: "mute" }, { confab: 2, type: "mute" }, { confab: 1, type: "unmute_all" }, { confab: 1 }]) {
    expect(commandIn(other)).toBeUndefined();
  }
});

test("the page around hears once that one is in, and once that one is out", () => {
  expect(toldOf(false, { phase: "connecting" })).toEqual({ inside: false });
  expect(toldOf(false, { phase: "joined" })).toEqual({ inside: true, told: { confab: 1, type: "joined" } });
  expect(toldOf(true, { phase: "reconnecting" })).toEqual({ inside: true });
  expect(toldOf(true, { phase: "joined" })).toEqual({ inside: true });
  expect(toldOf(true, { phase: "ended", ended: "left" })).toEqual({ inside: false, told: { confab: 1, type: "left" } });
  expect(toldOf(true, { phase: "ended", ended: "meeting_ended" })).toEqual({ inside: false, told: { confab: 1, type: "ended", code: "meeting_ended" } });
  expect(toldOf(false, { phase: "ended", ended: "meeting_not_found" })).toEqual({ inside: false });
});

test("a proposed name is one line of what a name may be", () => {
  expect(proposedName("?name=Ada%0ALovelace")).toBe("AdaLovelace");
  expect(proposedName(`?name=${"é".repeat(200)}`)).toHaveLength(64);
  for (const none of ["", "?", "?name=", "?name=%20%0A"]) expect(proposedName(none)).toBeUndefined();
});

function frame() {
  const told: unknown[] = [];
  const done: string[] = [];
  let hear: ((event: MessageEvent) => void) | undefined;
  let follow: ((state: PortState) => void) | undefined;
  const around = { postMessage: (data: unknown) => told.push(data) };
  const self = {
    parent: around,
    addEventListener: (_: string, listener: (event: MessageEvent) => void) => (hear = listener),
    removeEventListener: () => (hear = undefined),
  };
  const port = {
    subscribe: (listener: (state: PortState) => void) => {
      follow = listener;
      return () => (follow = undefined);
    },
    setMicrophone: async (on: boolean) => void done.push(on ? "on" : "off"),
    leave: () => void done.push("leave"),
  };
  const stop = speakWithFrame(port, self as unknown as Window);
  return {
    told, done, stop, around,
    state: (phase: PortState["phase"]) => follow?.({ phase } as PortState),
    say: (source: unknown, type: string) => hear?.({ source, data: { confab: 1, type } } as MessageEvent),
    hears: () => hear !== undefined || follow !== undefined,
  };
}

test("commands come from the page around, and only inside a meeting", () => {
  const page = frame();
  page.say(page.around, "leave");
  expect(page.done).toEqual([]);
  page.state("joined");
  page.say({}, "leave");
  expect(page.done).toEqual([]);
  page.say(page.around, "unmute");
  page.say(page.around, "mute");
  page.say(page.around, "leave");
  expect(page.done).toEqual(["on", "off", "leave"]);
  expect(page.told).toEqual([{ confab: 1, type: "joined" }]);
  page.stop();
  expect(page.hears()).toBe(false);
});
