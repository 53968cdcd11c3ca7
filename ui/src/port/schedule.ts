// Meetings that are planned, as the server's API has them (docs/openapi.json). Only browsers: what is asked here is asked in the name
// of who is signed in. Instants are milliseconds since 1970; local times have no zone in them, "2026-11-24T09:00:00".

import type { SharedFile } from "../generated/protocol";
import type { Outcome } from "./accounts";

export type Weekday = "MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU";

/** A local start, its IANA zone, and minutes that are exact also when clocks change: 1 to 10080. */
export interface PlanSlot {
  start: string;
  zone: string;
  minutes: number;
}

/** `nth`: 1 to 5, or -1 to -5 from the month's end; `day` likewise; months that lack it are left out. `month`: 1 to 12. */
export type Pattern =
  | { every: "day" }
  | { every: "week"; days: Weekday[]; from_sunday?: boolean }
  | { every: "month_day"; day: number }
  | { every: "month_weekday"; nth: number; days: Weekday[] }
  | { every: "year_day"; month: number; day: number }
  | { every: "year_weekday"; month: number; nth: number; days: Weekday[] };

/** `until`: the last local date on which one may begin. */
export type Ends = "never" | { after: number } | { until: string };

export interface Rule {
  pattern: Pattern;
  interval: number;
  ends: Ends;
}

export interface Series {
  first: PlanSlot;
  rule: Rule;
  excluded?: string[];
  overrides?: Record<string, { slot?: PlanSlot; title?: string; cancelled?: boolean }>;
}

export type When = { once: PlanSlot } | { series: Series };

export type Schedule = { kind: "instant" } | { kind: "personal_room" } | { kind: "planned"; when: When };

export type Lobby = "off" | "guests" | "everyone";
export type AbsentHost = "wait" | "first_opens" | "anyone";

/** Whether the occurrences of a series share their whiteboards. */
export type SeriesBoards = "shared" | "separate";

/** What those may do who are no hosts. */
export interface GuestPermissions {
  share: boolean;
  chat: boolean;
  draw: boolean;
  unmute: boolean;
  reactions: boolean;
}

export type InviteRole = "chair" | "required" | "optional" | "informed";

export interface Invitee {
  name?: string;
  address: string;
  role?: InviteRole;
}

export interface Attendee {
  person: { name: string; address: string };
  role: InviteRole;
  answer: "none" | "accepted" | "declined" | "tentative" | "delegated";
}

/** What a meeting is made with. Without `schedule` it begins now. */
export interface NewPlan {
  title?: string;
  description?: string;
  schedule?: Schedule;
  /** 4 to 64 characters. */
  passcode?: string;
  lobby?: Lobby;
  absent_host?: AbsentHost;
  permissions?: GuestPermissions;
  boards?: SeriesBoards;
  organizer?: { name: string; address: string };
  invitees?: Invitee[];
  /** Mail addresses of accounts: whoever joins signed in with one is co-host. At most 20. */
  co_hosts?: string[];
  /** Id of a room. */
  room?: string;
}

/** Which occurrences, by the name of one of them. */
export type Scope = "all" | { this: string } | { following: string };

/** What is to be different; what is absent stays. `null` takes away. */
export interface PlanChange extends Omit<NewPlan, "passcode" | "room"> {
  scope?: Scope;
  /** Of one occurrence. */
  slot?: PlanSlot;
  cancelled?: boolean;
  passcode?: string | null;
  room?: string | null;
}

/** The host link is told only here. */
export interface PlanMade {
  id: string;
  guest_link: string;
  host_link: string;
  revision: number;
  /** Whether the server writes to those invited. */
  mails: boolean;
}

/** What took place of an occurrence. */
export interface Held {
  /** The record's key. */
  at: number;
  started_at: number;
  /** Null: it goes on. */
  ended_at: number | null;
  people: number;
}

export interface PlannedOccurrence {
  /** Its name in the meeting; null: it was not planned. */
  name: string | null;
  title: string;
  begins_at: number;
  ends_at: number;
  /** The host's; null: it was not planned. */
  zone: string | null;
  cancelled: boolean;
  held: Held | null;
}

export interface ListedOccurrence extends PlannedOccurrence {
  meeting: string;
  guest_link: string;
  /** One of several under its link. */
  recurs: boolean;
}

/** `more_from`: where to go on; null: that was all. */
export interface OccurrenceList<T = ListedOccurrence> {
  occurrences: T[];
  more_from: number | null;
}

/** A meeting as its host sees it. */
export interface MeetingPlan {
  id: string;
  title: string;
  description: string;
  schedule: Schedule;
  /** What the series was before it was changed from one occurrence on. */
  earlier: When[];
  guest_link: string;
  /** Whether one is asked for. */
  passcode: boolean;
  lobby: Lobby;
  absent_host: AbsentHost;
  permissions: GuestPermissions;
  /** Absent from older servers: `shared`. */
  boards?: SeriesBoards;
  cancelled: boolean;
  ended: boolean;
  organizer: { name: string; address: string } | null;
  invitees: Attendee[];
  co_hosts: string[];
  room: string | null;
  /** Rises with every change; a change says which one it has seen. */
  revision: number;
  next: PlannedOccurrence | null;
  /** Forms of web calendars, filled in; null: not in calendars. */
  add_to: { google: string; outlook: string; outlook_live: string } | null;
  mails: boolean;
}

export interface BookableRoom {
  id: string;
  name: string;
  /** Where it is; may be empty. */
  place: string;
  seats: number | null;
  zone: string;
}

export interface Stay {
  name: string;
  role: string;
  joined_at: number;
  left_at: number | null;
}

export interface Said {
  name: string;
  text: string;
  at: number;
  files: SharedFile[];
}

export interface Feed {
  id: string;
  name: string;
  created_at: number;
  /** With its secret; told only when it is made. */
  link?: string;
}

export interface SchedulePort {
  /** What begins and began of the own meetings between two instants, at most 800 days apart; by its beginning. */
  list(from: number, until: number): Promise<Outcome<OccurrenceList>>;
  plan(meeting: string): Promise<Outcome<MeetingPlan>>;
  make(wanted: NewPlan): Promise<Outcome<PlanMade>>;
  /** Refused with `changed_meanwhile` where `seen` is not the newest revision. */
  change(meeting: string, seen: number, change: PlanChange): Promise<Outcome<MeetingPlan>>;
  cancel(meeting: string, seen: number, scope: Scope): Promise<Outcome<MeetingPlan>>;
  /** A new host link; the one before opens nothing from then on. */
  newHostLink(meeting: string): Promise<Outcome<PlanMade>>;
  occurrences(meeting: string, from: number, until: number): Promise<Outcome<OccurrenceList<PlannedOccurrence>>>;
  attendance(meeting: string, record: number): Promise<Outcome<Stay[]>>;
  /** What was said to all. */
  chat(meeting: string, record: number): Promise<Outcome<Said[]>>;
  /** Where a file of the chat is, for the browser to save. */
  file(meeting: string, file: string): string;
  /** Where the attendance is as a table, for the browser to fetch. */
  attendanceTable(meeting: string, record: number): string;
  /** Where the meeting's entry for calendars is. */
  calendarFile(meeting: string): string;
  /** Where one enters as host with one's own account, and where everybody enters. */
  door(meeting: string): string;

  personalRooms(): Promise<Outcome<MeetingPlan[]>>;
  rooms(): Promise<Outcome<BookableRoom[]>>;
  busy(room: string, from: number, until: number): Promise<Outcome<{ from: number; until: number }[]>>;
  feeds(): Promise<Outcome<Feed[]>>;
  makeFeed(name: string): Promise<Outcome<Feed>>;
  revokeFeed(id: string): Promise<Outcome<void>>;
}
