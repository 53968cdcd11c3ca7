//! When to make a peer connection, and what to tell the server about it.

use crate::requests::Asked;
use crate::session::Session;
use crate::{MediaPhase, Notice, Output};
use confab_base::{Duration, Time};
use confab_protocol::{Code, Offer, Publish, Request, Slot};

/// An offer that is not answered for so long has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Views are sent at most this often.
const VIEW_INTERVAL: Duration = Duration::from_millis(100);
/// A peer connection that stood this long was a good one: its end is no repeated failure.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// What the slots shall carry, and the most the server may send, bits per second.
type View = (Vec<Slot>, Option<u64>);

#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// The server answered the offer of this generation, and nothing broke it since.
    stands: bool,
    /// When to make a new one.
    due: Option<Time>,
    /// The request number of the offer in flight, and when it has waited long enough.
    offer: Option<(u32, Time)>,
    /// An offer made while the connection was down.
    held: Option<Offer>,
    /// Failures since the last good one.
    failures: u32,
    connected_at: Option<Time>,
    pub(crate) view: Option<View>,
    sent_view: Option<View>,
    view_at: Time,
}

impl Peer {
    /// The signaling connection was cut. An answer that was on its way is lost, and half a negotiation is none.
    pub(crate) fn link_lost(&mut self) {
        if self.offer.take().is_some() {
            self.stands = false;
        }
        self.sent_view = None;
    }
}

impl Session {
    /// `held`: the generation the server still has, 0 for none.
    pub(crate) fn welcome_peer(&mut self, held: u32, now: Time) {
        if held == 0 || held != self.state.generation || !self.peer.stands {
            self.state.generation = self.state.generation.max(held);
            self.peer.due = Some(now);
        } else if let Some(offer) = self.peer.held.take() {
            self.send_offer(offer, now);
        }
    }

    fn new_peer(&mut self) {
        let generation = self.state.generation + 1;
        self.peer = Peer {
            failures: self.peer.failures,
            view_at: self.peer.view_at,
            ..Peer::default()
        };
        self.state.generation = generation;
        self.state.media = MediaPhase::Connecting;
        self.state.slots.clear();
        self.mark_changed();
        self.out.push_back(Output::NewPeer { generation });
    }

    pub(crate) fn on_local_offer(
        &mut self,
        generation: u32,
        sdp: String,
        publish: Vec<Publish>,
        now: Time,
    ) {
        if generation != self.state.generation || self.peer.due.is_some() {
            return;
        }
        for line in &publish {
            self.wishes.unpublish.remove(&line.source);
        }
        let offer = Offer {
            generation,
            sdp,
            publish,
        };
        if self.is_up() {
            self.send_offer(offer, now);
        } else {
            self.peer.held = Some(offer);
        }
    }

    fn send_offer(&mut self, offer: Offer, now: Time) {
        let id = self.ask(Request::Offer(offer), Asked::Offer, now);
        self.peer.offer = Some((id, now + ANSWER_TIMEOUT));
    }

    pub(crate) fn on_answer(&mut self, generation: u32, sdp: String) {
        if generation == self.state.generation && self.peer.due.is_none() {
            self.peer.offer = None;
            self.peer.stands = true;
            self.out.push_back(Output::Answer { generation, sdp });
        }
    }

    pub(crate) fn on_offer_failed(&mut self, code: Code, now: Time) {
        self.notice(Notice::OfferFailed { code });
        self.on_media_failed(self.state.generation, now);
    }

    pub(crate) fn on_media_connected(&mut self, generation: u32, now: Time) {
        if generation == self.state.generation && self.state.media != MediaPhase::Connected {
            self.peer.connected_at = Some(now);
            self.state.media = MediaPhase::Connected;
            self.mark_changed();
        }
    }

    /// The peer connection is of no use any more. A new one at once; after repeated failures after a pause.
    pub(crate) fn on_media_failed(&mut self, generation: u32, now: Time) {
        if generation != self.state.generation || generation == 0 || self.peer.due.is_some() {
            return;
        }
        let good = self.peer.connected_at.take();
        if good.is_some_and(|since| now.since(since) >= GOOD_AFTER) {
            self.peer.failures = 0;
        }
        let pause = match self.peer.failures {
            0 => 0,
            n => 1 << (n - 1).min(3),
        };
        self.peer.failures += 1;
        self.peer.stands = false;
        self.peer.offer = None;
        self.peer.due = Some(now + Duration::from_secs(pause));
        self.pending.retain(|_, asked| *asked != Asked::Offer);
        self.state.media = MediaPhase::Connecting;
        self.mark_changed();
    }

    /// What is due while the connection is up.
    pub(crate) fn run_peer(&mut self, now: Time) {
        if matches!(self.peer.offer, Some((_, until)) if until <= now) {
            self.on_media_failed(self.state.generation, now);
        }
        if self.peer.due.is_some_and(|at| at <= now) {
            self.new_peer();
        }
        if self.view_waits() && self.peer.view_at <= now {
            let (slots, max_bitrate) = self.peer.view.clone().unwrap_or_default();
            self.peer.sent_view = self.peer.view.clone();
            self.peer.view_at = now + VIEW_INTERVAL;
            self.post(Request::View { slots, max_bitrate }, now);
        }
    }

    /// Whether there is a view the server should have and has not. It has to know the slots first.
    fn view_waits(&self) -> bool {
        let peer = &self.peer;
        peer.stands && peer.offer.is_none() && peer.view.is_some() && peer.view != peer.sent_view
    }

    pub(crate) fn peer_wakeup(&self) -> Option<Time> {
        let view = self.view_waits().then_some(self.peer.view_at);
        let answer = self.peer.offer.map(|(_, until)| until);
        [self.peer.due, answer, view].into_iter().flatten().min()
    }
}
