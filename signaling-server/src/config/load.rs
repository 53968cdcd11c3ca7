//! Text to [`Config`]: parse, check what types cannot say, and name the line of whatever is wrong.

use super::{Config, CreatePolicy, IceTcp};
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// What is wrong with a configuration, printed as `file:line: message` (without the line where the file as a whole
/// is meant, or cannot be read).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub file: PathBuf,
    /// From 1.
    pub line: Option<usize>,
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads and checks a file. A relative `data_dir` or certificate path in it counts from the working directory.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|e| ConfigError {
            file: file.to_owned(),
            line: None,
            message: e.to_string(),
        })?;
        Config::parse(&text, file)
    }

    /// Parses and checks `text`; `file` is only for the error.
    pub fn parse(text: &str, file: &Path) -> Result<Config, ConfigError> {
        let error = |line, message| ConfigError {
            file: file.to_owned(),
            line,
            message,
        };
        let config: Config = toml::from_str(text).map_err(|e| {
            let line = e.span().map(|span| line_of(text, span.start));
            error(line, e.message().lines().collect::<Vec<_>>().join("; "))
        })?;
        config.check().map_err(|Fault { key, message }| {
            let line = find_key(text, key).map(|at| line_of(text, at));
            error(line, format!("{key}: {message}"))
        })?;
        Ok(config)
    }

    /// The rules between keys. Also run by [`crate::start`], for configurations that come from code.
    pub fn check(&self) -> Result<(), Fault> {
        self.check_listen()?;
        if self.drain_hours > 168 {
            return fault("drain_hours", "takes 0 to 168");
        }
        if let Some(database) = &self.database {
            database.check()?;
        }
        self.tls.check(self.public_url.as_deref())?;
        self.check_media()?;
        self.turn.check()?;
        self.mail.check()?;
        self.accounts.check(&self.mail)?;
        self.oidc.check()?;
        self.caldav.check()?;
        self.files.check()?;
        self.webhooks.check()?;
        self.embed.check()?;
        self.metrics.check()?;
        self.quality.check()?;
        self.traces.check()?;
        for (key, value) in [
            ("limits.connections", self.limits.connections),
            (
                "limits.connections_per_address",
                self.limits.connections_per_address,
            ),
            (
                "limits.new_connections_per_minute",
                self.limits.new_connections_per_minute as usize,
            ),
            (
                "limits.meetings_per_minute",
                self.limits.meetings_per_minute as usize,
            ),
            (
                "limits.joins_per_minute",
                self.limits.joins_per_minute as usize,
            ),
        ] {
            if value == 0 {
                return fault(key, "must be at least 1");
            }
        }
        let is_digest = |t: &String| t.len() == 64 && t.bytes().all(|b| b.is_ascii_hexdigit());
        if !self.access.tokens.iter().all(is_digest) {
            return fault(
                "access.tokens",
                "takes SHA-256 digests of 64 hex digits; `confab-server token` makes one",
            );
        }
        if self.access.create == CreatePolicy::Token && self.access.tokens.is_empty() {
            return fault(
                "access.create",
                "\"token\" needs at least one entry in access.tokens",
            );
        }
        Ok(())
    }

    fn check_listen(&self) -> Result<(), Fault> {
        if !self.tls.enabled() && !self.listen.ip().is_loopback() && !self.behind_proxy {
            return fault(
                "listen",
                "plain HTTP is refused on an address others can reach (browsers give no camera without TLS): \
                 set [tls], or behind_proxy = true if a proxy in front does TLS",
            );
        }
        match &self.public_url {
            Some(url) => check_url(url),
            None if self.listen.ip().is_unspecified() || self.behind_proxy => fault(
                "listen",
                "public_url is needed here: links cannot be made from this address",
            ),
            None => Ok(()),
        }
    }

    fn check_media(&self) -> Result<(), Fault> {
        if self.media.workers > 256 {
            return fault("media.workers", "is at most 256");
        }
        if self
            .media
            .public_addresses
            .iter()
            .any(|a| a.is_unspecified() || a.is_multicast())
        {
            return fault(
                "media.public_addresses",
                "takes addresses that others can send to",
            );
        }
        if self.media.ice_tcp == Some(IceTcp::Port(0)) {
            return fault(
                "media.ice_tcp",
                "takes \"shared\", \"off\" or a port number from 1 to 65535",
            );
        }
        Ok(())
    }
}

/// A rule that is broken and the dotted key to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct Fault {
    pub key: &'static str,
    pub message: String,
}

pub(super) fn fault<T>(key: &'static str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault {
        key,
        message: message.into(),
    })
}

fn check_url(url: &str) -> Result<(), Fault> {
    let parsed: Option<axum::http::Uri> = url.parse().ok();
    let good = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|a| !a.as_str().contains('@'))
            && uri.path() == "/"
            && uri.query().is_none()
    });
    match good {
        true => Ok(()),
        false => fault(
            "public_url",
            "takes https://host or https://host:port, without a path",
        ),
    }
}

/// From 1.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())]
        .iter()
        .filter(|b| **b == b'\n')
        .count()
        + 1
}

/// The byte offset of a dotted key, or of the nearest table above it that stands in the text.
fn find_key(text: &str, dotted: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut found = None;
    for part in dotted.split('.') {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == part) else {
            break;
        };
        found = Some(key.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("confab.toml"))
    }

    fn shown(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn every_key_with_a_bad_value_and_a_key_beside_it_name_their_line() {
        for key in super::super::KEYS {
            let (table, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
            let head = match table {
                "" => "# a comment\n".to_owned(),
                table => format!("[{table}]\n"),
            };
            // No key takes a table of lists.
            let bad = shown(&format!("{head}\n{name} = {{ x = [[1]] }}\n"));
            assert!(bad.starts_with("confab.toml:3: "), "{}: {bad}", key.path);
            let unknown = shown(&format!("{head}\nx{name} = 1\n"));
            assert!(
                unknown.starts_with("confab.toml:3: "),
                "{}: {unknown}",
                key.path
            );
            assert!(unknown.contains(&format!("x{name}")), "{unknown}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = "listen = \"127.0.0.1:1\"\n\n[media]\nworkers = 2\nwrokers = 3\n";
        let message = shown(text);
        assert!(message.starts_with("confab.toml:5: "), "{message}");
        assert!(message.contains("wrokers"), "{message}");
    }

    #[test]
    fn a_wrong_type_and_broken_syntax_name_their_line() {
        assert!(shown("# a comment\nbehind_proxy = 7\n").starts_with("confab.toml:2: "));
        assert!(shown("\n\nlisten = \n").starts_with("confab.toml:3: "));
        assert!(shown("[media]\nice_tcp = \"sometimes\"").contains("shared"));
    }

    #[test]
    fn rules_between_keys_name_their_line_too() {
        let message = shown("data_dir = \"x\"\nlisten = \"0.0.0.0:80\"\n");
        assert!(
            message.starts_with("confab.toml:2: listen: plain HTTP"),
            "{message}"
        );
        let message = shown("[access]\n\ncreate = \"token\"\n");
        assert!(
            message.starts_with("confab.toml:3: access.create"),
            "{message}"
        );
        let message = shown("[tls]\ncert = \"a.pem\"\n");
        assert!(message.starts_with("confab.toml:2: tls.cert"), "{message}");
    }

    #[test]
    fn plain_http_in_the_open_needs_a_proxy_that_is_named() {
        let open = "listen = \"0.0.0.0:8080\"\npublic_url = \"https://meet.example.org\"\n";
        assert!(parse(open).is_err());
        let behind = parse(&format!("{open}behind_proxy = true\n")).unwrap();
        assert_eq!(behind.ice_tcp(), IceTcp::Off);
    }

    #[test]
    fn public_url_takes_an_origin_only() {
        for bad in [
            "meet.example.org",
            "https://a/b",
            "ftp://a",
            "https://u:p@a",
            "https://a?x",
        ] {
            assert!(parse(&format!("public_url = \"{bad}\"")).is_err(), "{bad}");
        }
        let good = parse("public_url = \"https://meet.example.org/\"").unwrap();
        assert_eq!(
            good.public_url("127.0.0.1:1".parse().unwrap()),
            "https://meet.example.org"
        );
    }

    #[test]
    fn media_is_kept_to_this_machine_where_http_is() {
        let address = |text: &str| {
            let config = Config::parse(text, Path::new("test.toml")).unwrap();
            config.media_address().to_string()
        };
        assert_eq!(address("listen = \"127.0.0.1:8480\"\n"), "127.0.0.1");
        assert_eq!(address("listen = \"[::1]:8480\"\n"), "::1");
        assert_eq!(
            address(
                "listen = \"[::]:8480\"\npublic_url = \"https://a.example\"\n[tls]\nself_signed = true\n"
            ),
            "::",
            "and IPv4 with it"
        );
        assert_eq!(
            address(
                "listen = \"0.0.0.0:8480\"\npublic_url = \"https://a.example\"\n[tls]\nself_signed = true\n"
            ),
            "0.0.0.0"
        );
        assert_eq!(
            address("listen = \"127.0.0.1:8480\"\n[media]\naddress = \"0.0.0.0\"\n"),
            "0.0.0.0"
        );
        assert_eq!(
            address(
                "listen = \"127.0.0.1:8480\"\nbehind_proxy = true\npublic_url = \"https://a.example\"\n"
            ),
            "0.0.0.0"
        );
    }
}
