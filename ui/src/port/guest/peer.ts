// One generation: one RTCPeerConnection. We always offer; the server answers. Own sources have fixed sending m-lines,
// the pictures and sounds of others arrive in receive slots that the server points at tracks.

import type { IceServer, Publish, VideoCodec } from "../../generated/protocol";
import type { Source } from "../port";
import { shareCap } from "./cap";
import { CAMERA_LAYERS, cameraLayers, EXTENSIONS, known, named, preferAudio, preferVideo, SCREEN_BITRATE, SCREEN_FRAME_RATE, VOICE_BITRATE } from "./codecs";
import { hearsStereo, ORIGINAL_BITRATE, takesMusic } from "./stereo";

export interface PeerEvents {
  offer(sdp: string, publish: Publish[]): void;
  /** The offered slots are answered and can be used. */
  ready(): void;
  connected(): void;
  failed(): void;
}

/** How long ICE may be silent before a new connection is made. It often comes back by itself sooner. Milliseconds. */
const DISCONNECT_GRACE_MS = 2000;

export class PeerLink {
  readonly generation: number;
  readonly #pc: RTCPeerConnection;
  readonly #events: PeerEvents;
  readonly #sends = new Map<Source, RTCRtpTransceiver>();
  readonly #slots: Record<"audio" | "video", RTCRtpTransceiver[]> = { audio: [], video: [] };
  #streams = new Map<string, MediaStream>();
  #ladder = cameraLayers(1280, 720);
  /** No camera layer taller than this is sent. */
  #tallest = Infinity;
  /** The most that is sent, everything together, bits per second. */
  #cap: number | undefined;
  /** The microphone is sent as original sound. */
  #original = false;
  /** What the pictures of a source are sent in; of those that are missing: the best of this browser. */
  readonly #codecs = new Map<Source, VideoCodec>();
  /** Layers somebody could be sent, by source. */
  readonly #wanted = new Map<Source, readonly number[] | undefined>();
  /** Whether the first offer was made. */
  #begun = false;
  #negotiating = false;
  #again = false;
  #closed = false;
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(generation: number, slots: { audio: number; video: number }, iceServers: readonly IceServer[], events: PeerEvents) {
    this.generation = generation;
    this.#pc = connection(iceServers);
    this.#events = events;
    this.#pc.addEventListener("connectionstatechange", () => this.#onConnection());
    this.#sends.set("microphone", this.#pc.addTransceiver("audio", { direction: "sendonly", sendEncodings: [{ maxBitrate: VOICE_BITRATE }] }));
    this.#sends.set("camera", this.#pc.addTransceiver("video", {
      direction: "sendonly",
      sendEncodings: CAMERA_LAYERS.map(({ rid, max_bitrate, scale }) => ({ rid, maxBitrate: max_bitrate, scaleResolutionDownBy: scale })),
    }));
    for (const transceiver of this.#sends.values()) narrow(transceiver, "send");
    this.#grow("audio", slots.audio);
    this.#grow("video", slots.video);
  }

  /** Mids of the slots the server knows of. */
  get mids(): { audio: string[]; video: string[] } {
    const known = (list: RTCRtpTransceiver[]) => list.flatMap((t) => (t.mid !== null && t.currentDirection !== null && t.currentDirection !== "stopped" ? [t.mid] : []));
    return { audio: known(this.#slots.audio), video: known(this.#slots.video) };
  }

  get slotCount(): { audio: number; video: number } {
    return { audio: this.#slots.audio.length, video: this.#slots.video.length };
  }

  /** What arrives in a slot. The same object for the slot's life. */
  stream(mid: string): MediaStream | undefined {
    const known = this.#streams.get(mid);
    if (known !== undefined) return known;
    const transceiver = [...this.#slots.audio, ...this.#slots.video].find((t) => t.mid === mid);
    if (transceiver === undefined) return undefined;
    const stream = new MediaStream([transceiver.receiver.track]);
    this.#streams.set(mid, stream);
    return stream;
  }

  /** Sends a track in place of what was sent before; null sends nothing. */
  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (this.#closed) return;
    if (source === "screen" || source === "screen_audio") return this.#setScreen(source, track);
    const sender = this.#sends.get(source)?.sender;
    await sender?.replaceTrack(track);
    if (source === "camera" && track !== null && sender !== undefined) await this.#fitLadder(sender, track);
    if (source === "camera") await this.#applyCap();
  }

  /** Sends the microphone as original sound, or as a voice, from the next answer on. */
  async setOriginal(original: boolean): Promise<void> {
    if (this.#original === original || this.#closed) return;
    this.#original = original;
    const sender = this.#sends.get("microphone")?.sender;
    const parameters = sender?.getParameters();
    for (const encoding of parameters?.encodings ?? []) encoding.maxBitrate = original ? ORIGINAL_BITRATE : VOICE_BITRATE;
    try {
      if (parameters !== undefined) await sender?.setParameters(parameters);
    } catch {
      // It stays at the rate it has.
    }
    await this.#applyCap();
    if (this.#begun) await this.negotiate();
  }

  /** Codes only these layers of a source; undefined: all there are. */
  async setWanted(source: "camera" | "screen", layers: readonly number[] | undefined): Promise<void> {
    const same = String(this.#wanted.get(source)) === String(layers);
    this.#wanted.set(source, layers);
    const sender = this.#sends.get(source)?.sender;
    if (sender === undefined || this.#closed) return;
    // A limit is shared over those that are wanted.
    if (this.#cap !== undefined) return same ? undefined : this.#applyCap();
    const parameters = sender.getParameters();
    const active = parameters.encodings.map((_, i) => this.#isActive(source, i));
    if (parameters.encodings.every((encoding, i) => encoding.active === active[i])) return;
    for (const [i, encoding] of parameters.encodings.entries()) encoding.active = active[i] ?? true;
    try {
      await sender.setParameters(parameters);
    } catch {
      // More is sent than somebody needs.
    }
  }

  #isActive(source: "camera" | "screen", layer: number): boolean {
    const wanted = this.#wanted.get(source)?.includes(layer) ?? true;
    return wanted && (source === "screen" || layer < this.#ladder.length);
  }

  /** Sends the pictures of a source in this codec, from now on. */
  async setCodec(source: "camera" | "screen", codec: VideoCodec): Promise<void> {
    if (this.#closed || this.#codecs.get(source) === codec) return;
    this.#codecs.set(source, codec);
    const transceiver = this.#sends.get(source);
    const offers = transceiver !== undefined && (await sendIn(transceiver, codec));
    if (offers && this.#begun && !this.#closed) await this.negotiate();
  }

  /** Leaves out the camera's layers above this height, from now on. */
  async limitCamera(tallest: number): Promise<void> {
    if (this.#tallest === tallest) return;
    this.#tallest = tallest;
    const sender = this.#sends.get("camera")?.sender;
    if (sender?.track) await this.#fitLadder(sender, sender.track);
  }

  /** Sends no more than this from now on, bits per second; undefined: what the link carries. */
  async setCap(cap: number | undefined): Promise<void> {
    if (this.#cap === cap || this.#closed) return;
    const before = this.#cap;
    this.#cap = cap;
    if (cap !== undefined || before !== undefined) await this.#applyCap(true);
  }

  /** Shares the limit over what is sent now. `always`: also where there is none any more. */
  async #applyCap(always = false): Promise<void> {
    if (this.#cap === undefined && !always) return;
    const sends = (source: Source) => this.#sends.get(source)?.sender;
    const sounds = [this.#original ? ORIGINAL_BITRATE : VOICE_BITRATE, ...(sends("screen_audio")?.track ? [VOICE_BITRATE * 2] : [])];
    const camera = this.#ladder.map(({ max_bitrate: max }, layer) => ({ source: "camera" as const, max, layer }));
    const ladder = [...camera, { source: "screen" as const, max: SCREEN_BITRATE, layer: 0 }];
    const all = ladder.filter(({ source, layer }) => sends(source)?.track && this.#isActive(source, layer));
    const rates = this.#cap === undefined ? all.map((s) => s.max) : shareCap(this.#cap, sounds, all);
    for (const source of ["camera", "screen"] as const) {
      const sender = sends(source);
      const own = new Map(all.flatMap((s, i) => (s.source === source ? [[s.layer, rates[i] ?? 0] as const] : [])));
      if (sender?.track) await spend(sender, own);
    }
  }

  /** A small camera has fewer layers: says so to the encoder and, where that is new, to the server. */
  async #fitLadder(sender: RTCRtpSender, track: MediaStreamTrack): Promise<void> {
    const { width = 1280, height = 720 } = track.getSettings();
    const all = cameraLayers(width, height);
    const fitting = all.filter((layer) => layer.height <= this.#tallest);
    const layers = fitting.length > 0 ? fitting : all.slice(0, 1);
    const same = layers.length === this.#ladder.length && layers.every((l, i) => l.height === this.#ladder[i]?.height);
    if (same || width === 0 || height === 0) return;
    this.#ladder = layers;
    const parameters = sender.getParameters();
    for (const [i, encoding] of parameters.encodings.entries()) {
      encoding.active = this.#isActive("camera", i);
      encoding.scaleResolutionDownBy = all[i]?.scale ?? 1;
    }
    try {
      await sender.setParameters(parameters);
    } catch {
      // The encoder keeps the ladder it has; the layers told below are then only nominal.
    }
    await this.#applyCap();
    if (!this.#closed && this.#pc.signalingState !== "closed" && this.#begun) await this.negotiate();
  }

  /** Makes sure there are so many slots; the server hears of new ones by the next offer. */
  needSlots(audio: number, video: number): void {
    const before = this.slotCount;
    this.#grow("audio", audio - before.audio);
    this.#grow("video", video - before.video);
    if (audio > before.audio || video > before.video) void this.negotiate();
  }

  /** Offers. While an answer is awaited, the next offer waits for it. */
  async negotiate(): Promise<void> {
    if (this.#negotiating) {
      this.#again = true;
      return;
    }
    this.#negotiating = true;
    this.#begun = true;
    this.#again = false;
    try {
      const offer = await this.#pc.createOffer();
      await this.#pc.setLocalDescription({ type: "offer", sdp: hearsStereo(offer.sdp ?? "") });
      if (!this.#closed) this.#events.offer(this.#pc.localDescription?.sdp ?? "", this.#publish());
    } catch {
      this.#fail();
    }
  }

  async accept(sdp: string): Promise<void> {
    try {
      await this.#pc.setRemoteDescription({ type: "answer", sdp: takesMusic(sdp, this.#original) });
    } catch {
      this.#fail();
      return;
    }
    this.#negotiating = false;
    if (this.#closed) return;
    this.#events.ready();
    if (this.#again) void this.negotiate();
  }

  /** What the sending m-line of this mid carries. */
  sourceOf(mid: string): { source: Source } | undefined {
    for (const [source, transceiver] of this.#sends) if (transceiver.mid === mid && transceiver.direction !== "inactive") return { source };
    return undefined;
  }

  /** Slots by mid that shall wait at least so many milliseconds; 0: as the browser likes. */
  wait(slots: ReadonlyMap<string, number>): void {
    for (const { mid, receiver } of [...this.#slots.audio, ...this.#slots.video]) {
      const able = receiver as RTCRtpReceiver & { jitterBufferTarget?: number | null };
      const wanted = slots.get(mid ?? "") || null;
      // Older browsers have no such property, and wait as they like.
      if (able.jitterBufferTarget !== undefined && able.jitterBufferTarget !== wanted) able.jitterBufferTarget = wanted;
    }
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#pc.getStats();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#grace);
    this.#pc.close();
  }

  #grow(kind: "audio" | "video", by: number): void {
    for (let n = 0; n < by; n++) {
      const transceiver = this.#pc.addTransceiver(kind, { direction: "recvonly" });
      narrow(transceiver, "receive");
      this.#slots[kind].push(transceiver);
    }
  }

  /** A screen has an m-line only once somebody shares, and keeps it for the next time. */
  async #setScreen(source: Source, track: MediaStreamTrack | null): Promise<void> {
    const known = this.#sends.get(source);
    if (known === undefined) {
      if (track === null) return;
      const encoding = source === "screen" ? { maxBitrate: SCREEN_BITRATE, maxFramerate: SCREEN_FRAME_RATE } : { maxBitrate: VOICE_BITRATE * 2 };
      const made = this.#pc.addTransceiver(track, { direction: "sendonly", sendEncodings: [encoding] });
      narrow(made, "send");
      const codec = this.#codecs.get(source);
      if (codec !== undefined) await sendIn(made, codec);
      this.#sends.set(source, made);
    } else {
      await known.sender.replaceTrack(track);
      known.direction = track === null ? "inactive" : "sendonly";
    }
    await this.#applyCap();
    await this.negotiate();
  }

  #publish(): Publish[] {
    const all: Publish[] = [];
    for (const [source, transceiver] of this.#sends) {
      if (transceiver.mid === null || transceiver.direction === "inactive") continue;
      all.push({ mid: transceiver.mid, source, layers: this.#layersOf(source, transceiver) });
    }
    return all;
  }

  #layersOf(source: Source, transceiver: RTCRtpTransceiver): Publish["layers"] {
    if (source === "camera") return this.#ladder.map(({ rid, width, height, max_bitrate }) => ({ rid, width, height, max_bitrate }));
    if (source !== "screen") return [];
    const { width = 1920, height = 1080 } = transceiver.sender.track?.getSettings() ?? {};
    return [{ rid: "", width: Math.round(width), height: Math.round(height), max_bitrate: SCREEN_BITRATE }];
  }

  #onConnection(): void {
    clearTimeout(this.#grace);
    const state = this.#pc.connectionState;
    if (state === "connected") this.#events.connected();
    else if (state === "failed") this.#fail();
    else if (state === "disconnected") this.#grace = setTimeout(() => this.#fail(), DISCONNECT_GRACE_MS);
  }

  #fail(): void {
    if (this.#closed) return;
    this.#events.failed();
  }
}

/** The relays are a way more: a browser that does not like what they are called still has the others. */
function connection(iceServers: readonly IceServer[]): RTCPeerConnection {
  const bundlePolicy = "max-bundle";
  try {
    return new RTCPeerConnection({ bundlePolicy, iceServers: [...iceServers] });
  } catch {
    return new RTCPeerConnection({ bundlePolicy });
  }
}

/** Gives a sender's encodings these rates, bits per second, by layer; 0 and those that are not named: not sent. */
async function spend(sender: RTCRtpSender, rates: ReadonlyMap<number, number>): Promise<void> {
  const parameters = sender.getParameters();
  for (const [i, encoding] of parameters.encodings.entries()) {
    const rate = rates.get(i) ?? 0;
    encoding.active = rate > 0;
    if (rate > 0) encoding.maxBitrate = rate;
  }
  try {
    await sender.setParameters(parameters);
  } catch {
    // It goes on as before; the browser's own estimate still holds.
  }
}

/** Leaves codecs and header extensions out of the offer that nobody here uses. Where a browser cannot choose, its own
 * list works too: the server picks from it. */
function narrow(transceiver: RTCRtpTransceiver, way: "send" | "receive"): void {
  const kind = transceiver.receiver.track.kind as "audio" | "video";
  const all = (way === "send" ? RTCRtpSender : RTCRtpReceiver).getCapabilities(kind)?.codecs ?? [];
  const codecs = kind === "video" ? preferVideo(all) : preferAudio(all);
  try {
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
    const able = transceiver as RTCRtpTransceiver & ChoosesExtensions;
    const extensions = able.getHeaderExtensionsToNegotiate?.() ?? [];
    able.setHeaderExtensionsToNegotiate?.(extensions.map((e) => (EXTENSIONS.includes(e.uri) ? e : { ...e, direction: "stopped" })));
  } catch {
    // An older browser refuses a list it has not made itself.
  }
}

/**
 * Goes over to another codec: at once where the browser has a word for it, else by leaving the others out of the offer. Whether
 * the latter was done, so that an offer is needed.
 */
async function sendIn(transceiver: RTCRtpTransceiver, codec: VideoCodec): Promise<boolean> {
  const able = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const isBest = known(able)[0] === codec;
  const { sender } = transceiver;
  // A line nobody has touched is sent in the best.
  if (isBest && !touched.has(transceiver)) return false;
  touched.add(transceiver);
  if (!narrowed.has(transceiver)) {
    const parameters: Parameters = sender.getParameters();
    // Chromium takes a codec away that is not named any more only when another one is.
    const [wanted] = named<CodecName>(parameters.codecs.length > 0 ? parameters.codecs : able, codec);
    for (const encoding of parameters.encodings) if (wanted !== undefined) encoding.codec = wanted;
    try {
      await sender.setParameters(parameters);
      const { encodings }: Parameters = sender.getParameters();
      if (encodings[0]?.codec?.mimeType.toLowerCase() === `video/${codec}`) return false;
    } catch {
      // This browser has no codecs of encodings.
    }
  }
  const resend = able.filter((c) => c.mimeType.toLowerCase() === "video/rtx");
  try {
    transceiver.setCodecPreferences(isBest ? preferVideo(able) : [...named(able, codec), ...resend]);
  } catch {
    return false;
  }
  narrowed.add(transceiver);
  return true;
}

/** Lines that were told a codec, and those of them by an offer that has no other. */
const touched = new WeakSet<RTCRtpTransceiver>();
const narrowed = new WeakSet<RTCRtpTransceiver>();

type Parameters = RTCRtpSendParameters & { encodings: (RTCRtpEncodingParameters & { codec?: CodecName })[] };

/** What an encoding says of its codec, in newer browsers. */
type CodecName = Pick<RTCRtpCodec, "mimeType" | "clockRate" | "sdpFmtpLine">;

/** A part of WebRTC extensions that TypeScript does not know yet. */
interface ChoosesExtensions {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: string }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: string }[]): void;
}
