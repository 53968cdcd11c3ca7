use super::*;
use crate::store::{MeetingRecord, Store};
use confab_protocol::{ClientKind, LinkMeasure, QualityReport};
use confab_room::MinuteOf;

const BEGAN: u64 = 1_790_000_000_000;

async fn store(dir: &tempfile::TempDir) -> (Database, MeetingRecord) {
    let store = Database::in_folder(dir.path()).await.unwrap();
    let wanted = confab_protocol::CreateMeeting::default();
    let (meeting, _) = crate::rooms::new_meeting(wanted).unwrap();
    store.create(meeting.clone()).await.unwrap();
    (store, meeting)
}

fn record(meeting: &MeetingRecord, who: u32, minute: u64, score: u8) -> QualityWrite {
    let report = QualityReport {
        seconds: 60,
        loss_up: Some(121),
        ..QualityReport::default()
    };
    QualityWrite::Minute(Box::new(MinuteRecord {
        meeting: meeting.id.clone(),
        title: "Weekly".into(),
        minute: MinuteOf {
            participant: ParticipantId(who),
            name: format!("P{who}"),
            client: ClientKind::Browser,
            from: BEGAN + minute * 60_000,
            to: BEGAN + (minute + 1) * 60_000,
            report: Some(report),
            measured: Some(LinkMeasure::default()),
        },
        score,
    }))
}

#[tokio::test]
async fn minutes_make_a_call_and_a_long_pause_makes_another() {
    let dir = tempfile::tempdir().unwrap();
    let (store, meeting) = store(&dir).await;
    for (who, minute, score) in [(1, 0, 44), (2, 0, 20), (1, 1, 44), (1, 9, 30), (1, 25, 44)] {
        let write = record(&meeting, who, minute, score);
        store.write_quality(write).await.unwrap();
    }
    let calls = store.calls(u32::MAX, 9).await.unwrap();
    let spans: Vec<_> = calls
        .iter()
        .map(|c| (c.from - BEGAN, c.to - BEGAN))
        .collect();
    assert_eq!(spans, [(1_500_000, 1_560_000), (0, 600_000)]);
    let first = &calls[1];
    assert_eq!((first.people, first.minutes, first.poor_minutes), (2, 4, 2));
    assert_eq!(
        (first.title.as_str(), &first.meeting),
        ("Weekly", &meeting.id)
    );
    assert_eq!(store.calls(calls[0].id, 9).await.unwrap(), calls[1..]);
    assert_eq!(store.call(first.id).await.unwrap().as_ref(), Some(first));
    assert_eq!(store.call(99).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_written_of_a_minute_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (store, meeting) = store(&dir).await;
    for minute in 0..3 {
        store
            .write_quality(record(&meeting, 7, minute, 40))
            .await
            .unwrap();
    }
    let QualityWrite::Minute(written) = record(&meeting, 7, 2, 40) else {
        unreachable!();
    };
    let people = store.call_people(1, 2).await.unwrap();
    assert_eq!((people.len(), people[0].name.as_str()), (1, "P7"));
    assert_eq!(people[0].minutes.len(), 2, "the newest");
    let last = people[0].minutes.last().unwrap();
    assert_eq!(
        (last.from, last.to, last.score),
        (written.minute.from, written.minute.to, 40)
    );
    assert_eq!(
        (&last.client, last.server),
        (&written.minute.report, written.minute.measured)
    );
}

#[tokio::test]
async fn what_is_old_is_forgotten_with_all_its_minutes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, meeting) = store(&dir).await;
    let server = |minute: u64| ServerMinute {
        from: BEGAN + minute * 60_000,
        to: BEGAN + (minute + 1) * 60_000,
        cpu: 12,
        packets: 5,
        dropped: 1,
    };
    for minute in [0, 30] {
        store
            .write_quality(record(&meeting, 1, minute, 40))
            .await
            .unwrap();
        let write = QualityWrite::Server(server(minute));
        store.write_quality(write).await.unwrap();
    }
    let forget = QualityWrite::Forget(BEGAN + 600_000);
    store.write_quality(forget).await.unwrap();
    let calls = store.calls(u32::MAX, 9).await.unwrap();
    assert_eq!(calls.len(), 1);
    let all = (0, u64::MAX >> 1);
    assert_eq!(store.server_minutes(all, 9).await.unwrap(), [server(30)]);
    let rows = crate::store::sql::query_scalar::<u32>("SELECT count(*) FROM call_minute")
        .fetch_one(store.readers())
        .await
        .unwrap();
    assert_eq!(rows, 1);
}
