//! What the page `/check` and `confab-server doctor` ask: who answers, whether media comes through, how much of it. Open to
//! everybody, before any meeting, so every question is small, short and counted per address. Not of the API: the page and the
//! doctor come with the server (docs/PROTOCOL.md, "Before a meeting").

use super::Site;
use super::accounts::Body;
use super::caller::{Caller, own_page};
use super::pages::UNCACHED;
use super::rate::RateLimit;
use crate::accounts::Refused;
use crate::clock::wall_ms;
use crate::media::Media;
use crate::secrets::fresh_secret;
use crate::sfu::SfuRoom;
use crate::tls::certificate_file;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use confab_base::ParticipantId;
use confab_protocol::{
    CHECK_PAYLOAD, CHECK_SECONDS, CheckAnswer, CheckCertificate, CheckInfo, CheckOffer, Code,
};
use confab_room::{MediaCommand, MediaEvent};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Questions one address may ask, a minute.
const ASKED_PER_MINUTE: u32 = 120;
/// Peer connections one address may have made, a minute: two for each look at the page.
const CONNECTIONS_PER_MINUTE: u32 = 20;
/// Payloads one address may fetch or bring, a minute: 12 MB.
const PAYLOADS_PER_MINUTE: u32 = 12;
/// Peer connections for checks at the same time, of all the server may have.
const AT_ONCE: usize = 64;
/// The media side answers an offer in milliseconds; a busy one is given this.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
const CERTIFICATE_KEPT: Duration = Duration::from_secs(60);
/// The only one in its room.
const VISITOR: ParticipantId = ParticipantId(1);

/// What checks share.
pub(super) struct Checks {
    instance: String,
    media: Arc<Media>,
    asked: RateLimit,
    connections: RateLimit,
    payloads: RateLimit,
    places: Arc<Semaphore>,
    /// Random, so that no proxy makes it smaller.
    payload: Bytes,
    certificate: OwnCertificate,
}

/// The dates of the certificate's file, configured or by ACME, read anew once a minute at most: it may be renewed while we run.
struct OwnCertificate {
    file: Option<PathBuf>,
    seen: Mutex<Option<(Instant, Option<CheckCertificate>)>>,
}

impl OwnCertificate {
    fn dates(&self, now: Instant) -> Option<CheckCertificate> {
        let file = self.file.as_deref()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, dates)) = *seen
            && now.saturating_duration_since(at) < CERTIFICATE_KEPT
        {
            return dates;
        }
        let dates = confab_probe::read_pem(file)
            .ok()
            .and_then(|chain| confab_probe::read_dates(&chain))
            .map(|(from, until)| CheckCertificate {
                from: from.saturating_mul(1000),
                until: until.saturating_mul(1000),
            });
        *seen = Some((now, dates));
        dates
    }
}

impl Checks {
    pub(super) fn new(media: Arc<Media>, config: &crate::Config) -> Checks {
        let mut payload = vec![0_u8; CHECK_PAYLOAD];
        rand::fill(&mut payload[..]);
        Checks {
            instance: fresh_secret(),
            media,
            asked: RateLimit::new(ASKED_PER_MINUTE),
            connections: RateLimit::new(CONNECTIONS_PER_MINUTE),
            payloads: RateLimit::new(PAYLOADS_PER_MINUTE),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            payload: payload.into(),
            certificate: OwnCertificate {
                file: certificate_file(config),
                seen: Mutex::default(),
            },
        }
    }
}

pub(super) fn routes() -> Router<Arc<Site>> {
    let payload = get(payload)
        .post(swallow)
        .layer(DefaultBodyLimit::max(CHECK_PAYLOAD));
    Router::new()
        .route("/check/info", get(info))
        .route("/check/connection", post(connect))
        .route("/check/payload", payload)
}

async fn info(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Refused> {
    let checks = &site.checks;
    if !checks.asked.allows(caller.address, Instant::now()) {
        return Err(Code::TooFast.into());
    }
    let info = CheckInfo {
        instance: checks.instance.clone(),
        time: wall_ms(),
        udp_port: checks.media.udp_addr.port(),
        tcp_port: checks.media.tcp_port,
        certificate: checks.certificate.dates(Instant::now()),
    };
    Ok(([UNCACHED], Json(info)).into_response())
}

/// Answers an offer by a peer connection of its own, in no meeting, that stays for [`CHECK_SECONDS`].
async fn connect(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Body(offer): Body<CheckOffer>,
) -> Result<Response, Refused> {
    let checks = &site.checks;
    if !own_page(&headers, &site.public_url) {
        return Err(Code::NotAllowed.into());
    }
    if !checks.connections.allows(caller.address, Instant::now()) {
        return Err(Code::TooFast.into());
    }
    let place = Arc::clone(&checks.places)
        .try_acquire_owned()
        .map_err(|_| Code::Overloaded)?;
    let mut room = checks.media.open(rand::random()).ok_or(Code::GoingAway)?;
    let command = MediaCommand::Offer {
        participant: VISITOR,
        ticket: 0,
        generation: 1,
        sdp: offer.sdp,
        publish: Vec::new(),
        decodes: Vec::new(),
    };
    room.send(command).map_err(|_| Code::Overloaded)?;
    let sdp = timeout(ANSWERED_WITHIN, answered(&mut room))
        .await
        .unwrap_or(Err(Code::Overloaded))?;
    tokio::spawn(async move {
        let _place = place;
        let until = Duration::from_secs(CHECK_SECONDS.into());
        // Read on: a room whose events nobody takes counts as stuck. It closes when it is dropped.
        let _ = timeout(until, async { while room.events.recv().await.is_some() {} }).await;
    });
    let answer = CheckAnswer {
        sdp,
        seconds: CHECK_SECONDS,
    };
    Ok(([UNCACHED], Json(answer)).into_response())
}

async fn answered(room: &mut SfuRoom) -> Result<String, Code> {
    while let Some(event) = room.events.recv().await {
        match event {
            MediaEvent::Answer { sdp, .. } => return Ok(sdp),
            MediaEvent::OfferFailed { code, .. } => return Err(code),
            _ => {}
        }
    }
    Err(Code::GoingAway)
}

async fn payload(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Refused> {
    if !site.checks.payloads.allows(caller.address, Instant::now()) {
        return Err(Code::TooFast.into());
    }
    let kind = (header::CONTENT_TYPE, "application/octet-stream");
    Ok(([UNCACHED], [kind], site.checks.payload.clone()).into_response())
}

/// Takes bytes and forgets them.
async fn swallow(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<StatusCode, Refused> {
    if !own_page(&headers, &site.public_url) {
        return Err(Code::NotAllowed.into());
    }
    if !site.checks.payloads.allows(caller.address, Instant::now()) {
        return Err(Code::TooFast.into());
    }
    axum::body::to_bytes(body, CHECK_PAYLOAD)
        .await
        .map_err(|_| Code::TooLarge)?;
    Ok(StatusCode::NO_CONTENT)
}
