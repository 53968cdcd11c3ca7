//! `database`: where PostgreSQL is. Absent: SQLite in the data directory.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// `postgres://user:password@host:port/database?sslmode=verify-full`. Written out with its password in no log and no error.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub fn new(url: impl Into<String>) -> DatabaseUrl {
        DatabaseUrl(url.into())
    }

    /// With its password.
    pub fn secret(&self) -> &str {
        &self.0
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let scheme = self.0.split_once("://").map(|(scheme, _)| scheme);
        let known = matches!(scheme, Some("postgres" | "postgresql"));
        match known && self.0.parse::<sqlx::postgres::PgConnectOptions>().is_ok() {
            true => Ok(()),
            false => fault(
                "database",
                "takes postgres://user:password@host:port/database; without it the database is confab.sqlite in data_dir",
            ),
        }
    }

    /// For tests: a database of its own for each folder, on the server that `CONFAB_TEST_DATABASE` names; none: SQLite.
    pub(super) fn for_tests(folder: &Path) -> Option<DatabaseUrl> {
        let server = std::env::var("CONFAB_TEST_DATABASE").ok()?;
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let name = crate::secrets::Digest::of(&folder.to_string_lossy()).to_hex();
        let more = if server.contains('?') { '&' } else { '?' };
        Some(DatabaseUrl(format!(
            "{server}{more}dbname=confab_{}",
            &name[..24]
        )))
    }
}

/// Without the password, and without what stands behind `?`, where one may be, too.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.split('?').next().unwrap_or_default();
        match (plain.split_once("://"), plain.rsplit_once('@')) {
            (Some((scheme, _)), Some((who, place))) => {
                let user = who.split_once("://").map_or("", |(_, who)| who);
                let user = user.split(':').next().unwrap_or_default();
                write!(f, "{scheme}://{user}@{place}")
            }
            _ => f.write_str(plain),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(line: &str) -> Result<Config, String> {
        Config::parse(line, Path::new("confab.toml")).map_err(|e| e.to_string())
    }

    #[test]
    fn one_line_names_the_database_and_nothing_shows_its_password() {
        let line = "database = \"postgres://confab:pass@word@db.example:5433/meet?sslmode=require&password=hidden\"\n";
        let config = read(line).unwrap();
        let shown = format!("{config:?} {}", config.database.as_ref().unwrap());
        assert!(shown.contains("postgres://confab@db.example:5433/meet"));
        assert!(
            !shown.contains("pass") || !shown.contains("word@"),
            "{shown}"
        );
        assert!(!shown.contains("hidden"));
    }

    #[test]
    fn other_addresses_are_refused_without_being_repeated() {
        for wrong in [
            "mysql://u:secret@h/d",
            "secret",
            "postgres://u:secret@h:port/d",
        ] {
            let said = read(&format!(
                "listen = \"127.0.0.1:1\"\ndatabase = \"{wrong}\"\n"
            ))
            .unwrap_err();
            assert!(said.starts_with("confab.toml:2: database: "), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
