//! Which account somebody enters whom the provider let in. Pure: what is known goes in, what is to be done comes out. The reasons
//! are in docs/adr/0026-other-ways-in.md.

use crate::config::OidcConfig;
use confab_protocol::{AccountRole, Code};
use serde_json::{Map, Value};

/// A person as the provider describes them, after its token was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) subject: String,
    /// As `accounts::normal_email` writes it.
    pub(crate) email: Option<String>,
    /// The provider says that the address is this person's.
    pub(crate) verified: bool,
    pub(crate) name: Option<String>,
    /// Whether the configured claim makes an admin; `None`: no claim is configured.
    pub(crate) admin: Option<bool>,
}

/// An account here, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) role: AccountRole,
    pub(crate) disabled: bool,
    /// It can be entered by a password, a passkey or a person at the provider.
    pub(crate) has_way: bool,
    /// It is linked to another person at this provider.
    pub(crate) linked: bool,
}

/// What is known here about a [`Person`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// The account the person is linked to.
    pub(crate) own: Option<Known>,
    /// The account with the person's mail address.
    pub(crate) same_email: Option<Known>,
    /// The role an open invitation of that address gives.
    pub(crate) invited: Option<AccountRole>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// As the account the person is linked to.
    Own,
    /// As the account with the same address, which is linked now.
    Link,
    /// As a new account; `invited`: it takes the invitation.
    New { role: AccountRole, invited: bool },
}

pub(crate) fn decide(config: &OidcConfig, person: &Person, facts: Facts) -> Result<Entry, Code> {
    if !in_domains(&config.domains, person) {
        return Err(Code::NoAccount);
    }
    match facts {
        Facts { own: Some(own), .. } if own.disabled => Err(Code::NoAccount),
        Facts { own: Some(_), .. } => Ok(Entry::Own),
        // An address that the provider only repeats proves nothing: neither an account nor an invitation is opened by it.
        _ if !person.verified || person.email.is_none() => Err(Code::NoAccount),
        Facts {
            same_email: Some(same),
            ..
        } => link(same),
        Facts {
            invited: Some(role),
            ..
        } => Ok(Entry::New {
            role,
            invited: true,
        }),
        _ if config.sign_up => Ok(Entry::New {
            role: AccountRole::Member,
            invited: false,
        }),
        _ => Err(Code::NoAccount),
    }
}

/// Whoever has a member's address could have a new password sent there too. An admin's account is worth more than that, and an
/// address may go to another person: both take somebody who is signed in already.
fn link(same: Known) -> Result<Entry, Code> {
    match same {
        Known { disabled: true, .. } => Err(Code::NoAccount),
        Known { linked: true, .. } => Err(Code::LinkFirst),
        Known {
            role: AccountRole::Member,
            ..
        }
        | Known { has_way: false, .. } => Ok(Entry::Link),
        _ => Err(Code::LinkFirst),
    }
}

fn in_domains(domains: &[String], person: &Person) -> bool {
    let domain = person.email.as_deref().and_then(|e| e.rsplit_once('@'));
    let own = domain.is_some_and(|(_, own)| domains.iter().any(|d| d.eq_ignore_ascii_case(own)));
    domains.is_empty() || person.verified && own
}

/// The role an account gets from the provider's claim; `None`: it stays. Owners are made here alone.
pub(crate) fn mapped_role(now: AccountRole, admin: Option<bool>) -> Option<AccountRole> {
    let role = match (now, admin?) {
        (AccountRole::Owner, _) => return None,
        (_, true) => AccountRole::Admin,
        (_, false) => AccountRole::Member,
    };
    (role != now).then_some(role)
}

/// Reads a person out of claims (OpenID Connect Core 1.0, 5.1).
pub(crate) fn person(config: &OidcConfig, subject: String, claims: &Map<String, Value>) -> Person {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::trim);
    let first = |names: &[&str]| {
        let texts = names.iter().filter_map(|name| text(name));
        texts.filter(|t| !t.is_empty()).map(str::to_owned).next()
    };
    // Some providers write the boolean as a word.
    let verified = match claims.get("email_verified") {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(word)) => word == "true",
        _ => false,
    };
    let claim = config.admin_claim.as_deref();
    Person {
        subject,
        email: text("email").and_then(|e| crate::accounts::normal_email(e).ok()),
        verified,
        name: first(&["name", "given_name", "preferred_username", "nickname"]),
        admin: claim.map(|claim| has_one(claims.get(claim), &config.admin_values)),
    }
}

/// Whether a claim, a word or a list of words, has one of these.
fn has_one(claim: Option<&Value>, wanted: &[String]) -> bool {
    let is = |value: &Value| {
        value
            .as_str()
            .is_some_and(|v| wanted.iter().any(|w| w == v))
    };
    match claim {
        Some(Value::Array(all)) => all.iter().any(is),
        Some(one) => is(one),
        None => false,
    }
}

#[cfg(test)]
mod tests;
