//! What differs between two configurations, key by key, and what of it a running server takes.

use super::Config;
use std::collections::BTreeMap;

/// Keys, or tables of them, that are taken by a reload; docs/OPERATING.md says so, and a test that it does.
pub const LIVE: &[&str] = &["access", "limits", "log.level", "mail"];

/// Whether a reload takes the key.
pub fn is_live(path: &str) -> bool {
    let under = |live: &str| {
        path.strip_prefix(live)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    LIVE.iter().any(|live| *live == path || under(live))
}

/// Dotted names of the keys that differ, in order.
pub fn changed_keys(old: &Config, new: &Config) -> Vec<String> {
    let (old, new) = (flat(old), flat(new));
    let mut all: Vec<&String> = old.keys().chain(new.keys()).collect();
    all.sort();
    all.dedup();
    let differs = all.into_iter().filter(|key| old.get(*key) != new.get(*key));
    differs.cloned().collect()
}

fn flat(config: &Config) -> BTreeMap<String, toml::Value> {
    let table = toml::Table::try_from(config).expect("a configuration is plain data");
    let mut all = BTreeMap::new();
    flatten(&table, "", &mut all);
    all
}

fn flatten(table: &toml::Table, prefix: &str, into: &mut BTreeMap<String, toml::Value>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) => flatten(inner, &format!("{prefix}{name}."), into),
            other => {
                into.insert(format!("{prefix}{name}"), other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Config {
        Config::parse(text, Path::new("confab.toml")).unwrap()
    }

    #[test]
    fn what_differs_is_named_also_where_a_key_came_or_went() {
        let old = parse("data_dir = \"a\"\n[media]\nudp_port = 1\n[log]\nlevel = \"debug\"\n");
        let new = parse("data_dir = \"b\"\n[limits]\nconnections = 7\n[log]\nlevel = \"debug\"\n");
        let changed = changed_keys(&old, &new);
        assert_eq!(
            changed,
            ["data_dir", "limits.connections", "media.udp_port"]
        );
        assert!(changed_keys(&old, &old).is_empty());
    }

    #[test]
    fn live_are_whole_names() {
        assert!(is_live("limits.connections") && is_live("log.level"));
        assert!(!is_live("log.format") && !is_live("limitsx") && !is_live("listen"));
    }

    #[test]
    fn the_operating_guide_says_what_a_reload_takes() {
        let guide = include_str!("../../../docs/OPERATING.md");
        let (_, section) = guide.split_once("\n## Reload").expect("a section");
        let taken = section
            .lines()
            .find(|l| l.starts_with("Taken:"))
            .expect("what is taken");
        for live in LIVE {
            let named = [format!("`{live}`"), format!("`[{live}]`")];
            assert!(
                named.iter().any(|n| taken.contains(n)),
                "{live} is missing: {taken}"
            );
        }
        let names = taken.matches('`').count() / 2;
        assert_eq!(names, LIVE.len(), "one name too many: {taken}");
    }
}
