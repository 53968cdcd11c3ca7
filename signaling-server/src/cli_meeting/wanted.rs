//! What `meeting create` and `meeting change` are told, as the API has it.

use serde_json::{Map, Value, json};

type Wrong = Box<dyn std::error::Error>;

/// When it is.
#[derive(clap::Args)]
pub(super) struct Timing {
    /// When it begins, as clocks show it in the zone: 2026-12-01T09:00.
    #[arg(long)]
    pub(super) start: Option<String>,
    /// IANA time zone of the start and of the series.
    #[arg(long, default_value = "UTC")]
    zone: String,
    #[arg(long, default_value_t = 60)]
    minutes: u32,
    /// Make it a series.
    #[arg(long, value_enum, requires = "start")]
    pub(super) every: Option<Every>,
    /// Every how many days, weeks, months or years.
    #[arg(long, default_value_t = 1, requires = "every")]
    interval: u16,
    /// Weekdays of a weekly series: MO,TU,WE,TH,FR,SA,SU. Without: the start's.
    #[arg(long, value_delimiter = ',', requires = "every")]
    days: Vec<String>,
    /// How many there are.
    #[arg(long, requires = "every", conflicts_with = "until")]
    count: Option<u32>,
    /// The last day on which one may begin: 2027-06-30.
    #[arg(long, requires = "every")]
    until: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Every {
    Day,
    Week,
    Month,
    Year,
}

/// What holds in it.
#[derive(clap::Args)]
pub(super) struct Rules {
    #[arg(long)]
    description: Option<String>,
    /// 4 to 64 characters.
    #[arg(long)]
    passcode: Option<String>,
    /// The id of a bookable room.
    #[arg(long)]
    room: Option<String>,
    /// Mail addresses of all who are invited.
    #[arg(long, value_delimiter = ',')]
    invite: Option<Vec<String>>,
    /// Mail addresses of accounts that come in as co-hosts.
    #[arg(long, value_delimiter = ',')]
    co_hosts: Option<Vec<String>>,
    /// Who waits until a host lets them in.
    #[arg(long, value_parser = ["off", "guests", "everyone"])]
    lobby: Option<String>,
    /// What happens to those who come while no host is in.
    #[arg(long, value_parser = ["wait", "first-opens", "anyone"])]
    absent_host: Option<String>,
    /// What those may not do who are no hosts; all else they may.
    #[arg(long, value_delimiter = ',', value_parser = ["share", "chat", "draw", "unmute", "reactions", "nothing"])]
    forbid: Option<Vec<String>>,
}

impl Rules {
    /// Adds what was given to `body`; what was not stays out of it.
    pub(super) fn add_to(self, body: &mut Map<String, Value>) {
        let absent_host = self.absent_host.map(|word| word.replace('-', "_"));
        let texts = [
            ("description", self.description),
            ("passcode", self.passcode),
            ("room", self.room),
            ("lobby", self.lobby),
            ("absent_host", absent_host),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                body.insert(key.into(), json!(value));
            }
        }
        if let Some(invite) = self.invite {
            let invitee = |address: &String| json!({"address": address});
            let all: Vec<Value> = given(&invite).map(invitee).collect();
            body.insert("invitees".into(), json!(all));
        }
        if let Some(co_hosts) = self.co_hosts {
            let all: Vec<&String> = given(&co_hosts).collect();
            body.insert("co_hosts".into(), json!(all));
        }
        if let Some(forbid) = self.forbid {
            let all = ["share", "chat", "draw", "unmute", "reactions"];
            let may = |what: &str| !forbid.iter().any(|word| word == what);
            let permissions: Map<String, Value> = all
                .iter()
                .map(|what| ((*what).to_owned(), json!(may(what))))
                .collect();
            body.insert("permissions".into(), json!(permissions));
        }
    }
}

/// An empty word is how a list is emptied.
fn given(words: &[String]) -> impl Iterator<Item = &String> {
    words.iter().filter(|word| !word.is_empty())
}

impl Timing {
    /// Start, zone and length; `None` without `--start`.
    pub(super) fn slot(&self) -> Result<Option<Value>, Wrong> {
        let at = self.begins()?;
        Ok(at
            .map(|at| json!({"start": at.to_string(), "zone": self.zone, "minutes": self.minutes})))
    }

    fn begins(&self) -> Result<Option<confab_calendar::civil::DateTime>, Wrong> {
        let Some(start) = &self.start else {
            return Ok(None);
        };
        let wrong = |_| format!("--start: not a local time: {start}").into();
        start.parse().map(Some).map_err(wrong)
    }

    /// One meeting or a series; `None` without `--start`.
    pub(super) fn schedule(&self) -> Result<Option<Value>, Wrong> {
        let (Some(at), Some(slot)) = (self.begins()?, self.slot()?) else {
            return Ok(None);
        };
        let Some(every) = self.every else {
            return Ok(Some(json!({"kind": "planned", "when": {"once": slot}})));
        };
        let weekday = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
        let own = usize::try_from(at.weekday().to_monday_zero_offset())?;
        let days = match self.days.is_empty() {
            true => vec![weekday[own].to_owned()],
            false => self.days.clone(),
        };
        let pattern = match every {
            Every::Day => json!({"every": "day"}),
            Every::Week => json!({"every": "week", "days": days}),
            Every::Month => json!({"every": "month_day", "day": at.day()}),
            Every::Year => json!({"every": "year_day", "month": at.month(), "day": at.day()}),
        };
        let ends = match (self.count, &self.until) {
            (Some(count), _) => json!({"after": count}),
            (None, Some(date)) => json!({"until": date}),
            (None, None) => json!("never"),
        };
        let rule = json!({"pattern": pattern, "interval": self.interval, "ends": ends});
        Ok(Some(
            json!({"kind": "planned", "when": {"series": {"first": slot, "rule": rule}}}),
        ))
    }
}
