//! What feedback tells of the path: round trip, reordering, share and rows of losses.

use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// Assumed until it was measured.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Losses are averaged over about this many packets.
const PACKETS: f64 = 120.0;
/// Or over this time, where there are fewer: what a queue dropped is no loss of the way's, and over when less is sent.
const SECONDS: f64 = 2.0;
/// A sample has at least this many.
const SAMPLE: u64 = 8;
const MOST_REORDER: Duration = Duration::from_millis(100);
/// Waiting for reordered packets is forgotten by half in this time.
const REORDER_HALF: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Path {
    round_trip: Option<(Duration, Duration)>,
    /// Packets sent up to a time.
    sent: VecDeque<(Time, u64)>,
    total: u64,
    /// Arrivals and packets sent, as of the last sample.
    anchor: Option<(u32, u64)>,
    sampled: Time,
    loss: f64,
    /// Packets that went into it.
    judged: f64,
    reorder: Duration,
    reordered_at: Time,
    /// Losses among symbols and the rows they came in, averaged.
    lost: f64,
    rows: f64,
    in_row: bool,
}

impl Path {
    pub fn sent(&mut self, now: Time) {
        self.total += 1;
        match self.sent.back_mut() {
            Some(last) if last.0 == now => last.1 = self.total,
            _ => self.sent.push_back((now, self.total)),
        }
        if self.sent.len() > 8192 {
            self.sent.pop_front();
        }
    }

    pub fn round_trip_sample(&mut self, sample: Duration) {
        let (mean, spread) = self.round_trip.unwrap_or((sample, sample / 8));
        let off = sample.abs_diff(mean);
        self.round_trip = Some(((mean * 7 + sample) / 8, (spread * 3 + off) / 4));
    }

    pub fn measured_round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|r| r.0)
    }

    pub fn round_trip(&self) -> Duration {
        self.measured_round_trip().unwrap_or(ROUND_TRIP)
    }

    /// What was sent before this has arrived before a feedback that comes now was written, or is lost.
    pub fn horizon(&self, now: Time) -> Time {
        let (mean, spread) = self.round_trip.unwrap_or((ROUND_TRIP, ROUND_TRIP / 8));
        now - (mean + (spread * 2).max(Duration::from_millis(3)) + self.reorder_at(now))
    }

    /// A packet taken for lost came by itself after all, `late` after the round trip.
    pub fn reordered(&mut self, late: Duration, now: Time) {
        let late = late.min(MOST_REORDER);
        if late >= self.reorder_at(now) {
            (self.reorder, self.reordered_at) = (late, now);
        }
    }

    fn reorder_at(&self, now: Time) -> Duration {
        let halves = now.since(self.reordered_at).as_secs_f64() / REORDER_HALF.as_secs_f64();
        self.reorder.mul_f64(0.5f64.powf(halves))
    }

    /// Arrivals so far, as the receiver counts.
    pub fn arrivals(&mut self, arrivals: u32, now: Time) {
        let Some((mean, _)) = self.round_trip else {
            return;
        };
        let until = now - mean;
        let mut sent = None;
        while let Some(first) = self.sent.front().filter(|s| s.0 <= until) {
            sent = Some(first.1);
            self.sent.pop_front();
        }
        let Some(sent) = sent else { return };
        let Some((arrived, before)) = self.anchor else {
            self.anchor = Some((arrivals, sent));
            return;
        };
        let count = sent - before;
        if count < SAMPLE {
            self.sent.push_front((until, sent));
            return;
        }
        self.anchor = Some((arrivals, sent));
        let came = f64::from(arrivals.wrapping_sub(arrived) as i32);
        let sample = 1.0 - came / count as f64;
        let passed = now.since(self.sampled).as_secs_f64().min(1.0);
        self.sampled = now;
        self.judged += count as f64;
        // The first samples are averaged evenly: what one begins with is no measurement.
        let parts = (count as f64 / PACKETS).max(passed / SECONDS);
        let weight = (1.0 - (-parts).exp()).max(count as f64 / self.judged);
        // Packets that left close to the horizon are counted now or then: a sample may say less than none.
        self.loss = (self.loss + (sample.clamp(-1.0, 1.0) - self.loss) * weight).clamp(-0.1, 1.0);
    }

    /// Measured by others, while nothing of ours was on the way; the next sample counts much beside it.
    pub fn assume(&mut self, loss: f64) {
        let loss = if loss.is_finite() { loss } else { 0.0 };
        (self.loss, self.judged) = (loss.clamp(0.0, 1.0), PACKETS / 4.0);
        // Arrivals of before the pause belong to another time.
        (self.anchor, self.in_row) = (None, false);
    }

    /// The fate of the next symbol, in the order they were sent.
    pub fn symbol(&mut self, arrived: bool) {
        if !arrived {
            self.lost += 1.0;
            self.rows += f64::from(u8::from(!self.in_row));
        }
        self.in_row = !arrived;
        if self.lost > 200.0 {
            self.lost /= 2.0;
            self.rows /= 2.0;
        }
    }

    /// 0 to 0.97: beyond that nothing helps, and divisions by what arrives stay sane.
    pub fn loss(&self) -> f64 {
        self.loss.clamp(0.0, 0.97)
    }

    /// How much longer rows of losses are than if each were lost by itself, 1 to 8.
    pub fn burst(&self) -> f64 {
        if self.rows < 5.0 {
            return 1.0;
        }
        (self.lost / self.rows * (1.0 - self.loss())).clamp(1.0, 8.0)
    }
}
