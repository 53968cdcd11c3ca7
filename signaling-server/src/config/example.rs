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
        "Directory of the database and the self-signed certificate. Made if missing.",
    ),
    key(
        "behind_proxy",
        "A reverse proxy in front does TLS and sets X-Forwarded-For, whose last entry is then believed.",
    ),
    optional(
        "tls.cert",
        "\"/etc/confab/fullchain.pem\"",
        "Certificate chain, PEM. Needs tls.key.",
    ),
    optional(
        "tls.key",
        "\"/etc/confab/key.pem\"",
        "Its private key, PEM.",
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
    key("limits.connections", "TCP connections at a time."),
    key(
        "limits.connections_per_address",
        "TCP connections at a time from one client address.",
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
        "Who may create meetings in the browser and by the API: \"anyone\", \"token\" or \"loopback\" (this machine).",
    ),
    key(
        "access.tokens",
        "SHA-256 digests of API tokens, as `confab-server token` prints them.",
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
}
