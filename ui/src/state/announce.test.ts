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
  const lit = (who?: number) => state({ participants: [person(1), person(2)], meeting: { id: "m", title: "", locked: false, started_at: 0, ...(who !== undefined && { spotlights: [who] }) } });
  expect(keys(lit(), lit(2))).toEqual(["say.spotlight"]);
  expect(keys(lit(2), lit(1))).toEqual(["say.spotlight_you"]);
  expect(keys(lit(1), lit())).toEqual(["say.spotlight_off"]);
  const locked = state({ meeting: { id: "m", title: "", locked: true, started_at: 0 } });
  expect(keys(state({}), locked)).toEqual(["say.locked"]);
  expect(keys(state({}), state({ participants: [person(1, { role: "host" })] }))).toEqual(["say.host"]);
  expect(keys(state({ phase: "reconnecting" }), state({}))).toEqual(["meeting.back"]);
});

it("tells hosts who knocks, once", () => {
  const waiting = (...ids: number[]) => state({ lobby: ids.map((id) => ({ id, name: `W${id}`, client: "browser" as const, presence: "connected" as const, member: false, turned_away: false, since: 0 })) });
  expect(tellings(state({}), waiting(5))).toMatchObject([{ key: "lobby.knocks", params: { name: "W5" }, opens: "people" }]);
  expect(keys(waiting(5), waiting(5, 6))).toEqual(["lobby.knocks"]);
  expect(keys(waiting(5, 6), waiting(6))).toEqual([]);
});

it("tells rules, roles and the floor", () => {
  const policy = (lobby: "off" | "everyone") => state({ meeting: { id: "m", title: "", locked: false, started_at: 0, policy: { lobby, absent_host: "anyone", permissions: { share: true, chat: true, unmute: true, reactions: true, draw: true } } } });
  expect(keys(policy("off"), policy("everyone"))).toEqual(["rules.changed"]);
  expect(keys(policy("off"), policy("off"))).toEqual([]);
  const role = (is: Participant["role"]) => state({ participants: [person(1, { role: is })] });
  expect(keys(role("guest"), role("co_host"))).toEqual(["role.now_co_host"]);
  expect(keys(role("co_host"), role("guest"))).toEqual(["role.no_longer"]);
  expect(keys(role("guest"), role("participant"))).toEqual([]);
  const none = { questions: [], polls: [], seat_order: [] };
  const floor = (holder?: number) => state({ participants: [person(1), person(2)], tools: { ...none, floor: { since: 0, queue: [], ...(holder !== undefined && { holder }) } } });
  const free = state({ participants: [person(1), person(2)] });
  expect(keys(free, floor())).toEqual(["floor.on"]);
  expect(keys(floor(), floor(1))).toEqual(["floor.yours"]);
  expect(keys(floor(1), floor(2))).toEqual(["floor.held"]);
  expect(keys(floor(2), free)).toEqual(["floor.off"]);
});

it("tells polls when they open and close, and the questions of others", () => {
  const poll = (closed: boolean) => ({ id: 1, question: "Tea?", options: ["Yes", "No"], multiple: false, anonymous: true, live: false, closed, quiz: false, voters: 0, results: [], correct: [], votes: [] });
  const question = (from: number) => ({ id: 1, from, name: `P${from}`, text: "When?", at: 0, client_id: "q", votes: [] });
  const tools = (over: Partial<NonNullable<PortState["tools"]>>) => state({ tools: { questions: [], polls: [], seat_order: [], ...over } });
  expect(keys(tools({}), tools({ polls: [poll(false)] }))).toEqual(["poll.said_new"]);
  expect(keys(tools({ polls: [poll(false)] }), tools({ polls: [poll(true)] }))).toEqual(["poll.said_closed"]);
  expect(keys(tools({}), tools({ questions: [question(2)] }))).toEqual(["question.said_new"]);
  expect(keys(tools({}), tools({ questions: [question(1)] }))).toEqual([]);
});

it("tells where one is, who asks for a host, and when rooms open and close", () => {
  const none = { questions: [], polls: [], seat_order: [] };
  const rooms = (people: Participant[], over: { opened_at?: number; ends_at?: number } = {}) =>
    state({ participants: people, tools: { ...none, breakout: { rooms: ["Red", "Blue"], choose: false, ...over } } });
  const main = rooms([person(1), person(2), person(3)]);
  const red = rooms([person(1, { room: 1 }), person(2, { room: 1 }), person(3, { room: 2 })], { opened_at: 5 });
  expect(tellings(main, red)).toMatchObject([{ key: "breakout.said_open" }, { key: "breakout.said_moved", params: { room: "Red" } }]);
  expect(keys(red, main)).toEqual(["breakout.said_closed"]);
  const came = rooms([person(1, { room: 1 }), person(2, { room: 2 }), person(3, { room: 1 })], { opened_at: 5 });
  expect(keys(red, came)).toEqual(["breakout.said_went", "breakout.said_came"]);
  const closing = rooms([person(1, { room: 1 }), person(2, { room: 1 }), person(3, { room: 2 })], { opened_at: 5, ends_at: Date.now() + 60_000 });
  expect(tellings(red, closing)).toMatchObject([{ key: "breakout.said_closing", params: { n: 60 } }]);
  const help = (role: Participant["role"], since?: number) => rooms([person(1, { role }), person(2, { room: 2, ...(since !== undefined && { help: since }) })], { opened_at: 5 });
  expect(tellings(help("host"), help("host", 9))).toMatchObject([{ key: "breakout.said_help", params: { name: "P2", room: "Blue" }, opens: "rooms" }]);
  expect(keys(help("guest"), help("guest", 9))).toEqual([]);
});
