//! A calendar file from a stranger: read, expanded, written again. What was written is read as the same meeting.
#![no_main]
use confab_calendar::{Change, Method, Zone, interpret, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let utc = Zone::utc();
    let Ok(calendar) = read(text, &utc) else { return };
    for event in &calendar.events {
        let changed = interpret(None, calendar.method, event);
        let Some(meeting) = &event.meeting else { continue };
        assert!(meeting.when.occurrences(0, u64::MAX, 100).len() <= 100);
        let _ = meeting.when.next(1_795_000_000_000);
        if let Ok(Change::New(known)) = changed {
            let _ = interpret(Some(&known), Some(Method::Cancel), event);
            let _ = interpret(Some(&known), Some(Method::Reply), event);
        }
        let ics = meeting.publish();
        let again = read(&ics.text, &utc).expect("what we wrote is read");
        let mut said = meeting.clone();
        said.attendees.clear();
        said.stamp = said.stamp / 1000 * 1000;
        assert_eq!(again.events[0].meeting.as_ref(), Some(&said), "{}", ics.text);
    }
});
