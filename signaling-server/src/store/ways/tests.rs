use super::*;
use crate::secrets::fresh_secret;
use crate::store::{AccountChange as C, AccountStore};
use confab_protocol::AccountRole;

async fn store() -> (tempfile::TempDir, Database, AccountId) {
    let dir = tempfile::tempdir().unwrap();
    let store = Database::in_folder(dir.path()).await.unwrap();
    let id = person(&store, "ada@example.org", None).await;
    (dir, store, id)
}

async fn person(store: &Database, email: &str, password: Option<&str>) -> AccountId {
    let id = AccountId::from_random(rand::random());
    let account = AccountRecord {
        id: id.clone(),
        email: email.into(),
        name: "Ada".into(),
        role: AccountRole::Member,
        password: password.map(str::to_owned),
        language: None,
        time_zone: None,
        created_at: 1,
        disabled_at: None,
    };
    store.change(vec![C::AddAccount(account)]).await.unwrap();
    id
}

fn linked(account: &AccountId, subject: &str) -> C {
    C::Way(WayChange::AddIdentity(IdentityRecord {
        issuer: "https://id.example".into(),
        subject: subject.into(),
        account: account.clone(),
        email: Some("ada@example.org".into()),
        created_at: 1,
        used_at: 1,
    }))
}

fn key(account: &AccountId, credential: &str, counter: u32) -> PasskeyRecord {
    PasskeyRecord {
        credential: credential.into(),
        id: fresh_secret(),
        account: account.clone(),
        name: "Phone".into(),
        key: "AAAA".into(),
        algorithm: -7,
        counter,
        created_at: 1,
        used_at: None,
    }
}

#[tokio::test]
async fn a_person_at_the_provider_is_one_account_and_an_account_one_person_there() {
    let (_dir, store, ada) = store().await;
    let bob = person(&store, "bob@example.org", None).await;
    store.change(vec![linked(&ada, "1")]).await.unwrap();
    for other in [linked(&bob, "1"), linked(&ada, "2")] {
        let refused = store.change(vec![other]).await;
        assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    }
    let found = store.identity("https://id.example", "1").await.unwrap();
    assert_eq!(found.unwrap().id, ada);
    let other = store.identity("https://other.example", "1").await.unwrap();
    assert!(other.is_none(), "another provider's 1 is somebody else");
    let used = WayChange::UseIdentity {
        issuer: "https://id.example".into(),
        subject: "1".into(),
        email: None,
        at: 9,
    };
    store.change(vec![C::Way(used)]).await.unwrap();
    let all = store.identities(&ada).await.unwrap();
    assert_eq!((all[0].used_at, all[0].email.as_deref()), (9, None));
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let (_dir, store, ada) = store().await;
    let passkey = key(&ada, "c", 0);
    let id = passkey.id.clone();
    store
        .change(vec![
            linked(&ada, "1"),
            C::Way(WayChange::AddPasskey(passkey)),
        ])
        .await
        .unwrap();
    let keep = || {
        C::Way(WayChange::KeepAWay {
            account: ada.clone(),
        })
    };
    let remove = || {
        C::Way(WayChange::RemovePasskey {
            account: ada.clone(),
            id: id.clone(),
        })
    };
    let unlink = || {
        C::Way(WayChange::RemoveIdentity {
            account: ada.clone(),
            issuer: "https://id.example".into(),
        })
    };
    store.change(vec![remove(), keep()]).await.unwrap();
    let refused = store.change(vec![remove(), keep()]).await;
    assert!(matches!(refused, Err(StoreError::Gone)), "{refused:?}");
    let refused = store.change(vec![unlink(), keep()]).await;
    assert!(matches!(refused, Err(StoreError::LastWay)), "{refused:?}");
    assert_eq!(store.identities(&ada).await.unwrap().len(), 1);
    let password = C::SetPassword {
        account: ada.clone(),
        password: "$argon2id$".into(),
    };
    store
        .change(vec![password, unlink(), keep()])
        .await
        .unwrap();
    assert!(store.identities(&ada).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_passkey_counts_forwards_only() {
    let (_dir, store, ada) = store().await;
    let add = |name: &str, counter| C::Way(WayChange::AddPasskey(key(&ada, name, counter)));
    store.change(vec![add("c", 5), add("z", 0)]).await.unwrap();
    let again = store.change(vec![add("c", 9)]).await;
    assert!(matches!(again, Err(StoreError::Taken)), "{again:?}");
    let count = async |name: &str, counter| {
        let used = WayChange::UsePasskey {
            credential: name.into(),
            counter,
            at: 7,
        };
        store.change(vec![C::Way(used)]).await.is_ok()
    };
    assert!(!count("c", 4).await && !count("c", 5).await && !count("c", 0).await);
    assert!(count("c", 6).await && !count("c", 6).await);
    assert!(count("z", 0).await && count("z", 0).await, "does not count");
    assert!(count("z", 1).await && !count("z", 0).await, "began to");
    assert!(!count("unknown", 1).await);
    let kept = store.passkey("c").await.unwrap().unwrap();
    assert_eq!((kept.counter, kept.used_at), (6, Some(7)));
    assert_eq!(store.passkeys(&ada).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_invitation_is_found_by_its_address() {
    let (_dir, store, _) = store().await;
    let token = crate::secrets::Digest::of("secret");
    let invitation = confab_protocol::Invitation {
        id: fresh_secret(),
        email: "bob@example.org".into(),
        role: AccountRole::Admin,
        created_at: 1,
        expires_at: 100,
    };
    let add = C::AddInvitation { token, invitation };
    store.change(vec![add]).await.unwrap();
    let at = |now| store.invitation_for("bob@example.org", now);
    let (found, invitation) = at(50).await.unwrap().unwrap();
    assert!(found.matches(&token));
    assert_eq!(invitation.role, AccountRole::Admin);
    assert!(at(100).await.unwrap().is_none(), "too old");
    assert!(
        store
            .invitation_for("ada@example.org", 50)
            .await
            .unwrap()
            .is_none()
    );
}
