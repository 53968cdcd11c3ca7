//! A participant's place in the meeting. It outlives its signaling connection for a while.

use crate::listening::Heard;
use crate::quality::Minute;
use crate::rate::RateLimit;
use crate::{ConnId, Digest, PersistedParticipant, PublishedLine};
use confab_base::{
    AccountId, Bitrate, ParticipantId, Source, Time, TrackId, VideoCodec, VoiceLoss,
};
use confab_protocol::{
    ClientKind, LayersWanted, Participant, Presence, Role, Slot, SlotState, Track,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(crate) struct Seat {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub client: ClientKind,
    pub muted: BTreeSet<Source>,
    pub hand: Option<u64>,
    pub decodes: Vec<VideoCodec>,
    pub joined_at: u64,
    pub token: Digest,
    pub previous_token: Option<Digest>,
    pub link: Link,
    pub offers: RateLimit,
    pub media: SeatMedia,
    pub heard: Heard,
    pub minute: Minute,
    /// Who is live in its place.
    pub same_room: Option<ParticipantId>,
    /// It said that it is in no room with others.
    pub apart: bool,
    pub account: Option<AccountId>,
    /// What a host asked it to unmute, and it has not yet.
    pub asked: BTreeSet<Source>,
    /// The breakout room it is in, and the one it is assigned to.
    pub room: Option<u32>,
    pub assigned: Option<u32>,
    /// Since when it asks a host to come.
    pub help: Option<u64>,
}

/// The signaling connection of a seat, or until when it is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up(ConnId),
    Lost { until: Time },
}

/// What the room knows of a participant's peer connection.
#[derive(Debug, Default)]
pub(crate) struct SeatMedia {
    /// The generation the forwarding unit holds; 0: none.
    pub generation: u32,
    /// The highest generation ever offered.
    pub offered: u32,
    /// The highest generation that was lost: nothing may be offered for it any more.
    pub lost: u32,
    /// Track ids as of the newest offer, answered or not.
    pub lines: BTreeMap<Source, TrackId>,
    /// Tracks others know of: those of the last answered offer.
    pub tracks: BTreeMap<Source, Track>,
    /// Offers that wait for the forwarding unit, by ticket.
    pub offers: BTreeMap<u64, PendingOffer>,
    /// What was last said about the receive slots.
    pub slots: Vec<SlotState>,
    /// What was last said about its video tracks' layers.
    pub layers_wanted: BTreeMap<TrackId, LayersWanted>,
    /// What was last said about its voice.
    pub voice_loss: VoiceLoss,
    pub view: View,
}

/// What a participant asked to be shown, and what of it the forwarding unit was told. It is kept over new peer connections: the
/// forwarding unit may have got it for one that was being made, and then it has to follow where people go.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub slots: Vec<Slot>,
    pub shown: Vec<Slot>,
    pub most: Option<Bitrate>,
}

#[derive(Debug)]
pub(crate) struct PendingOffer {
    pub conn: ConnId,
    pub id: u32,
    pub publish: Vec<PublishedLine>,
}

impl Seat {
    pub(crate) fn conn(&self) -> Option<ConnId> {
        match self.link {
            Link::Up(conn) => Some(conn),
            Link::Lost { .. } => None,
        }
    }

    pub(crate) fn knows(&self, token: &Digest) -> bool {
        self.token == *token || self.previous_token.as_ref() == Some(token)
    }

    pub(crate) fn participant(&self) -> Participant {
        Participant {
            id: self.id,
            name: self.name.clone(),
            role: self.role,
            client: self.client,
            presence: match self.link {
                Link::Up(_) => Presence::Connected,
                Link::Lost { .. } => Presence::Reconnecting,
            },
            muted: self.muted.iter().copied().collect(),
            hand: self.hand,
            same_room: self.same_room,
            room: self.room,
            assigned: self.assigned,
            help: self.help,
            tracks: self.media.tracks.values().cloned().collect(),
            decodes: self.decodes.clone(),
            joined_at: self.joined_at,
        }
    }

    pub(crate) fn persisted(&self) -> PersistedParticipant {
        PersistedParticipant {
            id: self.id,
            name: self.name.clone(),
            role: self.role,
            client: self.client,
            muted: self.muted.iter().copied().collect(),
            hand: self.hand,
            decodes: self.decodes.clone(),
            joined_at: self.joined_at,
            token: self.token,
            previous_token: self.previous_token,
            apart: self.apart,
            account: self.account.clone(),
            room: self.room,
            assigned: self.assigned,
            help: self.help,
            waiting: false,
            removed: false,
        }
    }

    /// The seat as it was stored; its connection and media are gone.
    pub(crate) fn restored(p: PersistedParticipant, until: Time) -> Seat {
        Seat {
            id: p.id,
            name: p.name,
            role: p.role,
            client: p.client,
            muted: p.muted.into_iter().collect(),
            hand: p.hand,
            decodes: p.decodes,
            joined_at: p.joined_at,
            token: p.token,
            previous_token: p.previous_token,
            link: Link::Lost { until },
            offers: RateLimit::of_offers(Time::ZERO),
            media: SeatMedia::default(),
            heard: Heard::default(),
            minute: Minute::default(),
            same_room: None,
            apart: p.apart,
            account: p.account,
            asked: BTreeSet::new(),
            room: p.room,
            assigned: p.assigned,
            help: p.help,
        }
    }
}

impl SeatMedia {
    /// Every track id the forwarding unit may hold for a source. There is more than one while offers wait for their
    /// answers: the newest may leave the source out, and still fail.
    pub(crate) fn ids(&self, source: Source) -> BTreeSet<TrackId> {
        let waiting = self.offers.values().flat_map(|o| &o.publish);
        let waiting = waiting.filter(|line| line.publish.source == source);
        let answered = self.tracks.get(&source).map(|t| t.id);
        let newest = self.lines.get(&source).copied();
        let ids = waiting.map(|line| line.track).chain(answered).chain(newest);
        ids.collect()
    }

    /// The generation a `welcome` names: the client must offer a higher one, unless it is its own and stands. Where it
    /// is 0, counting starts anew, for a client that lost its own count.
    pub(crate) fn told_at_welcome(&mut self) -> u32 {
        let told = if self.offers.is_empty() {
            self.generation
        } else {
            self.offered
        };
        if told == 0 {
            (self.offered, self.lost) = (0, 0);
        }
        told
    }
}
