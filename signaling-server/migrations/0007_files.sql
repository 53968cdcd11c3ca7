-- Files of chat messages; the bytes lie in files/<id> of the data directory. A deleted row is a deleted file.
CREATE TABLE file (
    id          TEXT    PRIMARY KEY,
    meeting     TEXT    NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    -- Who uploaded it.
    participant INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    sha256      BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    -- The number of the message that carries it; NULL: none does yet.
    message     INTEGER
) WITHOUT ROWID;

CREATE INDEX file_meeting ON file (meeting);
CREATE INDEX file_created ON file (created_at);
