//! What a text from outside may lead to: a meeting on a server, and nothing else.
//!
//! Texts come from other programs (deep links), the clipboard and the command line. They are parsed once, here, into a
//! [`Destination`], which names an origin, a meeting and perhaps a key; it has no path, no query and no way to name a
//! file or a command.

use confab_base::MeetingId;
use std::fmt;
use url::{Host, Url};

/// The scheme of deep links: `confab://join/<host>[:port]/<meeting>[#host=<key>]`.
pub const SCHEME: &str = "confab";

/// No link is longer, bytes.
const MAX_LINK: usize = 2048;

/// A server, as `scheme://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Parses `https://host[:port]` or `http://…`; a slash at the end does not matter, anything else after the host does.
    pub fn parse(text: &str) -> Option<Origin> {
        let text = text.trim();
        if text.len() > MAX_LINK {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none();
        let bare = bare && url.fragment().is_none();
        if bare { Origin::of(&url) } else { None }
    }

    /// The origin of a web address without a user in it.
    fn of(url: &Url) -> Option<Origin> {
        let web = matches!(url.scheme(), "http" | "https");
        let named = url.host().is_some_and(|h| h != Host::Domain(""));
        let anonymous = url.username().is_empty() && url.password().is_none();
        (web && named && anonymous).then(|| Origin(url.origin().ascii_serialization()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A meeting on a server. The host's key shows in no debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    pub server: Origin,
    pub meeting: MeetingId,
    pub host_key: Option<String>,
}

impl Destination {
    /// The link a browser would use, key included.
    pub fn link(&self) -> String {
        let key = self.host_key.as_ref();
        let key = key.map(|k| format!("#host={k}")).unwrap_or_default();
        format!("{}/m/{}{key}", self.server, self.meeting)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("server", &self.server)
            .field("meeting", &self.meeting)
            .field("host_key", &self.host_key.is_some())
            .finish()
    }
}

/// Why a text leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Neither a link nor a code.
    #[error("neither a meeting link nor a meeting code")]
    NoLink,
    /// A code alone, and no server is set.
    #[error("a meeting code needs a server in the settings")]
    NoServer,
}

/// Reads a link, a deep link, or a meeting code, which goes to `server`.
pub fn parse(text: &str, server: Option<&Origin>) -> Result<Destination, LinkError> {
    let text = text.trim();
    if text.len() > MAX_LINK || text.chars().any(char::is_control) {
        return Err(LinkError::NoLink);
    }
    if let Some(meeting) = MeetingId::parse(text) {
        let server = server.ok_or(LinkError::NoServer)?.clone();
        return Ok(Destination {
            server,
            meeting,
            host_key: None,
        });
    }
    let url = Url::parse(text).map_err(|_| LinkError::NoLink)?;
    let found = if url.scheme() == SCHEME {
        deep_link(text, &url)
    } else {
        web_link(&url)
    };
    found.ok_or(LinkError::NoLink)
}

/// `https://host[:port]/m/<meeting>[#host=<key>]`. Servers live at the root of their origin.
fn web_link(url: &Url) -> Option<Destination> {
    let id = url.path().strip_prefix("/m/")?;
    Some(Destination {
        server: Origin::of(url)?,
        meeting: MeetingId::parse(id.strip_suffix('/').unwrap_or(id))?,
        host_key: host_key(url.fragment())?,
    })
}

/// `confab://join/<host>[:port]/<meeting>[#host=<key>]`. A deep link says no scheme: it is https, except to this very machine.
fn deep_link(text: &str, url: &Url) -> Option<Destination> {
    if url.host_str() != Some("join") || url.port().is_some() || !url.username().is_empty() {
        return None;
    }
    // The parser of other schemes leaves the path as it came; a percent sign or a backslash in it is nobody's host.
    let rest = url.path().strip_prefix('/')?;
    let (host, id) = rest.split_once('/')?;
    let id = id.strip_suffix('/').unwrap_or(id);
    let plain = |c: char| c.is_alphanumeric() || "-._:[]".contains(c);
    if url.query().is_some() || text.contains('\\') || host.is_empty() || !host.chars().all(plain) {
        return None;
    }
    let far = Url::parse(&format!("https://{host}/")).ok()?;
    let near = match far.host()? {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    let base = if near {
        Url::parse(&format!("http://{host}/")).ok()?
    } else {
        far
    };
    Some(Destination {
        server: Origin::of(&base)?,
        meeting: MeetingId::parse(id)?,
        host_key: host_key(url.fragment())?,
    })
}

/// The key of `#host=<key>`; nothing where nothing is, and refused where it is anything else.
fn host_key(fragment: Option<&str>) -> Option<Option<String>> {
    let Some(fragment) = fragment.filter(|f| !f.is_empty()) else {
        return Some(None);
    };
    let key = fragment.strip_prefix("host=")?;
    let fits = (16..=64).contains(&key.len());
    let plain = key
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    (fits && plain).then(|| Some(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0123456789abcdefghjkmnpqrs";
    const KEY: &str = "0123456789abcdef";

    fn read(text: &str) -> Result<String, LinkError> {
        parse(text, None).map(|d| d.link())
    }

    #[test]
    fn web_links_and_deep_links_lead_to_the_same_meeting() {
        let expected = Ok(format!("https://meet.example/m/{ID}"));
        for text in [
            format!("https://meet.example/m/{ID}"),
            format!("  https://MEET.example:443/m/{ID}/ \n"),
            format!("https://meet.example/m/{ID}?from=mail"),
            format!("confab://join/meet.example/{ID}"),
            format!("confab://join/meet.example:443/{ID}/"),
            format!("CONFAB://JOIN/meet.example/{ID}").replace("JOIN", "join"),
        ] {
            assert_eq!(read(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_deep_link_is_encrypted_except_to_this_machine() {
        let link = |host: &str| read(&format!("confab://join/{host}/{ID}")).unwrap();
        assert_eq!(
            link("meet.example:8443"),
            format!("https://meet.example:8443/m/{ID}")
        );
        assert_eq!(
            link("127.0.0.1:8480"),
            format!("http://127.0.0.1:8480/m/{ID}")
        );
        assert_eq!(link("[::1]:8480"), format!("http://[::1]:8480/m/{ID}"));
        assert_eq!(link("localhost"), format!("http://localhost/m/{ID}"));
        assert_eq!(
            link("localhost.evil.example"),
            format!("https://localhost.evil.example/m/{ID}")
        );
    }

    #[test]
    fn a_host_key_is_kept_and_not_shown() {
        let found = parse(&format!("confab://join/a.b/{ID}#host={KEY}"), None).unwrap();
        assert_eq!(found.host_key.as_deref(), Some(KEY));
        assert!(!format!("{found:?}").contains(KEY));
        assert_eq!(found.link(), format!("https://a.b/m/{ID}#host={KEY}"));
    }

    #[test]
    fn a_code_alone_goes_to_the_server_that_is_set() {
        let server = Origin::parse("https://meet.example/").unwrap();
        assert_eq!(
            parse(ID, Some(&server)).unwrap().link(),
            format!("https://meet.example/m/{ID}")
        );
        assert_eq!(parse(ID, None), Err(LinkError::NoServer));
    }

    #[test]
    fn what_is_no_meeting_leads_nowhere() {
        for text in [
            "",
            "hello",
            "/etc/passwd",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "confab:",
            "confab://",
            "confab://join",
            "confab://join/",
            "confab://join/a.b/",
            "confab://open/a.b/0123456789abcdefghjkmnpqrs",
            "confab://join/a.b/../../etc/passwd",
            "confab://join/file%3A%2F%2F/0123456789abcdefghjkmnpqrs",
            "confab://join/a.b\\c/0123456789abcdefghjkmnpqrs",
            "confab://join/user@a.b/0123456789abcdefghjkmnpqrs",
            "confab://user@join/a.b/0123456789abcdefghjkmnpqrs",
            "confab://join:9/a.b/0123456789abcdefghjkmnpqrs",
            "confab://join/a.b/0123456789abcdefghjkmnpqrs/x",
            "confab://join/a.b/0123456789abcdefghjkmnpqrs?cmd=x",
            "confab://join/a.b/0123456789abcdefghjkmnpqrs#host=--flag",
            "https://user:pw@a.b/m/0123456789abcdefghjkmnpqrs",
            "https://a.b/x/m/0123456789abcdefghjkmnpqrs",
            "https://a.b/m/0123456789abcdefghjkmnpqr",
            "https://a.b/m/0123456789abcdefghjkmnpqrs#guest=1",
            "--help",
        ] {
            assert_eq!(read(text), Err(LinkError::NoLink), "{text}");
        }
        assert_eq!(
            read(&format!("https://a.b/m/{ID}#{}", "x".repeat(4000))),
            Err(LinkError::NoLink)
        );
    }

    #[test]
    fn an_origin_is_a_web_server_and_no_more() {
        assert_eq!(
            Origin::parse("HTTPS://Meet.Example:443/").unwrap().as_str(),
            "https://meet.example"
        );
        assert_eq!(
            Origin::parse("http://127.0.0.1:8480").unwrap().as_str(),
            "http://127.0.0.1:8480"
        );
        for text in [
            "",
            "meet.example",
            "https://",
            "https://a.b/m",
            "https://a.b/?x",
            "https://u@a.b",
            "ftp://a.b",
            "file:///",
        ] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }

    /// Pieces that links and attacks are made of, in any order, and noise between them.
    fn crooked() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "confab",
                "https",
                "http",
                "file",
                "javascript",
                "://",
                ":",
                "/",
                "//",
                "join",
                "m",
                "..",
                "\\",
                "%2f",
                "%00",
                "@",
                "#",
                "?",
                "host=",
                ID,
                KEY,
                "a.b",
                "[::1]",
                "127.0.0.1:8480",
                "localhost",
                ";",
                "$(id)",
                "`id`",
                "--flag",
                "\n",
                "\u{202e}",
                "é",
            ])
            .prop_map(str::to_owned),
            "\\PC{0,12}",
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    /// A good link with one piece of it bent.
    fn bent() -> impl Strategy<Value = String> {
        let good = format!("confab://join/meet.example:8443/{ID}#host={KEY}");
        (0..good.len(), 0..8_usize, "\\PC{0,6}").prop_map(move |(at, cut, put)| {
            let end = (at + cut).min(good.len());
            format!("{}{put}{}", &good[..at], &good[end..])
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Whatever comes in: no panic, and what comes out is a web origin, an id and a key, nothing else of the text.
        #[test]
        fn any_text_leads_to_a_meeting_or_nowhere(text in prop_oneof![crooked(), bent()]) {
            if let Ok(found) = parse(&text, None) {
                let origin = Url::parse(found.server.as_str()).unwrap();
                prop_assert!(matches!(origin.scheme(), "http" | "https"));
                prop_assert!(origin.username().is_empty() && origin.password().is_none());
                prop_assert!(matches!(origin.path(), "/"));
                prop_assert_eq!(found.meeting.as_str().len(), MeetingId::LENGTH);
                // It survives the way through the client's own parser, and comes out the same.
                prop_assert_eq!(parse(&found.link(), None).unwrap(), found.clone());
                let joined = confab_client::MeetingLink::parse(&found.link()).unwrap();
                prop_assert_eq!(joined.meeting, found.meeting);
                prop_assert_eq!(joined.host_key, found.host_key);
            }
        }
    }
}
