//! Calendar files and series made here, judged by programs of others: see `others/check.py`. The Python packages and libical come with
//! `./confab test` (xtask/src/setup.rs); where they are missing this says so and checks nothing.

use confab_base::MeetingId;
use confab_calendar::civil::{DateTime, Weekday};
use confab_calendar::{
    Address, Answer, Attendee, Ends, Feed, GuestLink, Ics, Kind, Meeting, Override, Pattern,
    Person, Role, Rule, Series, Slot, Uid, Weekdays, When, Zone, feed, occurrence_name,
};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Zones of both halves of the earth, with changes of half an hour, at midnight, on Fridays, without any.
const ZONES: [&str; 12] = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Jerusalem",
    "Europe/Dublin",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "America/Sao_Paulo",
    "UTC",
    "America/St_Johns",
];
const SERIES: u64 = 200;
const YEAR: u64 = 366 * 24 * 3_600_000;

/// Dice from a seed (Knuth's constants for a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn slot(dice: &mut Dice) -> Slot {
    let zone = Zone::new(ZONES[dice.below(12) as usize]).expect("zone");
    let start: DateTime = "2015-01-01T00:00:00".parse().expect("time");
    let day = confab_calendar::civil::Date::from(start).saturating_add(days(dice.below(365 * 14)));
    // Half of them in the hours in which clocks change.
    let hour = if dice.below(2) == 0 {
        dice.below(4)
    } else {
        dice.below(24)
    };
    let start = day.at(hour as i8, dice.below(4) as i8 * 15, 0, 0);
    Slot::new(start, zone, 15 + dice.below(180) as u32).expect("slot")
}

fn days(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * 86_400)
}

fn rule(dice: &mut Dice, first: &Slot) -> Rule {
    let date = first.start().date();
    let today = date.weekday();
    let single = Weekdays::new([today]).expect("days");
    let several = Weekdays::new([today, today.next(), Weekday::Friday]).expect("days");
    let nth = (date.day() - 1) / 7 + 1;
    let from_end = date.days_in_month() - date.day();
    let from_sunday = dice.below(2) == 0;
    let pattern = match dice.below(9) {
        0 => Pattern::Day,
        1 => Pattern::Week {
            days: single,
            from_sunday,
        },
        2 => Pattern::Week {
            days: several,
            from_sunday,
        },
        3 => Pattern::MonthDay { day: date.day() },
        4 => Pattern::MonthDay { day: -1 - from_end },
        5 => Pattern::MonthWeekday { nth, days: single },
        6 => Pattern::MonthWeekday {
            nth: -1 - from_end / 7,
            days: single,
        },
        7 => Pattern::YearDay {
            month: date.month(),
            day: date.day(),
        },
        _ => Pattern::YearWeekday {
            month: date.month(),
            nth,
            days: single,
        },
    };
    let ends = match dice.below(3) {
        0 => Ends::Never,
        1 => Ends::After(1 + dice.below(150) as u32),
        _ => Ends::Until(date.saturating_add(days(dice.below(1200)))),
    };
    Rule {
        pattern,
        interval: 1 + dice.below(4) as u16,
        ends,
    }
}

fn meeting(number: u64, when: When) -> Meeting {
    let id = MeetingId::from_random(u128::from(number));
    let person = |name: &str, address: &str| Person {
        name: name.into(),
        address: Address::new(address).expect("address"),
    };
    Meeting {
        uid: Uid::of_meeting(&id),
        sequence: number as u32,
        stamp: 1_795_000_000_000,
        title: format!(
            "Серия {number}: 会议, \"quoted\"; and a \\ 🎉 that goes on for long enough to be folded twice over, surely"
        ),
        description: "First line\nsecond; line, with a backslash \\n".into(),
        link: GuestLink::new("https://meet.example.org", &id),
        organizer: Some(person("Ada \"The\" Lovelace; née Byron", "ada@example.org")),
        attendees: [Kind::Individual, Kind::Room]
            .map(|kind| Attendee {
                person: person("Größe, 大", "größe+x@example.org"),
                kind,
                role: Role::Optional,
                answer: Answer::Tentative,
                asked: true,
            })
            .to_vec(),
        when,
        cancelled: false,
    }
}

/// A series with some of its first occurrences left out, moved and cancelled.
fn edited(dice: &mut Dice, mut series: Series, horizon: u64) -> When {
    let regular = When::Series(series.clone()).occurrences(0, horizon, 12);
    for occurrence in regular {
        let change = match dice.below(8) {
            0 => {
                series.exclude(occurrence.id).expect("excluded");
                continue;
            }
            1 => Override {
                slot: Some(slot(dice)),
                title: Some("Moved".into()),
                cancelled: false,
            },
            2 => Override {
                cancelled: true,
                ..Override::default()
            },
            _ => continue,
        };
        series.change(occurrence.id, change).expect("changed");
    }
    When::Series(series)
}

fn file(name: String, ics: Ics, expected: Option<(&When, u64)>) -> Value {
    let occurrences = expected.map(|(when, until)| {
        let all = when.occurrences(0, until, 5_000);
        let said = all
            .iter()
            .map(|o| json!([occurrence_name(o.id), o.begins_at, o.ends_at, o.cancelled]));
        said.collect::<Vec<Value>>()
    });
    json!({
        "name": name,
        "text": ics.text,
        "occurrences": occurrences,
        "until": expected.map(|(_, until)| until),
    })
}

fn files() -> Vec<Value> {
    let mut dice = Dice(1);
    let mut files = Vec::new();
    let mut meetings = Vec::new();
    while (meetings.len() as u64) < SERIES {
        let first = slot(&mut dice);
        let rule = rule(&mut dice, &first);
        let until = first.begins_at() + 4 * YEAR;
        let Ok(series) = Series::new(first, rule) else {
            continue; // The fifth Tuesday of a leap year and the like may not hold the date drawn.
        };
        let when = edited(&mut dice, series, until);
        let meeting = meeting(meetings.len() as u64, when);
        files.push(file(
            format!("series {}", meetings.len()),
            meeting.publish(),
            Some((&meeting.when, until)),
        ));
        meetings.push(meeting);
    }
    for (number, known) in meetings.iter().take(40).enumerate() {
        let When::Series(series) = &known.when else {
            continue;
        };
        let once = meeting(1000 + number as u64, When::Once(series.first().clone()));
        let until = series.first().begins_at() + YEAR;
        files.push(file(
            format!("single {number}"),
            once.publish(),
            Some((&once.when, until)),
        ));
        let sent = [
            ("request", known.request()),
            ("request of one", once.request()),
            ("cancel", known.cancel()),
            (
                "cancel of one",
                known.cancel_occurrence(series.first().start()),
            ),
        ];
        for (what, ics) in sent {
            files.push(file(format!("{what} {number}"), ics.expect(what), None));
        }
    }
    let calendar = Feed {
        name: "Ada's meetings; all, of them",
        every_minutes: 60,
    };
    files.push(file("feed".into(), feed(calendar, &meetings), None));
    files.push(file("empty feed".into(), feed(calendar, &[]), None));
    files
}

fn python() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            let home =
                std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
            home.join(".cache")
        });
    cache.join("confab/tools/bin/python")
}

fn tools_are_there() -> bool {
    let needs = "import ctypes, ctypes.util, dateutil, ical, icalendar, tzdata\n\
        ctypes.CDLL(ctypes.util.find_library('ical') or 'libical.so.3')";
    let tried = Command::new(python())
        .args(["-c", needs])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

#[test]
fn programs_of_others_read_what_we_write() {
    if !tools_are_there() {
        eprintln!("not checked: Python packages or libical are missing; ./confab test brings them");
        return;
    }
    let mut check = Command::new(python())
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/others/check.py"
        ))
        .stdin(Stdio::piped())
        .spawn()
        .expect("python starts");
    let input = json!({ "files": files() }).to_string();
    let mut stdin = check.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    assert!(
        check.wait().expect("python ends").success(),
        "see above what differs"
    );
}
