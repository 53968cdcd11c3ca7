//! What somebody who asks may do: by an API token, by the host key of a meeting, or as the account that owns it.

use crate::http::Site;
use crate::http::accounts::signed_in;
use crate::http::caller::{Caller, own_page};
use crate::http::scopes::operates;
use crate::schedule::Refused;
use crate::secrets::Digest;
use crate::store::PlannedMeeting;
use axum::http::HeaderMap;
use confab_base::AccountId;
use confab_protocol::Code;
use std::time::Instant;

const HOST_KEY: &str = "x-host-key";

/// Who asks.
#[derive(Debug)]
pub(super) struct Asker {
    /// An operator's program: may all that its token's scopes say.
    token: bool,
    /// Signed in.
    pub(super) account: Option<AccountId>,
    host_key: Option<Digest>,
}

impl Asker {
    /// Refuses pages of other origins: they may hold a browser's cookies.
    pub(super) async fn of(site: &Site, headers: &HeaderMap) -> Result<Asker, Refused> {
        if !own_page(headers, &site.public_url) {
            return Err(Refused::new(Code::NotAllowed, "wrong origin"));
        }
        let key = headers.get(HOST_KEY).and_then(|v| v.to_str().ok());
        Ok(Asker {
            token: operates(site, headers).await?,
            account: signed_in(site, headers).await?.map(|who| who.account.id),
            host_key: key.map(|key| Digest::of(key.trim())),
        })
    }

    /// Whether the meeting is theirs to look into and to change. Wrong host keys are counted by address.
    pub(super) fn may_manage(
        &self,
        site: &Site,
        caller: &Caller,
        meeting: &PlannedMeeting,
    ) -> Result<(), Refused> {
        let owns = self.account.is_some() && self.account == meeting.plan.owner;
        if self.token || owns {
            return Ok(());
        }
        let Some(key) = &self.host_key else {
            let message =
                "the host key is needed (X-Host-Key), an API token, or the owner's account";
            return Err(Refused::new(Code::Unauthorized, message));
        };
        if !site.tries.allows(caller.address, Instant::now()) {
            let message = "too many tries from this address; wait a minute";
            return Err(Refused::new(Code::TooFast, message));
        }
        match key.matches(&meeting.record.host_key) {
            true => Ok(()),
            false => Err(Refused::new(
                Code::BadSecret,
                "not the host key of this meeting",
            )),
        }
    }

    /// Whose meetings they may list: all (none), or those of an account.
    pub(super) fn lists(&self) -> Result<Option<&AccountId>, Refused> {
        match (&self.account, self.token) {
            (_, true) => Ok(None),
            (Some(account), false) => Ok(Some(account)),
            (None, false) => Err(Refused::new(
                Code::Unauthorized,
                "sign in, or use an API token",
            )),
        }
    }

    /// Rooms and whole-server feeds are the operator's.
    pub(super) fn must_be_operator(&self) -> Result<(), Refused> {
        match self.token {
            true => Ok(()),
            false => Err(Refused::new(
                Code::Unauthorized,
                "an API token is needed: Authorization: Bearer …",
            )),
        }
    }
}
