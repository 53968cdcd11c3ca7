//! Opening a board: author and session numbers, what a copy lacks, and who else is there.

use super::{
    AuthorName, AuthorRecord, Close, FromServer, Lane, LaneConn, LaneCopy, LaneOutput, LaneRecord,
    LaneSeat, Opened, Weight,
};
use crate::change::write_update;
use crate::document::Vector;
use crate::id::{Author, Replica};
use crate::limits::MAX_REPLICAS;
use crate::rights::Level;
use crate::store::Since;
use confab_base::Code;
use std::collections::BTreeMap;

/// Copies an author may have open at once; the oldest gives way.
const MAX_COPIES: usize = 8;
/// Above this the snapshot is sent instead of the changes, bytes.
const MAX_CATCH_UP: usize = 1024 * 1024;

impl Lane {
    /// Opens the board for a connection, or says why not.
    pub fn enter(
        &mut self,
        conn: LaneConn,
        seat: LaneSeat,
        copy: LaneCopy,
        wall_ms: u64,
    ) -> Result<(), Close> {
        let author = self.author(&seat)?;
        let (replica, vector) = match copy {
            LaneCopy::New => (self.new_replica(author)?, None),
            LaneCopy::Second(replica) => return self.enter_second(conn, author, replica, wall_ms),
            LaneCopy::Back(replica, vector) => {
                let known = &self.authors[&author];
                if replica.author != author || u32::from(replica.session) >= known.sessions {
                    return Err(Close::NewCopy);
                }
                (replica, Some(vector))
            }
        };
        self.make_way(replica);
        let level = self.level_of(&seat);
        let opened = self.opened(replica, level, wall_ms);
        let lacks = self.lacks(vector.as_ref());
        let here: Vec<Vec<u8>> = self
            .conns
            .values()
            .flat_map(|other| other.shown.values().cloned())
            .collect();
        let opened_copy = Opened {
            replica,
            seat,
            level,
            strikes: 0,
            shown: BTreeMap::new(),
        };
        self.conns.insert(conn, opened_copy);
        let authors = FromServer::Authors(self.authors.values().map(named).collect());
        let allowed = self.allowed.map(FromServer::Allowed);
        for frame in [opened, lacks, authors].into_iter().chain(allowed) {
            self.send_to(vec![conn], &frame, Weight::Opening);
        }
        for shown in here {
            let frame = FromServer::Presence(shown);
            self.send_to(vec![conn], &frame, Weight::Presence);
        }
        Ok(())
    }

    /// The first answer to a connection.
    pub(super) fn opened(&self, replica: Replica, level: Level, wall_ms: u64) -> FromServer {
        FromServer::Opened {
            replica,
            level,
            time_ms: wall_ms,
            next: self.document.next_seq(replica),
            board: self.name.clone(),
        }
    }

    /// What somebody lacks who knows this much; a new copy lacks all.
    fn lacks(&self, vector: Option<&Vector>) -> FromServer {
        if let Some(Since::Changes(changes)) = vector.map(|v| self.log.since(v)) {
            let update = write_update(changes);
            if update.len() <= MAX_CATCH_UP {
                return FromServer::Changes(update);
            }
        }
        FromServer::Snapshot(self.document.to_snapshot())
    }

    /// The person's number, a new one at their first visit.
    fn author(&mut self, seat: &LaneSeat) -> Result<Author, Close> {
        if let Some(author) = self.by_who.get(&seat.who).copied() {
            self.call(author, seat);
            return Ok(author);
        }
        if self.authors.len() >= MAX_REPLICAS {
            return Err(Close::Full);
        }
        let newest = self.authors.last_key_value();
        let author = Author(newest.map_or(0, |(author, _)| author.0) + 1);
        let record = AuthorRecord {
            author,
            who: seat.who.clone(),
            participant: seat.participant,
            name: seat.name.clone(),
            sessions: 0,
        };
        self.by_who.insert(seat.who.clone(), author);
        self.authors.insert(author, record);
        self.save(author);
        Ok(author)
    }

    /// Notes what an author is called now, and tells those who have the board open.
    pub(super) fn call(&mut self, author: Author, seat: &LaneSeat) {
        let Some(known) = self.authors.get_mut(&author) else {
            return;
        };
        if (known.participant, &known.name) != (seat.participant, &seat.name) {
            known.participant = seat.participant;
            known.name.clone_from(&seat.name);
            self.save(author);
        }
    }

    fn save(&mut self, author: Author) {
        let Some(known) = self.authors.get(&author).cloned() else {
            return;
        };
        let told = FromServer::Authors(vec![named(&known)]);
        let record = LaneRecord::Author(known);
        self.out.push_back(LaneOutput::Store(record));
        self.send_to(self.conns.keys().copied().collect(), &told, Weight::Kept);
    }

    fn new_replica(&mut self, author: Author) -> Result<Replica, Close> {
        let known = self.authors.get_mut(&author).ok_or(Close::NewCopy)?;
        let session = u16::try_from(known.sessions).map_err(|_| Close::Full)?;
        known.sessions += 1;
        let record = LaneRecord::Author(known.clone());
        self.out.push_back(LaneOutput::Store(record));
        Ok(Replica { author, session })
    }

    /// Closes what stands in a replica's way: itself on an older connection, and the oldest of too many copies.
    fn make_way(&mut self, replica: Replica) {
        let of_author = |(conn, opened): (&LaneConn, &Opened)| {
            let own = opened.replica.author == replica.author;
            own.then_some((*conn, opened.replica))
        };
        let copies: Vec<(LaneConn, Replica)> = self.conns.iter().filter_map(of_author).collect();
        let oldest = (copies.len() >= MAX_COPIES).then(|| copies[0].0);
        for (conn, other) in copies {
            if other == replica || Some(conn) == oldest {
                self.close(conn, Close::Because(Code::Replaced));
            }
        }
    }
}

fn named(record: &AuthorRecord) -> AuthorName {
    AuthorName {
        author: record.author,
        participant: record.participant,
        name: record.name.clone(),
    }
}
