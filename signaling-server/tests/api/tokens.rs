//! Tokens of programs: made, shown once, used within their owner's rights, revoked.

use crate::common::{Server, Socket, hello};
use crate::people::{self, Browser, PASSWORD};
use crate::{by_command, own_token, program};
use confab_protocol::{
    AccountRole, ApiToken, ApiTokenMade, AuditAction, AuditEntry, Code, LiveMeeting, Page, Request,
    Role, ServerMessage, TokenScope,
};
use serde_json::{Value, json};

const READ: TokenScope = TokenScope::MeetingsRead;
const WRITE: TokenScope = TokenScope::MeetingsWrite;
const ADA: &str = "ada@example.org";
const OWNER: &str = "owner@example.org";

async fn tokens(person: &Browser, path: &str) -> Vec<ApiToken> {
    let page: Page<ApiToken> = person.get(path).await.json();
    page.items
}

async fn made_by(person: &Browser, title: &str) -> String {
    let wanted = json!({"title": title, "schedule": {"kind": "planned", "when": {"once": {
        "start": "2030-11-26T09:00:00", "zone": "UTC", "minutes": 30}}}});
    let made = person.post("/api/v1/meetings", wanted).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json::<Value>()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_persons_token_does_what_the_person_may_and_no_more() {
    let server = Server::start().await;
    let ada = people::person(&server, ADA, AccountRole::Member).await;
    let bob = people::person(&server, "bob@example.org", AccountRole::Member).await;
    let bobs = made_by(&bob, "Of Bob").await;
    let sync = program(&server, &own_token(&ada, &[READ, WRITE]).await.secret);

    let own = made_by(&sync, "Of Ada").await;
    let plan: Value = ada
        .get(&format!("/api/v1/meetings/{own}/plan"))
        .await
        .json();
    let me = ada.standing().await.me.unwrap();
    assert_eq!(plan["owner"], json!(me.id));
    let span = "/api/v1/meetings?from=1921900000000&until=1922000000000";
    let list = sync.get(span).await.body;
    assert!(
        list.contains("Of Ada") && !list.contains("Of Bob"),
        "{list}"
    );
    let others = sync.get(&format!("/api/v1/meetings/{bobs}/plan")).await;
    assert_eq!(others.status, 401, "{}", others.body);

    // What is an admin's is not a member's to give, and not a member's token's to do.
    for scope in [
        TokenScope::AdminRead,
        TokenScope::AdminWrite,
        TokenScope::Webhooks,
    ] {
        let wish = json!({"name": "more", "scopes": [scope]});
        let refused = ada.post("/api/v1/account/tokens", wish.clone()).await;
        assert_eq!((refused.status, refused.code()), (403, Code::NotAllowed));
        let refused = ada.post("/api/v1/admin/tokens", wish).await;
        assert_eq!((refused.status, refused.code()), (403, Code::NotAllowed));
    }
}

#[tokio::test]
async fn rights_that_a_person_has_lost_their_token_has_lost() {
    let server = Server::start().await;
    let owner = people::person(&server, OWNER, AccountRole::Owner).await;
    let admin = people::person(&server, ADA, AccountRole::Admin).await;
    let made = own_token(&admin, &[TokenScope::AdminRead]).await;
    let watch = program(&server, &made.secret);
    assert_eq!(watch.get("/api/v1/accounts").await.status, 200);
    let me = admin.standing().await.me.unwrap();
    let path = format!("/api/v1/accounts/{}", me.id.as_str());

    let member = json!({"role": "member"});
    assert_eq!(owner.patch(&path, member).await.status, 200);
    let refused = watch.get("/api/v1/accounts").await;
    assert_eq!((refused.status, refused.code()), (403, Code::NotAllowed));

    let disabled = json!({"disabled": true});
    assert_eq!(owner.patch(&path, disabled).await.status, 200);
    let refused = watch.get("/api/v1/accounts").await;
    assert_eq!((refused.status, refused.code()), (401, Code::Unauthorized));
}

#[tokio::test]
async fn a_token_is_shown_once_listed_and_revoked() {
    let server = Server::start().await;
    let owner = people::person(&server, OWNER, AccountRole::Owner).await;
    let ada = people::person(&server, ADA, AccountRole::Member).await;
    let bob = people::person(&server, "bob@example.org", AccountRole::Member).await;
    let path = "/api/v1/account/tokens";
    let ApiTokenMade { token, secret } = own_token(&ada, &[READ, READ]).await;
    assert_eq!(
        (token.name.as_str(), &token.scopes[..]),
        ("calendar sync", &[READ][..])
    );
    assert!(token.expires_at.unwrap() > token.created_at);
    let sync = program(&server, &secret);
    assert_eq!(sync.get("/api/v1/meetings").await.status, 200);

    let listed = ada.get(path).await.body;
    assert!(!listed.contains(&secret), "{listed}");
    let mine = tokens(&ada, path).await;
    assert_eq!(mine.len(), 1);
    assert!(mine[0].used_at.is_some());
    assert_eq!(tokens(&bob, path).await, []);
    let all = tokens(&owner, "/api/v1/admin/tokens").await;
    assert_eq!(all[0].owner.as_deref(), Some(ADA));

    let one = format!("{path}/{}", token.id);
    assert_eq!(bob.delete(&one).await.status, 404);
    assert_eq!(ada.delete(&one).await.status, 204);
    let refused = sync.get("/api/v1/meetings").await;
    assert_eq!((refused.status, refused.code()), (401, Code::Unauthorized));

    // The database holds no token.
    let elsewhere = tempfile::tempdir().unwrap();
    let all = elsewhere.path().join("all.tar");
    let config = confab_server::Config::ephemeral(server.dir.path());
    confab_server::backup::backup(&config, None, &all)
        .await
        .unwrap();
    let bytes = std::fs::read(&all).unwrap();
    assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));

    let log: Page<AuditEntry> = owner.get("/api/v1/audit").await.json();
    for action in [AuditAction::TokenMade, AuditAction::TokenRevoked] {
        let noted = log.items.iter().find(|e| e.action == action).unwrap();
        assert_eq!(noted.by.as_deref(), Some(ADA));
        assert_eq!(noted.of.as_deref(), Some("calendar sync"));
    }
}

#[tokio::test]
async fn bad_wishes_make_no_token() {
    let server = Server::start().await;
    let ada = people::person(&server, ADA, AccountRole::Member).await;
    let path = "/api/v1/account/tokens";
    for wish in [
        json!({"name": "", "scopes": ["meetings:read"]}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["meetings:read"], "days": 0}),
        json!({"name": "x", "scopes": ["meetings:read"], "days": 4000}),
    ] {
        let refused = ada.post(path, wish.clone()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, Code::BadValue),
            "{wish}"
        );
    }
    for wish in [
        json!({"name": "x", "scopes": ["all"]}),
        json!({"name": "x"}),
        json!({"name": "x", "scopes": ["meetings:read"], "account": "other"}),
    ] {
        let refused = ada.post(path, wish.clone()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, Code::BadMessage),
            "{wish}"
        );
    }
    for n in 0..50 {
        let wish = json!({"name": format!("n{n}"), "scopes": ["meetings:read"]});
        assert_eq!(ada.post(path, wish).await.status, 201);
    }
    let wish = json!({"name": "one too many", "scopes": ["meetings:read"]});
    let refused = ada.post(path, wish).await;
    assert_eq!((refused.status, refused.code()), (409, Code::TooMany));
}

#[tokio::test]
async fn the_servers_token_looks_after_it_and_is_named_in_the_log() {
    let server = Server::start().await;
    let owner = people::person(&server, OWNER, AccountRole::Owner).await;
    let wish = json!({"name": "robot", "scopes": ["admin:read", "admin:write", "meetings:read"]});
    let made = owner.post("/api/v1/admin/tokens", wish).await;
    let made: ApiTokenMade = made.json();
    assert_eq!(made.token.owner, None);
    let robot = program(&server, &made.secret);

    let invitation = server.meeting().await;
    let mut socket = Socket::open(server.http()).await;
    socket.send(Request::Hello(hello(&invitation, "Eve"))).await;
    assert!(matches!(
        socket.next().await,
        Some(ServerMessage::Welcome(_))
    ));
    let live: Page<LiveMeeting> = robot.get("/api/v1/admin/meetings").await.json();
    assert_eq!(live.items[0].id, invitation.id);
    let end = format!("/api/v1/admin/meetings/{}/end", invitation.id);
    assert_eq!(robot.post(&end, Value::Null).await.status, 204);
    assert_eq!(socket.end().await, Some(Code::MeetingEnded));
    let log: Page<AuditEntry> = robot.get("/api/v1/audit").await.json();
    let ended = log
        .items
        .iter()
        .find(|e| e.action == AuditAction::MeetingEnded);
    assert_eq!(ended.unwrap().by.as_deref(), Some("token: robot"));

    // It invites members, and makes nobody an admin.
    let invite = |role: &str| json!({"email": format!("{role}@example.org"), "role": role});
    let invitations = "/api/v1/invitations";
    assert_eq!(robot.post(invitations, invite("member")).await.status, 201);
    for role in ["admin", "owner"] {
        assert_eq!(
            robot.post(invitations, invite(role)).await.code(),
            Code::NotAllowed
        );
    }
    assert_eq!(
        owner
            .delete(&format!("/api/v1/admin/tokens/{}", made.token.id))
            .await
            .status,
        204
    );
    assert_eq!(robot.get("/api/v1/audit").await.status, 401);
}

#[tokio::test]
async fn a_token_opens_no_meeting_and_no_session() {
    let server = Server::start().await;
    let ada = people::person(&server, ADA, AccountRole::Member).await;
    let secret = own_token(&ada, &[READ, WRITE]).await.secret;
    let sync = program(&server, &secret);
    let meeting = made_by(&sync, "Of Ada").await;
    assert_eq!(sync.standing().await.me, None);

    let invitation = crate::common::Invitation {
        id: confab_protocol::MeetingId::parse(&meeting).unwrap(),
        host_key: String::new(),
    };
    // With her cookie she is the host, with her token a guest like any other.
    for (header, value, role) in [
        ("cookie", ada.cookie(), Role::Host),
        ("authorization", format!("Bearer {secret}"), Role::Guest),
    ] {
        use tokio_tungstenite::tungstenite::client::IntoClientRequest;
        let mut request = format!("ws://{}/ws", server.http())
            .into_client_request()
            .unwrap();
        request.headers_mut().insert(header, value.parse().unwrap());
        let mut socket = Socket::of(request).await;
        socket.send(Request::Hello(hello(&invitation, "Ada"))).await;
        let found = socket
            .find(|message| match message {
                ServerMessage::Welcome(welcome) => Some(Some(welcome)),
                ServerMessage::Waiting { .. } | ServerMessage::Refused { .. } => Some(None),
                _ => None,
            })
            .await;
        let found = found.map(|welcome| {
            let people = &crate::common::told(&welcome).participants;
            people.iter().find(|p| p.id == welcome.you).unwrap().role
        });
        // Who is no host may have to wait for one.
        assert!(
            found == Some(role) || (found.is_none() && role == Role::Guest),
            "{header}"
        );
    }
}

#[tokio::test]
async fn the_command_line_makes_lists_and_revokes() {
    let server = Server::start().await;
    people::person(&server, OWNER, AccountRole::Owner).await;
    people::person(&server, ADA, AccountRole::Member).await;
    let adas = program(&server, &by_command(&server, Some(ADA), &[READ]).await);
    let own = program(
        &server,
        &by_command(&server, None, &[TokenScope::AdminRead]).await,
    );
    assert_eq!(adas.get("/api/v1/meetings").await.status, 200);
    assert_eq!(own.get("/api/v1/accounts").await.status, 200);

    let offline = people::offline(&server).await;
    let wish = confab_protocol::NewApiToken {
        name: "more".into(),
        scopes: vec![TokenScope::AdminRead],
        days: None,
    };
    let refused = offline.new_token(Some(ADA), wish.clone()).await;
    assert!(refused.unwrap_err().to_string().contains("no admin"));
    assert!(
        offline
            .new_token(Some("who@example.org"), wish)
            .await
            .is_err()
    );
    let all = offline.tokens().await.unwrap();
    assert_eq!(all.len(), 2);
    for token in &all {
        offline.revoke_token(&token.id).await.unwrap();
    }
    assert!(offline.revoke_token(&all[0].id).await.is_err());
    offline.close().await.unwrap();
    assert_eq!(adas.get("/api/v1/meetings").await.status, 401);
    assert_eq!(own.get("/api/v1/accounts").await.status, 401);
    // Passwords have nothing to do with it.
    let back = Browser::new(&server);
    assert_eq!(back.sign_in(ADA, PASSWORD).await.status, 200);
}
