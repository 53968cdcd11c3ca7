//! Bodies of the API about planned meetings (docs/openapi.json), checked as they are taken over.

use super::planner::{Refused, bad};
use super::{
    AbsentHost, BookableRoom, Change, Lobby, MOST_CO_HOSTS, MOST_INVITEES, Permissions, Scope,
    SeriesBoards, passcode,
};
use confab_base::AccountId;
use confab_calendar::{
    Address, Answer, Attendee, Kind, MOST_DESCRIPTION, Person, Role, Schedule, Slot, When, Zone,
};
use confab_protocol::{MAX_TITLE, MeetingId};
use serde::{Deserialize, Deserializer, Serialize};

/// Characters of somebody's name.
const MOST_NAME: usize = 120;
/// The year 2100.
const LATEST: u64 = 4_102_444_800_000;

/// `POST /api/v1/meetings`. Either `schedule`, or `starts_at` and `minutes` as the short form of it, or neither: now.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewMeeting {
    pub(crate) title: String,
    pub(crate) starts_at: Option<u64>,
    pub(crate) minutes: Option<u16>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) description: String,
    pub(crate) passcode: Option<String>,
    pub(crate) lobby: Lobby,
    pub(crate) absent_host: AbsentHost,
    pub(crate) permissions: Permissions,
    pub(crate) boards: SeriesBoards,
    pub(crate) expires_at: Option<u64>,
    pub(crate) organizer: Option<Contact>,
    pub(crate) invitees: Vec<Invitee>,
    pub(crate) co_hosts: Vec<Address>,
    pub(crate) room: Option<String>,
}

/// `PATCH /api/v1/meetings/{id}`. What is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChangeMeeting {
    scope: Scope,
    title: Option<String>,
    schedule: Option<Schedule>,
    slot: Option<Slot>,
    cancelled: Option<bool>,
    description: Option<String>,
    #[serde(deserialize_with = "given")]
    passcode: Option<Option<String>>,
    lobby: Option<Lobby>,
    absent_host: Option<AbsentHost>,
    permissions: Option<Permissions>,
    boards: Option<SeriesBoards>,
    #[serde(deserialize_with = "given")]
    expires_at: Option<Option<u64>>,
    #[serde(deserialize_with = "given")]
    organizer: Option<Option<Contact>>,
    invitees: Option<Vec<Invitee>>,
    co_hosts: Option<Vec<Address>>,
    #[serde(deserialize_with = "given")]
    room: Option<Option<String>>,
}

/// `POST /api/v1/meetings/{id}/cancel`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cancel {
    pub(crate) scope: Scope,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contact {
    #[serde(default)]
    name: String,
    address: Address,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitee {
    #[serde(default)]
    name: String,
    address: Address,
    #[serde(default)]
    role: Role,
}

/// Null is a value here, and absence none.
fn given<'de, D, T>(d: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(d).map(Some)
}

/// The answer to [`NewMeeting`] and to a new host key: the only places where the key is told.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    pub(crate) id: MeetingId,
    pub(crate) guest_link: String,
    pub(crate) host_link: String,
    pub(crate) revision: u32,
    /// Whether this server sends invitees letters.
    pub(crate) mails: bool,
}

/// A meeting as its host sees it.
#[derive(Debug, Serialize)]
pub(crate) struct MeetingPlan {
    pub(crate) id: MeetingId,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) schedule: Schedule,
    pub(crate) earlier: Vec<When>,
    pub(crate) guest_link: String,
    /// Whether one is asked for.
    pub(crate) passcode: bool,
    pub(crate) lobby: Lobby,
    pub(crate) absent_host: AbsentHost,
    pub(crate) permissions: Permissions,
    pub(crate) boards: SeriesBoards,
    pub(crate) expires_at: Option<u64>,
    pub(crate) cancelled: bool,
    pub(crate) ended: bool,
    pub(crate) owner: Option<AccountId>,
    pub(crate) organizer: Option<Person>,
    pub(crate) invitees: Vec<Attendee>,
    pub(crate) co_hosts: Vec<Address>,
    pub(crate) room: Option<String>,
    pub(crate) created_at: u64,
    pub(crate) changed_at: u64,
    pub(crate) revision: u32,
    pub(crate) sequence: u32,
    pub(crate) next: Option<OccurrenceBody>,
    /// None: not in calendars, or cancelled.
    pub(crate) add_to: Option<AddTo>,
    pub(crate) mails: bool,
}

/// Links to the forms of web calendars, filled in.
#[derive(Debug, Serialize)]
pub(crate) struct AddTo {
    pub(crate) google: String,
    /// Of work and school.
    pub(crate) outlook: String,
    /// outlook.com.
    pub(crate) outlook_live: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct OccurrenceBody {
    /// Its name in the meeting; none where nothing was planned.
    pub(crate) name: Option<String>,
    pub(crate) title: String,
    pub(crate) begins_at: u64,
    pub(crate) ends_at: u64,
    pub(crate) zone: Option<String>,
    pub(crate) cancelled: bool,
    /// What took place of it.
    pub(crate) held: Option<HeldBody>,
}

#[derive(Debug, Serialize)]
pub(crate) struct HeldBody {
    /// The record's key, for its attendance.
    pub(crate) at: u64,
    pub(crate) started_at: u64,
    pub(crate) ended_at: Option<u64>,
    pub(crate) people: u32,
}

/// `GET /api/v1/meetings/{id}/occurrences`
#[derive(Debug, Serialize)]
pub(crate) struct Occurrences {
    pub(crate) occurrences: Vec<OccurrenceBody>,
    /// Where to go on; none: that was all.
    pub(crate) more_from: Option<u64>,
}

/// An occurrence in a list of many meetings.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    pub(crate) meeting: MeetingId,
    pub(crate) guest_link: String,
    /// One of several under this link.
    pub(crate) recurs: bool,
    #[serde(flatten)]
    pub(crate) occurrence: OccurrenceBody,
}

/// `GET /api/v1/meetings`
#[derive(Debug, Serialize)]
pub(crate) struct ListedMeetings {
    pub(crate) occurrences: Vec<Listed>,
    pub(crate) more_from: Option<u64>,
}

/// `POST /api/v1/rooms` and `PUT /api/v1/rooms/{id}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoom {
    name: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    seats: Option<u16>,
    zone: Zone,
    #[serde(default)]
    show_titles: bool,
}

/// One line without control characters, at most `most` characters.
pub(crate) fn line(text: &str, most: usize, what: &'static str) -> Result<String, Refused> {
    let line: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    match line.chars().count() > most {
        true => Err(bad(format!("{what} has more than {most} characters"))),
        false => Ok(line),
    }
}

fn text(text: &str) -> Result<String, Refused> {
    let kept = |c: &char| !c.is_control() || *c == '\n';
    let text: String = text.trim().chars().filter(kept).collect();
    match text.chars().count() > MOST_DESCRIPTION {
        true => Err(bad(format!(
            "description has more than {MOST_DESCRIPTION} characters"
        ))),
        false => Ok(text),
    }
}

/// An empty one is none.
fn code(passcode: Option<String>) -> Result<Option<String>, Refused> {
    match passcode.filter(|p| !p.is_empty()) {
        Some(p) if !passcode::is_good(&p) => Err(bad(
            "passcode has 4 to 64 characters, none of them a control character",
        )),
        Some(p) => Ok(Some(passcode::kept(&p))),
        None => Ok(None),
    }
}

fn expiry(at: Option<u64>) -> Result<Option<u64>, Refused> {
    match at > Some(LATEST) {
        true => Err(bad("expires_at is past the year 2100")),
        false => Ok(at),
    }
}

impl Contact {
    fn person(self) -> Result<Person, Refused> {
        Ok(Person {
            name: line(&self.name, MOST_NAME, "a name")?,
            address: self.address,
        })
    }
}

fn people(invitees: Vec<Invitee>) -> Result<Vec<Attendee>, Refused> {
    if invitees.len() > MOST_INVITEES {
        return Err(bad(format!("more than {MOST_INVITEES} invitees")));
    }
    let mut all: Vec<Attendee> = Vec::with_capacity(invitees.len());
    for invited in invitees {
        let Invitee {
            name,
            address,
            role,
        } = invited;
        let person = Contact { name, address }.person()?;
        // Invited twice is invited.
        if all
            .iter()
            .all(|a| !a.person.address.is_same(&person.address))
        {
            all.push(Attendee {
                person,
                kind: Kind::Individual,
                role,
                answer: Answer::None,
                asked: true,
            });
        }
    }
    Ok(all)
}

/// Each once.
fn co_hosts(named: Vec<Address>) -> Result<Vec<Address>, Refused> {
    if named.len() > MOST_CO_HOSTS {
        return Err(bad(format!("more than {MOST_CO_HOSTS} co-hosts")));
    }
    let mut all: Vec<Address> = Vec::with_capacity(named.len());
    for address in named {
        if all.iter().all(|known| !known.is_same(&address)) {
            all.push(address);
        }
    }
    Ok(all)
}

/// A checked [`NewMeeting`]: the title, and what is to be set in a fresh plan.
pub(crate) struct Wanted {
    pub(crate) title: String,
    pub(crate) starts_at: Option<u64>,
    pub(crate) minutes: u16,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) rest: Change,
}

impl NewMeeting {
    pub(crate) fn checked(self) -> Result<Wanted, Refused> {
        let minutes = self.minutes.unwrap_or(60);
        if !(1..=1440).contains(&minutes) {
            return Err(bad("minutes is 1 to 1440"));
        }
        if self.starts_at > Some(LATEST) {
            return Err(bad("starts_at is past the year 2100"));
        }
        if self.schedule.is_some() && (self.starts_at.is_some() || self.minutes.is_some()) {
            return Err(bad("schedule, or starts_at and minutes; not both"));
        }
        let organizer = self.organizer.map(Contact::person).transpose()?;
        let rest = Change {
            description: Some(text(&self.description)?),
            passcode: Some(code(self.passcode)?),
            lobby: Some(self.lobby),
            absent_host: Some(self.absent_host),
            permissions: Some(self.permissions),
            boards: Some(self.boards),
            expires_at: Some(expiry(self.expires_at)?),
            organizer: Some(organizer),
            invitees: Some(people(self.invitees)?),
            co_hosts: Some(co_hosts(self.co_hosts)?),
            room: Some(self.room),
            ..Change::default()
        };
        Ok(Wanted {
            title: line(&self.title, MAX_TITLE, "title")?,
            starts_at: self.starts_at,
            minutes,
            schedule: self.schedule,
            rest,
        })
    }
}

impl ChangeMeeting {
    pub(crate) fn checked(self) -> Result<Change, Refused> {
        let organizer = self.organizer.map(|o| o.map(Contact::person).transpose());
        Ok(Change {
            scope: self.scope,
            title: self
                .title
                .map(|t| line(&t, MAX_TITLE, "title"))
                .transpose()?,
            schedule: self.schedule,
            slot: self.slot,
            cancelled: self.cancelled,
            description: self.description.map(|d| text(&d)).transpose()?,
            passcode: self.passcode.map(code).transpose()?,
            lobby: self.lobby,
            absent_host: self.absent_host,
            permissions: self.permissions,
            boards: self.boards,
            expires_at: self.expires_at.map(expiry).transpose()?,
            organizer: organizer.transpose()?,
            invitees: self.invitees.map(people).transpose()?,
            co_hosts: self.co_hosts.map(co_hosts).transpose()?,
            room: self.room,
        })
    }
}

impl NewRoom {
    pub(crate) fn checked(self, id: String) -> Result<BookableRoom, Refused> {
        let name = line(&self.name, MOST_NAME, "name")?;
        if name.is_empty() {
            return Err(bad("a room has a name"));
        }
        Ok(BookableRoom {
            id,
            name,
            place: line(&self.place, MOST_NAME, "place")?,
            seats: self.seats,
            zone: self.zone,
            show_titles: self.show_titles,
        })
    }
}
