//! Whiteboards in the database: what a board's lane wants written, and what it starts from.

use super::records::bound;
use super::sql::{self, Connection};
use super::writer::Job;
use super::{Database, StoreError};
use crate::clock::wall_ms;
use confab_board::{Author, AuthorRecord, LaneRecord, Restored};
use confab_protocol::MeetingId;
use futures_util::TryStreamExt;

/// Which board.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BoardKey {
    pub(crate) meeting: MeetingId,
    /// The occurrence, as its records name it; 0: all of them share the board.
    pub(crate) at: u64,
    /// `main` or `room-N`; `screen-N` is never stored.
    pub(crate) name: String,
}

pub(crate) struct BoardWrite {
    pub(crate) board: BoardKey,
    pub(crate) records: Vec<LaneRecord>,
}

pub(super) async fn write(
    connection: &mut Connection,
    write: &BoardWrite,
) -> Result<(), StoreError> {
    let board = row(connection, &write.board).await?;
    for record in &write.records {
        record_one(connection, board, record).await?;
    }
    Ok(())
}

/// The number of a board's row, which is made where there is none.
pub(super) async fn row(connection: &mut Connection, key: &BoardKey) -> Result<i64, StoreError> {
    let make = sql::query(
        "INSERT INTO board (meeting, at, name, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(key.meeting.as_str())
    .bind(bound(key.at))
    .bind(&key.name)
    .bind(bound(wall_ms()));
    connection.execute(make).await?;
    let find =
        sql::query_scalar::<i64>("SELECT id FROM board WHERE meeting = ? AND at = ? AND name = ?")
            .bind(key.meeting.as_str())
            .bind(bound(key.at))
            .bind(&key.name);
    Ok(find.fetch_one(&mut *connection).await?)
}

async fn record_one(
    connection: &mut Connection,
    board: i64,
    record: &LaneRecord,
) -> Result<(), StoreError> {
    let query = match record {
        LaneRecord::Author(author) => sql::query(
            "INSERT INTO board_author (board, author, who, participant, name, sessions) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (board, author) DO UPDATE SET \
             participant = excluded.participant, name = excluded.name, sessions = excluded.sessions",
        )
        .bind(board)
        .bind(author.author.0)
        .bind(&author.who)
        .bind(author.participant)
        .bind(&author.name)
        .bind(author.sessions),
        LaneRecord::Entry {
            number,
            at_ms,
            lamport,
            bytes,
        } => sql::query(
            "INSERT INTO board_entry (board, number, at, lamport, data) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(board)
        .bind(bound(*number))
        .bind(bound(*at_ms))
        .bind(bound(*lamport))
        .bind(bytes.as_slice()),
        LaneRecord::Snapshot {
            number,
            at_ms,
            bytes,
        } => sql::query(
            "INSERT INTO board_snapshot (board, number, at, data) VALUES (?, ?, ?, ?) \
             ON CONFLICT (board) DO UPDATE SET number = excluded.number, at = excluded.at, data = excluded.data",
        )
        .bind(board)
        .bind(bound(*number))
        .bind(bound(*at_ms))
        .bind(bytes.as_slice()),
    };
    connection.execute(query).await?;
    Ok(())
}

impl Database {
    /// Writes all or nothing. When it returns, a kill of the process loses none of it.
    pub(crate) async fn write_board(&self, write: BoardWrite) -> Result<(), StoreError> {
        self.writer().run(Job::Board(Box::new(write))).await
    }

    /// The occurrence whose boards are those of a meeting now; 0: its occurrences share them.
    pub(crate) async fn board_occurrence(&self, meeting: &MeetingId) -> Result<u64, StoreError> {
        let at = sql::query_scalar::<i64>(
            "SELECT o.at FROM plan AS p JOIN occurrence AS o ON o.meeting = p.meeting AND o.ended_at IS NULL \
             WHERE p.meeting = ? AND json_extract(p.data, '$.boards') = 'separate' ORDER BY o.started_at DESC LIMIT 1",
        )
        .bind(meeting.as_str())
        .fetch_optional(self.readers())
        .await?;
        Ok(at.map_or(0, |at| at as u64))
    }

    /// What is stored of a board; nothing of one that nobody has opened. What was deleted before `long_ago` (milliseconds
    /// since 1970) may be buried.
    pub(crate) async fn board(
        &self,
        key: &BoardKey,
        long_ago: u64,
    ) -> Result<Restored, StoreError> {
        let find = sql::query_scalar::<i64>(
            "SELECT id FROM board WHERE meeting = ? AND at = ? AND name = ?",
        )
        .bind(key.meeting.as_str())
        .bind(bound(key.at))
        .bind(&key.name);
        let Some(board) = find.fetch_optional(self.readers()).await? else {
            return Ok(Restored::default());
        };
        let snapshot = sql::query("SELECT number, data FROM board_snapshot WHERE board = ?")
            .bind(board)
            .fetch_optional(self.readers())
            .await?;
        let snapshot = match snapshot {
            Some(row) => Some((
                row.try_get::<i64, _>("number")? as u64,
                row.try_get::<Vec<u8>, _>("data")?,
            )),
            None => None,
        };
        let after = snapshot.as_ref().map_or(0, |(number, _)| *number);
        let entries = sql::query_scalar::<Vec<u8>>(
            "SELECT data FROM board_entry WHERE board = ? AND number > ? ORDER BY number",
        )
        .bind(board)
        .bind(bound(after))
        .fetch_all(self.readers())
        .await?;
        let bury_before = sql::query_scalar::<Option<i64>>(
            "SELECT max(lamport) FROM board_entry WHERE board = ? AND at < ?",
        )
        .bind(board)
        .bind(bound(long_ago))
        .fetch_one(self.readers())
        .await?;
        Ok(Restored {
            authors: self.board_authors(board).await?,
            snapshot,
            entries,
            bury_before: bury_before.map_or(0, |lamport| lamport as u64),
        })
    }

    /// Stored entries after number `after`, the oldest first, one after the other: as many as `most` bytes hold, at least one.
    /// And the number to go on after, where more may follow.
    pub(crate) async fn board_history(
        &self,
        key: &BoardKey,
        after: u64,
        most: usize,
    ) -> Result<(Vec<u8>, Option<u64>), StoreError> {
        let mut rows = sql::query(
            "SELECT e.number, e.data FROM board_entry AS e JOIN board AS b ON b.id = e.board \
             WHERE b.meeting = ? AND b.at = ? AND b.name = ? AND e.number > ? ORDER BY e.number",
        )
        .bind(key.meeting.as_str())
        .bind(bound(key.at))
        .bind(&key.name)
        .bind(bound(after))
        .fetch(self.readers())?;
        let (mut bytes, mut last) = (Vec::new(), after);
        while let Some(row) = rows.try_next().await? {
            let entry: Vec<u8> = row.try_get("data")?;
            if !bytes.is_empty() && bytes.len() + entry.len() > most {
                return Ok((bytes, Some(last)));
            }
            bytes.extend_from_slice(&entry);
            last = row.try_get::<i64, _>("number")? as u64;
        }
        Ok((bytes, None))
    }

    async fn board_authors(&self, board: i64) -> Result<Vec<AuthorRecord>, StoreError> {
        let rows = sql::query(
            "SELECT author, who, participant, name, sessions FROM board_author WHERE board = ? ORDER BY author",
        )
        .bind(board)
        .fetch_all(self.readers())
        .await?;
        let author = |row: &sql::Row| -> Result<AuthorRecord, StoreError> {
            Ok(AuthorRecord {
                author: Author(row.try_get("author")?),
                who: row.try_get("who")?,
                participant: row.try_get("participant")?,
                name: row.try_get("name")?,
                sessions: row.try_get("sessions")?,
            })
        };
        rows.iter().map(author).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{FileRecord, FileWrite, Store};
    use confab_protocol::{CreateMeeting, FileId, ParticipantId};

    fn entry(number: u64, at_ms: u64) -> LaneRecord {
        LaneRecord::Entry {
            number,
            at_ms,
            lamport: number * 10,
            bytes: vec![number as u8; 3],
        }
    }

    fn ada(sessions: u32) -> AuthorRecord {
        AuthorRecord {
            author: Author(1),
            who: "seat:1".into(),
            participant: 1,
            name: "Ada".into(),
            sessions,
        }
    }

    #[tokio::test]
    async fn a_board_is_read_as_its_snapshot_and_what_came_after() {
        let dir = tempfile::tempdir().unwrap();
        let store = Database::in_folder(dir.path()).await.unwrap();
        let (meeting, _) = crate::rooms::new_meeting(CreateMeeting::default()).unwrap();
        let id = meeting.id.clone();
        store.create(meeting).await.unwrap();
        let key = |at| BoardKey {
            meeting: id.clone(),
            at,
            name: "main".into(),
        };
        let write = |at, records| BoardWrite {
            board: key(at),
            records,
        };
        let begun = vec![LaneRecord::Author(ada(1)), entry(1, 1000), entry(2, 2000)];
        store.write_board(write(0, begun)).await.unwrap();
        let snapshot = LaneRecord::Snapshot {
            number: 2,
            at_ms: 2000,
            bytes: vec![7],
        };
        let more = vec![snapshot, LaneRecord::Author(ada(2)), entry(3, 3000)];
        store.write_board(write(0, more)).await.unwrap();
        // Half of this is wrong, so none of it is written.
        let wrong = vec![entry(4, 4000), entry(3, 4000)];
        assert!(store.write_board(write(0, wrong)).await.is_err());
        drop(store);

        let store = Database::in_folder(dir.path()).await.unwrap();
        let read = store.board(&key(0), 2500).await.unwrap();
        assert_eq!(read.authors, [ada(2)]);
        assert_eq!(read.snapshot, Some((2, vec![7])));
        assert_eq!(read.entries, [vec![3; 3]]);
        assert_eq!(read.bury_before, 20);
        let other = store.board(&key(5), 2500).await.unwrap();
        assert!(other.authors.is_empty() && other.entries.is_empty());
        let history = sql::query_scalar::<i64>("SELECT count(*) FROM board_entry")
            .fetch_one(store.readers())
            .await
            .unwrap();
        assert_eq!(history, 3, "replay reads them all");
    }

    #[tokio::test]
    async fn a_picture_stays_as_long_as_its_board_and_no_longer() {
        let dir = tempfile::tempdir().unwrap();
        let store = Database::in_folder(dir.path()).await.unwrap();
        let (meeting, _) = crate::rooms::new_meeting(CreateMeeting::default()).unwrap();
        let id = meeting.id.clone();
        store.create(meeting).await.unwrap();
        let key = |name: &str| BoardKey {
            meeting: id.clone(),
            at: 0,
            name: name.into(),
        };
        let file = |n: u128| FileRecord {
            id: FileId::from_random(n),
            meeting: id.clone(),
            from: ParticipantId(1),
            account: None,
            name: "a.png".into(),
            size: 70,
            sha256: [9; 32],
            created_at: 1000,
        };
        // The same bytes once for each board.
        for (n, name) in [(1, "main"), (2, "main"), (3, "room-1")] {
            let save = FileWrite::SavePicture(Box::new(file(n)), key(name));
            store.write_file(save).await.unwrap();
        }
        let loose = FileWrite::Save(Box::new(file(4)));
        store.write_file(loose).await.unwrap();
        let found = store.picture(&key("main"), &[9; 32]).await.unwrap();
        assert_eq!(found, Some((FileId::from_random(1), 70)));
        assert_eq!(store.picture(&key("main"), &[8; 32]).await.unwrap(), None);
        assert_eq!(store.pictures(&key("main")).await.unwrap(), 1);
        assert_eq!(store.bytes_of_files(Some(&id)).await.unwrap(), 210);
        // Files of the chat are over; pictures are not.
        let expire = FileWrite::Expire {
            files: 5000,
            loose: 5000,
        };
        store.write_file(expire).await.unwrap();
        assert_eq!(store.file_ids().await.unwrap().len(), 2);
        let end = sql::query("DELETE FROM meeting WHERE id = ?").bind(id.as_str());
        end.execute(store.readers()).await.unwrap();
        assert_eq!(store.picture(&key("main"), &[9; 32]).await.unwrap(), None);
        assert!(store.file_ids().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn occurrences_share_their_boards_unless_the_plan_says_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let store = Database::in_folder(dir.path()).await.unwrap();
        let (meeting, _) = crate::rooms::new_meeting(CreateMeeting::default()).unwrap();
        let id = meeting.id.clone();
        store.create(meeting).await.unwrap();
        let begin = "INSERT INTO occurrence (meeting, at, started_at) VALUES (?, 77, 78)";
        let begin = sql::query(begin).bind(id.as_str());
        begin.execute(store.readers()).await.unwrap();
        assert_eq!(store.board_occurrence(&id).await.unwrap(), 0);
        let separate =
            "UPDATE plan SET data = json_set(data, '$.boards', 'separate') WHERE meeting = ?";
        let separate = sql::query(separate).bind(id.as_str());
        separate.execute(store.readers()).await.unwrap();
        assert_eq!(store.board_occurrence(&id).await.unwrap(), 77);
    }
}
