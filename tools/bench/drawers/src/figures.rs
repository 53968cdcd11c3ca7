//! What was measured, put together.

use crate::Options;
use serde_json::{Value, json};
use std::time::Duration;

/// Of one drawer.
#[derive(Default)]
pub struct Own {
    /// From the pen's lifting to the stroke in this copy's document, of the others' strokes.
    pub strokes: Vec<Duration>,
    /// What each frame of the others' changes took to take, in order.
    taken: Vec<Duration>,
    /// Second ways that were opened.
    pub seconds: u32,
}

impl Own {
    pub fn took(&mut self, time: Duration) {
        self.taken.push(time);
    }
}

/// Who came when all was drawn. Times since the connection was begun.
pub struct Late {
    /// The document was there.
    pub ready: Duration,
    /// Its hash was known.
    pub equal: Duration,
    /// The server's hash had come.
    pub answered: Duration,
    pub is_equal: bool,
    pub hash: [u8; 32],
    pub bytes: usize,
    pub objects: usize,
}

#[derive(Default)]
pub struct Figures {
    strokes: Vec<Duration>,
    early: Vec<Duration>,
    last: Vec<Duration>,
    seconds: u32,
}

impl Figures {
    /// Two hours are 120 equal parts: the fifth and the last.
    pub fn add(&mut self, own: Own) {
        self.strokes.extend(own.strokes);
        self.seconds += own.seconds;
        let minute = own.taken.len() / 120;
        self.early.extend(&own.taken[minute * 4..minute * 5]);
        let from = own.taken.len() - minute;
        self.last.extend(&own.taken[from..]);
    }

    pub fn json(
        mut self,
        options: &Options,
        seconds: f64,
        late: &Late,
        equal: bool,
        kept: Option<(u64, u64)>,
    ) -> Value {
        let of = |times: &mut Vec<Duration>, share| micros(percentile(times, share));
        let (early, last) = (of(&mut self.early, 0.5), of(&mut self.last, 0.5));
        let mut told = json!({
            "writers": options.writers,
            "ops": options.ops,
            "seconds": seconds.round(),
            "ops_a_second": (f64::from(options.ops) / seconds).round(),
            "strokes_seen": self.strokes.len(),
            "stroke_ms": {
                "p50": of(&mut self.strokes, 0.5) / 1e3,
                "p95": of(&mut self.strokes, 0.95) / 1e3,
                "p99": of(&mut self.strokes, 0.99) / 1e3,
                "max": of(&mut self.strokes, 1.0) / 1e3,
            },
            "apply_us": { "minute_5": early, "minute_120": last, "ratio": last / early },
            "second_ways": self.seconds,
            "objects": late.objects,
            "document_bytes": late.bytes,
            "late_ms": {
                "document": millis(late.ready),
                "hashed": millis(late.equal),
                "compared": millis(late.answered),
            },
            "equal": equal && late.is_equal,
        });
        if let Some((acknowledged, lost)) = kept {
            told["killed"] = json!({ "acknowledged": acknowledged, "lost": lost });
        }
        told
    }
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let at = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
    times.get(at).copied().unwrap_or_default()
}
