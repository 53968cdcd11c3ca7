//! One meeting as a calendar object: stable `UID`, times in UTC, and the join link wherever calendar programs look for
//! it (`URL`, `LOCATION`, `DESCRIPTION`, `CONFERENCE` of RFC 7986). Only the guest link belongs in here: calendars are
//! shared, and a host key in one would make everybody a host.

/// A single event. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The same for the life of the meeting, so that a calendar replaces the event instead of adding a second one.
    pub uid: String,
    /// Rises with every change of time or title.
    pub sequence: u32,
    /// When the invitation was made or last changed (`DTSTAMP`).
    pub stamp: u64,
    pub title: String,
    pub starts_at: u64,
    pub minutes: u16,
    /// The guest link.
    pub url: String,
    pub cancelled: bool,
}

impl Event {
    /// The whole `.ics` file: CRLF line ends, lines folded at 75 octets, text escaped.
    pub fn to_ics(&self) -> String {
        let ends_at = self
            .starts_at
            .saturating_add(u64::from(self.minutes) * 60_000);
        let status = if self.cancelled {
            "CANCELLED"
        } else {
            "CONFIRMED"
        };
        let join = escape(&format!("Join the meeting: {}", self.url));
        let mut lines = Lines::default();
        lines.add("BEGIN:VCALENDAR");
        lines.add("VERSION:2.0");
        lines.add("PRODID:-//Confab//Confab//EN");
        lines.add("METHOD:PUBLISH");
        lines.add("BEGIN:VEVENT");
        lines.add(&format!("UID:{}", escape(&self.uid)));
        lines.add(&format!("SEQUENCE:{}", self.sequence));
        lines.add(&format!("DTSTAMP:{}", utc(self.stamp)));
        lines.add(&format!("DTSTART:{}", utc(self.starts_at)));
        lines.add(&format!("DTEND:{}", utc(ends_at)));
        lines.add(&format!("SUMMARY:{}", escape(&self.title)));
        lines.add(&format!("DESCRIPTION:{join}"));
        lines.add(&format!("LOCATION:{}", escape(&self.url)));
        lines.add(&format!("URL:{}", one_line(&self.url)));
        lines.add(&format!(
            "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Confab:{}",
            one_line(&self.url)
        ));
        lines.add(&format!("STATUS:{status}"));
        lines.add("END:VEVENT");
        lines.add("END:VCALENDAR");
        lines.text
    }
}

/// Content lines, folded (RFC 5545, 3.1): no line above 75 octets, and no character torn apart.
#[derive(Default)]
struct Lines {
    text: String,
}

const MAX_OCTETS: usize = 75;

impl Lines {
    fn add(&mut self, line: &str) {
        let mut used = 0;
        for c in line.chars() {
            if used + c.len_utf8() > MAX_OCTETS {
                self.text.push_str("\r\n ");
                used = 1;
            }
            self.text.push(c);
            used += c.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

/// TEXT values (RFC 5545, 3.3.11). Control characters other than line breaks are not allowed in it at all.
fn escape(text: &str) -> String {
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

/// A URI value is not escaped; a line break in it would be a line of its own.
fn one_line(uri: &str) -> String {
    uri.chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect()
}

/// `YYYYMMDDTHHMMSSZ`.
fn utc(ms: u64) -> String {
    let seconds = ms / 1000;
    let (year, month, day) = date(seconds / 86_400);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Days since 1970-01-01 to a date of the Gregorian calendar. Years start in March here, so that the leap day is the
/// last of a year, and 400 years are always 146,097 days (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // from 0000-03-01
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(title: &str) -> Event {
        Event {
            uid: "0123@confab".into(),
            sequence: 2,
            stamp: 0,
            title: title.into(),
            starts_at: 1_709_209_800_000,
            minutes: 90,
            url: "https://meet.example.org/m/0123456789abcdefghjkmnpqrs".into(),
            cancelled: false,
        }
    }

    /// As a reader takes lines apart: unfolded first.
    fn lines(ics: &str) -> Vec<String> {
        ics.replace("\r\n ", "")
            .split_terminator("\r\n")
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn times_are_utc_and_leap_days_exist() {
        let lines = lines(&event("x").to_ics());
        assert!(
            lines.contains(&"DTSTAMP:19700101T000000Z".to_owned()),
            "{lines:#?}"
        );
        assert!(
            lines.contains(&"DTSTART:20240229T123000Z".to_owned()),
            "{lines:#?}"
        );
        assert!(
            lines.contains(&"DTEND:20240229T140000Z".to_owned()),
            "{lines:#?}"
        );
    }

    #[test]
    fn the_link_stands_wherever_calendars_look() {
        let event = event("x");
        let lines = lines(&event.to_ics());
        let holding: Vec<&str> = lines
            .iter()
            .filter(|l| l.contains(&event.url))
            .filter_map(|l| l.split([':', ';']).next())
            .collect();
        assert_eq!(holding, ["DESCRIPTION", "LOCATION", "URL", "CONFERENCE"]);
    }

    #[test]
    fn a_title_cannot_add_lines_or_break_values() {
        let lines = lines(&event("a;b,c\\d\r\nATTACH:x\u{7}").to_ics());
        assert!(
            lines.contains(&r"SUMMARY:a\;b\,c\\d\nATTACH:x".to_owned()),
            "{lines:#?}"
        );
        assert!(!lines.iter().any(|l| l.starts_with("ATTACH")));
    }

    #[test]
    fn known_dates_come_out_right() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (20_778, (2026, 11, 21)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    proptest! {
        #[test]
        fn lines_stay_within_75_octets_and_unfold_to_what_was_said(title in "\\PC{0,200}") {
            let ics = event(&title).to_ics();
            for line in ics.split_terminator("\r\n") {
                prop_assert!(line.len() <= MAX_OCTETS, "{line}");
            }
            let summary = format!("SUMMARY:{}", escape(&title));
            prop_assert!(lines(&ics).contains(&summary));
        }

        #[test]
        fn every_next_day_is_the_next_date(days in 0u64..100_000) {
            let ((y1, m1, d1), (y2, m2, d2)) = (date(days), date(days + 1));
            let next_day = (y1, m1, d1 + 1) == (y2, m2, d2);
            let next_month = (y1, m1 + 1, 1) == (y2, m2, d2) && d1 >= 28;
            let next_year = (y1 + 1, 1, 1) == (y2, m2, d2) && (m1, d1) == (12, 31);
            prop_assert!(next_day || next_month || next_year);
        }
    }
}
