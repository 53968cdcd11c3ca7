//! Tokens of programs. A person's token does what the person may do, within its scopes, for as long as the account is enabled; one
//! of the server's own is for programs that look after it. Only digests are kept. docs/API.md says how they are used.

use super::{Accounts, DAY, Origin, Outcome, USED_STEP, Who, deed, must_be_admin, normal_name};
use crate::clock::wall_ms;
use crate::secrets::{Digest, fresh_secret};
use crate::store::{
    AccountChange, AccountRecord, Deed, StoreError, TokenChange, TokenRecord, TokensOf,
};
use confab_protocol::{
    AccountId, AccountRole, ApiToken, ApiTokenMade, AuditAction, Code, NewApiToken, Page,
    TokenScope,
};

/// Before each token, so that people and programs that look for leaked secrets know what they see.
const MARK: &str = "cft_";
/// Tokens of one account, or of the server.
const MOST: usize = 50;
const MOST_DAYS: u16 = 3650;

/// A token that was shown and is good.
#[derive(Clone, Debug)]
pub(crate) struct Bearer {
    pub(crate) scopes: Vec<TokenScope>,
    /// None: the server's own.
    pub(crate) account: Option<AccountRecord>,
    pub(crate) name: String,
}

impl Bearer {
    /// As whom it acts where somebody has to be named: the account, or the server's own name with the rights of an admin.
    pub(crate) fn who(self) -> Who {
        let account = self.account.unwrap_or_else(|| AccountRecord {
            id: AccountId::from_random(0),
            email: format!("token: {}", self.name),
            name: self.name,
            role: AccountRole::Admin,
            password: None,
            language: None,
            time_zone: None,
            created_at: 0,
            disabled_at: None,
        });
        Who {
            session: None,
            account,
        }
    }
}

/// A new token as it is stored, and its secret.
pub(super) fn fresh(
    wish: &NewApiToken,
    account: Option<AccountId>,
) -> Result<(TokenRecord, String), Code> {
    let mut scopes = wish.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let name = normal_name(&wish.name).map_err(|refused| refused.code)?;
    if scopes.is_empty() || wish.days.is_some_and(|d| !(1..=MOST_DAYS).contains(&d)) {
        return Err(Code::BadValue);
    }
    let (now, secret) = (wall_ms(), format!("{MARK}{}", fresh_secret()));
    let record = TokenRecord {
        digest: Digest::of(&secret),
        id: fresh_secret(),
        account,
        name,
        scopes,
        created_at: now,
        used_at: None,
        expires_at: wish.days.map(|days| now + u64::from(days) * DAY),
    };
    Ok((record, secret))
}

impl Accounts {
    /// Whose token this is; none: nobody's, or it is over.
    pub(crate) async fn bearer(&self, secret: &str) -> Outcome<Option<Bearer>> {
        let now = wall_ms();
        let Some((token, account)) = self.store.token(Digest::of(secret), now).await? else {
            return Ok(None);
        };
        if now.saturating_sub(token.used_at.unwrap_or(0)) >= USED_STEP {
            let used = TokenChange::Use {
                id: token.id,
                at: now,
            };
            self.store.change(vec![AccountChange::Token(used)]).await?;
        }
        Ok(Some(Bearer {
            scopes: token.scopes,
            account,
            name: token.name,
        }))
    }

    /// One's own, newest first.
    pub(crate) async fn tokens(&self, who: &Who) -> Outcome<Page<ApiToken>> {
        let of = TokensOf::Account(who.account.id.clone());
        let items = self.store.tokens(&of, wall_ms()).await?;
        Ok(Page { items, next: None })
    }

    /// Everybody's and the server's.
    pub(crate) async fn all_tokens(&self, who: &Who) -> Outcome<Page<ApiToken>> {
        must_be_admin(who)?;
        let items = self.store.tokens(&TokensOf::All, wall_ms()).await?;
        Ok(Page { items, next: None })
    }

    /// For somebody themselves, with no more than they may do.
    pub(crate) async fn make_token(
        &self,
        from: &Origin,
        who: &Who,
        wish: NewApiToken,
    ) -> Outcome<ApiTokenMade> {
        if wish.scopes.iter().any(|s| s.is_for_admins()) {
            must_be_admin(who)?;
        }
        self.make(from, who, wish, Some(who.account.id.clone()))
            .await
    }

    pub(crate) async fn make_server_token(
        &self,
        from: &Origin,
        who: &Who,
        wish: NewApiToken,
    ) -> Outcome<ApiTokenMade> {
        must_be_admin(who)?;
        self.make(from, who, wish, None).await
    }

    async fn make(
        &self,
        from: &Origin,
        who: &Who,
        wish: NewApiToken,
        account: Option<AccountId>,
    ) -> Outcome<ApiTokenMade> {
        let of = match &account {
            Some(id) => TokensOf::Account(id.clone()),
            None => TokensOf::Server,
        };
        let (record, secret) = fresh(&wish, account)?;
        if self.store.tokens(&of, wall_ms()).await?.len() >= MOST {
            return Err(Code::TooMany.into());
        }
        let owner = record.account.is_some().then(|| who.account.email.clone());
        let token = record.shown(owner);
        let note = token_deed(AuditAction::TokenMade, who, from, &token);
        let add = AccountChange::Token(TokenChange::Add(Box::new(record)));
        self.store
            .change(vec![add, AccountChange::Note(note)])
            .await?;
        Ok(ApiTokenMade { token, secret })
    }

    /// One of one's own.
    pub(crate) async fn revoke_token(&self, from: &Origin, who: &Who, id: &str) -> Outcome<()> {
        let of = TokensOf::Account(who.account.id.clone());
        self.remove(from, who, id, &of).await
    }

    /// Anybody's.
    pub(crate) async fn revoke_any_token(&self, from: &Origin, who: &Who, id: &str) -> Outcome<()> {
        must_be_admin(who)?;
        self.remove(from, who, id, &TokensOf::All).await
    }

    async fn remove(&self, from: &Origin, who: &Who, id: &str, of: &TokensOf) -> Outcome<()> {
        let known = self.store.tokens(of, wall_ms()).await?;
        let found = known.into_iter().find(|token| token.id == id);
        let token = found.ok_or(Code::NotFound)?;
        let note = token_deed(AuditAction::TokenRevoked, who, from, &token);
        let id = token.id;
        let remove = AccountChange::Token(TokenChange::Remove { id });
        Ok(self
            .store
            .change(vec![remove, AccountChange::Note(note)])
            .await?)
    }

    /// Puts down what an admin does with a webhook.
    pub(crate) async fn note_webhook(
        &self,
        from: &Origin,
        who: &Who,
        action: AuditAction,
        url: &str,
    ) -> Result<(), StoreError> {
        let by = Some(who.account.email.as_str());
        let note = deed(action, by, Some(url), Some(from));
        self.store.change(vec![AccountChange::Note(note)]).await
    }
}

fn token_deed(action: AuditAction, who: &Who, from: &Origin, token: &ApiToken) -> Deed {
    let by = Some(who.account.email.as_str());
    Deed {
        detail: token.owner.clone().filter(|o| *o != who.account.email),
        ..deed(action, by, Some(&token.name), Some(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, scopes: &[TokenScope], days: Option<u16>) -> NewApiToken {
        NewApiToken {
            name: name.into(),
            scopes: scopes.to_vec(),
            days,
        }
    }

    #[test]
    fn a_token_has_a_name_a_scope_and_an_end_within_bounds() {
        let read = [TokenScope::MeetingsRead, TokenScope::MeetingsRead];
        let (record, secret) = fresh(&wish(" ci ", &read, Some(1)), None).expect("good");
        assert_eq!(record.name, "ci");
        assert_eq!(record.scopes, [TokenScope::MeetingsRead]);
        assert_eq!(record.expires_at, Some(record.created_at + DAY));
        assert!(secret.starts_with(MARK) && record.digest.matches(&Digest::of(&secret)));
        for bad in [
            wish("", &read, None),
            wish("ci", &[], None),
            wish("ci", &read, Some(0)),
            wish("ci", &read, Some(3651)),
        ] {
            assert_eq!(fresh(&bad, None).err(), Some(Code::BadValue), "{bad:?}");
        }
    }
}
