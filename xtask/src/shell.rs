//! Running other programs: shown, checked, with the tools' folder on the path.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

pub type Result<T = ()> = std::result::Result<T, String>;

/// The workspace's root folder: of the clone whose `cargo xtask` runs, and of the one it was built in only where Cargo does
/// not say which that is. Both may differ where clones share a target folder.
pub fn root() -> PathBuf {
    let said = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = said
        .filter(|path| path.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent()
        .map_or_else(|| here.clone(), Path::to_path_buf)
}

/// Where tools and fetched packages are kept between clones.
pub fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            let home =
                std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
            home.join(".cache")
        });
    base.join("confab")
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, or `target` in the root.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Has what is ours built anew where another clone built into the target folder last: Cargo goes by the time of a source, and
/// would take programs that have the other clone's paths in them for this one's.
///
/// # Errors
/// A file cannot be written.
pub fn claim_target() -> Result {
    let stamp = target().join("confab-root");
    let own = root().to_string_lossy().into_owned();
    if fs::read_to_string(&stamp).is_ok_and(|last| last == own) {
        return Ok(());
    }
    let claimed = touch(&root(), SystemTime::now())
        .and_then(|()| fs::create_dir_all(target()))
        .and_then(|()| fs::write(&stamp, own));
    claimed.map_err(|e| format!("cannot take over {}: {e}", target().display()))
}

/// Makes sources of Rust new, in a folder and those below it.
fn touch(folder: &Path, now: SystemTime) -> std::io::Result<()> {
    const NOT_OURS: [&str; 5] = [".git", "target", "node_modules", "dist", "artefacts"];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_symlink() || NOT_OURS.iter().any(|not| name == *not) {
            continue;
        }
        if path.is_dir() {
            touch(&path, now)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            fs::File::options()
                .write(true)
                .open(&path)?
                .set_modified(now)?;
        }
    }
    Ok(())
}

/// A command in the workspace's root that finds our tools first.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    let mut path = std::ffi::OsString::from(cache().join("tools/bin"));
    if let Some(old) = std::env::var_os("PATH") {
        path.push(":");
        path.push(old);
    }
    command
        .args(args)
        .current_dir(root())
        .env("PATH", path)
        .stdin(Stdio::null());
    // A Cargo started by `cargo xtask` must not inherit its settings for this package.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || name == "CARGO_MANIFEST_DIR"
            || name == "CARGO_MANIFEST_PATH"
        {
            command.env_remove(&key);
        }
    }
    command
}

/// Says what runs, runs it, and fails unless it succeeds.
pub fn run(program: &str, args: &[&str]) -> Result {
    finish(program, args, command(program, args))
}

/// As [`run`], in another folder below the root.
pub fn run_in(folder: &str, program: &str, args: &[&str]) -> Result {
    let mut c = command(program, args);
    c.current_dir(root().join(folder));
    finish(program, args, c)
}

fn finish(program: &str, args: &[&str], mut command: Command) -> Result {
    println!("$ {program} {}", args.join(" "));
    let status = command
        .status()
        .map_err(|e| format!("{program} could not be started: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!(
            "{program} {} failed ({status})",
            args.first().unwrap_or(&"")
        ))
    }
}

/// Standard output of a command that must succeed.
pub fn output(program: &str, args: &[&str]) -> Result<String> {
    let out = command(program, args)
        .output()
        .map_err(|e| format!("{program} could not be started: {e}"))?;
    if !out.status.success() {
        return Err(format!(
            "{program} {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&out.stderr).trim()
        ));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Whether a program answers when called with these arguments.
pub fn works(program: &str, args: &[&str]) -> bool {
    let mut c = command(program, args);
    c.stdout(Stdio::null()).stderr(Stdio::null());
    c.status().is_ok_and(|s| s.success())
}

/// A headline, so that a long log can be skimmed.
pub fn headline(text: &str) {
    println!("\n== {text}");
}

/// Files git tracks, relative to the root, together with new ones it does not ignore.
pub fn tracked() -> Result<Vec<String>> {
    let list = output(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard"],
    )?;
    Ok(list
        .lines()
        .filter(|f| root().join(f).is_file())
        .map(str::to_owned)
        .collect())
}

pub fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}
