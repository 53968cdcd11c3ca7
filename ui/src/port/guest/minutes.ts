// How the last minute went for this guest, out of the browser's statistics: what the server keeps for who looks after it.

import { MAX_REPORT_DEVICES, MAX_REPORT_S, type CallDevice, type DeviceChange, type QualityReport } from "../../generated/protocol";
import type { SessionState } from "../../session/session";
import { isMuted } from "../../state/stage";
import type { LocalState } from "../port";
import { number, type Report } from "./stats";

const MINUTE_MS = 60_000;
/** A room is never quiet to the last digit for so long; a microphone that is no more is, milliseconds. */
const DEAD_MS = 5000;

type Entry = Record<string, unknown>;

/** What counts up in a stream, and what of it is of this minute. */
const COUNTED = ["bytesSent", "packetsSent", "bytesReceived", "packetsReceived", "packetsLost", "concealedSamples", "silentConcealedSamples", "totalSamplesReceived", "totalAudioEnergy"] as const;
type Counted = Record<(typeof COUNTED)[number], number>;

/** What of the devices can be seen from outside. */
export interface Devices {
  local: LocalState;
  /** Names of the microphone and camera that are open. */
  labels: { microphone?: string | undefined; camera?: string | undefined };
}

/** A mean over the looks at which there was something to see. */
class Mean {
  #sum = 0;
  #count = 0;
  add(value: number | undefined): void {
    if (value === undefined) return;
    this.#sum += value;
    this.#count += 1;
  }
  get value(): number | undefined {
    return this.#count === 0 ? undefined : Math.round(this.#sum / this.#count);
  }
}

/** The minute that goes on. Times are milliseconds of it. */
function fresh(nowMs: number) {
  return {
    began: nowMs, rtt: new Mean(), jitter: new Mean(), fpsSent: new Mean(), fpsShown: new Mean(),
    sent: 0, received: 0, packetsSent: 0, lostUp: 0, packetsReceived: 0, lostDown: 0, samples: 0, madeUp: 0, reportsBack: false,
    cpu: 0, bandwidth: 0, micOn: 0, micSilent: 0, blocked: 0,
    devices: [] as { at: number; device: CallDevice; change: DeviceChange }[],
  };
}

export class Minutes {
  #minute: ReturnType<typeof fresh> | undefined;
  #last = 0;
  /** Of every stream, by its id: counters as the last look found them. */
  #before = new Map<string, Counted>();
  /** How long nothing came from a microphone that was on. */
  #quiet = 0;
  #seen: Devices | undefined;

  /** To be called twice a second; a report about once a minute. */
  look(report: Report, session: SessionState, devices: Devices, nowMs: number): QualityReport | undefined {
    // A computer that slept has measured nothing.
    if (this.#minute !== undefined && nowMs - this.#minute.began > MAX_REPORT_S * 1000) this.#minute = undefined;
    const minute = (this.#minute ??= fresh(nowMs));
    const passed = Math.max(0, nowMs - Math.max(this.#last, minute.began));
    this.#last = nowMs;
    const sums = this.#count(report);
    minute.sent += sums.outbound.bytesSent;
    minute.received += sums.inbound.bytesReceived;
    minute.packetsSent += sums.outbound.packetsSent;
    minute.lostUp += sums.far.packetsLost;
    minute.packetsReceived += sums.inbound.packetsReceived;
    minute.lostDown += sums.inbound.packetsLost;
    minute.samples += sums.inbound.totalSamplesReceived;
    minute.madeUp += Math.max(0, sums.inbound.concealedSamples - sums.inbound.silentConcealedSamples);
    this.#measure(report, minute, passed);
    this.#microphone(report, session, devices.local, sums.source.totalAudioEnergy, minute, passed);
    if (devices.local.soundBlocked) minute.blocked += passed;
    this.#note(devices, minute, nowMs);
    if (nowMs - minute.began < MINUTE_MS) return undefined;
    this.#minute = fresh(nowMs);
    return told(minute, session, nowMs);
  }

  /** What was counted since the last look, in streams of each kind together. */
  #count(report: Report): Record<"inbound" | "outbound" | "far" | "source", Counted> {
    const kinds: Record<string, "inbound" | "outbound" | "far" | "source"> = { "inbound-rtp": "inbound", "outbound-rtp": "outbound", "remote-inbound-rtp": "far", "media-source": "source" };
    const sums = { inbound: nothing(), outbound: nothing(), far: nothing(), source: nothing() };
    const before = new Map<string, Counted>();
    for (const [id, entry] of report) {
      const kind = kinds[String(entry["type"])];
      if (kind === undefined) continue;
      const now = nothing();
      for (const key of COUNTED) now[key] = number(entry[key]);
      before.set(id, now);
      const last = this.#before.get(id);
      // A stream seen for the first time has counted before; one that counts back is another.
      if (last === undefined) continue;
      for (const key of COUNTED) sums[kind][key] += Math.max(0, now[key] - last[key]);
    }
    this.#before = before;
    return sums;
  }

  #measure(report: Report, minute: ReturnType<typeof fresh>, passed: number): void {
    const entries = [...report].map(([, entry]) => entry);
    const of = (type: string, kind: string) => entries.filter((e) => e["type"] === type && e["kind"] === kind);
    const pair = entries.find((e) => e["type"] === "candidate-pair" && e["nominated"] === true && e["state"] === "succeeded");
    minute.rtt.add(milliseconds(pair?.["currentRoundTripTime"]));
    minute.jitter.add(largest(of("inbound-rtp", "audio").map((e) => milliseconds(e["jitter"]))));
    const sends = of("outbound-rtp", "video").filter((e) => e["active"] !== false);
    minute.fpsSent.add(largest(sends.map((e) => known(e, "framesPerSecond"))));
    for (const shown of of("inbound-rtp", "video")) minute.fpsShown.add(known(shown, "framesPerSecond"));
    minute.reportsBack ||= entries.some((e) => e["type"] === "remote-inbound-rtp");
    if (sends.some((e) => e["qualityLimitationReason"] === "cpu")) minute.cpu += passed;
    if (sends.some((e) => e["qualityLimitationReason"] === "bandwidth")) minute.bandwidth += passed;
  }

  /** Silence counts from its beginning, once it is too long for a room. */
  #microphone(report: Report, session: SessionState, local: LocalState, energy: number, minute: ReturnType<typeof fresh>, passed: number): void {
    const you = session.room?.participants.find((p) => p.id === session.you);
    const isOn = local.microphone.on && !local.microphone.starting && you !== undefined && !isMuted(you, "microphone") && you.same_room === undefined;
    const isKnown = [...report].some(([, e]) => e["type"] === "media-source" && e["kind"] === "audio" && typeof e["totalAudioEnergy"] === "number");
    if (isOn) minute.micOn += passed;
    if (!isOn || !isKnown || energy > 0) {
      this.#quiet = 0;
      return;
    }
    const before = this.#quiet;
    this.#quiet += passed;
    if (this.#quiet >= DEAD_MS) minute.micSilent += before < DEAD_MS ? this.#quiet : passed;
  }

  #note(now: Devices, minute: ReturnType<typeof fresh>, at: number): void {
    const before = this.#seen;
    this.#seen = now;
    if (before === undefined) return;
    const add = (device: CallDevice, change: DeviceChange) => minute.devices.push({ at, device, change });
    for (const device of ["microphone", "camera"] as const) {
      const [was, is] = [before.local[device].problem, now.local[device].problem];
      const [from, to] = [before.labels[device], now.labels[device]];
      if (is !== undefined && was === undefined) add(device, is === "missing" ? "lost" : "failed");
      else if (is === undefined && was !== undefined && now.local[device].on) add(device, "back");
      else if (from !== undefined && to !== undefined && from !== to) add(device, "changed");
    }
    if (before.local.speaker.device !== now.local.speaker.device) add("speaker", "changed");
    if (before.local.soundBlocked !== now.local.soundBlocked) add("speaker", now.local.soundBlocked ? "failed" : "back");
    minute.devices = minute.devices.slice(-MAX_REPORT_DEVICES);
  }
}

function told(minute: ReturnType<typeof fresh>, session: SessionState, nowMs: number): QualityReport {
  const lasted = nowMs - minute.began;
  const seconds = Math.min(MAX_REPORT_S, Math.round(lasted / 1000));
  const time = (ms: number) => permille(ms / lasted);
  const some = <K extends string>(key: K, value: number | undefined) => (value === undefined ? {} : { [key]: value }) as { [P in K]?: number };
  const micOn = time(minute.micOn);
  return {
    seconds,
    ...some("rtt_ms", minute.rtt.value),
    ...some("jitter_ms", minute.jitter.value),
    ...some("loss_up", minute.reportsBack ? lost(minute.lostUp, minute.packetsSent - minute.lostUp) : undefined),
    ...some("loss_down", lost(minute.lostDown, minute.packetsReceived)),
    send_kbps: Math.round((minute.sent * 8) / lasted),
    receive_kbps: Math.round((minute.received * 8) / lasted),
    ...some("fps_sent", minute.fpsSent.value),
    ...some("fps_shown", minute.fpsShown.value),
    cpu_limited: time(minute.cpu),
    bandwidth_limited: time(minute.bandwidth),
    ...some("concealed", minute.samples > 0 ? permille(minute.madeUp / minute.samples) : undefined),
    stalled: session.listening?.stalled_permille ?? 0,
    mic_on: micOn,
    // What began in the minute before is no more than the minute.
    mic_silent: Math.min(micOn, time(minute.micSilent)),
    speaker_failed: time(minute.blocked),
    ...(minute.devices.length > 0 && { devices: minute.devices.map(({ at, device, change }) => ({ device, change, ago_s: Math.min(seconds, Math.round((nowMs - at) / 1000)) })) }),
  };
}

function nothing(): Counted {
  return Object.fromEntries(COUNTED.map((key) => [key, 0])) as Counted;
}

function permille(share: number): number {
  return Math.min(1000, Math.max(0, Math.round(share * 1000)));
}

function lost(lost: number, came: number): number | undefined {
  return lost + came <= 0 ? undefined : permille(lost / (lost + Math.max(0, came)));
}

function known(entry: Entry, key: string): number | undefined {
  return typeof entry[key] === "number" ? (entry[key] as number) : undefined;
}

function milliseconds(seconds: unknown): number | undefined {
  return typeof seconds === "number" ? seconds * 1000 : undefined;
}

function largest(values: (number | undefined)[]): number | undefined {
  const found = values.filter((v) => v !== undefined);
  return found.length === 0 ? undefined : Math.max(...found);
}
