//! What every page made here shares: safe text, the reader's language, times in words.

use axum::http::{HeaderMap, header};
use confab_calendar::{Slot, Zone};

/// The languages there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    English,
    Chinese,
}

impl Lang {
    /// By the first of `Accept-Language` that there is; English where none is.
    pub(super) fn of(headers: &HeaderMap) -> Lang {
        let said = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|v| v.to_str().ok());
        let mut wanted = said.unwrap_or_default().split(',').map(str::trim);
        let known = wanted.find(|l| l.starts_with("zh") || l.starts_with("en"));
        match known.is_some_and(|l| l.starts_with("zh")) {
            true => Lang::Chinese,
            false => Lang::English,
        }
    }

    pub(super) fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Lang::English => english,
            Lang::Chinese => chinese,
        }
    }

    pub(super) fn tag(self) -> &'static str {
        self.pick("en", "zh-CN")
    }
}

/// For text and for attributes in double quotes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// "Tuesday, 24 November 2026, 09:00 – 10:00", as clocks show it in the slot's zone.
pub(super) fn when(slot: &Slot, lang: Lang) -> String {
    let (start, end) = (slot.start(), slot.zone().local(slot.ends_at()));
    let clock = |at: confab_calendar::civil::DateTime| at.strftime("%H:%M").to_string();
    let day = day(start, lang);
    let until = match start.date() == end.date() {
        true => clock(end),
        false => format!("{} {}", end.strftime("%Y-%m-%d"), clock(end)),
    };
    format!("{day} {} – {until}", clock(start))
}

fn day(at: confab_calendar::civil::DateTime, lang: Lang) -> String {
    match lang {
        Lang::English => at.strftime("%A, %-d %B %Y,").to_string(),
        Lang::Chinese => {
            let days = ["一", "二", "三", "四", "五", "六", "日"];
            let place = at.weekday().to_monday_zero_offset();
            let weekday = usize::try_from(place).ok().and_then(|i| days.get(i));
            let date = at.strftime("%Y年%-m月%-d日");
            format!("{date} 星期{}", weekday.unwrap_or(&""))
        }
    }
}

/// For `datetime` attributes.
pub(super) fn iso(at: u64) -> String {
    let utc = Zone::utc().local(at / 1000 * 1000);
    utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_there_is_counts() {
        let of = |said: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, said.parse().expect("value"));
            Lang::of(&headers)
        };
        assert_eq!(of("zh-CN,zh;q=0.9,en;q=0.8"), Lang::Chinese);
        assert_eq!(of("de-DE, en;q=0.7, zh;q=0.3"), Lang::English);
        assert_eq!(of("fr"), Lang::English);
        assert_eq!(Lang::of(&HeaderMap::new()), Lang::English);
    }

    #[test]
    fn times_are_said_in_the_zone_of_their_slot() {
        let zone = Zone::new("Asia/Shanghai").expect("zone");
        let slot = |start: &str, minutes| {
            Slot::new(start.parse().expect("time"), zone.clone(), minutes).expect("slot")
        };
        let morning = slot("2026-11-24T09:00:00", 45);
        assert_eq!(
            when(&morning, Lang::English),
            "Tuesday, 24 November 2026, 09:00 – 09:45"
        );
        assert_eq!(
            when(&morning, Lang::Chinese),
            "2026年11月24日 星期二 09:00 – 09:45"
        );
        let night = slot("2026-11-24T23:30:00", 60);
        assert!(when(&night, Lang::English).ends_with("23:30 – 2026-11-25 00:30"));
        assert_eq!(iso(morning.begins_at()), "2026-11-24T01:00:00Z");
    }
}
