//! How a call goes, minute by minute: what participants report, put together with what the forwarding unit measured of the same
//! time. Whoever reports nothing, since it cannot or does not know how, is measured all the same.

use crate::chat::DONE;
use crate::room::{Moment, Outcome, Room, SEAT_KEPT};
use crate::seat::{Link, Seat};
use crate::{MinuteOf, Output};
use confab_base::{Duration, ParticipantId, Time};
use confab_protocol::{
    Code, LinkMeasure, MAX_REPORT_S, MIN_REPORT_S, QualityReport, REPORT_INTERVAL_MS,
};

/// A minute that nobody reports on ends after so long: clients have this much longer than a minute to do it.
const UNREPORTED: Duration = Duration::from_secs(75);
const INTERVAL: Duration = Duration::from_millis(REPORT_INTERVAL_MS);

/// What the forwarding unit measured of a participant's way a moment ago. Shares are 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkSample {
    pub participant: ParticipantId,
    pub loss_up: f32,
    pub loss_down: f32,
    pub rtt: Option<Duration>,
    pub queued_down: Duration,
    /// A picture to it is smaller than wanted since the way to it is too narrow.
    pub held_back: bool,
    /// Nothing at all has come from it for seconds.
    pub silent: bool,
}

/// The minute of a seat that is being measured. It begins with the first that is measured.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    began: Option<Moment>,
    /// When the last report was taken, over the minutes.
    reported: Option<Time>,
    sums: Sums,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    samples: u32,
    loss_up: f32,
    loss_down: f32,
    rtt: Duration,
    rtts: u32,
    queued: Duration,
    held_back: u32,
    silent: u32,
}

impl Minute {
    fn ends(&self) -> Option<Time> {
        self.began.map(|began| began.now + UNREPORTED)
    }
}

impl Sums {
    fn add(&mut self, sample: &LinkSample) {
        self.samples += 1;
        self.loss_up += sample.loss_up.clamp(0.0, 1.0);
        self.loss_down += sample.loss_down.clamp(0.0, 1.0);
        if let Some(rtt) = sample.rtt {
            self.rtt += rtt;
            self.rtts += 1;
        }
        self.queued = self.queued.max(sample.queued_down);
        self.held_back += u32::from(sample.held_back);
        self.silent += u32::from(sample.silent);
    }

    fn measure(&self) -> Option<LinkMeasure> {
        let samples = Some(self.samples).filter(|n| *n > 0)? as f32;
        let share = |sum: f32| (sum / samples * 1000.0).round() as u16;
        let ms = |d: Duration| d.as_millis().min(60_000) as u32;
        Some(LinkMeasure {
            loss_up: share(self.loss_up),
            loss_down: share(self.loss_down),
            rtt_ms: (self.rtts > 0).then(|| ms(self.rtt / self.rtts)),
            queued_ms: ms(self.queued),
            held_back: share(self.held_back as f32),
            silent: share(self.silent as f32),
        })
    }
}

impl Room {
    pub(crate) fn on_report(
        &mut self,
        who: ParticipantId,
        report: QualityReport,
        at: Moment,
    ) -> Outcome {
        let Some(seat) = self.seats.get_mut(&who) else {
            return DONE;
        };
        let last = seat.minute.reported;
        if last.is_some_and(|last| at.now.since(last) < INTERVAL) {
            return Err((Code::TooFast, "one report a minute"));
        }
        seat.minute.reported = Some(at.now);
        let minute = close(seat, Some(report), at);
        self.out.extend(minute.map(Output::Minute));
        DONE
    }

    pub(crate) fn on_links(&mut self, samples: &[LinkSample], at: Moment) {
        for sample in samples {
            if let Some(seat) = self.seats.get_mut(&sample.participant) {
                seat.minute.began.get_or_insert(at);
                seat.minute.sums.add(sample);
                // Where most packets are lost signaling dies and media does not: who is heard has not left.
                if let Link::Lost { until } = &mut seat.link
                    && !sample.silent
                {
                    *until = at.now + SEAT_KEPT;
                }
            }
        }
    }

    pub(crate) fn minutes_wakeup(&self) -> Option<Time> {
        self.seats.values().filter_map(|s| s.minute.ends()).min()
    }

    /// Ends the minutes that nobody reported on.
    pub(crate) fn settle_minutes(&mut self, at: Moment) {
        let seats = self.seats.values_mut();
        let due = seats.filter(|s| s.minute.ends().is_some_and(|end| end <= at.now));
        let ended = due.filter_map(|seat| close(seat, None, at));
        self.out.extend(ended.map(Output::Minute));
    }

    /// What was measured of a seat that is given up.
    pub(crate) fn close_minute(&mut self, mut seat: Seat, at: Moment) {
        let minute = close(&mut seat, None, at);
        self.out.extend(minute.map(Output::Minute));
    }
}

/// The minute that ends now, and the next one begins. `None`: there is nothing to tell of it.
fn close(seat: &mut Seat, report: Option<QualityReport>, at: Moment) -> Option<Box<MinuteOf>> {
    let next = Minute {
        reported: seat.minute.reported,
        ..Minute::default()
    };
    let ended = std::mem::replace(&mut seat.minute, next);
    let measured = ended.sums.measure();
    // A client's time may be longer than what was measured here: it counts while it comes back, too.
    let lasted = match &report {
        Some(report) => u64::from(report.seconds) * 1000,
        None => at
            .wall_ms
            .saturating_sub(ended.began?.wall_ms)
            .min(u64::from(MAX_REPORT_S) * 1000),
    };
    if lasted < u64::from(MIN_REPORT_S) * 1000 {
        return None;
    }
    Some(Box::new(MinuteOf {
        participant: seat.id,
        name: seat.name.clone(),
        client: seat.client,
        from: at.wall_ms.saturating_sub(lasted),
        to: at.wall_ms,
        report,
        measured,
    }))
}
