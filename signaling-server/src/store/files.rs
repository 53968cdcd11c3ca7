//! Files of chat messages and pictures on whiteboards in the database: all but their bytes.

use super::database::broken;
use super::records::bound;
use super::sql::{self, Connection, Row};
use super::writer::Job;
use super::{BoardKey, Database, StoreError, boards, webhooks};
use confab_protocol::{
    AccountId, Audience, ChatMessage, FileId, FileKind, HookEvent, MeetingId, ParticipantId,
    SharedFile,
};
use serde_json::json;
use std::collections::HashSet;

#[derive(Clone, Debug)]
pub(crate) struct FileRecord {
    pub(crate) id: FileId,
    pub(crate) meeting: MeetingId,
    /// Who uploaded it.
    pub(crate) from: ParticipantId,
    pub(crate) account: Option<AccountId>,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    /// Milliseconds since 1970.
    pub(crate) created_at: u64,
}

impl FileRecord {
    /// As a chat message names it.
    pub(crate) fn shared(&self) -> SharedFile {
        shared(self.id.clone(), self.name.clone(), self.size)
    }
}

fn shared(id: FileId, name: String, size: u64) -> SharedFile {
    let kind = FileKind::of(&name);
    SharedFile {
        id,
        name,
        size,
        kind,
        removed: false,
    }
}

#[derive(Clone, Debug)]
pub(crate) enum FileWrite {
    Save(Box<FileRecord>),
    /// A picture of a board. One that the board has already is not written again.
    SavePicture(Box<FileRecord>, BoardKey),
    Forget(FileId),
    /// Of files of the chat: those made before `files`, those made before `loose` that no message carries, and those whose message is gone.
    Expire {
        files: u64,
        loose: u64,
    },
}

pub(super) async fn write(
    connection: &mut Connection,
    write: &FileWrite,
) -> Result<(), StoreError> {
    let query = match write {
        FileWrite::SavePicture(file, board) => {
            return save_picture(connection, file, board).await;
        }
        FileWrite::Save(file) => sql::query(
            "INSERT INTO file (id, meeting, participant, name, size, sha256, created_at, account) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(file.id.as_str())
        .bind(file.meeting.as_str())
        .bind(file.from.0)
        .bind(&file.name)
        .bind(bound(file.size))
        .bind(&file.sha256[..])
        .bind(bound(file.created_at))
        .bind(file.account.as_ref().map(AccountId::as_str)),
        FileWrite::Forget(id) => sql::query("DELETE FROM file WHERE id = ?").bind(id.as_str()),
        FileWrite::Expire { files, loose } => sql::query(
            "DELETE FROM file WHERE board IS NULL AND (created_at < ?1 OR (message IS NULL AND created_at < ?2) OR \
             (message IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chat AS c WHERE c.meeting = file.meeting AND c.id = file.message)))",
        )
        .bind(bound(*files))
        .bind(bound(*loose)),
    };
    connection.execute(query).await?;
    Ok(())
}

async fn save_picture(
    connection: &mut Connection,
    file: &FileRecord,
    board: &BoardKey,
) -> Result<(), StoreError> {
    let board = boards::row(connection, board).await?;
    let save = sql::query(
        "INSERT INTO file (id, meeting, participant, name, size, sha256, created_at, account, board) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (board, sha256) WHERE board IS NOT NULL DO NOTHING",
    )
    .bind(file.id.as_str())
    .bind(file.meeting.as_str())
    .bind(file.from.0)
    .bind(&file.name)
    .bind(bound(file.size))
    .bind(&file.sha256[..])
    .bind(bound(file.created_at))
    .bind(file.account.as_ref().map(AccountId::as_str))
    .bind(board);
    connection.execute(save).await?;
    Ok(())
}

/// The message carries its files from now on.
pub(super) async fn carried(
    connection: &mut Connection,
    meeting: &str,
    message: &ChatMessage,
    now: u64,
) -> Result<(), StoreError> {
    let for_all = matches!(message.to, None | Some(Audience::Everyone));
    for file in &message.files {
        // A message is written again when one of its files is taken away.
        let carry = "UPDATE file SET message = ?1 WHERE meeting = ?2 AND id = ?3 AND message IS DISTINCT FROM ?1";
        let carry = sql::query(carry)
            .bind(message.id as i64)
            .bind(meeting)
            .bind(file.id.as_str());
        let is_new = connection.execute(carry).await?.rows_affected() > 0;
        if is_new && for_all {
            let file = json!({"id": file.id, "name": file.name, "size": file.size});
            let more =
                json!({"file": file, "participant": {"id": message.from, "name": message.name}});
            webhooks::tell(connection, HookEvent::FileShared, meeting, now, more).await?;
        }
    }
    Ok(())
}

impl Database {
    pub(crate) async fn write_file(&self, write: FileWrite) -> Result<(), StoreError> {
        self.writer().run(Job::Files(write)).await
    }

    /// A file of this meeting that a message carries, its digest, and the message.
    pub(crate) async fn carried_file(
        &self,
        meeting: &MeetingId,
        file: &FileId,
    ) -> Result<Option<(SharedFile, [u8; 32], ChatMessage)>, StoreError> {
        let row = sql::query(
            "SELECT f.id, f.name, f.size, f.sha256, c.data FROM file AS f \
             JOIN chat AS c ON c.meeting = f.meeting AND c.id = f.message WHERE f.meeting = ? AND f.id = ?",
        )
        .bind(meeting.as_str())
        .bind(file.as_str())
        .fetch_optional(self.readers())
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let digest: Vec<u8> = row.try_get("sha256")?;
        let digest = digest.try_into().map_err(|_| broken("sha256"))?;
        let message: String = row.try_get("data")?;
        Ok(Some((read(&row)?, digest, serde_json::from_str(&message)?)))
    }

    /// What no message carries yet, oldest first, and whose it is.
    pub(super) async fn uploads(
        &self,
        meeting: &MeetingId,
    ) -> Result<Vec<(ParticipantId, SharedFile)>, StoreError> {
        let rows = sql::query(
            "SELECT id, participant, name, size FROM file WHERE meeting = ? AND message IS NULL AND board IS NULL ORDER BY created_at",
        )
        .bind(meeting.as_str())
        .fetch_all(self.readers())
        .await?;
        let upload = |row| Ok((ParticipantId(row_participant(row)?), read(row)?));
        rows.iter().map(upload).collect()
    }

    /// A picture of a board, by the SHA-256 of its bytes, and its size.
    pub(crate) async fn picture(
        &self,
        key: &BoardKey,
        sha256: &[u8; 32],
    ) -> Result<Option<(FileId, u64)>, StoreError> {
        let row = sql::query(
            "SELECT f.id, f.size FROM file AS f JOIN board AS b ON b.id = f.board \
             WHERE b.meeting = ? AND b.at = ? AND b.name = ? AND f.sha256 = ?",
        )
        .bind(key.meeting.as_str())
        .bind(bound(key.at))
        .bind(&key.name)
        .bind(&sha256[..])
        .fetch_optional(self.readers())
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let id: String = row.try_get("id")?;
        let id = FileId::parse(&id).ok_or_else(|| broken("id"))?;
        Ok(Some((id, row.try_get::<i64, _>("size")? as u64)))
    }

    /// How many pictures a board has.
    pub(crate) async fn pictures(&self, key: &BoardKey) -> Result<u64, StoreError> {
        let count = sql::query_scalar::<i64>(
            "SELECT count(*) FROM file AS f JOIN board AS b ON b.id = f.board \
             WHERE b.meeting = ? AND b.at = ? AND b.name = ?",
        )
        .bind(key.meeting.as_str())
        .bind(bound(key.at))
        .bind(&key.name)
        .fetch_one(self.readers())
        .await?;
        Ok(count as u64)
    }

    /// Bytes that a meeting's files take, its pictures too; none: all there are.
    pub(crate) async fn bytes_of_files(
        &self,
        meeting: Option<&MeetingId>,
    ) -> Result<u64, StoreError> {
        let sum = sql::query_scalar::<i64>(
            "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM file WHERE ?1 IS NULL OR meeting = ?1",
        )
        .bind(meeting.map(MeetingId::as_str))
        .fetch_one(self.readers())
        .await?;
        Ok(sum as u64)
    }

    /// Bytes of the files somebody with an account uploaded.
    pub(crate) async fn bytes_of_account(&self, account: &AccountId) -> Result<u64, StoreError> {
        let sum = sql::query_scalar::<i64>(
            "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM file WHERE account = ?",
        )
        .bind(account.as_str())
        .fetch_one(self.readers())
        .await?;
        Ok(sum as u64)
    }

    /// The ids of all files.
    pub(crate) async fn file_ids(&self) -> Result<HashSet<String>, StoreError> {
        let ids = sql::query_scalar::<String>("SELECT id FROM file")
            .fetch_all(self.readers())
            .await?;
        Ok(ids.into_iter().collect())
    }
}

fn row_participant(row: &Row) -> Result<u32, StoreError> {
    Ok(row.try_get("participant")?)
}

fn read(row: &Row) -> Result<SharedFile, StoreError> {
    let id: String = row.try_get("id")?;
    let id = FileId::parse(&id).ok_or_else(|| broken("id"))?;
    let size = row.try_get::<i64, _>("size")? as u64;
    Ok(shared(id, row.try_get("name")?, size))
}
