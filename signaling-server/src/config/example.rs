//! One explanation per key, and the example file made from it: `confab-server config example`.

use super::Config;
use std::fmt::Write;

/// A key of the file. `sample` stands in the example where the default is "absent".
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub path: &'static str,
    pub doc: &'static str,
    pub sample: Option<&'static str>,
}

const fn key(path: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        doc,
        sample: None,
    }
}

const fn optional(path: &'static str, sample: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        doc,
        sample: Some(sample),
    }
}

/// Every key, in the order of the example.
pub const KEYS: &[Key] = &[
    key(
        "listen",
        "Address and TCP port of web pages, signaling and media over TCP.",
    ),
    optional(
        "public_url",
        "\"https://meet.example.org\"",
        "How people reach the server; links are made from it. Absent: the listening address.",
    ),
    key(
        "data_dir",
        "Directory of the database, files and certificates that the server gets itself. Made if missing.",
    ),
    optional(
        "database",
        "\"postgres://confab@localhost/confab?host=/run/postgresql\"",
        "A PostgreSQL database in place of SQLite, which is confab.sqlite in data_dir.",
    ),
    key(
        "behind_proxy",
        "A reverse proxy in front does TLS and sets X-Forwarded-For, whose last entry is then believed.",
    ),
    key(
        "drain_hours",
        "Hours that the old process keeps its meetings after `confab-server restart`, 0 to 168. 0: until they are over.",
    ),
    optional(
        "tls.cert",
        "\"/etc/confab/fullchain.pem\"",
        "Certificate chain, PEM. Needs tls.key. Read anew when the files change.",
    ),
    optional(
        "tls.key",
        "\"/etc/confab/key.pem\"",
        "Its private key, PEM.",
    ),
    key(
        "tls.acme",
        "Get the certificate from an authority by ACME and renew it in time. Means agreeing to the authority's terms. Needs \
         public_url, and TCP 443 of that name leading here.",
    ),
    optional(
        "tls.acme_email",
        "\"ada@example.org\"",
        "Where the authority writes when something is wrong.",
    ),
    key(
        "tls.acme_directory",
        "The authority's directory (RFC 8555). The default is Let's Encrypt.",
    ),
    optional(
        "tls.acme_ca",
        "\"/etc/confab/acme-ca.pem\"",
        "Who signed the directory's own certificate, PEM. Absent: the public authorities.",
    ),
    key(
        "tls.self_signed",
        "Make a certificate and keep it in data_dir, for local use: browsers warn of it.",
    ),
    optional(
        "media.address",
        "\"0.0.0.0\"",
        "Local address of the media port. Absent: all; loopback alone where HTTP is (and no proxy before it).",
    ),
    optional(
        "media.udp_port",
        "8480",
        "UDP port of all media. Absent: the number of the HTTP port.",
    ),
    key(
        "media.public_addresses",
        "Addresses announced to clients, for servers behind NAT. Empty: all addresses of this machine.",
    ),
    optional(
        "media.ice_tcp",
        "\"shared\"",
        "Media over TCP, where UDP is blocked: \"shared\" with the HTTP port, \"off\", or a port number of its own. \
         Absent: shared; off behind a proxy.",
    ),
    key("media.workers", "Media threads. 0: one per core."),
    key(
        "turn.enabled",
        "The built-in TURN relay, for browsers behind firewalls that let nothing but TLS out. It leads to this server's \
         media and nowhere else.",
    ),
    key("turn.allocations", "Its allocations at a time, at most."),
    key(
        "turn.allocations_per_participant",
        "Of one participant: a browser makes one per network it is in and address of the server.",
    ),
    key("limits.connections", "TCP connections at a time."),
    key(
        "limits.connections_per_address",
        "TCP connections at a time from one client address.",
    ),
    key(
        "limits.new_connections_per_minute",
        "TCP connections one client address may make in a minute.",
    ),
    key(
        "limits.meetings_per_minute",
        "Meetings one client address may create in a minute.",
    ),
    key(
        "limits.joins_per_minute",
        "Times one client address may say hello in a minute.",
    ),
    key(
        "access.create",
        "Who may create meetings in the browser and by the API: \"anyone\", \"account\" (whoever is signed in), \
         \"token\" or \"loopback\" (this machine).",
    ),
    key(
        "access.tokens",
        "SHA-256 digests of API tokens, as `confab-server token` prints them.",
    ),
    key(
        "accounts.sign_up",
        "Who may make an account: \"closed\" (the command line), \"invitation\" (of an admin) or \"open\" (by a letter; needs [mail]).",
    ),
    key(
        "accounts.session_days",
        "Days until one has to sign in again.",
    ),
    optional(
        "oidc.issuer",
        "\"https://id.example.org\"",
        "Sign-in by a provider of OpenID Connect: its issuer, to the letter. Absent: there is none.",
    ),
    optional(
        "oidc.client_id",
        "\"confab\"",
        "Our name there. The redirect URI to register is <public_url>/api/v1/session/provider/callback.",
    ),
    optional(
        "oidc.client_secret_file",
        "\"/etc/confab/oidc-secret\"",
        "File with the secret it gave us, one line. Absent: a public client.",
    ),
    key("oidc.scopes", "What is asked for there."),
    optional(
        "oidc.name",
        "\"Example ID\"",
        "The provider's name, on the button. Absent: its host.",
    ),
    key(
        "oidc.domains",
        "Only mail addresses of these domains may enter by it. Empty: all.",
    ),
    key(
        "oidc.sign_up",
        "Whoever it lets in gets an account at the first entry; otherwise who has one here or is invited.",
    ),
    optional(
        "oidc.admin_claim",
        "\"groups\"",
        "Claim that makes admins, with one of oidc.admin_values, and members of all others. Absent: roles are given here.",
    ),
    optional(
        "oidc.admin_values",
        "[\"confab-admins\"]",
        "Needed with oidc.admin_claim.",
    ),
    optional(
        "oidc.ca",
        "\"/etc/confab/id-ca.pem\"",
        "Who signed the provider's certificate, PEM. Absent: the public authorities.",
    ),
    optional(
        "mail.host",
        "\"smtp.example.org\"",
        "Mail server for invitations and password links. Absent: no mail is sent.",
    ),
    optional(
        "mail.port",
        "587",
        "Its port. Absent: 587 with \"starttls\", 465 with \"tls\", 25 with \"off\".",
    ),
    key(
        "mail.tls",
        "\"starttls\", \"tls\" (from the first byte) or \"off\".",
    ),
    optional(
        "mail.ca",
        "\"/etc/confab/mail-ca.pem\"",
        "Who signed its certificate, PEM. Absent: the public authorities.",
    ),
    optional(
        "mail.user",
        "\"confab\"",
        "User name there. Needs mail.password_file.",
    ),
    optional(
        "mail.password_file",
        "\"/etc/confab/mail-password\"",
        "File with the password, one line.",
    ),
    optional(
        "mail.from",
        "\"Confab <confab@example.org>\"",
        "Sender of all letters. Needed with mail.host.",
    ),
    key(
        "caldav.private",
        "Calendars that people name may be on this machine and in its networks, and without TLS. Only where everybody with an account may reach those.",
    ),
    optional(
        "caldav.ca",
        "\"/etc/confab/calendar-ca.pem\"",
        "Who signed the certificates of calendar servers, PEM. Absent: the public authorities.",
    ),
    key(
        "caldav.retry_seconds",
        "After a calendar was not reached, seconds until the first new try; then twice as long each time, up to six hours.",
    ),
    key(
        "files.max_mb",
        "Largest file in a meeting's chat, megabytes; 0: no files are taken.",
    ),
    key(
        "files.meeting_mb",
        "All files of one meeting together, megabytes.",
    ),
    key(
        "files.total_mb",
        "All files of the server together, megabytes. They lie in the data directory, beside the database, unless files.s3 says otherwise.",
    ),
    key(
        "files.account_mb",
        "All files that one account uploaded together, megabytes; 0: no bound but the others.",
    ),
    key(
        "files.min_free_mb",
        "Megabytes that stay free on the disk: with less no file is taken, and meetings go on.",
    ),
    key(
        "files.keep_days",
        "Days until a file is deleted, 1 to 3650.",
    ),
    optional(
        "files.s3.endpoint",
        "\"https://s3.example.org\"",
        "Where a bucket for the bytes of files is, in place of the data directory.",
    ),
    optional(
        "files.s3.bucket",
        "\"confab\"",
        "Its name. Absent: files lie in the data directory.",
    ),
    key("files.s3.region", "Its region, as its owner names it."),
    key("files.s3.prefix", "Before every file's name in it."),
    key(
        "files.s3.path_style",
        "true: https://host/bucket/file; false: https://bucket.host/file.",
    ),
    optional(
        "files.s3.access_key",
        "\"AKIA0123456789\"",
        "Who is allowed into it.",
    ),
    optional(
        "files.s3.secret_key_file",
        "\"/etc/confab/s3-secret\"",
        "File with the secret key, one line.",
    ),
    optional(
        "files.s3.ca",
        "\"/etc/confab/s3-ca.pem\"",
        "Who signed the bucket's certificate, PEM. Absent: the public authorities.",
    ),
    key(
        "webhooks.private",
        "Receivers of webhooks may be on this machine and in its networks, and without TLS.",
    ),
    optional(
        "webhooks.ca",
        "\"/etc/confab/hooks-ca.pem\"",
        "Who signed the receivers' certificates, PEM. Absent: the public authorities.",
    ),
    key(
        "webhooks.retry_seconds",
        "After a letter did not arrive, seconds until the second try; then six times as long each time, up to twelve hours.",
    ),
    key(
        "webhooks.tries",
        "Tries of one letter until it is given up, 1 to 20.",
    ),
    key(
        "embed.origins",
        "Origins of pages that may show meetings in a frame (docs/API.md), such as \"https://intranet.example.org\". Empty: none.",
    ),
    optional(
        "metrics.listen",
        "\"127.0.0.1:9480\"",
        "Address of /metrics for Prometheus, without a token: this machine or a private network. Absent: only at the HTTP port, with an API token.",
    ),
    key(
        "quality.days",
        "Days until it is forgotten how a call went, 0 to 3650; 0: nothing of it is kept.",
    ),
    optional(
        "traces.otlp",
        "\"http://127.0.0.1:4318\"",
        "An OpenTelemetry collector that is told how long the server's work took, by OTLP over HTTP. Absent: nobody is told.",
    ),
    key(
        "traces.sample",
        "Of all requests and joins, the share whose times are told, 0 to 1.",
    ),
    key(
        "log.level",
        "\"error\", \"warn\", \"info\", \"debug\" or \"trace\".",
    ),
    key("log.format", "\"text\" or \"json\" (one object a line)."),
];

/// The example file: every key with its explanation, commented out at its default.
pub fn example() -> String {
    let defaults = toml::Table::try_from(Config::default()).expect("the default is plain data");
    let mut text = String::from(
        "# Configuration of confab-server. Every key may be left out; what stands here is the default,\n\
         # or a sample where there is none. An unknown key is an error.\n",
    );
    let mut section = "";
    for key in KEYS {
        let (table, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if table != section {
            section = table;
            let _ = write!(text, "\n[{section}]\n");
        }
        let value = match key.sample {
            Some(sample) => sample.to_owned(),
            None => default_of(&defaults, key.path).to_string(),
        };
        let _ = write!(text, "\n# {}\n#{name} = {value}\n", key.doc);
    }
    text
}

fn default_of<'a>(defaults: &'a toml::Table, path: &str) -> &'a toml::Value {
    let mut parts = path.split('.');
    let first = parts.next().expect("a path is not empty");
    parts.fold(&defaults[first], |value, part| &value[part])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn paths(table: &toml::Table, prefix: &str, into: &mut Vec<String>) {
        for (name, value) in table {
            match value {
                toml::Value::Table(inner) => paths(inner, &format!("{prefix}{name}."), into),
                _ => into.push(format!("{prefix}{name}")),
            }
        }
    }

    #[test]
    fn every_key_is_explained_and_every_explanation_has_its_key() {
        let defaults = toml::Table::try_from(Config::default()).unwrap();
        let mut known = Vec::new();
        paths(&defaults, "", &mut known);
        for path in &known {
            assert!(
                KEYS.iter().any(|k| k.path == path),
                "{path} is not explained"
            );
        }
        for key in KEYS {
            let there = known.iter().any(|p| p == key.path);
            assert_eq!(
                there,
                key.sample.is_none(),
                "{}: a sample stands for an absent default",
                key.path
            );
        }
    }

    #[test]
    fn the_example_is_the_default() {
        let config = Config::parse(&example(), Path::new("example")).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn the_example_with_its_comment_signs_taken_away_parses() {
        let plain: String = example()
            .lines()
            .map(|l| match l.strip_prefix('#') {
                Some(setting)
                    if !setting.starts_with(' ') && !setting.starts_with("self_signed") =>
                {
                    setting
                }
                _ => l,
            })
            .flat_map(|l| [l, "\n"])
            .collect();
        Config::parse(&plain, Path::new("example")).unwrap();
    }

    #[test]
    fn the_operating_guide_names_every_key() {
        let guide = include_str!("../../../docs/OPERATING.md");
        for key in KEYS {
            assert!(
                guide.contains(&format!("`{}`", key.path)),
                "docs/OPERATING.md misses `{}`",
                key.path
            );
        }
    }

    #[test]
    fn the_operating_guides_table_has_no_key_that_is_none() {
        let guide = include_str!("../../../docs/OPERATING.md");
        let (_, table) = guide.split_once("\n| Key |").expect("a table of keys");
        let rows = table.lines().skip(2).take_while(|l| l.starts_with('|'));
        let mut named = Vec::new();
        for row in rows {
            let first = row.split('|').nth(1).expect("a first column");
            named.extend(first.split('`').skip(1).step_by(2));
        }
        for path in &named {
            let known = KEYS.iter().any(|k| k.path == *path);
            assert!(
                known,
                "docs/OPERATING.md explains `{path}`, which is no key"
            );
        }
        for key in KEYS {
            let times = named.iter().filter(|n| **n == key.path).count();
            assert_eq!(times, 1, "rows of `{}` in docs/OPERATING.md", key.path);
        }
    }
}
