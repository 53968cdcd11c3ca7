//! Links that open a web calendar's form with the meeting filled in, for people whose mail has no calendar. They carry the
//! guest link only, as everything here.

use crate::{Meeting, When, uri};
use jiff::civil::DateTime;

/// Outlook's two web calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// outlook.live.com: private accounts.
    Live,
    /// outlook.office.com: work and school.
    Office,
}

/// Google Calendar. A series comes with its rule, without its exceptions: the form knows none.
pub fn google(meeting: &Meeting) -> String {
    let slot = meeting.when.first();
    let end = slot.zone().local(slot.ends_at());
    let compact = |at: DateTime| at.strftime("%Y%m%dT%H%M%S").to_string();
    let zulu = if slot.zone().is_utc() { "Z" } else { "" };
    let dates = format!("{}{zulu}/{}{zulu}", compact(slot.start()), compact(end));
    let mut fields = vec![
        ("action", "TEMPLATE".to_owned()),
        ("text", meeting.title.clone()),
        ("dates", dates),
        ("ctz", slot.zone().name().to_owned()),
        ("details", details(meeting)),
        ("location", location(meeting)),
    ];
    if let When::Series(series) = &meeting.when {
        fields.push(("recur", format!("RRULE:{}", series.rule().to_rfc5545(slot))));
    }
    with("https://calendar.google.com/calendar/render", &fields)
}

/// Outlook on the web. Its form knows no series: the occurrence that comes next after `now` (milliseconds since 1970), or the first
/// where none comes.
pub fn outlook(which: Outlook, meeting: &Meeting, now: u64) -> String {
    let first = meeting.when.first();
    let next = meeting.when.next(now);
    let (begins, ends) = next.map_or((first.begins_at(), first.ends_at()), |o| {
        (o.begins_at, o.ends_at)
    });
    let utc = |ms| {
        crate::Zone::utc()
            .local(ms)
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    };
    let host = match which {
        Outlook::Live => "outlook.live.com",
        Outlook::Office => "outlook.office.com",
    };
    let fields = [
        ("path", "/calendar/action/compose".to_owned()),
        ("rru", "addevent".to_owned()),
        ("subject", meeting.title.clone()),
        ("startdt", utc(begins)),
        ("enddt", utc(ends)),
        ("body", details(meeting)),
        ("location", location(meeting)),
    ];
    with(
        &format!("https://{host}/calendar/0/deeplink/compose"),
        &fields,
    )
}

fn location(meeting: &Meeting) -> String {
    meeting
        .link
        .as_ref()
        .map(|link| link.as_str().to_owned())
        .unwrap_or_default()
}

/// Browsers and servers refuse links of many kilobytes: a long description is cut.
const MOST_DETAILS: usize = 1_000;

fn details(meeting: &Meeting) -> String {
    let link = location(meeting);
    let text: String = meeting.description.chars().take(MOST_DETAILS).collect();
    match (link.as_str(), text.as_str()) {
        ("", _) => text,
        (_, "") => link,
        _ => format!("{link}\n\n{text}"),
    }
}

fn with(base: &str, fields: &[(&str, String)]) -> String {
    let said = fields.iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = said
        .map(|(name, value)| format!("{name}={}", uri::encode(value)))
        .collect();
    format!("{base}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ends, GuestLink, Pattern, Rule, Series, Slot, Uid, Zone};
    use confab_base::MeetingId;

    fn meeting(recurs: bool) -> Meeting {
        let id = MeetingId::from_random(7);
        let zone = Zone::new("Europe/Berlin").expect("zone");
        let slot = Slot::new("2027-03-27T23:30:00".parse().expect("time"), zone, 60).expect("slot");
        let daily = Rule {
            pattern: Pattern::Day,
            interval: 1,
            ends: Ends::After(3),
        };
        Meeting {
            uid: Uid::of_meeting(&id),
            sequence: 0,
            stamp: 0,
            title: "Plan & review".into(),
            description: "Bring a pencil".into(),
            link: GuestLink::new("https://meet.example.org", &id),
            organizer: None,
            attendees: Vec::new(),
            when: match recurs {
                true => When::Series(Series::new(slot, daily).expect("series")),
                false => When::Once(slot),
            },
            cancelled: false,
        }
    }

    #[test]
    fn google_is_told_the_zone_and_the_rule() {
        let id = MeetingId::from_random(7);
        assert_eq!(
            google(&meeting(true)),
            format!(
                "https://calendar.google.com/calendar/render?action=TEMPLATE&text=Plan%20%26%20review\
                 &dates=20270327T233000%2F20270328T003000&ctz=Europe%2FBerlin\
                 &details=https%3A%2F%2Fmeet.example.org%2Fm%2F{id}%0A%0ABring%20a%20pencil\
                 &location=https%3A%2F%2Fmeet.example.org%2Fm%2F{id}&recur=RRULE%3AFREQ%3DDAILY%3BCOUNT%3D3"
            )
        );
        assert!(!google(&meeting(false)).contains("recur"));
    }

    #[test]
    fn outlook_is_told_what_comes_next() {
        let meeting = meeting(true);
        let first = meeting.when.first().begins_at();
        let link = outlook(Outlook::Office, &meeting, first);
        // After the change of clocks in the night between.
        assert!(
            link.contains("startdt=2027-03-28T21%3A30%3A00Z&enddt=2027-03-28T22%3A30%3A00Z"),
            "{link}"
        );
        assert!(
            link.starts_with(
                "https://outlook.office.com/calendar/0/deeplink/compose?path=%2Fcalendar"
            ),
            "{link}"
        );
        let over = outlook(Outlook::Live, &meeting, u64::MAX);
        assert!(over.contains("startdt=2027-03-27T22%3A30%3A00Z"), "{over}");
    }
}
