// Made by `cargo xtask sdk` from docs/openapi.json. Do not edit.

import { Connection } from "../connection";

/** What happens to those who come while no host is in. */
export type AbsentHost = "wait" | "first_opens" | "anyone";

export type Account = { created_at: number; disabled: boolean; email: string; id: string; language?: string; name: string; role: "member" | "admin" | "owner"; time_zone?: string };

export type Accounts = { items: (Account)[]; next?: string };

/** Links to the forms of web calendars, filled in. */
export type AddTo = { google: string; outlook: string; outlook_live: string };

export type ApiToken = { created_at: number; expires_at?: number; id: string; name: string; owner?: string; scopes: (TokenScope)[]; used_at?: number };

export type ApiTokens = { items: (ApiToken)[] };

export type Attendance = { stays: ({ joined_at: number; left_at: number | null; name: string; role: string; spoken_seconds: number })[] };

export type Attendee = { answer: "none" | "accepted" | "declined" | "tentative" | "delegated"; asked: boolean; kind: "individual" | "group" | "room" | "resource"; person: { address: string; name: string }; role: "chair" | "required" | "optional" | "informed" };

export type AuditEntry = { action: string; address?: string; at: number; by?: string; detail?: string; id: number; of?: string };

export type AuditLog = { items: (AuditEntry)[]; next?: string };

export type Busy = { busy: ({ from: number; until: number })[] };

export type Call = { from: number; id: number; meeting: string; minutes: number; people: number; poor_minutes: number; title: string; to: number };

export type CallCause = { amount: number; from: number; kind: "loss_up" | "loss_down" | "bandwidth_up" | "bandwidth_down" | "cpu" | "microphone" | "speaker" | "server_link" | "server_cpu"; participant?: number; to: number };

export type CallDetails = { call: Call; causes: (CallCause)[]; cut: boolean; people: (CallPerson)[]; server: (ServerMinute)[] };

export type CallMinute = { client?: QualityReport; from: number; score: number; server?: LinkMeasure; to: number };

export type CallPerson = { client: "browser" | "desktop" | "headless"; id: number; minutes: (CallMinute)[]; name: string };

export type Calls = { items: (Call)[]; next?: string };

export type Cancel = { scope?: Scope };

export type ChangeAccount = { disabled?: boolean; role?: "member" | "admin" | "owner" };

/** What is absent stays. Null takes passcode, expires_at, organizer and room away. `schedule` is for all or from one occurrence on; `slot` for one occurrence; `title` for all or one; the rest for all only. */
export type ChangeMeeting = { absent_host?: AbsentHost | null; boards?: SeriesBoards | null; cancelled?: boolean | null; co_hosts?: (string)[]; description?: string | null; expires_at?: number | null; invitees?: (Invitee)[] | null; lobby?: Lobby | null; organizer?: Contact | null; passcode?: string | null; permissions?: Permissions | null; room?: string | null; schedule?: Schedule | null; scope?: Scope; slot?: Slot | null; title?: string | null };

export type ChangeWebhook = { enabled?: boolean; events?: (HookEvent)[]; url?: string };

export type Contact = { address: string; name?: string };

export type Created = { guest_link: string; host_link: string; id: string; mails: boolean; revision: number };

export type Deliveries = { items: (Delivery)[] };

export type Delivery = { created_at: number; due_at?: number; event: HookEvent; id: string; state: "waiting" | "arrived" | "dead"; status?: number; tries: number; trouble?: "unreachable" | "forbidden" };

export type Ends = "never" | { after: number } | { until: string };

export type Feed = { created_at: number; id: string; link?: string; name: string };

export type Feeds = { feeds: (Feed)[] };

export type Held = { at: number; ended_at: number | null; people: number; started_at: number };

/** `recording.ready` is reserved; `webhook.test` cannot be chosen. */
export type HookEvent = "meeting.started" | "meeting.ended" | "participant.joined" | "participant.left" | "meeting.planned" | "meeting.changed" | "meeting.cancelled" | "file.shared" | "recording.ready" | "webhook.test";

export type Invitation = { created_at: number; email: string; expires_at: number; id: string; role: "member" | "admin" | "owner" };

export type Invitations = { items: (Invitation)[] };

export type Invite = { email: string; language?: string; role: "member" | "admin" | "owner"; send?: boolean };

export type Invited = { invitation: Invitation; link: string };

export type Invitee = { address: string; name?: string; role?: "chair" | "required" | "optional" | "informed" };

export type LinkMeasure = { held_back: number; loss_down: number; loss_up: number; queued_ms: number; rtt_ms?: number; silent: number };

export type Listed = { begins_at: number; cancelled: boolean; ends_at: number; guest_link: string; held: Held | null; meeting: string; name: string | null; recurs: boolean; title: string; zone: string | null };

export type LiveMeeting = { id: string; locked: boolean; owner?: string; people: (LivePerson)[]; since?: number; title: string };

export type LiveMeetings = { items: (LiveMeeting)[] };

export type LivePerson = { client: "browser" | "desktop" | "headless"; id: number; member: boolean; name: string; presence: "connected" | "reconnecting"; role: "guest" | "participant" | "co_host" | "host"; since: number; waiting: boolean };

/** Who waits until a host lets them in. */
export type Lobby = "off" | "guests" | "everyone";

export type MeetingInfo = { add_to: AddTo | null; cancelled: boolean; description: string; id: string; locked: boolean; minutes: number; next_at: number | null; organizer: string; participants: number; passcode: boolean; recurs: boolean; starts_at: number; state: "open" | "running" | "ended"; title: string; zone: string | null };

export type MeetingPlan = { absent_host: AbsentHost; add_to: AddTo | null; boards: SeriesBoards; cancelled: boolean; changed_at: number; co_hosts: (string)[]; created_at: number; description: string; earlier: (When)[]; ended: boolean; expires_at: number | null; guest_link: string; id: string; invitees: (Attendee)[]; lobby: Lobby; mails: boolean; next: Occurrence | null; organizer: { address: string; name: string } | null; owner: string | null; passcode: boolean; permissions: Permissions; revision: number; room: string | null; schedule: Schedule; sequence: number; title: string };

export type Meetings = { more_from: number | null; occurrences: (Listed)[] };

export type NewFeed = { name: string };

/** Either `schedule`, or `starts_at` and `minutes` as the short form of it, or neither: now. */
export type NewMeeting = { absent_host?: AbsentHost; boards?: SeriesBoards; co_hosts?: (string)[]; description?: string; expires_at?: number | null; invitees?: (Invitee)[]; lobby?: Lobby; minutes?: number | null; organizer?: Contact | null; passcode?: string | null; permissions?: Permissions; room?: string | null; schedule?: Schedule | null; starts_at?: number | null; title?: string };

export type NewRoom = { name: string; place?: string; seats?: number | null; show_titles?: boolean; zone: string };

export type NewWebhook = { events: (HookEvent)[]; url: string };

export type Occurrence = { begins_at: number; cancelled: boolean; ends_at: number; held: Held | null; name: string | null; title: string; zone: string | null };

export type Occurrences = { more_from: number | null; occurrences: (Occurrence)[] };

export type Override = { cancelled?: boolean; slot?: Slot; title?: string };

export type Pattern = { every: "day" } | { days: ("MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU")[]; every: "week"; from_sunday?: boolean } | { day: number; every: "month_day" } | { days: ("MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU")[]; every: "month_weekday"; nth: number } | { day: number; every: "year_day"; month: number } | { days: ("MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU")[]; every: "year_weekday"; month: number; nth: number };

/** What those may do who are no hosts; absent: they may. */
export type Permissions = { chat?: boolean; draw?: boolean; reactions?: boolean; share?: boolean; unmute?: boolean };

export type PersonalRooms = { rooms: (MeetingPlan)[] };

export type ProviderPolicy = { domains: (string)[]; issuer: string; sign_up: boolean };

export type QualityReport = { bandwidth_limited: number; concealed?: number; cpu?: number; cpu_limited: number; devices?: ({ ago_s: number; change: "changed" | "lost" | "failed" | "back"; device: "microphone" | "speaker" | "camera" })[]; fps_sent?: number; fps_shown?: number; jitter_ms?: number; loss_down?: number; loss_up?: number; mic_on: number; mic_silent: number; receive_kbps?: number; rtt_ms?: number; seconds: number; send_kbps?: number; speaker_failed: number; stalled: number };

export type Room = { door_link: string; id: string; name: string; place: string; seats: number | null; show_titles: boolean; zone: string };

export type Rooms = { rooms: (Room)[] };

export type Rule = { ends: Ends; interval: number; pattern: Pattern };

export type Said = { messages: ({ at: number; files: (SharedFile)[]; name: string; text: string })[] };

/** Begun when made; a room that is there at any time; or planned. Only planned meetings are in calendars. */
export type Schedule = { kind: "instant" } | { kind: "personal_room" } | { kind: "planned"; when: When };

/** All, one occurrence, or one and all that follow. */
export type Scope = "all" | { this: string } | { following: string };

export type Series = { excluded?: (string)[]; first: Slot; overrides?: Record<string, Override>; rule: Rule };

/** Whether the occurrences of a series share their whiteboards or begin with empty ones each. */
export type SeriesBoards = "shared" | "separate";

export type ServerLog = { level: "error" | "warn" | "info" | "debug" | "trace" };

export type ServerMinute = { cpu: number; dropped: number; from: number; packets: number; to: number };

export type ServerPolicy = { create: "anyone" | "token" | "loopback" | "account"; joins_per_minute: number; mail_from?: string; meetings_per_minute: number; provider?: ProviderPolicy; session_days: number; sign_up: "closed" | "invitation" | "open"; tokens: number };

export type SharedFile = { id: string; kind: "image" | "sound" | "video" | "document" | "archive" | "other"; name: string; removed?: boolean; size: number };

export type Slot = { minutes: number; start: string; zone: string };

export type TokenScope = "meetings:read" | "meetings:write" | "admin:read" | "admin:write" | "webhooks";

export type Webhook = { arrived_at?: number; created_at: number; dead: number; dropped: number; enabled: boolean; events: (HookEvent)[]; gone: boolean; id: string; url: string; waiting: number };

export type WebhookMade = { secret: string; webhook: Webhook };

export type Webhooks = { items: (Webhook)[] };

export type When = { once: Slot } | { series: Series };

/** The operations of a server's API that a token can do. */
export class Confab extends Connection {

  /** For admins: 100 at a time, by mail address. */
  listAccounts(query: { after?: string } = {}): Promise<Accounts> {
    return this.call("GET", `/api/v1/accounts`, { query });
  }

  /** Somebody else's account, for good. For admins, of members; for owners, of all but themselves. */
  deleteAccount(id: string): Promise<void> {
    return this.call("DELETE", `/api/v1/accounts/${encodeURIComponent(id)}`);
  }

  /** For admins, of members; for owners, of all but themselves. */
  changeAccount(id: string, body: ChangeAccount): Promise<Account> {
    return this.call("PATCH", `/api/v1/accounts/${encodeURIComponent(id)}`, { body });
  }

  /** For admins: calls of the last weeks and how good they were, newest first, 50 at a time. */
  listCalls(query: { after?: string } = {}): Promise<Calls> {
    return this.call("GET", `/api/v1/admin/calls`, { query });
  }

  /** For admins: one call, minute by minute, and what went wrong in it. */
  lookAtCall(call: string): Promise<CallDetails> {
    return this.call("GET", `/api/v1/admin/calls/${encodeURIComponent(call)}`);
  }

  /** For admins: how much the server writes to its log. */
  showLog(): Promise<ServerLog> {
    return this.call("GET", `/api/v1/admin/log`);
  }

  /** For admins: log more or less from now on, until the server ends or another level is read from its configuration. Noted in the audit log. */
  setLog(body: ServerLog): Promise<ServerLog> {
    return this.call("PUT", `/api/v1/admin/log`, { body });
  }

  /** For admins: what runs now and who is in it. */
  listLiveMeetings(): Promise<LiveMeetings> {
    return this.call("GET", `/api/v1/admin/meetings`);
  }

  /** For admins: over for all who are in it. Noted in the audit log. */
  endLiveMeeting(meeting: string): Promise<void> {
    return this.call("POST", `/api/v1/admin/meetings/${encodeURIComponent(meeting)}/end`);
  }

  /** For admins: out of the meeting or its lobby, also a host. Noted in the audit log. */
  sendOutOfMeeting(meeting: string, person: string): Promise<void> {
    return this.call("DELETE", `/api/v1/admin/meetings/${encodeURIComponent(meeting)}/people/${encodeURIComponent(person)}`);
  }

  /** For admins: what was and what will be on this server, by its beginning. */
  listAllPlans(query: { from?: number; until?: number; limit?: number } = {}): Promise<Meetings> {
    return this.call("GET", `/api/v1/admin/plans`, { query });
  }

  /** For admins: what the configuration says, without secrets. */
  showPolicy(): Promise<ServerPolicy> {
    return this.call("GET", `/api/v1/admin/policy`);
  }

  /** For admins: everybody's tokens and the server's own. */
  listTokens(): Promise<ApiTokens> {
    return this.call("GET", `/api/v1/admin/tokens`);
  }

  /** For admins: make anybody's token worthless. */
  revokeToken(id: string): Promise<void> {
    return this.call("DELETE", `/api/v1/admin/tokens/${encodeURIComponent(id)}`);
  }

  /** For admins: receivers of what happens. */
  listWebhooks(): Promise<Webhooks> {
    return this.call("GET", `/api/v1/admin/webhooks`);
  }

  /** For admins: have a receiver told of what happens. */
  makeWebhook(body: NewWebhook): Promise<WebhookMade> {
    return this.call("POST", `/api/v1/admin/webhooks`, { body });
  }

  /** For admins: tell it nothing more; its letters go with it. */
  removeWebhook(id: string): Promise<void> {
    return this.call("DELETE", `/api/v1/admin/webhooks/${encodeURIComponent(id)}`);
  }

  /** For admins: change, switch off or on. */
  changeWebhook(id: string, body: ChangeWebhook): Promise<Webhook> {
    return this.call("PATCH", `/api/v1/admin/webhooks/${encodeURIComponent(id)}`, { body });
  }

  /** For admins: its newest 200 letters, those that were given up first. */
  listDeliveries(id: string): Promise<Deliveries> {
    return this.call("GET", `/api/v1/admin/webhooks/${encodeURIComponent(id)}/deliveries`);
  }

  /** For admins: send a letter again, from its first try on. */
  sendDeliveryAgain(id: string, delivery: string): Promise<void> {
    return this.call("POST", `/api/v1/admin/webhooks/${encodeURIComponent(id)}/deliveries/${encodeURIComponent(delivery)}/send`);
  }

  /** For admins: send it `webhook.test`. */
  testWebhook(id: string): Promise<void> {
    return this.call("POST", `/api/v1/admin/webhooks/${encodeURIComponent(id)}/test`);
  }

  /** For admins: what was done, 100 at a time. */
  listAudit(query: { after?: string } = {}): Promise<AuditLog> {
    return this.call("GET", `/api/v1/audit`, { query });
  }

  /** Calendars that programs subscribe to. */
  listFeeds(): Promise<Feeds> {
    return this.call("GET", `/api/v1/feeds`);
  }

  /** A calendar to subscribe to: the account's meetings, or all with an API token. */
  createFeed(body: NewFeed): Promise<Feed> {
    return this.call("POST", `/api/v1/feeds`, { body });
  }

  /** Its link is worth nothing from then on. */
  revokeFeed(feed: string): Promise<void> {
    return this.call("DELETE", `/api/v1/feeds/${encodeURIComponent(feed)}`);
  }

  /** For admins: those that are open. */
  listInvitations(): Promise<Invitations> {
    return this.call("GET", `/api/v1/invitations`);
  }

  /** For admins. The link is told here alone. */
  invite(body: Invite): Promise<Invited> {
    return this.call("POST", `/api/v1/invitations`, { body });
  }

  /** For admins: the link leads nowhere from then on. */
  revokeInvitation(id: string): Promise<void> {
    return this.call("DELETE", `/api/v1/invitations/${encodeURIComponent(id)}`);
  }

  /** What was and what will be, by its beginning: of the account, or of all with an API token. */
  listMeetings(query: { from?: number; until?: number; limit?: number } = {}): Promise<Meetings> {
    return this.call("GET", `/api/v1/meetings`, { query });
  }

  /** Make a meeting: now, planned, a series, or a personal room. Who may is configured. */
  createMeeting(body: NewMeeting): Promise<Created> {
    return this.call("POST", `/api/v1/meetings`, { body });
  }

  /** What anyone with the link may know. */
  meetingInfo(meeting: string): Promise<MeetingInfo> {
    return this.call("GET", `/api/v1/meetings/${encodeURIComponent(meeting)}`);
  }

  /** Change one occurrence, one and what follows, or all. Invitees are told by mail. */
  changeMeeting(meeting: string, body: ChangeMeeting, ifMatch?: string): Promise<MeetingPlan> {
    return this.call("PATCH", `/api/v1/meetings/${encodeURIComponent(meeting)}`, { body, ifMatch });
  }

  /** Who was there. */
  attendance(meeting: string, query: { at?: number; format?: "json" | "csv" } = {}): Promise<Attendance> {
    return this.call("GET", `/api/v1/meetings/${encodeURIComponent(meeting)}/attendance`, { query });
  }

  /** Cancel all (no body), one occurrence, or one and what follows. Invitees are told by mail. */
  cancelMeeting(meeting: string, body?: Cancel, ifMatch?: string): Promise<MeetingPlan> {
    return this.call("POST", `/api/v1/meetings/${encodeURIComponent(meeting)}/cancel`, { body, ifMatch });
  }

  /** What was said to all. */
  chat(meeting: string, query: { at?: number } = {}): Promise<Said> {
    return this.call("GET", `/api/v1/meetings/${encodeURIComponent(meeting)}/chat`, { query });
  }

  /** A new host key; the old one opens nothing from then on. */
  rotateHostKey(meeting: string, ifMatch?: string): Promise<Created> {
    return this.call("POST", `/api/v1/meetings/${encodeURIComponent(meeting)}/host-key`, { ifMatch });
  }

  /** Occurrences of one meeting with what took place of them. */
  listOccurrences(meeting: string, query: { from?: number; until?: number; limit?: number } = {}): Promise<Occurrences> {
    return this.call("GET", `/api/v1/meetings/${encodeURIComponent(meeting)}/occurrences`, { query });
  }

  /** The meeting as its host sees it. */
  meetingPlan(meeting: string): Promise<MeetingPlan> {
    return this.call("GET", `/api/v1/meetings/${encodeURIComponent(meeting)}/plan`);
  }

  /** The account's personal rooms, used or not, without those that are cancelled; newest first. */
  personalRooms(): Promise<PersonalRooms> {
    return this.call("GET", `/api/v1/personal-rooms`);
  }

  /** Rooms that can be booked. */
  listRooms(): Promise<Rooms> {
    return this.call("GET", `/api/v1/rooms`);
  }

  /** A room that can be booked. */
  createRoom(body: NewRoom): Promise<Room> {
    return this.call("POST", `/api/v1/rooms`, { body });
  }

  /** Remove a room; meetings booked in it stay, without one. */
  deleteRoom(room: string): Promise<void> {
    return this.call("DELETE", `/api/v1/rooms/${encodeURIComponent(room)}`);
  }

  /** One room. */
  room(room: string): Promise<Room> {
    return this.call("GET", `/api/v1/rooms/${encodeURIComponent(room)}`);
  }

  /** Change a room. */
  saveRoom(room: string, body: NewRoom): Promise<Room> {
    return this.call("PUT", `/api/v1/rooms/${encodeURIComponent(room)}`, { body });
  }

  /** When a room is taken. */
  roomBusy(room: string, query: { from?: number; until?: number } = {}): Promise<Busy> {
    return this.call("GET", `/api/v1/rooms/${encodeURIComponent(room)}/busy`, { query });
  }
}
