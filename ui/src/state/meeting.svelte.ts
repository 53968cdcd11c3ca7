// One meeting as the views see it: the port's state, and what is only this viewer's business (panel, pin, toasts).

import { createContext } from "svelte";
import { t, type MessageKey } from "../i18n/i18n.svelte";
import type { Params } from "../i18n/format";
import type { Participant, ParticipantId, Port, PortEvent, PortState, Reaction } from "../port/port";
import { newMessages, tellings, type Telling } from "./announce";
import { prefs } from "./prefs.svelte";
import { ShownVideos } from "./shown";
import { handOrder, planStage } from "./stage";

export type PanelName = "people" | "chat";
export type DialogName = "settings" | "rename" | "shortcuts" | "connection" | "notices" | "end" | "mute_all" | "remove";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "problem";
  /** Stable, for support. */
  code?: string;
  opens?: PanelName;
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
  /** Whom the open dialog is about. */
  subject = $state.raw<Participant | undefined>();
  pinned = $state<string | undefined>();
  toasts = $state<Toast[]>([]);
  notices = $state<Toast[]>([]);
  floats = $state<Float[]>([]);
  unread = $state(0);
  polite = $state("");
  urgent = $state("");
  /** The last one who spoke, other than the viewer: keeps the stage while nobody speaks. */
  speaker = $state<ParticipantId | undefined>();
  /** Space is held: the microphone is open for as long. */
  talking = $state(false);

  readonly you = $derived(this.state.participants.find((p) => p.id === this.state.you));
  readonly isHost = $derived(this.you?.role === "host");
  readonly hands = $derived(handOrder(this.state.participants));
  readonly speaking = $derived(new Set(this.state.speakers));
  readonly plan = $derived(planStage({
    participants: this.state.participants, layout: prefs.layout,
    ...(this.state.you !== undefined && { you: this.state.you }),
    ...(this.pinned !== undefined && { pinned: this.pinned }),
    ...(this.speaker !== undefined && { speaker: this.speaker }),
  }));

  #stop: (() => void)[] = [];
  #serial = 0;

  constructor(port: Port) {
    this.port = port;
    this.shown = new ShownVideos(port);
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
    for (const stop of this.#stop.splice(0)) stop();
  }

  togglePanel(name: PanelName): void {
    this.panel = this.panel === name ? undefined : name;
    if (this.panel === "chat") this.unread = 0;
  }

  openPanel(name: PanelName): void {
    if (this.panel !== name) this.togglePanel(name);
  }

  async toggleMicrophone(): Promise<void> {
    const on = !this.state.local.microphone.on;
    await this.port.setMicrophone(on);
    const { on: now, problem } = this.state.local.microphone;
    if (problem !== undefined && on) this.problem(`device.microphone.${problem}`, `device_${problem}`);
    else this.say(now ? "say.microphone_on" : "say.microphone_off");
  }

  async toggleCamera(): Promise<void> {
    const on = !this.state.local.camera.on;
    await this.port.setCamera(on);
    const { on: now, problem } = this.state.local.camera;
    if (problem !== undefined && on) this.problem(`device.camera.${problem}`, `device_${problem}`);
    else this.say(now ? "say.camera_on" : "say.camera_off");
  }

  async toggleScreen(): Promise<void> {
    if (this.state.local.screen.on) return this.port.stopScreen();
    await this.port.startScreen();
    const problem = this.state.local.screen.problem;
    if (problem !== undefined) this.problem(`device.screen.${problem}`, `device_${problem}`);
  }

  toggleHand(): void {
    this.port.raiseHand(this.you?.hand === undefined);
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

  #toast(text: string, tone: Toast["tone"], opens?: PanelName, code?: string): void {
    const toast: Toast = { id: ++this.#serial, text, tone, at: Date.now(), ...(opens && { opens }), ...(code && { code }) };
    this.notices = [toast, ...this.notices].slice(0, MOST_NOTICES);
    this.toasts = [...this.toasts.filter((o) => o.text !== text), toast].slice(-MOST_TOASTS);
    setTimeout(() => this.dismiss(toast.id), tone === "problem" ? TOAST_MS * 2 : TOAST_MS);
  }

  #follow(before: PortState, after: PortState): void {
    const loudest = after.speakers.find((id) => id !== after.you);
    if (loudest !== undefined) this.speaker = loudest;
    if (before === after) return;
    for (const telling of tellings(before, after)) this.#tellOne(telling);
    if (this.panel === "chat") this.unread = 0;
    else if (before.meeting !== undefined) this.unread += newMessages(before, after).length;
  }

  #tellOne({ key, params, how, opens }: Telling): void {
    if (how === "say" || this.panel === opens && opens !== undefined) this.say(key, params);
    else this.tell(key, params, opens);
  }

  #onEvent(event: PortEvent): void {
    if (event.type === "reaction") return this.#float(event.participant, event.reaction);
    if (event.type === "refused") return this.problem(`error.${event.code}`, event.code);
    if (event.type === "device_changed") {
      return event.label ? this.tell("device.switched", { label: event.label }) : this.problem(`device.lost.${event.kind}`, "device_lost");
    }
    const key = event.source === "camera" ? "say.camera_by" : event.source === "microphone" ? "say.muted_by" : "say.screen_by";
    this.tell(key, { name: this.nameOf(event.by) });
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
