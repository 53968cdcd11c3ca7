//! How well the others are heard, once a second, out of what the jitter buffers count.

use crate::media::Snapshot;
use confab_base::{Duration, ParticipantId, Source, Time, TrackId};
use confab_congestion::Fluency;
use confab_pipeline::AudioDownStats;
use confab_protocol::{Listening, Participant, Presence, Track};
use confab_session::{MediaPhase, SessionState};
use std::collections::HashMap;

/// A voice of which nothing has come for so long has stalled, unless it is muted. Sooner it may be a pause of the sender, which
/// says something every 400 ms even where it leaves silence out; such a gap is judged when it is over.
const LONG_SILENCE: Duration = Duration::from_secs(1);
/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// A voice as the last look found it.
#[derive(Clone, Copy, Debug)]
struct Look {
    stalled: Duration,
    /// Its owner was there and not muted.
    audible: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Hearing {
    fluency: Fluency,
    looks: HashMap<TrackId, Look>,
    was_connected: bool,
}

impl Hearing {
    /// To be called once a second.
    pub(crate) fn look(
        &mut self,
        counted: &Snapshot,
        state: &SessionState,
        now: Time,
    ) -> Listening {
        let mut longest = Duration::ZERO;
        let mut looks = HashMap::new();
        for (_, track, stats) in &counted.pipeline.audio_down {
            let look = Look {
                stalled: stalled(stats, track.source),
                audible: is_audible(state, track.participant, track.track),
            };
            let before = self.looks.get(&track.track);
            // What a mute leaves behind is no stall.
            if let Some(before) = before.filter(|b| b.audible && look.audible) {
                longest = longest.max(look.stalled.saturating_sub(before.stalled));
            }
            looks.insert(track.track, look);
        }
        self.looks = looks;
        let is_connected = state.media == MediaPhase::Connected;
        self.was_connected |= is_connected;
        if self.was_connected && !is_connected {
            // While the peer connection is being made anew nobody is heard.
            longest = INTERVAL;
        }
        self.fluency.update(longest, has_voices(state), now);
        Listening {
            stalled_permille: self.fluency.stalled_permille(),
            minutes: self.fluency.minutes(),
            fluent_minutes: self.fluency.fluent_minutes(),
        }
    }
}

/// All its time in stalls, that which goes on included.
fn stalled(stats: &AudioDownStats, source: Source) -> Duration {
    let is_silent = source == Source::Microphone && stats.waiting >= LONG_SILENCE;
    stats.stall_time
        + if is_silent {
            stats.waiting
        } else {
            Duration::ZERO
        }
}

fn is_sound(track: &Track) -> bool {
    matches!(track.source, Source::Microphone | Source::ScreenAudio)
}

/// Voices and sounds of others that should be coming in now, with their owners.
fn voices(state: &SessionState) -> impl Iterator<Item = (ParticipantId, TrackId)> {
    let people = state.room.iter().flat_map(|r| &r.participants);
    let own = state.room.iter().flat_map(|r| &r.participants);
    let own = own.filter(|p| Some(p.id) == state.you).find_map(|p| p.room);
    let is_here = move |p: &&Participant| p.presence == Presence::Connected && p.room == own;
    let others = people.filter(|p| Some(p.id) != state.you).filter(is_here);
    others.flat_map(|p| {
        let sounds = p.tracks.iter().filter(|t| is_sound(t));
        // Who is silent for another device in its room sends nothing.
        let held = |t: &Track| t.source == Source::Microphone && p.same_room.is_some();
        let open = sounds.filter(move |t| !p.muted.contains(&t.source) && !held(t));
        open.map(|t| (p.id, t.id))
    })
}

fn has_voices(state: &SessionState) -> bool {
    voices(state).next().is_some()
}

fn is_audible(state: &SessionState, who: ParticipantId, track: TrackId) -> bool {
    voices(state).any(|voice| voice == (who, track))
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::MeetingId;
    use confab_pipeline::RemoteTrack;
    use confab_protocol::{ClientKind, Meeting, Role, Snapshot as Room};

    const VOICE: RemoteTrack = RemoteTrack {
        participant: ParticipantId(2),
        track: TrackId(7),
        source: Source::Microphone,
    };

    fn state(muted: bool) -> SessionState {
        let track = Track {
            id: VOICE.track,
            source: VOICE.source,
            codec: None,
            layers: Vec::new(),
        };
        let other = Participant {
            id: VOICE.participant,
            name: "Bo".into(),
            role: Role::Guest,
            client: ClientKind::Desktop,
            presence: Presence::Connected,
            muted: if muted {
                vec![VOICE.source]
            } else {
                Vec::new()
            },
            hand: None,
            same_room: None,
            room: None,
            assigned: None,
            help: None,
            tracks: vec![track],
            decodes: Vec::new(),
            joined_at: 0,
        };
        SessionState {
            you: Some(ParticipantId(1)),
            media: MediaPhase::Connected,
            room: Some(Room {
                seq: 1,
                meeting: Meeting {
                    id: MeetingId::from_random(1),
                    title: String::new(),
                    locked: false,
                    spotlights: Vec::new(),
                    board: None,
                    policy: confab_protocol::Policy::default(),
                    started_at: 0,
                },
                participants: vec![other],
                chat: Vec::new(),
                tools: confab_protocol::Tools::default(),
            }),
            ..SessionState::default()
        }
    }

    /// One look a second at a voice with this time in stalls and this long without anything.
    fn listen(looks: &[(u64, u64, SessionState)]) -> u16 {
        let mut hearing = Hearing::default();
        let mut permille = 0;
        for (i, (stalled, waiting, state)) in looks.iter().enumerate() {
            let stats = AudioDownStats {
                stall_time: Duration::from_millis(*stalled),
                waiting: Duration::from_millis(*waiting),
                ..AudioDownStats::default()
            };
            let mut counted = Snapshot::default();
            counted.pipeline.audio_down = vec![(0, VOICE, stats)];
            let now = Time::from_millis(1000 * i as u64);
            permille = hearing.look(&counted, state, now).stalled_permille;
        }
        permille
    }

    #[test]
    fn a_stall_counts_once_whether_it_goes_on_or_is_over() {
        let open = || state(false);
        assert_eq!(listen(&[(0, 0, open()), (300, 0, open())]), 5);
        let long = [
            (0, 0, open()),
            (0, 800, open()),
            (0, 1800, open()),
            (3000, 0, open()),
        ];
        assert_eq!(listen(&long[..2]), 0, "it may be a pause");
        assert_eq!(listen(&long[..3]), 30);
        assert_eq!(listen(&long), 50);
    }

    #[test]
    fn a_mute_is_no_stall_while_it_lasts_nor_when_it_ends() {
        let looks = [
            (0, 0, state(false)),
            (0, 700, state(true)),
            (0, 9000, state(true)),
            (0, 10_000, state(false)),
            (10_000, 0, state(false)),
        ];
        assert_eq!(listen(&looks), 0);
    }

    #[test]
    fn who_is_silent_for_another_device_does_not_stall() {
        let mut held = state(false);
        let people = held.room.as_mut().map(|r| &mut r.participants);
        people.unwrap()[0].same_room = Some(ParticipantId(3));
        let looks = [
            (0, 0, state(false)),
            (0, 700, held.clone()),
            (0, 9000, held),
        ];
        assert_eq!(listen(&looks), 0);
    }

    #[test]
    fn nobody_is_heard_while_the_peer_connection_is_made_anew() {
        let mut cut = state(false);
        cut.media = MediaPhase::Connecting;
        assert_eq!(listen(&[(0, 0, cut.clone())]), 0, "not before the first");
        assert_eq!(listen(&[(0, 0, state(false)), (0, 0, cut)]), 17);
    }
}
