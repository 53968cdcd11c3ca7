//! Content lines of iCalendar (RFC 5545, 3.1): folded, escaped, and nothing foreign can begin a line of its own.

use jiff::civil::DateTime;

/// No line is longer, its CRLF not counted.
pub(crate) const MOST_OCTETS: usize = 75;

/// The file as it grows.
#[derive(Default)]
pub(crate) struct Lines {
    text: String,
}

impl Lines {
    /// One content line; `line` is already escaped. Folded between characters, never inside one.
    pub(crate) fn add(&mut self, line: &str) {
        let mut used = 0;
        for c in line.chars() {
            if used + c.len_utf8() > MOST_OCTETS {
                self.text.push_str("\r\n ");
                used = 1;
            }
            self.text.push(c);
            used += c.len_utf8();
        }
        self.text.push_str("\r\n");
    }

    /// A property whose value is TEXT.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.add(&format!("{name}:{}", escape(value)));
    }

    /// A date with time: in UTC as such, else local with its zone's name.
    pub(crate) fn time(&mut self, name: &str, at: DateTime, zone: &crate::Zone) {
        if zone.is_utc() {
            self.add(&format!("{name}:{}Z", local(at)));
        } else {
            self.add(&format!("{name};TZID={}:{}", zone.name(), local(at)));
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// A TEXT value (RFC 5545, 3.3.11). Control characters other than line breaks are not allowed in it at all.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => safe.extend(['\\', c]),
            '\n' => safe.push_str("\\n"),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

/// A parameter value in quotes; what may not stand there is said by circumflexes (RFC 6868). A backslash becomes a slash: it may
/// stand there as it is, but half of all readers take it for an escape, and lose the closing quote.
pub(crate) fn quoted(text: &str) -> String {
    let mut safe = String::from("\"");
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '^' => safe.push_str("^^"),
            '"' => safe.push_str("^'"),
            '\n' => safe.push_str("^n"),
            '\\' => safe.push('/'),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}

/// `YYYYMMDDTHHMMSS`.
pub(crate) fn local(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

/// `YYYYMMDDTHHMMSSZ` of milliseconds since 1970.
pub(crate) fn utc(ms: u64) -> String {
    format!("{}Z", local(crate::Zone::utc().local(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_utc_and_leap_days_exist() {
        assert_eq!(utc(0), "19700101T000000Z");
        assert_eq!(utc(1_709_209_800_000), "20240229T123000Z");
    }

    #[test]
    fn a_text_cannot_add_lines_or_break_values() {
        assert_eq!(escape("a;b,c\\d\r\nATTACH:x\u{7}"), r"a\;b\,c\\d\nATTACH:x");
        assert_eq!(quoted("A\\da \"^\"\r\nX:y\u{7f}"), "\"A/da ^'^^^'^nX:y\"");
    }

    proptest! {
        #[test]
        fn lines_stay_within_75_octets_and_unfold_to_what_was_said(text in "\\PC{0,200}") {
            let mut lines = Lines::default();
            lines.text("SUMMARY", &text);
            let file = lines.finish();
            for line in file.split_terminator("\r\n") {
                prop_assert!(line.len() <= MOST_OCTETS, "{line}");
            }
            prop_assert_eq!(file.replace("\r\n ", ""), format!("SUMMARY:{}\r\n", escape(&text)));
        }
    }
}
