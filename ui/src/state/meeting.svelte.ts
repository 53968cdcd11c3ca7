// One meeting as the views see it: the port's state, and what is only this viewer's business (panel, pin, toasts).

import { Attachments } from "./attachments.svelte";
import { createContext } from "svelte";
import { t, type MessageKey } from "../i18n/i18n.svelte";
import type { Params } from "../i18n/format";
import type { DataSaverMode, DeviceProblem, Participant, ParticipantId, Port, PortEvent, PortState, Reaction, ScreenChoice, TrackId } from "../port/port";
import { inRoomOf, MAIN } from "./breakout";
import { newMessages, tellings, type Telling } from "./announce";
import { DEFAULT_POLICY, NO_TOOLS } from "../session/follow";
import { dueAt, hearSpeakers, type Floor } from "./hold";
import { prefs, remember } from "./prefs.svelte";
import { problemKey } from "./problems";
import { ShownVideos } from "./shown";
import { cameraAfter } from "./saver";
import { handOrder, planStage, type TileRef } from "./stage";

export type PanelName = "people" | "chat" | "polls" | "rooms";
export type DialogName = "settings" | "rename" | "shortcuts" | "connection" | "notices" | "screen" | "end" | "mute_all" | "remove" | "rules" | "new_poll" | "rename_other";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "problem";
  /** Stable, for support. */
  code?: string;
  opens?: PanelName;
  /** What can be done about it. */
  offers?: { text: MessageKey; act: () => void };
  at: number;
}

export interface Float {
  id: number;
  reaction: Reaction;
  name: string;
  /** Column it rises in, 0 to 4. */
  lane: number;
}

const TOAST_MS = 6000;
/** What can be answered stays until a keyboard has come to it. */
const OFFER_MS = 60_000;
const FLOAT_MS = 3600;
const MOST_TOASTS = 3;
const MOST_NOTICES = 50;
const MOST_FLOATS = 12;

export class MeetingModel {
  readonly port: Port;
  readonly shown: ShownVideos;
  state = $state.raw() as PortState;
  panel = $state<PanelName | undefined>();
  dialog = $state<DialogName | undefined>();
  /** The whiteboard has the stage. */
  board = $state(false);
  /** Whom the open dialog is about. */
  subject = $state.raw<Participant | undefined>();
  pinned = $state<string | undefined>();
  toasts = $state<Toast[]>([]);
  /** The toast that has the focus or the pointer. */
  kept: number | undefined;
  notices = $state<Toast[]>([]);
  floats = $state<Float[]>([]);
  unread = $state(0);
  polite = $state("");
  urgent = $state("");
  /** Who has the large place in the speaker view. */
  floor = $state.raw<Floor>({});
  /** Page of the gallery, from 0; the stage keeps it within what there is. */
  page = $state(0);
  pages = $state(1);
  fullScreen = $state(false);
  poppedOut = $state(false);
  /** The key for talking is held. */
  held = false;
  /** Shared screens that are shown although there is sound only. */
  anyway = $state.raw<ReadonlySet<TrackId>>(new Set());
  #saver: DataSaverMode | undefined;
  /** The camera was on until only sound was wanted. */
  #cameraBefore = false;

  readonly you = $derived(this.state.participants.find((p) => p.id === this.state.you));
  readonly isHost = $derived(this.you?.role === "host");
  /** Host or co-host. */
  readonly leads = $derived(this.you?.role === "host" || this.you?.role === "co_host");
  /** By the meeting's rules. */
  readonly mayShare = $derived(this.leads || (this.state.meeting?.policy?.permissions.share ?? true));
  readonly policy = $derived(this.state.meeting?.policy ?? DEFAULT_POLICY);
  readonly tools = $derived(this.state.tools ?? NO_TOOLS);
  /** Whom one hears and sees: those in the same room, where there are breakout rooms. */
  readonly here = $derived(inRoomOf(this.state.participants, this.state.you));
  readonly hands = $derived(handOrder(this.state.participants));
  readonly speaking = $derived(new Set(this.state.speakers));
  readonly plan = $derived(planStage({
    participants: this.here, layout: prefs.layout,
    ...(this.state.you !== undefined && { you: this.state.you }),
    ...(this.pinned !== undefined && { pinned: this.pinned }),
    ...(this.state.meeting?.spotlights && { spotlights: this.state.meeting.spotlights }),
    seats: this.tools.seat_order,
    ...(this.floor.speaker !== undefined && { speaker: this.floor.speaker }),
  }));

  /** What is to go with the next chat message; absent where nothing can be uploaded. */
  readonly attachments: Attachments | undefined;
  #stop: (() => void)[] = [];
  #serial = 0;
  /** Who shows the whiteboard to everybody here. */
  #boardOf: number | undefined;
  #speakerTold: DeviceProblem | undefined;
  #undraw: (() => void) | undefined;
  #wait: ReturnType<typeof setTimeout> | undefined;

  constructor(port: Port) {
    this.port = port;
    this.shown = new ShownVideos(port);
    this.attachments = port.files && new Attachments(port.files, (file) => port.ask({ type: "file_remove", file: file.id }));
    this.#stop.push(() => this.attachments?.stop());
    this.poppedOut = port.place.kind === "meeting" && port.place.poppedOut !== undefined;
    let first = true;
    this.#stop.push(port.subscribe((state) => {
      const before = first ? state : this.state;
      first = false;
      this.state = state;
      this.#follow(before, state);
    }));
    this.#stop.push(port.onEvent((event) => this.#onEvent(event)));
    const onVisibility = () => this.shown.pageVisibilityChanged();
    document.addEventListener("visibilitychange", onVisibility);
    this.#stop.push(() => document.removeEventListener("visibilitychange", onVisibility));
  }

  close(): void {
    clearTimeout(this.#wait);
    this.#undraw?.();
    if (this.poppedOut) void this.port.popOut(undefined);
    for (const stop of this.#stop.splice(0)) stop();
  }

  togglePanel(name: PanelName): void {
    this.panel = this.panel === name ? undefined : name;
    if (this.panel === "chat") this.unread = 0;
  }

  openPanel(name: PanelName): void {
    if (this.panel !== name) this.togglePanel(name);
  }

  toggleMicrophone(): Promise<boolean> {
    return this.#toggle("microphone", (on) => this.port.setMicrophone(on));
  }

  /** Whether the user wants it on from now on, also the next time. */
  async toggleCamera(): Promise<boolean> {
    if (prefs.dataSaver === "audio" && !this.state.local.camera.on) {
      this.#onlySound("saver.camera_off");
      return prefs.cameraOn;
    }
    return this.#toggle("camera", (on) => this.port.setCamera(on));
  }

  /** What the user now wants, which is said and kept: the device may still be opening, or the state on its way. */
  async #toggle(kind: "microphone" | "camera", set: (on: boolean) => Promise<void>): Promise<boolean> {
    const on = !this.state.local[kind].on;
    await set(on);
    const { problem } = this.state.local[kind];
    if (on && problem !== undefined) this.problem(problemKey(kind, problem, this.port.kind), `device_${problem}`);
    else this.say(`say.${kind}_${on ? "on" : "off"}`);
    return on;
  }

  /** Stops sharing, or asks what to share: here where screens can be listed, else the browser asks. */
  async toggleScreen(): Promise<void> {
    if (this.state.local.screen.on) return this.port.stopScreen();
    if (prefs.dataSaver === "audio") return this.#onlySound("saver.share_off");
    if (this.port.can.screenPicker) this.dialog = "screen";
    else await this.share({ audio: true, mode: "text" });
  }

  async share(choice: ScreenChoice): Promise<void> {
    await this.port.startScreen(choice);
    const problem = this.state.local.screen.problem;
    if (problem !== undefined) this.problem(problemKey("screen", problem, this.port.kind), `device_${problem}`);
  }

  /**
   * What is chosen now, here or in another window. With sound only the own pictures go too; a camera that was on until then is on
   * again after it.
   */
  async followSaver(mode: DataSaverMode): Promise<void> {
    const before = this.#saver;
    this.#saver = mode;
    if (before !== undefined && before !== mode) this.say(`say.saver_${mode}`);
    const { camera, screen } = this.state.local;
    const after = cameraAfter(mode, { on: camera.on, held: this.#cameraBefore });
    this.#cameraBefore = after.held;
    if (mode === "audio") {
      this.anyway = new Set();
      if (screen.on) this.port.stopScreen();
    }
    if (after.camera !== undefined) await this.port.setCamera(after.camera);
  }

  /** Whether a picture of others is left out to save data. */
  leavesOut(tile: TileRef): boolean {
    return prefs.dataSaver === "audio" && tile.track !== undefined && !this.anyway.has(tile.track);
  }

  /** Shows one shared screen although there is sound only. */
  showAnyway(track: TrackId): void {
    this.anyway = new Set([...this.anyway, track]);
  }

  #onlySound(key: MessageKey): void {
    this.#toast(t(key), "plain", undefined, undefined, { text: "saver.leave", act: () => remember({ dataSaver: "save" }) });
    this.urgent = t(key);
  }

  turnPage(by: number): void {
    this.page = Math.max(0, Math.min(this.pages - 1, Math.min(this.page, this.pages - 1) + by));
  }

  async toggleFullScreen(): Promise<void> {
    await this.port.setFullScreen(!this.fullScreen);
  }

  /** Opens or closes picture-in-picture; `draw` puts the view into a window of this page and says how to take it away. */
  async togglePopOut(draw: (window: Window, model: MeetingModel) => () => void): Promise<void> {
    if (this.poppedOut) {
      await this.port.popOut(undefined);
      return;
    }
    const main = this.plan.kind === "focus" ? this.plan.main.track : undefined;
    const host = await this.port.popOut(main ?? "speaker");
    this.poppedOut = host.kind !== "refused";
    if (host.kind === "window") this.#undraw = draw(host.window, this);
    if (host.kind === "refused") this.problem("popout.refused", "popout_refused");
  }

  toggleHand(): void {
    this.port.raiseHand(this.you?.hand === undefined);
  }

  /** Opens a microphone that is off for as long as a key is held. */
  async talk(on: boolean): Promise<void> {
    if (on === this.held) return;
    this.held = on;
    await this.port.talk(on);
  }

  togglePin(key: string): void {
    this.pinned = this.pinned === key ? undefined : key;
  }

  /** For screen readers, when they have a moment. */
  say(key: MessageKey, params?: Params): void {
    this.polite = t(key, params);
  }

  tell(key: MessageKey, params?: Params, opens?: PanelName): void {
    this.#toast(t(key, params), "plain", opens);
    this.say(key, params);
  }

  /** An error: shown, and read out at once. */
  problem(key: MessageKey, code: string, params?: Params): void {
    const text = t(key, params);
    this.#toast(text, "problem", undefined, code);
    this.urgent = text;
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  nameOf(id: ParticipantId): string {
    return this.state.participants.find((p) => p.id === id)?.name ?? "";
  }

  /** A breakout room's name, or the main room's. */
  roomName(room: number): string {
    return room === MAIN ? t("breakout.main") : (this.tools.breakout?.rooms[room - 1] ?? t("breakout.room_n", { n: room }));
  }

  /** Takes a toast away in a while, and not while somebody is at it. */
  #fade(id: number, ms: number): void {
    setTimeout(() => (this.kept === id && this.toasts.some((toast) => toast.id === id) ? this.#fade(id, TOAST_MS) : this.dismiss(id)), ms);
  }

  #toast(text: string, tone: Toast["tone"], opens?: PanelName, code?: string, offers?: Toast["offers"]): void {
    const toast: Toast = { id: ++this.#serial, text, tone, at: Date.now(), ...(opens && { opens }), ...(code && { code }), ...(offers && { offers }) };
    this.notices = [toast, ...this.notices].slice(0, MOST_NOTICES);
    this.toasts = [...this.toasts.filter((o) => o.text !== text), toast].slice(-MOST_TOASTS);
    this.#fade(toast.id, offers !== undefined ? OFFER_MS : tone === "problem" ? TOAST_MS * 2 : TOAST_MS);
  }

  #follow(before: PortState, after: PortState): void {
    this.#hear();
    this.#hearSpeaker(after);
    this.#followBoard(after);
    if (before === after) return;
    for (const telling of tellings(before, after)) this.#tellOne(telling);
    if (this.panel === "chat") this.unread = 0;
    else if (before.meeting !== undefined) this.unread += newMessages(before, after).length;
  }

  /** What is shown to everybody opens by itself, and goes with it; who closed it keeps it closed. */
  #followBoard({ meeting, participants, you }: PortState): void {
    const roomOf = (who: number | undefined) => participants.find((p) => p.id === who)?.room;
    const shown = meeting?.board !== undefined && roomOf(meeting.board) === roomOf(you) ? meeting.board : undefined;
    if (shown === this.#boardOf) return;
    const own = this.#boardOf === you;
    this.#boardOf = shown;
    if (shown !== undefined) this.board = true;
    else if (!own) this.board = false;
  }

  /** Shows the whiteboard to everybody, or no more. */
  presentBoard(on: boolean): void {
    this.port.ask({ type: "board_present", on });
  }

  closeBoard(): void {
    this.board = false;
    if (this.state.meeting?.board !== undefined && this.state.meeting.board === this.state.you) this.presentBoard(false);
  }

  /** Who hears nothing has to know why, also from the first moment on. */
  #hearSpeaker({ phase, local: { speaker } }: PortState): void {
    if (phase !== "joined" || speaker.problem === this.#speakerTold) return;
    this.#speakerTold = speaker.problem;
    if (speaker.problem !== undefined) this.problem(problemKey("speaker", speaker.problem, this.port.kind), `speaker_${speaker.problem}`);
  }

  #hear(): void {
    const now = Date.now();
    this.floor = hearSpeakers(this.floor, this.state.speakers, this.state.you, now);
    clearTimeout(this.#wait);
    const due = dueAt(this.floor);
    if (due !== undefined) this.#wait = setTimeout(() => this.#hear(), Math.max(0, due - now));
  }

  #tellOne({ key, params, how, opens }: Telling): void {
    if (how === "say" || this.panel === opens && opens !== undefined) this.say(key, params);
    else this.tell(key, params, opens);
  }

  #onEvent(event: PortEvent): void {
    if (event.type === "reaction") return this.#float(event.participant, event.reaction);
    if (event.type === "refused" || event.type === "link_refused") return this.problem(`error.${event.code}`, event.code);
    if (event.type === "device_changed") {
      return event.label ? this.tell("device.switched", { label: event.label }) : this.problem(`device.lost.${event.kind}`, "device_lost");
    }
    if (event.type === "shortcut") return void (event.action === "microphone" ? this.toggleMicrophone() : this.toggleCamera());
    if (event.type === "place" || event.type === "account") return;
    if (event.type === "screen_ended") return event.reason === "failed" ? this.problem("device.screen.failed", "screen_failed") : this.tell(`screen.ended.${event.reason}`);
    if (event.type === "background_off") return this.problem(`background.off.${event.reason}`, `background_${event.reason}`);
    if (event.type === "full_screen") return void (this.fullScreen = event.on);
    if (event.type === "pop_out_closed") {
      this.#undraw?.();
      this.#undraw = undefined;
      this.poppedOut = false;
      return;
    }
    if (event.type === "asked_to_unmute") return this.#asked(event.source === "camera" ? "camera" : "microphone", event.by);
    const key = event.source === "camera" ? "say.camera_by" : event.source === "microphone" ? "say.muted_by" : "say.screen_by";
    this.tell(key, { name: this.nameOf(event.by) });
  }

  /** Nobody is unmuted by another: the click is the person's own. */
  #asked(kind: "microphone" | "camera", by: ParticipantId): void {
    if (this.state.local[kind].on) return;
    const text = t(`lead.asked_${kind}`, { name: this.nameOf(by) });
    const act = () => void (kind === "camera" ? this.toggleCamera() : this.toggleMicrophone());
    this.#toast(text, "plain", undefined, undefined, { text: kind === "camera" ? "lead.camera" : "lead.unmute", act });
    this.urgent = text;
  }

  #float(participant: ParticipantId, reaction: Reaction): void {
    const name = this.nameOf(participant);
    const id = ++this.#serial;
    this.floats = [...this.floats, { id, reaction, name, lane: id % 5 }].slice(-MOST_FLOATS);
    setTimeout(() => (this.floats = this.floats.filter((f) => f.id !== id)), FLOAT_MS);
    this.say("say.reaction", { name, reaction: t(`reaction.${reaction}`) });
  }
}

export const [getMeeting, setMeeting] = createContext<MeetingModel>();
