//! The way in and out: sign-in, sign-out, invitations taken, passwords forgotten.

use super::letters::{self, Language};
use super::{
    Accounts, Entered, INVITATION_LASTS, Origin, Outcome, RESET_LASTS, Who, deed, normal_email,
    normal_language, normal_name, password,
};
use crate::clock::wall_ms;
use crate::secrets::{Digest, fresh_secret};
use crate::store::{AccountChange, AccountRecord, Deed, SessionRecord};
use crate::traces::{Context, FutureExt};
use confab_protocol::{
    AccountId, AccountRole, AskForLink, AuditAction, Code, Invitation, Join, NewPassword, SignIn,
    SignUp,
};
use std::sync::Arc;
use std::time::Instant;

impl Accounts {
    /// The answer and its time are the same for an unknown address, a wrong password and a disabled account.
    pub(crate) async fn sign_in(&self, from: &Origin, with: SignIn) -> Outcome<Entered> {
        let email = normal_email(&with.email).map_err(|_| Code::WrongPassword)?;
        if with.password.chars().count() > password::LONGEST {
            return Err(Code::WrongPassword.into());
        }
        self.begin_try(from, Some(&email)).await?;
        let found = self.store.account_by_email(&email).await?;
        let phc = found.as_ref().and_then(|a| a.password.clone());
        let right = self.hasher.verify(with.password, phc).await?;
        match found {
            Some(account) if right && account.disabled_at.is_none() => {
                self.was_right(from, Some(&email));
                self.enter(from, account, Vec::new(), AuditAction::SignedIn)
                    .await
            }
            found => {
                if found.is_some() {
                    self.note_wrong(from, &email).await?;
                }
                Err(Code::WrongPassword.into())
            }
        }
    }

    /// Only for addresses with an account: others would fill the log.
    async fn note_wrong(&self, from: &Origin, email: &str) -> Outcome<()> {
        let many = self.counts().by_account.just_too_many(&email.to_owned());
        let mut notes = vec![AuditAction::SignInFailed];
        notes.extend(many.then_some(AuditAction::SlowedDown));
        let notes = notes
            .into_iter()
            .map(|action| AccountChange::Note(deed(action, None, Some(email), Some(from))));
        Ok(self.store.change(notes.collect()).await?)
    }

    /// Makes a session, after the steps that lead to it.
    pub(super) async fn enter(
        &self,
        from: &Origin,
        account: AccountRecord,
        steps: Vec<AccountChange>,
        action: AuditAction,
    ) -> Outcome<Entered> {
        self.enter_by(from, account, steps, action, None).await
    }

    /// The same, with a word for the log on how: the provider's name, the passkey's.
    pub(super) async fn enter_by(
        &self,
        from: &Origin,
        account: AccountRecord,
        mut steps: Vec<AccountChange>,
        action: AuditAction,
        how: Option<&str>,
    ) -> Outcome<Entered> {
        let (now, secret) = (wall_ms(), fresh_secret());
        steps.push(AccountChange::AddSession(SessionRecord {
            token: Digest::of(&secret),
            id: fresh_secret(),
            account: account.id.clone(),
            created_at: now,
            used_at: now,
            expires_at: now + self.session_seconds() * 1000,
            agent: from.agent.clone(),
        }));
        let note = deed(action, Some(&account.email), None, Some(from));
        steps.push(AccountChange::Note(Deed {
            detail: how.map(str::to_owned),
            ..note
        }));
        self.store.change(steps).await?;
        Ok(Entered {
            account,
            secret,
            id_token: None,
        })
    }

    pub(crate) async fn sign_out(&self, from: &Origin, who: &Who) -> Outcome<()> {
        let Some(session) = &who.session else {
            return Ok(());
        };
        let end = AccountChange::EndSession {
            account: who.account.id.clone(),
            id: session.id.clone(),
        };
        let by = Some(who.account.email.as_str());
        let note = deed(AuditAction::SignedOut, by, None, Some(from));
        Ok(self
            .store
            .change(vec![end, AccountChange::Note(note)])
            .await?)
    }

    /// What an open invitation is for.
    pub(crate) async fn look(&self, from: &Origin, token: &str) -> Outcome<Invitation> {
        self.begin_try(from, None).await?;
        let found = self.store.invitation(Digest::of(token), wall_ms()).await?;
        let invitation = found.ok_or(Code::LinkExpired)?;
        self.was_right(from, None);
        Ok(invitation)
    }

    /// Takes an invitation and signs in.
    pub(crate) async fn join(&self, from: &Origin, wish: Join) -> Outcome<Entered> {
        let name = normal_name(&wish.name)?;
        let language = normal_language(wish.language.as_deref().unwrap_or_default())?;
        let invitation = self.look(from, &wish.token).await?;
        if !password::is_good(&wish.password, &invitation.email, &name) {
            return Err(Code::WeakPassword.into());
        }
        let (now, phc) = (wall_ms(), self.hasher.hash(wish.password).await?);
        let account = AccountRecord {
            id: AccountId::from_random(rand::random()),
            email: invitation.email,
            name,
            role: invitation.role,
            password: Some(phc),
            language,
            time_zone: None,
            created_at: now,
            disabled_at: None,
        };
        let token = Digest::of(&wish.token);
        let steps = vec![
            AccountChange::TakeInvitation { token, now },
            AccountChange::AddAccount(account.clone()),
        ];
        self.enter(from, account, steps, AuditAction::Joined).await
    }

    /// Somebody wants an account. What happens to the wish is told by letter alone.
    pub(crate) async fn ask_account(
        self: &Arc<Self>,
        from: &Origin,
        wish: AskForLink,
    ) -> Outcome<()> {
        if self.config.sign_up != SignUp::Open {
            return Err(Code::NotAllowed.into());
        }
        self.ask(from, wish, Wanted::Account).await
    }

    /// Somebody forgot a password. The answer and its time are the same for every address.
    pub(crate) async fn ask_reset(
        self: &Arc<Self>,
        from: &Origin,
        wish: AskForLink,
    ) -> Outcome<()> {
        self.ask(from, wish, Wanted::Password).await
    }

    async fn ask(self: &Arc<Self>, from: &Origin, wish: AskForLink, wanted: Wanted) -> Outcome<()> {
        let email = normal_email(&wish.email)?;
        if !self.mails.goes() {
            return Err(Code::NotAllowed.into());
        }
        if !self.letters.allows(from.address, Instant::now()) {
            return Err(Code::TooFast.into());
        }
        let (accounts, from) = (Arc::clone(self), from.clone());
        let language = Language::of(wish.language.as_deref());
        // What differs between addresses happens after the answer.
        let send = async move {
            let sent = accounts.send_link(&from, &email, wanted, language).await;
            if let Err(refused) = sent {
                tracing::warn!(code = %refused.code, "a link was not sent");
            }
        };
        tokio::spawn(send.with_context(Context::current()));
        Ok(())
    }

    async fn send_link(
        &self,
        from: &Origin,
        email: &str,
        wanted: Wanted,
        language: Language,
    ) -> Outcome<()> {
        if !self.letter_allowed(email) {
            return Ok(());
        }
        let found = self.store.account_by_email(email).await?;
        match (wanted, found) {
            (Wanted::Password, Some(account)) if account.disabled_at.is_none() => {
                let note = deed(AuditAction::ResetAsked, None, Some(email), Some(from));
                let link = self.new_reset(&account, note).await?;
                // Whoever asks may be somebody else: the owner's choice comes first.
                let own = account.language.as_deref();
                let language = own.map_or(language, |tag| Language::of(Some(tag)));
                self.post(letters::reset(email, self.host(), &link, language));
            }
            (Wanted::Account, Some(_)) => {
                let page = format!("{}/account", self.public_url);
                self.post(letters::has_account(email, self.host(), &page, language));
            }
            (Wanted::Account, None) => {
                let note = deed(AuditAction::Invited, None, Some(email), Some(from));
                let (_, link) = self
                    .new_invitation(email, AccountRole::Member, note)
                    .await?;
                self.post(letters::invitation(
                    email,
                    None,
                    self.host(),
                    &link,
                    language,
                ));
            }
            (Wanted::Password, _) => {}
        }
        Ok(())
    }

    /// A link that sets an account's password.
    pub(super) async fn new_reset(
        &self,
        account: &AccountRecord,
        note: crate::store::Deed,
    ) -> Outcome<String> {
        let token = fresh_secret();
        let add = AccountChange::AddReset {
            token: Digest::of(&token),
            account: account.id.clone(),
            expires_at: wall_ms() + RESET_LASTS,
        };
        self.store
            .change(vec![add, AccountChange::Note(note)])
            .await?;
        Ok(self.link("reset", &token))
    }

    pub(super) async fn new_invitation(
        &self,
        email: &str,
        role: AccountRole,
        note: crate::store::Deed,
    ) -> Outcome<(Invitation, String)> {
        let (token, now) = (fresh_secret(), wall_ms());
        let invitation = Invitation {
            id: fresh_secret(),
            email: email.to_owned(),
            role,
            created_at: now,
            expires_at: now + INVITATION_LASTS,
        };
        let add = AccountChange::AddInvitation {
            token: Digest::of(&token),
            invitation: invitation.clone(),
        };
        self.store
            .change(vec![add, AccountChange::Note(note)])
            .await?;
        Ok((invitation, self.link("join", &token)))
    }

    /// Sets the password a link is for, ends all sessions and signs in.
    pub(crate) async fn confirm_reset(&self, from: &Origin, wish: NewPassword) -> Outcome<Entered> {
        self.begin_try(from, None).await?;
        let (token, now) = (Digest::of(&wish.token), wall_ms());
        let found = self.store.reset(token, now).await?;
        let id = found.ok_or(Code::LinkExpired)?;
        let account = self.store.account(&id).await?;
        let account = account
            .filter(|a| a.disabled_at.is_none())
            .ok_or(Code::LinkExpired)?;
        self.was_right(from, None);
        if !password::is_good(&wish.password, &account.email, &account.name) {
            return Err(Code::WeakPassword.into());
        }
        let steps = vec![
            AccountChange::TakeReset {
                token,
                account: id.clone(),
                now,
            },
            AccountChange::SetPassword {
                account: id.clone(),
                password: self.hasher.hash(wish.password).await?,
            },
            AccountChange::EndSessions { account: id },
        ];
        // Whoever read the letter is the owner: wrong passwords of strangers no longer stand in the way.
        self.was_right(from, Some(&account.email));
        let action = AuditAction::PasswordReset;
        let entered = self.enter(from, account, steps, action).await?;
        self.tell_of_change(&entered.account);
        Ok(entered)
    }

    /// Whoever sets up a way into an account may be somebody else: its owner hears of it.
    pub(super) fn tell_of_way(&self, account: &AccountRecord, way: &str) {
        let page = format!("{}/account", self.public_url);
        let language = Language::of(account.language.as_deref());
        self.post(letters::way_added(
            &account.email,
            self.host(),
            way,
            &page,
            language,
        ));
    }

    pub(super) fn tell_of_change(&self, account: &AccountRecord) {
        let page = format!("{}/account/forgot", self.public_url);
        let language = Language::of(account.language.as_deref());
        self.post(letters::changed(
            &account.email,
            self.host(),
            &page,
            language,
        ));
    }
}

#[derive(Clone, Copy)]
enum Wanted {
    Account,
    Password,
}
