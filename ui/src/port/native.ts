// The port of the desktop app. The participant lives in the shell (confab_client::desk); here its words are only carried, and
// its pictures drawn.

import type { AppEvent } from "../generated/app";
import type { DeskCommand, DeskEvent } from "../generated/desk";
import { NativeApp, ShellLink } from "./native/app";
import { type Host, shellHost } from "./native/host";
import { LevelWatch } from "./native/levels";
import { DeskLink } from "./native/link";
import { OWN_CAMERA, OWN_SCREEN, type Pictures, connectPictures } from "./native/pictures";
import type {
  Abilities, AppPort, Code, CreateMeeting, DeviceKind, DeviceProblem, HostAction, JoinRequest, LinkStats, MeetingCreated, MeetingInfo, Place,
  PopOutHost, Port, PortEvent, PortState, Processing, Reaction, Result, ScreenChoice, ScreenMode, ScreenSource, ShownVideo, StreamStats, TrackId,
  VideoSurface,
} from "./port";

const UNKNOWN: LinkStats = { rttMs: -1, sendKbps: -1, receiveKbps: -1, loss: -1, transport: "" };

/** Ready when the window's place and the participant's state are there. */
export async function createNativePort(host: Host = shellHost(), connect: typeof connectPictures = connectPictures): Promise<Port> {
  const shell = new ShellLink(host);
  const place = await shell.ask("place", { type: "place" }, (reply): Place => reply.place);
  const port = new NativePort(host, shell, place.ok ? place.value : { kind: "nowhere" });
  await port.open(connect);
  return port;
}

class NativePort implements Port {
  readonly kind = "native";
  readonly place: Place;
  readonly can: Abilities = { screenPicker: true, popOut: true, fullScreen: true, processing: true, speakerLevel: true };
  readonly app: AppPort;
  readonly #app: NativeApp;
  readonly #shell: ShellLink;
  readonly #desk: DeskLink;
  readonly #levels = new LevelWatch(() => void this.#desk.tell({ type: "watch_levels" }));
  readonly #listeners = new Set<(state: PortState) => void>();
  readonly #eventListeners = new Set<(event: PortEvent) => void>();
  #pictures: Pictures | undefined;

  constructor(host: Host, shell: ShellLink, place: Place) {
    this.place = place;
    this.#shell = shell;
    this.#app = this.app = new NativeApp(shell);
    this.#desk = new DeskLink(host, {
      changed: (state) => this.#listeners.forEach((listener) => listener(state)),
      event: (event) => this.#onDeskEvent(event),
    });
  }

  async open(connect: typeof connectPictures): Promise<void> {
    await this.#shell.onEvent((event) => this.#onAppEvent(event));
    if (this.place.kind === "home" || this.place.kind === "nowhere") return;
    await this.#desk.open();
    const bus = this.#desk.bus;
    if (bus !== undefined) this.#pictures = connect({ url: bus.url, token: bus.token });
  }

  subscribe(listener: (state: PortState) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#desk.state);
    return () => this.#listeners.delete(listener);
  }

  onEvent(listener: (event: PortEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  async meetingInfo(): Promise<Result<MeetingInfo>> {
    const reply = await this.#desk.ask("meeting", { type: "meeting_info" });
    if (reply?.type === "meeting") return { ok: true, value: reply.info };
    return { ok: false, code: reply === undefined || reply.code === "closed" ? "unreachable" : reply.code };
  }

  async createMeeting(request: CreateMeeting): Promise<Result<MeetingCreated>> {
    const answer = await this.#shell.ask("created", { type: "create_meeting", request }, (reply) => reply.created);
    return answer.ok ? answer : { ok: false, code: answer.code as Code | "unreachable" };
  }

  /** The participant outlives the page: a page loaded anew finds it where it was. */
  canResume = () => false;
  join = ({ name, hostKey }: JoinRequest) => this.#do({ type: "join", name, ...(hostKey !== undefined && { hostKey }) });
  leave = () => this.#do({ type: "leave" });

  setMicrophone = (on: boolean) => this.#desk.tell({ type: "set_microphone", on });
  setCamera = (on: boolean) => this.#desk.tell({ type: "set_camera", on });
  refreshDevices = () => this.#desk.tell({ type: "refresh_devices" });
  setProcessing = (processing: Processing) => this.#desk.tell({ type: "set_processing", processing });
  setDataSaver = (on: boolean) => this.#do({ type: "set_data_saver", on });
  startScreen = ({ id, audio, mode }: ScreenChoice = { audio: false, mode: "text" }) =>
    this.#desk.tell({ type: "start_screen", audio, mode, ...(id !== undefined && { id }) });
  pauseScreen = (on: boolean) => this.#desk.tell({ type: "pause_screen", on });
  setScreenMode = (mode: ScreenMode) => this.#desk.tell({ type: "set_screen_mode", mode });
  stopScreen = () => this.#do({ type: "stop_screen" });
  chooseDevice = (kind: DeviceKind, id: string | undefined) => this.#desk.tell({ type: "choose_device", kind, ...(id !== undefined && { id }) });
  levels = () => this.#levels.read();
  testSpeaker = () => this.#desk.tell({ type: "test_speaker" });
  playTest = () => this.#desk.tell({ type: "play_test" });
  allowSound = async () => {};

  async screenSources(): Promise<ScreenSource[]> {
    const reply = await this.#desk.ask("screens", { type: "screen_sources" });
    return reply?.type === "screens" ? reply.sources : [];
  }

  async recordTest(seconds: number): Promise<DeviceProblem | undefined> {
    const reply = await this.#desk.ask("recorded", { type: "record_test", seconds });
    return reply?.type === "recorded" ? reply.problem : "failed";
  }

  ownCamera = () => this.#surface(OWN_CAMERA);
  ownScreen = () => this.#surface(OWN_SCREEN);
  video = (track: TrackId) => this.#surface(track);

  /** What hangs on screen is told to the bus by its canvases; the participant has to know it for the server. */
  show(videos: readonly ShownVideo[]): void {
    this.#do({ type: "show", page: this.place.kind, videos: [...videos] });
  }

  sendChat = (text: string) => this.#do({ type: "chat", text });
  raiseHand = (raised: boolean) => this.#do({ type: "hand", raised });
  react = (reaction: Reaction) => this.#do({ type: "react", reaction });
  rename = (name: string) => this.#do({ type: "rename", name });
  host = (action: HostAction) => this.#do({ type: "host", action });

  async linkStats(): Promise<LinkStats> {
    const reply = await this.#desk.ask("link", { type: "link_stats" });
    return reply?.type === "link" ? reply.stats : UNKNOWN;
  }

  async streamStats(): Promise<StreamStats[]> {
    const reply = await this.#desk.ask("streams", { type: "stream_stats" });
    return reply?.type === "streams" ? reply.streams : [];
  }

  async popOut(what: TrackId | "speaker" | undefined): Promise<PopOutHost> {
    const answer = await this.#shell.ask("pop_out", { type: "pop_out", ...(what !== undefined && { what }) }, (reply) => reply.host);
    return { kind: answer.ok ? answer.value : "refused" };
  }

  async setFullScreen(on: boolean): Promise<void> {
    await this.#shell.do({ type: "full_screen", on });
  }

  #do(command: DeskCommand): void {
    void this.#desk.tell(command);
  }

  #surface(stream: number): VideoSurface {
    return this.#pictures?.surface(stream) ?? { attach: () => () => {} };
  }

  #onDeskEvent(event: DeskEvent): void {
    if (event.type === "levels") return this.#levels.note(event);
    this.#tell(event);
  }

  #onAppEvent(event: AppEvent): void {
    switch (event.type) {
      case "settings":
        return this.#app.changed(event.settings);
      case "shortcut":
      case "full_screen":
      case "pop_out_closed":
        return this.#tell(event);
      case "link_refused":
        return;
    }
  }

  #tell(event: PortEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }
}
