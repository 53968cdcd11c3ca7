-- Meetings exist before anyone joins. Secrets are SHA-256 digests; times are milliseconds since 1970.
CREATE TABLE meeting (
    id         TEXT    PRIMARY KEY,
    title      TEXT    NOT NULL,
    host_key   BLOB    NOT NULL,
    starts_at  INTEGER NOT NULL,
    minutes    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    locked     INTEGER NOT NULL DEFAULT 0,
    ended      INTEGER NOT NULL DEFAULT 0,
    -- The room's counters as JSON (confab_room::PersistedMeeting); NULL until someone joins.
    state      TEXT
) WITHOUT ROWID;

-- Seats of a running meeting, and the revoked ones of removed participants (confab_room::PersistedParticipant).
CREATE TABLE seat (
    meeting TEXT    NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    id      INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    data    TEXT    NOT NULL,
    PRIMARY KEY (meeting, id)
) WITHOUT ROWID;

-- Chat, one row per message (confab_protocol::ChatMessage).
CREATE TABLE chat (
    meeting TEXT    NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    id      INTEGER NOT NULL,
    data    TEXT    NOT NULL,
    PRIMARY KEY (meeting, id)
) WITHOUT ROWID;
