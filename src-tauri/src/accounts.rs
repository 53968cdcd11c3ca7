//! The person's account on the server of the settings: signing in by the system's browser, asking the server in their name, signing
//! out. Pages say what is asked; the session's secret stays here.

use crate::commands::open_page;
use crate::ipc::{AppCode, AppEvent, AppReply, ServerRequest, ShellCode};
use crate::link::Origin;
use crate::shell::Shell;
use crate::{saved, windows};
use confab_client::SessionCookie;
use confab_client::desk::DeskCode;
use confab_client::desk::api::{Asked, Said, ask_server};
use confab_client::sign_in::{SignIn, SignInError};
use serde_json::Value;
use std::sync::atomic::Ordering;
use tauri::{AppHandle, Manager, Runtime, Url};

const API: &str = "/api/v1";
/// What a page may ask, by method and the beginning of the path below [`API`]. The rest of an account is looked after in the browser.
const MAY: [(&str, &[&str]); 4] = [
    (
        "GET",
        &[
            "/session",
            "/account/sessions",
            "/meetings",
            "/personal-rooms",
            "/rooms",
            "/feeds",
        ],
    ),
    ("POST", &["/meetings", "/feeds"]),
    ("PATCH", &["/account", "/meetings"]),
    ("DELETE", &["/account/sessions", "/feeds"]),
];
/// Of these nothing that stands below.
const ALONE: [&str; 2] = ["/session", "/account"];
/// What a page may have saved: tables, files of the chat, entries for calendars.
const FILES: [&str; 2] = ["/api/v1/meetings/", "/m/"];

/// As the server's list of sessions reads it.
fn agent() -> String {
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Mac OS X",
        "windows" => "Windows",
        other => other,
    };
    format!("Confab/{} ({system})", env!("CARGO_PKG_VERSION"))
}

/// Opens the system's browser on the server's page and waits for it on a thread of its own. How it went is an event.
pub fn sign_in<R: Runtime>(app: &AppHandle<R>, shell: &Shell) -> Result<(), AppCode> {
    let server = shell.server().ok_or(ShellCode::NoServer)?;
    let url = Url::parse(server.as_str()).map_err(|_| ShellCode::BadLink)?;
    let sign_in = SignIn::begin(&url).map_err(|error| {
        tracing::error!("no sign-in: {error}");
        ShellCode::Unavailable
    })?;
    let page = sign_in.page();
    // The one before is given up by that.
    let number = shell.sign_ins.fetch_add(1, Ordering::SeqCst) + 1;
    let handle = app.clone();
    let wait = move || {
        let shell = handle.state::<Shell>();
        let given_up = || shell.sign_ins.load(Ordering::SeqCst) != number;
        let done = sign_in.wait(&shell.trust(), &agent(), given_up);
        let problem = match done {
            Ok(session) => {
                let before = shell.session(&server);
                let kept = shell.keep_session(&server, &session);
                // The session it takes the place of would stay open on the server.
                if let Some(before) = before {
                    let _ = end(&shell, &server, &before);
                }
                kept.err().map(AppCode::from)
            }
            Err(SignInError::GivenUp) => return,
            Err(error) => {
                tracing::info!("not signed in: {error}");
                Some(code(error))
            }
        };
        windows::tell_all(&handle, &AppEvent::Account { problem });
        if let Err(error) = windows::open_home(&handle) {
            tracing::warn!("no home window: {error}");
        }
    };
    std::thread::Builder::new()
        .name("sign-in".to_owned())
        .spawn(wait)
        .map_err(|_| ShellCode::Unavailable)?;
    open_page(&page).inspect_err(|_| cancel(shell))
}

/// Whoever comes back from the browser now finds nobody.
pub fn cancel(shell: &Shell) {
    shell.sign_ins.fetch_add(1, Ordering::SeqCst);
}

fn code(error: SignInError) -> AppCode {
    match error {
        SignInError::Refused(DeskCode::Code(code)) => AppCode::Code(code),
        SignInError::Refused(DeskCode::Own(_)) => ShellCode::Unreachable.into(),
        SignInError::Denied => ShellCode::SignInDenied.into(),
        SignInError::OtherServer => ShellCode::OtherServer.into(),
        SignInError::TooLate | SignInError::GivenUp => ShellCode::SignInTooLate.into(),
        SignInError::NoListener => ShellCode::Unavailable.into(),
    }
}

/// Ends the session on the server and forgets it here, in any case. `server`: an origin; `None`: that of the settings.
pub fn sign_out<R: Runtime>(
    app: &AppHandle<R>,
    shell: &Shell,
    server: Option<&str>,
) -> Result<AppReply, AppCode> {
    let server = match server {
        Some(text) => Origin::parse(text).ok_or(ShellCode::BadLink)?,
        None => shell.server().ok_or(ShellCode::NoServer)?,
    };
    let session = shell.session(&server);
    shell.forget_session(&server)?;
    windows::tell_all(app, &AppEvent::Account { problem: None });
    match session {
        None => Ok(AppReply::Done),
        Some(session) => end(shell, &server, &session).map(|()| AppReply::Done),
    }
}

fn end(shell: &Shell, server: &Origin, session: &SessionCookie) -> Result<(), AppCode> {
    let url = address(server, "/api/v1/session").ok_or(ShellCode::BadLink)?;
    let said = send(shell, "DELETE", url, None, String::new(), Some(session))?;
    match said.status {
        200..300 => Ok(()),
        _ => Err(ShellCode::Unreachable.into()),
    }
}

/// Asks the server of the settings, in the name of who is signed in there.
pub fn ask<R: Runtime>(
    app: &AppHandle<R>,
    shell: &Shell,
    request: ServerRequest,
) -> Result<AppReply, AppCode> {
    let server = shell.server().ok_or(ShellCode::NoServer)?;
    let url = address(&server, &format!("{API}{}", request.path));
    let url = url.filter(|url| may_ask(&request.method, url));
    let url = url.ok_or(ShellCode::Unavailable)?;
    let about_session = url.path() == "/api/v1/session";
    let session = shell.session(&server);
    let body = request.body.unwrap_or_default();
    let seen = request.seen.as_deref();
    let said = send(shell, &request.method, url, seen, body, session.as_ref())?;
    let body = String::from_utf8_lossy(&said.body).into_owned();
    // Ended elsewhere: the secret stands for nothing any more.
    if session.is_some() && is_over(about_session, said.status, &body) {
        shell.forget_session(&server)?;
        windows::tell_all(app, &AppEvent::Account { problem: None });
    }
    Ok(AppReply::Said {
        status: said.status,
        retry_after: said.retry_after.and_then(|s| u32::try_from(s).ok()),
        body,
    })
}

fn is_over(about_session: bool, status: u16, body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match status {
        200 => about_session && body.is_object() && body["me"].is_null(),
        401 => body["code"] == "sign_in_needed",
        _ => false,
    }
}

/// Saves a file of the server's in the downloads folder.
pub fn fetch(shell: &Shell, path: &str, name: &str) -> Result<AppReply, AppCode> {
    let server = shell.server().ok_or(ShellCode::NoServer)?;
    let url = address(&server, path);
    let url = url.filter(|url| FILES.iter().any(|begin| url.path().starts_with(begin)));
    let url = url.ok_or(ShellCode::Unavailable)?;
    let session = shell.session(&server);
    let said = send(shell, "GET", url, None, String::new(), session.as_ref())?;
    match said.status {
        200 => saved::save(&shell.paths.documents, name, &said.body),
        404 => Err(AppCode::Code(confab_base::Code::NotFound)),
        401 | 403 => Err(AppCode::Code(confab_base::Code::NotAllowed)),
        _ => Err(AppCode::Code(confab_base::Code::Internal)),
    }
}

fn send(
    shell: &Shell,
    method: &str,
    url: Url,
    seen: Option<&str>,
    body: String,
    session: Option<&SessionCookie>,
) -> Result<Said, AppCode> {
    let agent = agent();
    let asked = Asked {
        method,
        url,
        seen,
        body,
        session,
        agent: &agent,
    };
    ask_server(asked, &shell.trust()).map_err(|code| match code {
        DeskCode::Code(code) => AppCode::Code(code),
        DeskCode::Own(_) => ShellCode::Unreachable.into(),
    })
}

/// A page of the settings' server, by its path.
pub fn server_page(shell: &Shell, path: &str) -> Result<Url, ShellCode> {
    let server = shell.server().ok_or(ShellCode::NoServer)?;
    address(&server, path).ok_or(ShellCode::BadLink)
}

/// A path of the server's own, and nothing else: dots and doubled slashes are worked out before anybody looks at it.
fn address(server: &Origin, path: &str) -> Option<Url> {
    let base = Url::parse(server.as_str()).ok()?;
    let plain = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let url = base.join(path).ok().filter(|_| plain)?;
    (url.origin() == base.origin() && url.fragment().is_none()).then_some(url)
}

fn may_ask(method: &str, url: &Url) -> bool {
    let Some(path) = url.path().strip_prefix(API) else {
        return false;
    };
    let begins = |begin: &&str| {
        let rest = path.strip_prefix(*begin);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') && !ALONE.contains(begin))
    };
    MAY.iter()
        .any(|(of, begin)| *of == method && begin.iter().any(&begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(method: &str, path: &str) -> bool {
        let server = Origin::parse("https://meet.example").unwrap();
        let url = address(&server, &format!("{API}{path}"));
        url.is_some_and(|url| may_ask(method, &url))
    }

    #[test]
    fn pages_ask_what_home_shows_and_nothing_else() {
        for (method, path) in [
            ("GET", "/session"),
            ("GET", "/meetings?from=1&until=2"),
            ("GET", "/meetings/0123/plan"),
            ("POST", "/meetings"),
            ("PATCH", "/account"),
            ("GET", "/account/sessions"),
            ("DELETE", "/account/sessions/0123"),
            ("DELETE", "/feeds/0123"),
        ] {
            assert!(may(method, path), "{method} {path}");
        }
        for (method, path) in [
            ("POST", "/session"),
            ("POST", "/session/app"),
            ("GET", "/session/provider"),
            ("POST", "/account/password"),
            ("POST", "/account/tokens"),
            ("PATCH", "/account/x"),
            ("GET", "/account/export"),
            ("GET", "/accounts"),
            ("PATCH", "/accounts/0123"),
            ("GET", "/admin/meetings"),
            ("GET", "/meetings/../admin/meetings"),
            ("GET", "/meetings/%2e%2e/admin/meetings"),
            ("GET", "/meetingsx"),
            ("get", "/session"),
            ("GET", "/meetings/\\..\\x"),
            ("GET", "/meetings x"),
            ("GET", "/../../metrics"),
        ] {
            assert!(!may(method, path), "{method} {path}");
        }
    }

    #[test]
    fn a_path_leads_to_no_other_server() {
        let server = Origin::parse("https://meet.example").unwrap();
        for path in [
            "//evil.example/x",
            "https://evil.example/",
            "",
            "x",
            "/a#b",
            "/\\evil",
        ] {
            assert_eq!(address(&server, path), None, "{path}");
        }
        let url = address(&server, "/m/x.ics").unwrap();
        assert_eq!(url.as_str(), "https://meet.example/m/x.ics");
    }

    #[test]
    fn a_session_that_was_ended_elsewhere_is_noticed() {
        assert!(is_over(true, 200, r#"{"accounts":true}"#));
        assert!(!is_over(true, 200, r#"{"accounts":true,"me":{}}"#));
        assert!(!is_over(true, 200, "not JSON"), "a proxy's page");
        assert!(!is_over(false, 200, "{}"));
        assert!(is_over(false, 401, r#"{"code":"sign_in_needed"}"#));
        assert!(!is_over(false, 401, r#"{"code":"wrong_password"}"#));
        assert!(!is_over(false, 503, ""));
    }
}
