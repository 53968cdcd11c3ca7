//! Offer and answer. A client's [`MediaPlan`] becomes m-lines that stay for the connection's life: sources keep their
//! line, slots are only added. The server takes a browser's or our client's offer and answers it.

use crate::egress::{OWN_SSRC, own_lines};
use crate::sdp_text;
use crate::{Codec, LineCodec, LineInfo, Mid, Peer, Rid};
use confab_base::{MediaKind, Source, VideoCodec};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, Rids, Simulcast, SimulcastLayer};

/// Most m-lines of one connection: the protocol's 64 slots of each kind and the four sources, with room for lines a
/// browser stopped.
pub const MAX_LINES: usize = 160;

/// What the client's next offer shall hold. Lines that exist stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaPlan {
    /// Own sources to send; one that was sent before and is missing here stops.
    pub sends: Vec<SendLine>,
    /// Receiving lines of each kind; fewer than there are already changes nothing.
    pub audio_slots: usize,
    pub video_slots: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendLine {
    pub source: Source,
    /// Simulcast layers, lowest first; empty or one: no simulcast, packets have no rid. Fixed by the first offer that
    /// names the source.
    pub rids: Vec<Rid>,
    /// Codecs to offer for a video source; empty: all.
    pub codecs: Vec<VideoCodec>,
}

/// A client's offer and what its lines are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalOffer {
    pub sdp: String,
    /// Lines that send.
    pub publish: Vec<(Mid, Source)>,
    /// All receiving lines, in the order they were made.
    pub audio_slots: Vec<Mid>,
    pub video_slots: Vec<Mid>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("the session description cannot be read: {0}")]
    Unreadable(String),
    #[error("the session description cannot be used: {0}")]
    Refused(String),
    #[error("more than {MAX_LINES} media lines")]
    TooManyLines,
    #[error("the plan holds no line")]
    NothingToOffer,
    #[error("there is no offer this could answer")]
    NoOffer,
    #[error("only a client offers, only a server answers")]
    WrongRole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Send(Source),
    Slot(MediaKind),
}

/// What a payload type means.
#[derive(Clone, Copy, Debug)]
struct PayloadType {
    pt: u8,
    codec: Codec,
    /// RED of that codec.
    red: bool,
}

/// What is known of the lines, so that a packet's codec and payload type are found without asking str0m.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// A client's lines in the order they were made.
    own: Vec<(Mid, Use)>,
    pending: Option<SdpPendingOffer>,
    infos: Vec<LineInfo>,
    by_pt: Vec<PayloadType>,
}

/// Keeps the stream of our own ends apart from those of its line.
const OWN_RID: &str = "own";

impl Lines {
    /// The codec of a payload type, and whether it is RED of that codec.
    pub(crate) fn codec_of(&self, pt: u8) -> Option<(Codec, bool)> {
        let known = self.by_pt.iter().find(|p| p.pt == pt)?;
        Some((known.codec, known.red))
    }
}

impl Peer {
    /// All lines as negotiated so far, in the order of the SDP.
    pub fn lines(&self) -> &[LineInfo] {
        &self.lines.infos
    }

    /// Makes a client's offer. An offer that was not answered yet is forgotten, its new lines with it.
    ///
    /// # Errors
    /// [`SdpError::NothingToOffer`] for an empty plan on a new connection, [`SdpError::WrongRole`] in a server.
    pub fn create_offer(&mut self, plan: &MediaPlan) -> Result<LocalOffer, SdpError> {
        if self.role != crate::PeerRole::Client {
            return Err(SdpError::WrongRole);
        }
        self.forget_pending();
        let mut own = self.lines.own.clone();
        let mut api = self.rtc.sdp_api();
        for &(mid, used) in &own {
            let Use::Send(source) = used else { continue };
            let wanted = plan.sends.iter().any(|s| s.source == source);
            let direction = if wanted {
                Direction::SendOnly
            } else {
                Direction::Inactive
            };
            api.set_direction(mid.0, direction);
        }
        for send in &plan.sends {
            if own.iter().any(|(_, u)| *u == Use::Send(send.source)) {
                continue;
            }
            let kind = kind_to_str0m(send.source.kind());
            let simulcast = (send.rids.len() > 1).then(|| {
                let mut layers = Simulcast::new();
                for rid in &send.rids {
                    layers.add_send_layer(SimulcastLayer::new(rid.as_str()));
                }
                layers
            });
            let stream = Some(stream_name(send.source).to_owned());
            let mid = api.add_media(kind, Direction::SendOnly, stream, None, simulcast);
            own.push((Mid(mid), Use::Send(send.source)));
        }
        for (kind, wanted) in [
            (MediaKind::Audio, plan.audio_slots),
            (MediaKind::Video, plan.video_slots),
        ] {
            let have = own.iter().filter(|(_, u)| *u == Use::Slot(kind)).count();
            for _ in have..wanted {
                let mid = api.add_media(kind_to_str0m(kind), Direction::RecvOnly, None, None, None);
                own.push((Mid(mid), Use::Slot(kind)));
            }
        }
        if own.is_empty() {
            return Err(SdpError::NothingToOffer);
        }
        if own.len() > MAX_LINES {
            return Err(SdpError::TooManyLines);
        }
        if !api.has_changes() {
            // The same lines again, for instance because a layer's size changed: turn one line's direction there and
            // back, which makes str0m write an offer and changes nothing.
            let (mid, used) = own[0];
            let direction = match used {
                Use::Slot(_) => Direction::RecvOnly,
                Use::Send(s) if plan.sends.iter().any(|p| p.source == s) => Direction::SendOnly,
                Use::Send(_) => Direction::Inactive,
            };
            api.set_direction(mid.0, Direction::SendRecv);
            api.set_direction(mid.0, direction);
        }
        let Some((offer, pending)) = api.apply() else {
            return Err(SdpError::NothingToOffer);
        };
        let sdp = self.polish(&offer.to_sdp_string(), plan, &own);
        self.lines.pending = Some(pending);
        let result = local_offer(sdp, plan, &own);
        self.lines.own = own;
        Ok(result)
    }

    /// A second offer before the first was answered: lines only the first one had never came to be.
    fn forget_pending(&mut self) {
        if self.lines.pending.take().is_some() {
            let rtc = &self.rtc;
            self.lines.own.retain(|(mid, _)| rtc.media(mid.0).is_some());
        }
    }

    fn polish(&self, sdp: &str, plan: &MediaPlan, own: &[(Mid, Use)]) -> String {
        let mut text = sdp.to_owned();
        for (mid, used) in own {
            match used {
                // str0m names SSRCs for lines that never send; a browser's offer has none there.
                Use::Slot(_) => text = sdp_text::without_ssrcs(&text, mid.as_str()),
                Use::Send(source) => {
                    let line = plan.sends.iter().find(|s| s.source == *source);
                    let Some(line) = line.filter(|l| !l.codecs.is_empty()) else {
                        continue;
                    };
                    let codecs: Vec<_> =
                        line.codecs.iter().map(|c| Codec::from_video(*c)).collect();
                    text = sdp_text::with_codecs(&text, mid.as_str(), &codecs);
                }
            }
        }
        text
    }

    /// Takes the server's answer to the last offer.
    ///
    /// # Errors
    /// [`SdpError`]; the connection is as before then.
    pub fn accept_answer(&mut self, sdp: &str) -> Result<(), SdpError> {
        let answer =
            SdpAnswer::from_sdp_string(sdp).map_err(|e| SdpError::Unreadable(e.to_string()))?;
        let pending = self.lines.pending.take().ok_or(SdpError::NoOffer)?;
        self.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .map_err(|e| SdpError::Refused(e.to_string()))?;
        self.refresh_lines(sdp);
        Ok(())
    }

    /// Answers a client's offer, the first or a later one of the same connection. The answer names our candidates.
    ///
    /// # Errors
    /// [`SdpError`]; the connection is not to be used any more then, unless it was [`SdpError::Unreadable`].
    pub fn accept_offer(&mut self, sdp: &str) -> Result<String, SdpError> {
        if self.role != crate::PeerRole::LiteServer {
            return Err(SdpError::WrongRole);
        }
        if sdp_text::mids(sdp).count() > MAX_LINES {
            return Err(SdpError::TooManyLines);
        }
        let offer =
            SdpOffer::from_sdp_string(sdp).map_err(|e| SdpError::Unreadable(e.to_string()))?;
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|e| SdpError::Refused(e.to_string()))?
            .to_sdp_string();
        self.refresh_lines(sdp);
        Ok(sdp_text::red_last(&answer))
    }

    fn refresh_lines(&mut self, sdp: &str) {
        let params = self.rtc.codec_config().params();
        self.lines.by_pt = params
            .iter()
            .filter_map(|p| Some((p, Codec::from_str0m(p.spec().codec)?)))
            .flat_map(|(p, codec)| {
                let of = move |pt: u8, red| PayloadType { pt, codec, red };
                let plain = std::iter::once(of(*p.pt(), false));
                plain.chain(p.red().map(|pt| of(*pt, true)))
            })
            .collect();
        self.lines.infos = sdp_text::mids(sdp)
            .filter_map(|mid| line_info(&self.rtc, mid.into()))
            .collect();
        // What waits names streams by their place.
        self.egress.seal_gathered(self.now);
        self.egress.refresh(&mut self.rtc, &self.lines.infos);
        self.expect_own();
    }

    /// Lets the stream of our own ends in.
    fn expect_own(&mut self) {
        let Some(line) = self.lines.infos.first() else {
            return;
        };
        if own_lines(&self.rtc, &self.lines.infos) {
            let (mid, rid) = (line.mid.0, Some(OWN_RID.into()));
            let mut api = self.rtc.direct_api();
            api.expect_stream_rx(OWN_SSRC.into(), None, mid, rid)
                .suppress_nack(true);
            self.inbound.get_or_insert_default();
        }
    }
}

fn line_info(rtc: &str0m::Rtc, mid: Mid) -> Option<LineInfo> {
    let media = rtc.media(mid.0)?;
    let codecs = rtc
        .codec_config()
        .params()
        .iter()
        .filter(|p| media.remote_pts().contains(&p.pt()))
        .filter_map(|p| {
            Some(LineCodec {
                codec: Codec::from_str0m(p.spec().codec)?,
                pt: *p.pt(),
                rtx: p.resend().map(|r| *r),
                red: p.red().map(|r| *r),
            })
        })
        .collect();
    let direction = media.direction();
    let rids = if direction.is_receiving() {
        media.rids_rx()
    } else {
        media.rids_tx()
    };
    let rids = match rids {
        Rids::Specific(rids) => rids.iter().copied().map(Rid).collect(),
        Rids::None | Rids::Any => Vec::new(),
    };
    Some(LineInfo {
        mid,
        kind: if media.kind().is_audio() {
            MediaKind::Audio
        } else {
            MediaKind::Video
        },
        sends: direction.is_sending(),
        receives: direction.is_receiving(),
        codecs,
        rids,
    })
}

fn local_offer(sdp: String, plan: &MediaPlan, own: &[(Mid, Use)]) -> LocalOffer {
    let slots = |kind| {
        let of_kind = own.iter().filter(move |(_, u)| *u == Use::Slot(kind));
        of_kind.map(|(mid, _)| *mid).collect()
    };
    let publish = own
        .iter()
        .filter_map(|(mid, used)| match used {
            Use::Send(source) => plan
                .sends
                .iter()
                .any(|s| s.source == *source)
                .then_some((*mid, *source)),
            Use::Slot(_) => None,
        })
        .collect();
    LocalOffer {
        sdp,
        publish,
        audio_slots: slots(MediaKind::Audio),
        video_slots: slots(MediaKind::Video),
    }
}

fn kind_to_str0m(kind: MediaKind) -> str0m::media::MediaKind {
    match kind {
        MediaKind::Audio => str0m::media::MediaKind::Audio,
        MediaKind::Video => str0m::media::MediaKind::Video,
    }
}

/// Microphone and camera share a stream, which tells receivers to play them in sync; so do a screen and its sound.
fn stream_name(source: Source) -> &'static str {
    match source {
        Source::Microphone | Source::Camera => "person",
        Source::Screen | Source::ScreenAudio => "screen",
    }
}
