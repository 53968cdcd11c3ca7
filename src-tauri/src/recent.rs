//! Meetings that were joined from here, latest first, and which servers that makes known ones.

use crate::ipc::RecentMeeting;
use crate::link::Destination;
use serde_json::{Map, Value, json};

/// Older ones are forgotten.
const MAX_RECENT: usize = 30;
/// Longest title kept, characters.
const MAX_TITLE: usize = confab_protocol::MAX_TITLE;

/// The list. Host keys are not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent(Vec<RecentMeeting>);

impl Recent {
    /// From the file's content; entries that are none are skipped.
    pub fn read(content: &Map<String, Value>) -> Recent {
        let entries = content.get("meetings").and_then(Value::as_array);
        let entries = entries.into_iter().flatten();
        let mut list: Vec<RecentMeeting> = entries
            .filter_map(|e| serde_json::from_value(e.clone()).ok())
            .filter(|m: &RecentMeeting| {
                let link = format!("{}/m/{}", m.server, m.meeting);
                crate::link::parse(&link, None).is_ok_and(|d| id(&d) == m.id)
            })
            .collect();
        list.truncate(MAX_RECENT);
        Recent(list)
    }

    pub fn content(&self) -> Value {
        json!({ "meetings": self.0 })
    }

    pub fn list(&self) -> &[RecentMeeting] {
        &self.0
    }

    /// Puts a meeting first. Times are milliseconds since 1970.
    pub fn joined(&mut self, to: &Destination, title: &str, now: u64) {
        let id = id(to);
        self.forget(&id);
        let entry = RecentMeeting {
            id,
            server: to.server.as_str().to_owned(),
            meeting: to.meeting.as_str().to_owned(),
            title: title.chars().take(MAX_TITLE).collect(),
            last_joined: now,
        };
        self.0.insert(0, entry);
        self.0.truncate(MAX_RECENT);
    }

    /// Whether there was such a meeting.
    pub fn forget(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|m| m.id != id);
        self.0.len() < before
    }

    /// Whether a meeting of this server was joined from here.
    pub fn knows(&self, server: &str) -> bool {
        self.0.iter().any(|m| m.server == server)
    }
}

fn id(to: &Destination) -> String {
    format!("{}/m/{}", to.server, to.meeting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(n: usize) -> Destination {
        let link = format!(
            "https://s{n}.example/m/0123456789abcdefghjkmnpq{:02}#host=0123456789abcdef",
            n % 100
        );
        crate::link::parse(&link, None).unwrap()
    }

    #[test]
    fn the_latest_stands_first_and_once_and_without_its_key() {
        let mut recent = Recent::default();
        recent.joined(&to(1), "One", 1);
        recent.joined(&to(2), "Two", 2);
        recent.joined(&to(1), "One again", 3);
        let titles: Vec<_> = recent.list().iter().map(|m| m.title.as_str()).collect();
        assert_eq!(titles, ["One again", "Two"]);
        assert!(!recent.content().to_string().contains("0123456789abcdef\""));
        assert!(recent.knows("https://s2.example") && !recent.knows("https://s3.example"));
    }

    #[test]
    fn it_is_read_as_it_was_written_and_has_an_end() {
        let mut recent = Recent::default();
        (0..100).for_each(|n| recent.joined(&to(n), "x", n as u64));
        assert_eq!(recent.list().len(), MAX_RECENT);
        let content = recent.content();
        assert_eq!(Recent::read(content.as_object().unwrap()), recent);
    }

    #[test]
    fn entries_that_lead_nowhere_are_skipped() {
        let content = json!({ "meetings": [1, {}, { "id": "x", "server": "file:///etc", "meeting": "passwd", "title": "", "lastJoined": 1 }] });
        assert_eq!(
            Recent::read(content.as_object().unwrap()),
            Recent::default()
        );
    }
}
