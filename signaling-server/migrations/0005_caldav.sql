-- People's own calendars that meetings are pushed to, and what was put there. Times are milliseconds since 1970.
CREATE TABLE calendar_link (
    account   TEXT    PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    url       TEXT    NOT NULL,
    login     TEXT    NOT NULL,
    -- Sealed by the key in the data directory, see caldav/seal.rs.
    password  BLOB    NOT NULL,
    -- The collection, and what it is called.
    calendar  TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    -- All that were found: JSON.
    choices   TEXT    NOT NULL,
    -- confab_protocol::CalendarState and confab_base::Code
    state     TEXT    NOT NULL,
    error     TEXT,
    pushed_at BIGINT,
    failures  INTEGER NOT NULL,
    retry_at  BIGINT,
    -- Another one after each connection, so that an older push is not written over it.
    revision  INTEGER NOT NULL
);

CREATE TABLE calendar_event (
    account TEXT NOT NULL REFERENCES calendar_link (account) ON DELETE CASCADE,
    uid     TEXT NOT NULL,
    meeting TEXT NOT NULL,
    href    TEXT NOT NULL,
    etag    TEXT NOT NULL,
    -- As it was meant to be there.
    text    TEXT NOT NULL,
    -- caldav::Fate
    fate    TEXT NOT NULL,
    PRIMARY KEY (account, uid)
);
