use super::*;
use serde_json::json;

fn config() -> OidcConfig {
    OidcConfig {
        issuer: Some("https://id.example".into()),
        ..OidcConfig::default()
    }
}

fn ada() -> Person {
    Person {
        subject: "7".into(),
        email: Some("ada@example.org".into()),
        verified: true,
        name: Some("Ada".into()),
        admin: None,
    }
}

fn known(role: AccountRole, has_way: bool) -> Known {
    Known {
        role,
        disabled: false,
        has_way,
        linked: false,
    }
}

fn same(known: Known) -> Facts {
    Facts {
        same_email: Some(known),
        ..Facts::default()
    }
}

#[test]
fn a_linked_person_enters_whatever_the_address_is_now() {
    let facts = Facts {
        own: Some(known(AccountRole::Owner, true)),
        ..Facts::default()
    };
    let person = Person {
        email: None,
        verified: false,
        ..ada()
    };
    assert_eq!(decide(&config(), &person, facts), Ok(Entry::Own));
    let disabled = Facts {
        own: Some(Known {
            disabled: true,
            ..known(AccountRole::Member, true)
        }),
        ..Facts::default()
    };
    assert_eq!(decide(&config(), &ada(), disabled), Err(Code::NoAccount));
}

#[test]
fn a_verified_address_opens_a_members_account_and_no_admins() {
    use AccountRole::{Admin, Member, Owner};
    let enter = |known| decide(&config(), &ada(), same(known));
    assert_eq!(enter(known(Member, true)), Ok(Entry::Link));
    assert_eq!(enter(known(Admin, true)), Err(Code::LinkFirst));
    assert_eq!(enter(known(Owner, true)), Err(Code::LinkFirst));
    assert_eq!(
        enter(known(Owner, false)),
        Ok(Entry::Link),
        "made, and never entered"
    );
    let linked = Known {
        linked: true,
        ..known(Member, true)
    };
    assert_eq!(
        enter(linked),
        Err(Code::LinkFirst),
        "the address went to somebody else"
    );
    let disabled = Known {
        disabled: true,
        ..known(Member, true)
    };
    assert_eq!(enter(disabled), Err(Code::NoAccount));
}

#[test]
fn an_address_that_is_only_said_opens_nothing() {
    let open = OidcConfig {
        sign_up: true,
        ..config()
    };
    let invited = Facts {
        invited: Some(AccountRole::Admin),
        ..Facts::default()
    };
    for facts in [
        same(known(AccountRole::Member, true)),
        invited,
        Facts::default(),
    ] {
        for person in [
            Person {
                verified: false,
                ..ada()
            },
            Person {
                email: None,
                ..ada()
            },
        ] {
            assert_eq!(decide(&open, &person, facts), Err(Code::NoAccount));
        }
    }
}

#[test]
fn accounts_are_made_for_the_invited_and_where_that_is_wished() {
    let invited = Facts {
        invited: Some(AccountRole::Admin),
        ..Facts::default()
    };
    let made = |role, invited| Ok(Entry::New { role, invited });
    assert_eq!(
        decide(&config(), &ada(), invited),
        made(AccountRole::Admin, true)
    );
    assert_eq!(
        decide(&config(), &ada(), Facts::default()),
        Err(Code::NoAccount)
    );
    let open = OidcConfig {
        sign_up: true,
        ..config()
    };
    assert_eq!(
        decide(&open, &ada(), Facts::default()),
        made(AccountRole::Member, false)
    );
}

#[test]
fn domains_hold_for_everybody() {
    let only = |domain: &str| OidcConfig {
        sign_up: true,
        domains: vec![domain.into()],
        ..config()
    };
    assert!(decide(&only("Example.org"), &ada(), Facts::default()).is_ok());
    let linked = Facts {
        own: Some(known(AccountRole::Member, true)),
        ..Facts::default()
    };
    for domain in ["example.com", "ample.org", "sub.example.org"] {
        for facts in [Facts::default(), linked] {
            assert_eq!(decide(&only(domain), &ada(), facts), Err(Code::NoAccount));
        }
    }
    let unproven = Person {
        verified: false,
        ..ada()
    };
    assert_eq!(
        decide(&only("example.org"), &unproven, linked),
        Err(Code::NoAccount)
    );
}

#[test]
fn claims_make_a_person_and_a_role() {
    let config = OidcConfig {
        admin_claim: Some("groups".into()),
        admin_values: vec!["confab".into()],
        ..config()
    };
    let read = |claims: Value| person(&config, "7".into(), claims.as_object().unwrap());
    let full = read(
        json!({ "email": " Ada@Example.org", "email_verified": "true", "name": " ", "given_name": "Ada", "groups": ["x", "confab"] }),
    );
    assert_eq!(
        (full.email.as_deref(), full.verified),
        (Some("ada@example.org"), true)
    );
    assert_eq!(
        (full.name.as_deref(), full.admin),
        (Some("Ada"), Some(true))
    );
    let bare = read(json!({ "email": "no address", "email_verified": 1, "groups": "confabulate" }));
    assert_eq!(
        (bare.email, bare.verified, bare.name, bare.admin),
        (None, false, None, Some(false))
    );
    assert_eq!(read(json!({ "groups": "confab" })).admin, Some(true));
    use AccountRole::{Admin, Member, Owner};
    assert_eq!(mapped_role(Member, Some(true)), Some(Admin));
    assert_eq!(mapped_role(Admin, Some(false)), Some(Member));
    assert_eq!(mapped_role(Admin, Some(true)), None);
    assert_eq!(mapped_role(Admin, None), None, "no claim is configured");
    assert_eq!(
        mapped_role(Owner, Some(false)),
        None,
        "owners are made here alone"
    );
}
