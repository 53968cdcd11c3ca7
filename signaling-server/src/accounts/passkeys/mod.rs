//! Passkeys (WebAuthn): made in one's account, entered with without typing an address. `verify.rs` checks answers, `challenges.rs`
//! what they may answer.

mod challenges;
mod verify;

use super::{Accounts, Entered, Origin, Outcome, Who, deed, normal_name};
use crate::clock::wall_ms;
use crate::secrets::fresh_secret;
use crate::store::{AccountChange, AccountRecord, Deed, PasskeyRecord, StoreError, WayChange};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use challenges::{Challenges, Use};
use confab_protocol::{
    AccountId, AuditAction, Code, LinkedProvider, NewPasskey, NewPasskeyChallenge, Passkey,
    PasskeyAnswer, PasskeyChallenge, WaysIn,
};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;
use url::Url;
use verify::{Bad, Ceremony, Party};

/// Passkeys of an account.
const MOST: usize = 20;

/// Whose passkeys can be used here, and what waits for them.
#[derive(Debug)]
pub(super) struct Passkeys {
    party: Party,
    challenges: Mutex<Challenges>,
}

impl Passkeys {
    /// `None`: browsers know no passkeys there. They need a name, and TLS or this machine's own.
    pub(super) fn at(public_url: &str) -> Option<Passkeys> {
        let url = Url::parse(public_url).ok()?;
        let name = url.domain()?;
        let secure = url.scheme() == "https" || name == "localhost";
        secure.then(|| Passkeys {
            party: Party {
                rp_id: name.to_owned(),
                origin: url.origin().ascii_serialization(),
            },
            challenges: Mutex::default(),
        })
    }

    fn challenges(&self) -> MutexGuard<'_, Challenges> {
        self.challenges.lock().expect("no panic while counting")
    }

    fn new_challenge(&self, purpose: Use) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.challenges()
            .add(challenge.clone(), purpose, Instant::now());
        challenge
    }

    /// What both ceremonies check alike; the challenge is used up.
    fn check(
        &self,
        client_data: &[u8],
        authenticator_data: &[u8],
        ceremony: Ceremony,
        purpose: &Use,
    ) -> Result<verify::Authenticator, Bad> {
        let challenge = verify::challenge(client_data, ceremony, &self.party)?;
        if !self.challenges().take(&challenge, purpose, Instant::now()) {
            return Err("an unknown or old challenge");
        }
        verify::authenticator(authenticator_data, &self.party)
    }
}

fn user_handle(account: &AccountId) -> String {
    URL_SAFE_NO_PAD.encode(account.as_str())
}

fn refused(why: Bad) -> super::Refused {
    tracing::info!(why, "a passkey was refused");
    Code::PasskeyRefused.into()
}

impl Accounts {
    fn passkeys_here(&self) -> Outcome<&Passkeys> {
        self.passkeys.as_ref().ok_or(Code::NotFound.into())
    }

    /// For somebody who wants to sign in.
    pub(crate) fn passkey_challenge(&self, from: &Origin) -> Outcome<PasskeyChallenge> {
        let here = self.passkeys_here()?;
        if !self.trips.allows(from.address, Instant::now()) {
            return Err(Code::TooFast.into());
        }
        Ok(PasskeyChallenge {
            challenge: here.new_challenge(Use::SignIn),
            rp_id: here.party.rp_id.clone(),
        })
    }

    /// Every failure has the same answer.
    pub(crate) async fn enter_by_passkey(
        &self,
        from: &Origin,
        answer: PasskeyAnswer,
    ) -> Outcome<Entered> {
        let here = self.passkeys_here()?;
        self.begin_try(from, None).await?;
        let found = self.store.passkey(&answer.credential).await?;
        let found = found.ok_or_else(|| refused("unknown"))?;
        let counter = answered(here, &found, &answer).map_err(refused)?;
        let account = self.store.account(&found.account).await?;
        let account = account
            .filter(|a| a.disabled_at.is_none())
            .ok_or_else(|| refused("a disabled account"))?;
        let used = AccountChange::Way(WayChange::UsePasskey {
            credential: found.credential,
            counter,
            at: wall_ms(),
        });
        let action = AuditAction::SignedIn;
        let entered = self
            .enter_by(from, account, vec![used], action, Some(&found.name))
            .await;
        match entered {
            // Counted backwards meanwhile: there may be two of it.
            Err(gone) if gone.code == Code::LinkExpired => Err(refused("its counter")),
            entered => {
                let entered = entered?;
                self.was_right(from, None);
                Ok(entered)
            }
        }
    }

    pub(crate) async fn new_passkey_challenge(
        &self,
        from: &Origin,
        who: &Who,
    ) -> Outcome<NewPasskeyChallenge> {
        let here = self.passkeys_here()?;
        if !self.trips.allows(from.address, Instant::now()) {
            return Err(Code::TooFast.into());
        }
        let account = &who.account.id;
        let known = self.store.passkeys(account).await?;
        Ok(NewPasskeyChallenge {
            challenge: here.new_challenge(Use::New(account.clone())),
            rp_id: here.party.rp_id.clone(),
            user: user_handle(account),
            known: known.into_iter().map(|p| p.credential).collect(),
        })
    }

    pub(crate) async fn add_passkey(
        &self,
        from: &Origin,
        who: &Who,
        wish: NewPasskey,
    ) -> Outcome<Passkey> {
        let here = self.passkeys_here()?;
        let (account, name) = (&who.account, normal_name(&wish.name)?);
        let purpose = Use::New(account.id.clone());
        let counter = made(here, &wish, &purpose).map_err(refused)?;
        if self.store.passkeys(&account.id).await?.len() >= MOST {
            return Err(Code::NotAllowed.into());
        }
        let record = PasskeyRecord {
            credential: wish.credential,
            id: fresh_secret(),
            account: account.id.clone(),
            name,
            key: wish.key,
            algorithm: wish.algorithm,
            counter,
            created_at: wall_ms(),
            used_at: None,
        };
        let steps = vec![
            AccountChange::Way(WayChange::AddPasskey(record.clone())),
            note(AuditAction::PasskeyAdded, account, &record.name, from),
        ];
        match self.store.change(steps).await {
            Err(StoreError::Taken) => return Err(refused("known already")),
            done => done?,
        }
        self.tell_of_way(account, &record.name);
        Ok(shown(&record))
    }

    pub(crate) async fn remove_passkey(&self, from: &Origin, who: &Who, id: &str) -> Outcome<()> {
        let account = &who.account;
        let all = self.store.passkeys(&account.id).await?;
        let found = all.into_iter().find(|p| p.id == id);
        let found = found.ok_or(Code::NotFound)?;
        let steps = vec![
            AccountChange::Way(WayChange::RemovePasskey {
                account: account.id.clone(),
                id: found.id,
            }),
            AccountChange::Way(WayChange::KeepAWay {
                account: account.id.clone(),
            }),
            note(AuditAction::PasskeyRemoved, account, &found.name, from),
        ];
        match self.store.change(steps).await {
            Err(StoreError::Gone) => Err(Code::NotFound.into()),
            done => Ok(done?),
        }
    }

    /// How one's own account can be entered.
    pub(crate) async fn ways(&self, who: &Who) -> Outcome<WaysIn> {
        let account = &who.account;
        let identity = self.identity_of(&account.id).await?;
        let passkeys = self.store.passkeys(&account.id).await?;
        Ok(WaysIn {
            password: account.password.is_some(),
            provider: identity.map(|i| LinkedProvider {
                email: i.email,
                created_at: i.created_at,
                used_at: i.used_at,
            }),
            passkeys: passkeys.iter().map(shown).collect(),
        })
    }
}

/// The counter of an answer that holds.
fn answered(here: &Passkeys, found: &PasskeyRecord, answer: &PasskeyAnswer) -> Result<u32, Bad> {
    let (client_data, data) = (
        verify::decode(&answer.client_data)?,
        verify::decode(&answer.authenticator_data)?,
    );
    let said = here.check(&client_data, &data, Ceremony::Get, &Use::SignIn)?;
    let user = answer.user.as_deref();
    if user.is_some_and(|user| user != user_handle(&found.account)) {
        return Err("another's");
    }
    let key = verify::key(found.algorithm, &verify::decode(&found.key)?)?;
    let signature = verify::decode(&answer.signature)?;
    verify::signed(&key, &data, &client_data, &signature)?;
    Ok(said.counter)
}

/// The counter of a new passkey that holds.
fn made(here: &Passkeys, wish: &NewPasskey, purpose: &Use) -> Result<u32, Bad> {
    let (client_data, data) = (
        verify::decode(&wish.client_data)?,
        verify::decode(&wish.authenticator_data)?,
    );
    let said = here.check(&client_data, &data, Ceremony::Create, purpose)?;
    if said.credential != Some(verify::decode(&wish.credential)?) {
        return Err("another credential");
    }
    verify::key(wish.algorithm, &verify::decode(&wish.key)?)?;
    Ok(said.counter)
}

fn shown(record: &PasskeyRecord) -> Passkey {
    Passkey {
        id: record.id.clone(),
        name: record.name.clone(),
        created_at: record.created_at,
        used_at: record.used_at,
    }
}

fn note(action: AuditAction, account: &AccountRecord, name: &str, from: &Origin) -> AccountChange {
    AccountChange::Note(Deed {
        detail: Some(name.to_owned()),
        ..deed(action, Some(&account.email), None, Some(from))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_name_browsers_trust() {
        let party = |url: &str| Passkeys::at(url).map(|p| (p.party.rp_id, p.party.origin));
        let own = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(
            party("https://Meet.example.org:443"),
            own("meet.example.org", "https://meet.example.org")
        );
        assert_eq!(
            party("http://localhost:8480"),
            own("localhost", "http://localhost:8480")
        );
        for none in [
            "http://meet.example.org",
            "https://192.0.2.1",
            "https://[::1]",
            "http://127.0.0.1:8480",
        ] {
            assert_eq!(party(none), None, "{none}");
        }
    }
}
