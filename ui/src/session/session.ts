// One participant of a meeting, as a state machine without sockets or clock: the twin of crates/session. The
// transcripts in tests/data/transcripts are replayed against both.
import { MAX_CHAT_HISTORY, PING_INTERVAL_MS, PING_TIMEOUT_MS, VERSION } from "../generated/protocol";
import type {
  Audience,
  CatchUp,
  Code,
  Hello,
  IceServer,
  LobbyPlace,
  ReplyBody,
  Request,
  Sequenced,
  ServerMessage,
  Snapshot,
  Source,
  Waiting,
  Welcome,
} from "../generated/protocol";
import type { Action, Input, JoinOptions, Notice, Output, Own, Phase, SavedSeat, SessionState } from "./face";
import { apply, setMuted, SOURCES } from "./follow";
import { Told } from "./listening";
import { earliest, Peer } from "./peer";

export type * from "./face";

/** How long a socket may take to open, ms; longer after some attempts, for links that are just slow. */
const OPEN_QUICK = 2000;
const OPEN_SLOW = 5000;
const QUICK_ATTEMPTS = 3;
/** Pause before a refused resync is tried again, ms. */
const RESYNC_PAUSE = 1000;
/** Chat messages kept unconfirmed. Together with everything else sent on a welcome they fit the server's burst. */
const MAX_OUTBOX = 40;

type Link =
  | { type: "off" }
  /** Before the next attempt. */
  | { type: "waiting"; until: number }
  | { type: "opening"; until: number }
  /** Said hello. */
  | { type: "greeting"; until: number }
  /** In the lobby. */
  | { type: "lobby"; heard: number; sent: number }
  | { type: "up"; heard: number; sent: number };

/** A request in flight. */
type Asked = { type: "act"; action: Action } | { type: "offer" } | { type: "resync" };

export class Session {
  /** Replaced, never changed in place. */
  state: SessionState;
  /** What the person wants and the server has not confirmed. It survives cuts. */
  readonly wishes = {
    mutes: new Map<Source, boolean>(),
    hand: undefined as boolean | undefined,
    unpublish: new Set<Source>(),
  };
  readonly #options: JoinOptions;
  #link: Link = { type: "off" };
  /** Sockets opened since the session was last in. */
  #attempts = 0;
  #lastId = 0;
  readonly #pending = new Map<number, Asked>();
  /** When to ask for what was missed; "asked" while an answer is awaited. */
  #resync: number | "asked" | undefined;
  readonly #peer = new Peer(this);
  readonly #told = new Told(this);
  #changed = false;
  readonly #out: Output[] = [];
  #iceServers: readonly IceServer[] = [];

  constructor(options: JoinOptions) {
    this.#options = { ...options };
    this.state = {
      phase: { type: "idle" },
      own: { muted: ["microphone", "camera"], hand: false },
      speakers: [],
      quality: [],
      slots: [],
      layers_wanted: [],
      voice_loss: { percent: 0, burst: 0 },
      outbox: [],
      media: "none",
      generation: 0,
    };
  }

  /** Takes one input. `nowMs`: milliseconds on a clock that only goes forward. After the end nothing has an effect. */
  handle(input: Input, nowMs: number): void {
    if (this.state.phase.type === "ended") return;
    this.#dispatch(input, nowMs);
    this.#runLink(nowMs);
    if (this.isUp) {
      this.#runResync(nowMs);
      this.#peer.run(nowMs);
      this.#told.run(nowMs);
    }
    this.#refreshOwn();
    if (this.#changed) {
      this.#changed = false;
      this.emit({ type: "changed" });
    }
  }

  /** The next effect to carry out; call until undefined after every `handle`. */
  poll(): Output | undefined {
    return this.#out.shift();
  }

  /** When `timeout` shall be handled at the latest, on the same clock. */
  nextWakeup(): number | undefined {
    const resync = this.isUp && typeof this.#resync === "number" ? this.#resync : undefined;
    const [peer, told] = this.isUp ? [this.#peer.wakeup(), this.#told.wakeup()] : [];
    return earliest([this.#linkWakeup(), resync, peer, told]);
  }

  /** What a later session needs to take this seat again. */
  get seat(): SavedSeat | undefined {
    return this.#options.seat;
  }

  /** Relays for the next peer connection, with credentials that are newest. */
  get iceServers(): readonly IceServer[] {
    return this.#iceServers;
  }

  get isUp(): boolean {
    return this.#link.type === "up";
  }

  #dispatch(input: Input, now: number): void {
    switch (input.type) {
      case "start":
        if (this.state.phase.type === "idle") this.#open(now);
        break;
      case "timeout":
        break;
      case "socket_opened":
        this.#onSocketOpened(now);
        break;
      case "socket_closed":
        if (this.#hasSocket()) this.#lost(now);
        break;
      case "received":
        this.#onReceived(input.message, now);
        break;
      case "act":
        if (input.action.type === "leave") this.#leave(now);
        else this.#act(input.action, now);
        break;
      case "local_offer":
        this.#peer.onLocalOffer(input.generation, input.sdp, input.publish, now);
        break;
      case "view":
        this.#peer.setView(input.slots, input.max_bitrate);
        break;
      case "media_connected":
        this.#peer.onConnected(input.generation, now);
        break;
      case "media_failed":
        this.#peer.onFailed(input.generation, now);
        break;
      case "listening":
        this.#told.note(input.listening);
        break;
      case "quality":
        // While there is no connection it is not kept: the server measured that minute itself.
        if (this.isUp) this.post({ type: "quality_report", ...input.report }, now);
        break;
    }
  }

  // ── The connection ────────────────────────────────────────────────────────────────────────────────────────────

  #open(now: number): void {
    this.#attempts += 1;
    const patience = this.#attempts <= QUICK_ATTEMPTS ? OPEN_QUICK : OPEN_SLOW;
    this.#link = { type: "opening", until: now + patience };
    if (this.state.phase.type !== "reconnecting") this.#setPhase({ type: "connecting" });
    this.emit({ type: "open_socket" });
  }

  #onSocketOpened(now: number): void {
    if (this.#link.type !== "opening") return;
    this.#link = { type: "greeting", until: now + PING_TIMEOUT_MS };
    if (this.state.phase.type !== "reconnecting") this.#setPhase({ type: "joining" });
    const { meeting, name, client, agent, host_key, passcode, decodes, seat } = this.#options;
    const hello: Hello = { protocol: VERSION, meeting, name, client, agent, decodes };
    if (host_key !== undefined) hello.host_key = host_key;
    if (passcode !== undefined) hello.passcode = passcode;
    if (seat !== undefined) {
      hello.resume = { participant: seat.participant, token: seat.token, last_seq: this.state.room?.seq ?? 0 };
    }
    this.post({ type: "hello", ...hello }, now);
  }

  /** The connection is no more: everything in flight is forgotten, and the next attempt is due. */
  #lost(now: number): void {
    if (this.#link.type === "up") this.#setPhase({ type: "reconnecting", since_ms: Math.floor(now) });
    else if (this.state.phase.type === "joining" || this.state.phase.type === "waiting") this.#setPhase({ type: "connecting" });
    this.#pending.clear();
    this.#resync = undefined;
    this.#peer.linkLost();
    if (this.#attempts === 0) return this.#open(now);
    const wait = this.#attempts === 1 ? 500 : 1000;
    const jitter = Math.floor(Math.min(this.#options.jitter ?? 0, 1000) / 4);
    this.#link = { type: "waiting", until: now + wait + jitter };
  }

  #hasSocket(): boolean {
    return this.#link.type === "opening" || this.#link.type === "greeting" || this.#link.type === "lobby" || this.isUp;
  }

  #closeSocket(): void {
    if (this.#hasSocket()) this.emit({ type: "close_socket" });
  }

  #giveUpSocket(now: number): void {
    this.#closeSocket();
    this.#lost(now);
  }

  #end(code?: Code): void {
    this.#closeSocket();
    this.#leaveLobby();
    this.#link = { type: "off" };
    this.#pending.clear();
    const end = code === undefined ? { type: "ended" as const } : { type: "ended" as const, code };
    this.#setPhase(end);
    this.emit(end);
  }

  /** The server closes the connection: `refused` or `bye`. */
  #onDismissed(code: Code, now: number): void {
    if (this.#link.type === "greeting" && code === "bad_secret" && this.#options.seat !== undefined) {
      // The seat is gone: it was away for too long, or the server forgot it. Join as somebody new.
      delete this.#options.seat;
      this.#leaveLobby();
      this.#closeSocket();
      this.#link = { type: "off" };
      return this.#open(now);
    }
    if (isFinal(code)) return this.#end(code);
    if (code !== "going_away") this.#attempts = Math.max(this.#attempts, 2);
    this.#giveUpSocket(now);
  }

  /** In the lobby: the seat is known, and there is nothing to do but to wait. */
  #onWaiting(waiting: Waiting, now: number): void {
    if (this.#link.type !== "greeting") return;
    this.#link = { type: "lobby", heard: now, sent: now };
    this.#attempts = 0;
    const { you, token, title, starts_at, server_time, place } = waiting;
    this.#options.seat = { participant: you, token };
    const at_ms = Math.floor(now);
    this.set({ waiting: { title, ...(starts_at !== undefined && { starts_at }), server_time, at_ms, place } });
    this.#setPhase({ type: "waiting" });
  }

  #onPlace(place: LobbyPlace): void {
    if (this.state.waiting !== undefined) this.set({ waiting: { ...this.state.waiting, place } });
  }

  #leaveLobby(): void {
    if (this.state.waiting === undefined) return;
    const { waiting: _, ...rest } = this.state;
    this.state = rest;
    this.set({});
  }

  #onWelcome(welcome: Welcome, now: number): void {
    if (this.#link.type !== "greeting" && this.#link.type !== "lobby") return;
    const token = welcome.token ?? this.#options.seat?.token;
    delete this.#options.seat;
    // No server does this: a seat without a secret.
    if (token === undefined) return this.#end("bad_message");
    this.#link = { type: "up", heard: now, sent: now };
    this.#attempts = 0;
    this.#options.seat = { participant: welcome.you, token };
    this.#iceServers = welcome.ice_servers ?? [];
    this.#leaveLobby();
    this.#forgetAsides(welcome.resumed);
    this.set({ you: welcome.you, speakers: [], quality: [], slots: [], layers_wanted: [], voice_loss: { percent: 0, burst: 0 } });
    this.#told.forget();
    this.#setPhase({ type: "joined" });
    this.#catchUp(welcome.catch_up);
    if (this.isUp) {
      this.#peer.onWelcome(welcome.media_generation, now);
      this.#sendWishes(now);
    }
  }

  #linkWakeup(): number | undefined {
    const link = this.#link;
    if (link.type === "off") return undefined;
    if (link.type === "up" || link.type === "lobby") return Math.min(link.heard + PING_TIMEOUT_MS, link.sent + PING_INTERVAL_MS);
    return link.until;
  }

  #runLink(now: number): void {
    const link = this.#link;
    switch (link.type) {
      case "off":
        break;
      case "waiting":
        if (link.until <= now) this.#open(now);
        break;
      case "opening":
      case "greeting":
        if (link.until <= now) this.#giveUpSocket(now);
        break;
      case "lobby":
      case "up":
        if (link.heard + PING_TIMEOUT_MS <= now) this.#giveUpSocket(now);
        else if (link.sent + PING_INTERVAL_MS <= now) this.post({ type: "ping" }, now);
    }
  }

  // ── Following the room ────────────────────────────────────────────────────────────────────────────────────────

  #onReceived(message: ServerMessage, now: number): void {
    if (this.#link.type === "up") this.#link.heard = now;
    else if (this.#link.type === "lobby") {
      this.#link.heard = now;
      if (!FOR_WAITING.has(message.type)) return;
    } else if (this.#link.type !== "greeting" || !GREETINGS.has(message.type)) return;
    switch (message.type) {
      case "welcome":
        return this.#onWelcome(message, now);
      case "waiting":
        return this.#onWaiting(message, now);
      case "place":
        return this.#onPlace({ position: message.position, reason: message.reason });
      case "refused":
      case "bye":
        return this.#onDismissed(message.code, now);
      case "reply":
        return this.#onReply(message.id, message.body, now);
      case "error":
        return this.#onError(message.id, message.code, now);
      case "event":
        return this.#onEvent({ seq: message.seq, at: message.at, event: message.event }, now);
      case "speakers":
        return this.set({ speakers: message.participants });
      case "quality": {
        const told = new Set(message.levels.map((q) => q.participant));
        const others = this.state.quality.filter((q) => !told.has(q.participant));
        return this.set({ quality: [...others, ...message.levels].sort((a, b) => a.participant - b.participant) });
      }
      case "slots":
        return this.set({ slots: message.slots });
      case "layers_wanted": {
        const { track, layers } = message;
        const others = this.state.layers_wanted.filter((w) => w.track !== track);
        return this.set({ layers_wanted: [...others, { track, layers }].sort((a, b) => a.track - b.track) });
      }
      case "voice_loss":
        return this.set({ voice_loss: { percent: message.percent, burst: message.burst } });
      case "lobby":
        return this.#setList("lobby", message.waiting);
      case "own_votes":
        return this.#setList("own_votes", message.votes);
      case "speaking_times": {
        const told = new Set(message.times.map((t) => t.participant));
        const others = (this.state.speaking_times ?? []).filter((t) => !told.has(t.participant));
        return this.#setList("speaking_times", [...others, ...message.times].sort((a, b) => a.participant - b.participant));
      }
      case "asides": {
        for (const m of message.messages) if (m.from === this.state.you) this.#chatArrived(m.client_id);
        const told = new Set(message.messages.map((m) => m.id));
        const others = (this.state.asides ?? []).filter((m) => !told.has(m.id));
        const all = [...others, ...message.messages].sort((a, b) => a.id - b.id);
        return this.#setList("asides", all.slice(-MAX_CHAT_HISTORY));
      }
      case "reacted":
        return this.#notice({ type: "reacted", participant: message.participant, reaction: message.reaction });
      case "media_lost":
        return this.#peer.onFailed(message.generation, now);
    }
  }

  /** An empty list is an absent one. */
  #setList<K extends "lobby" | "asides" | "own_votes" | "speaking_times">(key: K, list: SessionState[K] & unknown[]): void {
    const { [key]: _, ...rest } = this.state;
    this.state = (list.length === 0 ? rest : { ...rest, [key]: list }) as SessionState;
    this.set({});
  }

  #forgetAsides(resumed: boolean): void {
    if (!resumed) this.#setList("asides", []);
    this.#setList("lobby", []);
    this.#setList("own_votes", []);
    this.#setList("speaking_times", []);
  }

  /** Numbers without a gap are applied; behind a gap everything waits for the resync. */
  #onEvent(entry: Sequenced, now: number): void {
    const room = this.state.room;
    if (room === undefined) return;
    if (entry.seq <= room.seq + 1) this.#follow(entry);
    else if (this.#resync === undefined) this.#askResync(room.seq, now);
  }

  #askResync(last_seq: number, now: number): void {
    this.#resync = "asked";
    this.ask({ type: "resync", last_seq }, { type: "resync" }, now);
  }

  #runResync(now: number): void {
    const room = this.state.room;
    if (room !== undefined && typeof this.#resync === "number" && this.#resync <= now) {
      this.#askResync(room.seq, now);
    }
  }

  #catchUp(catchUp: CatchUp): void {
    if (catchUp.type === "snapshot") this.#replaceRoom(catchUp.snapshot);
    else for (const entry of catchUp.events) this.#follow(entry);
  }

  /** Applies an event if it is the next one. */
  #follow(entry: Sequenced): void {
    const room = this.state.room;
    if (room === undefined || entry.seq !== room.seq + 1 || this.#link.type === "off") return;
    this.set({ room: apply(room, entry) });
    this.emit({ type: "event", event: entry });
    const { event } = entry;
    const you = this.state.you;
    switch (event.type) {
      case "participant_left":
        this.set({
          speakers: this.state.speakers.filter((p) => p !== event.participant),
          quality: this.state.quality.filter((q) => q.participant !== event.participant),
        });
        this.#setList("speaking_times", (this.state.speaking_times ?? []).filter((t) => t.participant !== event.participant));
        break;
      case "poll_removed":
        this.#setList("own_votes", (this.state.own_votes ?? []).filter((v) => v.poll !== event.poll));
        break;
      case "unmute_asked":
        if (event.participant === you) this.#notice({ type: "asked_to_unmute", by: event.by, source: event.source });
        break;
      case "chat":
        if (event.message.from === you) this.#chatArrived(event.message.client_id);
        break;
      case "mute_changed":
        if (event.participant === you && event.muted && event.by !== you) {
          // What was wished before the host spoke does not undo it.
          this.#withdrawMute(event.source);
          this.#notice({ type: "muted_by", by: event.by, source: event.source });
        }
        break;
      case "ended":
        this.#end("meeting_ended");
        break;
      default:
    }
  }

  #replaceRoom(room: Snapshot): void {
    const said = new Set(room.chat.map((m) => m.client_id));
    const here = new Set(room.participants.map((p) => p.id));
    this.set({
      room,
      outbox: this.state.outbox.filter((chat) => !said.has(chat.client_id)),
      speakers: this.state.speakers.filter((p) => here.has(p)),
      quality: this.state.quality.filter((q) => here.has(q.participant)),
    });
  }

  // ── What the person does ──────────────────────────────────────────────────────────────────────────────────────

  #act(wanted: Action, now: number): void {
    const here = wanted.type === "chat" && wanted.to === undefined ? this.#here() : undefined;
    const action = here === undefined ? wanted : { ...wanted, to: here } as Action;
    switch (action.type) {
      case "mute":
        this.wishes.mutes.set(action.source, action.muted);
        break;
      case "hand":
        this.wishes.hand = action.raised;
        break;
      case "unpublish":
        this.wishes.unpublish.add(action.source);
        break;
      case "chat": {
        const { client_id, text, to, files } = action;
        if (this.state.outbox.length >= MAX_OUTBOX) {
          return this.#notice({ type: "failed", action, code: "too_fast" });
        }
        this.set({ outbox: [...this.state.outbox, { client_id, text, ...(to !== undefined && { to }), ...(files !== undefined && { files }) }] });
        break;
      }
      default:
        if (action.type === "rename") this.#options.name = action.name;
        if (!this.isUp) this.#notice({ type: "not_connected", action });
    }
    if (this.isUp) this.#sendAction(action, now);
  }

  #sendAction(action: Action, now: number): void {
    const request: Request = action.type === "chat" ? chatRequest(action) : action;
    this.ask(request, { type: "act", action }, now);
  }

  /** Whom words are for that are for no one else: those in the own room while breakout rooms are open. They are not to reach others when they arrive late. */
  #here(): Audience | undefined {
    const { room, you } = this.state;
    const own = room?.participants.find((p) => p.id === you);
    if (room?.tools?.breakout?.opened_at === undefined || own === undefined) return undefined;
    return { type: "room", room: own.room ?? 0 };
  }

  /** After a welcome: what differs from what the server has, and chat it may not have got. */
  #sendWishes(now: number): void {
    const confirmed = this.#confirmedOwn();
    const { mutes, unpublish } = this.wishes;
    for (const source of SOURCES) {
      const muted = mutes.get(source);
      if (muted === undefined) continue;
      if (confirmed.muted.includes(source) === muted) mutes.delete(source);
      else this.#sendAction({ type: "mute", source, muted }, now);
    }
    if (this.wishes.hand === confirmed.hand) this.wishes.hand = undefined;
    if (this.wishes.hand !== undefined) this.#sendAction({ type: "hand", raised: this.wishes.hand }, now);
    for (const source of SOURCES) {
      if (unpublish.has(source)) this.#sendAction({ type: "unpublish", source }, now);
    }
    for (const chat of this.state.outbox) this.#sendAction({ type: "chat", ...chat }, now);
  }

  #leave(now: number): void {
    if (this.isUp || this.#link.type === "lobby") this.post({ type: "leave" }, now);
    this.#end();
  }

  #onReply(id: number, body: ReplyBody, now: number): void {
    const asked = this.#take(id);
    switch (asked?.type) {
      case undefined:
        break;
      case "act":
        this.#settled(asked.action);
        break;
      case "offer":
        if (body.type === "answer") this.#peer.onAnswer(body.generation, body.sdp);
        else this.#peer.onOfferFailed("bad_message", now);
        break;
      case "resync":
        if (body.type === "catch_up") {
          this.#resync = undefined;
          this.#catchUp(body.catch_up);
        } else this.#resync = now + RESYNC_PAUSE;
    }
  }

  #onError(id: number, code: Code, now: number): void {
    const asked = this.#take(id);
    switch (asked?.type) {
      case undefined:
        break;
      case "act":
        this.#settled(asked.action);
        this.#notice({ type: "failed", action: asked.action, code });
        break;
      case "offer":
        this.#peer.onOfferFailed(code, now);
        break;
      case "resync":
        this.#resync = now + RESYNC_PAUSE;
    }
  }

  /** An action was answered, well or not: from here the server's word counts, unless the same was asked again since. */
  #settled(action: Action): void {
    switch (action.type) {
      case "mute":
        this.#withdrawMute(action.source);
        break;
      case "hand":
        if (!this.#inFlight((a) => a.type === "hand")) this.wishes.hand = undefined;
        break;
      case "unpublish":
        this.wishes.unpublish.delete(action.source);
        break;
      case "chat":
        this.#chatArrived(action.client_id);
        break;
      default:
    }
  }

  /** Forgets the wish, unless it is being asked right now. */
  #withdrawMute(source: Source): void {
    if (!this.#inFlight((a) => a.type === "mute" && a.source === source)) this.wishes.mutes.delete(source);
  }

  #inFlight(same: (action: Action) => boolean): boolean {
    return [...this.#pending.values()].some((asked) => asked.type === "act" && same(asked.action));
  }

  #chatArrived(clientId: string): void {
    const outbox = this.state.outbox.filter((chat) => chat.client_id !== clientId);
    if (outbox.length !== this.state.outbox.length) this.set({ outbox });
  }

  /** The own switches: what the server confirmed, under what is wished and not confirmed yet. */
  #refreshOwn(): void {
    const own = this.#confirmedOwn();
    for (const [source, muted] of this.wishes.mutes) own.muted = setMuted(own.muted, source, muted);
    if (this.wishes.hand !== undefined) own.hand = this.wishes.hand;
    const { muted, hand } = this.state.own;
    if (own.hand !== hand || own.muted.join() !== muted.join()) this.set({ own });
  }

  #confirmedOwn(): Own {
    const me = this.state.room?.participants.find((p) => p.id === this.state.you);
    return me === undefined
      ? { muted: ["microphone", "camera"], hand: false }
      : { muted: me.muted, hand: me.hand !== undefined };
  }

  // ── For this folder only ──────────────────────────────────────────────────────────────────────────────────────

  /** Sends a request whose answer matters. */
  ask(body: Request, asked: Asked, now: number): void {
    this.post(body, now);
    this.#pending.set(this.#lastId, asked);
  }

  /** Sends a request. */
  post(body: Request, now: number): void {
    this.#lastId += 1;
    if (this.#link.type === "up" || this.#link.type === "lobby") this.#link.sent = now;
    this.emit({ type: "send", message: { id: this.#lastId, body } });
  }

  forgetOffers(): void {
    for (const [id, asked] of this.#pending) if (asked.type === "offer") this.#pending.delete(id);
  }

  /** Changes the state, for all to see at the end of this input. */
  set(part: Partial<SessionState>): void {
    this.state = { ...this.state, ...part };
    this.#changed = true;
  }

  emit(output: Output): void {
    this.#out.push(output);
  }

  #notice(notice: Notice): void {
    this.emit({ type: "notice", notice });
  }

  #take(id: number): Asked | undefined {
    const asked = this.#pending.get(id);
    this.#pending.delete(id);
    return asked;
  }

  #setPhase(phase: Phase): void {
    if (JSON.stringify(phase) !== JSON.stringify(this.state.phase)) this.set({ phase });
  }
}

/** What may come before one is in. */
const GREETINGS = new Set<ServerMessage["type"]>(["welcome", "waiting", "refused", "bye"]);

/** What may come while one is in the lobby. */
const FOR_WAITING = new Set<ServerMessage["type"]>(["welcome", "place", "refused", "bye"]);

/** Whether a client whose connection ended with this code must not try again by itself. */
export function isFinal(code: Code): boolean {
  return !["overloaded", "going_away", "internal", "too_fast"].includes(code);
}

/** Files are named by their ids. */
function chatRequest({ files, ...chat }: Extract<Action, { type: "chat" }>): Request {
  return files === undefined ? chat : { ...chat, files: files.map((file) => file.id) };
}
