//! An SMTP server of another make (aiosmtpd) in a process of its own, and what it was given.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use serde::Deserialize;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Ends when it is dropped: its standard input closes.
pub struct Sink {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub port: u16,
}

/// One line of the sink: a letter that arrived, or one it sent away.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrived {
    pub refused: bool,
    pub from: String,
    pub to: Vec<String>,
    pub headers: HashMap<String, String>,
    /// MIME types from the outside in.
    pub shape: Vec<String>,
    pub defects: Vec<String>,
    pub parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
pub struct Part {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: Option<String>,
    pub text: String,
}

fn python() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    cache.join("confab/tools/bin/python")
}

impl Sink {
    /// `None`, and a word about it, where the Python package is missing; `./confab test` brings it.
    pub fn start(arguments: &[&str]) -> Option<Sink> {
        let there = Command::new(python())
            .args(["-c", "import aiosmtpd"])
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            eprintln!(
                "not checked: the Python package aiosmtpd is missing; ./confab test brings it"
            );
            return None;
        }
        let mut child = Command::new(python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/sink.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("its first line");
        let port = first.trim().strip_prefix("port ").expect(&first);
        let port = port.parse().expect("a port");
        Some(Sink { child, lines, port })
    }

    /// Waits for the next line.
    pub fn next(&mut self) -> Arrived {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).expect(&line)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
