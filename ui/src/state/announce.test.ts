import { expect, it } from "vitest";
import type { ChatEntry, Participant, PortState } from "../port/port";
import { tellings } from "./announce";

const person = (id: number, over: Partial<Participant> = {}): Participant => ({
  id, name: `P${id}`, role: "guest", client: "browser", presence: "connected", muted: [], tracks: [], decodes: [], joined_at: id, ...over,
});
const message = (id: number, from: number, pending = false): ChatEntry => ({ id, from, name: `P${from}`, text: "hi", at: 0, client_id: `c${id}`, pending });
const source = { on: false, starting: false };
const state = (over: Partial<PortState>): PortState => ({
  phase: "joined", you: 1, meeting: { id: "m", title: "", locked: false, started_at: 0 }, participants: [person(1)], chat: [], speakers: [],
  quality: new Map(), limited: new Map(), media: "connected",
  local: { microphone: source, camera: source, screen: source, speaker: { choosable: false }, devices: [], canShare: true, soundBlocked: false }, ...over,
});
const keys = (a: PortState, b: PortState) => tellings(a, b).map((f) => f.key);

it("tells nothing of the room one walks into", () => {
  expect(keys(state({ you: undefined, meeting: undefined, participants: [] }), state({ participants: [person(1), person(2)], chat: [message(1, 2)] }))).toEqual([]);
});

it("tells who comes, goes, raises a hand and shares", () => {
  const two = state({ participants: [person(1), person(2)] });
  expect(keys(state({}), two)).toEqual(["say.joined"]);
  expect(keys(two, state({}))).toEqual(["say.left"]);
  expect(keys(two, state({ participants: [person(1), person(2, { hand: 5 })] }))).toEqual(["say.hand"]);
  expect(keys(two, state({ participants: [person(1), person(2, { tracks: [{ id: 9, source: "screen", layers: [] }] })] }))).toEqual(["say.shares"]);
});

it("tells each message of others once, and none of one's own", () => {
  const a = state({ chat: [message(1, 2)] });
  const b = state({ chat: [message(1, 2), message(2, 1), message(3, 2), message(4, 2, true)] });
  expect(tellings(a, b)).toMatchObject([{ key: "say.chat", opens: "chat" }]);
  expect(keys(b, b)).toEqual([]);
});

it("tells a lock, a new role and the way back", () => {
  const lit = (who?: number) => state({ participants: [person(1), person(2)], meeting: { id: "m", title: "", locked: false, started_at: 0, ...(who !== undefined && { spotlight: who }) } });
  expect(keys(lit(), lit(2))).toEqual(["say.spotlight"]);
  expect(keys(lit(2), lit(1))).toEqual(["say.spotlight_you"]);
  expect(keys(lit(1), lit())).toEqual(["say.spotlight_off"]);
  const locked = state({ meeting: { id: "m", title: "", locked: true, started_at: 0 } });
  expect(keys(state({}), locked)).toEqual(["say.locked"]);
  expect(keys(state({}), state({ participants: [person(1, { role: "host" })] }))).toEqual(["say.host"]);
  expect(keys(state({ phase: "reconnecting" }), state({}))).toEqual(["meeting.back"]);
});
