use super::super::{
    AccountChange, AccountStore, BoardKey, BoardWrite, FileRecord, FileWrite, Store,
};
use super::*;
use confab_board::{Author, AuthorRecord, LaneRecord};
use confab_protocol::{
    AccountRole, ChatMessage, ClientKind, CreateMeeting, FileId, MeetingId, NewPoll, ParticipantId,
    Question, Role, Vote,
};
use confab_room::{
    PersistedMeeting, PersistedParticipant, PersistedPoll, PersistedTools, StoreCommand,
};

fn person(n: u128, email: &str) -> AccountRecord {
    AccountRecord {
        id: AccountId::from_random(n),
        email: email.into(),
        name: format!("Person {n}"),
        role: AccountRole::Member,
        password: Some("phc".into()),
        language: None,
        time_zone: None,
        created_at: 1,
        disabled_at: None,
    }
}

fn seat(n: u32, account: Option<&AccountRecord>) -> PersistedParticipant {
    PersistedParticipant {
        id: ParticipantId(n),
        name: format!("Seat {n}"),
        role: Role::Guest,
        client: ClientKind::Headless,
        muted: Vec::new(),
        hand: None,
        decodes: Vec::new(),
        joined_at: 5,
        token: [0; 32],
        previous_token: None,
        apart: false,
        account: account.map(|a| a.id.clone()),
        room: None,
        assigned: None,
        help: None,
        waiting: false,
        removed: false,
    }
}

fn said(id: u64, from: u32) -> ChatMessage {
    ChatMessage {
        id,
        from: ParticipantId(from),
        name: format!("Seat {from}"),
        text: format!("words of {from}"),
        to: None,
        present: Vec::new(),
        at: id,
        client_id: id.to_string(),
        files: Vec::new(),
    }
}

/// A question and a vote of each.
fn state() -> PersistedMeeting {
    let question = |n: u32| Question {
        id: n,
        from: ParticipantId(n),
        name: format!("Seat {n}"),
        text: format!("words of {n}"),
        at: 7,
        client_id: n.to_string(),
        votes: Vec::new(),
        answer: None,
    };
    let vote = |n: u32| Vote {
        participant: ParticipantId(n),
        name: format!("Seat {n}"),
        choices: vec![0],
    };
    let poll = PersistedPoll {
        id: 1,
        poll: NewPoll {
            question: "Tea?".into(),
            options: vec!["Yes".into(), "No".into()],
            multiple: false,
            anonymous: false,
            live: false,
            correct: Vec::new(),
        },
        closed: true,
        votes: [1, 2, 3].map(vote).into(),
    };
    let tools = PersistedTools {
        questions: [1, 2, 3].map(question).into(),
        polls: vec![poll],
        ..PersistedTools::default()
    };
    PersistedMeeting {
        tools: Box::new(tools),
        ..PersistedMeeting::default()
    }
}

async fn all(store: &Database, sql: &'static str) -> Vec<String> {
    let rows = sql::query_scalar::<String>(sql);
    rows.fetch_all(store.readers()).await.unwrap()
}

/// Two people with an account and one without in one meeting of the first; the seats are 1, 2 and 3.
async fn meeting(store: &Database, ada: &AccountRecord, bob: &AccountRecord) -> MeetingId {
    let add = [ada, bob].map(|a| AccountChange::AddAccount(a.clone()));
    store.change(add.into()).await.unwrap();
    let (mut meeting, _) = crate::rooms::new_meeting(CreateMeeting::default()).unwrap();
    meeting.owner = Some(ada.id.clone());
    let id = meeting.id.clone();
    store.create(meeting).await.unwrap();
    let mut commands = vec![
        StoreCommand::SaveParticipant(seat(1, Some(ada))),
        StoreCommand::SaveParticipant(seat(2, Some(bob))),
        StoreCommand::SaveParticipant(seat(3, None)),
    ];
    commands.extend((1..=3).map(|n| StoreCommand::SaveChat(said(n, n as u32))));
    store.write(&id, commands).await.unwrap();
    for (n, account) in [(1, Some(ada)), (2, Some(bob)), (3, None)] {
        let record = FileRecord {
            id: FileId::from_random(n.into()),
            meeting: id.clone(),
            from: ParticipantId(n),
            account: account.map(|a| a.id.clone()),
            name: format!("file {n}"),
            size: 10,
            sha256: [9; 32],
            created_at: 3,
        };
        let save = FileWrite::Save(Box::new(record));
        store.write_file(save).await.unwrap();
    }
    let author = |n: u16, who: String| {
        LaneRecord::Author(AuthorRecord {
            author: Author(n.into()),
            who,
            participant: n.into(),
            name: format!("Seat {n}"),
            sessions: 1,
        })
    };
    let records = vec![
        author(1, format!("account:{}", ada.id.as_str())),
        author(2, format!("account:{}", bob.id.as_str())),
        author(3, "seat:3".into()),
    ];
    let board = BoardKey {
        meeting: id.clone(),
        at: 0,
        name: "main".into(),
    };
    store
        .write_board(BoardWrite { board, records })
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn an_export_holds_what_is_the_persons_and_nothing_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = Database::in_folder(dir.path()).await.unwrap();
    let (ada, bob) = (person(1, "ada@example.org"), person(2, "bob@example.org"));
    meeting(&store, &ada, &bob).await;
    let export = store.export(&ada, 77).await.unwrap();
    assert_eq!(export.meetings.len(), 1);
    assert_eq!(export.attended[0]["name"], "Seat 1");
    assert_eq!(export.chat[0]["message"]["text"], "words of 1");
    assert_eq!(export.files[0]["sha256"], "09".repeat(32));
    assert_eq!(export.boards[0]["board"], "main");
    let lengths = [
        &export.attended,
        &export.chat,
        &export.files,
        &export.boards,
    ]
    .map(Vec::len);
    assert_eq!(lengths, [1, 1, 1, 1]);
    let text = serde_json::to_string(&export).unwrap();
    for foreign in [
        "words of 2",
        "words of 3",
        "Seat 2",
        "bob@",
        "phc",
        "host_key",
    ] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    let export = store.export(&bob, 77).await.unwrap();
    assert!(export.meetings.is_empty(), "it is Ada's");
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = Database::in_folder(dir.path()).await.unwrap();
    let (ada, bob) = (person(1, "ada@example.org"), person(2, "bob@example.org"));
    let id = meeting(&store, &ada, &bob).await;
    // Bob has left, Ada is still there; both have voted and asked.
    let leave = StoreCommand::DeleteParticipant(ParticipantId(2));
    let state = StoreCommand::SaveMeeting(state());
    store.write(&id, vec![state.clone(), leave]).await.unwrap();
    let erase = |a: &AccountRecord| AccountChange::Erase {
        account: a.id.clone(),
        email: a.email.clone(),
    };
    store.change(vec![erase(&ada), erase(&bob)]).await.unwrap();
    let names = all(&store, "SELECT name FROM attendance ORDER BY participant").await;
    assert_eq!(names, [DELETED, DELETED, "Seat 3"]);
    let chat = all(&store, "SELECT json_extract(data, '$.text') FROM chat").await;
    assert_eq!(chat, ["words of 3"]);
    assert_eq!(all(&store, "SELECT name FROM file").await, ["file 3"]);
    let drew = all(&store, "SELECT name FROM board_author ORDER BY author").await;
    assert_eq!(drew, [DELETED, DELETED, "Seat 3"]);
    assert!(
        all(&store, "SELECT id FROM meeting WHERE owner IS NOT NULL")
            .await
            .is_empty()
    );
    assert!(all(&store, "SELECT id FROM account").await.is_empty());
    let marked = "SELECT account FROM attendance WHERE account IS NOT NULL";
    assert_eq!(all(&store, marked).await.len(), 2, "until it ends");
    let kept = "SELECT tools FROM occurrence UNION ALL SELECT state FROM meeting";
    let nameless = async || {
        for kept in all(&store, kept).await {
            assert!(
                !kept.contains("Seat 1") && !kept.contains("Seat 2"),
                "{kept}"
            );
            assert!(kept.contains("Seat 3") && kept.contains(DELETED), "{kept}");
            assert!(!kept.contains("words of 1"), "{kept}");
        }
    };
    nameless().await;

    // The meeting goes on writing down what it knows, until she leaves.
    let again = StoreCommand::SaveParticipant(seat(1, Some(&ada)));
    let late = StoreCommand::SaveChat(said(9, 1));
    let leave = [1, 3].map(|n| StoreCommand::DeleteParticipant(ParticipantId(n)));
    let [ada_left, last_left] = leave;
    let all_of_it = vec![again, late, state, ada_left, last_left];
    store.write(&id, all_of_it).await.unwrap();
    let prune = AccountChange::Prune {
        now: 0,
        log_from: 0,
        log_most: 9,
    };
    store.change(vec![prune]).await.unwrap();
    let names = all(&store, "SELECT name FROM attendance ORDER BY participant").await;
    assert_eq!(names, [DELETED, DELETED, "Seat 3"]);
    assert!(all(&store, marked).await.is_empty());
    nameless().await;
    let chat = all(&store, "SELECT json_extract(data, '$.text') FROM chat").await;
    assert_eq!(chat, ["words of 3"]);
}

#[tokio::test]
async fn the_audit_log_forgets_the_address_and_keeps_the_deed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Database::in_folder(dir.path()).await.unwrap();
    let (ada, bob) = (person(1, "ada@example.org"), person(2, "bob@example.org"));
    let add = [&ada, &bob].map(|a| AccountChange::AddAccount(a.clone()));
    store.change(add.into()).await.unwrap();
    let deed = |by: &str, of: &str| {
        AccountChange::Note(super::super::Deed {
            at: 5,
            action: confab_protocol::AuditAction::RoleChanged,
            by: Some(by.into()),
            of: Some(of.into()),
            detail: Some("admin".into()),
            address: Some("192.0.2.7".into()),
        })
    };
    let deeds = vec![deed(&ada.email, &bob.email), deed(&bob.email, &ada.email)];
    store.change(deeds).await.unwrap();
    let erase = AccountChange::Erase {
        account: ada.id.clone(),
        email: ada.email.clone(),
    };
    store.change(vec![erase]).await.unwrap();
    let log = store.audit(u64::MAX, 9).await.unwrap();
    let of = |n: usize| {
        (
            log[n].by.as_deref(),
            log[n].of.as_deref(),
            log[n].address.as_deref(),
        )
    };
    assert_eq!(of(1), (Some(DELETED), Some("bob@example.org"), None));
    assert_eq!(
        of(0),
        (Some("bob@example.org"), Some(DELETED), Some("192.0.2.7"))
    );
    assert!(store.account(&ada.id).await.unwrap().is_none());
}
