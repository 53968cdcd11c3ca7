-- People with an account, where they are signed in, who is invited, and what was done. Secrets are SHA-256 digests in hex, passwords
-- argon2id in the PHC form; times are milliseconds since 1970. Plain SQL, for PostgreSQL too.
CREATE TABLE account (
    id          TEXT    PRIMARY KEY,
    -- In lower case, without blanks around it.
    email       TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    -- NULL: signs in by other means only.
    password    TEXT,
    language    TEXT,
    time_zone   TEXT,
    created_at  BIGINT  NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE account_session (
    token      TEXT   PRIMARY KEY,
    -- Names it in lists; opens nothing.
    id         TEXT   NOT NULL UNIQUE,
    account    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    agent      TEXT   NOT NULL
);
CREATE INDEX account_session_account ON account_session (account);

CREATE TABLE invitation (
    token      TEXT   PRIMARY KEY,
    id         TEXT   NOT NULL UNIQUE,
    -- One open invitation each.
    email      TEXT   NOT NULL UNIQUE,
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE password_reset (
    token      TEXT   PRIMARY KEY,
    -- The newest alone is good.
    account    TEXT   NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);

-- Kept for a bounded time and number (accounts/mod.rs). Addresses are written out, so that an entry outlives its account.
CREATE TABLE audit (
    id      BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    action  TEXT   NOT NULL,
    actor   TEXT,
    subject TEXT,
    detail  TEXT,
    address TEXT
);

-- Who made a meeting; NULL: somebody without an account.
ALTER TABLE meeting ADD COLUMN owner TEXT;
