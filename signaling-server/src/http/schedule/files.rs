//! Files of a meeting's chat over HTTP: up by whoever has a seat, down by whoever may read the message they are in. They are bytes
//! to save, whatever they are called: no answer lets a browser show or run one.

use super::meetings::managed;
use super::report::{SEAT, seated};
use crate::clock::wall_ms;
use crate::files::Incoming;
use crate::http::Site;
use crate::http::caller::Caller;
use crate::schedule::Refused;
use crate::secrets::Digest;
use crate::store::{FileRecord, FileWrite};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::{
    Audience, Code, FileId, FileLimits, MAX_FILE_NAME, SharedFile, clean_file_name,
};
use confab_room::may_read;
use futures_util::StreamExt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An upload of which nothing comes for so long is given up.
const STALLED: Duration = Duration::from_secs(20);
/// Of a file that somebody shared: nothing of it runs, even where it is opened in a page.
const POLICY: &str = "default-src 'none'; sandbox";

pub(super) async fn limits(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<FileLimits>, Refused> {
    let (meeting, _) = seated(&site, &caller, &headers, &id).await?;
    Ok(Json(site.files.limits(&meeting.record.id).await?))
}

pub(super) async fn upload(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Response, Refused> {
    let (meeting, seat) = seated(&site, &caller, &headers, &id).await?;
    if !site.uploads.allows(caller.address, Instant::now()) {
        let message = "too many files from this address; wait a minute";
        return Err(Refused::new(Code::TooFast, message));
    }
    let name = name(query.as_deref())?;
    let size = announced(&headers)?;
    let id = meeting.record.id;
    let account = seat.account.as_ref();
    let taken = site.files.take(&id, account, size).await;
    let mut incoming = taken.map_err(refused)?;
    let (size, sha256) = receive(&mut incoming, body, size).await?;
    let record = FileRecord {
        id: incoming.id.clone(),
        meeting: id.clone(),
        from: seat.id,
        account: seat.account,
        name,
        size,
        sha256,
        created_at: wall_ms(),
    };
    let shared = record.shared();
    let store = &site.planner.store;
    store.write_file(FileWrite::Save(Box::new(record))).await?;
    incoming.keep();
    if !site.rooms.uploaded(&id, seat.id, shared.clone()).await {
        store.write_file(FileWrite::Forget(shared.id)).await?;
        let message = "the meeting does not run any more";
        return Err(Refused::new(Code::NotFound, message));
    }
    Ok((StatusCode::CREATED, Json(shared)).into_response())
}

/// The whole body, to the disk as it comes.
async fn receive(
    incoming: &mut Incoming,
    body: Body,
    announced: u64,
) -> Result<(u64, [u8; 32]), Refused> {
    let mut pieces = body.into_data_stream();
    let mut left = announced;
    let broken = || Refused::new(Code::BadMessage, "the upload broke off");
    loop {
        let piece = tokio::time::timeout(STALLED, pieces.next()).await;
        let Some(piece) = piece.map_err(|_| broken())? else {
            break;
        };
        let piece = piece.map_err(|_| broken())?;
        let rest = left.checked_sub(piece.len() as u64);
        left = rest.ok_or_else(broken)?;
        incoming.write(piece).await.map_err(refused)?;
    }
    match left {
        0 => incoming.complete().await.map_err(refused),
        _ => Err(broken()),
    }
}

fn name(query: Option<&str>) -> Result<String, Refused> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut names = pairs.filter(|(key, _)| key == "name");
    let name = names.next().and_then(|(_, name)| clean_file_name(&name));
    let message = || format!("name is that of a file, 1 to {MAX_FILE_NAME} characters");
    name.ok_or_else(|| Refused::new(Code::BadValue, message()))
}

/// How long the body is to be. Without it nobody could say at once whether there is room.
fn announced(headers: &HeaderMap) -> Result<u64, Refused> {
    let kind = headers.get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != "application/octet-stream") {
        let message = "content-type has to be application/octet-stream";
        return Err(Refused::new(Code::BadMessage, message));
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|v| v.to_str().ok()?.parse().ok());
    match length {
        Some(0) => Err(Refused::new(Code::BadValue, "the file is empty")),
        Some(length) => Ok(length),
        None => Err(Refused::new(
            Code::BadMessage,
            "content-length has to say how long the file is",
        )),
    }
}

fn refused(code: Code) -> Refused {
    let text = match code {
        Code::NotAllowed => "no files are taken here",
        Code::TooLarge => "the file is larger than this server takes",
        Code::QuotaExceeded => "the files of the meeting, or yours, take all the room they may",
        Code::StorageFull => "the server has no room left for files",
        _ => "the server failed",
    };
    Refused::new(code, text)
}

pub(super) async fn download(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let reader = match headers.get(SEAT) {
        Some(_) => Some(seated(&site, &caller, &headers, &id).await?),
        None => None,
    };
    let (meeting, seat) = match reader {
        Some((meeting, seat)) => (meeting, Some(seat)),
        None => (managed(&site, &caller, &headers, &id).await?, None),
    };
    let missing = || Refused::new(Code::NotFound, "no such file");
    let file = FileId::parse(&file).ok_or_else(missing)?;
    let store = &site.planner.store;
    let found = store.carried_file(&meeting.record.id, &file).await?;
    let (file, digest, message) = found.ok_or_else(missing)?;
    let may = match seat {
        Some(seat) => may_read(&message, seat.id, seat.role),
        // Who was not there reads what was for all.
        None => matches!(message.to, None | Some(Audience::Everyone)),
    };
    if !may {
        return Err(missing());
    }
    answer(&site, &file, &Digest(digest), &headers).await
}

async fn answer(
    site: &Site,
    file: &SharedFile,
    digest: &Digest,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let wanted = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let (status, from, length) = match wanted.map_or(Part::Whole, |v| part(v, file.size)) {
        Part::Whole => (StatusCode::OK, 0, file.size),
        Part::From(from, length) => (StatusCode::PARTIAL_CONTENT, from, length),
        Part::Outside => {
            let size = format!("bytes */{}", file.size);
            let all = [(header::CONTENT_RANGE, size)];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, all).into_response());
        }
    };
    let bytes = site.files.read(&file.id, from, length).await;
    let bytes = bytes.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Refused::new(Code::NotFound, "no such file"),
        _ => {
            tracing::error!(%error, "reading a file");
            Refused::new(Code::Internal, "the server failed")
        }
    })?;
    let own = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&file.name)),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::ETAG, format!("\"{}\"", digest.to_hex())),
    ];
    let mut response = (status, own, Body::from_stream(bytes)).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{}", from + length - 1, file.size);
        // Digits and a few signs are a header value.
        if let Ok(range) = range.parse() {
            response.headers_mut().insert(header::CONTENT_RANGE, range);
        }
    }
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// The first byte, and how many.
    From(u64, u64),
    Outside,
}

/// One range of bytes (RFC 9110, 14.1.2). What is no such range, or several, is passed over.
fn part(range: &str, size: u64) -> Part {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (from, last) = match (number(from), number(to), from.trim(), to.trim()) {
        (Some(from), Some(to), ..) if from <= to => (from, to.min(size.saturating_sub(1))),
        (Some(from), None, _, "") => (from, size.saturating_sub(1)),
        // The last so many.
        (None, Some(n), "", _) if n > 0 => (size.saturating_sub(n), size.saturating_sub(1)),
        (None, Some(0), "", _) => return Part::Outside,
        _ => return Part::Whole,
    };
    match from < size {
        true => Part::From(from, last - from + 1),
        false => Part::Outside,
    }
}

/// RFC 6266: to be saved, in ASCII for old programs and in UTF-8 (RFC 8187) for all others.
fn disposition(name: &str) -> String {
    let plain = name.chars().map(|c| match c {
        '"' | '\\' | '%' | ';' => '_',
        ' '..='~' => c,
        _ => '_',
    });
    let plain: String = plain.collect();
    let mut exact = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                exact.push(char::from(byte));
            }
            _ => exact.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_obeyed_and_strange_ones_are_not() {
        for (range, wanted) in [
            ("bytes=0-9", Part::From(0, 10)),
            ("bytes=90-", Part::From(90, 10)),
            ("bytes=-5", Part::From(95, 5)),
            ("bytes=50-1000", Part::From(50, 50)),
            ("bytes=-1000", Part::From(0, 100)),
            ("bytes=100-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=9-0", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=x-y", Part::Whole),
            ("bytes=18446744073709551615-", Part::Outside),
        ] {
            assert_eq!(part(range, 100), wanted, "{range}");
        }
    }

    #[test]
    fn no_name_gets_out_of_its_header() {
        assert_eq!(
            disposition("a\"; x=\r\ny.html"),
            "attachment; filename=\"a__ x=__y.html\"; filename*=UTF-8''a%22%3B%20x%3D%0D%0Ay.html"
        );
        let chinese = disposition("会.txt");
        assert!(chinese.starts_with("attachment; filename=\"_.txt\""));
        assert!(chinese.ends_with("UTF-8''%E4%BC%9A.txt"));
        assert!(chinese.is_ascii());
    }

    #[test]
    fn names_come_from_the_query_and_are_cleaned() {
        assert_eq!(
            name(Some("x=1&name=..%2Fplan%20b.pdf")),
            Ok("plan b.pdf".into())
        );
        for bad in [None, Some(""), Some("name="), Some("name=..")] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
