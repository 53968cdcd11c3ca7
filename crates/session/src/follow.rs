//! What each event does to one's picture of the room.

use confab_protocol::{
    Event, MAX_CHAT_HISTORY, Participant, ParticipantId, Sequenced, Snapshot, Source, Track,
};

/// Applies the next event to the room. The caller has checked that `entry.seq` is `room.seq + 1`. What names somebody
/// who is not there changes nothing.
pub fn apply(room: &mut Snapshot, entry: &Sequenced) {
    room.seq = entry.seq;
    match &entry.event {
        Event::ParticipantJoined { participant } => {
            room.participants.retain(|p| p.id != participant.id);
            room.participants.push(participant.clone());
            room.participants.sort_by_key(|p| p.id);
        }
        Event::ParticipantLeft { participant, .. } => {
            room.participants.retain(|p| p.id != *participant);
            let spotlight = &mut room.meeting.spotlight;
            *spotlight = spotlight.filter(|who| who != participant);
        }
        Event::Chat { message } => {
            room.chat.push(message.clone());
            let surplus = room.chat.len().saturating_sub(MAX_CHAT_HISTORY);
            room.chat.drain(..surplus);
        }
        Event::LockChanged { locked, .. } => room.meeting.locked = *locked,
        Event::SpotlightChanged { participant, .. } => {
            let is_here = |who| room.participants.iter().any(|p| p.id == who);
            if participant.is_none_or(is_here) {
                room.meeting.spotlight = *participant;
            }
        }
        Event::Ended { .. } | Event::Reacted { .. } => {}
        Event::PresenceChanged { participant, .. }
        | Event::Renamed { participant, .. }
        | Event::RoleChanged { participant, .. }
        | Event::MuteChanged { participant, .. }
        | Event::HandChanged { participant, .. }
        | Event::SameRoomChanged { participant, .. }
        | Event::TrackPublished { participant, .. }
        | Event::TrackUnpublished { participant, .. } => {
            if let Some(p) = find(room, *participant) {
                change(p, &entry.event);
            }
        }
    }
}

fn find(room: &mut Snapshot, id: ParticipantId) -> Option<&mut Participant> {
    room.participants.iter_mut().find(|p| p.id == id)
}

fn change(p: &mut Participant, event: &Event) {
    match event {
        Event::PresenceChanged { presence, .. } => p.presence = *presence,
        Event::Renamed { name, .. } => p.name.clone_from(name),
        Event::RoleChanged { role, .. } => p.role = *role,
        Event::MuteChanged { source, muted, .. } => set_muted(&mut p.muted, *source, *muted),
        Event::HandChanged { hand, .. } => p.hand = *hand,
        Event::SameRoomChanged { live, .. } => p.same_room = *live,
        Event::TrackPublished { track, .. } => put_track(&mut p.tracks, track.clone()),
        Event::TrackUnpublished { track, .. } => p.tracks.retain(|t| t.id != *track),
        _ => {}
    }
}

/// Keeps the order of [`Source::ALL`].
pub(crate) fn set_muted(list: &mut Vec<Source>, source: Source, muted: bool) {
    list.retain(|s| *s != source);
    if muted {
        list.push(source);
        list.sort_unstable();
    }
}

/// One track of each source, in the order of [`Source::ALL`].
fn put_track(tracks: &mut Vec<Track>, track: Track) {
    tracks.retain(|t| t.source != track.source);
    tracks.push(track);
    tracks.sort_by_key(|t| t.source);
}
