//! What was: who came, who spoke how long, what was voted and asked. As tables for spreadsheets (RFC 4180) in which no word of
//! anybody can become a formula.

use super::Asked;
use super::meetings::managed;
use crate::http::Site;
use crate::http::caller::Caller;
use crate::schedule::Refused;
use crate::secrets::Digest;
use crate::store::{Held, PlannedMeeting, Stay};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::{Code, MeetingId, ParticipantId, Question};
use confab_room::{PersistedParticipant, PersistedPoll, PersistedTools};
use std::sync::Arc;
use std::time::Instant;

/// `<participant>:<token>` of who has a seat in the meeting now.
pub(super) const SEAT: &str = "x-seat";
/// Spreadsheets take a text for UTF-8 with it.
const MARK: char = '\u{feff}';

/// The report of the record `at`, or of the newest.
pub(super) async fn report(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let meeting = match headers.get(SEAT) {
        Some(_) => led(&site, &caller, &headers, &id).await?,
        None => managed(&site, &caller, &headers, &id).await?,
    };
    let id = &meeting.record.id;
    let asked = Asked::read(query.as_deref())?;
    let store = &site.planner.store;
    let held = match asked.at {
        Some(at) => store.held_at(id, at).await?,
        None => store.held(id, 0, u64::MAX, 1).await?.pop(),
    };
    let missing = || Refused::new(Code::NotFound, "nothing took place then");
    let held = held.ok_or_else(missing)?;
    let stays = store.attendance(id, held.at.at).await?;
    let tools = store.tools(id, held.at.at).await?;
    let table = table(&meeting.record.title, &held, &stays, &tools);
    Ok(download("meeting-report.csv", table))
}

/// The meeting, to a host or co-host of it who has a seat now.
async fn led(
    site: &Site,
    caller: &Caller,
    headers: &HeaderMap,
    id: &str,
) -> Result<PlannedMeeting, Refused> {
    let (meeting, seat) = seated(site, caller, headers, id).await?;
    match seat.role.moderates() {
        true => Ok(meeting),
        false => Err(Refused::new(Code::NotAllowed, "only hosts may do this")),
    }
}

/// The meeting, and whose seat in it the request shows. Wrong ones are counted by address.
pub(super) async fn seated(
    site: &Site,
    caller: &Caller,
    headers: &HeaderMap,
    id: &str,
) -> Result<(PlannedMeeting, PersistedParticipant), Refused> {
    if !crate::http::caller::own_page(headers, &site.public_url) {
        return Err(Refused::new(Code::NotAllowed, "wrong origin"));
    }
    let unknown = || Refused::new(Code::MeetingNotFound, "no such meeting");
    let id = MeetingId::parse(id).ok_or_else(unknown)?;
    let meeting = site.planner.meeting(&id).await?;
    let nobody = || match site.tries.allows(caller.address, Instant::now()) {
        true => Refused::new(Code::BadSecret, "no such seat, or not yours"),
        false => {
            let message = "too many tries from this address; wait a minute";
            Refused::new(Code::TooFast, message)
        }
    };
    let said = headers.get(SEAT).and_then(|v| v.to_str().ok());
    let said = said.and_then(|v| v.split_once(':'));
    let said = said.and_then(|(who, token)| Some((who.trim().parse().ok()?, token.trim())));
    let (who, token) = said.ok_or_else(nobody)?;
    let seat = site.planner.store.seat(&id, ParticipantId(who)).await?;
    let token = Digest::of(token);
    let knows = |d: &[u8; 32]| token.matches(&Digest(*d));
    let seat = seat
        .filter(|s| !s.removed && (knows(&s.token) || s.previous_token.as_ref().is_some_and(knows)))
        .ok_or_else(nobody)?;
    match seat.waiting {
        false => Ok((meeting, seat)),
        true => Err(Refused::new(Code::NotAllowed, "still in the lobby")),
    }
}

pub(super) fn download(name: &str, table: String) -> Response {
    let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned());
    let name = (
        header::CONTENT_DISPOSITION,
        format!("attachment; filename=\"{name}\""),
    );
    let kept = (header::CACHE_CONTROL, "no-store".to_owned());
    ([kind, name, kept], table).into_response()
}

/// Who was there, and no more.
pub(super) fn attendance(stays: &[Stay]) -> String {
    let mut table = String::from(MARK);
    people(&mut table, stays);
    table
}

fn table(title: &str, held: &Held, stays: &[Stay], tools: &PersistedTools) -> String {
    let mut table = String::from(MARK);
    line(&mut table, &["Meeting".into(), cell(title)]);
    line(&mut table, &["Began (UTC)".into(), utc(held.started_at)]);
    let ended = held.ended_at.map(utc).unwrap_or_default();
    line(&mut table, &["Ended (UTC)".into(), ended]);
    line(&mut table, &[]);
    people(&mut table, stays);
    for poll in &tools.polls {
        line(&mut table, &[]);
        votes(&mut table, poll);
    }
    if !tools.questions.is_empty() {
        line(&mut table, &[]);
        let head = "Question,Asked by,Asked (UTC),Wanted by,Answer";
        line(&mut table, &[head.into()]);
        tools.questions.iter().for_each(|q| asked(&mut table, q));
    }
    table
}

fn people(table: &mut String, stays: &[Stay]) {
    let head = "Name,Role,Joined (UTC),Left (UTC),Minutes,Spoke (seconds)";
    line(table, &[head.into()]);
    for stay in stays {
        let minutes = |left: u64| (left.saturating_sub(stay.joined_at) / 60_000).to_string();
        let fields = [
            cell(&stay.name),
            cell(&stay.role),
            utc(stay.joined_at),
            stay.left_at.map(utc).unwrap_or_default(),
            stay.left_at.map(minutes).unwrap_or_default(),
            stay.spoken.to_string(),
        ];
        line(table, &fields);
    }
}

/// Of an anonymous poll nobody is told who chose what, hosts neither.
fn votes(table: &mut String, poll: &PersistedPoll) {
    let head = ["Poll", "Votes", "Right", "Chosen by"].map(String::from);
    line(table, &[cell(&poll.poll.question)]);
    line(table, &head);
    for (place, option) in poll.poll.options.iter().enumerate() {
        let chose = |v: &&confab_protocol::Vote| v.choices.iter().any(|c| usize::from(*c) == place);
        let votes: Vec<_> = poll.votes.iter().filter(chose).collect();
        let named = votes.iter().filter(|_| !poll.poll.anonymous);
        let names: Vec<_> = named.map(|v| v.name.as_str()).collect();
        let right = poll.poll.correct.iter().any(|c| usize::from(*c) == place);
        let fields = [
            cell(option),
            votes.len().to_string(),
            if right { "yes" } else { "" }.to_owned(),
            cell(&names.join("; ")),
        ];
        line(table, &fields);
    }
}

fn asked(table: &mut String, question: &Question) {
    let answer = question.answer.as_ref();
    let answer = answer.map_or("", |a| a.text.as_deref().unwrap_or("(answered aloud)"));
    let fields = [
        cell(&question.text),
        cell(&question.name),
        utc(question.at),
        question.votes.len().to_string(),
        cell(answer),
    ];
    line(table, &fields);
}

fn line(table: &mut String, fields: &[String]) {
    table.push_str(&fields.join(","));
    table.push_str("\r\n");
}

fn utc(at: u64) -> String {
    confab_calendar::Zone::utc()
        .local(at / 1000 * 1000)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// Quoted. What a spreadsheet would take for a formula gets an apostrophe before it, also behind blanks and in full width, as some
/// take those for the same.
fn cell(text: &str) -> String {
    let begins = text.trim_start();
    let formula = begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%'])
        || text.starts_with(['\t', '\r', '\n']);
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::At;
    use confab_protocol::{Answered, NewPoll, Vote};

    fn stay(name: &str) -> Stay {
        Stay {
            name: name.into(),
            role: "guest".into(),
            joined_at: 1_795_000_000_000,
            left_at: Some(1_795_000_150_000),
            spoken: 42,
        }
    }

    #[test]
    fn a_table_starts_no_formula_and_keeps_its_columns() {
        let table = attendance(&[stay("=HYPERLINK(\"x\")"), stay("Ada, \"Countess\"")]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(
            lines[1].starts_with("\"'=HYPERLINK(\"\"x\"\")\",\"guest\",2026-11-18 "),
            "{table}"
        );
        assert!(
            lines[2].starts_with("\"Ada, \"\"Countess\"\"\","),
            "{table}"
        );
        assert!(lines[1].ends_with(",2,42"), "{table}");
        for wild in ["+1", "-1", "@SUM(A1)", " =1", "\t=1", "\n=1", "＝1", "%0A"] {
            assert!(cell(wild).starts_with("\"'"), "{wild:?}");
        }
        assert_eq!(cell("a=1"), "\"a=1\"");
    }

    fn poll(anonymous: bool) -> PersistedPoll {
        PersistedPoll {
            id: 1,
            poll: NewPoll {
                question: "=Tea?".into(),
                options: vec!["Yes".into(), "No".into()],
                multiple: false,
                anonymous,
                live: true,
                correct: vec![0],
            },
            closed: true,
            votes: vec![Vote {
                participant: ParticipantId(2),
                name: "Bob".into(),
                choices: vec![0],
            }],
        }
    }

    #[test]
    fn a_report_has_people_polls_and_questions() {
        let held = Held {
            at: At {
                at: 1_795_000_000_000,
                name: None,
            },
            started_at: 1_795_000_000_000,
            ended_at: None,
            people: 1,
        };
        let question = Question {
            id: 1,
            from: ParticipantId(2),
            name: "Bob".into(),
            text: "When?".into(),
            at: 1_795_000_000_000,
            client_id: "q".into(),
            votes: vec![ParticipantId(1)],
            answer: Some(Answered {
                by: ParticipantId(1),
                text: Some("-now".into()),
            }),
        };
        let tools = PersistedTools {
            polls: vec![poll(false), poll(true)],
            questions: vec![question],
            ..PersistedTools::default()
        };
        let table = table("Weekly", &held, &[stay("Bob")], &tools);
        assert!(table.contains("Meeting,\"Weekly\"\r\n"), "{table}");
        assert!(
            table.contains("\"'=Tea?\"\r\nPoll,Votes,Right,Chosen by\r\n\"Yes\",1,yes,\"Bob\"\r\n\"No\",0,,\"\"\r\n"),
            "{table}"
        );
        assert!(
            table.contains("\"Yes\",1,yes,\"\"\r\n"),
            "nobody is named: {table}"
        );
        assert!(
            table.contains("\"When?\",\"Bob\",2026-11-18 ") && table.ends_with(",1,\"'-now\"\r\n"),
            "{table}"
        );
    }
}
