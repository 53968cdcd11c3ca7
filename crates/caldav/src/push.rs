//! Makes a calendar what it should be: what is there by our own record, what should be there, and the requests between them.
//! Every write says which state it is based on (`If-None-Match: *`, `If-Match`), so nothing a person did in the meantime is
//! overwritten: what they changed is theirs from then on, and told in the profile. Additions, such as an alarm, are no change.

use crate::dav::{Dav, Login, Reply};
use crate::event::{is_same, with_alarms};
use crate::{Fate, Pushed, Trouble};
use confab_protocol::MeetingId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use url::Url;

/// A server so slow gets the rest another time: others wait for their turn.
const WITHIN: Duration = Duration::from_secs(120);
const KIND: (&str, &str) = ("content-type", "text/calendar; charset=utf-8");

/// An event as it should be.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub meeting: MeetingId,
    pub text: String,
    /// Told to whom it was told before, and to nobody else.
    pub cancelled: bool,
}

/// What a push should do.
#[derive(Debug)]
pub struct Task {
    pub calendar: Url,
    /// By `UID`. Events that are over are not among them.
    pub wanted: BTreeMap<String, Wanted>,
    /// What was put there before.
    pub pushed: Vec<Pushed>,
    /// Of those, by `UID`, what is no longer this person's or no longer planned: they go.
    pub gone: BTreeSet<String>,
    /// Events the person changed are put back as they should be.
    pub replace: bool,
}

/// What to write down of one event; none: it is forgotten.
pub type Record = (String, Option<Pushed>);

/// Does as much as can be done; what was done is told even where something went wrong.
pub fn push(dav: &Dav, login: &Login, task: Task) -> (Vec<Record>, Result<(), Trouble>) {
    let begin = Instant::now();
    let mut records = Vec::new();
    let mut known: BTreeMap<String, Pushed> = BTreeMap::new();
    for pushed in task.pushed {
        known.insert(pushed.uid.clone(), pushed);
    }
    for (uid, wanted) in &task.wanted {
        let outcome = match known.remove(uid) {
            _ if begin.elapsed() > WITHIN => Err(Trouble::Failed(None)),
            None if wanted.cancelled => continue,
            None => create(dav, login, &task.calendar, uid, wanted, task.replace),
            Some(before) if before.fate == Fate::Theirs && !task.replace => continue,
            Some(before) if before.fate == Fate::There && before.text == wanted.text => continue,
            Some(before) => update(dav, login, before, wanted, task.replace),
        };
        match outcome {
            Ok(pushed) => records.push((uid.clone(), Some(pushed))),
            Err(trouble) => return (records, Err(trouble)),
        }
    }
    for (uid, left) in known {
        // What is over stays where it is and is no longer ours to look after.
        if task.gone.contains(&uid)
            && left.fate == Fate::There
            && let Err(trouble) = remove(dav, login, &left)
        {
            return (records, Err(trouble));
        }
        records.push((uid, None));
    }
    (records, Ok(()))
}

/// Takes events out of a calendar again, but for those their owner changed.
pub fn clear(dav: &Dav, login: &Login, all: &[Pushed]) -> Result<(), Trouble> {
    let mut ours = all.iter().filter(|p| p.fate == Fate::There);
    ours.try_for_each(|pushed| remove(dav, login, pushed))
}

fn create(
    dav: &Dav,
    login: &Login,
    calendar: &Url,
    uid: &str,
    wanted: &Wanted,
    replace: bool,
) -> Result<Pushed, Trouble> {
    let url = dav.reach.join(calendar, &file_name(uid))?;
    let reply = put(dav, login, &url, ("if-none-match", "*"), &wanted.text)?;
    let new = Pushed {
        uid: uid.to_owned(),
        meeting: wanted.meeting.clone(),
        href: url.into(),
        etag: String::new(),
        text: wanted.text.clone(),
        fate: Fate::There,
    };
    match reply.status {
        200..300 => written(dav, login, new, reply),
        // There is one already, of an earlier connection.
        409 | 412 => meet(dav, login, new, wanted, replace),
        _ => Err(reply.trouble()),
    }
}

fn update(
    dav: &Dav,
    login: &Login,
    before: Pushed,
    wanted: &Wanted,
    replace: bool,
) -> Result<Pushed, Trouble> {
    if before.etag.is_empty() || before.fate == Fate::Theirs {
        return meet(dav, login, before, wanted, replace);
    }
    let url = dav.reach.parse(&before.href)?;
    let reply = put(dav, login, &url, ("if-match", &before.etag), &wanted.text)?;
    match reply.status {
        200..300 => {
            let text = wanted.text.clone();
            written(dav, login, Pushed { text, ..before }, reply)
        }
        404 | 409 | 410 | 412 => meet(dav, login, before, wanted, replace),
        _ => Err(reply.trouble()),
    }
}

/// What is there is not what was put there, or nobody knows. `ours.text` is what we last meant to be there.
fn meet(
    dav: &Dav,
    login: &Login,
    ours: Pushed,
    wanted: &Wanted,
    replace: bool,
) -> Result<Pushed, Trouble> {
    let url = dav.reach.parse(&ours.href)?;
    let there = dav.send(login, "GET", &url, &[], "")?;
    let theirs = Pushed {
        fate: Fate::Theirs,
        ..ours.clone()
    };
    let (condition, text) = match there.status {
        // They took it away. Asked to, it comes back.
        404 | 410 if replace => (("if-none-match", "*"), wanted.text.clone()),
        404 | 410 => return Ok(theirs),
        200 if is_same(&there.body, &wanted.text) => {
            return Ok(Pushed {
                etag: there.etag,
                text: wanted.text.clone(),
                fate: Fate::There,
                ..ours
            });
        }
        200 if replace || is_same(&there.body, &ours.text) => {
            let text = with_alarms(&wanted.text, &there.body);
            (("if-match", there.etag.as_str()), text)
        }
        200 => return Ok(theirs),
        _ => return Err(there.trouble()),
    };
    let reply = put(dav, login, &url, condition, &text)?;
    match reply.status {
        200..300 => {
            let new = Pushed {
                text: wanted.text.clone(),
                fate: Fate::There,
                ..ours
            };
            written(dav, login, new, reply)
        }
        // Changed once more, just now: later.
        409 | 412 => Ok(theirs),
        _ => Err(reply.trouble()),
    }
}

fn put(
    dav: &Dav,
    login: &Login,
    url: &Url,
    condition: (&str, &str),
    text: &str,
) -> Result<Reply, Trouble> {
    // Some servers tell no tag; then the last look decides.
    let all = [KIND, condition];
    let headers = match condition.1.is_empty() {
        true => &all[..1],
        false => &all[..],
    };
    dav.send(login, "PUT", url, headers, text)
}

/// A server that changes what it was given tells no tag of it (RFC 4791, 5.3.4): then it is asked for.
fn written(dav: &Dav, login: &Login, new: Pushed, reply: Reply) -> Result<Pushed, Trouble> {
    let etag = match reply.etag.is_empty() {
        false => reply.etag,
        true => {
            let url = dav.reach.parse(&new.href)?;
            let there = dav.send(login, "GET", &url, &[], "")?;
            match there.status {
                200 => there.etag,
                _ => String::new(),
            }
        }
    };
    Ok(Pushed { etag, ..new })
}

fn remove(dav: &Dav, login: &Login, pushed: &Pushed) -> Result<(), Trouble> {
    let url = dav.reach.parse(&pushed.href)?;
    let condition = [("if-match", pushed.etag.as_str())];
    let headers = match pushed.etag.is_empty() {
        true => &condition[..0],
        false => &condition[..],
    };
    let reply = dav.send(login, "DELETE", &url, headers, "")?;
    match reply.status {
        // Gone already, or changed by its owner and so theirs to keep.
        200..300 | 404 | 409 | 410 | 412 => Ok(()),
        _ => Err(reply.trouble()),
    }
}

/// Of the characters every server takes.
fn file_name(uid: &str) -> String {
    let kept = |c: char| match c.is_ascii_alphanumeric() || c == '-' {
        true => c,
        false => '_',
    };
    uid.chars().take(200).map(kept).collect::<String>() + ".ics"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_below_its_calendar() {
        let calendar = Url::parse("https://cal.example.org/ada/work/").expect("URL");
        let name = file_name("../../x:y@confab.example.org");
        let url = crate::Reach::Public.join(&calendar, &name);
        assert_eq!(
            url.map(String::from).as_deref(),
            Ok("https://cal.example.org/ada/work/______x_y_confab_example_org.ics")
        );
    }
}
