-- Ways into an account beside its password. Plain SQL, for PostgreSQL too.

-- Whom a provider of OpenID Connect knows, and which account that is.
CREATE TABLE account_identity (
    issuer     TEXT   NOT NULL,
    -- The provider's name for the person, which it never gives to another.
    subject    TEXT   NOT NULL,
    account    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- As the provider last told it, to be shown.
    email      TEXT,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    -- Whoever has the address of somebody who left the provider does not get the account.
    UNIQUE (account, issuer)
);

CREATE TABLE passkey (
    -- Credential id of WebAuthn, base64url.
    credential TEXT    PRIMARY KEY,
    -- Names it in lists; opens nothing.
    id         TEXT    NOT NULL UNIQUE,
    account    TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    -- SubjectPublicKeyInfo in DER, base64url, and the COSE number of its algorithm.
    key        TEXT    NOT NULL,
    algorithm  INTEGER NOT NULL,
    -- Signatures so far, as the authenticator counts them; 0: it does not count.
    counter    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    used_at    BIGINT
);
CREATE INDEX passkey_account ON passkey (account);
