//! Tokens of programs in the database. The SQL is of the kind that SQLite and PostgreSQL both speak.

use super::accounts::{ACCOUNT, AccountRecord, account, time};
use super::sql::{self, Connection, Row};
use super::{Database, Pending, StoreError};
use crate::secrets::Digest;
use confab_protocol::{AccountId, ApiToken, TokenScope};

#[derive(Clone, Debug)]
pub(crate) struct TokenRecord {
    pub(crate) digest: Digest,
    pub(crate) id: String,
    /// Whom it stands for; none: the server.
    pub(crate) account: Option<AccountId>,
    pub(crate) name: String,
    pub(crate) scopes: Vec<TokenScope>,
    pub(crate) created_at: u64,
    pub(crate) used_at: Option<u64>,
    pub(crate) expires_at: Option<u64>,
}

/// Whose tokens.
#[derive(Clone, Debug)]
pub(crate) enum TokensOf {
    All,
    Server,
    Account(AccountId),
}

#[derive(Clone, Debug)]
pub(crate) enum TokenChange {
    Add(Box<TokenRecord>),
    Use {
        id: String,
        at: u64,
    },
    /// Of whomever.
    Remove {
        id: String,
    },
}

pub(super) async fn change(
    connection: &mut Connection,
    step: &TokenChange,
) -> Result<(), StoreError> {
    let query = match step {
        TokenChange::Add(token) => sql::query(
            "INSERT INTO api_token (digest, id, account, name, scopes, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(token.digest.to_hex())
        .bind(token.id.as_str())
        .bind(token.account.as_ref().map(AccountId::as_str))
        .bind(token.name.as_str())
        .bind(words(&token.scopes))
        .bind(token.created_at as i64)
        .bind(token.expires_at.map(|at| at as i64)),
        TokenChange::Use { id, at } => {
            sql::query("UPDATE api_token SET used_at = $1 WHERE id = $2")
                .bind(*at as i64)
                .bind(id.as_str())
        }
        TokenChange::Remove { id } => {
            sql::query("DELETE FROM api_token WHERE id = $1").bind(id.as_str())
        }
    };
    connection.execute(query).await?;
    Ok(())
}

/// Forgets those that have expired.
pub(super) async fn prune(connection: &mut Connection, now: u64) -> Result<(), StoreError> {
    let over = sql::query("DELETE FROM api_token WHERE expires_at <= $1").bind(now as i64);
    connection.execute(over).await?;
    Ok(())
}

fn words(scopes: &[TokenScope]) -> String {
    let words: Vec<&str> = scopes.iter().map(|s| s.as_str()).collect();
    words.join(" ")
}

const TOKEN: &str = "t.digest AS t_digest, t.id AS t_id, t.account AS t_account, t.name AS t_name, t.scopes AS t_scopes, \
     t.created_at AS t_created_at, t.used_at AS t_used_at, t.expires_at AS t_expires_at";

impl Database {
    /// A token that is good, and the account it stands for. Of a disabled account none is.
    pub(super) async fn read_token(
        &self,
        digest: Digest,
        now: u64,
    ) -> Result<Option<(TokenRecord, Option<AccountRecord>)>, StoreError> {
        let sql = format!(
            "SELECT {TOKEN} FROM api_token t WHERE t.digest = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)"
        );
        let row = sql::query(sqlx::AssertSqlSafe(sql))
            .bind(digest.to_hex())
            .bind(now as i64)
            .fetch_optional(self.readers())
            .await?;
        let Some(token) = row.as_ref().map(token).transpose()? else {
            return Ok(None);
        };
        let Some(id) = &token.account else {
            return Ok(Some((token, None)));
        };
        let sql = format!("SELECT {ACCOUNT} FROM account WHERE id = $1 AND disabled_at IS NULL");
        let row = sql::query(sqlx::AssertSqlSafe(sql))
            .bind(id.as_str())
            .fetch_optional(self.readers())
            .await?;
        let owner = row.as_ref().map(|row| account(row, "")).transpose()?;
        Ok(owner.map(|owner| (token, Some(owner))))
    }

    /// Newest first, with the mail addresses of their owners.
    pub(super) fn read_tokens<'a>(
        &'a self,
        of: &'a TokensOf,
        now: u64,
    ) -> Pending<'a, Vec<ApiToken>> {
        Box::pin(async move {
            let (kind, account) = match of {
                TokensOf::All => (0, None),
                TokensOf::Server => (1, None),
                TokensOf::Account(id) => (2, Some(id.as_str())),
            };
            let sql = format!(
                "SELECT {TOKEN}, a.email AS email FROM api_token t LEFT JOIN account a ON a.id = t.account \
                 WHERE (t.expires_at IS NULL OR t.expires_at > $1) \
                 AND ($2 = 0 OR ($2 = 1 AND t.account IS NULL) OR t.account = $3) \
                 ORDER BY t.created_at DESC, t.id LIMIT 1000"
            );
            let rows = sql::query(sqlx::AssertSqlSafe(sql))
                .bind(now as i64)
                .bind(kind)
                .bind(account)
                .fetch_all(self.readers())
                .await?;
            let shown = |row: &Row| {
                let token = token(row)?;
                Ok(token.shown(row.try_get("email")?))
            };
            rows.iter().map(shown).collect()
        })
    }
}

impl TokenRecord {
    pub(crate) fn shown(&self, owner: Option<String>) -> ApiToken {
        ApiToken {
            id: self.id.clone(),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            owner,
            created_at: self.created_at,
            used_at: self.used_at,
            expires_at: self.expires_at,
        }
    }
}

fn token(row: &Row) -> Result<TokenRecord, StoreError> {
    let broken = |what: &str| sqlx::Error::Decode(format!("column {what}").into());
    let maybe = |name: &str| {
        let at: Option<i64> = row.try_get(name)?;
        Ok::<_, StoreError>(at.map(|at| at as u64))
    };
    let digest: String = row.try_get("t_digest")?;
    let account: Option<String> = row.try_get("t_account")?;
    let scopes: String = row.try_get("t_scopes")?;
    Ok(TokenRecord {
        digest: Digest::from_hex(&digest).ok_or_else(|| broken("digest"))?,
        id: row.try_get("t_id")?,
        account: match account {
            Some(id) => Some(AccountId::parse(&id).ok_or_else(|| broken("account"))?),
            None => None,
        },
        name: row.try_get("t_name")?,
        // A scope of a newer version opens nothing here.
        scopes: scopes.split(' ').filter_map(TokenScope::parse).collect(),
        created_at: time(row, "t_created_at")?,
        used_at: maybe("t_used_at")?,
        expires_at: maybe("t_expires_at")?,
    })
}
