// The port of the desktop app. The participant lives in the shell (confab_client::desk); here its words are only carried, and
// its pictures drawn.

import { UNKNOWN_LINK } from "./stats";
import type { AppEvent } from "../generated/app";
import type { DeskCommand, DeskEvent } from "../generated/desk";
import type { Audience } from "../generated/protocol";
import type { PlainRequest } from "../session/face";
import type { BoardPort } from "./board";
import { nativeAccounts, nativeSchedule } from "./native/account";
import { NativeApp, ShellLink } from "./native/app";
import { BoardLines, createNativeBoard } from "./native/board";
import { DrawRate, type Screen } from "./native/drawrate";
import { type Host, shellHost } from "./native/host";
import { LevelWatch } from "./native/levels";
import { DeskLink } from "./native/link";
import { OWN_CAMERA, OWN_SCREEN, type Pictures, connectPictures } from "./native/pictures";
import type {
  Abilities, AccountsPort, AppPort, Background, Code, CreateMeeting, DataSaving, DeviceKind, DeviceProblem, HostAction, JoinRequest, LinkStats, MeetingCreated, MeetingInfo, Place,
  PopOutHost, PopOutWhat, Port, PortEvent, PortState, Processing, Reaction, Result, SameRoomChoice, SchedulePort, ScreenChoice, ScreenMode, ScreenSource, ShownVideo, StreamStats, TrackId,
  VideoSurface,
} from "./port";

/** Views say so when pictures have had no way for so long. */
const PICTURES_LOST_MS = 5000;
const MOST_EARLY = 32;

/** Ready when the window's place and the participant's state are there. */
export async function createNativePort(host: Host = shellHost(), connect: typeof connectPictures = connectPictures): Promise<Port> {
  const port = new NativePort(host, new ShellLink(host));
  await port.open(connect);
  return port;
}

class NativePort implements Port {
  readonly kind = "native";
  place: Place = { kind: "nowhere" };
  readonly can: Abilities = { screenPicker: true, popOut: true, fullScreen: true, processing: true, strongNoise: true, background: true, speakerLevel: true, lead: true };
  readonly app: AppPort;
  readonly board: BoardPort;
  accounts?: AccountsPort;
  schedule?: SchedulePort;
  readonly #boards: BoardLines;
  readonly #host: Host;
  readonly #app: NativeApp;
  readonly #shell: ShellLink;
  readonly #desk: DeskLink;
  readonly #levels = new LevelWatch(() => void this.#desk.tell({ type: "watch_levels" }));
  readonly #drawRate = new DrawRate((fps) => void this.#shell.do({ type: "draw_rate", fps }), globalThis as unknown as Screen);
  readonly #listeners = new Set<(state: PortState) => void>();
  readonly #eventListeners = new Set<(event: PortEvent) => void>();
  /** What happened before anybody listened. */
  #early: PortEvent[] | undefined = [];
  #pictures: Pictures | undefined;
  #picturesLost = false;

  constructor(host: Host, shell: ShellLink) {
    this.#host = host;
    this.#shell = shell;
    this.#app = this.app = new NativeApp(shell);
    this.#desk = new DeskLink(host, {
      changed: () => this.#changed(),
      event: (event) => this.#onDeskEvent(event),
    });
    this.#boards = new BoardLines(async (command) => (await this.#desk.ask("done", command))?.type === "done");
    this.board = createNativeBoard(this.#boards, (command) => this.#desk.reply(command));
  }

  async open(connect: typeof connectPictures): Promise<void> {
    // Before anything is asked: what the shell tells of this window next must not be missed.
    await this.#shell.onEvent((event) => this.#onAppEvent(event));
    const place = await this.#shell.ask("place", { type: "place" }, (reply): Place => reply.place);
    if (place.ok) this.place = place.value;
    if (this.place.kind === "home") {
      this.accounts = nativeAccounts(this.#shell);
      this.schedule = nativeSchedule(this.#shell);
    }
    if (this.place.kind === "home" || this.place.kind === "nowhere") return;
    await this.#desk.open();
    const bus = this.#desk.bus;
    if (bus === undefined) return;
    const { carrier } = this.#host;
    this.#pictures = connect({ url: bus.url, token: bus.token, ...(carrier !== undefined && { carrier }) });
    this.#watchPictures(this.#pictures);
  }

  /** A connection that is opened anew is no news; one that stays away is. */
  #watchPictures(pictures: Pictures): void {
    const lost = () => this.#setPicturesLost(true);
    let timer = setTimeout(lost, PICTURES_LOST_MS);
    pictures.onConnected((on) => {
      clearTimeout(timer);
      if (on) this.#setPicturesLost(false);
      else timer = setTimeout(lost, PICTURES_LOST_MS);
    });
  }

  #setPicturesLost(lost: boolean): void {
    if (lost === this.#picturesLost) return;
    this.#picturesLost = lost;
    this.#changed();
  }

  #changed(): void {
    const state = this.#state();
    for (const listener of this.#listeners) listener(state);
  }

  #state(): PortState {
    return this.#picturesLost ? { ...this.#desk.state, picturesLost: true } : this.#desk.state;
  }

  subscribe(listener: (state: PortState) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#state());
    return () => this.#listeners.delete(listener);
  }

  onEvent(listener: (event: PortEvent) => void): () => void {
    this.#eventListeners.add(listener);
    const early = this.#early ?? [];
    this.#early = undefined;
    early.forEach(listener);
    return () => this.#eventListeners.delete(listener);
  }

  async meetingInfo(): Promise<Result<MeetingInfo>> {
    const reply = await this.#desk.ask("meeting", { type: "meeting_info" });
    if (reply?.type === "meeting") return { ok: true, value: reply.info };
    return { ok: false, code: reply === undefined || reply.code === "closed" ? "unreachable" : reply.code };
  }

  async report(): Promise<Result<Blob>> {
    const reply = await this.#desk.ask("report", { type: "meeting_report" });
    if (reply?.type === "report") return { ok: true, value: new Blob([reply.csv], { type: "text/csv;charset=utf-8" }) };
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
  talk = (on: boolean) => this.#desk.tell({ type: "talk", on });
  refreshDevices = () => this.#desk.tell({ type: "refresh_devices" });
  setProcessing = (processing: Processing) => this.#desk.tell({ type: "set_processing", processing });
  setBackground = (background: Background) => this.#desk.tell({ type: "set_background", background });
  setDataSaver = (saving: DataSaving) => this.#do({ type: "set_data_saver", saving });
  startScreen = ({ id, audio, mode }: ScreenChoice = { audio: false, mode: "text" }) =>
    this.#desk.tell({ type: "start_screen", audio, mode, ...(id !== undefined && { id }) });
  pauseScreen = (on: boolean) => this.#desk.tell({ type: "pause_screen", on });
  setScreenMode = (mode: ScreenMode) => this.#desk.tell({ type: "set_screen_mode", mode });
  stopScreen = () => this.#do({ type: "stop_screen" });
  chooseDevice = (kind: DeviceKind, id: string | undefined) => this.#desk.tell({ type: "choose_device", kind, ...(id !== undefined && { id }) });
  levels = () => this.#levels.read();
  testSpeaker = () => this.#play({ type: "test_speaker" });
  playTest = () => this.#play({ type: "play_test" });
  allowSound = async () => {};

  async screenSources(): Promise<ScreenSource[]> {
    const reply = await this.#desk.ask("screens", { type: "screen_sources" });
    return reply?.type === "screens" ? reply.sources : [];
  }

  async recordTest(seconds: number): Promise<DeviceProblem | undefined> {
    const reply = await this.#desk.ask("recorded", { type: "record_test", seconds });
    return reply?.type === "recorded" ? reply.problem : "failed";
  }

  async #play(command: DeskCommand): Promise<DeviceProblem | undefined> {
    const reply = await this.#desk.ask("played", command);
    return reply?.type === "played" ? reply.problem : "failed";
  }

  ownCamera = () => this.#surface(OWN_CAMERA);
  ownScreen = () => this.#surface(OWN_SCREEN);
  video = (track: TrackId) => this.#surface(track);

  /** What hangs on screen is told to the bus by its canvases; the participant has to know it for the server. */
  show(videos: readonly ShownVideo[]): void {
    this.#do({ type: "show", page: this.place.kind, videos: [...videos] });
    if (this.place.kind === "meeting") this.#drawRate.shown(videos.filter(({ height }) => height > 0).length);
  }

  sendChat = (text: string, to?: Audience) => this.#do({ type: "chat", text, ...(to !== undefined && { to }) });
  raiseHand = (raised: boolean) => this.#do({ type: "hand", raised });
  react = (reaction: Reaction) => this.#do({ type: "react", reaction });
  rename = (name: string) => this.#do({ type: "rename", name });
  sameRoom = (choice: SameRoomChoice) => this.#do({ type: "same_room", choice });
  ask = (request: PlainRequest) => this.#do({ type: "ask", request });
  host = (action: HostAction) => this.#do({ type: "host", action });

  async linkStats(): Promise<LinkStats> {
    const reply = await this.#desk.ask("link", { type: "link_stats" });
    return reply?.type === "link" ? reply.stats : UNKNOWN_LINK;
  }

  async streamStats(): Promise<StreamStats[]> {
    const reply = await this.#desk.ask("streams", { type: "stream_stats" });
    return reply?.type === "streams" ? reply.streams : [];
  }

  async popOut(what: PopOutWhat | undefined): Promise<PopOutHost> {
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
    if (this.#boards.on(event)) return;
    this.#tell(event);
  }

  #onAppEvent(event: AppEvent): void {
    switch (event.type) {
      case "settings":
        return this.#app.changed(event.settings);
      case "shortcut":
      case "full_screen":
      case "pop_out_closed":
      case "link_refused":
      case "account":
        return this.#tell(event);
      case "place":
        this.place = event.place;
        return this.#tell({ type: "place" });
    }
  }

  #tell(event: PortEvent): void {
    if (this.#early !== undefined && this.#early.length < MOST_EARLY) this.#early.push(event);
    for (const listener of this.#eventListeners) listener(event);
  }
}
