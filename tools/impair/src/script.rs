//! The text form of scripts: TOML to types that can't be wrong. Every error names its line.

use crate::{Change, Fault, ScriptError, parse_trace, synthetic};
use confab_base::{Bitrate, Duration};
use confab_simnet::{Bottleneck, Bursts, DeliveryTrace, JitterShape, QueueBound};
use serde::Deserialize;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;

/// A script as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    #[serde(default)]
    pub about: String,
    pub seed: Option<u64>,
    pub profile: Option<Spanned<String>>,
    #[serde(default)]
    pub both: Keys,
    #[serde(default)]
    pub up: Keys,
    #[serde(default)]
    pub down: Keys,
    #[serde(default)]
    pub step: Vec<StepKeys>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepKeys {
    pub at_s: Spanned<f64>,
    #[serde(default)]
    pub both: Keys,
    #[serde(default)]
    pub up: Keys,
    #[serde(default)]
    pub down: Keys,
}

/// The table of a direction.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    delay_ms: Option<Spanned<f64>>,
    jitter_ms: Option<Spanned<f64>>,
    jitter_shape: Option<Shape>,
    loss_percent: Option<Spanned<f64>>,
    burst: Option<Spanned<BurstKeys>>,
    duplicate_percent: Option<Spanned<f64>>,
    reorder_percent: Option<Spanned<f64>>,
    reorder_ms: Option<Spanned<f64>>,
    rate_kbit: Option<Spanned<f64>>,
    queue_ms: Option<Spanned<f64>>,
    queue_bytes: Option<Spanned<f64>>,
    policer: Option<Spanned<PolicerKeys>>,
    trace: Option<Spanned<String>>,
    cut: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Uniform,
    Normal,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BurstKeys {
    loss_percent: f64,
    length: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicerKeys {
    rate_kbit: f64,
    burst_bytes: f64,
}

const DELAY_MS: RangeInclusive<f64> = 0.0..=60_000.0;
const JITTER_MS: RangeInclusive<f64> = 0.0..=10_000.0;
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;
const RATE_KBIT: RangeInclusive<f64> = 0.0..=10_000_000.0;
const QUEUE_BYTES: RangeInclusive<f64> = 1500.0..=67_108_864.0;

/// A text and its file, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub text: &'a str,
    pub file: &'a Path,
}

type Result<T> = std::result::Result<T, ScriptError>;

impl Source<'_> {
    pub fn parse(&self) -> Result<Script> {
        toml::from_str(self.text).map_err(|e| {
            let text = e.message().lines().collect::<Vec<_>>().join("; ");
            self.error(e.span(), Fault::BadSyntax, text)
        })
    }

    pub fn error(&self, at: Option<Range<usize>>, fault: Fault, text: String) -> ScriptError {
        let line = |at: Range<usize>| {
            let before = &self.text.as_bytes()[..at.start.min(self.text.len())];
            1 + before.iter().filter(|b| **b == b'\n').count()
        };
        ScriptError {
            file: self.file.to_owned(),
            line: at.map(line),
            fault,
            text,
        }
    }

    pub fn number(
        &self,
        key: &str,
        value: &Spanned<f64>,
        range: RangeInclusive<f64>,
    ) -> Result<f64> {
        self.within(key, *value.get_ref(), value.span(), range)
    }

    fn within(
        &self,
        key: &str,
        value: f64,
        at: Range<usize>,
        range: RangeInclusive<f64>,
    ) -> Result<f64> {
        // Not a number is in no range.
        if range.contains(&value) {
            return Ok(value);
        }
        let text = format!(
            "{key} = {value}: must be {} to {}",
            range.start(),
            range.end()
        );
        Err(self.error(Some(at), Fault::BadValue, text))
    }

    fn optional(
        &self,
        key: &str,
        value: &Option<Spanned<f64>>,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>> {
        let number = |v| self.number(key, v, range);
        value.as_ref().map(number).transpose()
    }

    /// Checks what types can't say.
    pub fn change(&self, keys: &Keys) -> Result<Change> {
        let share = |key, value| Ok(self.optional(key, value, PERCENT)?.map(|p| p / 100.0));
        let time = |key, value, range| Ok(self.optional(key, value, range)?.map(millis));
        Ok(Change {
            delay: time("delay_ms", &keys.delay_ms, DELAY_MS)?,
            jitter: time("jitter_ms", &keys.jitter_ms, JITTER_MS)?,
            jitter_shape: keys.jitter_shape.map(|shape| match shape {
                Shape::Uniform => JitterShape::Uniform,
                Shape::Normal => JitterShape::Normal,
            }),
            loss: share("loss_percent", &keys.loss_percent)?,
            bursts: keys.burst.as_ref().map(|b| self.bursts(b)).transpose()?,
            duplicate: share("duplicate_percent", &keys.duplicate_percent)?,
            reorder: share("reorder_percent", &keys.reorder_percent)?,
            reorder_by: time("reorder_ms", &keys.reorder_ms, JITTER_MS)?,
            bottleneck: self.bottleneck(keys)?,
            queue: self.queue(keys)?,
            cut: keys.cut,
        })
    }

    fn bursts(&self, keys: &Spanned<BurstKeys>) -> Result<Option<Bursts>> {
        let (at, keys) = (keys.span(), keys.get_ref());
        let percent = self.within(
            "burst.loss_percent",
            keys.loss_percent,
            at.clone(),
            0.0..=99.0,
        )?;
        let length = self.within("burst.length", keys.length, at.clone(), 1.0..=1000.0)?;
        let loss = percent / 100.0;
        let shortest = Bursts::shortest(loss);
        if length < shortest {
            let text = format!(
                "bursts of {length} packets can't lose {percent} %: at least one packet gets through between two; \
                 length must be at least {shortest:.2}"
            );
            return Err(self.error(Some(at), Fault::BadValue, text));
        }
        Ok((loss > 0.0).then_some(Bursts { loss, length }))
    }

    fn bottleneck(&self, keys: &Keys) -> Result<Option<Bottleneck>> {
        let spans = [
            keys.rate_kbit.as_ref().map(Spanned::span),
            keys.policer.as_ref().map(Spanned::span),
            keys.trace.as_ref().map(Spanned::span),
        ];
        let mut given = spans.into_iter().flatten();
        if let (Some(_), Some(second)) = (given.next(), given.next()) {
            let text = "rate_kbit, policer and trace exclude each other".to_owned();
            return Err(self.error(Some(second), Fault::BadValue, text));
        }
        if let Some(policer) = &keys.policer {
            return self.policer(policer).map(Some);
        }
        if let Some(trace) = &keys.trace {
            let trace = Arc::new(self.trace(trace)?);
            return Ok(Some(Bottleneck::Trace(trace)));
        }
        let rate = self.optional("rate_kbit", &keys.rate_kbit, RATE_KBIT)?;
        Ok(rate.map(|rate| match kbit(rate) {
            Bitrate::ZERO => Bottleneck::None,
            rate => Bottleneck::Rate(rate),
        }))
    }

    fn policer(&self, keys: &Spanned<PolicerKeys>) -> Result<Bottleneck> {
        let (at, keys) = (keys.span(), keys.get_ref());
        let rate = 1.0..=*RATE_KBIT.end();
        let rate = self.within("policer.rate_kbit", keys.rate_kbit, at.clone(), rate)?;
        let burst = self.within("policer.burst_bytes", keys.burst_bytes, at, QUEUE_BYTES)?;
        Ok(Bottleneck::Policer {
            rate: kbit(rate),
            burst_bytes: burst as u64,
        })
    }

    fn queue(&self, keys: &Keys) -> Result<Option<QueueBound>> {
        if let (Some(_), Some(bytes)) = (&keys.queue_ms, &keys.queue_bytes) {
            let text = "queue_ms and queue_bytes exclude each other".to_owned();
            return Err(self.error(Some(bytes.span()), Fault::BadValue, text));
        }
        let time = self.optional("queue_ms", &keys.queue_ms, 1.0..=*DELAY_MS.end())?;
        let bytes = self.optional("queue_bytes", &keys.queue_bytes, QUEUE_BYTES)?;
        let time = time.map(|ms| QueueBound::Time(millis(ms)));
        Ok(time.or(bytes.map(|b| QueueBound::Bytes(b as u64))))
    }

    fn trace(&self, name: &Spanned<String>) -> Result<DeliveryTrace> {
        let error = |text| self.error(Some(name.span()), Fault::BadTrace, text);
        let asked = name.get_ref().as_str();
        if !asked.contains(['.', '/']) {
            let none = || format!("there is no trace {asked:?}; a file's path contains . or /");
            return synthetic(asked).ok_or_else(|| error(none()));
        }
        let path = self.file.parent().unwrap_or(Path::new("")).join(asked);
        let text = std::fs::read_to_string(&path)
            .map_err(|e| error(format!("{}: {e}", path.display())))?;
        parse_trace(&text, &path)
    }
}

fn millis(ms: f64) -> Duration {
    Duration::from_micros((ms * 1000.0).round() as u64)
}

fn kbit(rate: f64) -> Bitrate {
    Bitrate((rate * 1000.0).round() as u64)
}
