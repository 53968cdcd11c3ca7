// Made by `cargo xtask sdk` from docs/openapi.json. Do not edit.
#![allow(clippy::too_many_arguments, reason = "the API's own shape")]

use crate::{Client, Error};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happens to those who come while no host is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AbsentHost {
    #[serde(rename = "wait")]
    Wait,
    #[serde(rename = "first_opens")]
    FirstOpens,
    #[serde(rename = "anyone")]
    Anyone,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountRole {
    #[serde(rename = "member")]
    Member,
    #[serde(rename = "admin")]
    Admin,
    #[serde(rename = "owner")]
    Owner,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub disabled: bool,
    pub email: String,
    pub id: String,
    /// BCP 47
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    pub name: String,
    pub role: AccountRole,
    /// IANA
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accounts {
    pub items: Vec<Account>,
    /// Asks for the page after this one, as `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Links to the forms of web calendars, filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddTo {
    pub google: String,
    /// Of work and school.
    pub outlook: String,
    /// outlook.com.
    pub outlook_live: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiToken {
    pub created_at: u64,
    /// Absent: it is good until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    pub id: String,
    pub name: String,
    /// Mail address of the account it stands for; absent: the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub scopes: Vec<TokenScope>,
    /// To ten minutes; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiTokens {
    pub items: Vec<ApiToken>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttendanceStays {
    /// Milliseconds since 1970.
    pub joined_at: u64,
    /// Milliseconds since 1970.
    pub left_at: Option<u64>,
    pub name: String,
    pub role: String,
    /// How long this one spoke, as far as the server counted.
    pub spoken_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attendance {
    pub stays: Vec<AttendanceStays>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttendeeAnswer {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "accepted")]
    Accepted,
    #[serde(rename = "declined")]
    Declined,
    #[serde(rename = "tentative")]
    Tentative,
    #[serde(rename = "delegated")]
    Delegated,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttendeeKind {
    #[serde(rename = "individual")]
    Individual,
    #[serde(rename = "group")]
    Group,
    #[serde(rename = "room")]
    Room,
    #[serde(rename = "resource")]
    Resource,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttendeePerson {
    pub address: String,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttendeeRole {
    #[serde(rename = "chair")]
    Chair,
    #[serde(rename = "required")]
    Required,
    #[serde(rename = "optional")]
    Optional,
    #[serde(rename = "informed")]
    Informed,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attendee {
    pub answer: AttendeeAnswer,
    pub asked: bool,
    pub kind: AttendeeKind,
    pub person: AttendeePerson,
    pub role: AttendeeRole,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What was done; more may come.
    pub action: String,
    /// Network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Milliseconds since 1970.
    pub at: u64,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub id: u64,
    /// Mail address of whom it was done to, or title of a meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditLog {
    pub items: Vec<AuditEntry>,
    /// Asks for the page after this one, as `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BusyBusy {
    /// Milliseconds since 1970.
    pub from: u64,
    /// Milliseconds since 1970.
    pub until: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    pub busy: Vec<BusyBusy>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Milliseconds since 1970.
    pub from: u64,
    pub id: u64,
    pub meeting: String,
    /// Of all people together.
    pub minutes: u64,
    pub people: u64,
    /// Of these, those with a `score` below 36.
    pub poor_minutes: u64,
    /// May be empty.
    pub title: String,
    /// The end of its last minute so far, milliseconds since 1970.
    pub to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallCauseKind {
    #[serde(rename = "loss_up")]
    LossUp,
    #[serde(rename = "loss_down")]
    LossDown,
    #[serde(rename = "bandwidth_up")]
    BandwidthUp,
    #[serde(rename = "bandwidth_down")]
    BandwidthDown,
    #[serde(rename = "cpu")]
    Cpu,
    #[serde(rename = "microphone")]
    Microphone,
    #[serde(rename = "speaker")]
    Speaker,
    #[serde(rename = "server_link")]
    ServerLink,
    #[serde(rename = "server_cpu")]
    ServerCpu,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallCause {
    /// The worst of it: thousandths; kbit/s of `bandwidth_up` and `bandwidth_down`; per cent of `cpu` (0: not known) and `server_cpu`.
    pub amount: u64,
    /// Milliseconds since 1970.
    pub from: u64,
    pub kind: CallCauseKind,
    /// Absent: the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<u64>,
    /// Milliseconds since 1970.
    pub to: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallDetails {
    pub call: Call,
    pub causes: Vec<CallCause>,
    /// The oldest minutes are left out.
    pub cut: bool,
    pub people: Vec<CallPerson>,
    /// The server's own minutes in that time.
    pub server: Vec<ServerMinute>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallMinute {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<QualityReport>,
    /// Milliseconds since 1970.
    pub from: u64,
    /// Tenths of a mean opinion score; below 36 it is a poor minute.
    pub score: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<LinkMeasure>,
    /// Milliseconds since 1970.
    pub to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallPersonClient {
    #[serde(rename = "browser")]
    Browser,
    #[serde(rename = "desktop")]
    Desktop,
    #[serde(rename = "headless")]
    Headless,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallPerson {
    pub client: CallPersonClient,
    pub id: u64,
    pub minutes: Vec<CallMinute>,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    pub items: Vec<Call>,
    /// Asks for the page after this one, as `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Cancel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeAccountRole {
    #[serde(rename = "member")]
    Member,
    #[serde(rename = "admin")]
    Admin,
    #[serde(rename = "owner")]
    Owner,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ChangeAccount {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ChangeAccountRole>,
}

/// What is absent stays. Null takes passcode, expires_at, organizer and room away. `schedule` is for all or from one occurrence on; `slot` for one occurrence; `title` for all or one; the rest for all only.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ChangeMeeting {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_host: Option<Option<AbsentHost>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boards: Option<Option<SeriesBoards>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Option<bool>>,
    /// Mail addresses of accounts: whoever joins signed in with one is co-host. Whether there is such an account is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co_hosts: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitees: Option<Option<Vec<Invitee>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lobby: Option<Option<Lobby>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizer: Option<Option<Contact>>,
    /// 4 to 64 characters; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Option<Permissions>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Option<Schedule>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Option<Slot>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ChangeWebhook {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<HookEvent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Created {
    pub guest_link: String,
    /// Holds the host key, which is told here only.
    pub host_link: String,
    pub id: String,
    /// Whether this server sends invitees letters.
    pub mails: bool,
    pub revision: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deliveries {
    pub items: Vec<Delivery>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryState {
    #[serde(rename = "waiting")]
    Waiting,
    #[serde(rename = "arrived")]
    Arrived,
    #[serde(rename = "dead")]
    Dead,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryTrouble {
    #[serde(rename = "unreachable")]
    Unreachable,
    #[serde(rename = "forbidden")]
    Forbidden,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub created_at: u64,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<u64>,
    pub event: HookEvent,
    /// The header `webhook-id`.
    pub id: String,
    pub state: DeliveryState,
    /// HTTP status of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
    pub tries: u64,
    /// Why the last try failed, where there was no status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<DeliveryTrouble>,
}

pub type Ends = serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub id: String,
    /// With its token; told once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feeds {
    pub feeds: Vec<Feed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The record's key, for its attendance.
    pub at: u64,
    /// Milliseconds since 1970.
    pub ended_at: Option<u64>,
    pub people: u64,
    /// Milliseconds since 1970.
    pub started_at: u64,
}

/// `recording.ready` is reserved; `webhook.test` cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookEvent {
    #[serde(rename = "meeting.started")]
    MeetingStarted,
    #[serde(rename = "meeting.ended")]
    MeetingEnded,
    #[serde(rename = "participant.joined")]
    ParticipantJoined,
    #[serde(rename = "participant.left")]
    ParticipantLeft,
    #[serde(rename = "meeting.planned")]
    MeetingPlanned,
    #[serde(rename = "meeting.changed")]
    MeetingChanged,
    #[serde(rename = "meeting.cancelled")]
    MeetingCancelled,
    #[serde(rename = "file.shared")]
    FileShared,
    #[serde(rename = "recording.ready")]
    RecordingReady,
    #[serde(rename = "webhook.test")]
    WebhookTest,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationRole {
    #[serde(rename = "member")]
    Member,
    #[serde(rename = "admin")]
    Admin,
    #[serde(rename = "owner")]
    Owner,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub email: String,
    /// Milliseconds since 1970.
    pub expires_at: u64,
    pub id: String,
    pub role: InvitationRole,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitations {
    pub items: Vec<Invitation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InviteRole {
    #[serde(rename = "member")]
    Member,
    #[serde(rename = "admin")]
    Admin,
    #[serde(rename = "owner")]
    Owner,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invite {
    pub email: String,
    /// Of the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    pub role: InviteRole,
    /// Send the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invited {
    pub invitation: Invitation,
    /// With its token; told once.
    pub link: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InviteeRole {
    #[serde(rename = "chair")]
    Chair,
    #[serde(rename = "required")]
    Required,
    #[serde(rename = "optional")]
    Optional,
    #[serde(rename = "informed")]
    Informed,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitee {
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<InviteeRole>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkMeasure {
    /// Thousandths of the time in which it was sent less than it wanted.
    pub held_back: u64,
    /// The same on the way to it.
    pub loss_down: u64,
    /// Thousandths of the packets lost on the way from the participant.
    pub loss_up: u64,
    /// Milliseconds that packets to it waited, at worst.
    pub queued_ms: u64,
    /// Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u64>,
    /// Thousandths of the time in which nothing came from it.
    pub silent: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Milliseconds since 1970.
    pub begins_at: u64,
    pub cancelled: bool,
    /// Milliseconds since 1970.
    pub ends_at: u64,
    pub guest_link: String,
    pub held: Option<Held>,
    pub meeting: String,
    /// An occurrence's name: the local time its rule gives it, also after it was moved.
    pub name: Option<String>,
    pub recurs: bool,
    pub title: String,
    pub zone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveMeeting {
    pub id: String,
    pub locked: bool,
    /// Mail address of whose it is; absent: made without an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub people: Vec<LivePerson>,
    /// When the first participant joined; absent: nobody has been let in yet. Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    pub title: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveMeetings {
    pub items: Vec<LiveMeeting>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LivePersonClient {
    #[serde(rename = "browser")]
    Browser,
    #[serde(rename = "desktop")]
    Desktop,
    #[serde(rename = "headless")]
    Headless,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LivePersonPresence {
    #[serde(rename = "connected")]
    Connected,
    #[serde(rename = "reconnecting")]
    Reconnecting,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LivePersonRole {
    #[serde(rename = "guest")]
    Guest,
    #[serde(rename = "participant")]
    Participant,
    #[serde(rename = "co_host")]
    CoHost,
    #[serde(rename = "host")]
    Host,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LivePerson {
    pub client: LivePersonClient,
    pub id: u64,
    /// Signed in with an account.
    pub member: bool,
    pub name: String,
    pub presence: LivePersonPresence,
    pub role: LivePersonRole,
    /// Milliseconds since 1970.
    pub since: u64,
    /// In the lobby.
    pub waiting: bool,
}

/// Who waits until a host lets them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lobby {
    #[serde(rename = "off")]
    Off,
    #[serde(rename = "guests")]
    Guests,
    #[serde(rename = "everyone")]
    Everyone,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MeetingInfoState {
    #[serde(rename = "open")]
    Open,
    #[serde(rename = "running")]
    Running,
    #[serde(rename = "ended")]
    Ended,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeetingInfo {
    /// Null: in no calendar, over or cancelled.
    pub add_to: Option<AddTo>,
    pub cancelled: bool,
    pub description: String,
    pub id: String,
    pub locked: bool,
    pub minutes: u64,
    /// Milliseconds since 1970.
    pub next_at: Option<u64>,
    pub organizer: String,
    pub participants: u64,
    pub passcode: bool,
    pub recurs: bool,
    /// Milliseconds since 1970.
    pub starts_at: u64,
    pub state: MeetingInfoState,
    pub title: String,
    pub zone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeetingPlanOrganizer {
    pub address: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeetingPlan {
    pub absent_host: AbsentHost,
    /// Null: not in calendars, or cancelled.
    pub add_to: Option<AddTo>,
    pub boards: SeriesBoards,
    pub cancelled: bool,
    /// Milliseconds since 1970.
    pub changed_at: u64,
    /// Mail addresses of accounts that join as co-hosts.
    pub co_hosts: Vec<String>,
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub description: String,
    /// What the series was before it was changed from one occurrence on.
    pub earlier: Vec<When>,
    pub ended: bool,
    /// Milliseconds since 1970.
    pub expires_at: Option<u64>,
    pub guest_link: String,
    pub id: String,
    pub invitees: Vec<Attendee>,
    pub lobby: Lobby,
    pub mails: bool,
    pub next: Option<Occurrence>,
    pub organizer: Option<MeetingPlanOrganizer>,
    pub owner: Option<String>,
    pub passcode: bool,
    pub permissions: Permissions,
    pub revision: u64,
    pub room: Option<String>,
    pub schedule: Schedule,
    /// iCalendar's SEQUENCE.
    pub sequence: u64,
    pub title: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meetings {
    /// Where a list goes on that was cut off; what runs then comes again.
    pub more_from: Option<u64>,
    pub occurrences: Vec<Listed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewFeed {
    pub name: String,
}

/// Either `schedule`, or `starts_at` and `minutes` as the short form of it, or neither: now.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct NewMeeting {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_host: Option<AbsentHost>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boards: Option<SeriesBoards>,
    /// Mail addresses of accounts: whoever joins signed in with one is co-host. Whether there is such an account is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co_hosts: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitees: Option<Vec<Invitee>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lobby: Option<Lobby>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizer: Option<Option<Contact>>,
    /// 4 to 64 characters; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Option<Schedule>>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewRoom {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_titles: Option<bool>,
    pub zone: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewWebhook {
    pub events: Vec<HookEvent>,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Milliseconds since 1970.
    pub begins_at: u64,
    pub cancelled: bool,
    /// Milliseconds since 1970.
    pub ends_at: u64,
    pub held: Option<Held>,
    /// An occurrence's name: the local time its rule gives it, also after it was moved.
    pub name: Option<String>,
    pub title: String,
    pub zone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurrences {
    /// Where a list goes on that was cut off; what runs then comes again.
    pub more_from: Option<u64>,
    pub occurrences: Vec<Occurrence>,
}

#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Override {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

pub type Pattern = serde_json::Value;

/// What those may do who are no hosts; absent: they may.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Permissions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactions: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmute: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonalRooms {
    pub rooms: Vec<MeetingPlan>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderPolicy {
    /// Mail addresses of these alone may enter; empty: all.
    pub domains: Vec<String>,
    pub issuer: String,
    /// An account is made at the first entry.
    pub sign_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QualityReportDevicesChange {
    #[serde(rename = "changed")]
    Changed,
    #[serde(rename = "lost")]
    Lost,
    #[serde(rename = "failed")]
    Failed,
    #[serde(rename = "back")]
    Back,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QualityReportDevicesDevice {
    #[serde(rename = "microphone")]
    Microphone,
    #[serde(rename = "speaker")]
    Speaker,
    #[serde(rename = "camera")]
    Camera,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityReportDevices {
    /// Seconds before the end of the minute.
    pub ago_s: u64,
    pub change: QualityReportDevicesChange,
    pub device: QualityReportDevicesDevice,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityReport {
    /// The same for lack of bandwidth.
    pub bandwidth_limited: u64,
    /// Thousandths of the sound that was made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concealed: Option<u64>,
    /// Per cent of all cores of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u64>,
    /// Thousandths of the time in which own pictures were less good for lack of processor.
    pub cpu_limited: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<QualityReportDevices>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps_sent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps_shown: Option<u64>,
    /// Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u64>,
    /// Thousandths of the packets that did not come in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_down: Option<u64>,
    /// Thousandths of the packets lost on the way to the server, as it reports back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_up: Option<u64>,
    /// Thousandths of the time in which the microphone was on.
    pub mic_on: u64,
    /// Thousandths of the time in which it was on and nothing came from it.
    pub mic_silent: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_kbps: Option<u64>,
    /// Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u64>,
    /// What it is about.
    pub seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_kbps: Option<u64>,
    /// Thousandths of the time in which nothing could be played.
    pub speaker_failed: u64,
    /// Thousandths of the time in which a voice had stalled.
    pub stalled: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Room {
    /// The page for a display beside the door.
    pub door_link: String,
    pub id: String,
    pub name: String,
    pub place: String,
    pub seats: Option<u64>,
    pub show_titles: bool,
    pub zone: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rooms {
    pub rooms: Vec<Room>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub ends: Ends,
    pub interval: u64,
    pub pattern: Pattern,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaidMessages {
    /// Milliseconds since 1970.
    pub at: u64,
    pub files: Vec<SharedFile>,
    pub name: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    pub messages: Vec<SaidMessages>,
}

/// Begun when made; a room that is there at any time; or planned. Only planned meetings are in calendars.
pub type Schedule = serde_json::Value;

/// All, one occurrence, or one and all that follow.
pub type Scope = serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Local starts left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Vec<String>>,
    pub first: Slot,
    /// Occurrences that are different, by their local start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<BTreeMap<String, Override>>,
    pub rule: Rule,
}

/// Whether the occurrences of a series share their whiteboards or begin with empty ones each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeriesBoards {
    #[serde(rename = "shared")]
    Shared,
    #[serde(rename = "separate")]
    Separate,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerLogLevel {
    #[serde(rename = "error")]
    Error,
    #[serde(rename = "warn")]
    Warn,
    #[serde(rename = "info")]
    Info,
    #[serde(rename = "debug")]
    Debug,
    #[serde(rename = "trace")]
    Trace,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerLog {
    pub level: ServerLogLevel,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerMinute {
    /// Per cent of all cores.
    pub cpu: u64,
    /// Packets dropped since queues were full.
    pub dropped: u64,
    /// Milliseconds since 1970.
    pub from: u64,
    /// Packets sent, of all meetings.
    pub packets: u64,
    /// Milliseconds since 1970.
    pub to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerPolicyCreate {
    #[serde(rename = "anyone")]
    Anyone,
    #[serde(rename = "token")]
    Token,
    #[serde(rename = "loopback")]
    Loopback,
    #[serde(rename = "account")]
    Account,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerPolicySignUp {
    #[serde(rename = "closed")]
    Closed,
    #[serde(rename = "invitation")]
    Invitation,
    #[serde(rename = "open")]
    Open,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerPolicy {
    /// Who may make meetings by the API.
    pub create: ServerPolicyCreate,
    pub joins_per_minute: u64,
    /// Sender of letters; absent: none are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    pub meetings_per_minute: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderPolicy>,
    pub session_days: u64,
    pub sign_up: ServerPolicySignUp,
    /// API tokens there are.
    pub tokens: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SharedFileKind {
    #[serde(rename = "image")]
    Image,
    #[serde(rename = "sound")]
    Sound,
    #[serde(rename = "video")]
    Video,
    #[serde(rename = "document")]
    Document,
    #[serde(rename = "archive")]
    Archive,
    /// Also one that this client does not know.
    #[serde(rename = "other", other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedFile {
    pub id: String,
    pub kind: SharedFileKind,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
    pub size: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    pub minutes: u64,
    /// Local time, `2026-11-24T09:00:00`.
    pub start: String,
    /// An IANA time zone.
    pub zone: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenScope {
    #[serde(rename = "meetings:read")]
    MeetingsRead,
    #[serde(rename = "meetings:write")]
    MeetingsWrite,
    #[serde(rename = "admin:read")]
    AdminRead,
    #[serde(rename = "admin:write")]
    AdminWrite,
    #[serde(rename = "webhooks")]
    Webhooks,
    /// Also one that this client does not know.
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// When a letter last arrived; absent: none has yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<u64>,
    pub created_at: u64,
    /// Letters that were given up and are kept.
    pub dead: u64,
    /// Letters never put down, because too many were waiting.
    pub dropped: u64,
    pub enabled: bool,
    pub events: Vec<HookEvent>,
    /// It answered 410 and was so switched off.
    pub gone: bool,
    pub id: String,
    pub url: String,
    /// Letters that wait to be sent, first or again.
    pub waiting: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookMade {
    /// The key of its signatures, `whsec_…`. Told here and nowhere else.
    pub secret: String,
    pub webhook: Webhook,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Webhooks {
    pub items: Vec<Webhook>,
}

pub type When = serde_json::Value;

/// The operations of a server's API that a token can do.
impl Client {
    /// For admins: 100 at a time, by mail address.
    pub fn list_accounts(&self, after: Option<&str>) -> Result<Accounts, Error> {
        let call = self
            .call("GET", &["api", "v1", "accounts"])
            .query("after", after);
        call.answered(None::<&()>)
    }

    /// Somebody else's account, for good. For admins, of members; for owners, of all but themselves.
    pub fn delete_account(&self, id: &str) -> Result<(), Error> {
        let call = self.call("DELETE", &["api", "v1", "accounts", id]);
        call.done(None::<&()>)
    }

    /// For admins, of members; for owners, of all but themselves.
    pub fn change_account(&self, id: &str, body: &ChangeAccount) -> Result<Account, Error> {
        let call = self.call("PATCH", &["api", "v1", "accounts", id]);
        call.answered(Some(body))
    }

    /// For admins: calls of the last weeks and how good they were, newest first, 50 at a time.
    pub fn list_calls(&self, after: Option<&str>) -> Result<Calls, Error> {
        let call = self
            .call("GET", &["api", "v1", "admin", "calls"])
            .query("after", after);
        call.answered(None::<&()>)
    }

    /// For admins: one call, minute by minute, and what went wrong in it.
    pub fn look_at_call(&self, call: &str) -> Result<CallDetails, Error> {
        let call = self.call("GET", &["api", "v1", "admin", "calls", call]);
        call.answered(None::<&()>)
    }

    /// For admins: how much the server writes to its log.
    pub fn show_log(&self) -> Result<ServerLog, Error> {
        let call = self.call("GET", &["api", "v1", "admin", "log"]);
        call.answered(None::<&()>)
    }

    /// For admins: log more or less from now on, until the server ends or another level is read from its configuration. Noted in the audit log.
    pub fn set_log(&self, body: &ServerLog) -> Result<ServerLog, Error> {
        let call = self.call("PUT", &["api", "v1", "admin", "log"]);
        call.answered(Some(body))
    }

    /// For admins: what runs now and who is in it.
    pub fn list_live_meetings(&self) -> Result<LiveMeetings, Error> {
        let call = self.call("GET", &["api", "v1", "admin", "meetings"]);
        call.answered(None::<&()>)
    }

    /// For admins: over for all who are in it. Noted in the audit log.
    pub fn end_live_meeting(&self, meeting: &str) -> Result<(), Error> {
        let call = self.call("POST", &["api", "v1", "admin", "meetings", meeting, "end"]);
        call.done(None::<&()>)
    }

    /// For admins: out of the meeting or its lobby, also a host. Noted in the audit log.
    pub fn send_out_of_meeting(&self, meeting: &str, person: &str) -> Result<(), Error> {
        let call = self.call(
            "DELETE",
            &["api", "v1", "admin", "meetings", meeting, "people", person],
        );
        call.done(None::<&()>)
    }

    /// For admins: what was and what will be on this server, by its beginning.
    pub fn list_all_plans(
        &self,
        from: Option<u64>,
        until: Option<u64>,
        limit: Option<u64>,
    ) -> Result<Meetings, Error> {
        let call = self
            .call("GET", &["api", "v1", "admin", "plans"])
            .query("from", from)
            .query("until", until)
            .query("limit", limit);
        call.answered(None::<&()>)
    }

    /// For admins: what the configuration says, without secrets.
    pub fn show_policy(&self) -> Result<ServerPolicy, Error> {
        let call = self.call("GET", &["api", "v1", "admin", "policy"]);
        call.answered(None::<&()>)
    }

    /// For admins: everybody's tokens and the server's own.
    pub fn list_tokens(&self) -> Result<ApiTokens, Error> {
        let call = self.call("GET", &["api", "v1", "admin", "tokens"]);
        call.answered(None::<&()>)
    }

    /// For admins: make anybody's token worthless.
    pub fn revoke_token(&self, id: &str) -> Result<(), Error> {
        let call = self.call("DELETE", &["api", "v1", "admin", "tokens", id]);
        call.done(None::<&()>)
    }

    /// For admins: receivers of what happens.
    pub fn list_webhooks(&self) -> Result<Webhooks, Error> {
        let call = self.call("GET", &["api", "v1", "admin", "webhooks"]);
        call.answered(None::<&()>)
    }

    /// For admins: have a receiver told of what happens.
    pub fn make_webhook(&self, body: &NewWebhook) -> Result<WebhookMade, Error> {
        let call = self.call("POST", &["api", "v1", "admin", "webhooks"]);
        call.answered(Some(body))
    }

    /// For admins: tell it nothing more; its letters go with it.
    pub fn remove_webhook(&self, id: &str) -> Result<(), Error> {
        let call = self.call("DELETE", &["api", "v1", "admin", "webhooks", id]);
        call.done(None::<&()>)
    }

    /// For admins: change, switch off or on.
    pub fn change_webhook(&self, id: &str, body: &ChangeWebhook) -> Result<Webhook, Error> {
        let call = self.call("PATCH", &["api", "v1", "admin", "webhooks", id]);
        call.answered(Some(body))
    }

    /// For admins: its newest 200 letters, those that were given up first.
    pub fn list_deliveries(&self, id: &str) -> Result<Deliveries, Error> {
        let call = self.call("GET", &["api", "v1", "admin", "webhooks", id, "deliveries"]);
        call.answered(None::<&()>)
    }

    /// For admins: send a letter again, from its first try on.
    pub fn send_delivery_again(&self, id: &str, delivery: &str) -> Result<(), Error> {
        let call = self.call(
            "POST",
            &[
                "api",
                "v1",
                "admin",
                "webhooks",
                id,
                "deliveries",
                delivery,
                "send",
            ],
        );
        call.done(None::<&()>)
    }

    /// For admins: send it `webhook.test`.
    pub fn test_webhook(&self, id: &str) -> Result<(), Error> {
        let call = self.call("POST", &["api", "v1", "admin", "webhooks", id, "test"]);
        call.done(None::<&()>)
    }

    /// For admins: what was done, 100 at a time.
    pub fn list_audit(&self, after: Option<&str>) -> Result<AuditLog, Error> {
        let call = self
            .call("GET", &["api", "v1", "audit"])
            .query("after", after);
        call.answered(None::<&()>)
    }

    /// Calendars that programs subscribe to.
    pub fn list_feeds(&self) -> Result<Feeds, Error> {
        let call = self.call("GET", &["api", "v1", "feeds"]);
        call.answered(None::<&()>)
    }

    /// A calendar to subscribe to: the account's meetings, or all with an API token.
    pub fn create_feed(&self, body: &NewFeed) -> Result<Feed, Error> {
        let call = self.call("POST", &["api", "v1", "feeds"]);
        call.answered(Some(body))
    }

    /// Its link is worth nothing from then on.
    pub fn revoke_feed(&self, feed: &str) -> Result<(), Error> {
        let call = self.call("DELETE", &["api", "v1", "feeds", feed]);
        call.done(None::<&()>)
    }

    /// For admins: those that are open.
    pub fn list_invitations(&self) -> Result<Invitations, Error> {
        let call = self.call("GET", &["api", "v1", "invitations"]);
        call.answered(None::<&()>)
    }

    /// For admins. The link is told here alone.
    pub fn invite(&self, body: &Invite) -> Result<Invited, Error> {
        let call = self.call("POST", &["api", "v1", "invitations"]);
        call.answered(Some(body))
    }

    /// For admins: the link leads nowhere from then on.
    pub fn revoke_invitation(&self, id: &str) -> Result<(), Error> {
        let call = self.call("DELETE", &["api", "v1", "invitations", id]);
        call.done(None::<&()>)
    }

    /// What was and what will be, by its beginning: of the account, or of all with an API token.
    pub fn list_meetings(
        &self,
        from: Option<u64>,
        until: Option<u64>,
        limit: Option<u64>,
    ) -> Result<Meetings, Error> {
        let call = self
            .call("GET", &["api", "v1", "meetings"])
            .query("from", from)
            .query("until", until)
            .query("limit", limit);
        call.answered(None::<&()>)
    }

    /// Make a meeting: now, planned, a series, or a personal room. Who may is configured.
    pub fn create_meeting(&self, body: &NewMeeting) -> Result<Created, Error> {
        let call = self.call("POST", &["api", "v1", "meetings"]);
        call.answered(Some(body))
    }

    /// What anyone with the link may know.
    pub fn meeting_info(&self, meeting: &str) -> Result<MeetingInfo, Error> {
        let call = self.call("GET", &["api", "v1", "meetings", meeting]);
        call.answered(None::<&()>)
    }

    /// Change one occurrence, one and what follows, or all. Invitees are told by mail.
    pub fn change_meeting(
        &self,
        meeting: &str,
        body: &ChangeMeeting,
        if_match: Option<&str>,
    ) -> Result<MeetingPlan, Error> {
        let call = self
            .call("PATCH", &["api", "v1", "meetings", meeting])
            .if_match(if_match);
        call.answered(Some(body))
    }

    /// Who was there.
    pub fn attendance(
        &self,
        meeting: &str,
        at: Option<u64>,
        format: Option<&str>,
    ) -> Result<Attendance, Error> {
        let call = self
            .call("GET", &["api", "v1", "meetings", meeting, "attendance"])
            .query("at", at)
            .query("format", format);
        call.answered(None::<&()>)
    }

    /// Cancel all (no body), one occurrence, or one and what follows. Invitees are told by mail.
    pub fn cancel_meeting(
        &self,
        meeting: &str,
        body: Option<&Cancel>,
        if_match: Option<&str>,
    ) -> Result<MeetingPlan, Error> {
        let call = self
            .call("POST", &["api", "v1", "meetings", meeting, "cancel"])
            .if_match(if_match);
        call.answered(body)
    }

    /// What was said to all.
    pub fn chat(&self, meeting: &str, at: Option<u64>) -> Result<Said, Error> {
        let call = self
            .call("GET", &["api", "v1", "meetings", meeting, "chat"])
            .query("at", at);
        call.answered(None::<&()>)
    }

    /// A new host key; the old one opens nothing from then on.
    pub fn rotate_host_key(&self, meeting: &str, if_match: Option<&str>) -> Result<Created, Error> {
        let call = self
            .call("POST", &["api", "v1", "meetings", meeting, "host-key"])
            .if_match(if_match);
        call.answered(None::<&()>)
    }

    /// Occurrences of one meeting with what took place of them.
    pub fn list_occurrences(
        &self,
        meeting: &str,
        from: Option<u64>,
        until: Option<u64>,
        limit: Option<u64>,
    ) -> Result<Occurrences, Error> {
        let call = self
            .call("GET", &["api", "v1", "meetings", meeting, "occurrences"])
            .query("from", from)
            .query("until", until)
            .query("limit", limit);
        call.answered(None::<&()>)
    }

    /// The meeting as its host sees it.
    pub fn meeting_plan(&self, meeting: &str) -> Result<MeetingPlan, Error> {
        let call = self.call("GET", &["api", "v1", "meetings", meeting, "plan"]);
        call.answered(None::<&()>)
    }

    /// The account's personal rooms, used or not, without those that are cancelled; newest first.
    pub fn personal_rooms(&self) -> Result<PersonalRooms, Error> {
        let call = self.call("GET", &["api", "v1", "personal-rooms"]);
        call.answered(None::<&()>)
    }

    /// Rooms that can be booked.
    pub fn list_rooms(&self) -> Result<Rooms, Error> {
        let call = self.call("GET", &["api", "v1", "rooms"]);
        call.answered(None::<&()>)
    }

    /// A room that can be booked.
    pub fn create_room(&self, body: &NewRoom) -> Result<Room, Error> {
        let call = self.call("POST", &["api", "v1", "rooms"]);
        call.answered(Some(body))
    }

    /// Remove a room; meetings booked in it stay, without one.
    pub fn delete_room(&self, room: &str) -> Result<(), Error> {
        let call = self.call("DELETE", &["api", "v1", "rooms", room]);
        call.done(None::<&()>)
    }

    /// One room.
    pub fn room(&self, room: &str) -> Result<Room, Error> {
        let call = self.call("GET", &["api", "v1", "rooms", room]);
        call.answered(None::<&()>)
    }

    /// Change a room.
    pub fn save_room(&self, room: &str, body: &NewRoom) -> Result<Room, Error> {
        let call = self.call("PUT", &["api", "v1", "rooms", room]);
        call.answered(Some(body))
    }

    /// When a room is taken.
    pub fn room_busy(
        &self,
        room: &str,
        from: Option<u64>,
        until: Option<u64>,
    ) -> Result<Busy, Error> {
        let call = self
            .call("GET", &["api", "v1", "rooms", room, "busy"])
            .query("from", from)
            .query("until", until);
        call.answered(None::<&()>)
    }
}
