//! Clients for programs, made from docs/openapi.json: `sdk/typescript` and `sdk/rust`. They hold the operations that a token can do and
//! that speak JSON; what connects (addresses, headers, errors) is written by hand beside them.

mod document;
mod rust;
mod typescript;

use crate::shell::{Result, read, root};
use document::Document;
use std::io::Write;
use std::process::{Command, Stdio};

const DOCUMENT: &str = "docs/openapi.json";
const TYPESCRIPT: &str = "sdk/typescript/src/generated/api.ts";
const RUST: &str = "sdk/rust/src/generated/mod.rs";

/// Path and text of each file.
fn files() -> Result<[(&'static str, String); 2]> {
    let document = Document::parse(&read(root().join(DOCUMENT))?)?;
    let rust = formatted(&rust::write(&document))?;
    Ok([(TYPESCRIPT, typescript::write(&document)), (RUST, rust)])
}

/// Writes them.
pub fn write() -> Result {
    for (path, text) in files()? {
        let file = root().join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        }
        std::fs::write(&file, text).map_err(|e| format!("{path}: {e}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails when the committed ones differ from what the document says now.
pub fn check() -> Result {
    for (path, text) in files()? {
        if read(root().join(path))? != text {
            return Err(format!(
                "{path} is stale: run `cargo xtask sdk` and commit it"
            ));
        }
    }
    Ok(())
}

fn formatted(code: &str) -> Result<String> {
    let child = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|e| format!("rustfmt: {e}"))?;
    if let Some(mut input) = child.stdin.take() {
        let sent = input.write_all(code.as_bytes());
        sent.map_err(|e| format!("rustfmt: {e}"))?;
    }
    let done = child
        .wait_with_output()
        .map_err(|e| format!("rustfmt: {e}"))?;
    match (done.status.success(), String::from_utf8(done.stdout)) {
        (true, Ok(text)) => Ok(text),
        _ => Err("rustfmt refused the generated code".into()),
    }
}
