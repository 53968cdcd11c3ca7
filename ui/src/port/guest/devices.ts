// The own microphone and camera: opening, switching, losing them, and how loud the microphone is. The screen is in screen.ts.

import type { Background, Device, DeviceKind, DeviceProblem, LocalScreen, LocalState, PortEvent, Processing, Source } from "../port";
import type { Backdrop } from "./background/backdrop";
import { LevelProbe } from "./level";
import { describeFailure } from "./problems";
import { Rehearsal } from "./rehearse";
import { ScreenShare } from "./screen";

export interface DeviceEvents {
  changed(): void;
  /** A source has a new track to send, or null for none. */
  track(source: Source, track: MediaStreamTrack | null): void;
  tell(event: PortEvent): void;
}

type Capture = "microphone" | "camera";

export class LocalDevices {
  state: LocalState = {
    microphone: { on: false, starting: false },
    camera: { on: false, starting: false },
    screen: { on: false, starting: false },
    speaker: { choosable: "setSinkId" in HTMLMediaElement.prototype },
    devices: [],
    canShare: typeof navigator.mediaDevices?.getDisplayMedia === "function",
    soundBlocked: false,
  };
  /** In a meeting a muted microphone stays open, so that the first word after unmuting is not lost. */
  keepMicrophone = false;

  readonly screen = new ScreenShare({
    put: (change) => this.#put("screen", change),
    track: (source, track) => this.#events.track(source, track),
    lost: () => this.#events.tell({ type: "screen_ended", reason: "system" }),
  });
  readonly rehearsal = new Rehearsal();

  readonly #events: DeviceEvents;
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  readonly #level = new LevelProbe();
  /** Rises with every order for a device, so that an overtaken one can tell. */
  readonly #order: Record<Capture, number> = { microphone: 0, camera: 0 };
  #rehearsing = false;
  #background: Background = { kind: "none" };
  /** What stands behind the person in the camera's track. */
  #backdrop: Backdrop | undefined;
  /** The camera's own track, which may not be the one that is sent. */
  #camera: MediaStreamTrack | undefined;
  #processing: Processing = { echoCancellation: true, noiseSuppression: "standard", gainControl: true, originalSound: false };

  constructor(events: DeviceEvents) {
    this.#events = events;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refresh());
  }

  track(source: Source): MediaStreamTrack | null {
    return this.#tracks.get(source) ?? this.screen.track(source) ?? null;
  }

  level(): number {
    return this.state.microphone.on || this.#rehearsing ? this.#level.read() : 0;
  }

  async set(kind: Capture, on: boolean): Promise<void> {
    if (!on) return this.#off(kind);
    const open = this.#tracks.get(kind);
    if (open?.readyState === "live") {
      open.enabled = true;
      this.#put(kind, { on: true, starting: false, problem: undefined });
      this.#events.track(kind, open);
      return;
    }
    await this.#open(kind);
  }

  async choose(kind: DeviceKind, id: string | undefined): Promise<void> {
    if (kind === "speaker") {
      this.#set({ speaker: { choosable: this.state.speaker.choosable, ...(id !== undefined && { device: id }) } });
      return;
    }
    this.#put(kind, { device: id });
    if (this.state[kind].on) await this.#open(kind);
    else this.#drop(kind);
  }

  async refresh(): Promise<void> {
    const kinds: Record<string, DeviceKind> = { audioinput: "microphone", videoinput: "camera", audiooutput: "speaker" };
    const found = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
    const devices: Device[] = found.flatMap((d) => {
      const kind = kinds[d.kind];
      // Chromium lists the default a second time under this id; ours is "system default".
      return kind === undefined || d.deviceId === "" || d.deviceId === "default" || d.deviceId === "communications" ? [] : [{ id: d.deviceId, kind, label: d.label }];
    });
    this.#set({ devices });
    const speaker = this.state.speaker.device;
    if (speaker !== undefined && devices.length > 0 && !devices.some((d) => d.id === speaker)) {
      await this.choose("speaker", undefined);
      this.#events.tell({ type: "device_changed", kind: "speaker" });
    }
  }

  /** What the browser does to the voice; the microphone is opened anew, because not every browser changes an open one. */
  async setProcessing(processing: Processing): Promise<void> {
    const before = this.#processing;
    this.#processing = processing;
    if (JSON.stringify(before) === JSON.stringify(processing)) return;
    if (this.state.microphone.on) await this.#open("microphone");
    else this.#drop("microphone");
  }

  /** What others see behind the person; an open camera stays open. */
  async setBackground(background: Background): Promise<void> {
    if (JSON.stringify(background) === JSON.stringify(this.#background)) return;
    this.#background = background;
    const open = this.#tracks.get("camera");
    if (open === undefined) return this.state.camera.on ? this.#open("camera") : undefined;
    const order = ++this.#order.camera;
    // Blank rather than bare: the room is not shown between two backgrounds.
    const camera = this.#backdrop === undefined ? open : this.#backdrop.undress();
    this.#backdrop = undefined;
    if (background.kind !== "none") this.#events.track("camera", null);
    await this.#show(camera, order);
  }

  /** Records what the others would hear; opens the microphone for as long where it is off. */
  async record(seconds: number): Promise<DeviceProblem | undefined> {
    const open = this.state.microphone.on ? this.#tracks.get("microphone") : undefined;
    if (open !== undefined) return this.rehearsal.record(open, seconds);
    try {
      const own = await capture("microphone", this.state.microphone.device, this.#processing);
      this.#level.listen(own);
      this.#rehearsing = true;
      const problem = await this.rehearsal.record(own, seconds);
      own.stop();
      return problem;
    } catch (error) {
      return describeFailure(error);
    } finally {
      this.#rehearsing = false;
      this.#level.listen(this.#tracks.get("microphone"));
    }
  }

  /** Gives every device back. */
  close(): void {
    this.screen.stop();
    this.keepMicrophone = false;
    this.#off("microphone");
    this.#off("camera");
    this.#drop("microphone");
  }

  setSoundBlocked(soundBlocked: boolean): void {
    if (this.state.soundBlocked !== soundBlocked) this.#set({ soundBlocked });
  }

  #off(kind: Capture): void {
    this.#order[kind]++;
    const track = this.#tracks.get(kind);
    if (track !== undefined) track.enabled = false;
    this.#put(kind, { on: false, starting: false, problem: undefined });
    this.#events.track(kind, null);
    // A camera that is off must show no light.
    if (kind === "camera" || !this.keepMicrophone) this.#drop(kind);
  }

  #drop(kind: Capture): void {
    const track = this.#tracks.get(kind);
    if (track === undefined) return;
    this.#tracks.delete(kind);
    track.stop();
    if (kind === "camera") {
      this.#backdrop?.stop();
      this.#backdrop = undefined;
    }
    if (kind === "microphone") this.#level.listen(undefined);
  }

  async #open(kind: Capture): Promise<void> {
    const order = ++this.#order[kind];
    this.#put(kind, { on: true, starting: true, problem: undefined });
    try {
      const track = await capture(kind, this.state[kind].device, this.#processing);
      if (order !== this.#order[kind]) return track.stop();
      this.#drop(kind);
      track.addEventListener("ended", () => void this.#lost(kind, track));
      if (kind === "camera") await this.#show(track, order);
      else this.#take(kind, track);
    } catch (error) {
      if (order !== this.#order[kind]) return;
      this.#drop(kind);
      this.#put(kind, { on: false, starting: false, problem: describeFailure(error) });
      this.#events.track(kind, null);
    }
    // Names of devices are told only after a permission.
    if (this.state.devices.every((d) => d.kind !== kind || d.label === "")) await this.refresh();
  }

  #take(kind: Capture, track: MediaStreamTrack): void {
    this.#tracks.set(kind, track);
    if (kind === "microphone") this.#level.listen(track);
    this.#put(kind, { on: true, starting: false });
    this.#events.track(kind, track);
  }

  /** Takes an open camera, with the background behind it. Where that can't be, nobody sees the room unasked: the camera goes off. */
  async #show(camera: MediaStreamTrack, order: number): Promise<void> {
    this.#camera = camera;
    if (this.#background.kind === "none") return this.#take("camera", camera);
    this.#tracks.delete("camera");
    this.#put("camera", { starting: true });
    const backdrop = await dress(camera, this.#background, () => this.#tooSlow());
    if (order !== this.#order.camera) return backdrop === undefined ? camera.stop() : backdrop.stop();
    this.#backdrop = backdrop;
    if (backdrop !== undefined) return this.#take("camera", backdrop.track);
    this.#background = { kind: "none" };
    this.#events.tell({ type: "background_off", reason: "failed" });
    camera.stop();
    this.#off("camera");
  }

  #tooSlow(): void {
    this.#events.tell({ type: "background_off", reason: "too_slow" });
    void this.setBackground({ kind: "none" });
  }

  /** The device went away: take the next one. */
  async #lost(kind: Capture, track: MediaStreamTrack): Promise<void> {
    if ((kind === "camera" ? this.#camera : this.#tracks.get(kind)) !== track || !this.#tracks.has(kind)) return;
    this.#drop(kind);
    await this.refresh();
    this.#put(kind, { device: undefined });
    if (!this.state[kind].on) return;
    await this.#open(kind);
    const label = this.#tracks.has(kind) ? (kind === "camera" ? this.#camera : this.#tracks.get(kind))?.label : undefined;
    this.#events.tell({ type: "device_changed", kind, ...(label !== undefined && { label }) });
  }

  #put(kind: Capture | "screen", change: { [K in keyof LocalScreen]?: LocalScreen[K] | undefined }): void {
    const next: Record<string, unknown> = { ...this.state[kind], ...change };
    for (const key of ["device", "problem", "paused", "mode"]) if (next[key] === undefined) delete next[key];
    this.#set({ [kind]: next as unknown as LocalScreen });
  }

  #set(change: Partial<LocalState>): void {
    this.state = { ...this.state, ...change };
    this.#events.changed();
  }
}

/** Opens a device; a chosen one that is gone is replaced by the system's default. */
async function capture(kind: Capture, device: string | undefined, processing: Processing): Promise<MediaStreamTrack> {
  if (navigator.mediaDevices?.getUserMedia === undefined) throw new DOMException("", window.isSecureContext ? "NotSupportedError" : "SecurityError");
  const id = device === undefined ? {} : { deviceId: { exact: device } };
  const wanted: MediaStreamConstraints = kind === "microphone"
    ? { audio: { ...id, ...voiceConstraints(processing) } }
    : { video: { ...id, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } } };
  try {
    const track = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks()[0];
    if (track === undefined) throw new DOMException("", "NotFoundError");
    if (kind === "camera") track.contentHint = "motion";
    return track;
  } catch (error) {
    const gone = error instanceof DOMException && (error.name === "OverconstrainedError" || error.name === "NotFoundError");
    if (device !== undefined && gone) return capture(kind, undefined, processing);
    throw error;
  }
}

/** The camera with a background; undefined where that can't be done here. */
async function dress(camera: MediaStreamTrack, background: Background, tooSlow: () => void): Promise<Backdrop | undefined> {
  try {
    const { Backdrop } = await import("./background/backdrop");
    return await Backdrop.start(camera, background, tooSlow);
  } catch {
    return undefined;
  }
}

/** What a browser is to do to the voice. */
function voiceConstraints({ echoCancellation, noiseSuppression, gainControl, originalSound }: Processing): MediaTrackConstraints {
  if (originalSound) return { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: { ideal: 2 } };
  return { echoCancellation, noiseSuppression: noiseSuppression !== "off", autoGainControl: gainControl, channelCount: 1 };
}
