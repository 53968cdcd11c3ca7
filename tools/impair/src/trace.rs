//! Delivery traces as text: one time in ms a line, mahimahi's format.

use crate::{Fault, ScriptError};
use confab_simnet::DeliveryTrace;
use std::fmt::Write;
use std::path::Path;

/// The most lines with a number.
const MOST: usize = 4_000_000;

/// Parses a trace; `file` stands in errors. `#` starts a comment, empty lines are skipped.
pub fn parse_trace(text: &str, file: &Path) -> Result<DeliveryTrace, ScriptError> {
    let error = |line, text: &str| ScriptError {
        file: file.to_owned(),
        line,
        fault: Fault::BadTrace,
        text: text.to_owned(),
    };
    let mut times = Vec::<u32>::new();
    for (index, line) in text.lines().enumerate() {
        let number = line.split('#').next().unwrap_or_default().trim();
        if number.is_empty() {
            continue;
        }
        let here = |text: &str| error(Some(index + 1), text);
        let time = number.parse();
        let time = time.map_err(|_| here("must be a whole number of ms"))?;
        if times.last().is_some_and(|last| *last > time) {
            return Err(here("is earlier than the time above"));
        }
        if times.len() == MOST {
            return Err(here("more than 4,000,000 times"));
        }
        times.push(time);
    }
    let fail = || error(None, "must end with a time above 0");
    DeliveryTrace::new(times).ok_or_else(fail)
}

/// Writes a trace as [`parse_trace`] reads it.
pub fn write_trace(trace: &DeliveryTrace) -> String {
    let mut text = String::new();
    for at in trace.at_ms() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{at}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DeliveryTrace, String> {
        parse_trace(text, Path::new("x.trace")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_trace_survives_being_written_and_read() {
        let trace = DeliveryTrace::new(vec![0, 3, 3, 20]).unwrap();
        assert_eq!(parse(&write_trace(&trace)), Ok(trace));
    }

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        let trace = parse("# made up\n1\n\n 4 # last\n").unwrap();
        assert_eq!(trace.at_ms(), [1, 4]);
    }

    #[test]
    fn errors_name_their_line() {
        assert_eq!(
            parse("1\n2\nx\n").unwrap_err(),
            "x.trace:3: bad_trace: must be a whole number of ms"
        );
        assert_eq!(
            parse("5\n\n4\n").unwrap_err(),
            "x.trace:3: bad_trace: is earlier than the time above"
        );
        assert_eq!(
            parse("0\n0\n").unwrap_err(),
            "x.trace: bad_trace: must end with a time above 0"
        );
    }
}
