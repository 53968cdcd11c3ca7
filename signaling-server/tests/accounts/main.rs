//! Accounts over HTTP, by a browser's rules and against them; letters through a mail server of another make.

#[path = "../common/api.rs"]
mod api;
mod apps;
mod calls;
#[path = "../common/mod.rs"]
mod common;
mod oversight;
mod passkeys;
mod privacy;
#[path = "../common/smtp.rs"]
mod smtp;
mod support;

use common::Server;
use confab_protocol::{
    Account, AccountRole, AuditAction, AuditEntry, Code, Invitation, Invited, MayCreate, Page,
    SignUp, SignedIn, Standing,
};
use confab_server::Config;
use confab_server::config::{CreatePolicy, MailTls};
use serde_json::{Value, json};
use smtp::{Arrived, Sink};
use support::{Answer, Browser, PASSWORD, offline, person, token_in};

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";

fn with_mail(config: &mut Config, sink: &Sink) {
    config.mail.host = Some("localhost".into());
    config.mail.port = Some(sink.port);
    config.mail.tls = MailTls::Off;
    config.mail.from = Some("Confab <confab@example.org>".into());
}

/// The next letter, read where blocking is allowed.
async fn letter(sink: Sink) -> (Sink, Arrived) {
    let read = move || {
        let mut sink = sink;
        let arrived = sink.next();
        (sink, arrived)
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test]
async fn a_server_without_accounts_works_as_before() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let standing = browser.standing().await;
    assert!(!standing.accounts && standing.me.is_none());
    assert_eq!(standing.may_create, MayCreate::Yes);
    let made = browser.post("/api/v1/meetings", json!({})).await;
    assert_eq!(made.status, 201);
    assert_eq!(
        browser.get("/api/v1/account/sessions").await.code(),
        Code::SignInNeeded
    );
}

#[tokio::test]
async fn the_first_owner_comes_by_the_command_line_and_its_link() {
    let server = Server::start().await;
    let offline = offline(&server).await;
    let link = offline
        .add_account(" Ada@Example.org ", "Ada", AccountRole::Owner, None)
        .await
        .unwrap()
        .unwrap();
    let prefix = format!("http://{}/account/reset#token=", server.http());
    assert!(link.starts_with(&prefix), "{link}");
    let browser = Browser::new(&server);
    assert!(browser.standing().await.accounts);
    let set = |password: &str| json!({ "token": token_in(&link), "password": password });
    let weak = browser
        .post("/api/v1/account/reset/confirm", set("ada@example.org"))
        .await;
    assert_eq!((weak.status, weak.code()), (400, Code::WeakPassword));
    let done = browser
        .post("/api/v1/account/reset/confirm", set(PASSWORD))
        .await;
    assert_eq!((done.status, done.cache.as_str()), (200, "no-store"));
    let cookie = done.set_cookie.clone().unwrap();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    let me = done.json::<Standing>().me.unwrap();
    assert_eq!((me.email.as_str(), me.role), (ADA, AccountRole::Owner));
    let again = Browser::new(&server)
        .post("/api/v1/account/reset/confirm", set("another good one"))
        .await;
    assert_eq!((again.status, again.code()), (410, Code::LinkExpired));
    assert_eq!(browser.delete("/api/v1/session").await.status, 204);
    assert!(!browser.has_cookie() && browser.standing().await.me.is_none());
    assert_eq!(
        browser.sign_in("ADA@example.org", PASSWORD).await.status,
        200
    );
    assert!(browser.standing().await.me.is_some());
}

#[tokio::test]
async fn wrong_passwords_wait_longer_and_say_nothing_of_whether_there_is_an_account() {
    let server = Server::start().await;
    person(&server, ADA, AccountRole::Member).await;
    let stranger = Browser::new(&server);
    let outcome = |a: Answer| (a.status, a.code(), a.body);
    let known = outcome(stranger.sign_in(ADA, "wrong").await);
    let unknown = outcome(stranger.sign_in("nobody@example.org", "wrong").await);
    assert_eq!(known, unknown);
    assert_eq!((known.0, known.1), (401, Code::WrongPassword));
    // Waits double: no machine is so slow that it sits out twenty of them.
    let mut last = stranger.sign_in(ADA, "wrong").await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = stranger.sign_in(ADA, "wrong").await;
    }
    assert_eq!((last.status, last.code()), (429, Code::TooManyTries));
    assert!(last.retry_after.is_some_and(|s| s >= 1));
}

#[tokio::test]
async fn pages_elsewhere_and_forms_change_nothing() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let mut evil = Browser::new(&server);
        evil.sign_in(ADA, PASSWORD).await;
        evil.headers.retain(|(n, _)| *n != name);
        evil.headers.push((name, value.into()));
        for (method, path) in [
            ("POST", "/api/v1/invitations"),
            ("PATCH", "/api/v1/account"),
            ("DELETE", "/api/v1/account/sessions"),
            ("DELETE", "/api/v1/session"),
            ("POST", "/api/v1/meetings"),
        ] {
            let answer = evil.call(method, path, json!({})).await;
            assert_eq!(answer.code(), Code::NotAllowed, "{name}: {value} {path}");
        }
    }
    let mut form = Browser::new(&server);
    form.headers.retain(|(n, _)| *n != "content-type");
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        form.headers.push(("content-type", kind.into()));
        let answer = form.sign_in(ADA, PASSWORD).await;
        assert_eq!(answer.code(), Code::BadMessage, "{kind}");
        form.headers.pop();
    }
    for body in [
        "",
        "{",
        "[]",
        r#"{"email":1}"#,
        r#"{"email":"a","password":"b","c":1}"#,
    ] {
        let answer = Browser::new(&server)
            .post("/api/v1/session", Value::String(body.into()))
            .await;
        assert_eq!(answer.code(), Code::BadMessage, "{body}");
    }
    assert!(ada.standing().await.me.is_some());
}

#[tokio::test]
async fn somebody_invited_by_letter_joins_once() {
    let Some(sink) = Sink::start(&[]) else { return };
    let server = Server::start_with(|c| with_mail(c, &sink)).await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let wish =
        json!({ "email": "BOB@example.org", "role": "admin", "send": true, "language": "zh-CN" });
    let answer = ada.post("/api/v1/invitations", wish.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let invited: Invited = answer.json();
    let (_sink, letter) = letter(sink).await;
    assert_eq!(letter.to, [BOB]);
    assert!(letter.headers["subject"].contains("邀请"), "{letter:?}");
    let token = token_in(&letter.parts[0].text);
    assert_eq!(token, token_in(&invited.link));

    let bob = Browser::new(&server);
    let looked = bob
        .post("/api/v1/invitations/look", json!({ "token": token }))
        .await;
    assert_eq!(looked.json::<Invitation>().email, BOB);
    let join = json!({ "token": token, "name": "Bob", "password": PASSWORD });
    let joined = bob.post("/api/v1/accounts", join.clone()).await;
    assert_eq!(joined.status, 201, "{}", joined.body);
    let me = bob.standing().await.me.unwrap();
    assert_eq!((me.name.as_str(), me.role), ("Bob", AccountRole::Admin));
    let again = Browser::new(&server).post("/api/v1/accounts", join).await;
    assert_eq!(again.code(), Code::LinkExpired);
    let taken = ada.post("/api/v1/invitations", wish).await;
    assert_eq!((taken.status, taken.code()), (409, Code::EmailTaken));
}

#[tokio::test]
async fn an_invitation_called_back_is_worth_nothing() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let wish = json!({ "email": BOB, "role": "member" });
    let invited: Invited = ada.post("/api/v1/invitations", wish).await.json();
    let open: Page<Invitation> = ada.get("/api/v1/invitations").await.json();
    assert_eq!(open.items, std::slice::from_ref(&invited.invitation));
    let path = format!("/api/v1/invitations/{}", invited.invitation.id);
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(ada.delete(&path).await.code(), Code::NotFound);
    let join = json!({ "token": token_in(&invited.link), "name": "Bob", "password": PASSWORD });
    let answer = Browser::new(&server).post("/api/v1/accounts", join).await;
    assert_eq!(answer.code(), Code::LinkExpired);
    let mail = json!({ "email": BOB, "role": "member", "send": true });
    let refused = ada.post("/api/v1/invitations", mail).await;
    assert_eq!(refused.code(), Code::NotAllowed, "there is no mail server");
}

#[tokio::test]
async fn a_forgotten_password_is_helped_by_letter_and_ends_all_sessions() {
    let Some(sink) = Sink::start(&[]) else { return };
    let server = Server::start_with(|c| with_mail(c, &sink)).await;
    let ada = person(&server, ADA, AccountRole::Member).await;
    let stranger = Browser::new(&server);
    let path = "/api/v1/account/reset";
    let nobody = stranger
        .post(path, json!({ "email": "nobody@example.org" }))
        .await;
    let known = stranger.post(path, json!({ "email": ADA })).await;
    assert_eq!((nobody.status, nobody.body), (known.status, known.body));
    assert_eq!(known.status, 202);
    // The first letter that arrives is the known one's: there was none for nobody.
    let (sink, letter_one) = letter(sink).await;
    assert_eq!(letter_one.to, [ADA]);
    let token = token_in(&letter_one.parts[0].text);
    let fresh = "another good password";
    let set = json!({ "token": token, "password": fresh });
    let done = stranger.post("/api/v1/account/reset/confirm", set).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(ada.standing().await.me.is_none(), "signed out");
    assert!(stranger.standing().await.me.is_some());
    let (_sink, told) = letter(sink).await;
    assert!(told.headers["subject"].contains("was changed"), "{told:?}");
    let old = ada.sign_in(ADA, PASSWORD).await;
    assert_eq!(old.code(), Code::WrongPassword);
    assert_eq!(ada.sign_in(ADA, fresh).await.status, 200);
}

#[tokio::test]
async fn open_sign_up_goes_by_letter_and_tells_nobody_who_has_an_account() {
    let Some(sink) = Sink::start(&[]) else { return };
    let server = Server::start_with(|c| {
        with_mail(c, &sink);
        c.accounts.sign_up = SignUp::Open;
    })
    .await;
    person(&server, ADA, AccountRole::Owner).await;
    let stranger = Browser::new(&server);
    let path = "/api/v1/accounts/request";
    let taken = stranger.post(path, json!({ "email": ADA })).await;
    let (sink, to_ada) = letter(sink).await;
    let free = stranger.post(path, json!({ "email": BOB })).await;
    let (_sink, to_bob) = letter(sink).await;
    assert_eq!((taken.status, taken.body), (free.status, free.body));
    assert!(!to_ada.parts[0].text.contains("#token="));
    let join =
        json!({ "token": token_in(&to_bob.parts[0].text), "name": "Bob", "password": PASSWORD });
    let joined = stranger.post("/api/v1/accounts", join).await;
    let me = joined.json::<Standing>().me.unwrap();
    assert_eq!((me.email.as_str(), me.role), (BOB, AccountRole::Member));

    let closed = Server::start().await;
    let answer = Browser::new(&closed)
        .post(path, json!({ "email": BOB }))
        .await;
    assert_eq!(answer.code(), Code::NotAllowed);
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_only() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Member).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let phone = Browser::new(&server);
    phone.sign_in(ADA, PASSWORD).await;
    let list = || async {
        let page: Page<SignedIn> = ada.get("/api/v1/account/sessions").await.json();
        page.items
    };
    let all = list().await;
    assert_eq!(all.len(), 2);
    assert_eq!(all.iter().filter(|s| s.current).count(), 1);
    assert_eq!(all[0].agent, "Firefox · Linux");
    let other = all.iter().find(|s| !s.current).unwrap();
    let path = format!("/api/v1/account/sessions/{}", other.id);
    assert_eq!(bob.delete(&path).await.status, 204);
    assert_eq!(list().await.len(), 2, "not Bob's to end");
    assert_eq!(ada.delete(&path).await.status, 204);
    assert!(phone.standing().await.me.is_none());
    phone.sign_in(ADA, PASSWORD).await;
    assert_eq!(ada.delete("/api/v1/account/sessions").await.status, 204);
    assert!(ada.standing().await.me.is_none() && phone.standing().await.me.is_none());
}

#[tokio::test]
async fn a_changed_password_signs_others_out_and_profiles_are_kept() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Member).await;
    let phone = Browser::new(&server);
    phone.sign_in(ADA, PASSWORD).await;
    let change =
        |current: &str, password: &str| json!({ "current": current, "password": password });
    let path = "/api/v1/account/password";
    let wrong = ada
        .post(path, change("wrong", "another good password"))
        .await;
    assert_eq!(wrong.code(), Code::WrongPassword);
    let weak = ada.post(path, change(PASSWORD, "short")).await;
    assert_eq!(weak.code(), Code::WeakPassword);
    let done = ada
        .post(path, change(PASSWORD, "another good password"))
        .await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(ada.standing().await.me.is_some() && phone.standing().await.me.is_none());

    let wish = json!({ "name": "  Ada Lovelace ", "time_zone": "Europe/London", "language": "en" });
    let account: Account = ada.patch("/api/v1/account", wish).await.json();
    assert_eq!(account.name, "Ada Lovelace");
    assert_eq!(ada.standing().await.me, Some(account));
    for bad in [
        json!({ "name": " " }),
        json!({ "time_zone": "Moon" }),
        json!({ "language": "<" }),
    ] {
        assert_eq!(
            ada.patch("/api/v1/account", bad).await.code(),
            Code::BadValue
        );
    }
    let none = ada
        .patch("/api/v1/account", json!({ "time_zone": "" }))
        .await;
    assert_eq!(none.json::<Account>().time_zone, None);
}

#[tokio::test]
async fn admins_have_to_do_with_members_and_an_owner_is_always_left() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let bob = person(&server, BOB, AccountRole::Admin).await;
    let eve = person(&server, "eve@example.org", AccountRole::Member).await;
    for path in ["/api/v1/accounts", "/api/v1/audit", "/api/v1/invitations"] {
        assert_eq!(eve.get(path).await.code(), Code::NotAllowed, "{path}");
        assert_eq!(
            Browser::new(&server).get(path).await.code(),
            Code::SignInNeeded
        );
    }
    let page: Page<Account> = bob.get("/api/v1/accounts").await.json();
    let path = |email: &str| {
        let account = page.items.iter().find(|a| a.email == email).unwrap();
        format!("/api/v1/accounts/{}", account.id)
    };
    let disable = json!({ "disabled": true });
    let refused = [
        eve.patch(&path(BOB), disable.clone()).await,
        bob.patch(&path(ADA), disable.clone()).await,
        bob.patch(&path(BOB), disable.clone()).await,
        bob.patch(&path("eve@example.org"), json!({ "role": "admin" }))
            .await,
        bob.post(
            "/api/v1/invitations",
            json!({ "email": "x@example.org", "role": "owner" }),
        )
        .await,
        ada.patch(&path(ADA), json!({ "role": "member" })).await,
    ];
    for answer in refused {
        assert_eq!(answer.code(), Code::NotAllowed);
    }
    let unknown = format!(
        "/api/v1/accounts/{}",
        confab_protocol::AccountId::from_random(4)
    );
    assert_eq!(
        ada.patch(&unknown, disable.clone()).await.code(),
        Code::NotFound
    );
    let off = bob.patch(&path("eve@example.org"), disable).await;
    assert!(off.json::<Account>().disabled);
    assert!(eve.standing().await.me.is_none(), "at once");
    let back = eve.sign_in("eve@example.org", PASSWORD).await;
    assert_eq!(back.code(), Code::WrongPassword);
    let offline = offline(&server).await;
    assert!(
        offline.disable_account(ADA, true).await.is_err(),
        "the last owner"
    );
    assert!(
        offline
            .set_account_role(ADA, AccountRole::Member)
            .await
            .is_err()
    );
    offline
        .set_account_role(BOB, AccountRole::Owner)
        .await
        .unwrap();
    offline
        .set_account_role(ADA, AccountRole::Member)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_to_whom_and_no_secret() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    Browser::new(&server).sign_in(ADA, "wrong-and-secret").await;
    let invited: Invited = ada
        .post(
            "/api/v1/invitations",
            json!({ "email": BOB, "role": "member" }),
        )
        .await
        .json();
    let answer = ada.get("/api/v1/audit").await;
    for secret in [PASSWORD, "wrong-and-secret", &token_in(&invited.link)] {
        assert!(!answer.body.contains(secret));
    }
    let page: Page<AuditEntry> = answer.json();
    let actions: Vec<_> = page.items.iter().map(|e| e.action).collect();
    let expected = [
        AuditAction::Invited,
        AuditAction::SignInFailed,
        AuditAction::SignedIn,
        AuditAction::Joined,
    ];
    assert_eq!(actions, expected);
    let newest = &page.items[0];
    assert_eq!(newest.by.as_deref(), Some(ADA));
    assert_eq!(
        (newest.of.as_deref(), newest.detail.as_deref()),
        (Some(BOB), Some("member"))
    );
    assert_eq!(newest.address.as_deref(), Some("127.0.0.1"));
    let older = format!("/api/v1/audit?after={}", page.items[2].id);
    let rest: Page<AuditEntry> = ada.get(&older).await.json();
    assert_eq!(rest.items, page.items[3..]);
    assert_eq!(
        ada.get("/api/v1/audit?after=x").await.code(),
        Code::BadValue
    );
}

#[tokio::test]
async fn a_personal_room_is_found_again_before_it_was_used_by_its_owner_alone() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Member).await;
    let bob = person(&server, "bob@example.org", AccountRole::Member).await;
    let rooms = async |who: &Browser| {
        let answer = who.get("/api/v1/personal-rooms").await;
        answer.json::<Value>()["rooms"].as_array().unwrap().clone()
    };
    assert!(rooms(&ada).await.is_empty());
    let made = json!({ "title": "Ada's", "schedule": { "kind": "personal_room" } });
    let made: Value = ada.post("/api/v1/meetings", made).await.json();
    ada.post("/api/v1/meetings", json!({ "title": "Now" }))
        .await;
    let found = rooms(&ada).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["id"], &found[0]["add_to"]),
        (&made["id"], &Value::Null)
    );
    assert!(rooms(&bob).await.is_empty());
    let stranger = Browser::new(&server);
    let refused = stranger.get("/api/v1/personal-rooms").await;
    assert_eq!(refused.code(), Code::SignInNeeded);

    let path = format!("/api/v1/meetings/{}/cancel", made["id"].as_str().unwrap());
    assert_eq!(ada.post(&path, json!({})).await.status, 200);
    assert!(rooms(&ada).await.is_empty());
}

#[tokio::test]
async fn where_meetings_need_an_account_members_create_them_and_own_them() {
    let server = Server::start_with(|c| c.access.create = CreatePolicy::Account).await;
    let stranger = Browser::new(&server);
    let create = || json!({ "title": "Planning" });
    assert_eq!(
        stranger.standing().await.may_create,
        MayCreate::Yes,
        "this machine, while there is no account"
    );
    let first = stranger.post("/api/v1/meetings", create()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let ada = person(&server, ADA, AccountRole::Member).await;
    let refused = stranger.post("/api/v1/meetings", create()).await;
    assert_eq!((refused.status, refused.code()), (401, Code::SignInNeeded));
    assert_eq!(stranger.standing().await.may_create, MayCreate::SignIn);
    assert_eq!(ada.standing().await.may_create, MayCreate::Yes);
    let made = ada.post("/api/v1/meetings", create()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json::<Value>()["id"].as_str().unwrap().to_owned();

    let find = "SELECT owner FROM meeting WHERE id = $1";
    let owner: Option<String> = match Config::ephemeral(server.dir.path()).database {
        Some(url) => {
            let pool = sqlx::PgPool::connect(url.secret()).await.unwrap();
            let found = sqlx::query_scalar(find).bind(id).fetch_one(&pool);
            found.await.unwrap()
        }
        None => {
            let file = server.dir.path().join("confab.sqlite");
            let url = format!("sqlite:{}?mode=ro", file.display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            let found = sqlx::query_scalar(find).bind(id).fetch_one(&pool);
            found.await.unwrap()
        }
    };
    let me = ada.standing().await.me.unwrap();
    assert_eq!(owner.as_deref(), Some(me.id.as_str()));
}
