-- Whiteboards. Times are milliseconds since 1970; what is in them is in docs/BOARD.md.
CREATE TABLE board (
    id         INTEGER PRIMARY KEY,
    meeting    TEXT    NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    -- The occurrence it belongs to (occurrence.at); 0: all of them share it.
    at         INTEGER NOT NULL,
    -- "main", or "room-N" of a breakout room.
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (meeting, at, name)
);

-- Who has which number on a board; a number is never given to somebody else.
CREATE TABLE board_author (
    board       INTEGER NOT NULL REFERENCES board (id) ON DELETE CASCADE,
    author      INTEGER NOT NULL,
    -- "account:ID", or "seat:NUMBER" for those without.
    who         TEXT    NOT NULL,
    -- As they were last seen.
    participant INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    -- Copies opened so far.
    sessions    INTEGER NOT NULL,
    PRIMARY KEY (board, author),
    UNIQUE (board, who)
) WITHOUT ROWID;

-- Every change in the order in which the server took it. Those up to the snapshot are history.
CREATE TABLE board_entry (
    board   INTEGER NOT NULL REFERENCES board (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    -- Lamport time of its last write.
    lamport INTEGER NOT NULL,
    -- confab_board::Entry
    data    BLOB    NOT NULL,
    PRIMARY KEY (board, number)
) WITHOUT ROWID;

CREATE INDEX board_entry_at ON board_entry (board, at);

-- The newest snapshot, which holds all entries up to `number`.
CREATE TABLE board_snapshot (
    board  INTEGER PRIMARY KEY REFERENCES board (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    data   BLOB    NOT NULL
);
