//! What a sign-in at the provider opens here: a session, or a link to the account that asked for it.

use super::decide::{Entry, Facts, Known, Person, decide, mapped_role};
use super::{Provider, Trip, Trouble};
use crate::accounts::admin::role_word;
use crate::accounts::{Accounts, Entered, Origin, Outcome, Who, deed, normal_name};
use crate::clock::wall_ms;
use crate::secrets::Digest;
use crate::store::{AccountChange, AccountRecord, Deed, IdentityRecord, StoreError, WayChange};
use confab_protocol::{AccountId, AccountRole, AuditAction, Code, Invitation, MAX_NAME};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;

/// What the browser brings back from the provider, in the query.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Back {
    pub(super) code: Option<String>,
    pub(super) state: Option<String>,
    pub(super) error: Option<String>,
    pub(super) iss: Option<String>,
}

/// Why somebody goes to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignIn,
    /// To link the account that is signed in.
    Link,
}

impl Trip {
    fn cookie(&self, purpose: Purpose) -> String {
        let sign = match purpose {
            Purpose::SignIn => 's',
            Purpose::Link => 'l',
        };
        format!("{sign}{}", self.0)
    }

    fn of_cookie(value: &str) -> Option<(Purpose, Trip)> {
        let (purpose, secret) = match value.split_at_checked(1)? {
            ("s", secret) => (Purpose::SignIn, secret),
            ("l", secret) => (Purpose::Link, secret),
            _ => return None,
        };
        // A cookie from elsewhere must not choose what follows from it out of few.
        (secret.len() == 52).then(|| (purpose, Trip(secret.to_owned())))
    }
}

impl Accounts {
    fn provider(&self) -> Outcome<&Arc<Provider>> {
        self.provider.as_ref().ok_or(Code::NotFound.into())
    }

    /// Where the browser has to go, and the cookie it has to bring back.
    pub(crate) async fn to_provider(
        &self,
        from: &Origin,
        purpose: Purpose,
    ) -> Outcome<(String, String)> {
        let provider = self.provider()?;
        if !self.trips.allows(from.address, Instant::now()) {
            return Err(Code::TooFast.into());
        }
        let trip = Trip::begin();
        let page = provider.page(&trip).await.map_err(told)?;
        Ok((page.into(), trip.cookie(purpose)))
    }

    /// Somebody is back. `None`: the account of `who` is linked now, and its session stays.
    pub(crate) async fn back_from_provider(
        &self,
        from: &Origin,
        cookie: Option<&str>,
        who: Option<Who>,
        back: &Back,
    ) -> Outcome<Option<Entered>> {
        let provider = self.provider()?;
        if !self.trips.allows(from.address, Instant::now()) {
            return Err(Code::TooFast.into());
        }
        let trip = cookie.and_then(Trip::of_cookie);
        let (purpose, trip) = trip.ok_or(Code::ProviderRefused)?;
        let (person, id_token) = provider.person(&trip, back).await.map_err(told)?;
        match purpose {
            Purpose::SignIn => {
                let entered = self.enter_person(from, provider, person).await?;
                Ok(Some(Entered {
                    id_token: Some(id_token),
                    ..entered
                }))
            }
            Purpose::Link => {
                let who = who.ok_or(Code::SignInNeeded)?;
                self.link_person(from, provider, &who, person).await?;
                Ok(None)
            }
        }
    }

    /// Where somebody signs out at the provider whose ID token this is.
    pub(crate) async fn provider_sign_out(&self, id_token: &str) -> Option<String> {
        self.provider.as_ref()?.sign_out_page(id_token).await
    }

    async fn enter_person(
        &self,
        from: &Origin,
        provider: &Provider,
        person: Person,
    ) -> Outcome<Entered> {
        let own = self
            .store
            .identity(&provider.issuer, &person.subject)
            .await?;
        let (mut same, mut invited) = (None, None);
        if let Some(email) = &person.email {
            same = self.store.account_by_email(email).await?;
            invited = self.store.invitation_for(email, wall_ms()).await?;
        }
        let facts = Facts {
            own: self.known(provider, own.as_ref()).await?,
            same_email: self.known(provider, same.as_ref()).await?,
            invited: invited.as_ref().map(|(_, invitation)| invitation.role),
        };
        let entry = decide(&provider.config, &person, facts)?;
        let mut steps = Vec::new();
        let (mut account, action) = match (entry, own, same) {
            (Entry::Own, Some(account), _) => {
                steps.push(used(provider, &person));
                (account, AuditAction::SignedIn)
            }
            (Entry::Link, _, Some(account)) => {
                steps.push(linked(provider, &person, &account.id));
                let by = Some(account.email.as_str());
                steps.push(note(provider, AuditAction::ProviderLinked, by, from));
                (account, AuditAction::SignedIn)
            }
            (Entry::New { role, .. }, _, _) => {
                let email = person.email.clone().ok_or(Code::NoAccount)?;
                let taken = invited.filter(|_| matches!(entry, Entry::New { invited: true, .. }));
                let account = new_account(&person, email, role);
                steps.extend(taken.map(take_invitation));
                steps.push(AccountChange::AddAccount(account.clone()));
                steps.push(linked(provider, &person, &account.id));
                (account, AuditAction::Joined)
            }
            _ => return Err(Code::Internal.into()),
        };
        if let Some(role) = mapped_role(account.role, person.admin) {
            account.role = role;
            steps.extend(set_role(&account, from));
        }
        let name = provider.shown_name();
        let entered = self
            .enter_by(from, account, steps, action, name.as_deref())
            .await?;
        if entry == Entry::Link {
            self.tell_of_way(&entered.account, name.as_deref().unwrap_or_default());
        }
        Ok(entered)
    }

    async fn known(
        &self,
        provider: &Provider,
        account: Option<&AccountRecord>,
    ) -> Outcome<Option<Known>> {
        let Some(account) = account else {
            return Ok(None);
        };
        let identities = self.store.identities(&account.id).await?;
        let passkeys = self.store.passkeys(&account.id).await?;
        let has_way = account.password.is_some() || !passkeys.is_empty() || !identities.is_empty();
        Ok(Some(Known {
            role: account.role,
            disabled: account.disabled_at.is_some(),
            has_way,
            linked: identities.iter().any(|i| i.issuer == provider.issuer),
        }))
    }

    /// Whoever is signed in and comes back from the provider may link whomever they are there, whatever the address.
    async fn link_person(
        &self,
        from: &Origin,
        provider: &Provider,
        who: &Who,
        person: Person,
    ) -> Outcome<()> {
        let own = self
            .store
            .identity(&provider.issuer, &person.subject)
            .await?;
        if own.as_ref().is_some_and(|own| own.id == who.account.id) {
            return Ok(());
        }
        let by = Some(who.account.email.as_str());
        let steps = vec![
            linked(provider, &person, &who.account.id),
            note(provider, AuditAction::ProviderLinked, by, from),
        ];
        match self.store.change(steps).await {
            Err(StoreError::Taken) => Err(Code::IdentityTaken.into()),
            done => {
                done?;
                let name = provider.shown_name().unwrap_or_default();
                self.tell_of_way(&who.account, &name);
                Ok(())
            }
        }
    }

    /// The person at the provider no longer enters as this account.
    pub(crate) async fn unlink(&self, from: &Origin, who: &Who) -> Outcome<()> {
        let provider = self.provider()?;
        let account = &who.account;
        let steps = vec![
            AccountChange::Way(WayChange::RemoveIdentity {
                account: account.id.clone(),
                issuer: provider.issuer.clone(),
            }),
            AccountChange::Way(WayChange::KeepAWay {
                account: account.id.clone(),
            }),
            note(
                provider,
                AuditAction::ProviderUnlinked,
                Some(&account.email),
                from,
            ),
        ];
        match self.store.change(steps).await {
            Err(StoreError::Gone) => Err(Code::NotFound.into()),
            done => Ok(done?),
        }
    }

    /// Whom this account is at the provider.
    pub(in crate::accounts) async fn identity_of(
        &self,
        account: &AccountId,
    ) -> Outcome<Option<IdentityRecord>> {
        let Some(provider) = &self.provider else {
            return Ok(None);
        };
        let all = self.store.identities(account).await?;
        Ok(all.into_iter().find(|i| i.issuer == provider.issuer))
    }
}

fn told(trouble: Trouble) -> crate::accounts::Refused {
    match &trouble {
        Trouble::Unavailable(why) => tracing::warn!(why, "the sign-in provider"),
        Trouble::Refused(why) => tracing::info!(why, "a sign-in by the provider was refused"),
    }
    trouble.code().into()
}

fn used(provider: &Provider, person: &Person) -> AccountChange {
    AccountChange::Way(WayChange::UseIdentity {
        issuer: provider.issuer.clone(),
        subject: person.subject.clone(),
        email: person.email.clone(),
        at: wall_ms(),
    })
}

fn linked(provider: &Provider, person: &Person, account: &AccountId) -> AccountChange {
    let now = wall_ms();
    AccountChange::Way(WayChange::AddIdentity(IdentityRecord {
        issuer: provider.issuer.clone(),
        subject: person.subject.clone(),
        account: account.clone(),
        email: person.email.clone(),
        created_at: now,
        used_at: now,
    }))
}

fn note(
    provider: &Provider,
    action: AuditAction,
    by: Option<&str>,
    from: &Origin,
) -> AccountChange {
    AccountChange::Note(Deed {
        detail: provider.shown_name(),
        ..deed(action, by, None, Some(from))
    })
}

fn take_invitation((token, _): (Digest, Invitation)) -> AccountChange {
    AccountChange::TakeInvitation {
        token,
        now: wall_ms(),
    }
}

/// The role the provider's claim says, and that it was the provider.
fn set_role(account: &AccountRecord, from: &Origin) -> [AccountChange; 2] {
    let set = AccountChange::SetRole {
        account: account.id.clone(),
        role: account.role,
    };
    let of = Some(account.email.as_str());
    let note = deed(AuditAction::RoleChanged, None, of, Some(from));
    let note = AccountChange::Note(Deed {
        detail: Some(role_word(account.role).to_owned()),
        ..note
    });
    [set, note]
}

fn new_account(person: &Person, email: String, role: AccountRole) -> AccountRecord {
    let told = person.name.as_deref().unwrap_or_default();
    let told: String = told
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME)
        .collect();
    let local = || email.split('@').next().unwrap_or_default().to_owned();
    AccountRecord {
        id: AccountId::from_random(rand::random()),
        name: normal_name(&told).unwrap_or_else(|_| local()),
        email: email.clone(),
        role,
        password: None,
        language: None,
        time_zone: None,
        created_at: wall_ms(),
        disabled_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_says_what_the_trip_is_for_and_nothing_else_is_one() {
        let trip = Trip::begin();
        for purpose in [Purpose::SignIn, Purpose::Link] {
            let (read, same) = Trip::of_cookie(&trip.cookie(purpose)).unwrap();
            assert_eq!((read, same.state()), (purpose, trip.state()));
        }
        let long = format!("x{}", "a".repeat(52));
        for bad in ["", "s", "é", "sabc", &long] {
            assert!(Trip::of_cookie(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_new_account_has_a_name_in_any_case() {
        let named = |name: Option<&str>| {
            let person = Person {
                subject: "7".into(),
                email: None,
                verified: true,
                name: name.map(str::to_owned),
                admin: None,
            };
            new_account(&person, "ada@example.org".into(), AccountRole::Member).name
        };
        assert_eq!(named(Some("Ada 阿达")), "Ada 阿达");
        assert_eq!(named(None), "ada");
        assert_eq!(named(Some("\u{7}")), "ada");
        assert_eq!(named(Some(&"x".repeat(100))).chars().count(), MAX_NAME);
    }
}
