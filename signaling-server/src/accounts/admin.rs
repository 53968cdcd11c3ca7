//! What admins do: invite, look, disable, say who is what. An admin has to do with members alone; admins and owners are the
//! owners' business, and a server never loses its last owner.

use super::letters::{self, Language};
use super::{Accounts, Origin, Outcome, Who, deed, normal_email};
use crate::clock::wall_ms;
use crate::store::{AccountChange, AccountRecord, Deed};
use confab_protocol::{
    Account, AccountId, AccountRole, AuditAction, AuditEntry, ChangeAccount, Code, Invitation,
    Invite, Invited, LogLevel, Page,
};

/// Entries of a page.
const PAGE: u32 = 100;

impl Accounts {
    pub(crate) async fn invite(&self, from: &Origin, who: &Who, wish: Invite) -> Outcome<Invited> {
        let email = normal_email(&wish.email)?;
        may_touch(who, wish.role)?;
        if self.store.account_by_email(&email).await?.is_some() {
            return Err(Code::EmailTaken.into());
        }
        if wish.send && !self.mails.goes() {
            return Err(Code::NotAllowed.into());
        }
        let by = Some(who.account.email.as_str());
        let note = Deed {
            detail: Some(role_word(wish.role).to_owned()),
            ..deed(AuditAction::Invited, by, Some(&email), Some(from))
        };
        let (invitation, link) = self.new_invitation(&email, wish.role, note).await?;
        if wish.send {
            let language = Language::of(wish.language.as_deref());
            let by = Some(who.account.name.as_str());
            self.post(letters::invitation(
                &email,
                by,
                self.host(),
                &link,
                language,
            ));
        }
        Ok(Invited { invitation, link })
    }

    pub(crate) async fn invitations(&self, who: &Who) -> Outcome<Page<Invitation>> {
        must_be_admin(who)?;
        let items = self.store.invitations(wall_ms(), 10 * PAGE).await?;
        Ok(Page { items, next: None })
    }

    pub(crate) async fn revoke(&self, from: &Origin, who: &Who, id: &str) -> Outcome<()> {
        must_be_admin(who)?;
        let open = self.store.invitations(wall_ms(), 10 * PAGE).await?;
        let found = open.into_iter().find(|i| i.id == id);
        let found = found.ok_or(Code::NotFound)?;
        may_touch(who, found.role)?;
        let by = Some(who.account.email.as_str());
        let of = Some(found.email.as_str());
        let note = deed(AuditAction::InvitationRevoked, by, of, Some(from));
        let revoke = AccountChange::RevokeInvitation { id: found.id };
        Ok(self
            .store
            .change(vec![revoke, AccountChange::Note(note)])
            .await?)
    }

    /// By mail address, after this one.
    pub(crate) async fn list(&self, who: &Who, after: &str) -> Outcome<Page<Account>> {
        must_be_admin(who)?;
        let records = self.store.accounts(after, PAGE).await?;
        let more = records.len() == PAGE as usize;
        let next = records
            .last()
            .filter(|_| more)
            .map(|record| record.email.clone());
        let items = records.iter().map(AccountRecord::shown).collect();
        Ok(Page { items, next })
    }

    /// Nobody changes their own role or shuts themselves out.
    pub(crate) async fn change_account(
        &self,
        from: &Origin,
        who: &Who,
        id: &AccountId,
        wish: ChangeAccount,
    ) -> Outcome<Account> {
        must_be_admin(who)?;
        let found = self.store.account(id).await?;
        let mut account = found.ok_or(Code::NotFound)?;
        may_touch(who, account.role)?;
        if account.id == who.account.id {
            return Err(Code::NotAllowed.into());
        }
        let by = Some(who.account.email.as_str());
        let mut steps = Vec::new();
        if let Some(role) = wish.role.filter(|role| *role != account.role) {
            may_touch(who, role)?;
            account.role = role;
            steps.push(AccountChange::SetRole {
                account: id.clone(),
                role,
            });
            let note = deed(
                AuditAction::RoleChanged,
                by,
                Some(&account.email),
                Some(from),
            );
            steps.push(AccountChange::Note(Deed {
                detail: Some(role_word(role).to_owned()),
                ..note
            }));
        }
        if let Some(disabled) = wish
            .disabled
            .filter(|d| *d != account.disabled_at.is_some())
        {
            account.disabled_at = disabled.then(wall_ms);
            steps.extend(set_disabled(&account, disabled));
            let action = match disabled {
                true => AuditAction::Disabled,
                false => AuditAction::Enabled,
            };
            let note = deed(action, by, Some(&account.email), Some(from));
            steps.push(AccountChange::Note(note));
        }
        steps.push(AccountChange::KeepAnOwner);
        self.store.change(steps).await?;
        Ok(account.shown())
    }

    /// The account somebody wants to delete, if it may: admins that of a member, owners any but their own, which they delete as
    /// everybody does.
    pub(crate) async fn to_delete(&self, who: &Who, id: &AccountId) -> Outcome<AccountRecord> {
        must_be_admin(who)?;
        let account = self.store.account(id).await?.ok_or(Code::NotFound)?;
        may_touch(who, account.role)?;
        match account.id == who.account.id {
            true => Err(Code::NotAllowed.into()),
            false => Ok(account),
        }
    }

    /// Whose account it is; none: there is no such account.
    pub(crate) async fn email_of(&self, id: &AccountId) -> Outcome<Option<String>> {
        let account = self.store.account(id).await?;
        Ok(account.map(|account| account.email))
    }

    /// Puts down what somebody does to a meeting, or to a person in it.
    pub(crate) async fn note_meeting(
        &self,
        from: &Origin,
        who: &Who,
        action: AuditAction,
        title: &str,
        person: Option<&str>,
    ) -> Outcome<()> {
        let by = Some(who.account.email.as_str());
        let of = Some(title).filter(|title| !title.is_empty());
        let note = Deed {
            detail: person.map(str::to_owned),
            ..deed(action, by, of, Some(from))
        };
        Ok(self.store.change(vec![AccountChange::Note(note)]).await?)
    }

    pub(crate) async fn note_log_level(
        &self,
        from: &Origin,
        who: &Who,
        level: LogLevel,
    ) -> Outcome<()> {
        let by = Some(who.account.email.as_str());
        let note = Deed {
            detail: Some(level.word().to_owned()),
            ..deed(AuditAction::LogLevelSet, by, None, Some(from))
        };
        Ok(self.store.change(vec![AccountChange::Note(note)]).await?)
    }

    /// Newest first, below this number.
    pub(crate) async fn audit(&self, who: &Who, before: u64) -> Outcome<Page<AuditEntry>> {
        must_be_admin(who)?;
        let items = self.store.audit(before, PAGE).await?;
        let more = items.len() == PAGE as usize;
        let next = items.last().filter(|_| more).map(|e| e.id.to_string());
        Ok(Page { items, next })
    }
}

/// Also ends the sessions: a door that is shut is shut at once.
pub(super) fn set_disabled(account: &AccountRecord, disabled: bool) -> Vec<AccountChange> {
    let id = || account.id.clone();
    let mut steps = vec![AccountChange::SetDisabled {
        account: id(),
        at: disabled.then(wall_ms),
    }];
    if disabled {
        steps.push(AccountChange::EndSessions { account: id() });
    }
    steps
}

pub(crate) fn must_be_admin(who: &Who) -> Outcome<()> {
    match who.account.is_admin() {
        true => Ok(()),
        false => Err(Code::NotAllowed.into()),
    }
}

/// Whether somebody may have to do with an account of this role.
fn may_touch(who: &Who, role: AccountRole) -> Outcome<()> {
    match (who.account.role, role) {
        (AccountRole::Owner, _) | (AccountRole::Admin, AccountRole::Member) => Ok(()),
        _ => Err(Code::NotAllowed.into()),
    }
}

pub(super) fn role_word(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Owner => "owner",
        AccountRole::Admin => "admin",
        AccountRole::Member => "member",
    }
}
