//! Files made from other files: the TypeScript types of the protocol. They are committed, so that a reader and the UI
//! have them without Rust; `cargo xtask check` fails when they are stale.

use crate::shell::{Result, read, root};

const TYPES: &str = "ui/src/generated/protocol.ts";

/// Writes them.
pub fn write() -> Result {
    let path = root().join(TYPES);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    }
    std::fs::write(&path, confab_protocol::typescript()).map_err(|e| format!("{TYPES}: {e}"))?;
    println!("wrote {TYPES}");
    Ok(())
}

/// Fails when the committed ones differ from what the types say now.
pub fn check() -> Result {
    if read(root().join(TYPES))? == confab_protocol::typescript() {
        Ok(())
    } else {
        Err(format!(
            "{TYPES} is stale: run `cargo xtask generate` and commit it"
        ))
    }
}
