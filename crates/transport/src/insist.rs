//! Requests that must not get lost: for a key frame, or to go on from a frame that is here. RTCP is never resent, and who asks waits
//! hundreds of milliseconds before asking again, which at 80 % loss makes seconds without a picture. So each is said several times in a
//! row where much is lost, until its answer comes.

use crate::{Mid, Rid};
use confab_base::Reference;
use std::time::{Duration, Instant};

/// Between two times.
const STEP: Duration = Duration::from_millis(20);
/// As many times as make it likely to this degree that none gets through.
const ALL_LOST: f32 = 0.05;
const MOST_TIMES: u32 = 14;
/// Most requests at a time; of more, the oldest are said no more.
const MOST: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Keyframe,
    /// See [`crate::Peer::refer`]; of somebody who is stuck.
    GoOn(Reference),
}

/// A line, and the layer.
type Line = (Mid, Option<Rid>);

/// The requests said lately that have no answer yet.
#[derive(Debug, Default)]
pub(crate) struct Insist {
    said: Vec<Said>,
    /// Share of packets lost on the way there or back, 0 to 1.
    loss: f32,
    /// How often the reports on a probe are still to be said, and when next.
    reports: Option<(u32, Instant)>,
}

#[derive(Debug)]
struct Said {
    line: Line,
    request: Request,
    left: u32,
    next: Instant,
}

impl Insist {
    pub fn set_loss(&mut self, loss: f32) {
        self.loss = loss.clamp(0.0, 0.99);
    }

    /// This was said now. It takes the place of what was asked of the same stream before.
    pub fn said(&mut self, line: Line, request: Request, now: Instant) {
        self.said.retain(|s| s.line != line);
        let left = self.times().saturating_sub(1);
        if left == 0 {
            return;
        }
        if self.said.len() >= MOST {
            self.said.remove(0);
        }
        self.said.push(Said {
            line,
            request,
            left,
            next: now + STEP,
        });
    }

    /// A key frame of this stream is on its way: whatever was asked for is no longer.
    pub fn answered(&mut self, line: Line) {
        self.said.retain(|s| s.line != line);
    }

    /// What to say again now, one by one.
    pub fn poll(&mut self, now: Instant) -> Option<(Line, Request)> {
        let at = self.said.iter().position(|s| s.next <= now)?;
        let said = &mut self.said[at];
        let again = (said.line, said.request);
        said.left -= 1;
        said.next = now + STEP;
        if said.left == 0 {
            self.said.remove(at);
        }
        Some(again)
    }

    /// Padding came: the other end probes for room, with what we report of it. Where only sound goes, nothing else would say it again.
    pub fn probed(&mut self, now: Instant) {
        let left = self.times() - 1;
        self.reports = (left > 0).then_some((left, now + STEP));
    }

    /// Whether to say the last reports again now.
    pub fn poll_reports(&mut self, now: Instant) -> bool {
        let Some((left, _)) = self.reports.filter(|(_, at)| *at <= now) else {
            return false;
        };
        self.reports = (left > 1).then_some((left - 1, now + STEP));
        true
    }

    pub fn next_wakeup(&self) -> Option<Instant> {
        let reports = self.reports.map(|(_, at)| at);
        self.said.iter().map(|s| s.next).chain(reports).min()
    }

    /// How often each is said.
    fn times(&self) -> u32 {
        if self.loss <= 0.01 {
            return 1;
        }
        let times = ALL_LOST.ln() / self.loss.ln();
        (times.ceil() as u32).clamp(1, MOST_TIMES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mid: &str) -> Line {
        (mid.into(), None)
    }

    /// When it is said again, in milliseconds.
    fn again(insist: &mut Insist, start: Instant) -> Vec<u64> {
        let at = |ms| start + Duration::from_millis(ms);
        let said = (0..1000).filter(|ms| insist.poll(at(*ms)).is_some());
        said.collect()
    }

    #[test]
    fn what_may_be_lost_is_said_as_often_as_it_takes() {
        let start = Instant::now();
        let times = |loss| {
            let mut insist = Insist::default();
            insist.set_loss(loss);
            insist.said(line("1"), Request::Keyframe, start);
            let again = again(&mut insist, start);
            assert!(again.iter().zip(1..).all(|(ms, n)| *ms == n * 20));
            assert_eq!(insist.next_wakeup(), None);
            again.len()
        };
        let losses = [0.0, 0.01, 0.04, 0.1, 0.3, 0.5, 0.8, 1.0, f32::NAN];
        assert_eq!(losses.map(times), [0, 0, 0, 1, 2, 4, 13, 13, 0]);
    }

    #[test]
    fn a_key_frame_or_another_request_ends_it() {
        let start = Instant::now();
        let mut insist = Insist::default();
        insist.set_loss(0.8);
        insist.said(line("1"), Request::Keyframe, start);
        insist.said(line("2"), Request::Keyframe, start);
        insist.answered(line("1"));
        let first = insist.poll(start + STEP);
        assert_eq!(first, Some((line("2"), Request::Keyframe)));
        let reference = Reference {
            seq: 7,
            is_stuck: true,
        };
        insist.said(line("2"), Request::GoOn(reference), start + STEP);
        let then = insist.poll(start + STEP * 2);
        assert_eq!(then, Some((line("2"), Request::GoOn(reference))));
        assert_eq!(insist.poll(start + STEP * 2), None);
        insist.answered(line("2"));
        assert_eq!(insist.next_wakeup(), None);
    }

    #[test]
    fn what_is_reported_of_a_probe_is_said_again_after_the_last_of_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut insist = Insist::default();
        insist.probed(start);
        assert_eq!(insist.next_wakeup(), None, "nothing is lost");
        insist.set_loss(0.8);
        insist.probed(start);
        insist.probed(at(15));
        let said: Vec<u64> = (0..1000)
            .filter(|ms| insist.poll_reports(at(*ms)))
            .collect();
        assert_eq!((said.len(), said[0], said[12]), (13, 35, 275));
        assert_eq!(insist.next_wakeup(), None);
    }

    #[test]
    fn of_too_many_the_oldest_are_said_no_more() {
        let start = Instant::now();
        let mut insist = Insist::default();
        insist.set_loss(0.8);
        for n in 0..MOST + 5 {
            insist.said(line(&n.to_string()), Request::Keyframe, start);
        }
        assert_eq!(insist.said.len(), MOST);
        assert_eq!(insist.poll(start + STEP).unwrap().0, line("5"));
    }
}
