//! How the server asks other servers at addresses that people give. It asks from inside its own network, so such an address must not
//! lead there (SSRF): HTTPS only, and only to addresses of the public Internet, whatever a name resolves to and whenever it does. An
//! operator whose calendars or programs are in the house says so in the configuration. It waits on the calling thread.
#![forbid(unsafe_code)]

pub use ureq::Agent;
pub use ureq::tls::{Certificate, PemItem, parse_pem};
pub use url::Url;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::Host;

/// Octets of an address.
const LONGEST: usize = 1_000;

/// How far addresses may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    /// Also this machine and its networks, and without TLS.
    Private,
}

/// An address that may not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address that may be asked: it takes https, and a host of the public Internet")]
pub struct Forbidden;

impl Reach {
    /// An absolute URL.
    pub fn parse(self, text: &str) -> Result<Url, Forbidden> {
        self.check(Url::parse(text.trim()).map_err(|_| Forbidden)?)
    }

    /// A link or a redirect found at `base`.
    pub fn join(self, base: &Url, link: &str) -> Result<Url, Forbidden> {
        self.check(base.join(link).map_err(|_| Forbidden)?)
    }

    fn check(self, url: Url) -> Result<Url, Forbidden> {
        let scheme = match self {
            Reach::Public => url.scheme() == "https",
            Reach::Private => matches!(url.scheme(), "http" | "https"),
        };
        let literal = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            Some(Host::Domain(_)) => None,
            None => return Err(Forbidden),
        };
        let reached = literal.is_none_or(|ip| self == Reach::Private || is_public(ip));
        let plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        match scheme && reached && plain && url.as_str().len() <= LONGEST {
            true => Ok(url),
            false => Err(Forbidden),
        }
    }
}

/// Asks within `reach`: no proxy (it would look names up by itself, and past the guard), no redirect followed, every answer's time
/// and head bounded; statuses are no errors. `authorities`: who signed the servers' certificates; none: the public ones.
pub fn agent(
    reach: Reach,
    authorities: Option<Vec<Certificate<'static>>>,
    within: Duration,
) -> Agent {
    let roots = authorities.map_or(RootCerts::WebPki, |a| RootCerts::Specific(Arc::new(a)));
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .https_only(reach == Reach::Public)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(within))
        .max_response_header_size(64 * 1024)
        .max_idle_connections(8)
        .user_agent(concat!("Confab/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Guard(reach))
}

/// Whether a request failed because it would have led where it may not.
pub fn is_forbidden(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Other(inner) => inner.is::<Inside>(),
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => true,
        _ => false,
    }
}

/// How a POST ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// `retry_after`: how long the other side wants to be left alone, where it says so in seconds.
    Answered {
        status: u16,
        retry_after: Option<Duration>,
    },
    Forbidden,
    /// No answer in time: the name, the connection or its certificate.
    Unreachable,
}

/// Sends `body`; of the answer only its head is looked at.
pub fn post(agent: &Agent, url: &Url, headers: &[(&str, &str)], body: &[u8]) -> Posted {
    let mut request = agent.post(url.as_str());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match request.send(body) {
        Ok(answer) => {
            let rest = answer.headers().get("retry-after");
            let rest = rest.and_then(|v| v.to_str().ok()?.trim().parse().ok());
            Posted::Answered {
                status: answer.status().as_u16(),
                retry_after: rest.map(Duration::from_secs),
            }
        }
        Err(error) if is_forbidden(&error) => Posted::Forbidden,
        Err(_) => Posted::Unreachable,
    }
}

/// Resolves names, and refuses those that lead inside. The connection goes to the very addresses that were looked at: a name that
/// means something else a moment later (DNS rebinding) gains nothing.
#[derive(Debug)]
struct Guard(Reach);

/// What [`Guard`] refuses with.
#[derive(Debug, thiserror::Error)]
#[error("the name leads into a private network")]
struct Inside;

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let inside = found.iter().any(|address| !is_public(address.ip()));
        match inside && self.0 == Reach::Public {
            true => Err(ureq::Error::Other(Box::new(Inside))),
            false => Ok(found),
        }
    }
}

/// Whether an address is one of the public Internet, by IANA's special-purpose registries.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || a == 0
        // Shared between providers and their customers (RFC 6598).
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        // Benchmarks (RFC 2544).
        || (a == 198 && (b == 18 || b == 19))
        // Multicast, reserved, broadcast.
        || a >= 224;
    !special
}

/// Global unicast without the stretches that hold other addresses (Teredo, 6to4) or are for books.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let global = (0x2000..0x4000).contains(&a);
    let special =
        (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn addresses_that_lead_inside_are_refused() {
        for text in [
            "",
            "/x",
            "http://hooks.example.org/",
            "ftp://hooks.example.org/",
            "file:///etc/passwd",
            "https://ada:secret@hooks.example.org/",
            "https://hooks.example.org/#a",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[::ffff:a00:1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[2002:7f00:1::]/",
            "https://[64:ff9b::7f00:1]/",
            "https://224.0.0.1/",
        ] {
            assert_eq!(Reach::Public.parse(text), Err(Forbidden), "{text}");
        }
        let base = Reach::Public.parse("https://hooks.example.org/?key=1");
        let base = base.expect("an address");
        for link in [
            "http://hooks.example.org/",
            "//127.0.0.1/",
            "https://[::1]/x",
        ] {
            assert_eq!(Reach::Public.join(&base, link), Err(Forbidden));
        }
        let public = ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"];
        assert!(
            public
                .iter()
                .all(|a| is_public(a.parse().expect("address")))
        );
        assert!(Reach::Private.parse("http://127.0.0.1:5232/").is_ok());
    }

    #[test]
    fn a_name_that_leads_inside_is_refused_when_it_is_looked_up() {
        // Nobody listens at port 1; the question is how far the request gets.
        let url = Url::parse("https://localhost:1/").expect("URL");
        let tried = |reach| {
            let agent = agent(reach, None, Duration::from_secs(5));
            post(&agent, &url, &[], b"{}")
        };
        assert_eq!(tried(Reach::Public), Posted::Forbidden);
        assert_eq!(tried(Reach::Private), Posted::Unreachable);
    }

    #[test]
    fn a_post_arrives_with_its_headers_and_its_status_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        let url = format!(
            "http://{}/hook?key=1",
            listener.local_addr().expect("address")
        );
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("connection");
            let mut text = Vec::new();
            let mut piece = [0; 1024];
            while !text.ends_with(b"{\"a\":1}") {
                let n = stream.read(&mut piece).expect("bytes");
                text.extend_from_slice(&piece[..n]);
            }
            let answer = b"HTTP/1.1 503 Later\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).expect("answer");
            String::from_utf8(text).expect("text")
        });
        let url = Reach::Private.parse(&url).expect("URL");
        let agent = agent(Reach::Private, None, Duration::from_secs(5));
        let posted = post(&agent, &url, &[("webhook-id", "msg_1")], b"{\"a\":1}");
        let expected = Posted::Answered {
            status: 503,
            retry_after: Some(Duration::from_secs(7)),
        };
        assert_eq!(posted, expected);
        let seen = other.join().expect("no panic");
        assert!(seen.starts_with("POST /hook?key=1 HTTP/1.1"), "{seen}");
        assert!(seen.contains("webhook-id: msg_1"), "{seen}");
    }
}
