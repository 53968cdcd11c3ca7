//! The form of requests to the meeting's tools.

use super::{Refusal, bad, bounded, breakout, check_client_id};
use crate::*;

/// Longest time of an agenda's item, minutes: a day.
const MAX_MINUTES: u32 = 1440;

pub(super) fn check(request: &mut Request) -> Result<(), Refusal> {
    match request {
        Request::QuestionAsk { text, client_id } => {
            *text = bounded(text, MAX_QUESTION, "a question")?;
            check_client_id(client_id)
        }
        Request::HostQuestionAnswer {
            text: Some(text), ..
        } => {
            *text = bounded(text, MAX_CHAT, "an answer")?;
            Ok(())
        }
        Request::HostPollOpen { poll } => check_poll(poll),
        Request::PollVote { choices, .. } => check_choices(choices, MAX_OPTIONS),
        Request::HostAgenda { items } => check_agenda(items),
        Request::HostSeatOrder { participants } => check_order(participants),
        Request::HostSpotlight { participants } if participants.len() > MAX_SPOTLIGHTS => bad(
            format!("at most {MAX_SPOTLIGHTS} people are in the spotlight"),
        ),
        Request::HostSpotlight { participants } => check_order(participants),
        Request::HostAskUnmute { source, .. } if source.is_shared() => {
            bad("only a microphone or a camera is asked for")
        }
        Request::HostRole {
            role: Role::Guest, ..
        } => bad("who is to be neither host nor co-host is made participant"),
        other => breakout::check(other),
    }
}

fn check_poll(poll: &mut NewPoll) -> Result<(), Refusal> {
    poll.question = bounded(&poll.question, MAX_QUESTION, "a question")?;
    if !(2..=MAX_OPTIONS).contains(&poll.options.len()) {
        return bad(format!("a poll has 2 to {MAX_OPTIONS} options"));
    }
    for option in &mut poll.options {
        *option = bounded(option, MAX_OPTION, "an option")?;
    }
    check_choices(&mut poll.correct, poll.options.len())?;
    if !poll.multiple && poll.correct.len() > 1 {
        return bad("one option may be chosen, so one is right");
    }
    Ok(())
}

/// Sorts them. Each once, and within the options.
fn check_choices(choices: &mut [u8], options: usize) -> Result<(), Refusal> {
    choices.sort_unstable();
    let twice = choices.windows(2).any(|w| w[0] == w[1]);
    if twice || choices.iter().any(|c| usize::from(*c) >= options) {
        return bad("a choice that is not there, or twice");
    }
    Ok(())
}

fn check_agenda(items: &mut [AgendaItem]) -> Result<(), Refusal> {
    if items.len() > MAX_AGENDA {
        return bad(format!("an agenda has at most {MAX_AGENDA} items"));
    }
    for item in items {
        item.title = bounded(&item.title, MAX_TITLE, "an item")?;
        if item.minutes > MAX_MINUTES {
            return bad(format!("an item takes at most {MAX_MINUTES} minutes"));
        }
    }
    Ok(())
}

fn check_order(participants: &[ParticipantId]) -> Result<(), Refusal> {
    let mut sorted = participants.to_vec();
    sorted.sort_unstable();
    let twice = sorted.windows(2).any(|w| w[0] == w[1]);
    if twice || sorted.len() > MAX_PARTICIPANTS {
        return bad("somebody is named twice, or too many are");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Request, Code> {
        let parsed = parse_client(&format!(r#"{{"id":1,"body":{body}}}"#));
        parsed.map(|m| m.body).map_err(|e| e.code)
    }

    #[test]
    fn polls_have_options_that_are_there() {
        let poll = |options: &str, multiple: bool, correct: &str| {
            read(&format!(
                r#"{{"type":"host_poll_open","poll":{{"question":" Tea? ","options":{options},"multiple":{multiple},"anonymous":false,"live":true,"correct":{correct}}}}}"#
            ))
        };
        let Ok(Request::HostPollOpen { poll: read }) = poll(r#"[" yes","no"]"#, true, "[1,0]")
        else {
            panic!("a plain poll is one");
        };
        assert_eq!(read.question, "Tea?");
        assert_eq!(read.options, ["yes", "no"]);
        assert_eq!(read.correct, [0, 1]);
        let bad = Err(Code::BadValue);
        assert_eq!(poll(r#"["yes"]"#, false, "[]"), bad, "one option");
        assert_eq!(poll(r#"["yes"," "]"#, false, "[]"), bad, "an empty one");
        assert_eq!(poll(r#"["a","b"]"#, false, "[2]"), bad, "not there");
        assert_eq!(poll(r#"["a","b"]"#, true, "[1,1]"), bad, "twice");
        assert_eq!(poll(r#"["a","b"]"#, false, "[0,1]"), bad, "two are right");
        let many: Vec<_> = (0..=MAX_OPTIONS).map(|i| i.to_string()).collect();
        assert_eq!(poll(&format!("{many:?}"), false, "[]"), bad, "too many");
    }

    #[test]
    fn shares_are_not_asked_for() {
        let ask = |source: &str| {
            read(&format!(
                r#"{{"type":"host_ask_unmute","participant":1,"source":"{source}"}}"#
            ))
        };
        assert!(ask("microphone").is_ok() && ask("camera").is_ok());
        assert_eq!(ask("screen"), Err(Code::BadValue));
    }

    #[test]
    fn questions_and_agendas_are_bounded() {
        let ask = |n: usize| {
            read(&format!(
                r#"{{"type":"question_ask","text":"{}","client_id":"q"}}"#,
                "x".repeat(n)
            ))
        };
        assert!(ask(MAX_QUESTION).is_ok());
        assert_eq!(ask(MAX_QUESTION + 1), Err(Code::BadValue));
        assert_eq!(ask(0), Err(Code::BadValue));
        let agenda = |n: usize, minutes: u32| {
            let item = format!(r#"{{"title":"x","minutes":{minutes}}}"#);
            let items = vec![item; n].join(",");
            read(&format!(r#"{{"type":"host_agenda","items":[{items}]}}"#))
        };
        assert!(agenda(MAX_AGENDA, 1440).is_ok());
        assert_eq!(agenda(MAX_AGENDA + 1, 5), Err(Code::BadValue));
        assert_eq!(agenda(1, 1441), Err(Code::BadValue));
        let order = read(r#"{"type":"host_seat_order","participants":[1,2,1]}"#);
        assert_eq!(order, Err(Code::BadValue));
    }

    #[test]
    fn nobody_is_made_a_guest() {
        let make = |role: &str| {
            read(&format!(
                r#"{{"type":"host_role","participant":1,"role":"{role}"}}"#
            ))
        };
        assert!(make("participant").is_ok() && make("co_host").is_ok());
        assert_eq!(make("guest"), Err(Code::BadValue));
    }
}
