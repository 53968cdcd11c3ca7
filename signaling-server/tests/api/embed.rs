//! Meetings in other pages: who may frame which page, and the script that does it.

use crate::common::Server;
use crate::people::Browser;
use serde_json::Value;

const INTRANET: &str = "https://intranet.example.org";

async fn header(browser: &Browser, path: &str, name: &str) -> Option<String> {
    let answer = browser.call("GET", path, Value::Null).await;
    let found = answer.headers.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| value.clone())
}

#[tokio::test]
async fn only_meetings_and_only_listed_origins_are_framed() {
    let policy = "content-security-policy";
    let server = Server::start_with(|c| c.embed.origins = vec![INTRANET.into()]).await;
    let browser = Browser::new(&server);
    let meeting = format!("/m/{}", server.meeting().await.id);
    let said = header(&browser, &meeting, policy).await.unwrap();
    assert!(
        said.ends_with(&format!("frame-ancestors {INTRANET}")),
        "{said}"
    );
    assert_eq!(header(&browser, &meeting, "x-frame-options").await, None);
    for path in ["/", "/account", "/admin", "/api/v1/session", "/health"] {
        let said = header(&browser, path, policy).await.unwrap();
        assert!(said.ends_with("frame-ancestors 'none'"), "{path}: {said}");
        let deny = header(&browser, path, "x-frame-options").await;
        assert_eq!(deny.as_deref(), Some("DENY"), "{path}");
    }

    let closed = Server::start().await;
    let browser = Browser::new(&closed);
    let meeting = format!("/m/{}", closed.meeting().await.id);
    let said = header(&browser, &meeting, policy).await.unwrap();
    assert!(said.ends_with("frame-ancestors 'none'"), "{said}");
}

#[tokio::test]
async fn the_script_may_be_loaded_by_every_page() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let readers = "cross-origin-resource-policy";
    let shared = header(&browser, "/embed.js", readers).await;
    assert_eq!(shared.as_deref(), Some("cross-origin"));
    let page = header(&browser, "/", readers).await;
    assert_eq!(page.as_deref(), Some("same-origin"));
}
