//! Pages, headers, API and calendar file, over plain HTTP and TLS.

mod common;

use common::{Person, Server, hello};
use confab_protocol::{Code, ErrorBody, MeetingCreated, MeetingInfo, MeetingState, Request};
use confab_server::config::{CreatePolicy, TlsConfig};
use confab_server::{Digest, fresh_secret};
use ureq::http::Response;

type Answer = Response<ureq::Body>;

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false);
    config.build().new_agent()
}

/// Off the test's runtime: this client blocks.
async fn call(
    act: impl FnOnce(&ureq::Agent) -> Result<Answer, ureq::Error> + Send + 'static,
) -> Answer {
    tokio::task::spawn_blocking(move || act(&agent()).unwrap())
        .await
        .unwrap()
}

async fn get(server: &Server, path: &str) -> Answer {
    let url = format!("http://{}{path}", server.http());
    call(move |agent| agent.get(&url).call()).await
}

async fn post(server: &Server, body: &str, headers: &[(&'static str, String)]) -> Answer {
    let url = format!("http://{}/api/v1/meetings", server.http());
    let (body, headers) = (body.to_owned(), headers.to_vec());
    call(move |agent| {
        let mut request = agent.post(&url);
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        request.send(body)
    })
    .await
}

fn json() -> Vec<(&'static str, String)> {
    vec![("content-type", "application/json".to_owned())]
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |v| v.to_str().unwrap())
}

async fn text(answer: Answer) -> String {
    tokio::task::spawn_blocking(move || answer.into_body().read_to_string().unwrap())
        .await
        .unwrap()
}

async fn code(answer: Answer) -> Code {
    serde_json::from_str::<ErrorBody>(&text(answer).await)
        .unwrap()
        .code
}

#[tokio::test]
async fn a_meeting_made_by_the_api_can_be_looked_at_and_joined() {
    let server = Server::start().await;
    let answer = post(&server, r#"{"title":"Plan <1>","minutes":30}"#, &json()).await;
    assert_eq!(answer.status(), 201);
    let made: MeetingCreated = serde_json::from_str(&text(answer).await).unwrap();
    assert_eq!(
        made.guest_link,
        format!("http://{}/m/{}", server.http(), made.id)
    );
    assert!(
        made.host_link
            .starts_with(&format!("{}#host=", made.guest_link))
    );

    let info: MeetingInfo = serde_json::from_str(
        &text(get(&server, &format!("/api/v1/meetings/{}", made.id)).await).await,
    )
    .unwrap();
    assert_eq!(
        (info.state, info.participants, info.minutes),
        (MeetingState::Open, 0, 30)
    );
    let invitation = made.into();
    let _ada = Person::join(&server, &invitation, "Ada").await;
    let info: MeetingInfo = serde_json::from_str(
        &text(get(&server, &format!("/api/v1/meetings/{}", invitation.id)).await).await,
    )
    .unwrap();
    assert_eq!((info.state, info.participants), (MeetingState::Running, 1));

    let page = get(&server, &format!("/m/{}", invitation.id)).await;
    assert_eq!(page.status(), 200);
    let page = text(page).await;
    assert!(
        page.contains("<title>Plan &lt;1&gt; · Confab</title>"),
        "{page}"
    );
    assert!(page.contains("<noscript>"), "{page}");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start().await;
    for path in [
        "/",
        "/health",
        "/nothing",
        "/api/v1/meetings/none",
        "/m/none",
        "/assets/none.js",
    ] {
        let answer = get(&server, path).await;
        let policy = header(&answer, "content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains(&format!("connect-src 'self' ws://{};", server.http())),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(
            header(&answer, "x-content-type-options"),
            "nosniff",
            "{path}"
        );
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
        assert!(
            header(&answer, "permissions-policy").contains("camera=(self)"),
            "{path}"
        );
        assert_eq!(
            header(&answer, "strict-transport-security"),
            "",
            "only with TLS"
        );
    }
}

#[tokio::test]
async fn the_calendar_file_has_the_guest_link_only() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let answer = get(&server, &format!("/m/{}.ics", meeting.id)).await;
    assert!(header(&answer, "content-type").starts_with("text/calendar"));
    let ics = text(answer).await.replace("\r\n ", "");
    assert!(ics.contains("SUMMARY:Planning\r\n"), "{ics}");
    assert!(ics.contains(&format!("/m/{}\r\n", meeting.id)), "{ics}");
    assert!(
        !ics.contains(&meeting.host_key) && !ics.contains("host="),
        "{ics}"
    );
}

#[tokio::test]
async fn unknown_meetings_are_a_page_with_404_and_an_api_error() {
    let server = Server::start().await;
    let nowhere = confab_protocol::MeetingId::from_random(5);
    for path in [
        format!("/m/{nowhere}"),
        "/m/x".to_owned(),
        "/m/..%2f..%2fetc%2fpasswd".to_owned(),
    ] {
        let answer = get(&server, &path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert!(text(answer).await.contains("<html"), "{path}");
    }
    let answer = get(&server, &format!("/api/v1/meetings/{nowhere}")).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(code(answer).await, Code::MeetingNotFound);
    assert_eq!(get(&server, "/../Cargo.toml").await.status(), 404);
}

#[tokio::test]
async fn bad_bodies_are_refused_with_their_code() {
    let server = Server::start().await;
    let long = format!(r#"{{"title":"{}"}}"#, "x".repeat(121));
    for (body, wanted) in [
        ("garbage", Code::BadMessage),
        (r#"{"unknown":1}"#, Code::BadMessage),
        (r#"{"minutes":0}"#, Code::BadValue),
        (&long, Code::BadValue),
    ] {
        let answer = post(&server, body, &json()).await;
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(code(answer).await, wanted, "{body}");
    }
    let form = post(&server, "{}", &[("content-type", "text/plain".to_owned())]).await;
    assert_eq!(form.status(), 400, "what a foreign page's form can send");
    let mut foreign = json();
    foreign.push(("origin", "https://evil.example".to_owned()));
    assert_eq!(post(&server, "{}", &foreign).await.status(), 403);
    let large = format!(r#"{{"title":"{}"}}"#, "x".repeat(200_000));
    assert_eq!(post(&server, &large, &json()).await.status(), 413);
}

#[tokio::test]
async fn creating_can_be_limited_to_token_holders_and_by_rate() {
    let token = fresh_secret();
    let digest = Digest::of(&token).to_hex();
    let server = Server::start_with(|c| {
        c.access.create = CreatePolicy::Token;
        c.access.tokens = vec![digest];
        c.limits.meetings_per_minute = 3;
    })
    .await;
    assert_eq!(post(&server, "{}", &json()).await.status(), 401);
    let with = |token: &str| [json(), vec![("authorization", format!("Bearer {token}"))]].concat();
    assert_eq!(
        post(&server, "{}", &with(&fresh_secret())).await.status(),
        401
    );
    // What nobody made is refused before it is counted.
    for _ in 0..2 {
        assert_eq!(post(&server, "{}", &with(&token)).await.status(), 201);
    }
    let answer = post(&server, "{}", &with(&token)).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(code(answer).await, Code::TooFast);
}

#[tokio::test]
async fn joins_from_one_address_are_limited() {
    let server = Server::start_with(|c| c.limits.joins_per_minute = 2).await;
    let meeting = server.meeting().await;
    let _a = Person::join(&server, &meeting, "A").await;
    let _b = Person::join(&server, &meeting, "B").await;
    let third = Person::enter(server.http(), hello(&meeting, "C")).await;
    assert_eq!(third.err(), Some(Code::TooFast));
}

#[tokio::test]
async fn a_tls_port_sends_plain_http_to_https() {
    let server = Server::start_with(|c| {
        c.tls = TlsConfig {
            self_signed: true,
            ..TlsConfig::default()
        }
    })
    .await;
    assert!(server.running.tls_fingerprint.is_some());
    let answer = get(&server, "/m/abc?x=1").await;
    assert_eq!(answer.status(), 308);
    assert_eq!(
        header(&answer, "location"),
        format!("https://{}/m/abc?x=1", server.http())
    );
    let url = format!("https://{}/health", server.http());
    let health = tokio::task::spawn_blocking(move || {
        let tls = ureq::tls::TlsConfig::builder()
            .disable_verification(true)
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .build()
            .new_agent();
        agent
            .get(&url)
            .call()
            .unwrap()
            .into_body()
            .read_to_string()
            .unwrap()
    });
    assert_eq!(health.await.unwrap(), "ok\n");
}

#[tokio::test]
async fn no_secret_is_stored_in_plain_text() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    ada.ask(Request::Hand { raised: true }).await.unwrap();
    let Server { running, dir } = server;
    running.shutdown().await;
    common::process::show_database(dir.path()).await;
    let mut left = vec![dir.path().to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in [&meeting.host_key, &ada.token] {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}

#[tokio::test]
async fn behind_a_proxy_the_forwarded_address_counts() {
    let server = Server::start_with(|c| {
        c.behind_proxy = true;
        c.public_url = Some("https://meet.example.org".to_owned());
        c.access.create = CreatePolicy::Loopback;
    })
    .await;
    let from = |address: &str| [json(), vec![("x-forwarded-for", address.to_owned())]].concat();
    assert_eq!(post(&server, "{}", &from("192.0.2.1")).await.status(), 403);
    assert_eq!(
        post(&server, "{}", &from("127.0.0.1, 192.0.2.1"))
            .await
            .status(),
        403,
        "the client's own words"
    );
    let answer = post(&server, "{}", &from("127.0.0.1")).await;
    assert_eq!(answer.status(), 201);
    assert!(text(answer).await.contains("https://meet.example.org/m/"));
}
