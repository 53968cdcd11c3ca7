//! From an address and a password to a calendar that events can be put into: the address itself, or by way of
//! `/.well-known/caldav` (RFC 6764), `current-user-principal` (RFC 5397) and `calendar-home-set` (RFC 4791, 6.2.1).

use crate::Trouble;
use crate::dav::{Dav, Login, Reply};
use crate::xml::{Resource, multistatus};
use confab_protocol::CalendarChoice;
use url::Url;

const ASKED: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
<d:propfind xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><d:prop>\
<d:resourcetype/><d:displayname/><d:current-user-principal/><d:current-user-privilege-set/>\
<c:calendar-home-set/><c:supported-calendar-component-set/></d:prop></d:propfind>";
/// Calendars that one is asked to choose from.
const MOST_CHOICES: usize = 50;
const MOST_NAME: usize = 80;

/// The calendars events can be put into; never none.
pub fn discover(dav: &Dav, login: &Login, url: &Url) -> Result<Vec<CalendarChoice>, Trouble> {
    let given = ask(dav, login, url, "0");
    // A wrong password is one everywhere; asking on would only lock the account out.
    if given.as_ref().err() == Some(&Trouble::Refused) {
        return Err(Trouble::Refused);
    }
    if let Ok((base, found)) = &given
        && let Some(resource) = found.first().filter(|r| r.is_calendar)
    {
        return choices(dav, base, std::slice::from_ref(resource));
    }
    let known = dav.reach.join(url, "/.well-known/caldav")?;
    let asked = match &given {
        Ok((_, found)) if leads_on(found) => given,
        _ => ask(dav, login, &known, "0"),
    };
    let (base, found) = asked?;
    let home = home(dav, login, &base, &found)?;
    let (base, found) = ask(dav, login, &home, "1")?;
    choices(dav, &base, &found)
}

fn leads_on(found: &[Resource]) -> bool {
    let first = found.first();
    first.is_some_and(|r| r.principal.is_some() || r.home.is_some())
}

fn home(dav: &Dav, login: &Login, base: &Url, found: &[Resource]) -> Result<Url, Trouble> {
    let first = found.first().ok_or(Trouble::NoCalendar)?;
    if let Some(home) = &first.home {
        return Ok(dav.reach.join(base, home)?);
    }
    let principal = first.principal.as_ref().ok_or(Trouble::NoCalendar)?;
    let (base, found) = ask(dav, login, &dav.reach.join(base, principal)?, "0")?;
    let home = found.first().and_then(|r| r.home.as_ref());
    Ok(dav.reach.join(&base, home.ok_or(Trouble::NoCalendar)?)?)
}

fn ask(dav: &Dav, login: &Login, url: &Url, depth: &str) -> Result<(Url, Vec<Resource>), Trouble> {
    let headers = [
        ("depth", depth),
        ("content-type", "application/xml; charset=utf-8"),
    ];
    let reply: Reply = dav.send(login, "PROPFIND", url, &headers, ASKED)?;
    match reply.status {
        207 => {
            let found = multistatus(&reply.body).map_err(|_| Trouble::NoCalendar)?;
            Ok((reply.url, found))
        }
        // No WebDAV there, or nothing at all.
        200..300 | 404 | 405 | 410 | 501 => Err(Trouble::NoCalendar),
        _ => Err(reply.trouble()),
    }
}

fn choices(dav: &Dav, base: &Url, found: &[Resource]) -> Result<Vec<CalendarChoice>, Trouble> {
    let good = found
        .iter()
        .filter(|r| r.is_calendar && r.takes_events && r.is_writable);
    let mut all = Vec::new();
    for resource in good.take(MOST_CHOICES) {
        let mut url = dav.reach.join(base, &resource.href)?;
        // Members are named below it.
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let own = url.path().trim_end_matches('/').rsplit('/').next();
        let name = match resource.name.as_str() {
            "" => own.unwrap_or_default(),
            name => name,
        };
        let kept = name.chars().filter(|c| !c.is_control());
        all.push(CalendarChoice {
            name: kept.take(MOST_NAME).collect(),
            url: url.into(),
        });
    }
    match all.is_empty() {
        true => Err(Trouble::NoCalendar),
        false => Ok(all),
    }
}
