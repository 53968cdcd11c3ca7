import { expect, it } from "vitest";
import type { SessionState } from "../../session/session";
import { NOBODY, RoomView } from "./room";

const source = { on: false, starting: false };
const local = { microphone: source, camera: source, screen: source, speaker: { choosable: false }, devices: [], canShare: true, soundBlocked: false };
const read = (view: RoomView, change: Partial<SessionState>, wasIn = false) => view.read({ ...NOBODY, ...change }, local, wasIn, 5000, 1000);

it("calls the way back reconnecting, and the way in connecting", () => {
  const view = new RoomView();
  expect(read(view, { phase: { type: "joining" } }).phase).toBe("connecting");
  expect(read(view, { phase: { type: "joining" } }, true).phase).toBe("reconnecting");
  expect(read(view, { phase: { type: "reconnecting", since_ms: 900 } }, true)).toMatchObject({ phase: "reconnecting", reconnectingSince: 4900 });
});

it("ends with the code, or with having left", () => {
  expect(read(new RoomView(), { phase: { type: "ended", code: "removed" } }).ended).toBe("removed");
  expect(read(new RoomView(), { phase: { type: "ended" } }).ended).toBe("left");
});

it("shows messages that are still on their way after those that arrived", () => {
  const view = new RoomView();
  const message = { id: 1, from: 2, name: "Bo", text: "hi", at: 0, client_id: "a" };
  const room = { seq: 1, meeting: { id: "m", title: "", locked: false, started_at: 0 }, participants: [], chat: [message] };
  const state = read(view, { room, you: 1, outbox: [{ client_id: "b", text: "later" }] });
  expect(state.chat).toMatchObject([{ text: "hi", pending: false }, { text: "later", from: 1, pending: true }]);
});

it("calls a picture missing only when nothing of it is sent", () => {
  const slot = (mid: string, track: number, height: number) => ({ mid, track, height, limited: "source" as const });
  expect([...read(new RoomView(), { slots: [slot("4", 1, 180), slot("5", 2, 0)] }).limited]).toEqual([[1, "no"], [2, "source"]]);
  const slow = (mid: string, track: number, height: number) => ({ ...slot(mid, track, height), limited: "bandwidth" as const });
  expect([...read(new RoomView(), { slots: [slow("4", 1, 180), slow("5", 2, 0)] }).limited]).toEqual([[1, "no"], [2, "bandwidth"]]);
});

it("keeps what did not change the same object", () => {
  const view = new RoomView();
  const quality = [{ participant: 1, level: "fair" as const }];
  const [a, b] = [read(view, { quality }), read(view, { quality, speakers: [1] })];
  expect(a.quality).toBe(b.quality);
  expect(a.chat).toBe(b.chat);
});

it("shows what was said aside among the rest, in order", () => {
  const message = (id: number) => ({ id, from: 2, name: "Bo", text: `${id}`, at: 0, client_id: `c${id}` });
  const room = { seq: 1, meeting: { id: "m", title: "", locked: false, started_at: 0 }, participants: [], chat: [message(1), message(3)] };
  const asides = [{ ...message(2), to: { type: "hosts" as const } }];
  expect(read(new RoomView(), { room, asides }).chat.map((m) => m.text)).toEqual(["1", "2", "3"]);
});

it("counts down by the server's clock", () => {
  // The server's clock is 5 s ahead; the page heard of it 2 s after its own start.
  const waiting = { title: "Tea", starts_at: 70_000, server_time: 10_000, at_ms: 2000, place: { position: 2, reason: "host" as const } };
  const state = new RoomView().read({ ...NOBODY, phase: { type: "waiting" }, waiting }, {} as never, false, 5000, 2000);
  expect(state.phase).toBe("waiting");
  expect(state.waiting).toEqual({ title: "Tea", startsAt: 65_000, position: 2, reason: "host" });
});
