//! Meeting links: `http(s)://host[:port]/m/<id>[#host=<key>]`, parsed once into what a join needs.

use confab_base::MeetingId;
use url::Url;

/// A parsed meeting link. The host key is a secret and shows in no debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct MeetingLink {
    /// Where the signaling WebSocket is: `ws(s)://host[:port]/ws`.
    pub socket: Url,
    pub meeting: MeetingId,
    /// Present in host links only.
    pub host_key: Option<String>,
}

impl std::fmt::Debug for MeetingLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeetingLink")
            .field("socket", &self.socket.as_str())
            .field("meeting", &self.meeting)
            .field("host_key", &self.host_key.is_some())
            .finish()
    }
}

/// Why a text is no meeting link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("not a URL: {0}")]
    NotAUrl(String),
    #[error("a meeting link begins with http:// or https://, not {0}://")]
    Scheme(String),
    #[error("a meeting link names a host")]
    NoHost,
    #[error("a meeting link ends with /m/ and 26 letters and digits")]
    NoMeeting,
    #[error("what follows # is not host=<key>")]
    Fragment,
}

impl MeetingLink {
    /// Parses a link as people paste it: white space around it does not matter.
    ///
    /// A path in front of `/m/` (a server behind a proxy's sub-path) is kept for the WebSocket.
    pub fn parse(text: &str) -> Result<MeetingLink, LinkError> {
        let url = Url::parse(text.trim()).map_err(|e| LinkError::NotAUrl(e.to_string()))?;
        let scheme = match url.scheme() {
            "http" => "ws",
            "https" => "wss",
            other => return Err(LinkError::Scheme(other.to_owned())),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(LinkError::NoHost);
        }
        let path = url.path().trim_end_matches('/');
        let (base, id) = path.rsplit_once("/m/").ok_or(LinkError::NoMeeting)?;
        let meeting = MeetingId::parse(id).ok_or(LinkError::NoMeeting)?;
        let host_key = url.fragment().map(host_key).transpose()?;
        let mut socket = url.clone();
        socket.set_fragment(None);
        socket.set_query(None);
        socket.set_path(&format!("{base}/ws"));
        // Both pairs (http/ws, https/wss) are "special" schemes, so the change cannot fail.
        let _ = socket.set_scheme(scheme);
        Ok(MeetingLink {
            socket,
            meeting,
            host_key,
        })
    }
}

fn host_key(fragment: &str) -> Result<String, LinkError> {
    match fragment.strip_prefix("host=") {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(LinkError::Fragment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdefghjkmnpqrs";

    #[test]
    fn a_guest_link_gives_socket_and_meeting() {
        let link = MeetingLink::parse(&format!(" https://meet.example.org/m/{ID}\n")).unwrap();
        assert_eq!(link.socket.as_str(), "wss://meet.example.org/ws");
        assert_eq!(link.meeting.as_str(), ID);
        assert_eq!(link.host_key, None);
    }

    #[test]
    fn a_host_link_gives_its_key_and_hides_it() {
        let link =
            MeetingLink::parse(&format!("http://127.0.0.1:8480/m/{ID}#host=sesame")).unwrap();
        assert_eq!(link.socket.as_str(), "ws://127.0.0.1:8480/ws");
        assert_eq!(link.host_key.as_deref(), Some("sesame"));
        assert!(!format!("{link:?}").contains("sesame"));
    }

    #[test]
    fn a_path_before_the_meeting_is_kept() {
        let link = MeetingLink::parse(&format!("https://a.b/confab/m/{ID}/?x=1")).unwrap();
        assert_eq!(link.socket.as_str(), "wss://a.b/confab/ws");
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        let cases = [
            ("hello".to_owned(), "not a URL"),
            (format!("ftp://a.b/m/{ID}"), "begins with http"),
            ("https://a.b/m/short".to_owned(), "26 letters"),
            ("https://a.b/".to_owned(), "26 letters"),
            (format!("https://a.b/m/{ID}#guest=x"), "host=<key>"),
        ];
        for (text, reason) in cases {
            let error = MeetingLink::parse(&text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
