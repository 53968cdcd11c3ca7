// The port of a browser guest: the session machine with a WebSocket and an RTCPeerConnection around it. Rules are in
// ../session, slots in ../state/slots; here is only what moves bytes, tracks and elements.

import { liveInstead } from "../session/face";
import type { Audience } from "../generated/protocol";
import type { PlainRequest } from "../session/face";
import { Session, type Action, type Input, type Notice, type Output } from "../session/session";
import { createAccounts } from "./guest/accounts";
import { createMeeting, meetingInfo, meetingReport } from "./guest/api";
import { createBoard } from "./guest/board";
import { createCheck } from "./guest/check";
import { createFiles } from "./guest/files";
import { createSchedule } from "./guest/schedule";
import { Awake } from "./guest/awake";
import { canHaveBackground } from "./guest/background/can";
import { known } from "./guest/codecs";
import { LocalDevices } from "./guest/devices";
import { Media } from "./guest/media";
import { Mirror } from "./guest/outlets";
import { placeOf } from "./guest/place";
import { NOBODY, RoomView } from "./guest/room";
import { keepSeat, readSeat } from "./guest/seat";
import { BrowserWindow } from "./guest/window";
import { browserName, hostAction, parseMessage, randomId } from "./guest/words";
import type {
  Abilities, Background, CreateMeeting, DataSaving, DeviceKind, EndReason, FilesPort, HostAction, JoinRequest, Place, PopOutHost, Port, PortEvent, PortState, Processing, Reaction, Result,
  SameRoomChoice, ScreenChoice, ScreenMode, SharedFile, ShownVideo, Source, TrackId,
} from "./port";

/** Nobody waits longer than this for a first answer of the server, milliseconds. */
const FIRST_JOIN_MS = 20_000;

export function createGuestPort(): Port {
  return new GuestPort();
}

class GuestPort implements Port {
  readonly kind = "guest";
  readonly #listeners = new Set<(state: PortState) => void>();
  readonly #eventListeners = new Set<(event: PortEvent) => void>();
  readonly #devices = new LocalDevices({
    changed: () => this.#publish(),
    track: (source, track) => this.#onLocalTrack(source, track),
    tell: (event) => this.#tell(event),
  });
  readonly #window = new BrowserWindow((event) => this.#tell(event));
  readonly place: Place = placeOf(location.pathname, location.origin);
  readonly accounts = createAccounts();
  readonly schedule = createSchedule();
  readonly check = createCheck();
  readonly board = createBoard(() => this.#request?.meeting);
  readonly can: Abilities = {
    screenPicker: false, popOut: this.#window.canPopOut, fullScreen: this.#window.canFullScreen, processing: true, strongNoise: false, background: canHaveBackground(), speakerLevel: false, lead: true,
  };
  readonly #mirror = new Mirror();
  readonly #screenMirror = new Mirror();
  readonly #media = new Media(this.#devices, (input) => this.#feed(input), () => this.#session?.state);
  readonly #view = new RoomView();
  readonly #awake = new Awake();
  #session: Session | undefined;
  /** The microphone is open only because a key is held. */
  #borrowed = false;
  #request: JoinRequest | undefined;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #wasIn = false;
  #unreachable = false;
  /** Whose mutes the server was last told. */
  #toldAs: number | undefined;
  #draining = false;
  #state: PortState = this.#read();

  subscribe(listener: (state: PortState) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#state);
    return () => this.#listeners.delete(listener);
  }

  onEvent(listener: (event: PortEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  meetingInfo = meetingInfo;
  createMeeting = (request: CreateMeeting) => createMeeting(request);

  // ── In and out ────────────────────────────────────────────────────────────────────────────────────────────────

  canResume(meeting: string): boolean {
    return readSeat(meeting) !== undefined;
  }

  join(request: JoinRequest): void {
    const seat = readSeat(request.meeting);
    // A name is needed even for a kept seat: the seat may be gone, and then one joins anew.
    const name = request.name || seat?.name || "?";
    this.#request = { ...request, name };
    this.#wasIn = false;
    this.#toldAs = undefined;
    this.#unreachable = false;
    this.#devices.keepMicrophone = true;
    this.#session = new Session({
      meeting: request.meeting, name, client: "browser", agent: `confab-ui ${browserName()}`,
      decodes: known(RTCRtpReceiver.getCapabilities("video")?.codecs ?? []),
      jitter: Math.floor(Math.random() * 1000),
      ...(request.hostKey !== undefined && { host_key: request.hostKey }),
      ...(request.passcode !== undefined && { passcode: request.passcode }),
      ...(seat !== undefined && { seat: { participant: seat.participant, token: seat.token } }),
    });
    this.#patience = setTimeout(() => this.#giveUp(), FIRST_JOIN_MS);
    this.#feed({ type: "start" });
    for (const source of ["microphone", "camera"] as const) this.#sayMute(source);
  }

  leave(): void {
    this.#act({ type: "leave" });
  }

  // ── What the person does ──────────────────────────────────────────────────────────────────────────────────────

  setMicrophone = (on: boolean) => ((this.#borrowed = false), this.#devices.set("microphone", on));
  setCamera = (on: boolean) => this.#devices.set("camera", on);
  refreshDevices = () => this.#devices.refresh();
  setProcessing = async (processing: Processing) => {
    await Promise.all([this.#devices.setProcessing(processing), this.#media.setOriginal(processing.originalSound)]);
  };
  setBackground = (background: Background) => this.#devices.setBackground(background);
  setDataSaver = (saving: DataSaving) => void this.#media.save(saving);
  /** The browser asks by itself. */
  screenSources = async () => [];
  startScreen = (choice: ScreenChoice = { audio: true, mode: "text" }) => this.#devices.screen.start(choice);
  pauseScreen = (on: boolean) => this.#devices.screen.pause(on);
  setScreenMode = async (mode: ScreenMode) => this.#devices.screen.setMode(mode);
  stopScreen = () => this.#devices.screen.stop();
  levels = () => ({ microphone: this.#devices.level(), speaker: 0 });
  testSpeaker = async () => void (await this.#media.sounds.test());
  recordTest = (seconds: number) => this.#devices.record(seconds);
  playTest = async () => void (await this.#devices.rehearsal.play(await this.#media.sounds.apart()));
  allowSound = () => this.#media.sounds.allow();

  async talk(on: boolean): Promise<void> {
    if (on === this.#borrowed || (on && this.#state.local.microphone.on)) return;
    this.#borrowed = on;
    await this.#devices.set("microphone", on);
    // Let go while the device was still opening: the last word counts.
    if (on && !this.#borrowed) await this.#devices.set("microphone", false);
  }

  async chooseDevice(kind: DeviceKind, id: string | undefined): Promise<void> {
    await this.#devices.choose(kind, id);
    if (kind === "speaker") await this.#media.sounds.setSpeaker(id);
  }

  sendChat(text: string, to?: Audience, files: SharedFile[] = []): void {
    this.#act({ type: "chat", text, client_id: randomId(), ...(to !== undefined && { to }), ...(files.length > 0 && { files }) });
  }

  raiseHand(raised: boolean): void {
    this.#act({ type: "hand", raised });
  }

  react(reaction: Reaction): void {
    this.#act({ type: "reaction", reaction });
  }

  rename(name: string): void {
    this.#act({ type: "rename", name });
  }

  sameRoom(choice: SameRoomChoice): void {
    this.#act({ type: "same_room", choice });
  }

  host(action: HostAction): void {
    this.#act(hostAction(action));
  }

  readonly files: FilesPort = createFiles(() => {
    const seat = this.#session?.seat;
    return seat === undefined || this.#request === undefined ? undefined : { meeting: this.#request.meeting, ...seat };
  });

  report = async (): Promise<Result<Blob>> => {
    const seat = this.#session?.seat;
    if (seat === undefined || this.#request === undefined) return { ok: false, code: "not_found" };
    return meetingReport(this.#request.meeting, seat);
  };

  ask(request: PlainRequest): void {
    this.#act(request);
  }

  // ── Pictures ──────────────────────────────────────────────────────────────────────────────────────────────────

  ownCamera = () => this.#mirror.surface();
  ownScreen = () => this.#screenMirror.surface();
  video = (track: TrackId) => this.#media.pictures.surface(track);
  show = (videos: readonly ShownVideo[]) => this.#media.show(videos);
  linkStats = () => this.#media.stats();
  streamStats = () => this.#media.streams();
  setFullScreen = (on: boolean) => this.#window.setFullScreen(on);

  async popOut(what: TrackId | "speaker" | undefined): Promise<PopOutHost> {
    if (what !== undefined) return this.#window.popOut(() => this.#media.pictures.element(what === "speaker" ? undefined : what));
    await this.#window.close();
    return { kind: "apart" };
  }

  // ── The session and its effects ───────────────────────────────────────────────────────────────────────────────

  #act(action: Action): void {
    this.#feed({ type: "act", action });
  }

  #feed(input: Input): void {
    this.#session?.handle(input, performance.now());
    this.#drain();
  }

  /** Carries out every effect. What an effect feeds back is drained by the loop already running. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let output = this.#session?.poll(); output !== undefined; output = this.#session?.poll()) this.#carryOut(output);
    } finally {
      this.#draining = false;
    }
    clearTimeout(this.#timer);
    const wake = this.#session?.nextWakeup();
    if (wake !== undefined) this.#timer = setTimeout(() => this.#feed({ type: "timeout" }), Math.max(0, wake - performance.now()));
  }

  #carryOut(output: Output): void {
    switch (output.type) {
      case "open_socket":
        return this.#openSocket();
      case "close_socket":
        return this.#dropSocket();
      case "send":
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(output.message));
        return;
      case "new_peer":
        return this.#media.newPeer(output.generation, this.#session?.iceServers ?? []);
      case "answer":
        return this.#media.accept(output.generation, output.sdp);
      case "changed":
        return this.#onChanged();
      case "event":
        if (output.event.event.type === "reacted") this.#tell({ type: "reaction", participant: output.event.event.participant, reaction: output.event.event.reaction });
        return;
      case "notice":
        return this.#onNotice(output.notice);
      case "ended":
        return this.#onEnded();
    }
  }

  #openSocket(): void {
    this.#dropSocket();
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.#socket = socket;
    const mine = (then: () => void) => () => this.#socket === socket && then();
    socket.addEventListener("open", mine(() => this.#feed({ type: "socket_opened" })));
    socket.addEventListener("close", mine(() => this.#feed({ type: "socket_closed" })));
    socket.addEventListener("message", (event) => {
      const message = this.#socket === socket ? parseMessage(event.data) : undefined;
      if (message !== undefined) this.#feed({ type: "received", message });
    });
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #onChanged(): void {
    const session = this.#session;
    if (session === undefined) return;
    if (session.state.phase.type === "joined" && !this.#wasIn) {
      this.#wasIn = true;
      void this.#awake.hold();
      clearTimeout(this.#patience);
    }
    // However long one waits for a host, the server did answer.
    if (session.state.phase.type === "waiting") clearTimeout(this.#patience);
    if (session.seat !== undefined && this.#request !== undefined) keepSeat(this.#request.meeting, { ...session.seat, name: this.#request.name });
    if (session.state.phase.type === "joined") this.#agreeOnMutes(session);
    this.#media.setSilent(liveInstead(session.state) !== undefined);
    this.#media.plan();
    this.#publish();
  }

  #onNotice(notice: Notice): void {
    // The room was left meanwhile, which is what was wanted.
    if (notice.type === "failed" && notice.action.type === "same_room") return;
    if (notice.type === "failed") return this.#tell({ type: "refused", code: notice.code });
    if (notice.type === "not_connected") return this.#tell({ type: "refused", code: "going_away" });
    if (notice.type === "offer_failed") {
      // The session tries again by itself; only a description that cannot work is worth a word.
      if (notice.code === "bad_sdp") this.#tell({ type: "refused", code: notice.code });
      return;
    }
    if (notice.type === "reacted") return this.#tell({ type: "reaction", participant: notice.participant, reaction: notice.reaction });
    if (notice.type === "asked_to_unmute") return this.#tell({ type: "asked_to_unmute", source: notice.source, by: notice.by });
    this.#tell({ type: "muted_by_host", source: notice.source, by: notice.by });
    if (notice.source === "microphone" || notice.source === "camera") void this.#devices.set(notice.source, false);
    else this.#devices.screen.stop();
  }

  #onEnded(): void {
    clearTimeout(this.#patience);
    clearTimeout(this.#timer);
    this.#awake.release();
    this.#media.close();
    this.#devices.close();
    if (this.#request !== undefined) keepSeat(this.#request.meeting, undefined);
    this.#publish();
  }

  #giveUp(): void {
    this.#unreachable = true;
    this.#act({ type: "leave" });
  }

  // ── Own devices ───────────────────────────────────────────────────────────────────────────────────────────────

  #onLocalTrack(source: Source, track: MediaStreamTrack | null): void {
    if (source === "camera") this.#mirror.setTrack(track);
    if (source === "screen") this.#screenMirror.setTrack(track);
    if (source === "microphone" || source === "camera") this.#sayMute(source);
    else if (track === null) this.#act({ type: "unpublish", source });
    void this.#media.setTrack(source, track);
  }

  /** Tells the session whether a source is muted, where that differs from what it knows. */
  #sayMute(source: "microphone" | "camera"): void {
    const muted = !this.#devices.state[source].on || this.#devices.track(source) === null;
    if (this.#session !== undefined && this.#session.state.own.muted.includes(source) !== muted) this.#act({ type: "mute", source, muted });
  }

  /**
   * A new seat starts muted, and hears what is on. In a seat one has, a mute that did not come from here is the server's
   * word (a host's, or a refusal): the device goes off, it does not argue.
   */
  #agreeOnMutes(session: Session): void {
    const { you, own } = session.state;
    const newSeat = you !== this.#toldAs;
    this.#toldAs = you;
    for (const source of ["microphone", "camera"] as const) {
      const sending = this.#devices.state[source].on && this.#devices.track(source) !== null;
      if (!sending || !own.muted.includes(source)) continue;
      if (newSeat) this.#sayMute(source);
      else void this.#devices.set(source, false);
    }
  }

  // ── Telling the views ─────────────────────────────────────────────────────────────────────────────────────────

  #read(): PortState {
    const state = this.#view.read(this.#session?.state ?? NOBODY, this.#devices.state, this.#wasIn, Date.now(), performance.now());
    return this.#unreachable && state.phase === "ended" ? { ...state, ended: "unreachable" satisfies EndReason } : state;
  }

  #publish(): void {
    this.#state = this.#read();
    for (const listener of this.#listeners) listener(this.#state);
  }

  #tell(event: PortEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }
}
