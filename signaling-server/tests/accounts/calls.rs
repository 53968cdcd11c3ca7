//! How calls went: told by clients, kept, shown to admins alone; and the server's metrics.

use crate::common::{Person, Server};
use crate::oversight::meeting;
use crate::support::{Browser, person};
use crate::{ADA, BOB};
use confab_protocol::{
    AccountRole, Call, CallDetails, CallDevice, CauseKind, Code, DeviceChange, DeviceNote, Page,
    QualityReport, ReplyBody, Request,
};
use confab_server::{Config, Digest, fresh_secret};
use serde_json::Value;
use std::time::Duration;

const CALLS: &str = "/api/v1/admin/calls";

fn report() -> QualityReport {
    QualityReport {
        seconds: 60,
        rtt_ms: Some(40),
        loss_up: Some(121),
        loss_down: Some(0),
        concealed: Some(180),
        mic_on: 600,
        devices: vec![DeviceNote {
            device: CallDevice::Microphone,
            change: DeviceChange::Changed,
            ago_s: 20,
        }],
        ..QualityReport::default()
    }
}

/// Tells it, and waits until the server has heard it.
async fn tell(who: &mut Person, report: QualityReport) {
    who.socket.send(Request::QualityReport(report)).await;
    assert!(matches!(
        who.ask(Request::Ping).await,
        Ok(ReplyBody::Pong { .. })
    ));
}

/// Minutes are written beside the calls: not at once.
async fn calls(admin: &Browser) -> Vec<Call> {
    for _ in 0..200 {
        let answer = admin.get(CALLS).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page = answer.json::<Page<Call>>();
        if !page.items.is_empty() {
            return page.items;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no call was kept");
}

#[tokio::test]
async fn what_clients_report_is_kept_and_explained_to_admins() {
    let server = Server::start().await;
    let admin = person(&server, ADA, AccountRole::Admin).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let invitation = meeting(&bob, "Weekly").await;
    let mut guest = Person::join(&server, &invitation, "Eve").await;
    tell(&mut guest, report()).await;
    guest.socket.send(Request::QualityReport(report())).await;
    let too_soon = guest.socket.find(|m| match m {
        confab_protocol::ServerMessage::Error { code, .. } => Some(code),
        _ => None,
    });
    assert_eq!(too_soon.await, Code::TooFast);

    let call = &calls(&admin).await[0];
    assert_eq!(
        (call.title.as_str(), &call.meeting),
        ("Weekly", &invitation.id)
    );
    assert_eq!((call.people, call.minutes, call.poor_minutes), (1, 1, 1));
    let answer = admin.get(&format!("{CALLS}/{}", call.id)).await;
    let details: CallDetails = answer.json();
    assert_eq!(details.people[0].name, "Eve");
    assert_eq!(details.people[0].minutes[0].client, Some(report()));
    let cause = &details.causes[0];
    assert_eq!((cause.kind, cause.amount), (CauseKind::LossUp, 121));
    assert_eq!(cause.participant, Some(guest.id));

    for unknown in ["999", "x"] {
        let path = format!("{CALLS}/{unknown}");
        assert_eq!(admin.get(&path).await.code(), Code::NotFound);
    }
    let older = format!("{CALLS}?after={}", call.id);
    assert!(
        admin
            .get(&older)
            .await
            .json::<Page<Call>>()
            .items
            .is_empty()
    );
    let wrong = admin.get(&format!("{CALLS}?after=x")).await;
    assert_eq!(wrong.code(), Code::BadValue);
    for path in [CALLS.to_owned(), format!("{CALLS}/{}", call.id)] {
        assert_eq!(bob.get(&path).await.code(), Code::NotAllowed);
        let nobody = Browser::new(&server);
        assert_eq!(nobody.get(&path).await.code(), Code::SignInNeeded);
    }
}

#[tokio::test]
async fn nothing_is_kept_where_the_configuration_says_so() {
    let server = Server::start_with(|config: &mut Config| config.quality.days = 0).await;
    let admin = person(&server, ADA, AccountRole::Owner).await;
    let invitation = meeting(&admin, "Weekly").await;
    let mut guest = Person::join(&server, &invitation, "Eve").await;
    tell(&mut guest, report()).await;
    // Counted when it is told; what is kept would come right after.
    assert_eq!(server.running.counters().minutes, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let page: Page<Call> = admin.get(CALLS).await.json();
    assert!(page.items.is_empty());
}

/// Status and body.
async fn get(url: String, token: Option<String>) -> (u16, String) {
    let get = move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let mut request = ureq::http::Request::builder().uri(url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let agent = config.build().new_agent();
        let mut answer = agent.run(request.body(String::new()).unwrap()).unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), body)
    };
    tokio::task::spawn_blocking(get).await.unwrap()
}

#[tokio::test]
async fn metrics_are_told_at_their_own_address_and_to_tokens() {
    let token = fresh_secret();
    let digest = Digest::of(&token).to_hex();
    let server = Server::start_with(|config: &mut Config| {
        config.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
        config.access.tokens = vec![digest];
    })
    .await;
    let invitation = server.meeting().await;
    let mut guest = Person::join(&server, &invitation, "Eve").await;
    tell(&mut guest, report()).await;

    let own = server.running.metrics_addr.unwrap();
    let (status, text) = get(format!("http://{own}/metrics"), None).await;
    assert_eq!(status, 200);
    for line in [
        "confab_people 1",
        "confab_call_minutes_total 1",
        "confab_voice_score_count 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(!text.contains("Eve") && !text.contains(invitation.id.as_str()));
    assert_eq!(get(format!("http://{own}/"), None).await.0, 404);

    let public = format!("http://{}/metrics", server.http());
    let (status, body) = get(public.clone(), None).await;
    assert_eq!(status, 401);
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap()["code"],
        "unauthorized"
    );
    assert_eq!(get(public.clone(), Some("wrong".into())).await.0, 401);
    let (status, text) = get(public, Some(token)).await;
    assert_eq!((status, text.contains("\nconfab_people 1\n")), (200, true));
}
