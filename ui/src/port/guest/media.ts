// Media of one meeting: the peer connection of the current generation, which slot carries what, and where pictures and
// sounds come out. When to make a peer connection is the session's business.

import type { Publish } from "../../generated/protocol";
import { CodecChoice } from "../../session/codec";
import type { Input, SessionState } from "../../session/session";
import { planSlots, slotTarget } from "../../state/slots";
import { isMuted } from "../../state/stage";
import type { LinkStats, Participant, ShownVideo, Source, StreamStats, TrackId } from "../port";
import { known } from "./codecs";
import type { LocalDevices } from "./devices";
import { Hearing } from "./hearing";
import { Pictures, Sounds } from "./outlets";
import { PeerLink } from "./peer";
import { StatsReader, type Report } from "./stats";
import { StreamReader } from "./streams";

/** More slots would make a session description larger than the server takes (MAX_SDP); nobody sees or hears more at once. */
const MOST_SLOTS = 44;
/** Slots of the first offer: a small meeting never renegotiates. */
const FIRST_SLOTS = { audio: 4, video: 4 };
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
  #listening: ReturnType<typeof setInterval> | undefined;
  #peer: PeerLink | undefined;
  #shown: readonly ShownVideo[] = [];
  #tallest = Infinity;
  #original = false;
  readonly #encodes = known(RTCRtpSender.getCapabilities("video")?.codecs ?? []);
  #codec = new CodecChoice(this.#encodes[0] ?? "vp8");
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

  async limitCamera(tallest: number): Promise<void> {
    this.#tallest = tallest;
    await this.#peer?.limitCamera(tallest);
  }

  show(videos: readonly ShownVideo[]): void {
    this.#shown = videos;
    this.plan();
  }

  async stats(): Promise<LinkStats> {
    return this.#stats.read(await this.#report(), performance.now());
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

  /** What the session has to know of how well the others are heard. */
  async #listen(): Promise<void> {
    const report = await this.#report();
    const session = this.#session();
    if (session === undefined || this.#listening === undefined) return;
    this.#chooseCodec(session);
    const listening = this.#hearing.look(report, session, (mid) => this.#slots.get(mid), performance.now());
    this.#feed({ type: "listening", listening });
  }

  /** Sends pictures in the best codec that all of the others decode. */
  #chooseCodec(session: SessionState): void {
    if (session.room === undefined) return;
    const codec = this.#codec.update(this.#encodes, session.room, session.you, performance.now());
    if (codec !== undefined) void this.#peer?.setCodec(codec);
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
    this.#peer?.close();
    this.#peer = undefined;
    this.#slots.clear();
    this.pictures.place(() => undefined);
    this.sounds.play(new Map());
    this.setSilent(false);
  }

  newPeer(generation: number): void {
    const slots = this.#peer?.slotCount ?? FIRST_SLOTS;
    this.#peer?.close();
    this.#slots.clear();
    this.#stats = new StatsReader();
    this.#streams = new StreamReader();
    const current = (then: () => void) => () => {
      if (this.#peer === peer) then();
    };
    const peer: PeerLink = new PeerLink(generation, slots, {
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
    await peer.limitCamera(this.#tallest);
    await peer.setOriginal(this.#original);
    await peer.setCodec(this.#codec.current);
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
      this.#feed({ type: "view", slots: plan.slots });
      this.#hang(peer, plan.placed);
      const have = peer.slotCount;
      // Slots that were offered but not answered yet count as coming.
      const coming = { audio: have.audio - mids.audio.length, video: have.video - mids.video.length };
      peer.needSlots(
        slotTarget(have.audio + Math.max(0, plan.missing.audio - coming.audio), have.audio, MOST_SLOTS),
        slotTarget(have.video + Math.max(0, plan.missing.video - coming.video), have.video, MOST_SLOTS),
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
      .slice(0, MOST_SLOTS)
      .map((w) => w.track);
  }

  #others(): Participant[] {
    const state = this.#session();
    return (state?.room?.participants ?? []).filter((p) => p.id !== state?.you);
  }
}
