//! Who is asking: the address at the other end, and whether a browser page of ours is behind it.

use super::Site;
use crate::accept::Pass;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The TCP connection a request came by; put into every request by the accept loop.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// None: another process accepted the connection, and keeps its place.
    pub(crate) pass: Option<Arc<Pass>>,
}

/// The client of a request. Behind a proxy it is the last entry of `X-Forwarded-For`, which the proxy wrote itself.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    /// The other end of the connection, which may be a proxy.
    pub(crate) direct: IpAddr,
    pub(crate) pass: Option<Arc<Pass>>,
}

impl FromRequestParts<Arc<Site>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Caller, Infallible> {
        let peer = parts.extensions.get::<Peer>();
        let direct = peer.map_or(IpAddr::from([0, 0, 0, 0]), |p| p.address.ip());
        let forwarded = site
            .behind_proxy
            .then(|| forwarded_for(&parts.headers))
            .flatten();
        Ok(Caller {
            address: forwarded.unwrap_or(direct),
            direct,
            pass: peer.and_then(|p| p.pass.clone()),
        })
    }
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()?
        .to_str()
        .ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// Whether a request comes from a page of this server, or from no page at all (native clients send no `Origin`). That
/// page and server have the same name proves nothing by itself: a stranger's name may be made to lead here, with the
/// stranger's page open under it. So the name must be one no stranger can have.
pub(super) fn same_origin(headers: &HeaderMap, public_url: &str) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Some(origin) = origin.to_str().ok() else {
        return false;
    };
    if origin == public_url {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    let authority = |url: &str| url.parse::<Uri>().ok()?.into_parts().authority;
    let (Some(origin), ours) = (authority(origin), authority(public_url)) else {
        return false;
    };
    let is_ours = ours.is_some_and(|ours| ours.host() == origin.host());
    Some(origin.as_str()) == host && (is_ours || is_local(origin.host()))
}

/// [`same_origin`], and the browser itself does not say that the request comes from elsewhere. For whatever a cookie opens.
pub(super) fn own_page(headers: &HeaderMap, public_url: &str) -> bool {
    let elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|v| !matches!(v.as_bytes(), b"same-origin" | b"none"));
    !elsewhere && same_origin(headers, public_url)
}

/// Whether nobody can own this name: an address, or one without a domain, such as `localhost`.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok() || !host.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_our_own_pages_and_native_clients_get_in() {
        let ours = "https://meet.example.org";
        let ok = |pairs: &[_]| same_origin(&headers(pairs), ours);
        assert!(ok(&[]));
        assert!(ok(&[("origin", "https://meet.example.org")]));
        assert!(ok(&[
            ("origin", "http://127.0.0.1:8480"),
            ("host", "127.0.0.1:8480")
        ]));
        assert!(!ok(&[
            ("origin", "https://evil.example"),
            ("host", "meet.example.org")
        ]));
        assert!(!ok(&[("origin", "null"), ("host", "meet.example.org")]));
        assert!(!ok(&[("origin", "null")]));
        for (host, is_ok) in [
            ("[::1]:8480", true),
            ("192.168.1.5", true),
            ("localhost:8480", true),
            ("meet.example.org:8443", true),
            ("rebound.evil.example:8480", false),
            ("evil.example", false),
        ] {
            let mut same = HeaderMap::new();
            same.insert(header::HOST, host.parse().unwrap());
            same.insert(header::ORIGIN, format!("http://{host}").parse().unwrap());
            assert_eq!(same_origin(&same, ours), is_ok, "{host}");
        }
    }

    #[test]
    fn a_browser_that_says_the_request_comes_from_elsewhere_is_believed() {
        let ours = "https://meet.example.org";
        for (site, is_ok) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
        ] {
            let origin = ("origin", ours);
            let found = own_page(&headers(&[origin, ("sec-fetch-site", site)]), ours);
            assert_eq!(found, is_ok, "{site}");
        }
        assert!(own_page(&headers(&[]), ours));
        assert!(!own_page(
            &headers(&[("origin", "https://x.example")]),
            ours
        ));
    }

    #[test]
    fn the_proxys_own_entry_is_the_last_one() {
        let found = forwarded_for(&headers(&[("x-forwarded-for", "6.6.6.6, 192.0.2.7")]));
        assert_eq!(found, Some("192.0.2.7".parse().unwrap()));
        assert_eq!(
            forwarded_for(&headers(&[("x-forwarded-for", "nonsense")])),
            None
        );
    }
}
