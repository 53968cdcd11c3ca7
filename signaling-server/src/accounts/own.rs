//! What people do with their own account.

use super::{
    Accounts, Entered, Origin, Outcome, Who, deed, normal_language, normal_name, normal_zone,
    password,
};
use crate::clock::wall_ms;
use crate::store::{AccountChange, AccountRecord, DELETED, Export};
use confab_protocol::{
    AccountRole, AuditAction, ChangePassword, ChangeProfile, Code, DeleteAccount, SignedIn,
};
use std::time::Instant;

impl Accounts {
    pub(crate) async fn change_profile(
        &self,
        from: &Origin,
        who: &Who,
        wish: ChangeProfile,
    ) -> Outcome<AccountRecord> {
        let mut account = who.account.clone();
        if let Some(name) = &wish.name {
            account.name = normal_name(name)?;
        }
        if let Some(language) = &wish.language {
            account.language = normal_language(language)?;
        }
        if let Some(zone) = &wish.time_zone {
            account.time_zone = normal_zone(zone)?;
        }
        let set = AccountChange::SetProfile {
            account: account.id.clone(),
            name: account.name.clone(),
            language: account.language.clone(),
            time_zone: account.time_zone.clone(),
        };
        let by = Some(account.email.as_str());
        let note = deed(AuditAction::ProfileChanged, by, None, Some(from));
        self.store
            .change(vec![set, AccountChange::Note(note)])
            .await?;
        Ok(account)
    }

    /// Ends all sessions and makes a new one for whoever asks.
    pub(crate) async fn change_password(
        &self,
        from: &Origin,
        who: &Who,
        wish: ChangePassword,
    ) -> Outcome<Entered> {
        let account = &who.account;
        if wish.current.chars().count() > password::LONGEST {
            return Err(Code::WrongPassword.into());
        }
        self.begin_try(from, Some(&account.email)).await?;
        let phc = account.password.clone();
        if !self.hasher.verify(wish.current, phc).await? {
            return Err(Code::WrongPassword.into());
        }
        self.was_right(from, Some(&account.email));
        if !password::is_good(&wish.password, &account.email, &account.name) {
            return Err(Code::WeakPassword.into());
        }
        let steps = vec![
            AccountChange::SetPassword {
                account: account.id.clone(),
                password: self.hasher.hash(wish.password).await?,
            },
            AccountChange::EndSessions {
                account: account.id.clone(),
            },
        ];
        let action = AuditAction::PasswordChanged;
        let entered = self.enter(from, account.clone(), steps, action).await?;
        self.tell_of_change(account);
        Ok(entered)
    }

    /// All that is kept of the account, but for secrets.
    pub(crate) async fn export(&self, from: &Origin, who: &Who) -> Outcome<Export> {
        if !self.exports.allows(from.address, Instant::now()) {
            return Err(Code::TooFast.into());
        }
        let by = Some(who.account.email.as_str());
        let note = deed(AuditAction::DataExported, by, None, Some(from));
        self.store.change(vec![AccountChange::Note(note)]).await?;
        Ok(self.store.export(&who.account, wall_ms()).await?)
    }

    /// Whether somebody may delete its account, and means it: before anything is done.
    pub(crate) async fn may_delete(
        &self,
        from: &Origin,
        who: &Who,
        wish: DeleteAccount,
    ) -> Outcome<()> {
        let account = &who.account;
        if wish.email.trim().to_lowercase() != account.email {
            return Err(Code::BadValue.into());
        }
        if let Some(phc) = account.password.clone() {
            if wish.password.chars().count() > password::LONGEST {
                return Err(Code::WrongPassword.into());
            }
            self.begin_try(from, Some(&account.email)).await?;
            if !self.hasher.verify(wish.password, Some(phc)).await? {
                return Err(Code::WrongPassword.into());
            }
            self.was_right(from, Some(&account.email));
        }
        self.others_own(account).await
    }

    /// Deletes the account, for good. What becomes of the rest is in `store/privacy.rs`.
    pub(crate) async fn erase(
        &self,
        from: &Origin,
        by: &Who,
        account: &AccountRecord,
    ) -> Outcome<()> {
        let own = by.account.id == account.id;
        let actor = match own {
            true => DELETED,
            false => by.account.email.as_str(),
        };
        let origin = Some(from).filter(|_| !own);
        let of = Some(DELETED).filter(|_| !own);
        let note = deed(AuditAction::AccountDeleted, Some(actor), of, origin);
        let mut steps = vec![
            AccountChange::Erase {
                account: account.id.clone(),
                email: account.email.clone(),
            },
            AccountChange::Note(note),
        ];
        if account.role == AccountRole::Owner {
            steps.push(AccountChange::KeepAnOwner);
        }
        Ok(self.store.change(steps).await?)
    }

    /// [`Code::LastOwner`]: nobody could look after the server any more. Asked before meetings are cancelled; [`Self::erase`]
    /// makes sure.
    async fn others_own(&self, account: &AccountRecord) -> Outcome<()> {
        if account.role != AccountRole::Owner {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let page = self.store.accounts(&after, 100).await?;
            let other = |a: &AccountRecord| {
                a.role == AccountRole::Owner && a.disabled_at.is_none() && a.id != account.id
            };
            if page.iter().any(other) {
                return Ok(());
            }
            match page.last() {
                Some(last) => after.clone_from(&last.email),
                None => return Err(Code::LastOwner.into()),
            }
        }
    }

    /// Newest first.
    pub(crate) async fn sessions(&self, who: &Who) -> Outcome<Vec<SignedIn>> {
        let sessions = self.store.sessions(&who.account.id, wall_ms()).await?;
        let shown = sessions.into_iter().map(|session| SignedIn {
            current: who.session.as_ref().is_some_and(|own| own.id == session.id),
            id: session.id,
            created_at: session.created_at,
            used_at: session.used_at,
            expires_at: session.expires_at,
            agent: session.agent,
        });
        Ok(shown.collect())
    }

    /// One of one's own; for another's id nothing happens.
    pub(crate) async fn end_session(&self, from: &Origin, who: &Who, id: &str) -> Outcome<()> {
        let end = AccountChange::EndSession {
            account: who.account.id.clone(),
            id: id.to_owned(),
        };
        self.end(from, who, end, AuditAction::SessionEnded).await
    }

    /// All of them, this one too.
    pub(crate) async fn end_all_sessions(&self, from: &Origin, who: &Who) -> Outcome<()> {
        let end = AccountChange::EndSessions {
            account: who.account.id.clone(),
        };
        self.end(from, who, end, AuditAction::SignedOutEverywhere)
            .await
    }

    async fn end(
        &self,
        from: &Origin,
        who: &Who,
        end: AccountChange,
        action: AuditAction,
    ) -> Outcome<()> {
        let note = deed(action, Some(&who.account.email), None, Some(from));
        Ok(self
            .store
            .change(vec![end, AccountChange::Note(note)])
            .await?)
    }
}
