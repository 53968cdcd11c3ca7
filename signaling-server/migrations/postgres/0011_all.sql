-- All tables as the files of SQLite up to 0011 make them: a PostgreSQL database begins here. Times are milliseconds since 1970; true
-- is 1. What the columns mean stands in those files. Texts are ordered by their bytes, as SQLite does it.

-- SQLite's functions for JSON, as far as the store uses them, so that its statements have one text. A path is $.name.name.
CREATE FUNCTION json_escaped(data TEXT) RETURNS JSONB LANGUAGE SQL IMMUTABLE STRICT AS $$
    -- PostgreSQL has no NUL in texts.
    SELECT CAST(replace(data, '\u0000', '\ufffd') AS JSONB)
$$;

CREATE FUNCTION json_path(path TEXT) RETURNS TEXT[] LANGUAGE SQL IMMUTABLE STRICT AS $$
    SELECT string_to_array(substr(path, 3), '.')
$$;

CREATE FUNCTION json_extract(data TEXT, path TEXT) RETURNS TEXT LANGUAGE SQL IMMUTABLE STRICT AS $$
    SELECT json_escaped(data) #>> json_path(path)
$$;

CREATE FUNCTION json_each(data TEXT, path TEXT) RETURNS TABLE (value TEXT) LANGUAGE SQL IMMUTABLE AS $$
    SELECT CAST(element AS TEXT) FROM jsonb_array_elements(
        CASE jsonb_typeof(json_escaped(data) #> json_path(path)) WHEN 'array' THEN json_escaped(data) #> json_path(path) END
    ) AS element
$$;

CREATE FUNCTION json_remove(data TEXT, VARIADIC paths TEXT[]) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    rest JSONB := json_escaped(data);
    path TEXT;
BEGIN
    FOREACH path IN ARRAY paths LOOP
        rest := rest #- json_path(path);
    END LOOP;
    RETURN CAST(rest AS TEXT);
END
$$;

-- Takes paths and texts in turns; NULL is JSON's null.
CREATE FUNCTION json_set(data TEXT, VARIADIC parts TEXT[]) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    whole JSONB := json_escaped(data);
BEGIN
    FOR place IN 1 .. array_length(parts, 1) BY 2 LOOP
        whole := jsonb_set(whole, json_path(parts[place]), coalesce(to_jsonb(parts[place + 1]), 'null'));
    END LOOP;
    RETURN CAST(whole AS TEXT);
END
$$;

CREATE TABLE meeting (
    id TEXT COLLATE "C" PRIMARY KEY,
    title TEXT COLLATE "C" NOT NULL,
    host_key BYTEA NOT NULL,
    starts_at BIGINT NOT NULL,
    minutes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    locked BIGINT NOT NULL DEFAULT 0,
    ended BIGINT NOT NULL DEFAULT 0,
    state TEXT COLLATE "C",
    owner TEXT COLLATE "C"
);

CREATE TABLE seat (
    meeting TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (meeting, id)
);

CREATE TABLE chat (
    meeting TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    at BIGINT,
    PRIMARY KEY (meeting, id)
);

CREATE TABLE account (
    id TEXT COLLATE "C" PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    password TEXT COLLATE "C",
    language TEXT COLLATE "C",
    time_zone TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE account_session (
    token TEXT COLLATE "C" PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    agent TEXT COLLATE "C" NOT NULL
);

CREATE TABLE invitation (
    token TEXT COLLATE "C" PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    email TEXT COLLATE "C" NOT NULL UNIQUE,
    role TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE password_reset (
    token TEXT COLLATE "C" PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);

CREATE TABLE audit (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    address TEXT COLLATE "C"
);

CREATE TABLE bookable_room (
    id TEXT COLLATE "C" PRIMARY KEY,
    revision BIGINT NOT NULL DEFAULT 0,
    data TEXT COLLATE "C" NOT NULL
);

CREATE TABLE plan (
    meeting TEXT COLLATE "C" PRIMARY KEY REFERENCES meeting (id) ON DELETE CASCADE,
    room TEXT COLLATE "C" REFERENCES bookable_room (id) ON DELETE SET NULL,
    begins_at BIGINT,
    ends_at BIGINT,
    revision BIGINT NOT NULL,
    data TEXT COLLATE "C" NOT NULL
);

CREATE TABLE occurrence (
    meeting TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    name TEXT COLLATE "C",
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    for_all BIGINT NOT NULL DEFAULT 0,
    tools TEXT COLLATE "C",
    PRIMARY KEY (meeting, at)
);

CREATE TABLE attendance (
    meeting TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    participant BIGINT NOT NULL,
    at BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    joined_at BIGINT NOT NULL,
    left_at BIGINT,
    spoken BIGINT NOT NULL DEFAULT 0,
    account TEXT COLLATE "C",
    PRIMARY KEY (meeting, participant)
);

CREATE TABLE feed (
    id TEXT COLLATE "C" PRIMARY KEY,
    token BYTEA NOT NULL UNIQUE,
    owner TEXT COLLATE "C",
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE account_identity (
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    email TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (account, issuer)
);

CREATE TABLE passkey (
    credential TEXT COLLATE "C" PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    algorithm BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE calendar_link (
    account TEXT COLLATE "C" PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    url TEXT COLLATE "C" NOT NULL,
    login TEXT COLLATE "C" NOT NULL,
    password BYTEA NOT NULL,
    calendar TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    choices TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C",
    pushed_at BIGINT,
    failures BIGINT NOT NULL,
    retry_at BIGINT,
    revision BIGINT NOT NULL
);

CREATE TABLE calendar_event (
    account TEXT COLLATE "C" NOT NULL REFERENCES calendar_link (account) ON DELETE CASCADE,
    uid TEXT COLLATE "C" NOT NULL,
    meeting TEXT COLLATE "C" NOT NULL,
    href TEXT COLLATE "C" NOT NULL,
    etag TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    fate TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, uid)
);

CREATE TABLE file (
    id TEXT COLLATE "C" PRIMARY KEY,
    meeting TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    participant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    message BIGINT,
    account TEXT COLLATE "C"
);

CREATE TABLE board (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    meeting TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (meeting, at, name)
);

CREATE TABLE board_author (
    board BIGINT NOT NULL REFERENCES board (id) ON DELETE CASCADE,
    author BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    participant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    sessions BIGINT NOT NULL,
    PRIMARY KEY (board, author),
    UNIQUE (board, who)
);

CREATE TABLE board_entry (
    board BIGINT NOT NULL REFERENCES board (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    lamport BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (board, number)
);

CREATE TABLE board_snapshot (
    board BIGINT PRIMARY KEY REFERENCES board (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    data BYTEA NOT NULL
);

CREATE TABLE call (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    meeting TEXT COLLATE "C" NOT NULL REFERENCES meeting (id) ON DELETE CASCADE,
    title TEXT COLLATE "C" NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT NOT NULL
);

CREATE TABLE call_person (
    call BIGINT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    participant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (call, participant)
);

CREATE TABLE call_minute (
    call BIGINT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    participant BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    began BIGINT NOT NULL,
    score BIGINT NOT NULL,
    client TEXT COLLATE "C",
    server TEXT COLLATE "C",
    PRIMARY KEY (call, participant, ended)
);

CREATE TABLE server_minute (
    ended BIGINT PRIMARY KEY,
    began BIGINT NOT NULL,
    cpu BIGINT NOT NULL,
    packets BIGINT NOT NULL,
    dropped BIGINT NOT NULL
);

CREATE TABLE api_token (
    digest TEXT COLLATE "C" PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    account TEXT COLLATE "C" REFERENCES account (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    expires_at BIGINT
);

CREATE TABLE webhook (
    id TEXT COLLATE "C" PRIMARY KEY,
    url TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    events TEXT COLLATE "C" NOT NULL,
    enabled BIGINT NOT NULL,
    gone BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    arrived_at BIGINT,
    dropped BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE webhook_letter (
    number BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    webhook TEXT COLLATE "C" NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    event TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT,
    status BIGINT,
    trouble TEXT COLLATE "C"
);

CREATE INDEX account_session_account ON account_session (account);
CREATE INDEX meeting_owner ON meeting (owner);
CREATE INDEX plan_room ON plan (room);
CREATE INDEX attendance_occurrence ON attendance (meeting, at);
CREATE INDEX passkey_account ON passkey (account);
CREATE INDEX file_meeting ON file (meeting);
CREATE INDEX file_created ON file (created_at);
CREATE INDEX board_entry_at ON board_entry (board, at);
CREATE INDEX call_meeting ON call (meeting, ended);
CREATE INDEX call_ended ON call (ended);
CREATE INDEX attendance_account ON attendance (account);
CREATE INDEX file_account ON file (account);
CREATE INDEX api_token_account ON api_token (account);
CREATE INDEX webhook_letter_due ON webhook_letter (state, due_at);
CREATE INDEX webhook_letter_webhook ON webhook_letter (webhook, state);
