use crate::schedule::Plan;
use crate::secrets::{Digest, fresh_meeting_id};
use crate::store::{Database, MeetingRecord, PlanWrite, Store};
use confab_calendar::{Ends, Pattern, Rule, Schedule, Series, Slot, When, Zone};
use confab_protocol::{ClientKind, MeetingId, ParticipantId, Policy, Role};
use confab_room::{PersistedMeeting, PersistedParticipant, StoreCommand};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// A store with a daily meeting at nine, from a day of the past on.
async fn daily() -> (Database, tempfile::TempDir, MeetingId, u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = Database::in_folder(dir.path()).await.unwrap();
    let first = Slot::new("2020-01-06T09:00:00".parse().unwrap(), Zone::utc(), 60).unwrap();
    let begins = first.begins_at();
    let rule = Rule {
        pattern: Pattern::Day,
        interval: 1,
        ends: Ends::Never,
    };
    let when = When::Series(Series::new(first, rule).unwrap());
    let record = MeetingRecord {
        id: fresh_meeting_id(),
        title: "Daily".into(),
        host_key: Digest::of("key"),
        starts_at: begins,
        minutes: 60,
        created_at: begins - DAY,
        locked: false,
        ended: false,
        cancelled: false,
        policy: Policy::default(),
        passcode: None,
        owner: None,
        co_hosts: Vec::new(),
    };
    let id = record.id.clone();
    let plan = Box::new(Plan::new(Schedule::Planned { when }, begins - DAY));
    let create = PlanWrite::Create {
        record,
        plan,
        room: None,
    };
    store.write_plan(create).await.unwrap();
    (store, dir, id, begins)
}

fn seat(id: u32, removed: bool) -> StoreCommand {
    StoreCommand::SaveParticipant(PersistedParticipant {
        id: ParticipantId(id),
        name: format!("Person {id}"),
        role: Role::Guest,
        client: ClientKind::Headless,
        muted: vec![],
        hand: None,
        decodes: vec![],
        joined_at: 0,
        token: [0; 32],
        previous_token: None,
        apart: false,
        account: None,
        room: None,
        assigned: None,
        help: None,
        waiting: false,
        removed,
    })
}

/// As the writer does, at a time of the test's.
async fn follow(dir: &tempfile::TempDir, id: &MeetingId, command: StoreCommand, now: u64) {
    let config = crate::Config::ephemeral(dir.path());
    let (mut connection, _) = crate::store::place::open(&config).await.unwrap();
    super::follow(&mut connection, id.as_str(), &command, now)
        .await
        .unwrap();
}

#[tokio::test]
async fn each_occurrence_has_its_record_and_its_people() {
    let (store, dir, id, begins) = daily().await;
    follow(&dir, &id, seat(1, false), begins - HOUR / 4).await;
    follow(&dir, &id, seat(2, false), begins + 1).await;
    // A hand that goes up is no second coming.
    follow(&dir, &id, seat(2, false), begins + 2).await;
    follow(
        &dir,
        &id,
        StoreCommand::DeleteParticipant(ParticipantId(1)),
        begins + HOUR,
    )
    .await;
    follow(&dir, &id, seat(2, true), begins + HOUR + 5).await;
    follow(&dir, &id, seat(3, false), begins + DAY).await;
    let held = store.held(&id, 0, u64::MAX, 9).await.unwrap();
    let said: Vec<_> = held
        .iter()
        .map(|h| {
            (
                h.at.at,
                h.at.name.as_deref(),
                h.started_at,
                h.ended_at,
                h.people,
            )
        })
        .collect();
    let second = (begins + DAY, Some("20200107T090000"), begins + DAY, None, 1);
    let first = (
        begins,
        Some("20200106T090000"),
        begins - HOUR / 4,
        Some(begins + HOUR + 5),
        2,
    );
    assert_eq!(said, [second, first]);
    let stays = store.attendance(&id, begins).await.unwrap();
    let said: Vec<_> = stays
        .iter()
        .map(|s| (s.name.as_str(), s.role.as_str(), s.left_at))
        .collect();
    assert_eq!(
        said,
        [
            ("Person 1", "guest", Some(begins + HOUR)),
            ("Person 2", "guest", Some(begins + HOUR + 5))
        ]
    );
}

#[tokio::test]
async fn who_comes_back_goes_on_with_the_same_record() {
    let (store, dir, id, begins) = daily().await;
    follow(&dir, &id, seat(1, false), begins).await;
    follow(
        &dir,
        &id,
        StoreCommand::DeleteParticipant(ParticipantId(1)),
        begins + 5,
    )
    .await;
    follow(&dir, &id, seat(2, false), begins + 10).await;
    let held = store.held(&id, 0, u64::MAX, 9).await.unwrap();
    assert_eq!(
        (
            held.len(),
            held[0].started_at,
            held[0].ended_at,
            held[0].people
        ),
        (1, begins, None, 2)
    );
}

#[tokio::test]
async fn a_meeting_ended_for_all_is_open_again_for_the_next_occurrence() {
    let (store, dir, id, begins) = daily().await;
    follow(&dir, &id, seat(1, false), begins).await;
    let state = PersistedMeeting {
        locked: true,
        ended: true,
        last_participant: 1,
        last_chat: 7,
        ..PersistedMeeting::default()
    };
    let end = StoreCommand::SaveMeeting(state);
    store.write(&id, vec![end.clone()]).await.unwrap();
    follow(&dir, &id, end, begins + 5).await;
    let found = store.planned(&id).await.unwrap().unwrap();
    let then = found.as_it_stands(begins + 10);
    assert!(then.ended && then.locked && !found.is_turned(begins + 10));
    let next = found.as_it_stands(begins + DAY);
    assert!(!next.ended && !next.locked && found.is_turned(begins + DAY));
    assert_eq!(next.starts_at, begins + DAY);
    // Years later it has turned: numbers go on, the rest begins anew.
    let (record, persisted) = store.load(&id).await.unwrap().unwrap();
    assert!(!record.ended && !persisted.meeting.locked && !persisted.meeting.ended);
    assert_eq!(
        (
            persisted.meeting.last_participant,
            persisted.meeting.last_chat
        ),
        (1, 7)
    );
}
