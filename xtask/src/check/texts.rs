//! English and Chinese texts are complete, and no page of the project names one machine's paths or hidden hosts.

use crate::shell::{Result, output, root, tracked};

/// Lists what is missing. The catalogues' keys are compared by the UI's own unit tests and types; here stands what
/// those cannot see.
pub fn check() -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for needed in [
        "README.md",
        "docs/ARCHITECTURE.md",
        "docs/PROTOCOL.md",
        "docs/TESTING.md",
        "docs/OPERATING.md",
    ] {
        if !root().join(needed).is_file() {
            wrong.push(format!("{needed} is missing"));
        }
    }
    let locks = tracked()?
        .into_iter()
        .filter(|f| f.ends_with("package-lock.json"));
    for lock in locks {
        if output("grep", &["-c", "\"resolved\": \"http", &lock]).is_ok() {
            wrong.push(format!(
                "{lock} names download addresses; see its folder's .npmrc"
            ));
        }
    }
    Ok(wrong)
}
