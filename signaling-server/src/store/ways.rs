//! Ways into an account beside its password, in the database: persons at a provider, passkeys.

use super::StoreError;
use super::accounts::{ACCOUNT, account, account_id, one, time};
use super::sql::{self, Connection, Row};
use super::{AccountRecord, Database};
use confab_protocol::AccountId;

/// A person at a provider of OpenID Connect, and the account that is.
#[derive(Clone, Debug)]
pub(crate) struct IdentityRecord {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) account: AccountId,
    pub(crate) email: Option<String>,
    pub(crate) created_at: u64,
    pub(crate) used_at: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct PasskeyRecord {
    /// base64url
    pub(crate) credential: String,
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) name: String,
    /// SubjectPublicKeyInfo in DER, base64url.
    pub(crate) key: String,
    /// COSE.
    pub(crate) algorithm: i32,
    pub(crate) counter: u32,
    pub(crate) created_at: u64,
    pub(crate) used_at: Option<u64>,
}

/// One step of a change to them.
#[derive(Clone, Debug)]
pub(crate) enum WayChange {
    /// [`StoreError::Taken`]: one of the two is linked already.
    AddIdentity(IdentityRecord),
    UseIdentity {
        issuer: String,
        subject: String,
        email: Option<String>,
        at: u64,
    },
    RemoveIdentity {
        account: AccountId,
        issuer: String,
    },
    /// [`StoreError::Taken`]: the credential is known already.
    AddPasskey(PasskeyRecord),
    /// [`StoreError::Gone`], where the passkey is gone or has counted further meanwhile.
    UsePasskey {
        credential: String,
        counter: u32,
        at: u64,
    },
    /// [`StoreError::Gone`]: the account has none of this id.
    RemovePasskey {
        account: AccountId,
        id: String,
    },
    /// [`StoreError::LastWay`], where nothing is left by which this account can be entered.
    KeepAWay {
        account: AccountId,
    },
}

const PASSKEY: &str = "credential, id, account, name, key, algorithm, counter, created_at, used_at";

impl Database {
    /// Who a person at a provider is here.
    pub(super) async fn read_identity(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<AccountRecord>, StoreError> {
        let sql = format!(
            "SELECT {ACCOUNT} FROM account WHERE id = (SELECT i.account FROM account_identity i WHERE i.issuer = $1 AND i.subject = $2)"
        );
        let row = sql::query(sqlx::AssertSqlSafe(sql))
            .bind(issuer)
            .bind(subject)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| account(&row, "")).transpose()
    }

    pub(super) async fn read_identities(
        &self,
        account: &AccountId,
    ) -> Result<Vec<IdentityRecord>, StoreError> {
        let rows = sql::query(
            "SELECT issuer, subject, account, email, created_at, used_at FROM account_identity WHERE account = $1",
        )
        .bind(account.as_str())
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(identity).collect()
    }

    pub(super) async fn read_passkey(
        &self,
        credential: &str,
    ) -> Result<Option<PasskeyRecord>, StoreError> {
        let sql = format!("SELECT {PASSKEY} FROM passkey WHERE credential = $1");
        let row = sql::query(sqlx::AssertSqlSafe(sql))
            .bind(credential)
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(passkey).transpose()
    }

    /// Newest first.
    pub(super) async fn read_passkeys(
        &self,
        account: &AccountId,
    ) -> Result<Vec<PasskeyRecord>, StoreError> {
        let sql =
            format!("SELECT {PASSKEY} FROM passkey WHERE account = $1 ORDER BY created_at DESC");
        let rows = sql::query(sqlx::AssertSqlSafe(sql))
            .bind(account.as_str())
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(passkey).collect()
    }
}

fn identity(row: &Row) -> Result<IdentityRecord, StoreError> {
    Ok(IdentityRecord {
        issuer: row.try_get("issuer")?,
        subject: row.try_get("subject")?,
        account: account_id(row)?,
        email: row.try_get("email")?,
        created_at: time(row, "created_at")?,
        used_at: time(row, "used_at")?,
    })
}

fn passkey(row: &Row) -> Result<PasskeyRecord, StoreError> {
    let used_at: Option<i64> = row.try_get("used_at")?;
    let algorithm: i64 = row.try_get("algorithm")?;
    Ok(PasskeyRecord {
        credential: row.try_get("credential")?,
        id: row.try_get("id")?,
        account: account_id(row)?,
        name: row.try_get("name")?,
        key: row.try_get("key")?,
        algorithm: algorithm as i32,
        counter: time(row, "counter")? as u32,
        created_at: time(row, "created_at")?,
        used_at: used_at.map(|at| at as u64),
    })
}

/// What a step does to the tables, inside the writer's transaction.
pub(super) async fn change(
    connection: &mut Connection,
    step: &WayChange,
) -> Result<(), StoreError> {
    match step {
        WayChange::AddIdentity(record) => add_identity(connection, record).await,
        WayChange::AddPasskey(record) => add_passkey(connection, record).await,
        WayChange::UseIdentity {
            issuer,
            subject,
            email,
            at,
        } => {
            let used = sql::query(
                "UPDATE account_identity SET used_at = $1, email = $2 WHERE issuer = $3 AND subject = $4",
            )
            .bind(*at as i64)
            .bind(email.as_deref())
            .bind(issuer.as_str())
            .bind(subject.as_str());
            one(connection.execute(used).await?.rows_affected())
        }
        WayChange::RemoveIdentity { account, issuer } => {
            let gone =
                sql::query("DELETE FROM account_identity WHERE account = $1 AND issuer = $2")
                    .bind(account.as_str())
                    .bind(issuer.as_str());
            one(connection.execute(gone).await?.rows_affected())
        }
        WayChange::UsePasskey {
            credential,
            counter,
            at,
        } => {
            // Of two answers with the same count one at most is from the authenticator.
            let used = sql::query(
                "UPDATE passkey SET used_at = $1, counter = $2 WHERE credential = $3 AND (counter < $2 OR counter = 0 AND $2 = 0)",
            )
            .bind(*at as i64)
            .bind(i64::from(*counter))
            .bind(credential.as_str());
            one(connection.execute(used).await?.rows_affected())
        }
        WayChange::RemovePasskey { account, id } => {
            let gone = sql::query("DELETE FROM passkey WHERE account = $1 AND id = $2")
                .bind(account.as_str())
                .bind(id.as_str());
            one(connection.execute(gone).await?.rows_affected())
        }
        WayChange::KeepAWay { account } => {
            let left = sql::query(
                "SELECT id FROM account WHERE id = $1 AND (password IS NOT NULL \
                 OR EXISTS (SELECT 1 FROM passkey p WHERE p.account = $1) \
                 OR EXISTS (SELECT 1 FROM account_identity i WHERE i.account = $1))",
            )
            .bind(account.as_str());
            let left = connection.fetch_optional(left).await?;
            left.map(|_| ()).ok_or(StoreError::LastWay)
        }
    }
}

fn taken(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::Taken,
        error => error.into(),
    }
}

async fn add_identity(
    connection: &mut Connection,
    record: &IdentityRecord,
) -> Result<(), StoreError> {
    let add = sql::query(
        "INSERT INTO account_identity (issuer, subject, account, email, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(record.issuer.as_str())
    .bind(record.subject.as_str())
    .bind(record.account.as_str())
    .bind(record.email.as_deref())
    .bind(record.created_at as i64)
    .bind(record.used_at as i64);
    connection.execute(add).await.map_err(taken)?;
    Ok(())
}

async fn add_passkey(
    connection: &mut Connection,
    record: &PasskeyRecord,
) -> Result<(), StoreError> {
    let add = sql::query(
        "INSERT INTO passkey (credential, id, account, name, key, algorithm, counter, created_at, used_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(record.credential.as_str())
    .bind(record.id.as_str())
    .bind(record.account.as_str())
    .bind(record.name.as_str())
    .bind(record.key.as_str())
    .bind(i64::from(record.algorithm))
    .bind(i64::from(record.counter))
    .bind(record.created_at as i64)
    .bind(record.used_at.map(|at| at as i64));
    connection.execute(add).await.map_err(taken)?;
    Ok(())
}

#[cfg(test)]
mod tests;
