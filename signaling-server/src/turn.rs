//! Under which addresses clients reach the built-in relay: URIs of RFC 7065, in the order they are to be tried.
//!
//! Not over UDP, though the relay answers there too: direct UDP gets through wherever that does, as both have the same port. And Chromium
//! takes whatever comes from a relay's address for the relay's own, so it would lose the answers on the direct way, and meet by TCP.

use crate::config::{Config, IceTcp};
use axum::http::Uri;
use std::net::{IpAddr, SocketAddr};

/// `http`: where pages are really bound. None: there is no relay.
pub(crate) fn urls(config: &Config, http: SocketAddr) -> Vec<String> {
    if !config.turn.enabled {
        return Vec::new();
    }
    let public: Uri = config.public_url(http).parse().unwrap_or_default();
    let host = public.host().unwrap_or("localhost");
    // The proxy at the public name passes HTTP on, but no media.
    let hosts: Vec<String> = match config.media.public_addresses.as_slice() {
        [_, ..] if config.behind_proxy => literals(&config.media.public_addresses),
        _ => vec![host.to_owned()],
    };
    let tls = public.scheme_str() == Some("https");
    let port = public.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let mut urls = Vec::new();
    for host in &hosts {
        match config.ice_tcp() {
            IceTcp::Shared if tls && config.tls.enabled() => {
                urls.push(format!("turns:{host}:{port}?transport=tcp"));
            }
            // A proxy in front does TLS, so what is behind the public name is not us.
            IceTcp::Shared if !tls => urls.push(format!("turn:{host}:{port}?transport=tcp")),
            IceTcp::Port(port) => urls.push(format!("turn:{host}:{port}?transport=tcp")),
            IceTcp::Shared | IceTcp::Off => {}
        }
    }
    urls
}

fn literals(addresses: &[IpAddr]) -> Vec<String> {
    let literal = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    addresses.iter().map(literal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn urls_of(text: &str) -> Vec<String> {
        let config = Config::parse(text, Path::new("confab.toml")).unwrap();
        urls(&config, config.listen)
    }

    #[test]
    fn with_tls_the_relay_is_where_the_pages_are() {
        let text = "listen = \"0.0.0.0:443\"\npublic_url = \"https://meet.example.org\"\n[tls]\nself_signed = true\n";
        assert_eq!(urls_of(text), ["turns:meet.example.org:443?transport=tcp"]);
        let off = format!("{text}[turn]\nenabled = false\n");
        assert!(urls_of(&off).is_empty());
        let no_tcp = format!("{text}[media]\nice_tcp = \"off\"\n");
        assert!(urls_of(&no_tcp).is_empty());
    }

    #[test]
    fn on_a_desk_it_is_in_the_clear() {
        assert_eq!(urls_of(""), ["turn:127.0.0.1:8480?transport=tcp"]);
        assert_eq!(
            urls_of("listen = \"[::1]:8480\"\n")[0],
            "turn:[::1]:8480?transport=tcp"
        );
    }

    #[test]
    fn behind_a_proxy_it_is_where_media_is() {
        let text = "behind_proxy = true\npublic_url = \"https://meet.example.org\"\n[media]\nice_tcp = 8443\n\
                    public_addresses = [\"203.0.113.9\", \"2001:db8::9\"]\n";
        assert_eq!(
            urls_of(text),
            [
                "turn:203.0.113.9:8443?transport=tcp",
                "turn:[2001:db8::9]:8443?transport=tcp"
            ]
        );
        let plain = "behind_proxy = true\npublic_url = \"https://meet.example.org\"\n";
        assert!(urls_of(plain).is_empty());
    }
}
