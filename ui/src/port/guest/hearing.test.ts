import { expect, test } from "vitest";
import type { Participant } from "../../generated/protocol";
import type { SessionState } from "../../session/session";
import { Hearing } from "./hearing";
import { NOBODY } from "./room";

const bo = (muted: Participant["muted"] = []): Participant => ({
  id: 2, name: "Bo", role: "guest", client: "browser", presence: "connected", muted, tracks: [{ id: 7, source: "microphone", layers: [] }], decodes: [], joined_at: 0,
});
const session = (participant = bo(), media: SessionState["media"] = "connected"): SessionState => ({
  ...NOBODY, you: 1, media,
  room: { seq: 1, meeting: { id: "m", title: "", locked: false, started_at: 0 }, participants: [participant], chat: [] },
});
/** One look every half second; `made` is the sound made up since the last, in ms, and how many times that began. */
function listen(looks: { made: number; begun?: number; state?: SessionState }[]): number {
  const hearing = new Hearing();
  let [now, concealedSamples, concealmentEvents, permille] = [0, 0, 0, 0];
  for (const { made, begun = 0, state = session() } of [{ made: 0 }, ...looks]) {
    concealedSamples += made * 48;
    concealmentEvents += begun;
    const entry = { type: "inbound-rtp", kind: "audio", mid: "3", concealedSamples, concealmentEvents };
    permille = hearing.look([["a", entry]], state, () => 7, now).stalled_permille;
    now += 500;
  }
  return permille;
}

test("losses here and there are no stall, and a gap is", () => {
  expect(listen([{ made: 180, begun: 9 }, { made: 190, begun: 1 }])).toBe(0);
  expect(listen([{ made: 300, begun: 1 }])).toBe(5);
});

test("a gap counts as a whole, over several looks", () => {
  expect(listen([{ made: 120, begun: 1 }, { made: 180 }])).toBe(5);
  expect(listen([{ made: 120, begun: 1 }, { made: 500 }, { made: 500 }, { made: 80 }])).toBe(20);
});

test("what a mute leaves behind is no stall", () => {
  const muted = session(bo(["microphone"]));
  expect(listen([{ made: 500, begun: 1, state: muted }, { made: 500, state: muted }, { made: 300 }, { made: 0 }])).toBe(0);
});

test("who is silent for another device in its room does not stall", () => {
  const held = session({ ...bo(), same_room: 3 });
  expect(listen([{ made: 500, begun: 1, state: held }, { made: 500, state: held }, { made: 300 }, { made: 0 }])).toBe(0);
});

test("nobody is heard while the peer connection is made anew", () => {
  const cut = session(bo(), "connecting");
  expect(listen([{ made: 0, state: cut }, { made: 0, state: cut }, { made: 0 }])).toBe(17);
});
