//! Import arrows: the table of rooms in docs/ARCHITECTURE.md is the law, and Cargo.toml files obey it.

use crate::shell::{Result, read, root};
use std::collections::BTreeMap;

/// One room of the table.
pub struct Room {
    pub floor: Option<u8>,
    pub folder: String,
    /// Folders' last parts it may import; None: everything.
    pub imports: Option<Vec<String>>,
}

/// The rooms by package name.
pub struct Rooms(pub BTreeMap<String, Room>);

impl Rooms {
    /// Parses the table between the `rooms` marks of docs/ARCHITECTURE.md.
    pub fn read() -> Result<Rooms> {
        let text = read(root().join("docs/ARCHITECTURE.md"))?;
        let begin = text
            .find("<!-- rooms -->")
            .ok_or("docs/ARCHITECTURE.md has no <!-- rooms --> mark")?;
        let end = text
            .find("<!-- /rooms -->")
            .ok_or("docs/ARCHITECTURE.md has no <!-- /rooms --> mark")?;
        let rooms: BTreeMap<_, _> = text[begin..end].lines().filter_map(parse_row).collect();
        if rooms.len() < 10 {
            Err("the table of rooms could not be read".into())
        } else {
            Ok(Rooms(rooms))
        }
    }
}

/// `| 1 | `crates/rtp` | what | base, rtp |` → ("confab-rtp", …)
fn parse_row(line: &str) -> Option<(String, Room)> {
    let cells: Vec<&str> = line
        .trim()
        .strip_prefix('|')?
        .split('|')
        .map(str::trim)
        .collect();
    let [floor, folder, _what, imports, ..] = cells.as_slice() else {
        return None;
    };
    let folder = folder.strip_prefix('`')?.split('`').next()?.to_owned();
    let imports = match *imports {
        "all" => None,
        "–" => Some(vec![]),
        list => Some(list.split(',').map(|s| s.trim().to_owned()).collect()),
    };
    let floor = floor.split_whitespace().next().and_then(|f| f.parse().ok());
    Some((
        package_of(&folder),
        Room {
            floor,
            folder,
            imports,
        },
    ))
}

fn package_of(folder: &str) -> String {
    match folder {
        "signaling-server" => "confab-server".into(),
        "tests" => "confab-tests".into(),
        "src-tauri" => "confab-desktop".into(),
        "xtask" => "xtask".into(),
        _ => format!(
            "confab-{}",
            folder
                .trim_start_matches("crates/")
                .trim_start_matches("tools/")
                .trim_start_matches("bench/")
                .replace('/', "-")
        ),
    }
}

/// Lists every arrow that points where it may not, and every package without a row.
pub fn check(rooms: &Rooms) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let metadata = crate::shell::output(
        "cargo",
        &[
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ],
    )?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).map_err(|e| e.to_string())?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(room) = rooms.0.get(name) else {
            wrong.push(format!("package {name} has no row in docs/ARCHITECTURE.md"));
            continue;
        };
        let Some(allowed) = &room.imports else {
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            let dev_only = dependency["kind"].as_str() == Some("dev");
            let Some(short) = rooms
                .0
                .get(target)
                .map(|r| r.folder.rsplit('/').next().unwrap_or_default())
            else {
                continue;
            };
            if !dev_only && !allowed.iter().any(|a| a == short) {
                wrong.push(format!(
                    "{name} imports {target}, which docs/ARCHITECTURE.md does not allow"
                ));
            }
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read() {
        let (name, room) =
            parse_row("| 1 pure | `crates/rtp` | packets | base, congestion |").unwrap();
        assert_eq!(name, "confab-rtp");
        assert_eq!(room.floor, Some(1));
        assert_eq!(room.imports.unwrap(), ["base", "congestion"]);
    }

    #[test]
    fn headings_are_no_rooms() {
        assert!(parse_row("| Floor | Room | What lives there | May import |").is_none());
        assert!(parse_row("|---|---|---|---|").is_none());
    }
}
