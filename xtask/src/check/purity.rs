//! Floors 0 and 1 are pure: no clock, thread, socket, randomness, OS or unsafe code.

use super::arrows::Rooms;
use crate::shell::{Result, read, root, tracked};

/// What a pure room must not say outside its tests, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::time::Instant", "is a clock"),
    ("Instant::now", "is a clock"),
    ("SystemTime", "is a clock"),
    ("std::thread", "is a thread"),
    ("std::net::", "is a socket"),
    ("std::fs", "is the disk"),
    ("std::env", "is the environment"),
    ("std::process", "is a process"),
    ("tokio", "is a runtime"),
    ("rand::", "is randomness"),
    ("println!", "is output"),
    ("cfg(target_os", "is an operating system"),
];

/// Dependencies a pure room must not have.
const FORBIDDEN_CRATES: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "rand",
    "libc",
    "crossbeam-channel",
    "tracing",
];

/// Lists breaches.
pub fn check(rooms: &Rooms) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let files = tracked()?;
    for room in rooms.0.values().filter(|r| r.floor.is_some_and(|f| f <= 1)) {
        let lib = read(root().join(&room.folder).join("src/lib.rs"))?;
        if !lib.contains("#![forbid(unsafe_code)]") {
            wrong.push(format!(
                "{}: lib.rs does not forbid unsafe code",
                room.folder
            ));
        }
        let manifest = read(root().join(&room.folder).join("Cargo.toml"))?;
        let normal = manifest
            .split("[dev-dependencies]")
            .next()
            .unwrap_or_default();
        for name in FORBIDDEN_CRATES {
            if normal
                .lines()
                .any(|l| l.starts_with(&format!("{name}.")) || l.starts_with(&format!("{name} ")))
            {
                wrong.push(format!(
                    "{}: a pure room must not depend on {name}",
                    room.folder
                ));
            }
        }
        let source = format!("{}/src/", room.folder);
        for file in files
            .iter()
            .filter(|f| f.starts_with(&source) && f.ends_with(".rs") && !f.contains("/src/bin/"))
        {
            wrong.extend(scan(file, &read(root().join(file))?));
        }
    }
    Ok(wrong)
}

fn scan(file: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut wrong = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        for (word, why) in FORBIDDEN {
            if line.contains(word) {
                wrong.push(format!(
                    "{file}:{}: {word} {why}; a pure room is told",
                    number + 1
                ));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_found_and_a_comment_about_one_is_not() {
        assert_eq!(scan("x.rs", "let a = Instant::now();").len(), 1);
        assert!(scan("x.rs", "// Instant::now would be wrong here\n").is_empty());
    }

    #[test]
    fn tests_may_use_what_they_like() {
        assert!(
            scan(
                "x.rs",
                "fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }"
            )
            .is_empty()
        );
    }
}
