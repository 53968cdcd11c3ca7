// What people with an account do, where the page speaks with a server that has accounts. A browser's session is a cookie of the server's;
// the desktop app's home asks by way of the shell, which has a session of its own, and leaves the rest to these pages in the system's browser.

import type {
  Account, AccountRole, AppSignIn, ApiToken, ApiTokenMade, AuditAction, AuditEntry, Call, CallDetails, CallMinute, CallPerson, Cause, CauseKind, ConnectCalendar,
  ConnectedCalendar, Delivery, HookEvent, Invitation, Invited, LiveMeeting, LivePerson, OwnCalendar, Page, Passkey, ProviderPage, ServerPolicy, SignedIn, SignUp,
  Standing, TokenScope, WaysIn, Webhook, WebhookMade,
} from "../generated/protocol";
import type { Code } from "./port";
import type { OccurrenceList } from "./schedule";

export type {
  Account, AccountRole, AppSignIn, ApiToken, ApiTokenMade, AuditAction, AuditEntry, Call, CallDetails, CallMinute, CallPerson, Cause, CauseKind, ConnectCalendar,
  ConnectedCalendar, Delivery, HookEvent, Invitation, Invited, LiveMeeting, LivePerson, OwnCalendar, Page, Passkey, ProviderPage, ServerPolicy, SignedIn, SignUp,
  Standing, TokenScope, WaysIn, Webhook, WebhookMade,
};

/** Why it was not done. `wait`: seconds until another try, with `too_many_tries`. */
export interface Refusal {
  ok: false;
  code: Code | "unreachable" | PasskeyTrouble;
  wait?: number;
}

/** What the browser itself says about passkeys: nobody chose one, or this device has one for the account. */
export type PasskeyTrouble = "passkey_cancelled" | "passkey_known";

export type Outcome<T> = { ok: true; value: T } | Refusal;

export interface AccountsPort {
  standing(): Promise<Outcome<Standing>>;
  /** Where the browser goes to sign in at the provider; it comes back to the account's page. */
  readonly providerPage: string;
  /** This browser knows passkeys; whether the server does says `Standing`. */
  readonly passkeys: boolean;
  signIn(email: string, password: string): Promise<Outcome<Standing>>;
  /** The browser asks for one; no address has to be typed. */
  signInByPasskey(): Promise<Outcome<Standing>>;
  /** Who came by the provider gets its page, where the browser goes to be signed out there too. */
  signOut(): Promise<Outcome<ProviderPage | undefined>>;
  /** Of all devices, this one too. */
  signOutEverywhere(): Promise<Outcome<ProviderPage | undefined>>;
  /** Lets the desktop app on this machine in; where the browser goes then. */
  letAppIn(wish: AppSignIn): Promise<Outcome<string>>;

  /** What the link of an invitation is for. */
  invitation(token: string): Promise<Outcome<Invitation>>;
  /** Takes an invitation and signs in. */
  join(token: string, name: string, password: string, language: string): Promise<Outcome<Standing>>;
  /** A letter with a link for an account of one's own. */
  askForAccount(email: string, language: string): Promise<Outcome<void>>;
  /** A letter with a link for a new password; the answer is the same for every address. */
  askForReset(email: string, language: string): Promise<Outcome<void>>;
  /** Sets the password a link is for and signs in. */
  reset(token: string, password: string): Promise<Outcome<Standing>>;

  changeProfile(change: { name?: string; language?: string; time_zone?: string }): Promise<Outcome<Account>>;
  /** Signs out everywhere else. */
  changePassword(current: string, password: string): Promise<Outcome<Standing>>;
  sessions(): Promise<Outcome<Page<SignedIn>>>;
  endSession(id: string): Promise<Outcome<void>>;

  /** Where the browser gets all that is kept of the account, as a file. */
  readonly exportPage: string;
  /** The account and all that is its own, for good. `email`: its address once more; `password`: where it has one. */
  deleteOwn(email: string, password: string): Promise<Outcome<void>>;

  /** How one's own account can be entered. */
  ways(): Promise<Outcome<WaysIn>>;
  /** Where the browser has to go for the account to be linked. */
  linkProvider(): Promise<Outcome<string>>;
  unlinkProvider(): Promise<Outcome<void>>;
  /** The browser makes one and asks the person to confirm. */
  addPasskey(me: Account, name: string): Promise<Outcome<Passkey>>;
  removePasskey(id: string): Promise<Outcome<void>>;
  /** The calendar one's meetings are pushed to. */
  calendar(): Promise<Outcome<OwnCalendar>>;
  /** Tries it and keeps it if it is good. */
  connectCalendar(wish: ConnectCalendar): Promise<Outcome<OwnCalendar>>;
  /** Now; with `replace` also over what one has changed there. */
  pushCalendar(replace: boolean): Promise<Outcome<OwnCalendar>>;
  disconnectCalendar(remove: boolean): Promise<Outcome<void>>;
  /** Tokens of programs in one's own name. */
  tokens(): Promise<Outcome<Page<ApiToken>>>;
  /** `days`: absent, it does not expire. */
  makeToken(name: string, scopes: TokenScope[], days?: number): Promise<Outcome<ApiTokenMade>>;
  revokeToken(id: string): Promise<Outcome<void>>;

  // For admins and owners.
  accounts(after?: string): Promise<Outcome<Page<Account>>>;
  changeAccount(id: string, change: { role?: AccountRole; disabled?: boolean }): Promise<Outcome<Account>>;
  /** Somebody else's, for good. */
  deleteAccount(id: string): Promise<Outcome<void>>;
  invite(email: string, role: AccountRole, send: boolean, language: string): Promise<Outcome<Invited>>;
  invitations(): Promise<Outcome<Page<Invitation>>>;
  revoke(id: string): Promise<Outcome<void>>;
  audit(after?: string): Promise<Outcome<Page<AuditEntry>>>;
  /** With somebody in them or before their door. */
  liveMeetings(): Promise<Outcome<Page<LiveMeeting>>>;
  /** For all who are in it. */
  endLiveMeeting(meeting: string): Promise<Outcome<void>>;
  /** Out of a meeting or its lobby; there is no way back in. */
  sendOut(meeting: string, person: number): Promise<Outcome<void>>;
  /** Of everybody, between two instants. */
  allPlans(from: number, until: number): Promise<Outcome<OccurrenceList>>;
  serverPolicy(): Promise<Outcome<ServerPolicy>>;
  /** Everybody's and the server's. */
  allTokens(): Promise<Outcome<Page<ApiToken>>>;
  makeServerToken(name: string, scopes: TokenScope[], days?: number): Promise<Outcome<ApiTokenMade>>;
  revokeAnyToken(id: string): Promise<Outcome<void>>;
  webhooks(): Promise<Outcome<Page<Webhook>>>;
  makeWebhook(url: string, events: HookEvent[]): Promise<Outcome<WebhookMade>>;
  changeWebhook(id: string, change: { url?: string; events?: HookEvent[]; enabled?: boolean }): Promise<Outcome<Webhook>>;
  removeWebhook(id: string): Promise<Outcome<void>>;
  /** Those that were given up first, then the newest. */
  deliveries(id: string): Promise<Outcome<Page<Delivery>>>;
  sendAgain(id: string, delivery: string): Promise<Outcome<void>>;
  testWebhook(id: string): Promise<Outcome<void>>;
  /** Calls of the last weeks, newest first. */
  calls(after?: string): Promise<Outcome<Page<Call>>>;
  /** One of them, minute by minute. */
  call(id: number): Promise<Outcome<CallDetails>>;
}
