//! The text of one event in somebody's calendar, and what a person may have made of it there.

use confab_calendar::{Meeting, Zone, read};

/// Whether two files say the same of when, what and where. Calendars add much of their own, and write the same in many ways.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    match (essence(one), essence(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

fn essence(text: &str) -> Option<Meeting> {
    let calendar = read(text, &Zone::utc()).ok()?;
    let event = calendar.events.into_iter().next()?;
    // How often it was written says nothing of what it says.
    Some(Meeting {
        sequence: 0,
        stamp: 0,
        organizer: None,
        attendees: Vec::new(),
        ..event.meeting?
    })
}

/// Our text with the alarms a person has set in theirs: those of the first event, for the series or the meeting as a whole.
pub(crate) fn with_alarms(ours: &str, theirs: &str) -> String {
    let mut alarms = String::new();
    let mut inside = false;
    for line in theirs.split_inclusive('\n') {
        let bare = line.trim_end();
        inside |= bare.eq_ignore_ascii_case("BEGIN:VALARM");
        if inside {
            alarms.push_str(bare);
            alarms.push_str("\r\n");
        }
        inside &= !bare.eq_ignore_ascii_case("END:VALARM");
        if bare.eq_ignore_ascii_case("END:VEVENT") {
            break;
        }
    }
    // Cut off in the middle, it is none.
    if inside || alarms.len() > 16 * 1024 {
        return ours.to_owned();
    }
    ours.replacen("END:VEVENT", &format!("{alarms}END:VEVENT"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20300101T000000Z\r\n\
        DTSTART:20300105T090000Z\r\nDTEND:20300105T100000Z\r\nSUMMARY:Weekly\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    const ALARM: &str = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\n";

    #[test]
    fn additions_of_a_calendar_are_no_change_and_another_time_is_one() {
        let theirs = OURS
            .replace("DTEND:20300105T100000Z", "DURATION:PT1H")
            .replace("END:VEVENT", &format!("X-COLOR:red\r\n{ALARM}END:VEVENT"));
        assert!(is_same(OURS, &theirs));
        assert!(!is_same(OURS, &OURS.replace("T09", "T08")));
        assert!(!is_same(OURS, &OURS.replace("Weekly", "Not mine")));
        assert!(!is_same(OURS, "nonsense"));
    }

    #[test]
    fn alarms_are_carried_over() {
        let theirs = OURS.replace("END:VEVENT", &format!("{ALARM}END:VEVENT"));
        let merged = with_alarms(OURS, &theirs);
        assert_eq!(merged, theirs);
        assert_eq!(with_alarms(OURS, OURS), OURS);
        let cut = OURS.replace("END:VEVENT", "BEGIN:VALARM\r\nEND:VEVENT");
        assert_eq!(with_alarms(OURS, &cut), OURS);
    }
}
