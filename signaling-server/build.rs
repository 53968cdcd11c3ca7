//! The UI is built by npm and embedded from `ui/dist`. Where it was not built, a page that says how stands in for it, so
//! that the server can be built and tested without Node.

use std::env;
use std::fs;
use std::path::Path;

const PLACEHOLDER: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Confab</title></head>
<body>
<h1>The user interface is not built yet</h1>
<p>Run <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code>, then build the server again.</p>
</body>
</html>
"#;

fn main() {
    // Asked when it runs: it may have been built in another clone with the same target folder.
    let here = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo says where the package is");
    let dist = Path::new(&here).join("../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=migrations");
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(&dist).expect("ui/dist can be made");
        fs::write(&index, PLACEHOLDER).expect("ui/dist can be written");
    }
}
