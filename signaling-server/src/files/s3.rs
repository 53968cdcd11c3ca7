//! Files in a bucket that speaks the protocol of S3. Every question is a URL signed for a few minutes (`rusty-s3` does the signing,
//! which is all of the protocol that is hard), on a connection of its own; nothing of a file is kept on this machine on its way.

use super::blobs::{Blobs, Pieces, Upload, Work};
use crate::config::S3Config;
use crate::tls;
use bytes::Bytes;
use confab_protocol::FileId;
use futures_util::stream;
use http_body_util::{BodyExt, Empty, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_LENGTH, HOST, RANGE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>;

/// Until an answer begins; of an upload, after its last byte.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a signed URL opens anything: longer than the slowest upload takes to begin, and no more.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// Each look at the bucket is paid for.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Bytes of an answer that is no file: a list of 1000 keys, or an error.
const MOST_WORDS: usize = 2 << 20;
/// Pieces of an upload that wait for the network.
const QUEUE: usize = 4;

/// Why a bucket cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum BucketSetupError {
    #[error("files.s3.secret_key_file: {file}: {message}")]
    Secret { file: PathBuf, message: String },
    #[error("files.s3: {0}")]
    Address(String),
    #[error("files.s3.ca: {0}")]
    Authorities(String),
}

pub(crate) struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    tls: Arc<rustls::ClientConfig>,
}

impl S3 {
    /// `None`: no bucket is configured.
    pub(crate) fn open(config: &S3Config) -> Result<Option<S3>, BucketSetupError> {
        let (Some(bucket), Some(endpoint)) = (&config.bucket, &config.endpoint) else {
            return Ok(None);
        };
        let address = |e: &dyn std::fmt::Debug| BucketSetupError::Address(format!("{e:?}"));
        let endpoint: Url = endpoint.parse().map_err(|e| address(&e))?;
        let style = match config.path_style {
            true => UrlStyle::Path,
            false => UrlStyle::VirtualHost,
        };
        let bucket = Bucket::new(endpoint, style, bucket.clone(), config.region.clone());
        let file = config.secret_key_file.clone().unwrap_or_default();
        let secret = std::fs::read_to_string(&file).map_err(|e| BucketSetupError::Secret {
            file,
            message: e.to_string(),
        })?;
        let key = config.access_key.clone().unwrap_or_default();
        let tls = tls::client(config.ca.as_deref()).map_err(BucketSetupError::Authorities)?;
        Ok(Some(S3 {
            bucket: bucket.map_err(|e| address(&e))?,
            credentials: Credentials::new(key, secret.trim().to_owned()),
            prefix: config.prefix.clone(),
            tls,
        }))
    }

    fn key(&self, id: &FileId) -> String {
        format!("{}{id}", self.prefix)
    }

    async fn ids_after(&self, token: Option<&str>) -> io::Result<(Vec<FileId>, Option<String>)> {
        let mut list = self.bucket.list_objects_v2(Some(&self.credentials));
        list.with_prefix(self.prefix.as_str());
        if let Some(token) = token {
            list.with_continuation_token(token);
        }
        let (answer, _connection) = self.ask(Method::GET, &list.sign(SIGNED_FOR), None).await?;
        let answer = words(good(answer).await?).await?;
        let found = ListObjectsV2::parse_response(&answer).map_err(io::Error::other)?;
        let key = |key: &str| key.strip_prefix(&self.prefix).and_then(FileId::parse);
        let ids = found.contents.iter().filter_map(|object| key(&object.key));
        Ok((ids.collect(), found.next_continuation_token))
    }

    /// A question without a body, and the beginning of its answer.
    async fn ask(
        &self,
        method: Method,
        url: &Url,
        range: Option<(u64, u64)>,
    ) -> io::Result<(Response<Incoming>, Connection)> {
        let asked = async {
            let (mut sender, connection) = self.connect(url).await?;
            let mut request = request(method, url);
            if let Some((from, length)) = range {
                let last = from.saturating_add(length).saturating_sub(1);
                request = request.header(RANGE, format!("bytes={from}-{last}"));
            }
            let none = Empty::new().map_err(|never| match never {}).boxed_unsync();
            let request = request.body(none).map_err(io::Error::other)?;
            let answer = sender.send_request(request).await;
            Ok((answer.map_err(io::Error::other)?, connection))
        };
        timeout(PATIENCE, asked).await.map_err(late)?
    }

    async fn connect(&self, url: &Url) -> io::Result<(SendRequest<Body>, Connection)> {
        let host = url.host().ok_or(ErrorKind::InvalidInput)?;
        let port = url.port_or_known_default().ok_or(ErrorKind::InvalidInput)?;
        let stream = match &host {
            Host::Domain(name) => TcpStream::connect((*name, port)).await?,
            Host::Ipv4(address) => TcpStream::connect((*address, port)).await?,
            Host::Ipv6(address) => TcpStream::connect((*address, port)).await?,
        };
        if url.scheme() == "http" {
            return handshake(TokioIo::new(stream)).await;
        }
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(tls::server_name(&host)?, stream).await?;
        handshake(TokioIo::new(stream)).await
    }

    async fn begin(&self, id: &FileId, size: u64) -> io::Result<Sending> {
        let key = self.key(id);
        let put = self.bucket.put_object(Some(&self.credentials), &key);
        let url = put.sign(SIGNED_FOR);
        let connected = timeout(PATIENCE, self.connect(&url)).await;
        let (mut sender, connection) = connected.map_err(late)??;
        let (queue, waiting) = mpsc::channel::<Bytes>(QUEUE);
        let pieces = stream::unfold(waiting, |mut waiting| async move {
            let piece = waiting.recv().await?;
            Some((Ok(Frame::data(piece)), waiting))
        });
        let request = request(Method::PUT, &url)
            .header(CONTENT_LENGTH, size)
            .body(StreamBody::new(pieces).boxed_unsync())
            .map_err(io::Error::other)?;
        let answer = tokio::spawn(async move {
            let _connection = connection;
            let answer = sender.send_request(request).await;
            words(good(answer.map_err(io::Error::other)?).await?).await?;
            Ok(())
        });
        Ok(Sending {
            queue: Some(queue),
            answer,
        })
    }
}

fn late(_: tokio::time::error::Elapsed) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the bucket does not answer")
}

fn request(method: Method, url: &Url) -> hyper::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
}

/// Goes with what came over it.
struct Connection(JoinHandle<Result<(), hyper::Error>>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn handshake<S>(stream: S) -> io::Result<(SendRequest<Body>, Connection)>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    Ok((sender, Connection(tokio::spawn(connection))))
}

/// An answer that says yes.
async fn good(answer: Response<Incoming>) -> io::Result<Response<Incoming>> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let said = words(answer).await.unwrap_or_default();
    let code = said
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once('<'));
    let code = code.map_or("", |(code, _)| code);
    let kind = match (status, code) {
        (StatusCode::NOT_FOUND, "NoSuchBucket") => ErrorKind::Other,
        (StatusCode::NOT_FOUND, _) => ErrorKind::NotFound,
        (StatusCode::FORBIDDEN, "QuotaExceeded") => ErrorKind::StorageFull,
        (StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, _) => ErrorKind::PermissionDenied,
        (StatusCode::INSUFFICIENT_STORAGE, _) => ErrorKind::StorageFull,
        _ if code.contains("StorageFull") => ErrorKind::StorageFull,
        _ => ErrorKind::Other,
    };
    let code: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(60)
        .collect();
    Err(io::Error::new(
        kind,
        format!("the bucket answers {} {code}", status.as_u16()),
    ))
}

async fn words(answer: Response<Incoming>) -> io::Result<String> {
    let body = Limited::new(answer.into_body(), MOST_WORDS).collect();
    let body = timeout(PATIENCE, body).await.map_err(late)?;
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

impl Blobs for S3 {
    fn create<'a>(&'a self, id: &'a FileId, size: u64) -> Work<'a, Box<dyn Upload>> {
        Box::pin(async move { Ok(Box::new(self.begin(id, size).await?) as Box<dyn Upload>) })
    }

    fn read<'a>(&'a self, id: &'a FileId, from: u64, length: u64) -> Work<'a, Pieces> {
        Box::pin(async move {
            let key = self.key(id);
            let get = self.bucket.get_object(Some(&self.credentials), &key);
            let url = get.sign(SIGNED_FOR);
            let (answer, connection) = self.ask(Method::GET, &url, Some((from, length))).await?;
            let answer = good(answer).await?;
            // Whoever does not know ranges would give the beginning instead.
            if answer.status() != StatusCode::PARTIAL_CONTENT && from > 0 {
                return Err(io::Error::other("the bucket gives no parts of files"));
            }
            Ok(pieces(answer.into_body(), length, connection))
        })
    }

    fn delete<'a>(&'a self, id: &'a FileId) -> Work<'a, ()> {
        Box::pin(async move {
            let key = self.key(id);
            let delete = self.bucket.delete_object(Some(&self.credentials), &key);
            let url = delete.sign(SIGNED_FOR);
            let (answer, _connection) = self.ask(Method::DELETE, &url, None).await?;
            match good(answer).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    fn ids(&self) -> Work<'_, Vec<FileId>> {
        Box::pin(async move {
            let (mut all, mut next) = self.ids_after(None).await?;
            while let Some(token) = next {
                let (more, after) = self.ids_after(Some(&token)).await?;
                all.extend(more);
                next = after;
            }
            Ok(all)
        })
    }

    fn free(&self) -> Option<u64> {
        None
    }

    fn sweep_every(&self) -> Duration {
        SWEEP_EVERY
    }
}

fn pieces(body: Incoming, length: u64, connection: Connection) -> Pieces {
    let state = (body, length, connection);
    Box::pin(stream::try_unfold(
        state,
        |(mut body, left, connection)| async move {
            if left == 0 {
                return Ok(None);
            }
            loop {
                let frame = timeout(PATIENCE, body.frame()).await.map_err(late)?;
                let Some(frame) = frame else {
                    return Err(io::Error::from(ErrorKind::UnexpectedEof));
                };
                let frame = frame.map_err(io::Error::other)?;
                let Ok(mut piece) = frame.into_data() else {
                    continue;
                };
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - piece.len() as u64;
                return Ok(Some((piece, (body, left, connection))));
            }
        },
    ))
}

/// Dropped before its end, it is an upload that broke off, and the bucket keeps nothing of it.
struct Sending {
    queue: Option<mpsc::Sender<Bytes>>,
    answer: JoinHandle<io::Result<()>>,
}

impl Upload for Sending {
    fn write(&mut self, bytes: Bytes) -> Work<'_, ()> {
        Box::pin(async move {
            let Some(queue) = &self.queue else {
                return Err(io::Error::from(ErrorKind::BrokenPipe));
            };
            let sent = timeout(PATIENCE, queue.send(bytes)).await.map_err(late)?;
            match sent {
                Ok(()) => Ok(()),
                // It has answered before the end, which is never a yes.
                Err(_) => {
                    self.finish().await?;
                    Err(io::Error::from(ErrorKind::BrokenPipe))
                }
            }
        })
    }

    fn finish(&mut self) -> Work<'_, ()> {
        Box::pin(async move {
            self.queue = None;
            let answer = timeout(PATIENCE, &mut self.answer).await.map_err(late)?;
            answer.map_err(io::Error::other)?
        })
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.answer.abort();
    }
}
