-- When meetings are planned, who is invited, where, and what took place. Times are milliseconds since 1970.

-- Rooms of the house that can be booked. `revision` rises with every booking in it, so that two at once cannot both fit.
CREATE TABLE bookable_room (
    id       TEXT    PRIMARY KEY,
    revision INTEGER NOT NULL DEFAULT 0,
    -- schedule::BookableRoom
    data     TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE plan (
    meeting   TEXT    PRIMARY KEY REFERENCES meeting (id) ON DELETE CASCADE,
    room      TEXT    REFERENCES bookable_room (id) ON DELETE SET NULL,
    -- From its first instant to its last. Both NULL: not in calendars; ends_at NULL: without end.
    begins_at INTEGER,
    ends_at   INTEGER,
    -- Rises with every change.
    revision  INTEGER NOT NULL,
    -- schedule::Plan
    data      TEXT    NOT NULL
) WITHOUT ROWID;

CREATE INDEX meeting_owner ON meeting (owner);
CREATE INDEX plan_room ON plan (room);

-- Meetings made before there were plans: those for later than they were made are one meeting at that time, the others begun at once.
INSERT INTO plan (meeting, begins_at, ends_at, revision, data)
SELECT id,
       CASE WHEN later THEN starts_at - starts_at % 1000 END,
       CASE WHEN later THEN starts_at - starts_at % 1000 + minutes * 60000 END,
       1,
       json_object('schedule',
           CASE WHEN later
               THEN json_object('kind', 'planned', 'when', json_object('once', json_object(
                   'start', strftime('%Y-%m-%dT%H:%M:%S', starts_at / 1000, 'unixepoch'), 'zone', 'UTC', 'minutes', minutes)))
               ELSE json_object('kind', 'instant')
           END,
           'stamp', created_at)
FROM (SELECT *, starts_at > created_at + 60000 AND starts_at < 4102444800000 AND minutes BETWEEN 1 AND 10080 AS later FROM meeting);

-- What took place: one row per occurrence, by the instant its rule gives it (also after it was moved), or by when it began where
-- nothing was planned. ended_at NULL: going on.
CREATE TABLE occurrence (
    meeting    TEXT    NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    -- Its name in the series (20261124T090000); NULL: not planned.
    name       TEXT,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    -- A host ended it, and it was not just left by all.
    for_all    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meeting, at)
) WITHOUT ROWID;

-- Who was there. A participant's number is never used again in its meeting.
CREATE TABLE attendance (
    meeting     TEXT    NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    participant INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    joined_at   INTEGER NOT NULL,
    left_at     INTEGER,
    PRIMARY KEY (meeting, participant)
) WITHOUT ROWID;

CREATE INDEX attendance_occurrence ON attendance (meeting, at);

-- The occurrence in which it was said; NULL: before there were records.
ALTER TABLE chat ADD COLUMN at INTEGER;

-- Calendars that programs subscribe to. The token in the link is kept as its SHA-256 digest; deleted rows are revoked.
CREATE TABLE feed (
    id         TEXT    PRIMARY KEY,
    token      BLOB    NOT NULL UNIQUE,
    -- NULL: all meetings of the server.
    owner      TEXT,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
