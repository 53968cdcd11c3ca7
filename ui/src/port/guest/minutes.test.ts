import { expect, test } from "vitest";
import type { Participant, QualityReport } from "../../generated/protocol";
import type { SessionState } from "../../session/session";
import type { LocalState } from "../port";
import { Minutes, type Devices } from "./minutes";
import { NOBODY } from "./room";
import type { Report } from "./stats";

const LOCAL: LocalState = {
  microphone: { on: true, starting: false }, camera: { on: true, starting: false }, screen: { on: false, starting: false },
  speaker: { choosable: true }, devices: [], canShare: true, soundBlocked: false,
};

function session(muted: boolean): SessionState {
  const you = { id: 1, muted: muted ? ["microphone"] : [], tracks: [{ id: 1, source: "microphone", layers: [] }] } as unknown as Participant;
  return { ...NOBODY, you: 1, listening: { stalled_permille: 12, minutes: 1, fluent_minutes: 1 }, room: { participants: [you] } as unknown as NonNullable<SessionState["room"]> };
}

interface World { energy: boolean; reason: string; lossUp: number; lossDown: number }
const FINE: World = { energy: true, reason: "none", lossUp: 0, lossDown: 0 };

/** A browser's counters after so many half seconds, with so much lost in each. */
class Browser {
  #halves = 0;
  #energy = 0;
  #lostUp = 0;
  #lostDown = 0;
  step(world: World): Report {
    this.#halves += 1;
    if (world.energy) this.#energy += 0.01;
    this.#lostUp += world.lossUp;
    this.#lostDown += world.lossDown;
    const n = this.#halves;
    return [
      ["pair", { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.042 }],
      ["in", { type: "inbound-rtp", kind: "audio", bytesReceived: 2000 * n, packetsReceived: 100 * n, packetsLost: this.#lostDown, jitter: 0.006, concealedSamples: 240 * n, silentConcealedSamples: 0, totalSamplesReceived: 24_000 * n }],
      ["inv", { type: "inbound-rtp", kind: "video", bytesReceived: 48_000 * n, packetsReceived: 0, packetsLost: 0, framesPerSecond: 28 }],
      ["out", { type: "outbound-rtp", kind: "video", bytesSent: 25_000 * n, packetsSent: 100 * n, framesPerSecond: 30, qualityLimitationReason: world.reason }],
      ["far", { type: "remote-inbound-rtp", kind: "video", packetsLost: this.#lostUp }],
      ["mic", { type: "media-source", kind: "audio", totalAudioEnergy: this.#energy }],
    ];
  }
}

/** Looks twice a second, and the first report. */
function minute(at: (half: number) => { world?: Partial<World>; devices?: Partial<Devices>; muted?: boolean }): QualityReport {
  const [minutes, browser] = [new Minutes(), new Browser()];
  for (let half = 0; half <= 200; half++) {
    const { world, devices, muted } = at(half);
    const seen: Devices = { local: LOCAL, labels: { microphone: "Desk", camera: "Lens" }, ...devices };
    const report = minutes.look(browser.step({ ...FINE, ...world }), session(muted ?? false), seen, 7000 + half * 500);
    if (report !== undefined) {
      expect(half).toBe(120);
      return report;
    }
  }
  throw new Error("no report");
}

test("a quiet minute is told in numbers", () => {
  expect(minute(() => ({}))).toEqual({
    seconds: 60, rtt_ms: 42, jitter_ms: 6, loss_up: 0, loss_down: 0, send_kbps: 400, receive_kbps: 800, fps_sent: 30, fps_shown: 28,
    cpu_limited: 0, bandwidth_limited: 0, concealed: 10, stalled: 12, mic_on: 1000, mic_silent: 0, speaker_failed: 0,
  });
});

test("loss each way is of this minute's packets", () => {
  const told = minute((half) => ({ world: { lossUp: half > 60 ? 20 : 0, lossDown: 25 } }));
  expect(told.loss_up).toBe(100);
  expect(told.loss_down).toBe(200);
});

test("what holds the own pictures back is a share of the time", () => {
  const told = minute((half) => ({ world: { reason: half > 90 ? "cpu" : half > 60 ? "bandwidth" : "none" } }));
  expect([told.cpu_limited, told.bandwidth_limited]).toEqual([250, 250]);
});

test("exact silence of a microphone that is on counts, a short one and a muted one do not", () => {
  expect(minute((half) => ({ world: { energy: half <= 60 } })).mic_silent).toBe(500);
  expect(minute((half) => ({ world: { energy: half % 9 === 0 } })).mic_silent).toBe(0);
  const muted = minute(() => ({ world: { energy: false }, muted: true }));
  expect([muted.mic_on, muted.mic_silent]).toEqual([0, 0]);
});

test("what happens to devices is told with its time", () => {
  const gone: LocalState = { ...LOCAL, microphone: { on: false, starting: false, problem: "missing" } };
  const told = minute((half) => {
    if (half < 40) return {};
    if (half < 60) return { devices: { local: gone, labels: { camera: "Lens" } } };
    if (half < 100) return { devices: { labels: { microphone: "Headset", camera: "Lens" } } };
    return { devices: { local: { ...LOCAL, soundBlocked: true }, labels: { microphone: "Headset", camera: "Other" } } };
  });
  expect(told.devices).toEqual([
    { device: "microphone", change: "lost", ago_s: 40 }, { device: "microphone", change: "back", ago_s: 30 },
    { device: "camera", change: "changed", ago_s: 10 }, { device: "speaker", change: "failed", ago_s: 10 },
  ]);
  expect(told.speaker_failed).toBe(175);
});

test("a computer that slept begins anew", () => {
  const [minutes, browser] = [new Minutes(), new Browser()];
  const look = (at: number) => minutes.look(browser.step(FINE), session(false), { local: LOCAL, labels: {} }, at);
  look(0);
  expect(look(3_600_000)).toBeUndefined();
  expect(look(3_659_000)).toBeUndefined();
  expect(look(3_660_000)?.seconds).toBe(60);
});
