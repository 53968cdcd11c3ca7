-- How calls went. Times are milliseconds since 1970. Kept for quality.days.

-- A meeting from when people came until they were gone.
CREATE TABLE call (
    id      INTEGER PRIMARY KEY,
    meeting TEXT    NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    title   TEXT    NOT NULL,
    -- The beginning of its first minute and the end of its last so far.
    began   INTEGER NOT NULL,
    ended   INTEGER NOT NULL
);

CREATE INDEX call_meeting ON call (meeting, ended);
CREATE INDEX call_ended ON call (ended);

CREATE TABLE call_person (
    call        INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    participant INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    -- "browser", "desktop", "headless"
    client      TEXT    NOT NULL,
    PRIMARY KEY (call, participant)
) WITHOUT ROWID;

CREATE TABLE call_minute (
    call        INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    participant INTEGER NOT NULL,
    ended       INTEGER NOT NULL,
    began       INTEGER NOT NULL,
    -- Tenths of a mean opinion score.
    score       INTEGER NOT NULL,
    -- What the client said and what the server measured, in JSON. NULL: nothing.
    client      TEXT,
    server      TEXT,
    PRIMARY KEY (call, participant, ended)
) WITHOUT ROWID;

-- How the server itself did, over all meetings.
CREATE TABLE server_minute (
    ended   INTEGER PRIMARY KEY,
    began   INTEGER NOT NULL,
    -- Per cent of all cores.
    cpu     INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    dropped INTEGER NOT NULL
);
