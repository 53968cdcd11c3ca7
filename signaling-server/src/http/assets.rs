//! The built UI, embedded in the binary.

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../ui/dist"]
struct Dist;

/// Files under `/assets/` have a hash in their name; all others are asked for again.
pub(super) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    // The bare page is served under `/` and `/m/…` only, where its title is filled in.
    let found = if path == "index.html" {
        None
    } else {
        Dist::get(path)
    };
    match (found, method) {
        (Some(file), Method::GET | Method::HEAD) => serve(path, file, &headers),
        (Some(_), _) => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n").into_response(),
        (None, _) => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

fn serve(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!(
        "\"{}\"",
        crate::secrets::Digest(file.metadata.sha256_hash()).to_hex()
    );
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|v| v.as_bytes() == etag.as_bytes());
    let common = [
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::ETAG, etag),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = mime_guess::from_path(path)
        .first_or_octet_stream()
        .to_string();
    (common, [(header::CONTENT_TYPE, kind)], file.data).into_response()
}

/// The UI's page as it was built.
pub(super) fn index() -> String {
    let file = Dist::get("index.html").expect("build.rs sees to it");
    String::from_utf8_lossy(&file.data).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_always_a_page() {
        assert!(super::index().contains("<title>"));
    }
}
