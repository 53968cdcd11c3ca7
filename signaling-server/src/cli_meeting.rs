//! `confab-server meeting …`: meetings made, listed, changed and cancelled beside a server that may be running.

mod wanted;

use crate::{ConfigFile, Outcome};
use confab_calendar::Zone;
use confab_protocol::{CreateMeeting, MeetingCreated, MeetingId};
use confab_server::Offline;
use serde_json::{Map, Value, json};
use wanted::{Rules, Timing};

#[derive(clap::Subcommand)]
pub(crate) enum MeetingCommand {
    /// Make a meeting and print its guest link and its host link.
    New {
        #[arg(long, default_value = "")]
        title: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Plan a meeting, a series or a personal room; invitees are told by mail. Prints its links.
    Create(Box<Create>),
    /// List the newest meetings. Host links are not kept, so they cannot be listed.
    List {
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// List what takes place in the coming days, times in a zone.
    Upcoming {
        #[arg(long, default_value_t = 14)]
        days: u32,
        #[arg(long, default_value = "UTC")]
        zone: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Change a meeting, one occurrence of it, or one and all that follow. What is not named stays; a new time of a series is its
    /// whole schedule anew. Invitees are told by mail.
    Change(Box<Change>),
    /// Cancel a meeting, one occurrence of it, or one and all that follow. Invitees are told by mail.
    Cancel {
        /// Its id, or its link.
        meeting: String,
        /// An occurrence's name, as `upcoming` shows it.
        #[arg(long)]
        occurrence: Option<String>,
        /// All that follow the occurrence, too.
        #[arg(long, requires = "occurrence")]
        following: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Give a meeting a new host link; the old one opens nothing any more.
    NewHostLink {
        /// Its id, or its link.
        meeting: String,
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(clap::Args)]
pub(crate) struct Create {
    #[arg(long, default_value = "")]
    title: String,
    /// A room that is there at any time.
    #[arg(long, conflicts_with = "start")]
    personal_room: bool,
    /// Without `--start`: now.
    #[command(flatten)]
    timing: Timing,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(clap::Args)]
pub(crate) struct Change {
    /// Its id, or its link.
    meeting: String,
    /// An occurrence's name, as `upcoming` shows it: only this one. Its title and time can be changed.
    #[arg(long)]
    occurrence: Option<String>,
    /// All that follow the occurrence, too. Their time can be changed.
    #[arg(long, requires_all = ["occurrence", "start"])]
    following: bool,
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    timing: Timing,
    #[command(flatten)]
    rules: Rules,
    /// Ask for no passcode any more.
    #[arg(long, conflicts_with = "passcode")]
    no_passcode: bool,
    /// Give the room back.
    #[arg(long, conflicts_with = "room")]
    no_room: bool,
    #[command(flatten)]
    config: ConfigFile,
}

pub(crate) async fn run(command: MeetingCommand) -> Outcome {
    match command {
        MeetingCommand::New { title, config } => new(title, config).await,
        MeetingCommand::Create(create) => plan(*create).await,
        MeetingCommand::List { limit, config } => list(limit, config).await,
        MeetingCommand::Upcoming { days, zone, config } => upcoming(days, &zone, config).await,
        MeetingCommand::Change(wanted) => change(*wanted).await,
        MeetingCommand::Cancel {
            meeting,
            occurrence,
            following,
            config,
        } => {
            let scope = scope(occurrence, following);
            cancel(&meeting, scope, config).await
        }
        MeetingCommand::NewHostLink { meeting, config } => {
            let offline = Offline::open(&config.load()?).await?;
            println!(
                "host link:  {}",
                offline.new_host_key(&id(&meeting)?).await?
            );
            close(offline).await
        }
    }
}

async fn new(title: String, config: ConfigFile) -> Outcome {
    let offline = Offline::open(&config.load()?).await?;
    let wanted = CreateMeeting {
        title,
        ..CreateMeeting::default()
    };
    let made = offline.create_meeting(wanted).await;
    print(&made.map_err(|code| format!("the meeting was not created: {code}"))?);
    close(offline).await
}

async fn plan(create: Create) -> Outcome {
    let schedule = match create.personal_room {
        true => Some(json!({"kind": "personal_room"})),
        false => create.timing.schedule()?,
    };
    let mut body = Map::new();
    body.insert("title".into(), json!(create.title));
    body.insert("schedule".into(), json!(schedule));
    create.rules.add_to(&mut body);
    let offline = Offline::open(&create.config.load()?).await?;
    print(&offline.plan(body.into()).await?);
    close(offline).await
}

async fn change(wanted: Change) -> Outcome {
    let id = id(&wanted.meeting)?;
    let mut body = Map::new();
    let one = wanted.occurrence.is_some() && !wanted.following;
    let (key, time) = match one {
        true => ("slot", wanted.timing.slot()?),
        false => ("schedule", wanted.timing.schedule()?),
    };
    if one && wanted.timing.every.is_some() {
        return Err(
            "--every: one occurrence cannot be a series; with --following, what follows can".into(),
        );
    }
    if let Some(time) = time {
        body.insert(key.into(), time);
    }
    if let Some(title) = wanted.title {
        body.insert("title".into(), json!(title));
    }
    wanted.rules.add_to(&mut body);
    for (gone, key) in [(wanted.no_passcode, "passcode"), (wanted.no_room, "room")] {
        if gone {
            body.insert(key.into(), Value::Null);
        }
    }
    if body.is_empty() {
        return Err("nothing to change: name what is to be different, see --help".into());
    }
    body.insert("scope".into(), scope(wanted.occurrence, wanted.following));
    let offline = Offline::open(&wanted.config.load()?).await?;
    offline.change(&id, body.into()).await?;
    println!("changed");
    close(offline).await
}

/// Which occurrences it is about, as the API has it.
fn scope(occurrence: Option<String>, following: bool) -> Value {
    match (occurrence, following) {
        (None, _) => json!("all"),
        (Some(name), false) => json!({"this": name}),
        (Some(name), true) => json!({"following": name}),
    }
}

async fn list(limit: u32, config: ConfigFile) -> Outcome {
    let offline = Offline::open(&config.load()?).await?;
    for meeting in offline.meetings(limit).await? {
        let state = match (meeting.cancelled, meeting.ended, meeting.locked) {
            (true, ..) => "cancelled",
            (false, true, _) => "ended",
            (false, false, true) => "locked",
            (false, false, false) => "open",
        };
        println!("{}  {state}  {}", meeting.guest_link, meeting.title);
    }
    close(offline).await
}

async fn upcoming(days: u32, zone: &str, config: ConfigFile) -> Outcome {
    let zone = Zone::new(zone).ok_or_else(|| format!("--zone: no IANA time zone: {zone}"))?;
    let offline = Offline::open(&config.load()?).await?;
    for o in offline.upcoming(days.min(800), 1_000).await? {
        let from = zone
            .local(o.begins_at)
            .strftime("%Y-%m-%d %H:%M")
            .to_string();
        let until = zone.local(o.ends_at).strftime("%H:%M").to_string();
        let name = o.name.unwrap_or_default();
        let state = if o.cancelled { "  cancelled" } else { "" };
        println!(
            "{from}-{until}  {}  {name}  {}{state}",
            o.guest_link, o.title
        );
    }
    close(offline).await
}

async fn cancel(meeting: &str, scope: Value, config: ConfigFile) -> Outcome {
    let id = id(meeting)?;
    let offline = Offline::open(&config.load()?).await?;
    offline
        .change(&id, json!({"scope": scope, "cancelled": true}))
        .await?;
    println!("cancelled");
    close(offline).await
}

/// Of an id, a guest link or a host link.
fn id(text: &str) -> Result<MeetingId, String> {
    let path = text.split('#').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    MeetingId::parse(name).ok_or_else(|| "that is no meeting's id or link".to_owned())
}

fn print(made: &MeetingCreated) {
    println!(
        "guest link: {}\nhost link:  {}",
        made.guest_link, made.host_link
    );
}

pub(crate) async fn close(offline: Offline) -> Outcome {
    match offline.close().await? {
        true => Ok(()),
        false => Err("done, but the mail server did not take all letters within a minute".into()),
    }
}
