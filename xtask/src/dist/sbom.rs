//! What is in a program: every crate it is linked from and every npm package its pages are built from, as CycloneDX 1.5, and the
//! text of their licences. Taken from the lock files, so it says what was built; crates that only another member of the workspace
//! switches on may be in it too, none is missing.

use crate::shell::{Result, output, read, root};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// npm packages that end up in the pages; all others only build them.
const BUNDLED: [&str; 5] = [
    "@fontsource-variable/inter",
    "@lucide/svelte",
    "@noble/hashes",
    "pdfjs-dist",
    "svelte",
];
/// How files with licences begin.
const LICENCE_FILES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// One library.
pub struct Part {
    name: String,
    version: String,
    /// SPDX.
    licence: String,
    /// Package URL: what stands for it everywhere.
    purl: String,
    sha256: Option<String>,
    folder: PathBuf,
    needs: Vec<String>,
}

/// All libraries of a program of the workspace and of the pages in it.
pub fn parts(program: &str) -> Result<Vec<Part>> {
    let compiler = output("rustc", &["-vV"])?;
    let host = compiler.lines().find_map(|l| l.strip_prefix("host: "));
    let host = host.ok_or("rustc does not say which system it is for")?;
    let metadata = output(
        "cargo",
        &[
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            host,
        ],
    )?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| e.to_string())?;
    let mut all = crates(&metadata, program, &checksums()?)?;
    all.extend(npm()?);
    all.sort_by(|a, b| a.purl.cmp(&b.purl));
    Ok(all)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn cargo_purl(package: &Value) -> String {
    format!(
        "pkg:cargo/{}@{}",
        text(package, "name"),
        text(package, "version")
    )
}

fn crates(
    metadata: &Value,
    program: &str,
    checksums: &BTreeMap<(String, String), String>,
) -> Result<Vec<Part>> {
    let packages: BTreeMap<&str, &Value> = list(metadata, "packages")
        .map(|p| (text(p, "id"), p))
        .collect();
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"], "nodes")
        .map(|n| (text(n, "id"), n))
        .collect();
    let first = packages.iter().find(|(_, p)| text(p, "name") == program);
    let (&first, _) = first.ok_or_else(|| format!("there is no package {program}"))?;
    let mut seen = BTreeSet::from([first]);
    let mut open = vec![first];
    let mut parts = Vec::new();
    while let Some(id) = open.pop() {
        let needs: Vec<&str> = nodes.get(id).map_or_else(Vec::new, |n| linked(n));
        open.extend(needs.iter().filter(|id| seen.insert(id)));
        let package = packages.get(id).ok_or("a package without metadata")?;
        // Our own are the program.
        if package["source"].is_null() {
            continue;
        }
        let (name, version) = (
            text(package, "name").to_owned(),
            text(package, "version").to_owned(),
        );
        let manifest = Path::new(text(package, "manifest_path"));
        parts.push(Part {
            // Some still write the old form.
            licence: text(package, "license").replace('/', " OR "),
            purl: cargo_purl(package),
            sha256: checksums.get(&(name.clone(), version.clone())).cloned(),
            folder: manifest.parent().unwrap_or(manifest).to_owned(),
            needs: needs
                .iter()
                .filter_map(|id| packages.get(id))
                .map(|p| cargo_purl(p))
                .collect(),
            name,
            version,
        });
    }
    Ok(parts)
}

/// What ends up in the program; not what builds or tests it.
fn linked(node: &Value) -> Vec<&str> {
    let is_linked = |d: &&Value| list(d, "dep_kinds").any(|k| k["kind"].is_null());
    list(node, "deps")
        .filter(is_linked)
        .map(|d| text(d, "pkg"))
        .collect()
}

fn checksums() -> Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = read(root().join("Cargo.lock"))?
        .parse()
        .map_err(|e| format!("Cargo.lock: {e}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let said = |p: &toml::Value, key: &str| p.get(key)?.as_str().map(str::to_owned);
    let all = packages.into_iter().flatten();
    Ok(all
        .filter_map(|p| {
            Some((
                (said(p, "name")?, said(p, "version")?),
                said(p, "checksum")?,
            ))
        })
        .collect())
}

fn npm() -> Result<Vec<Part>> {
    let lock: Value = serde_json::from_str(&read(root().join("ui/package-lock.json"))?)
        .map_err(|e| format!("ui/package-lock.json: {e}"))?;
    BUNDLED
        .iter()
        .map(|name| {
            let said = &lock["packages"][format!("node_modules/{name}")];
            if said.is_null() {
                return Err(format!("{name} is not in ui/package-lock.json"));
            }
            let version = text(said, "version").to_owned();
            Ok(Part {
                name: (*name).to_owned(),
                licence: text(said, "license").to_owned(),
                purl: format!("pkg:npm/{}@{version}", name.replace('@', "%40")),
                sha256: None,
                folder: root().join("ui/node_modules").join(name),
                needs: Vec::new(),
                version,
            })
        })
        .collect()
}

/// As JSON. Nothing in it depends on when or where it was made.
pub fn cyclonedx(program: &str, version: &str, parts: &[Part]) -> Result<String> {
    let own = format!("pkg:generic/{program}@{version}");
    let components: Vec<Value> = parts
        .iter()
        .map(|p| {
            let mut said = json!({
                "type": "library", "bom-ref": p.purl, "name": p.name, "version": p.version, "purl": p.purl,
                "licenses": [{"expression": p.licence}],
            });
            if let Some(sum) = &p.sha256 {
                said["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
            }
            said
        })
        .collect();
    let all: Vec<&str> = parts.iter().map(|p| p.purl.as_str()).collect();
    let mut dependencies = vec![json!({"ref": own, "dependsOn": all})];
    for part in parts {
        let needs: BTreeSet<&str> = part
            .needs
            .iter()
            .map(String::as_str)
            .filter(|n| all.contains(n))
            .collect();
        dependencies.push(json!({"ref": part.purl, "dependsOn": needs}));
    }
    let bom = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": own, "name": program, "version": version, "licenses": [{"expression": "Apache-2.0"}],
        }},
        "components": components, "dependencies": dependencies,
    });
    serde_json::to_string_pretty(&bom).map_err(|e| e.to_string())
}

/// Every licence's text, once, under the names of all that have it.
///
/// # Errors
/// A library without a licence, or whose sources are not here.
pub fn licences(parts: &[Part]) -> Result<String> {
    let mut by_text: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for part in parts {
        let name = format!("{} {} ({})", part.name, part.version, part.licence);
        if part.licence.is_empty() {
            return Err(format!("{} {} names no licence", part.name, part.version));
        }
        let texts = licence_texts(&part.folder)?;
        if texts.is_empty() {
            without.push(name.clone());
        }
        for text in texts {
            by_text.entry(text).or_default().insert(name.clone());
        }
    }
    let mut said = String::from("Libraries in this program, and their licences.\n");
    for (text, names) in by_text {
        said.push_str(&format!("\n{}\n", "=".repeat(100)));
        names
            .iter()
            .for_each(|name| said.push_str(&format!("{name}\n")));
        said.push_str(&format!("{}\n{}\n", "-".repeat(100), text.trim_end()));
    }
    if !without.is_empty() {
        said.push_str(&format!(
            "\n{}\nTheir sources come without a licence's text; its name says which it is:\n",
            "=".repeat(100)
        ));
        without
            .iter()
            .for_each(|name| said.push_str(&format!("{name}\n")));
    }
    Ok(said)
}

fn licence_texts(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut texts = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if LICENCE_FILES.iter().any(|l| name.starts_with(l)) && entry.path().is_file() {
            let text = fs::read(entry.path()).map_err(|e| e.to_string())?;
            texts.push(String::from_utf8_lossy(&text).replace("\r\n", "\n"));
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(id: &str, source: &str) -> Value {
        let source = if source.is_empty() {
            Value::Null
        } else {
            json!(source)
        };
        json!({"id": id, "name": id, "version": "1.0.0", "source": source, "license": "MIT/Apache-2.0", "manifest_path": "/x/Cargo.toml"})
    }

    fn node(id: &str, deps: &[(&str, Option<&str>)]) -> Value {
        let deps: Vec<Value> = deps
            .iter()
            .map(|(pkg, kind)| json!({"pkg": pkg, "dep_kinds": [{"kind": kind}]}))
            .collect();
        json!({"id": id, "deps": deps})
    }

    #[test]
    fn what_only_builds_or_tests_is_not_in_it() {
        let metadata = json!({
            "packages": [package("app", ""), package("own", ""), package("lib", "r"), package("deep", "r"), package("builds", "r"), package("tests", "r"), package("apart", "r")],
            "resolve": {"nodes": [
                node("app", &[("own", None), ("builds", Some("build")), ("tests", Some("dev"))]),
                node("own", &[("lib", None)]), node("lib", &[("deep", None)]), node("deep", &[]), node("apart", &[]),
            ]},
        });
        let sums = BTreeMap::from([(("lib".into(), "1.0.0".into()), "ab".into())]);
        let mut parts = crates(&metadata, "app", &sums).unwrap();
        parts.sort_by(|a, b| a.purl.cmp(&b.purl));
        let purls: Vec<&str> = parts.iter().map(|p| p.purl.as_str()).collect();
        assert_eq!(purls, ["pkg:cargo/deep@1.0.0", "pkg:cargo/lib@1.0.0"]);
        let bom: Value = serde_json::from_str(&cyclonedx("app", "2", &parts).unwrap()).unwrap();
        assert_eq!(bom["components"][1]["hashes"][0]["content"], "ab");
        assert_eq!(
            bom["components"][1]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(
            bom["dependencies"][2],
            json!({"ref": "pkg:cargo/lib@1.0.0", "dependsOn": ["pkg:cargo/deep@1.0.0"]})
        );
        assert!(crates(&metadata, "nobody", &sums).is_err());
    }

    #[test]
    fn every_package_the_pages_import_is_listed() {
        let mut imported = BTreeSet::new();
        let mut open = vec![root().join("ui/src")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let name = path.to_string_lossy().into_owned();
                if path.is_dir() {
                    open.push(path);
                } else if !name.ends_with(".test.ts")
                    && [".ts", ".svelte"].iter().any(|e| name.ends_with(e))
                {
                    collect(&read(&path).unwrap(), &mut imported);
                }
            }
        }
        let known: BTreeSet<String> = BUNDLED.iter().map(|n| (*n).to_owned()).collect();
        assert!(imported.is_subset(&known), "{imported:?}");
        assert!(imported.contains("svelte"));
    }

    /// Packages behind `from "…"`.
    fn collect(source: &str, into: &mut BTreeSet<String>) {
        for (_, rest) in source
            .match_indices("from \"")
            .map(|(at, m)| source.split_at(at + m.len()))
        {
            let name = rest.split('"').next().unwrap_or_default();
            if name.starts_with('.') || name.contains(':') || name.is_empty() {
                continue;
            }
            let parts = if name.starts_with('@') { 2 } else { 1 };
            into.insert(name.split('/').take(parts).collect::<Vec<_>>().join("/"));
        }
    }

    #[test]
    fn equal_licences_stand_once() {
        let folder = std::env::temp_dir().join(format!("confab-sbom-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("LICENSE-MIT"), "Free.\r\n").unwrap();
        let part = |name: &str, folder: &Path| Part {
            name: name.into(),
            version: "1".into(),
            licence: "MIT".into(),
            purl: String::new(),
            sha256: None,
            folder: folder.to_owned(),
            needs: Vec::new(),
        };
        let said = licences(&[
            part("a", &folder),
            part("b", &folder),
            part("c", std::path::Path::new("/")),
        ])
        .unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(said.matches("Free.").count(), 1);
        assert!(said.contains("a 1 (MIT)\nb 1 (MIT)\n") && said.ends_with("c 1 (MIT)\n"));
    }
}
