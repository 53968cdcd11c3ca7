//! Who may come in: the page of this app, with the token it was told. Everything else on the machine that finds the port gets
//! an HTTP refusal.

use subtle::ConstantTimeEq;
use tungstenite::handshake::server::{ErrorResponse, Request};
use tungstenite::http::{HeaderMap, StatusCode};

/// Where the bus answers.
pub const PATH: &str = "/bus";

/// 128 random bits, in hex where they are spelt.
#[derive(Clone, Copy)]
pub struct Token([u8; 16]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    pub(crate) fn draw() -> Token {
        Token(rand::random())
    }

    /// 32 hex digits.
    pub fn spelt(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Whether `text` spells it, in a time that says nothing of where it differs.
    pub(crate) fn is(&self, text: &str) -> bool {
        bool::from(self.spelt().as_bytes().ct_eq(text.as_bytes()))
    }
}

/// Checks a request before a WebSocket comes of it; `port` is our own, `taken` whether a page is here already.
pub(crate) fn check(
    request: &Request,
    token: &Token,
    port: u16,
    taken: bool,
) -> Result<(), StatusCode> {
    if request.uri().path() != PATH {
        return Err(StatusCode::NOT_FOUND);
    }
    let headers = request.headers();
    let host = header(headers, "host");
    // Another name for 127.0.0.1 comes from a foreign page by way of its own name server.
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let at_home = host.is_some_and(|h| hosts.iter().any(|known| known == h));
    let given = request.uri().query().and_then(|q| q.strip_prefix("token="));
    let knows = token.is(given.unwrap_or_default());
    if !at_home || !header(headers, "origin").is_some_and(is_ours) || !knows {
        return Err(StatusCode::FORBIDDEN);
    }
    match taken {
        true => Err(StatusCode::CONFLICT),
        false => Ok(()),
    }
}

/// Pages of the app: its own scheme on Linux and macOS, its own host on Windows, and the development server.
fn is_ours(origin: &str) -> bool {
    let fixed = [
        "tauri://localhost",
        "http://tauri.localhost",
        "https://tauri.localhost",
    ];
    let development = ["http://localhost", "https://localhost", "http://127.0.0.1"];
    let with_port = |rest: &str| {
        let digits = rest.strip_prefix(':').unwrap_or_default();
        rest.is_empty() || (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    fixed.contains(&origin)
        || development
            .iter()
            .any(|host| origin.strip_prefix(host).is_some_and(with_port))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?.to_str().ok()?;
    // Two of them are one too many to tell which counts.
    all.next().is_none().then_some(value)
}

/// The answer to a request that may not come in; without a word on why.
pub(crate) fn refusal(status: StatusCode) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str, origin: &str, target: &str) -> Request {
        Request::get(target)
            .header("Host", host)
            .header("Origin", origin)
            .body(())
            .unwrap()
    }

    #[test]
    fn the_page_with_the_token_comes_in_and_nobody_else() {
        let token = Token::draw();
        let (host, page) = ("127.0.0.1:4444", "tauri://localhost");
        let good = format!("/bus?token={}", token.spelt());
        let ask = |h: &str, o: &str, t: &str| check(&request(h, o, t), &token, 4444, false);
        assert_eq!(ask(host, page, &good), Ok(()));
        assert_eq!(
            ask("localhost:4444", "http://localhost:5173", &good),
            Ok(())
        );
        let other = format!("/bus?token={}", Token::draw().spelt());
        for target in [
            "/bus",
            "/bus?token=",
            "/bus?token=00",
            &other,
            &format!("{good}0"),
        ] {
            assert_eq!(
                ask(host, page, target),
                Err(StatusCode::FORBIDDEN),
                "{target}"
            );
        }
        for origin in [
            "https://example.org",
            "null",
            "",
            "http://localhost.example.org",
            "http://localhost:x",
        ] {
            assert_eq!(
                ask(host, origin, &good),
                Err(StatusCode::FORBIDDEN),
                "{origin}"
            );
        }
        assert_eq!(
            ask("rebound.example:4444", page, &good),
            Err(StatusCode::FORBIDDEN)
        );
        assert_eq!(ask(host, page, "/other"), Err(StatusCode::NOT_FOUND));
        let second = check(&request(host, page, &good), &token, 4444, true);
        assert_eq!(second, Err(StatusCode::CONFLICT));
    }

    #[test]
    fn two_tokens_differ_and_are_not_shown() {
        let (a, b) = (Token::draw(), Token::draw());
        assert_ne!(a.spelt(), b.spelt());
        assert_eq!(
            (a.spelt().len(), format!("{a:?}").as_str()),
            (32, "Token(..)")
        );
    }
}
