//! Accounts by the command line, on the data directory alone: the way to the first owner, and back in where nobody gets in. A
//! server may run on the same data.

use super::admin::set_disabled;
use super::{DAY, RESET_LASTS, deed, link, normal_email, normal_name, password};
use crate::clock::wall_ms;
use crate::offline::Offline;
use crate::secrets::{Digest, fresh_secret};
use crate::store::{
    AccountChange, AccountRecord, AccountStore, Deed, StoreError, TokenChange, TokensOf,
};
use confab_protocol::{AccountId, AccountRole, ApiToken, AuditAction, NewApiToken};

/// How long the link of a new account is good.
const FIRST_LINK_LASTS: u64 = 7 * DAY;
/// Accounts read at a time.
const PAGE: u32 = 500;

/// An account as the command line lists it.
#[derive(Clone, Debug)]
pub struct AccountSummary {
    pub email: String,
    pub name: String,
    pub role: AccountRole,
    pub disabled: bool,
    /// Without one the person has not opened the link yet.
    pub has_password: bool,
}

/// A token as the command line lists it.
#[derive(Clone, Debug)]
pub struct TokenSummary {
    pub id: String,
    pub name: String,
    /// Mail address of its account; none: the server's own.
    pub owner: Option<String>,
    /// With a blank between them.
    pub scopes: String,
    pub used: bool,
}

/// Why the command line did nothing.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("not a mail address")]
    Email,
    #[error("a name has 1 to 64 characters")]
    Name,
    #[error("the password is too short or too easy: ten characters at least, not made of the name")]
    Password,
    #[error("there is an account with this address")]
    Taken,
    #[error("no account with this address")]
    Unknown,
    #[error("the server would be left without an owner")]
    LastOwner,
    #[error("a token has a name of 1 to 64 characters, and 1 to 3650 days if any")]
    Token,
    #[error("this account is no admin: it has meetings:read and meetings:write alone")]
    NoAdmin,
    #[error("no token with this id")]
    UnknownToken,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> AccountError {
        match error {
            StoreError::Taken => AccountError::Taken,
            StoreError::LastOwner => AccountError::LastOwner,
            error => AccountError::Store(error),
        }
    }
}

impl Offline {
    /// Makes an account. With a password it can sign in at once; without, the answer is a link that sets one, good for a week.
    pub async fn add_account(
        &self,
        email: &str,
        name: &str,
        role: AccountRole,
        password: Option<String>,
    ) -> Result<Option<String>, AccountError> {
        let email = normal_email(email).map_err(|_| AccountError::Email)?;
        let name = normal_name(name).map_err(|_| AccountError::Name)?;
        let phc = match password {
            Some(password) if !password::is_good(&password, &email, &name) => {
                return Err(AccountError::Password);
            }
            Some(password) => {
                let hashed = password::Hasher::new().hash(password).await;
                Some(hashed.map_err(|_| AccountError::Password)?)
            }
            None => None,
        };
        let needs_link = phc.is_none();
        let account = AccountRecord {
            id: AccountId::from_random(rand::random()),
            email,
            name,
            role,
            password: phc,
            language: None,
            time_zone: None,
            created_at: wall_ms(),
            disabled_at: None,
        };
        let mut steps = vec![
            AccountChange::AddAccount(account.clone()),
            AccountChange::Note(noted(AuditAction::Joined, &account, Some(role))),
        ];
        let mut shown = None;
        if needs_link {
            let (add, link) = self.password_link(&account, FIRST_LINK_LASTS);
            steps.push(add);
            shown = Some(link);
        }
        self.store.change(steps).await?;
        Ok(shown)
    }

    /// A link that sets a new password, good for an hour.
    pub async fn reset_account(&self, email: &str) -> Result<String, AccountError> {
        let account = self.find(email).await?;
        let (add, link) = self.password_link(&account, RESET_LASTS);
        let note = noted(AuditAction::ResetAsked, &account, None);
        self.store
            .change(vec![add, AccountChange::Note(note)])
            .await?;
        Ok(link)
    }

    /// A disabled account is signed out everywhere.
    pub async fn disable_account(&self, email: &str, disabled: bool) -> Result<(), AccountError> {
        let account = self.find(email).await?;
        let action = match disabled {
            true => AuditAction::Disabled,
            false => AuditAction::Enabled,
        };
        let mut steps = set_disabled(&account, disabled);
        steps.push(AccountChange::Note(noted(action, &account, None)));
        if disabled {
            steps.push(AccountChange::KeepAnOwner);
        }
        Ok(self.store.change(steps).await?)
    }

    pub async fn set_account_role(
        &self,
        email: &str,
        role: AccountRole,
    ) -> Result<(), AccountError> {
        let account = self.find(email).await?;
        let set = AccountChange::SetRole {
            account: account.id.clone(),
            role,
        };
        let note = noted(AuditAction::RoleChanged, &account, Some(role));
        let mut steps = vec![set, AccountChange::Note(note)];
        if account.role == AccountRole::Owner {
            steps.push(AccountChange::KeepAnOwner);
        }
        Ok(self.store.change(steps).await?)
    }

    /// All, by mail address.
    pub async fn accounts(&self) -> Result<Vec<AccountSummary>, AccountError> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.store.accounts(&after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(all);
            };
            after.clone_from(&last.email);
            all.extend(page.into_iter().map(|record| AccountSummary {
                has_password: record.password.is_some(),
                disabled: record.disabled_at.is_some(),
                email: record.email,
                name: record.name,
                role: record.role,
            }));
        }
    }

    /// Makes a token, of an account or of the server; the answer is its secret.
    pub async fn new_token(
        &self,
        email: Option<&str>,
        wish: NewApiToken,
    ) -> Result<String, AccountError> {
        let account = match email {
            Some(email) => Some(self.find(email).await?),
            None => None,
        };
        let for_admins = wish.scopes.iter().any(|s| s.is_for_admins());
        if for_admins && account.as_ref().is_some_and(|a| !a.is_admin()) {
            return Err(AccountError::NoAdmin);
        }
        let (record, secret) = super::tokens::fresh(&wish, account.as_ref().map(|a| a.id.clone()))
            .map_err(|_| AccountError::Token)?;
        let note = token_noted(AuditAction::TokenMade, &record.name, email);
        let add = AccountChange::Token(TokenChange::Add(Box::new(record)));
        self.store
            .change(vec![add, AccountChange::Note(note)])
            .await?;
        Ok(secret)
    }

    /// All that are good, newest first.
    pub async fn tokens(&self) -> Result<Vec<TokenSummary>, AccountError> {
        let store: &dyn AccountStore = &*self.store;
        let all = store.tokens(&TokensOf::All, wall_ms()).await?;
        let summary = |token: ApiToken| TokenSummary {
            id: token.id,
            name: token.name,
            owner: token.owner,
            scopes: token
                .scopes
                .iter()
                .map(|s| s.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            used: token.used_at.is_some(),
        };
        Ok(all.into_iter().map(summary).collect())
    }

    pub async fn revoke_token(&self, id: &str) -> Result<(), AccountError> {
        let all = self.tokens().await?;
        let found = all.into_iter().find(|token| token.id == id);
        let token = found.ok_or(AccountError::UnknownToken)?;
        let note = token_noted(
            AuditAction::TokenRevoked,
            &token.name,
            token.owner.as_deref(),
        );
        let remove = AccountChange::Token(TokenChange::Remove { id: token.id });
        Ok(self
            .store
            .change(vec![remove, AccountChange::Note(note)])
            .await?)
    }

    async fn find(&self, email: &str) -> Result<AccountRecord, AccountError> {
        let email = normal_email(email).map_err(|_| AccountError::Email)?;
        let found = self.store.account_by_email(&email).await?;
        found.ok_or(AccountError::Unknown)
    }

    fn password_link(&self, account: &AccountRecord, lasts: u64) -> (AccountChange, String) {
        let token = fresh_secret();
        let add = AccountChange::AddReset {
            token: Digest::of(&token),
            account: account.id.clone(),
            expires_at: wall_ms() + lasts,
        };
        (add, link(&self.planner.public_url, "reset", &token))
    }
}

fn token_noted(action: AuditAction, name: &str, owner: Option<&str>) -> Deed {
    Deed {
        detail: owner.map(str::to_owned),
        ..deed(action, None, Some(name), None)
    }
}

fn noted(action: AuditAction, account: &AccountRecord, role: Option<AccountRole>) -> Deed {
    Deed {
        detail: role.map(|role| super::admin::role_word(role).to_owned()),
        ..deed(action, None, Some(&account.email), None)
    }
}
