// Media of one meeting: the peer connection of the current generation, which slot carries what, and where pictures and
// sounds come out. When to make a peer connection is the session's business.

import { type IceServer, MIN_VIEW_BITRATE, type Publish } from "../../generated/protocol";
import { CodecChoice } from "../../session/codec";
import type { Input, SessionState } from "../../session/session";
import { inRoomOf } from "../../state/breakout";
import { planSlots, slotTarget } from "../../state/slots";
import { isMuted } from "../../state/stage";
import type { DataSaving, LinkStats, Participant, ShownVideo, Source, StreamStats, TrackId } from "../port";
import { sends } from "./codecs";
import type { LocalDevices } from "./devices";
import { Hearing } from "./hearing";
import { Minutes } from "./minutes";
import { Pictures, Sounds } from "./outlets";
import { PeerLink } from "./peer";
import { StatsReader, type Report } from "./stats";
import { StreamReader } from "./streams";
import { bytesOf, Usage, type Used } from "./usage";
import { Waiting } from "./waiting";

/** More slots would make a session description larger than the server takes (MAX_SDP); nobody sees or hears more at once. */
const MOST_SLOTS = { audio: 44, video: 28 };
/** Sources of pictures. */
const VIDEO = ["camera", "screen"] as const;
/** Slots of the first offer: a small meeting never renegotiates. */
const FIRST_SLOTS = { audio: 4, video: 4 };
/** Tallest camera layer while data is saved. */
const SAVING_HEIGHT = 360;
/** How often it is measured how well the others are heard, milliseconds. */
const HEARING_MS = 500;

export class Media {
  readonly pictures = new Pictures();
  readonly sounds: Sounds;
  readonly #devices: LocalDevices;
  readonly #feed: (input: Input) => void;
  readonly #session: () => SessionState | undefined;
  #stats = new StatsReader();
  #streams = new StreamReader();
  #hearing = new Hearing();
  #minutes = new Minutes();
  #waiting = new Waiting();
  #listening: ReturnType<typeof setInterval> | undefined;
  #peer: PeerLink | undefined;
  #shown: readonly ShownVideo[] = [];
  #saving: DataSaving = { smallCamera: false };
  #usage = new Usage();
  #original = false;
  readonly #codecs = VIDEO.map((source) => {
    const able = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
    const encodes = sends(source, able, navigator.hardwareConcurrency);
    return { source, encodes, choice: new CodecChoice(sends("camera", able, 1)[0] ?? "vp8") };
  });
  /** Another device in this room is live. */
  #silent = false;
  /** Which track each slot carries, by mid. */
  #slots = new Map<string, TrackId>();

  constructor(devices: LocalDevices, feed: (input: Input) => void, session: () => SessionState | undefined) {
    this.#devices = devices;
    this.#feed = feed;
    this.#session = session;
    this.sounds = new Sounds((blocked) => devices.setSoundBlocked(blocked));
  }

  accept(generation: number, sdp: string): void {
    if (this.#peer?.generation === generation) void this.#peer.accept(sdp);
  }

  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    await this.#peer?.setTrack(source, source === "microphone" && this.#silent ? null : track);
  }

  /** Another device in this room is live, or none any more: microphone and sounds follow at once. */
  setSilent(silent: boolean): void {
    if (silent === this.#silent) return;
    this.#silent = silent;
    this.sounds.setDeaf(silent);
    // A microphone that is off stays open, and must not be sent.
    const isOn = this.#devices.state.microphone.on;
    void this.setTrack("microphone", isOn ? this.#devices.track("microphone") : null);
  }

  async setOriginal(original: boolean): Promise<void> {
    this.#original = original;
    await this.#peer?.setOriginal(original);
  }

  async save(saving: DataSaving): Promise<void> {
    this.#saving = saving;
    this.plan();
    await this.#saveOn(this.#peer);
  }

  async #saveOn(peer: PeerLink | undefined): Promise<void> {
    const { smallCamera, up } = this.#saving;
    await peer?.limitCamera(smallCamera ? SAVING_HEIGHT : Infinity);
    await peer?.setCap(up === undefined ? undefined : up * 1000);
  }

  show(videos: readonly ShownVideo[]): void {
    this.#shown = videos;
    this.plan();
  }

  async stats(): Promise<LinkStats> {
    const report = await this.#report();
    const link = this.#stats.read(report, performance.now());
    const { sent, received, hour } = this.#note(report);
    return { ...link, sentBytes: sent, receivedBytes: received, hourBytes: hour };
  }

  async streams(): Promise<StreamStats[]> {
    const owners = new Map(this.#others().flatMap((p) => p.tracks.map((t) => [t.id, { participant: p.id, source: t.source }] as const)));
    return this.#streams.read(await this.#report(), performance.now(), (mid, sends) => {
      if (sends) return this.#peer?.sourceOf(mid);
      const track = this.#slots.get(mid);
      return track === undefined ? undefined : owners.get(track);
    });
  }

  async #report(): Promise<Report> {
    const report = await this.#peer?.getStats().catch(() => undefined);
    return report === undefined ? [] : (report as unknown as Map<string, Record<string, unknown>>);
  }

  #note(report: Report): Used {
    const generation = this.#peer?.generation;
    // A report that came too late for its peer connection is empty.
    const bytes = bytesOf(report);
    if (generation !== undefined && bytes.sent + bytes.received > 0) this.#usage.note(generation, bytes, performance.now());
    return this.#usage.used;
  }

  /** What the session has to know of how well the others are heard. */
  async #listen(): Promise<void> {
    const report = await this.#report();
    const session = this.#session();
    if (session === undefined || this.#listening === undefined) return;
    this.#note(report);
    this.#chooseCodec(session);
    const listening = this.#hearing.look(report, session, (mid) => this.#slots.get(mid), performance.now());
    this.#feed({ type: "listening", listening });
    const labels = { microphone: this.#devices.track("microphone")?.label, camera: this.#devices.track("camera")?.label };
    const minute = this.#minutes.look(report, session, { local: this.#devices.state, labels }, performance.now());
    if (minute !== undefined) this.#feed({ type: "quality", report: minute });
    this.#peer?.wait(this.#waits(this.#waiting.look(report, performance.now())));
  }

  /** How long each slot waits: what a person's pictures need, all of that person's slots do. */
  #waits(needed: ReadonlyMap<string, number>): Map<string, number> {
    const owners = new Map(this.#others().flatMap((p) => p.tracks.map((t) => [t.id, p.id] as const)));
    const slots = [...this.#slots].map(([mid, track]) => ({ mid, owner: owners.get(track), needs: needed.get(mid) ?? 0 }));
    const of = (owner: number | undefined) => Math.max(0, ...slots.filter((s) => s.owner === owner).map((s) => s.needs));
    return new Map(slots.map(({ mid, owner }) => [mid, of(owner)]));
  }

  /** Sends pictures in the best codecs that all of the others decode. */
  #chooseCodec(session: SessionState): void {
    if (session.room === undefined) return;
    for (const { source, encodes, choice } of this.#codecs) {
      const codec = choice.update(encodes, session.room, session.you, performance.now());
      if (codec !== undefined) void this.#peer?.setCodec(source, codec);
    }
  }

  /** Codes only the layers of own pictures that somebody could be sent. */
  #codeWanted(session: SessionState, peer: PeerLink | undefined): void {
    const own = session.room?.participants.find((p) => p.id === session.you)?.tracks ?? [];
    for (const source of ["camera", "screen"] as const) {
      const track = own.find((t) => t.source === source);
      const told = session.layers_wanted.find((w) => w.track === track?.id);
      void peer?.setWanted(source, told?.layers);
    }
  }

  close(): void {
    clearInterval(this.#listening);
    this.#listening = undefined;
    this.#hearing = new Hearing();
    this.#minutes = new Minutes();
    this.#usage = new Usage();
    this.#peer?.close();
    this.#peer = undefined;
    this.#slots.clear();
    this.pictures.place(() => undefined);
    this.sounds.play(new Map());
    this.setSilent(false);
  }

  newPeer(generation: number, iceServers: readonly IceServer[]): void {
    const slots = this.#peer?.slotCount ?? FIRST_SLOTS;
    this.#peer?.close();
    this.#slots.clear();
    this.#stats = new StatsReader();
    this.#streams = new StreamReader();
    this.#waiting = new Waiting();
    const current = (then: () => void) => () => {
      if (this.#peer === peer) then();
    };
    const peer: PeerLink = new PeerLink(generation, slots, iceServers, {
      offer: (sdp: string, publish: Publish[]) => {
        if (this.#peer === peer) this.#feed({ type: "local_offer", generation, sdp, publish });
      },
      ready: current(() => this.plan()),
      connected: current(() => this.#feed({ type: "media_connected", generation })),
      failed: current(() => this.#feed({ type: "media_failed", generation })),
    });
    this.#peer = peer;
    this.#listening ??= setInterval(() => void this.#listen(), HEARING_MS);
    void this.#fillPeer(peer);
  }

  /** Puts what is open into a new peer connection before its first offer. */
  async #fillPeer(peer: PeerLink): Promise<void> {
    await this.#saveOn(peer);
    await peer.setOriginal(this.#original);
    for (const { source, choice } of this.#codecs) await peer.setCodec(source, choice.current);
    for (const source of ["microphone", "camera"] as const) {
      const isSilent = source === "microphone" && this.#silent;
      if (this.#devices.state[source].on && !isSilent) await peer.setTrack(source, this.#devices.track(source));
    }
    for (const source of ["screen", "screen_audio"] as const) {
      const track = this.#devices.track(source);
      if (track !== null) await peer.setTrack(source, track);
    }
    await peer.negotiate();
  }

  /** Decides anew which slot carries what, tells the session, and moves elements to where their tracks are. */
  plan(): void {
    const peer = this.#peer;
    const session = this.#session();
    if (session !== undefined) {
      this.#chooseCodec(session);
      this.#codeWanted(session, peer);
    }
    if (peer === undefined) return;
    const mids = peer.mids;
    if (mids.audio.length + mids.video.length > 0) {
      const plan = planSlots(mids, this.#slots, { video: this.#wantedVideo(), audio: this.#wantedAudio() });
      this.#slots = new Map(plan.slots.flatMap((s) => (s.track === undefined ? [] : [[s.mid, s.track] as const])));
      const { down } = this.#saving;
      this.#feed({ type: "view", slots: plan.slots, ...(down !== undefined && { max_bitrate: Math.max(MIN_VIEW_BITRATE, down * 1000) }) });
      this.#hang(peer, plan.placed);
      const have = peer.slotCount;
      // Slots that were offered but not answered yet count as coming.
      const coming = { audio: have.audio - mids.audio.length, video: have.video - mids.video.length };
      peer.needSlots(
        slotTarget(have.audio + Math.max(0, plan.missing.audio - coming.audio), have.audio, MOST_SLOTS.audio),
        slotTarget(have.video + Math.max(0, plan.missing.video - coming.video), have.video, MOST_SLOTS.video),
      );
    }
  }

  #hang(peer: PeerLink, placed: ReadonlyMap<TrackId, string>): void {
    const told = new Map((this.#session()?.slots ?? []).map((s) => [s.mid, s.track]));
    this.pictures.place((track) => {
      const mid = placed.get(track);
      if (mid === undefined) return undefined;
      // Until the server has moved the slot, it still carries somebody else's picture.
      const carries = told.get(mid);
      return carries !== undefined && carries !== track ? undefined : peer.stream(mid);
    });
    const sounds = peer.mids.audio.flatMap((mid) => {
      const stream = this.#slots.has(mid) ? peer.stream(mid) : undefined;
      return stream === undefined ? [] : [[mid, stream] as const];
    });
    this.sounds.play(new Map(sounds));
  }

  #wantedVideo(): ShownVideo[] {
    const tracks = new Set(this.#others().flatMap((p) => p.tracks.map((t) => t.id)));
    return this.#shown.filter((v) => tracks.has(v.track));
  }

  /** Everybody is heard; who speaks or could speak comes first where slots run short. */
  #wantedAudio(): TrackId[] {
    const speakers = this.#session()?.speakers ?? [];
    const rank = (id: number, muted: boolean) => (speakers.includes(id) ? 0 : muted ? 2 : 1);
    return this.#others()
      .flatMap((p) => p.tracks.filter((t) => t.source === "microphone" || t.source === "screen_audio").map((t) => ({ track: t.id, rank: rank(p.id, isMuted(p, t.source)) })))
      .sort((a, b) => a.rank - b.rank || a.track - b.track)
      .slice(0, MOST_SLOTS.audio)
      .map((w) => w.track);
  }

  /** In the same breakout room. */
  #others(): Participant[] {
    const state = this.#session();
    return inRoomOf(state?.room?.participants ?? [], state?.you).filter((p) => p.id !== state?.you);
  }
}
