//! Files made from other files: TypeScript types. They are committed, so that a reader and the UI have them without Rust.
//!
//! The protocol's come from a crate that builds anywhere; `cargo xtask check` compares them at once. Those of the desk and
//! the shell come from crates that need the system's libraries, which this program must not: each has a test that fails when
//! its file is stale, and that writes it when asked to.

use crate::shell::{Result, command, read, root};

const TYPES: &str = "ui/src/generated/protocol.ts";

/// The test's name, and the packages that have one.
const TEST: &str = "the_generated_file_is_current";
const PACKAGES: [&str; 2] = ["confab-client", "confab-desktop"];

/// Writes them.
pub fn write() -> Result {
    let path = root().join(TYPES);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    }
    std::fs::write(&path, confab_protocol::typescript()).map_err(|e| format!("{TYPES}: {e}"))?;
    println!("wrote {TYPES}");
    for package in PACKAGES {
        println!("$ CONFAB_WRITE_TYPES=1 cargo test --package {package} {TEST}");
        let done = command("cargo", &["test", "--quiet", "--package", package, TEST])
            .env("CONFAB_WRITE_TYPES", "1")
            .status();
        if !done.map_err(|e| e.to_string())?.success() {
            return Err(format!("the types of {package} could not be written"));
        }
    }
    Ok(())
}

/// Fails when the committed ones differ from what the protocol's types say now.
pub fn check() -> Result {
    if read(root().join(TYPES))? == confab_protocol::typescript() {
        Ok(())
    } else {
        Err(format!(
            "{TYPES} is stale: run `cargo xtask generate` and commit it"
        ))
    }
}
