-- Tokens of programs, receivers of webhooks, and the letters to them. Times are milliseconds since 1970. Plain SQL, for PostgreSQL too.
CREATE TABLE api_token (
    -- SHA-256 of the token, hex.
    digest     TEXT   PRIMARY KEY,
    -- Names it in lists; opens nothing.
    id         TEXT   NOT NULL UNIQUE,
    -- Whom it stands for; NULL: the server.
    account    TEXT   REFERENCES account (id) ON DELETE CASCADE,
    name       TEXT   NOT NULL,
    -- confab_protocol::TokenScope, with a blank between them.
    scopes     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT,
    expires_at BIGINT
);
CREATE INDEX api_token_account ON api_token (account);

CREATE TABLE webhook (
    id         TEXT    PRIMARY KEY,
    url        TEXT    NOT NULL,
    -- Sealed by the key in the data directory, see caldav/seal.rs.
    secret     BLOB    NOT NULL,
    -- confab_protocol::HookEvent, each between commas: ,meeting.started,meeting.ended,
    events     TEXT    NOT NULL,
    enabled    INTEGER NOT NULL,
    -- It answered 410.
    gone       INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT  NOT NULL,
    arrived_at BIGINT,
    -- Letters that were not put down, because too many waited.
    dropped    BIGINT  NOT NULL DEFAULT 0
);

-- Written in the transaction of what they tell of.
CREATE TABLE webhook_letter (
    -- In the order in which they were written.
    number     INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    webhook    TEXT    NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    event      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    -- confab_protocol::DeliveryState
    state      TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    due_at     BIGINT,
    -- Of the last try.
    status     INTEGER,
    trouble    TEXT
);
CREATE INDEX webhook_letter_due ON webhook_letter (state, due_at);
CREATE INDEX webhook_letter_webhook ON webhook_letter (webhook, state);
