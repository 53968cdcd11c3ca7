//! Accounts in the database: what is asked ([`AccountStore`]) and what is changed ([`AccountChange`]). The SQL is of the kind that
//! SQLite and PostgreSQL both speak.

use super::sql::{self, Connection, Row};
use super::writer::Job;
use super::{
    Database, Export, IdentityRecord, PasskeyRecord, Pending, StoreError, TokenChange, TokenRecord,
    TokensOf, WayChange, privacy, tokens, ways,
};
use crate::secrets::Digest;
use confab_protocol::{AccountId, AccountRole, ApiToken, AuditAction, AuditEntry, Invitation};

#[derive(Clone, Debug)]
pub(crate) struct AccountRecord {
    pub(crate) id: AccountId,
    /// In lower case, as `accounts::normal_email` writes it.
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: AccountRole,
    /// PHC form.
    pub(crate) password: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) created_at: u64,
    pub(crate) disabled_at: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct SessionRecord {
    pub(crate) token: Digest,
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) created_at: u64,
    pub(crate) used_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) agent: String,
}

/// An audit entry before it has its number.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub(crate) at: u64,
    pub(crate) action: AuditAction,
    pub(crate) by: Option<String>,
    pub(crate) of: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) address: Option<String>,
}

/// One step of a change. A list of them is done as a whole or not at all.
#[derive(Clone, Debug)]
pub(crate) enum AccountChange {
    /// [`StoreError::Taken`]: the mail address has an account.
    AddAccount(AccountRecord),
    SetPassword {
        account: AccountId,
        password: String,
    },
    SetProfile {
        account: AccountId,
        name: String,
        language: Option<String>,
        time_zone: Option<String>,
    },
    SetRole {
        account: AccountId,
        role: AccountRole,
    },
    SetDisabled {
        account: AccountId,
        at: Option<u64>,
    },
    /// [`StoreError::LastOwner`], where no owner who can sign in is left.
    KeepAnOwner,
    AddSession(SessionRecord),
    UseSession {
        token: Digest,
        at: u64,
    },
    EndSession {
        account: AccountId,
        id: String,
    },
    EndSessions {
        account: AccountId,
    },
    /// In place of an older one for the same address.
    AddInvitation {
        token: Digest,
        invitation: Invitation,
    },
    /// [`StoreError::Gone`]: used, called back or too old.
    TakeInvitation {
        token: Digest,
        now: u64,
    },
    RevokeInvitation {
        id: String,
    },
    /// In place of an older one of the same account.
    AddReset {
        token: Digest,
        account: AccountId,
        expires_at: u64,
    },
    /// [`StoreError::Gone`]: used or too old.
    TakeReset {
        token: Digest,
        account: AccountId,
        now: u64,
    },
    /// The account goes, and what stays of it is nobody's (`privacy.rs`). Put after all notes that name it.
    Erase {
        account: AccountId,
        email: String,
    },
    Way(WayChange),
    Token(TokenChange),
    Note(Deed),
    /// Forgets what is over: sessions, links, and entries of the log before `log_from` or beyond the newest `log_most`.
    Prune {
        now: u64,
        log_from: u64,
        log_most: u64,
    },
}

/// Where accounts are kept.
pub(crate) trait AccountStore: Send + Sync + 'static {
    fn any_account(&self) -> Pending<'_, bool>;
    fn account<'a>(&'a self, id: &'a AccountId) -> Pending<'a, Option<AccountRecord>>;
    fn account_by_email<'a>(&'a self, email: &'a str) -> Pending<'a, Option<AccountRecord>>;
    /// By mail address, from the one after `after` on.
    fn accounts<'a>(&'a self, after: &'a str, limit: u32) -> Pending<'a, Vec<AccountRecord>>;
    /// A session that is not over, with its account.
    fn session(
        &self,
        token: Digest,
        now: u64,
    ) -> Pending<'_, Option<(SessionRecord, AccountRecord)>>;
    /// Those that are not over, newest first.
    fn sessions<'a>(&'a self, account: &'a AccountId, now: u64) -> Pending<'a, Vec<SessionRecord>>;
    fn invitation(&self, token: Digest, now: u64) -> Pending<'_, Option<Invitation>>;
    /// Those that are open, newest first.
    fn invitations(&self, now: u64, limit: u32) -> Pending<'_, Vec<Invitation>>;
    /// The open invitation of an address, and what its link is found by.
    fn invitation_for<'a>(
        &'a self,
        email: &'a str,
        now: u64,
    ) -> Pending<'a, Option<(Digest, Invitation)>>;
    /// Who a person at a provider is here.
    fn identity<'a>(
        &'a self,
        issuer: &'a str,
        subject: &'a str,
    ) -> Pending<'a, Option<AccountRecord>>;
    fn identities<'a>(&'a self, account: &'a AccountId) -> Pending<'a, Vec<IdentityRecord>>;
    /// By credential id, base64url.
    fn passkey<'a>(&'a self, credential: &'a str) -> Pending<'a, Option<PasskeyRecord>>;
    /// Newest first.
    fn passkeys<'a>(&'a self, account: &'a AccountId) -> Pending<'a, Vec<PasskeyRecord>>;
    /// A token of a program that is good, and the account it stands for (none: the server's own).
    fn token(
        &self,
        digest: Digest,
        now: u64,
    ) -> Pending<'_, Option<(TokenRecord, Option<AccountRecord>)>>;
    /// Newest first.
    fn tokens<'a>(&'a self, of: &'a TokensOf, now: u64) -> Pending<'a, Vec<ApiToken>>;
    /// Whose password a link may change.
    fn reset(&self, token: Digest, now: u64) -> Pending<'_, Option<AccountId>>;
    /// All that is kept of an account, as of `now`.
    fn export<'a>(&'a self, account: &'a AccountRecord, now: u64) -> Pending<'a, Export>;
    /// Newest first, below the number `before`.
    fn audit(&self, before: u64, limit: u32) -> Pending<'_, Vec<AuditEntry>>;
    /// All steps or none. When it returns, a kill of the process loses none of them.
    fn change(&self, steps: Vec<AccountChange>) -> Pending<'_, ()>;
}

pub(super) const ACCOUNT: &str =
    "id, email, name, role, password, language, time_zone, created_at, disabled_at";
const INVITATION: &str = "id, email, role, created_at, expires_at";

impl AccountStore for Database {
    fn any_account(&self) -> Pending<'_, bool> {
        Box::pin(async move {
            let row = sql::query("SELECT id FROM account LIMIT 1")
                .fetch_optional(self.readers())
                .await?;
            Ok(row.is_some())
        })
    }

    fn account<'a>(&'a self, id: &'a AccountId) -> Pending<'a, Option<AccountRecord>> {
        self.one_account("id", id.as_str())
    }

    fn account_by_email<'a>(&'a self, email: &'a str) -> Pending<'a, Option<AccountRecord>> {
        self.one_account("email", email)
    }

    fn accounts<'a>(&'a self, after: &'a str, limit: u32) -> Pending<'a, Vec<AccountRecord>> {
        Box::pin(async move {
            let sql =
                format!("SELECT {ACCOUNT} FROM account WHERE email > $1 ORDER BY email LIMIT $2");
            let rows = sql::query(sqlx::AssertSqlSafe(sql))
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(self.readers())
                .await?;
            rows.iter().map(|row| account(row, "")).collect()
        })
    }

    fn session(
        &self,
        token: Digest,
        now: u64,
    ) -> Pending<'_, Option<(SessionRecord, AccountRecord)>> {
        Box::pin(async move {
            let row = sql::query(
                "SELECT s.token, s.id, s.account, s.created_at, s.used_at, s.expires_at, s.agent, a.id AS a_id, \
                 a.email AS a_email, a.name AS a_name, a.role AS a_role, a.password AS a_password, a.language AS a_language, \
                 a.time_zone AS a_time_zone, a.created_at AS a_created_at, a.disabled_at AS a_disabled_at \
                 FROM account_session s JOIN account a ON a.id = s.account \
                 WHERE s.token = $1 AND s.expires_at > $2 AND a.disabled_at IS NULL",
            )
            .bind(token.to_hex())
            .bind(now as i64)
            .fetch_optional(self.readers())
            .await?;
            row.map(|row| Ok((session(&row)?, account(&row, "a_")?)))
                .transpose()
        })
    }

    fn sessions<'a>(&'a self, account: &'a AccountId, now: u64) -> Pending<'a, Vec<SessionRecord>> {
        Box::pin(async move {
            let rows = sql::query(
                "SELECT token, id, account, created_at, used_at, expires_at, agent FROM account_session \
                 WHERE account = $1 AND expires_at > $2 ORDER BY created_at DESC LIMIT 200",
            )
            .bind(account.as_str())
            .bind(now as i64)
            .fetch_all(self.readers())
            .await?;
            rows.iter().map(session).collect()
        })
    }

    fn invitation(&self, token: Digest, now: u64) -> Pending<'_, Option<Invitation>> {
        Box::pin(async move {
            let sql =
                format!("SELECT {INVITATION} FROM invitation WHERE token = $1 AND expires_at > $2");
            let row = sql::query(sqlx::AssertSqlSafe(sql))
                .bind(token.to_hex())
                .bind(now as i64)
                .fetch_optional(self.readers())
                .await?;
            row.as_ref().map(invitation).transpose()
        })
    }

    fn invitations(&self, now: u64, limit: u32) -> Pending<'_, Vec<Invitation>> {
        Box::pin(async move {
            let sql = format!(
                "SELECT {INVITATION} FROM invitation WHERE expires_at > $1 ORDER BY created_at DESC LIMIT $2"
            );
            let rows = sql::query(sqlx::AssertSqlSafe(sql))
                .bind(now as i64)
                .bind(i64::from(limit))
                .fetch_all(self.readers())
                .await?;
            rows.iter().map(invitation).collect()
        })
    }

    fn invitation_for<'a>(
        &'a self,
        email: &'a str,
        now: u64,
    ) -> Pending<'a, Option<(Digest, Invitation)>> {
        Box::pin(async move {
            let sql = format!(
                "SELECT token, {INVITATION} FROM invitation WHERE email = $1 AND expires_at > $2"
            );
            let row = sql::query(sqlx::AssertSqlSafe(sql))
                .bind(email)
                .bind(now as i64)
                .fetch_optional(self.readers())
                .await?;
            row.map(|row| {
                let token: String = row.try_get("token")?;
                let token = Digest::from_hex(&token).ok_or_else(|| broken("token"))?;
                Ok((token, invitation(&row)?))
            })
            .transpose()
        })
    }

    fn identity<'a>(
        &'a self,
        issuer: &'a str,
        subject: &'a str,
    ) -> Pending<'a, Option<AccountRecord>> {
        Box::pin(self.read_identity(issuer, subject))
    }

    fn identities<'a>(&'a self, account: &'a AccountId) -> Pending<'a, Vec<IdentityRecord>> {
        Box::pin(self.read_identities(account))
    }

    fn passkey<'a>(&'a self, credential: &'a str) -> Pending<'a, Option<PasskeyRecord>> {
        Box::pin(self.read_passkey(credential))
    }

    fn passkeys<'a>(&'a self, account: &'a AccountId) -> Pending<'a, Vec<PasskeyRecord>> {
        Box::pin(self.read_passkeys(account))
    }

    fn token(
        &self,
        digest: Digest,
        now: u64,
    ) -> Pending<'_, Option<(TokenRecord, Option<AccountRecord>)>> {
        Box::pin(self.read_token(digest, now))
    }

    fn tokens<'a>(&'a self, of: &'a TokensOf, now: u64) -> Pending<'a, Vec<ApiToken>> {
        self.read_tokens(of, now)
    }

    fn reset(&self, token: Digest, now: u64) -> Pending<'_, Option<AccountId>> {
        Box::pin(async move {
            let id = sql::query_scalar::<String>(
                "SELECT account FROM password_reset WHERE token = $1 AND expires_at > $2",
            )
            .bind(token.to_hex())
            .bind(now as i64)
            .fetch_optional(self.readers())
            .await?;
            Ok(id.as_deref().and_then(AccountId::parse))
        })
    }

    fn export<'a>(&'a self, account: &'a AccountRecord, now: u64) -> Pending<'a, Export> {
        Box::pin(Database::export(self, account, now))
    }

    fn audit(&self, before: u64, limit: u32) -> Pending<'_, Vec<AuditEntry>> {
        Box::pin(async move {
            let rows = sql::query(
                "SELECT id, at, action, actor, subject, detail, address FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2",
            )
            .bind(before.min(i64::MAX as u64) as i64)
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await?;
            rows.iter().map(entry).collect()
        })
    }

    fn change(&self, steps: Vec<AccountChange>) -> Pending<'_, ()> {
        Box::pin(self.writer().run(Job::Accounts(steps)))
    }
}

impl Database {
    /// `column`: `id` or `email`.
    fn one_account<'a>(
        &'a self,
        column: &'static str,
        value: &'a str,
    ) -> Pending<'a, Option<AccountRecord>> {
        Box::pin(async move {
            let sql = format!("SELECT {ACCOUNT} FROM account WHERE {column} = $1");
            let row = sql::query(sqlx::AssertSqlSafe(sql))
                .bind(value)
                .fetch_optional(self.readers())
                .await?;
            row.map(|row| account(&row, "")).transpose()
        })
    }
}

fn broken(what: &str) -> StoreError {
    sqlx::Error::Decode(format!("column {what}").into()).into()
}

/// A word of an enum, as serde writes it.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn from_word<T: serde::de::DeserializeOwned>(word: String) -> Result<T, StoreError> {
    Ok(serde_json::from_value(serde_json::Value::String(word))?)
}

pub(super) fn time(row: &Row, column: &str) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>(column)? as u64)
}

pub(super) fn account(row: &Row, prefix: &str) -> Result<AccountRecord, StoreError> {
    let column = |name: &str| format!("{prefix}{name}");
    let text = |name: &str| row.try_get::<String, _>(column(name).as_str());
    let maybe = |name: &str| row.try_get::<Option<String>, _>(column(name).as_str());
    let disabled_at: Option<i64> = row.try_get(column("disabled_at").as_str())?;
    Ok(AccountRecord {
        id: AccountId::parse(&text("id")?).ok_or_else(|| broken("id"))?,
        email: text("email")?,
        name: text("name")?,
        role: from_word(text("role")?)?,
        password: maybe("password")?,
        language: maybe("language")?,
        time_zone: maybe("time_zone")?,
        created_at: time(row, &column("created_at"))?,
        disabled_at: disabled_at.map(|at| at as u64),
    })
}

/// The column `account`.
pub(super) fn account_id(row: &Row) -> Result<AccountId, StoreError> {
    let account: String = row.try_get("account")?;
    AccountId::parse(&account).ok_or_else(|| broken("account"))
}

fn session(row: &Row) -> Result<SessionRecord, StoreError> {
    let token: String = row.try_get("token")?;
    Ok(SessionRecord {
        token: Digest::from_hex(&token).ok_or_else(|| broken("token"))?,
        id: row.try_get("id")?,
        account: account_id(row)?,
        created_at: time(row, "created_at")?,
        used_at: time(row, "used_at")?,
        expires_at: time(row, "expires_at")?,
        agent: row.try_get("agent")?,
    })
}

fn invitation(row: &Row) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        role: from_word(row.try_get("role")?)?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: time(row, "id")?,
        at: time(row, "at")?,
        action: from_word(row.try_get("action")?)?,
        by: row.try_get("actor")?,
        of: row.try_get("subject")?,
        detail: row.try_get("detail")?,
        address: row.try_get("address")?,
    })
}

/// What a step does to the tables, inside the writer's transaction.
pub(super) async fn change(
    connection: &mut Connection,
    step: &AccountChange,
) -> Result<(), StoreError> {
    use AccountChange as C;
    match step {
        C::AddAccount(record) => add_account(connection, record).await,
        C::AddSession(record) => add_session(connection, record).await,
        C::AddInvitation { token, invitation } => {
            add_invitation(connection, *token, invitation).await
        }
        C::TakeInvitation { token, now } => {
            let take = sql::query("DELETE FROM invitation WHERE token = $1 AND expires_at > $2")
                .bind(token.to_hex())
                .bind(*now as i64);
            one(connection.execute(take).await?.rows_affected())
        }
        C::TakeReset {
            token,
            account,
            now,
        } => {
            let take = sql::query(
                "DELETE FROM password_reset WHERE token = $1 AND account = $2 AND expires_at > $3",
            )
            .bind(token.to_hex())
            .bind(account.as_str())
            .bind(*now as i64);
            one(connection.execute(take).await?.rows_affected())
        }
        C::AddReset {
            token,
            account,
            expires_at,
        } => {
            let older =
                sql::query("DELETE FROM password_reset WHERE account = $1").bind(account.as_str());
            connection.execute(older).await?;
            let add = sql::query(
                "INSERT INTO password_reset (token, account, expires_at) VALUES ($1, $2, $3)",
            )
            .bind(token.to_hex())
            .bind(account.as_str())
            .bind(*expires_at as i64);
            connection.execute(add).await?;
            Ok(())
        }
        C::KeepAnOwner => {
            let owner = sql::query(
                "SELECT id FROM account WHERE role = 'owner' AND disabled_at IS NULL LIMIT 1",
            );
            let owner = connection.fetch_optional(owner).await?;
            owner.map(|_| ()).ok_or(StoreError::LastOwner)
        }
        C::Way(step) => ways::change(connection, step).await,
        C::Token(step) => tokens::change(connection, step).await,
        C::Note(deed) => note(connection, deed).await,
        C::Erase { account, email } => privacy::erase(connection, account, email).await,
        C::Prune {
            now,
            log_from,
            log_most,
        } => prune(connection, *now, *log_from, *log_most).await,
        simple => update(connection, simple).await,
    }
}

pub(super) fn one(rows: u64) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::Gone),
        _ => Ok(()),
    }
}

/// The steps of one statement that may well touch nothing.
async fn update(connection: &mut Connection, step: &AccountChange) -> Result<(), StoreError> {
    use AccountChange as C;
    let query = match step {
        C::SetPassword { account, password } => {
            sql::query("UPDATE account SET password = $1 WHERE id = $2")
                .bind(password.as_str())
                .bind(account.as_str())
        }
        C::SetProfile {
            account,
            name,
            language,
            time_zone,
        } => {
            sql::query("UPDATE account SET name = $1, language = $2, time_zone = $3 WHERE id = $4")
                .bind(name.as_str())
                .bind(language.as_deref())
                .bind(time_zone.as_deref())
                .bind(account.as_str())
        }
        C::SetRole { account, role } => sql::query("UPDATE account SET role = $1 WHERE id = $2")
            .bind(word(role))
            .bind(account.as_str()),
        C::SetDisabled { account, at } => {
            sql::query("UPDATE account SET disabled_at = $1 WHERE id = $2")
                .bind(at.map(|at| at as i64))
                .bind(account.as_str())
        }
        C::UseSession { token, at } => {
            sql::query("UPDATE account_session SET used_at = $1 WHERE token = $2")
                .bind(*at as i64)
                .bind(token.to_hex())
        }
        C::EndSession { account, id } => {
            sql::query("DELETE FROM account_session WHERE account = $1 AND id = $2")
                .bind(account.as_str())
                .bind(id.as_str())
        }
        C::EndSessions { account } => {
            sql::query("DELETE FROM account_session WHERE account = $1").bind(account.as_str())
        }
        C::RevokeInvitation { id } => {
            sql::query("DELETE FROM invitation WHERE id = $1").bind(id.as_str())
        }
        _ => return Ok(()),
    };
    connection.execute(query).await?;
    Ok(())
}

async fn add_account(
    connection: &mut Connection,
    record: &AccountRecord,
) -> Result<(), StoreError> {
    let add = sql::query(
        "INSERT INTO account (id, email, name, role, password, language, time_zone, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(record.id.as_str())
    .bind(record.email.as_str())
    .bind(record.name.as_str())
    .bind(word(&record.role))
    .bind(record.password.as_deref())
    .bind(record.language.as_deref())
    .bind(record.time_zone.as_deref())
    .bind(record.created_at as i64);
    match connection.execute(add).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(StoreError::Taken),
        Err(error) => Err(error.into()),
    }
}

async fn add_session(
    connection: &mut Connection,
    record: &SessionRecord,
) -> Result<(), StoreError> {
    let add = sql::query(
        "INSERT INTO account_session (token, id, account, created_at, used_at, expires_at, agent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(record.token.to_hex())
    .bind(record.id.as_str())
    .bind(record.account.as_str())
    .bind(record.created_at as i64)
    .bind(record.used_at as i64)
    .bind(record.expires_at as i64)
    .bind(record.agent.as_str());
    connection.execute(add).await?;
    Ok(())
}

async fn add_invitation(
    connection: &mut Connection,
    token: Digest,
    invitation: &Invitation,
) -> Result<(), StoreError> {
    let older = sql::query("DELETE FROM invitation WHERE email = $1").bind(&invitation.email);
    connection.execute(older).await?;
    let add = sql::query(
        "INSERT INTO invitation (token, id, email, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(token.to_hex())
    .bind(invitation.id.as_str())
    .bind(invitation.email.as_str())
    .bind(word(&invitation.role))
    .bind(invitation.created_at as i64)
    .bind(invitation.expires_at as i64);
    connection.execute(add).await?;
    Ok(())
}

async fn note(connection: &mut Connection, deed: &Deed) -> Result<(), StoreError> {
    // One statement, so no other process comes between the number and its use.
    let add = sql::query(
        "INSERT INTO audit (id, at, action, actor, subject, detail, address) \
         SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5, $6 FROM audit",
    )
    .bind(deed.at as i64)
    .bind(word(&deed.action))
    .bind(deed.by.as_deref())
    .bind(deed.of.as_deref())
    .bind(deed.detail.as_deref())
    .bind(deed.address.as_deref());
    connection.execute(add).await?;
    Ok(())
}

async fn prune(
    connection: &mut Connection,
    now: u64,
    log_from: u64,
    log_most: u64,
) -> Result<(), StoreError> {
    for table in ["account_session", "invitation", "password_reset"] {
        let sql = format!("DELETE FROM {table} WHERE expires_at <= $1");
        let over = sql::query(sqlx::AssertSqlSafe(sql)).bind(now as i64);
        connection.execute(over).await?;
    }
    tokens::prune(connection, now).await?;
    // The newest entry stays, for the numbers go on from it.
    let old = sql::query(
        "DELETE FROM audit WHERE id < (SELECT MAX(id) FROM audit) \
         AND (at < $1 OR id <= (SELECT MAX(id) FROM audit) - $2)",
    )
    .bind(log_from as i64)
    .bind(log_most as i64);
    connection.execute(old).await?;
    privacy::sweep(connection).await
}

#[cfg(test)]
mod tests;
