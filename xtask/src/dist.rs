//! `cargo xtask dist`: installable packages of the desktop app, made from one staged folder, so that deb and rpm hold the same
//! files. Other systems' packages are made by the release workflow (packaging/README.md). `--server` packs the server
//! (`dist/server.rs`).

mod sbom;
mod server;

use crate::shell::{self, Result, headline, output, read, root, target, works};
use crate::ui;
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Options {
    /// Pack a developer's build: quick to make, and larger
    #[arg(long)]
    debug: bool,
    /// The server instead of the desktop app: deb, rpm, what a container image is built from, SBOM and licences
    #[arg(long)]
    server: bool,
    /// With --server: pack this program, and build none
    #[arg(long, value_name = "FILE", requires = "server")]
    binary: Option<PathBuf>,
}

impl Options {
    /// Packing a program that is there needs nothing set up.
    pub fn builds(&self) -> bool {
        self.binary.is_none()
    }
}

const ID: &str = "org.confab.Confab";

/// The app, and the window it opens from Help → Diagnostics.
const PROGRAMS: [&str; 2] = ["confab-desktop", "confab-scope"];

/// What decodes pictures in the webview and the tray's library: loaded at run time, so no tool finds them in the program.
const DEB_CODECS: &[&str] = &[
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-libav",
    "gstreamer1.0-gl",
];
const DEB_RECOMMENDS: &[&str] = &[
    "libayatana-appindicator3-1",
    "xdg-utils",
    "desktop-file-utils",
    "pulseaudio | pipewire-pulse",
];

/// Builds the program and packs it as deb and rpm into `target/dist`.
pub fn run(options: &Options) -> Result {
    if options.server {
        return server::run(options.debug, options.binary.as_deref());
    }
    ui::build()?;
    headline("Desktop app and its diagnostics");
    let mut args = vec!["build"];
    args.extend(PROGRAMS.iter().flat_map(|name| ["--package", name]));
    if !options.debug {
        args.push("--release");
    }
    shell::run("cargo", &args)?;
    let profile = if options.debug { "debug" } else { "release" };
    let built = absolute(target()).join(profile);
    let out = absolute(target()).join("dist");
    let stage = out.join("stage");
    let _ = fs::remove_dir_all(&out);
    fill(&stage, &built)?;
    headline("Packages");
    let version = version()?;
    let deb = deb(&out, &stage, &version)?;
    print_size(&deb)?;
    if works("rpmbuild", &["--version"]) {
        let rpm = rpm(&out, &stage, &version)?;
        print_size(&rpm)?;
    } else {
        println!("no rpm: rpmbuild is missing (apt-get install rpm)");
    }
    Ok(())
}

fn absolute(path: PathBuf) -> PathBuf {
    if path.is_absolute() {
        path
    } else {
        root().join(path)
    }
}

fn print_size(path: &Path) -> Result {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    println!("{}  {:.1} MB", path.display(), size as f64 / 1e6);
    Ok(())
}

/// The workspace's version.
fn version() -> Result<String> {
    let manifest: toml::Table = read(root().join("Cargo.toml"))?
        .parse()
        .map_err(|e| format!("Cargo.toml: {e}"))?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    version
        .map(str::to_owned)
        .ok_or_else(|| "no version in Cargo.toml".into())
}

/// The files as they will lie on the system.
fn fill(stage: &Path, built: &Path) -> Result {
    let linux = root().join("packaging/linux");
    let icons = root().join("src-tauri/icons");
    for name in PROGRAMS {
        let bin = stage.join("usr/bin").join(name);
        copy(&built.join(name), &bin, 0o755)?;
        shell::run("strip", &["--strip-unneeded", &bin.to_string_lossy()])?;
    }
    let share = stage.join("usr/share");
    let desktop = format!("{ID}.desktop");
    copy(
        &linux.join(&desktop),
        &share.join("applications").join(&desktop),
        0o644,
    )?;
    let info = format!("{ID}.metainfo.xml");
    copy(
        &linux.join(&info),
        &share.join("metainfo").join(&info),
        0o644,
    )?;
    for (file, folder) in [
        ("32x32.png", "32x32"),
        ("48x48.png", "48x48"),
        ("64x64.png", "64x64"),
        ("128x128.png", "128x128"),
        ("256x256.png", "256x256"),
        ("icon.png", "512x512"),
    ] {
        let to = share.join(format!("icons/hicolor/{folder}/apps/{ID}.png"));
        copy(&icons.join(file), &to, 0o644)?;
    }
    let drawn = root().join("packaging/icons");
    copy(
        &drawn.join("confab.svg"),
        &share.join(format!("icons/hicolor/scalable/apps/{ID}.svg")),
        0o644,
    )?;
    copy(
        &drawn.join("confab-symbolic.svg"),
        &share.join(format!("icons/hicolor/symbolic/apps/{ID}-symbolic.svg")),
        0o644,
    )?;
    let man = share.join("man/man1/confab-desktop.1");
    copy(&linux.join("confab-desktop.1"), &man, 0o644)?;
    shell::run("gzip", &["-9n", &man.to_string_lossy()])?;
    let doc = share.join("doc/confab-desktop");
    copy(&root().join("LICENSE"), &doc.join("copyright"), 0o644)?;
    copy(
        &linux.join("policy.toml.example"),
        &doc.join("policy.toml.example"),
        0o644,
    )
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result {
    use std::os::unix::fs::PermissionsExt;
    let failed = |e: std::io::Error| format!("{} to {}: {e}", from.display(), to.display());
    let folder = to.parent().ok_or("a file has a folder")?;
    fs::create_dir_all(folder).map_err(failed)?;
    fs::copy(from, to).map_err(failed)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(failed)
}

/// A Debian package. Libraries it needs are found by dpkg-shlibdeps.
fn deb(out: &Path, stage: &Path, version: &str) -> Result<PathBuf> {
    let folder = out.join("deb");
    shell::run(
        "cp",
        &["-a", &stage.to_string_lossy(), &folder.to_string_lossy()],
    )?;
    let arch = output("dpkg", &["--print-architecture"])?.trim().to_owned();
    let libraries = libraries(out, &PROGRAMS.map(|name| stage.join("usr/bin").join(name)))?;
    let depends = [vec![libraries.as_str()], DEB_CODECS.to_vec()]
        .concat()
        .join(", ");
    let size = output("du", &["-sk", &stage.to_string_lossy()])?;
    let size = size.split_whitespace().next().unwrap_or("0").to_owned();
    let control = format!(
        "Package: confab-desktop\nVersion: {version}\nArchitecture: {arch}\nMaintainer: The Confab authors <confab@confab.example>\n\
         Installed-Size: {size}\nSection: net\nPriority: optional\nDepends: {depends}\nRecommends: {}\n\
         Description: Video meetings on your own server\n Confab joins video meetings on servers you or your organisation run: clear sound,\n \
         sharp screens, push-to-talk with another window in front. Links that begin\n with confab:// open in it.\n",
        DEB_RECOMMENDS.join(", ")
    );
    let debian = folder.join("DEBIAN");
    fs::create_dir_all(&debian).map_err(|e| e.to_string())?;
    fs::write(debian.join("control"), control).map_err(|e| e.to_string())?;
    let path = out.join(format!("confab-desktop_{version}_{arch}.deb"));
    let (from, to) = (folder.to_string_lossy(), path.to_string_lossy());
    shell::run(
        "dpkg-deb",
        &["--build", "--root-owner-group", "-Zxz", &from, &to],
    )?;
    Ok(path)
}

/// `libc6 (>= 2.36), libwebkit2gtk-4.1-0 (>= 2.50), …`
fn libraries(out: &Path, programs: &[PathBuf]) -> Result<String> {
    let work = out.join("shlibs");
    fs::create_dir_all(work.join("debian")).map_err(|e| e.to_string())?;
    // The tool wants to stand in a source package.
    fs::write(
        work.join("debian/control"),
        "Source: confab\n\nPackage: confab\nArchitecture: any\n",
    )
    .map_err(|e| e.to_string())?;
    let found = shell::command("dpkg-shlibdeps", &["-O", "--ignore-missing-info"])
        .args(programs)
        .current_dir(&work)
        .output()
        .map_err(|e| format!("dpkg-shlibdeps: {e}"))?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    let list = text
        .trim()
        .strip_prefix("shlibs:Depends=")
        .unwrap_or_default();
    if list.is_empty() {
        return Err(format!(
            "dpkg-shlibdeps: {}",
            String::from_utf8_lossy(&found.stderr).trim()
        ));
    }
    Ok(list.to_owned())
}

/// An RPM of the same files.
fn rpm(out: &Path, stage: &Path, version: &str) -> Result<PathBuf> {
    rpm_by(
        "packaging/linux/confab-desktop.spec",
        &[],
        out,
        stage,
        version,
    )
}

/// By a spec file, with what it wants defined beside the stage and the version.
fn rpm_by(
    spec: &str,
    defined: &[(&str, &str)],
    out: &Path,
    stage: &Path,
    version: &str,
) -> Result<PathBuf> {
    let top = out.join("rpm");
    let (top_dir, stage) = (top.to_string_lossy(), stage.to_string_lossy());
    let version = version.replace('-', "~");
    let usual = [
        ("_topdir", &*top_dir),
        ("confab_stage", &*stage),
        ("confab_version", &version),
    ];
    let defined = usual.iter().chain(defined);
    let defined: Vec<String> = defined
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let spec = root().join(spec);
    let spec = spec.to_string_lossy();
    let mut args = vec!["-bb", "--quiet"];
    args.extend(defined.iter().flat_map(|one| ["--define", one.as_str()]));
    args.push(&spec);
    shell::run("rpmbuild", &args)?;
    let made = output(
        "find",
        &[&top.join("RPMS").to_string_lossy(), "-name", "*.rpm"],
    )?;
    let made = made.lines().next().ok_or("rpmbuild made no package")?;
    let name = Path::new(made).file_name().ok_or("a package has a name")?;
    let path = out.join(name);
    fs::rename(made, &path).map_err(|e| e.to_string())?;
    Ok(path)
}
