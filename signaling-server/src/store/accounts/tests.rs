use super::*;
use crate::secrets::fresh_secret;
use AccountChange as C;

async fn store() -> (tempfile::TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let store = Database::in_folder(dir.path()).await.unwrap();
    (dir, store)
}

fn ada(role: AccountRole) -> AccountRecord {
    AccountRecord {
        id: AccountId::from_random(rand::random()),
        email: "ada@example.org".into(),
        name: "Ada 阿达".into(),
        role,
        password: Some("$argon2id$".into()),
        language: None,
        time_zone: Some("Europe/Berlin".into()),
        created_at: 5,
        disabled_at: None,
    }
}

fn session(account: &AccountId, expires_at: u64) -> SessionRecord {
    SessionRecord {
        token: Digest::of(&fresh_secret()),
        id: fresh_secret(),
        account: account.clone(),
        created_at: 10,
        used_at: 10,
        expires_at,
        agent: "Firefox".into(),
    }
}

fn invitation(email: &str) -> Invitation {
    Invitation {
        id: fresh_secret(),
        email: email.into(),
        role: AccountRole::Member,
        created_at: 1,
        expires_at: 100,
    }
}

fn deed(at: u64) -> Deed {
    Deed {
        at,
        action: AuditAction::SignedIn,
        by: Some("ada@example.org".into()),
        of: None,
        detail: None,
        address: Some("192.0.2.1".into()),
    }
}

#[tokio::test]
async fn an_account_is_found_by_id_and_address_and_its_address_is_taken() {
    let (_dir, store) = store().await;
    assert!(!store.any_account().await.unwrap());
    let ada = ada(AccountRole::Admin);
    store
        .change(vec![C::AddAccount(ada.clone())])
        .await
        .unwrap();
    assert!(store.any_account().await.unwrap());
    let found = store.account(&ada.id).await.unwrap().unwrap();
    assert_eq!(
        (found.name.as_str(), found.role, found.time_zone.as_deref()),
        ("Ada 阿达", AccountRole::Admin, Some("Europe/Berlin"))
    );
    let by_email = store.account_by_email("ada@example.org").await.unwrap();
    assert_eq!(by_email.unwrap().id, ada.id);
    let second = AccountRecord {
        id: AccountId::from_random(1),
        ..ada
    };
    let refused = store.change(vec![C::AddAccount(second)]).await;
    assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
}

#[tokio::test]
async fn a_session_opens_the_door_until_it_is_over_or_the_account_disabled() {
    let (_dir, store) = store().await;
    let ada = ada(AccountRole::Member);
    let (one, two) = (session(&ada.id, 100), session(&ada.id, 100));
    let made = vec![
        C::AddAccount(ada.clone()),
        C::AddSession(one.clone()),
        C::AddSession(two.clone()),
    ];
    store.change(made).await.unwrap();
    let open = |token, now| store.session(token, now);
    assert!(open(one.token, 99).await.unwrap().is_some());
    assert!(open(one.token, 100).await.unwrap().is_none(), "over");
    assert!(open(Digest::of("another"), 5).await.unwrap().is_none());
    let end = C::EndSession {
        account: AccountId::from_random(9),
        id: one.id.clone(),
    };
    store.change(vec![end]).await.unwrap();
    assert!(open(one.token, 5).await.unwrap().is_some(), "not theirs");
    let end = C::EndSession {
        account: ada.id.clone(),
        id: one.id,
    };
    store.change(vec![end]).await.unwrap();
    assert!(open(one.token, 5).await.unwrap().is_none());
    let disable = |at| C::SetDisabled {
        account: ada.id.clone(),
        at,
    };
    store.change(vec![disable(Some(7))]).await.unwrap();
    assert!(open(two.token, 5).await.unwrap().is_none());
    store.change(vec![disable(None)]).await.unwrap();
    assert!(open(two.token, 5).await.unwrap().is_some());
}

#[tokio::test]
async fn an_invitation_is_taken_once_and_not_when_it_is_too_old() {
    let (_dir, store) = store().await;
    let token = Digest::of("token");
    let add = |token| C::AddInvitation {
        token,
        invitation: invitation("bob@example.org"),
    };
    store.change(vec![add(Digest::of("older"))]).await.unwrap();
    store.change(vec![add(token)]).await.unwrap();
    let older = store.invitation(Digest::of("older"), 5).await.unwrap();
    assert!(older.is_none(), "the newest alone is good");
    let take = |now| vec![C::TakeInvitation { token, now }];
    let late = store.change(take(100)).await;
    assert!(matches!(late, Err(StoreError::Gone)), "{late:?}");
    store.change(take(99)).await.unwrap();
    let again = store.change(take(99)).await;
    assert!(matches!(again, Err(StoreError::Gone)), "{again:?}");
}

#[tokio::test]
async fn a_change_that_fails_in_the_middle_leaves_nothing() {
    let (_dir, store) = store().await;
    let ada = ada(AccountRole::Owner);
    store
        .change(vec![C::AddAccount(ada.clone())])
        .await
        .unwrap();
    let demote = C::SetRole {
        account: ada.id.clone(),
        role: AccountRole::Member,
    };
    let refused = store.change(vec![demote, C::KeepAnOwner]).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    let found = store.account(&ada.id).await.unwrap().unwrap();
    assert_eq!(found.role, AccountRole::Owner);
}

#[tokio::test]
async fn the_log_is_numbered_and_bounded() {
    let (_dir, store) = store().await;
    for at in 1..=10 {
        store.change(vec![C::Note(deed(at))]).await.unwrap();
    }
    let prune = |log_from, log_most| C::Prune {
        now: 50,
        log_from,
        log_most,
    };
    store.change(vec![prune(3, 100)]).await.unwrap();
    let ids = |page: &[AuditEntry]| page.iter().map(|e| e.id).collect::<Vec<_>>();
    let page = store.audit(u64::MAX, 3).await.unwrap();
    assert_eq!(ids(&page), [10, 9, 8]);
    let rest = store.audit(8, 100).await.unwrap();
    assert_eq!(ids(&rest), [7, 6, 5, 4, 3]);
    store.change(vec![prune(0, 2)]).await.unwrap();
    assert_eq!(ids(&store.audit(u64::MAX, 9).await.unwrap()), [10, 9]);
    store.change(vec![prune(1000, 2)]).await.unwrap();
    store.change(vec![C::Note(deed(11))]).await.unwrap();
    assert_eq!(ids(&store.audit(u64::MAX, 9).await.unwrap()), [11, 10]);
}

#[tokio::test]
async fn what_is_over_is_forgotten() {
    let (_dir, store) = store().await;
    let ada = ada(AccountRole::Member);
    let reset = |expires_at| C::AddReset {
        token: Digest::of("reset"),
        account: ada.id.clone(),
        expires_at,
    };
    let made = vec![
        C::AddAccount(ada.clone()),
        C::AddSession(session(&ada.id, 40)),
        C::AddSession(session(&ada.id, 60)),
        reset(60),
    ];
    store.change(made).await.unwrap();
    let prune = C::Prune {
        now: 50,
        log_from: 0,
        log_most: 9,
    };
    store.change(vec![prune]).await.unwrap();
    assert_eq!(store.sessions(&ada.id, 0).await.unwrap().len(), 1);
    let found = store.reset(Digest::of("reset"), 59).await.unwrap();
    assert_eq!(found, Some(ada.id.clone()));
    store.change(vec![reset(70)]).await.unwrap();
    let take = C::TakeReset {
        token: Digest::of("reset"),
        account: AccountId::from_random(3),
        now: 5,
    };
    let refused = store.change(vec![take]).await;
    assert!(matches!(refused, Err(StoreError::Gone)), "{refused:?}");
}
