//! Files of JSON lines: statistics and events.

use crate::outcome::Failure;
use confab_client::Event;
use confab_client::pipeline::devices::{Device, DeviceList};
use confab_client::pipeline::{FrameInfo, I420, read_counter};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that JSON lines are appended to; `-` is stdout. Each line is written at once, so that others can follow.
pub struct Lines(Box<dyn Write + Send>);

impl Lines {
    pub fn open(path: &Path) -> Result<Lines, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Lines(Box::new(io::stdout())));
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|e| Failure::File(format!("{}: {e}", path.display())))?;
        Ok(Lines(Box::new(file)))
    }

    /// A full disk is reported once by the caller; the meeting goes on.
    pub fn write(&mut self, line: &impl serde::Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.0.write_all(&text)?;
        self.0.flush()
    }
}

/// An event as a line: `at` in milliseconds since 1970, `type`, and its fields. Statistics have a file of their own.
pub fn event_json(event: &Event) -> Option<Value> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let at = since.map_or(0, |d| d.as_millis() as u64);
    Some(match event {
        Event::Phase(phase) => json!({ "at": at, "type": "phase", "phase": phase }),
        Event::Media { phase, generation } => {
            json!({ "at": at, "type": "media", "phase": phase, "generation": generation })
        }
        Event::Room(entry) => {
            json!({ "at": at, "type": "room", "seq": entry.seq, "event": entry.event })
        }
        Event::Notice(notice) => json!({ "at": at, "type": "notice", "notice": notice }),
        Event::Ended(code) => json!({ "at": at, "type": "ended", "code": code }),
        Event::Stats(_) => return None,
    })
}

/// A line with the time, milliseconds since 1970, put to it as `at`.
pub fn stamped(mut line: Value) -> Value {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    line["at"] = json!(since.map_or(0, |d| d.as_millis() as u64));
    line
}

/// A picture that was shown: when (milliseconds since 1970), whose, its rows, and how old it was where its camera burnt the time
/// of day into it.
pub fn picture_json(picture: &I420, info: &FrameInfo) -> Value {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let at = since.map_or(0, |d| d.as_millis() as u64);
    let mark = read_counter(picture).filter(|m| m.id == 0);
    let age = mark.map(|m| (at as u32).wrapping_sub(m.counter));
    json!({
        "at": at,
        "participant": info.track.participant,
        "height": picture.size().1,
        "keyframe": info.keyframe,
        "age_ms": age,
    })
}

pub fn devices_json(list: &DeviceList, screens: &[Device]) -> Value {
    let devices = |devices: &[Device]| -> Vec<Value> {
        let one = |d: &Device| json!({ "id": d.id, "name": d.name });
        devices.iter().map(one).collect()
    };
    json!({
        "microphones": devices(&list.microphones),
        "speakers": devices(&list.speakers),
        "cameras": devices(&list.cameras),
        "screens": devices(screens),
    })
}
