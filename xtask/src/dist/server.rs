//! `cargo xtask dist --server`: the server as deb and rpm from one staged folder, what its container image is built from, the
//! list of what is in it (SBOM) and the licences of all that, into `target/dist-server`.

use super::{absolute, copy, libraries, print_size, rpm_by, sbom, version};
use crate::shell::{self, Result, headline, output, root, target, works};
use crate::ui;
use std::fs;
use std::path::{Path, PathBuf};

const NAME: &str = "confab-server";
/// The Debian package's scripts.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

pub fn run(debug: bool, binary: Option<&Path>) -> Result {
    let built = match binary {
        Some(file) => file.to_path_buf(),
        None => build(debug)?,
    };
    let out = absolute(target()).join("dist-server");
    let _ = fs::remove_dir_all(&out);
    let stage = out.join("stage");
    fill(&stage, &built)?;
    headline("What is in it");
    let parts = sbom::parts(NAME)?;
    let doc = stage.join("usr/share/doc").join(NAME);
    write(
        &doc.join("sbom.cdx.json"),
        &sbom::cyclonedx(NAME, &version()?, &parts)?,
    )?;
    write(
        &doc.join("third-party-licences.txt"),
        &sbom::licences(&parts)?,
    )?;
    println!("{} parts", parts.len());
    headline("Packages");
    let version = version()?;
    print_size(&deb(&out, &stage, &version)?)?;
    if works("rpmbuild", &["--version"]) {
        let users = root().join("packaging/server/confab-server.sysusers");
        let users = users.to_string_lossy();
        let spec = "packaging/server/confab-server.spec";
        let defined = [("confab_sysusers", &*users)];
        print_size(&rpm_by(spec, &defined, &out, &stage, &version)?)?;
    } else {
        println!("no rpm: rpmbuild is missing (apt-get install rpm)");
    }
    image(&out, &stage)
}

fn build(debug: bool) -> Result<PathBuf> {
    ui::build()?;
    headline("Server");
    let mut args = vec!["build", "--package", NAME];
    if !debug {
        args.push("--release");
    }
    shell::run("cargo", &args)?;
    let profile = if debug { "debug" } else { "release" };
    Ok(absolute(target()).join(profile).join(NAME))
}

/// The files as they will lie on the system.
fn fill(stage: &Path, built: &Path) -> Result {
    let from = root().join("packaging/server");
    let bin = stage.join("usr/bin").join(NAME);
    copy(built, &bin, 0o755)?;
    shell::run("strip", &["--strip-unneeded", &bin.to_string_lossy()])?;
    let unit = "confab-server.service";
    copy(
        &from.join(unit),
        &stage.join("usr/lib/systemd/system").join(unit),
        0o644,
    )?;
    let man = stage.join("usr/share/man/man1/confab-server.1");
    copy(&from.join("confab-server.1"), &man, 0o644)?;
    shell::run("gzip", &["-9n", &man.to_string_lossy()])?;
    let doc = stage.join("usr/share/doc").join(NAME);
    copy(&root().join("LICENSE"), &doc.join("copyright"), 0o644)?;
    copy(
        &root().join("docs/OPERATING.md"),
        &doc.join("OPERATING.md"),
        0o644,
    )
}

fn write(path: &Path, text: &str) -> Result {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn deb(out: &Path, stage: &Path, version: &str) -> Result<PathBuf> {
    let folder = out.join("deb");
    let (from, to) = (stage.to_string_lossy(), folder.to_string_lossy());
    shell::run("cp", &["-a", &from, &to])?;
    // Debian of this release has units there.
    let arch = output("dpkg", &["--print-architecture"])?.trim().to_owned();
    let needs = libraries(out, &[stage.join("usr/bin").join(NAME)])?;
    let size = output("du", &["-sk", &from])?;
    let size = size.split_whitespace().next().unwrap_or("0").to_owned();
    let debian = folder.join("DEBIAN");
    fs::create_dir_all(&debian).map_err(|e| e.to_string())?;
    write(
        &debian.join("control"),
        &format!(
            "Package: {NAME}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: The Confab authors <confab@confab.example>\n\
             Installed-Size: {size}\nSection: net\nPriority: optional\nDepends: {needs}, adduser\n\
             Description: Video meetings on your own server\n Pages, signaling, meetings, storage and media forwarding in one program:\n \
             people join in the browser, or with the Confab app.\n"
        ),
    )?;
    for script in SCRIPTS {
        let there = root().join("packaging/server").join(script);
        copy(&there, &debian.join(script), 0o755)?;
    }
    let path = out.join(format!("{NAME}_{version}_{arch}.deb"));
    let made = path.to_string_lossy();
    shell::run(
        "dpkg-deb",
        &["--build", "--root-owner-group", "-Zxz", &to, &made],
    )?;
    Ok(path)
}

/// The folder a container image is built from.
fn image(out: &Path, stage: &Path) -> Result {
    let (to, from) = (out.join("oci"), root().join("packaging/oci"));
    copy(&stage.join("usr/bin").join(NAME), &to.join(NAME), 0o755)?;
    for (file, mode) in [
        ("Containerfile", 0o644),
        ("rootfs.sh", 0o755),
        ("compose.yaml", 0o644),
    ] {
        copy(&from.join(file), &to.join(file), mode)?;
    }
    println!("{}: podman build -t {NAME} there", to.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::read;

    /// What `systemd-analyze security` may say at most, in tenths: it counts down from 10 for an open service to 0.
    const EXPOSED: u32 = 20;

    #[test]
    fn the_unit_gives_the_server_little() {
        let unit = root().join("packaging/server/confab-server.service");
        let text = read(&unit).unwrap();
        for line in [
            "User=confab",
            "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "StateDirectory=confab",
            "ExecReload=/bin/kill -HUP $MAINPID",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}");
        }
        if !works("systemd-analyze", &["--version"]) {
            return;
        }
        let threshold = format!("--threshold={EXPOSED}");
        let unit = unit.to_string_lossy();
        shell::run(
            "systemd-analyze",
            &[
                "security",
                "--offline=true",
                "--no-pager",
                &threshold,
                &unit,
            ],
        )
        .unwrap();
    }

    #[test]
    fn scripts_and_unit_name_the_same_places() {
        let at = |file: &str| read(root().join("packaging").join(file)).unwrap();
        let unit = at("server/confab-server.service");
        for file in [
            "server/postinst",
            "server/postrm",
            "server/confab-server.spec",
            "oci/compose.yaml",
        ] {
            let text = at(file);
            assert!(
                text.contains("/etc/confab") && text.contains("/var/lib/confab"),
                "{file}"
            );
        }
        assert!(
            unit.contains("/etc/confab/confab.toml")
                && unit.contains("WorkingDirectory=/var/lib/confab")
        );
    }
}
