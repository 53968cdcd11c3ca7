//! Times in a file: their zone, by the name it goes by there.

use super::{ReadError, text_of};
use crate::{Slot, Zone};
use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName,
    ICalendarProperty,
};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use std::collections::BTreeMap;

/// A date, with a time or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) local: DateTime,
    pub(super) zone: Zone,
    pub(super) whole_day: bool,
}

impl Moment {
    pub(super) fn at(&self) -> u64 {
        self.zone.instant(self.local)
    }

    /// The local start it means in the series that begins with `first`: some programs say these in UTC, or as days.
    pub(super) fn within(&self, first: &Slot) -> DateTime {
        if self.whole_day {
            self.local.date().to_datetime(first.start().time())
        } else if self.zone == *first.zone() {
            self.local
        } else {
            first.zone().local(self.at())
        }
    }
}

/// The zones a file speaks of.
pub(super) struct Zones<'a> {
    floating: Zone,
    /// What the file defines itself, by name.
    defined: BTreeMap<String, &'a ICalendarComponent>,
    file: &'a ICalendar,
}

impl<'a> Zones<'a> {
    pub(super) fn of(file: &'a ICalendar, root: &ICalendarComponent, floating: &Zone) -> Zones<'a> {
        let of_all = text_of(root, &ICalendarProperty::Other("X-WR-TIMEZONE".into()));
        let definitions = file.components.iter();
        let defined = definitions
            .filter(|c| c.component_type == ICalendarComponentType::VTimezone)
            .filter_map(|c| Some((text_of(c, &ICalendarProperty::Tzid)?, c)))
            .collect();
        Zones {
            floating: of_all
                .and_then(|name| Zone::foreign(&name))
                .unwrap_or_else(|| floating.clone()),
            defined,
            file,
        }
    }

    /// By its name as CalConnect recommends (CC/R 0602), for definitions in files are often wrong; by the definition only where the name
    /// says nothing: the location it is said to be of, or the one offset it has.
    fn named(&self, name: &str) -> Result<Zone, ReadError> {
        if let Some(zone) = Zone::foreign(name) {
            return Ok(zone);
        }
        let defined = self.defined.get(name.trim());
        defined
            .and_then(|component| {
                let location = text_of(
                    component,
                    &ICalendarProperty::Other("X-LIC-LOCATION".into()),
                );
                let location = location.and_then(|name| Zone::foreign(&name));
                location.or_else(|| self.fixed(component))
            })
            .ok_or_else(|| ReadError::Zone(name.chars().take(80).collect()))
    }

    /// A zone that never changes, of whole hours.
    fn fixed(&self, zone: &ICalendarComponent) -> Option<Zone> {
        let parts = zone
            .component_ids
            .iter()
            .filter_map(|id| self.file.components.get(*id as usize));
        let mut hours = parts.map(|part| {
            let entry = part.property(&ICalendarProperty::Tzoffsetto)?;
            let offset = entry.values.first()?.as_partial_date_time()?;
            let whole = offset.tz_minute.unwrap_or(0) == 0;
            let hours = i32::from(offset.tz_hour.filter(|_| whole)?);
            Some(if offset.tz_minus { -hours } else { hours })
        });
        let first = hours.next()??;
        if !hours.all(|h| h == Some(first)) {
            return None;
        }
        // In these names the sign is turned round (POSIX).
        Zone::new(&match first {
            0 => "UTC".to_owned(),
            1.. => format!("Etc/GMT-{first}"),
            _ => format!("Etc/GMT+{}", -first),
        })
    }

    /// The times of a property; several in `EXDATE`.
    pub(super) fn moments(&self, entry: &ICalendarEntry) -> Result<Vec<Moment>, ReadError> {
        let parameter = entry
            .params
            .iter()
            .find(|p| p.name == ICalendarParameterName::Tzid);
        let named = parameter.and_then(|p| p.value.as_text());
        let one = |value: &calcard::icalendar::ICalendarValue| -> Result<Moment, ReadError> {
            let bad = || ReadError::Time(value.as_text().unwrap_or("?").chars().take(40).collect());
            let said = value.as_partial_date_time().ok_or_else(bad)?;
            let whole_day = said.hour.is_none();
            let local = civil(said).ok_or_else(bad)?;
            let (local, zone) = match (offset(said), named) {
                (Some(east), _) => {
                    let utc = local
                        .checked_sub(i64::from(east).seconds())
                        .map_err(|_| bad())?;
                    (utc, Zone::utc())
                }
                (None, Some(name)) if !whole_day => (local, self.named(name)?),
                (None, _) => (local, self.floating.clone()),
            };
            Ok(Moment {
                local,
                zone,
                whole_day,
            })
        };
        entry.values.iter().map(one).collect()
    }

    pub(super) fn moment(&self, entry: &ICalendarEntry) -> Result<Option<Moment>, ReadError> {
        Ok(self.moments(entry)?.into_iter().next())
    }
}

pub(super) fn civil(said: &PartialDateTime) -> Option<DateTime> {
    let part = |n: Option<u8>| i8::try_from(n?).ok();
    let date = Date::new(
        i16::try_from(said.year?).ok()?,
        part(said.month)?,
        part(said.day)?,
    )
    .ok()?;
    let [hour, minute, second] = [said.hour, said.minute, said.second].map(|n| part(n.or(Some(0))));
    // A leap second is the one before it.
    let time = jiff::civil::Time::new(hour?, minute?, second?.min(59), 0).ok()?;
    Some(date.to_datetime(time))
}

/// Seconds east of Greenwich, where the time says so itself (`Z`).
pub(super) fn offset(said: &PartialDateTime) -> Option<i32> {
    let seconds = i32::from(said.tz_hour?) * 3600 + i32::from(said.tz_minute.unwrap_or(0)) * 60;
    Some(if said.tz_minus { -seconds } else { seconds })
}
