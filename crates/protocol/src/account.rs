//! Bodies of the HTTP API about accounts: `/api/v1/session`, `/account`, `/accounts`, `/invitations`, `/audit`. Times are
//! milliseconds since 1970. Secrets travel in bodies only, never in a path.

use confab_base::AccountId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What an account may do on the whole server. In a meeting there are other roles: see [`crate::Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    Member,
    /// Invites, disables and looks at members, and reads the audit log.
    Admin,
    /// An admin who also says who is admin and owner. A server never loses its last one.
    Owner,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    /// Nobody; the command line still can.
    Closed,
    /// Whoever an admin invites.
    #[default]
    Invitation,
    /// Whoever has a mail address: a letter to it invites.
    Open,
}

/// `GET /api/v1/session`: who is asking and what there is for them. Also the answer to everything that signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Standing {
    /// This server has accounts.
    pub accounts: bool,
    pub sign_up: SignUp,
    /// Letters can be sent: forgotten passwords are helped with.
    pub mail: bool,
    pub may_create: MayCreate,
    /// Name of the sign-in provider (OpenID Connect), for a button; absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub provider: Option<String>,
    /// Passkeys can be used here.
    #[serde(default)]
    pub passkeys: bool,
    /// Absent: not signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub me: Option<Account>,
}

/// Whether whoever asks may create a meeting now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MayCreate {
    Yes,
    /// After signing in.
    SignIn,
    /// Only with an API token, or from elsewhere.
    No,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Account {
    pub id: AccountId,
    pub email: String,
    pub name: String,
    pub role: AccountRole,
    /// BCP 47, as in "zh-CN"; absent: as the browser has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    /// IANA, as in "Europe/Berlin"; absent: as the browser has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub time_zone: Option<String>,
    #[ts(type = "number")]
    pub created_at: u64,
    pub disabled: bool,
}

/// `POST /api/v1/session`
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub email: String,
    pub password: String,
}

/// `POST /api/v1/accounts`: an invitation is taken.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// From the link.
    pub token: String,
    /// 1 to [`crate::MAX_NAME`] characters.
    pub name: String,
    pub password: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
}

/// `POST /api/v1/account/reset` and `POST /api/v1/accounts/request`: a letter with a link is wanted. The answer is the same
/// whoever asks.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AskForLink {
    pub email: String,
    /// Of the letter; absent: English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
}

/// `POST /api/v1/account/reset/confirm`
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// From the link.
    pub token: String,
    pub password: String,
}

/// `POST /api/v1/account/password`
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    pub password: String,
}

/// `POST /api/v1/account/delete`: the account and all that is its own, for good.
#[derive(Clone, Default, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteAccount {
    /// Its mail address once more, so that nobody does it by a slip.
    pub email: String,
    /// Needed where the account has one.
    pub password: String,
}

/// `PATCH /api/v1/account`: what is absent stays. An empty language or time zone is taken away.
#[derive(Clone, Debug, Default, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeProfile {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub time_zone: Option<String>,
}

/// A place where an account is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SignedIn {
    pub id: String,
    #[ts(type = "number")]
    pub created_at: u64,
    /// To ten minutes.
    #[ts(type = "number")]
    pub used_at: u64,
    #[ts(type = "number")]
    pub expires_at: u64,
    /// Browser and system in few words, as it says of itself; may be empty.
    pub agent: String,
    /// The one that asks.
    pub current: bool,
}

/// `POST /api/v1/invitations`
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    pub email: String,
    pub role: AccountRole,
    /// Send the letter; the link is told in any case.
    #[serde(default)]
    pub send: bool,
    /// Of the letter; absent: English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
}

/// Its answer, the only place where the link is told.
#[derive(Clone, Deserialize, Serialize, TS)]
pub struct Invited {
    pub invitation: Invitation,
    pub link: String,
}

/// One that is open; of `POST /api/v1/invitations/look`, which asks with the link's token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Invitation {
    pub id: String,
    pub email: String,
    pub role: AccountRole,
    #[ts(type = "number")]
    pub created_at: u64,
    #[ts(type = "number")]
    pub expires_at: u64,
}

/// `POST /api/v1/invitations/look`
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LinkToken {
    pub token: String,
}

/// `PATCH /api/v1/accounts/{id}`
#[derive(Clone, Debug, Default, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeAccount {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub role: Option<AccountRole>,
    /// A disabled account is signed out everywhere and cannot sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub disabled: Option<bool>,
}

/// A page of a list; `next` asks for the one after it, as `?after=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}

/// What was done, by whom, from where: `GET /api/v1/audit`, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AuditEntry {
    #[ts(type = "number")]
    pub id: u64,
    #[ts(type = "number")]
    pub at: u64,
    pub action: AuditAction,
    /// Mail address of who did it; absent: the command line, or nobody who is signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<String>,
    /// Whom it was done to, where that is someone else; or a meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub of: Option<String>,
    /// A word more, such as the new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub detail: Option<String>,
    /// Network address it came from; absent: the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub address: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    SignedIn,
    SignInFailed,
    /// Too many wrong passwords: the next have to wait.
    SlowedDown,
    SignedOut,
    SignedOutEverywhere,
    SessionEnded,
    PasswordChanged,
    ResetAsked,
    PasswordReset,
    Invited,
    InvitationRevoked,
    Joined,
    ProfileChanged,
    RoleChanged,
    Disabled,
    Enabled,
    /// A person at the sign-in provider may now enter as this account.
    ProviderLinked,
    ProviderUnlinked,
    PasskeyAdded,
    PasskeyRemoved,
    /// For all who were in; `of` is its title.
    MeetingEnded,
    /// Out of the meeting with the title `of`; `detail` is the name.
    PersonSentOut,
    /// Somebody took along all that is kept of its account.
    DataExported,
    AccountDeleted,
    /// `of` is its name.
    TokenMade,
    TokenRevoked,
    /// `of` is its address.
    WebhookMade,
    WebhookChanged,
    WebhookRemoved,
    /// How much the server writes to its log; `detail` is the level.
    LogLevelSet,
}

/// `GET /api/v1/account/ways`: how this account can be entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WaysIn {
    pub password: bool,
    /// Absent: not linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub provider: Option<LinkedProvider>,
    /// Newest first.
    pub passkeys: Vec<Passkey>,
}

/// The person at the sign-in provider an account is linked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LinkedProvider {
    /// As the provider told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
    #[ts(type = "number")]
    pub created_at: u64,
    #[ts(type = "number")]
    pub used_at: u64,
}

/// `POST /api/v1/account/provider`: where the browser has to go for the account to be linked. Good for ten minutes, and
/// only with the cookie that came along.
///
/// Also what `DELETE /api/v1/session` answers who came by a provider that can be signed out of: where that is done.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct ProviderPage {
    pub url: String,
}

/// `POST /api/v1/session/app`, by somebody who is signed in in a browser: the desktop app on the same machine gets a session of
/// its own (RFC 8252 with a loopback address).
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct AppSignIn {
    /// Where the app listens on 127.0.0.1.
    pub port: u16,
    /// RFC 7636, S256: base64url without padding, 43 characters.
    pub challenge: String,
    /// The app's own word, given back to it: 16 to 128 letters, digits, `-` and `_`.
    pub state: String,
}

/// Where the browser goes then. The code in it is good once, for a minute.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct AppPage {
    pub url: String,
}

/// `POST /api/v1/session/app/token`, by the app.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct AppCode {
    pub code: String,
    /// What the challenge was made from.
    pub verifier: String,
}

/// The app's session. The secret is told only here; it is sent along as the session's cookie.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct AppSession {
    pub secret: String,
    /// Seconds it lasts.
    #[ts(type = "number")]
    pub lasts: u64,
    pub me: Account,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Passkey {
    pub id: String,
    pub name: String,
    #[ts(type = "number")]
    pub created_at: u64,
    /// Absent: not used yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub used_at: Option<u64>,
}

/// `POST /api/v1/session/passkey/challenge`: what a passkey has to sign, once and within five minutes (WebAuthn,
/// `PublicKeyCredentialRequestOptions`). Bytes are base64url without padding, here and below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PasskeyChallenge {
    pub challenge: String,
    /// The name passkeys of this server belong to.
    pub rp_id: String,
}

/// `POST /api/v1/account/passkeys/challenge`: the same for a new one (`PublicKeyCredentialCreationOptions`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NewPasskeyChallenge {
    pub challenge: String,
    pub rp_id: String,
    /// `user.id`
    pub user: String,
    /// Credential ids the account has already: no authenticator keeps two.
    pub known: Vec<String>,
}

/// `POST /api/v1/session/passkey`: what `navigator.credentials.get` gave.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    pub credential: String,
    pub client_data: String,
    pub authenticator_data: String,
    pub signature: String,
    /// `userHandle`, where the authenticator told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user: Option<String>,
}

/// `POST /api/v1/account/passkeys`: what `navigator.credentials.create` gave.
#[derive(Clone, Debug, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// 1 to [`crate::MAX_NAME`] characters.
    pub name: String,
    pub credential: String,
    pub client_data: String,
    pub authenticator_data: String,
    /// SubjectPublicKeyInfo in DER, as `getPublicKey()` gives it.
    pub key: String,
    /// COSE: -7 (ES256), -8 (EdDSA) or -257 (RS256).
    pub algorithm: i32,
}

macro_rules! hidden {
    ($($name:ident),*) => { $(
        impl std::fmt::Debug for $name {
            /// There is a secret in it.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    )* };
}

hidden!(
    SignIn,
    Join,
    AskForLink,
    NewPassword,
    ChangePassword,
    DeleteAccount,
    Invited,
    LinkToken,
    PasskeyAnswer,
    ProviderPage,
    AppSignIn,
    AppPage,
    AppCode,
    AppSession
);
