//! Which receive slot carries which remote track.
//!
//! Audio: every remote audio track while there are at most [`MAX_AUDIO_SLOTS`]; above that those who spoke last.
//! Video: screens first, then cameras of those who spoke last, at most `max_video`. A track keeps its slot as long as
//! it is wanted, since moving it costs a key frame.

use confab_base::{MediaKind, ParticipantId, Source, TrackId};
use confab_protocol::{Participant, Slot};

/// A meeting's ear hears no more voices than this at a time; the mix would be noise.
pub const MAX_AUDIO_SLOTS: usize = 24;
/// A grid of 5 by 5.
pub const MAX_VIDEO_SLOTS: usize = 25;

/// A remote track that could be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub participant: ParticipantId,
    pub track: TrackId,
    pub source: Source,
}

/// The slots of one media kind of the current peer connection.
#[derive(Clone, Debug, Default)]
pub struct SlotTable {
    mids: Vec<String>,
    tracks: Vec<Option<Wanted>>,
}

impl SlotTable {
    /// The m-lines negotiated for this kind, in the order of the offer. Slots that are already there keep their track.
    pub fn set_mids(&mut self, mids: &[String]) {
        self.tracks.resize(mids.len(), None);
        self.mids = mids.to_vec();
    }

    pub fn len(&self) -> usize {
        self.mids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.mids.is_empty()
    }

    /// By slot index.
    pub fn mids(&self) -> &[String] {
        &self.mids
    }

    pub fn track(&self, index: usize) -> Option<Wanted> {
        self.tracks.get(index).copied().flatten()
    }

    /// Gives each wanted track a slot, most wanted first; what finds none waits. Returns the indices that changed.
    pub fn assign(&mut self, wanted: &[Wanted]) -> Vec<usize> {
        let wanted = &wanted[..wanted.len().min(self.len())];
        let mut changed = Vec::new();
        for (index, slot) in self.tracks.iter_mut().enumerate() {
            if slot.is_some_and(|held| !wanted.contains(&held)) {
                *slot = None;
                changed.push(index);
            }
        }
        for want in wanted {
            if self.tracks.contains(&Some(*want)) {
                continue;
            }
            let free = self.tracks.iter().position(Option::is_none);
            if let Some(index) = free {
                self.tracks[index] = Some(*want);
                if !changed.contains(&index) {
                    changed.push(index);
                }
            }
        }
        changed
    }

    /// This kind's part of a `view`; `height` is the rows a track is shown at, ignored for audio.
    pub fn view(&self, height: impl Fn(TrackId) -> u16) -> impl Iterator<Item = Slot> {
        self.mids
            .iter()
            .zip(&self.tracks)
            .map(move |(mid, track)| Slot {
                mid: mid.clone(),
                track: track.map(|w| w.track),
                max_height: track.map_or(0, |w| height(w.track)),
            })
    }
}

/// Tracks of `kind` of others in the same breakout room, most wanted first: screens before cameras, then who spoke last (`recent`, latest first),
/// then in order of joining.
pub fn wanted(
    participants: &[Participant],
    you: Option<ParticipantId>,
    recent: &[ParticipantId],
    kind: MediaKind,
) -> Vec<Wanted> {
    let room = participants.iter().find(|p| Some(p.id) == you);
    let room = room.and_then(|you| you.room);
    let mut all: Vec<Wanted> = participants
        .iter()
        .filter(|p| Some(p.id) != you && p.room == room)
        .flat_map(|p| p.tracks.iter().map(move |t| (p.id, t)))
        .filter(|(_, t)| t.source.kind() == kind)
        .map(|(participant, t)| Wanted {
            participant,
            track: t.id,
            source: t.source,
        })
        .collect();
    let rank = |w: &Wanted| recent.iter().position(|p| *p == w.participant);
    all.sort_by_key(|w| {
        let shared = matches!(w.source, Source::Screen | Source::ScreenAudio);
        (!shared, rank(w).unwrap_or(usize::MAX))
    });
    all
}

/// How many slots to negotiate for `tracks` tracks: in steps, so that a growing meeting does not renegotiate at every
/// join, and never fewer than there are (m-lines cannot go away).
pub fn slots_for(tracks: usize, have: usize, most: usize) -> usize {
    let step = match tracks {
        0..=2 => 2,
        3..=4 => 4,
        5..=8 => 8,
        9..=16 => 16,
        _ => most,
    };
    step.min(most).max(have)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn want(n: u32) -> Wanted {
        Wanted {
            participant: ParticipantId(n),
            track: TrackId(n),
            source: Source::Camera,
        }
    }

    fn table(slots: usize) -> SlotTable {
        let mut table = SlotTable::default();
        table.set_mids(&(0..slots).map(|i| i.to_string()).collect::<Vec<_>>());
        table
    }

    #[test]
    fn a_track_keeps_its_slot_while_others_come_and_go() {
        let mut t = table(3);
        assert_eq!(t.assign(&[want(1), want(2)]), vec![0, 1]);
        assert_eq!(t.assign(&[want(2)]), vec![0]);
        assert_eq!(t.assign(&[want(3), want(2), want(4)]), vec![0, 2]);
        assert_eq!(t.track(1), Some(want(2)));
    }

    #[test]
    fn more_slots_leave_the_old_ones_alone() {
        let mut t = table(1);
        t.assign(&[want(1), want(2)]);
        t.set_mids(&["a".into(), "b".into()]);
        assert_eq!(t.assign(&[want(1), want(2)]), vec![1]);
    }

    proptest! {
        #[test]
        fn the_most_wanted_have_a_slot_and_none_has_two(
            rounds in prop::collection::vec(prop::collection::hash_set(0u32..12, 0..10), 1..20),
            slots in 0usize..6,
        ) {
            let mut t = table(slots);
            for round in rounds {
                let wanted: Vec<Wanted> = round.into_iter().map(want).collect();
                t.assign(&wanted);
                for (i, w) in wanted.iter().enumerate() {
                    let held = (0..slots).filter(|s| t.track(*s) == Some(*w)).count();
                    prop_assert_eq!(held, usize::from(i < slots));
                }
            }
        }

        #[test]
        fn slots_never_shrink_and_suffice_up_to_the_most(tracks in 0usize..60, have in 0usize..25) {
            let n = slots_for(tracks, have, 25);
            prop_assert!(n >= have && n <= 25 && n >= tracks.min(25));
        }
    }
}
