//! Whose sound and pictures are received, and which slots carry them.

use super::{MediaSide, View};
use crate::face::Shown;
use crate::slots::{Wanted, wanted};
use confab_base::{MediaKind, TrackId};
use confab_pipeline::RemoteTrack;
use confab_protocol::{MIN_VIEW_BITRATE, Slot};
use confab_session::SessionState;
use std::collections::{HashMap, HashSet};

/// Remote tracks worth a slot, most wanted first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracks {
    pub(super) audio: Vec<Wanted>,
    pub(super) video: Vec<Wanted>,
    /// Tracks of which no picture is expected now.
    muted: HashSet<TrackId>,
    /// Rows each video is shown at; absent: as many as allowed.
    heights: HashMap<TrackId, u16>,
}

impl MediaSide {
    /// The remote tracks of `state`, and who spoke last.
    pub(crate) fn tracks(&mut self, state: &SessionState) -> Tracks {
        self.voice.set_missed(state.voice_loss.percent);
        self.burst = state.voice_loss.burst;
        for speaker in state.speakers.iter().rev() {
            self.recent.retain(|p| p != speaker);
            self.recent.insert(0, *speaker);
        }
        self.recent.truncate(64);
        let Some(room) = &state.room else {
            return Tracks::default();
        };
        let of = |kind| wanted(&room.participants, state.you, &self.recent, kind);
        let mut video = of(MediaKind::Video);
        let mut heights = HashMap::new();
        if let Some(shown) = &self.shown {
            video = select(&video, shown);
            heights = shown.iter().map(|s| (s.track, s.height)).collect();
        }
        video.truncate(self.max_videos);
        let hidden = heights.iter().filter(|(_, h)| **h == 0).map(|(t, _)| *t);
        let hidden: Vec<TrackId> = hidden.collect();
        let muted = room.participants.iter().flat_map(|p| {
            let muted = p.tracks.iter().filter(|t| p.muted.contains(&t.source));
            muted.map(|t| t.id)
        });
        Tracks {
            audio: of(MediaKind::Audio),
            video,
            muted: muted.chain(hidden).collect(),
            heights,
        }
    }

    /// Moves slots to the tracks that are wanted, and asks for more slots where they are short. Gives a view that the
    /// server does not have yet, with the most it may send.
    pub(crate) fn update(&mut self, tracks: &Tracks) -> Option<View> {
        let plan = self.plan(tracks);
        let current = self.current.as_mut()?;
        if self.audio.is_empty() && self.video.is_empty() {
            return None;
        }
        let changed = plan != current.plan || self.outgoing != current.published;
        if changed && !current.offering {
            current.offering = true;
            current.plan = plan.clone();
            current.published = self.outgoing.clone();
            current.driver.create_offer(plan);
        }
        for index in self.audio.assign(&tracks.audio) {
            let track = self.audio.track(index).map(remote);
            self.pipeline.set_audio_slot(index, track);
        }
        for index in self.video.assign(&tracks.video) {
            let track = self.video.track(index).map(remote);
            let with_sink = track.map(|t| (t, self.sinks.open(t)));
            self.pipeline.set_video_slot(index, with_sink);
        }
        self.pause(tracks);
        let mut view: Vec<Slot> = self.audio.view(|_| 0).collect();
        let most = self.max_height;
        let height = |track| tracks.heights.get(&track).copied();
        view.extend(self.video.view(|track| height(track).unwrap_or(most)));
        let down = self.saving.down.map(|d| d.bps().max(MIN_VIEW_BITRATE));
        let view = (view, down);
        if self.view.as_ref() == Some(&view) {
            return None;
        }
        self.view = Some(view.clone());
        Some(view)
    }

    /// Tells the slots whose senders muted or unmuted that the gap is meant.
    fn pause(&mut self, tracks: &Tracks) {
        for index in 0..self.video.len() {
            let Some(track) = self.video.track(index).map(|w| w.track) else {
                continue;
            };
            let muted = tracks.muted.contains(&track);
            if muted != self.paused.contains(&track) {
                self.pipeline.pause_video(index);
            }
        }
        self.paused = tracks.muted.clone();
    }
}

/// Those of `all` that are shown, in the order of `shown`; what is hidden keeps its slot where one is left.
fn select(all: &[Wanted], shown: &[Shown]) -> Vec<Wanted> {
    let (seen, hidden): (Vec<&Shown>, Vec<&Shown>) = shown.iter().partition(|s| s.height > 0);
    let wanted = |s: &Shown| all.iter().find(|w| w.track == s.track).copied();
    let order = seen.into_iter().chain(hidden);
    order.filter_map(wanted).collect()
}

fn remote(w: Wanted) -> RemoteTrack {
    RemoteTrack {
        participant: w.participant,
        track: w.track,
        source: w.source,
    }
}
