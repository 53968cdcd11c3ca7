//! Embeds the UI that npm built into `ui/dist`, the window configuration and the capabilities. Where the UI was not built, a
//! page that says how stands in for it, so that the shell can be built and tested without Node.

use std::env;
use std::fs;
use std::path::Path;
use tauri_build::{AppManifest, Attributes, CodegenContext};

const PLACEHOLDER: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Confab</title></head>
<body>
<h1>The user interface is not built yet</h1>
<p>Run <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code>, then build the app again.</p>
</body>
</html>
"#;

fn main() {
    // Asked when it runs: it may have been built in another clone with the same target folder.
    let here = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo says where the package is");
    let dist = Path::new(&here).join("../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    // Built into the program: where updates come from, and whose signature they carry.
    println!("cargo::rerun-if-env-changed=CONFAB_UPDATE_MANIFEST");
    println!("cargo::rerun-if-env-changed=CONFAB_UPDATE_KEY");
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(&dist).expect("ui/dist can be made");
        fs::write(&index, PLACEHOLDER).expect("ui/dist can be written");
    }
    // Naming the commands makes each of them need a permission (capabilities/*.json).
    let commands = AppManifest::new().commands(&["app", "desk", "pictures"]);
    let attributes = Attributes::new()
        .app_manifest(commands)
        .codegen(CodegenContext::new());
    tauri_build::try_build(attributes).expect("tauri.conf.json and capabilities are in order");
}
