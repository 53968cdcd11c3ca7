//! What each event does to one's picture of the room.

use confab_protocol::{
    Event, MAX_CHAT_HISTORY, Participant, ParticipantId, Place, Sequenced, Snapshot, Source, Tools,
    Track,
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
            room.meeting.spotlights.retain(|who| who != participant);
            room.meeting.board = room.meeting.board.filter(|who| who != participant);
        }
        Event::Chat { message } => {
            room.chat.push(message.clone());
            let surplus = room.chat.len().saturating_sub(MAX_CHAT_HISTORY);
            room.chat.drain(..surplus);
        }
        Event::FileRemoved { message, file, .. } => {
            let message = room.chat.iter_mut().find(|m| m.id == *message);
            let mut files = message.into_iter().flat_map(|m| &mut m.files);
            if let Some(found) = files.find(|f| f.id == *file) {
                found.removed = true;
            }
        }
        Event::LockChanged { locked, .. } => room.meeting.locked = *locked,
        Event::SpotlightChanged { participants, .. } => {
            let is_here = |who: &&ParticipantId| room.participants.iter().any(|p| p.id == **who);
            room.meeting.spotlights = participants.iter().filter(is_here).copied().collect();
        }
        Event::BoardPresented { participant, .. } => {
            let is_here = |who| room.participants.iter().any(|p| p.id == who);
            if participant.is_none_or(is_here) {
                room.meeting.board = *participant;
            }
        }
        Event::PolicyChanged { policy, .. } => room.meeting.policy = *policy,
        Event::FloorChanged { .. }
        | Event::QuestionChanged { .. }
        | Event::QuestionDismissed { .. }
        | Event::PollChanged { .. }
        | Event::PollRemoved { .. }
        | Event::AgendaChanged { .. }
        | Event::SeatOrderChanged { .. }
        | Event::BreakoutChanged { .. } => change_tools(&mut room.tools, &entry.event),
        Event::Placed { places } => {
            for place in places {
                if let Some(p) = find(room, place.participant) {
                    put(p, *place);
                }
            }
        }
        Event::Ended { .. } | Event::Reacted { .. } | Event::UnmuteAsked { .. } => {}
        Event::PresenceChanged { participant, .. }
        | Event::Renamed { participant, .. }
        | Event::RoleChanged { participant, .. }
        | Event::MuteChanged { participant, .. }
        | Event::HandChanged { participant, .. }
        | Event::SameRoomChanged { participant, .. }
        | Event::HelpChanged { participant, .. }
        | Event::TrackPublished { participant, .. }
        | Event::TrackUnpublished { participant, .. } => {
            if let Some(p) = find(room, *participant) {
                change(p, &entry.event);
            }
        }
    }
}

/// Questions and polls keep the order of their ids.
fn change_tools(tools: &mut Tools, event: &Event) {
    match event {
        Event::FloorChanged { floor } => tools.floor.clone_from(floor),
        Event::QuestionChanged { question } => {
            tools.questions.retain(|q| q.id != question.id);
            tools.questions.push(question.clone());
            tools.questions.sort_by_key(|q| q.id);
        }
        Event::QuestionDismissed { question } => tools.questions.retain(|q| q.id != *question),
        Event::PollChanged { poll } => {
            tools.polls.retain(|p| p.id != poll.id);
            tools.polls.push(poll.clone());
            tools.polls.sort_by_key(|p| p.id);
        }
        Event::PollRemoved { poll } => tools.polls.retain(|p| p.id != *poll),
        Event::AgendaChanged { agenda } => tools.agenda.clone_from(agenda),
        Event::SeatOrderChanged { participants } => tools.seat_order.clone_from(participants),
        Event::BreakoutChanged { breakout } => tools.breakout.clone_from(breakout),
        _ => {}
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
        Event::HelpChanged { help, .. } => p.help = *help,
        Event::TrackPublished { track, .. } => put_track(&mut p.tracks, track.clone()),
        Event::TrackUnpublished { track, .. } => p.tracks.retain(|t| t.id != *track),
        _ => {}
    }
}

/// Who comes to another room asks for no help any more.
fn put(p: &mut Participant, place: Place) {
    if p.room != place.room {
        p.help = None;
    }
    (p.room, p.assigned) = (place.room, place.assigned);
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
