//! Security headers of every answer.

use axum::http::{HeaderMap, HeaderValue, header};

/// Nothing from elsewhere, no inline script or style, no plugins, no framing but by `ancestors`. `connect-src` names the WebSocket too,
/// because older browsers do not count it under 'self'.
fn policy(public_url: &str, ancestors: &str) -> String {
    let socket = public_url.replacen("http", "ws", 1);
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         media-src 'self' blob:; connect-src 'self' {socket}; font-src 'self'; worker-src 'self' blob:; \
         manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
    )
}

const FIXED: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=(), serial=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Which pages elsewhere may have to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared<'a> {
    Never,
    /// A script that every page may load: it opens frames and nothing else.
    Script,
    /// A page that these origins may show in a frame; none: nobody.
    Frame(&'a [String]),
}

pub(super) fn add(
    headers: &mut HeaderMap,
    public_url: &str,
    strict_transport: bool,
    shared: Shared<'_>,
) {
    let ancestors = match shared {
        Shared::Frame(origins) if !origins.is_empty() => origins.join(" "),
        _ => "'none'".to_owned(),
    };
    // A file of somebody has a stricter one. A URL that passed the configuration's check is a header value.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY)
        && let Ok(policy) = HeaderValue::from_str(&policy(public_url, &ancestors))
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if ancestors == "'none'" {
        // For browsers that do not know frame-ancestors; it has no list of origins.
        headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
    }
    let readers = match shared {
        Shared::Script => "cross-origin",
        _ => "same-origin",
    };
    let readers = HeaderValue::from_static(readers);
    headers.insert("cross-origin-resource-policy", readers);
    if strict_transport {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shared: Shared<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        add(&mut headers, "https://meet.example.org", false, shared);
        headers
    }

    #[test]
    fn only_listed_origins_may_frame_a_meeting() {
        let origins = [
            "https://a.example".to_owned(),
            "https://b.example".to_owned(),
        ];
        let headers = of(Shared::Frame(&origins));
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(
            policy.ends_with("; frame-ancestors https://a.example https://b.example"),
            "{policy}"
        );
        assert!(!headers.contains_key("x-frame-options"));
        for closed in [Shared::Never, Shared::Script, Shared::Frame(&[])] {
            let headers = of(closed);
            let policy = headers["content-security-policy"].to_str().expect("text");
            assert!(policy.ends_with("; frame-ancestors 'none'"), "{policy}");
            assert_eq!(headers["x-frame-options"], "DENY");
        }
        let readers = |shared| of(shared)["cross-origin-resource-policy"].clone();
        assert_eq!(readers(Shared::Script), "cross-origin");
        assert_eq!(readers(Shared::Frame(&origins)), "same-origin");
    }
}
