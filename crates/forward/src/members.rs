//! Who takes part, how their links do and what they publish.

use crate::forwarder::Forwarder;
use crate::hysteresis::Hysteresis;
use crate::io::{LayerSpec, LinkHealth, Output};
use crate::leg::{FRESH, Leg, Slot};
use crate::track::Track;
use crate::views::unsubscribe;
use crate::voice::Seen;
use confab_base::{
    Bitrate, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec, VoiceLoss,
};
use confab_congestion::{FORWARDER, VoiceLadder, VoicePath};

/// Weight of a second's loss in the mean that a cap leaves room for.
const NEW_LOSS: f64 = 0.2;

impl Forwarder {
    pub(crate) fn join(&mut self, participant: ParticipantId, decodes: Vec<VideoCodec>, now: Time) {
        let start = self.config.start_estimate;
        let leg = self
            .legs
            .entry(participant)
            .or_insert_with(|| Leg::new(Vec::new(), start));
        if leg.decodes != decodes {
            leg.decodes = decodes;
            self.choose(participant, now);
        }
    }

    pub(crate) fn leave(&mut self, participant: ParticipantId, now: Time) {
        self.new_leg(participant);
        self.legs.remove(&participant);
        self.groups.leave(participant);
        self.quality.remove(participant);
        let own: Vec<TrackId> = self.tracks_of(participant).collect();
        for track in own {
            self.unpublish(track, now);
        }
    }

    pub(crate) fn new_leg(&mut self, participant: ParticipantId) {
        let Some(leg) = self.legs.get_mut(&participant) else {
            return;
        };
        leg.estimate = self.config.start_estimate;
        (leg.cap, leg.loss) = (None, 0.0);
        // The new peer connection knows of no rate yet.
        leg.desired = Bitrate::ZERO;
        leg.first_picture = None;
        leg.hysteresis = Hysteresis::default();
        leg.voice = VoiceLadder::new(FORWARDER);
        for key in std::mem::take(&mut leg.slots) {
            if let Some(slot) = self.slots.get_mut(key).and_then(Option::take) {
                unsubscribe(&mut self.tracks, slot.spec.track, key);
            }
        }
    }

    pub(crate) fn health(&mut self, participant: ParticipantId, health: LinkHealth, now: Time) {
        let Some(leg) = self.legs.get_mut(&participant) else {
            return;
        };
        leg.loss += (f64::from(health.loss_down) - leg.loss) * NEW_LOSS;
        let slots = leg
            .slots
            .iter()
            .filter_map(|k| self.slots.get(*k)?.as_ref());
        let carries = |s: &&Slot| s.spec.kind == MediaKind::Audio && s.spec.track.is_some();
        let voices = slots.filter(carries).count() as u64;
        let path = VoicePath {
            loss: health.loss_down,
            burst: health.burst_down,
            queued: health.queued_down,
            rtt: health.rtt,
            // Each voice has its part.
            rate: Some(Bitrate(leg.estimate.bps() / voices.max(1))),
        };
        if leg.voice.update(path, now) {
            let protection = leg.voice.protection();
            for key in &leg.slots {
                if let Some(slot) = self.slots.get_mut(*key).and_then(Option::as_mut) {
                    slot.copier.protection = protection;
                }
            }
        }
        self.quality.note(participant, health);
    }

    pub(crate) fn publish(
        &mut self,
        id: TrackId,
        owner: ParticipantId,
        source: Source,
        codec: Option<VideoCodec>,
        layers: &[LayerSpec],
        now: Time,
    ) {
        let track = self
            .tracks
            .entry(id)
            .or_insert_with(|| Track::new(owner, source, codec, layers));
        let mut is_other = track.set_layers(layers);
        if track.codec != codec {
            track.codec = codec;
            track.restart();
            is_other = true;
        }
        // Slots may have named the track before it was there.
        for (key, slot) in self.slots.iter_mut().enumerate() {
            let Some(slot) = slot.as_mut().filter(|s| s.spec.track == Some(id)) else {
                continue;
            };
            slot.fresh_until = now + FRESH;
            if !track.subscribers.contains(&key) {
                track.subscribers.push(key);
            }
        }
        if is_other {
            self.refresh(id, now);
        } else {
            self.choose_subscribers(id, now);
        }
    }

    pub(crate) fn unpublish(&mut self, id: TrackId, now: Time) {
        let Some(track) = self.tracks.remove(&id) else {
            return;
        };
        if track.source == Source::Microphone {
            self.groups.silence(track.owner);
        }
        self.same_room.remove(track.owner, track.source);
        if track.told_loss.is_any() {
            // The owner's next track begins with nothing told.
            self.out.push_back(Output::VoiceLoss {
                participant: track.owner,
                loss: VoiceLoss::default(),
            });
        }
        for key in track.subscribers {
            if let Some(slot) = self.slots.get_mut(key).and_then(Option::as_mut) {
                slot.rewriter.close();
                slot.target = None;
                let participant = slot.participant;
                self.choose(participant, now);
            }
        }
    }

    pub(crate) fn restarted(&mut self, id: TrackId, now: Time) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.restart();
            self.refresh(id, now);
        }
    }

    pub(crate) fn mute(&mut self, id: TrackId, muted: bool, now: Time) {
        let Some(track) = self.tracks.get_mut(&id).filter(|t| t.muted != muted) else {
            return;
        };
        track.muted = muted;
        track.seen = Seen::default();
        for layer in &mut track.layers {
            layer.request.forget();
            // Silence is judged from here on.
            layer.alive = false;
            layer.last = None;
        }
        let (owner, source) = (track.owner, track.source);
        if muted && source == Source::Microphone {
            self.groups.silence(owner);
        }
        self.same_room.mute(owner, source, muted, now);
        self.refresh(id, now);
        self.tell_wanted(id, now);
    }

    /// Everyone who shows the track starts over with it.
    fn refresh(&mut self, id: TrackId, now: Time) {
        let Some(track) = self.tracks.get(&id) else {
            return;
        };
        for &key in &track.subscribers {
            if let Some(slot) = self.slots.get_mut(key).and_then(Option::as_mut) {
                slot.rewriter.close();
                slot.target = None;
                slot.fresh_until = now + FRESH;
            }
        }
        self.choose_subscribers(id, now);
    }
}
