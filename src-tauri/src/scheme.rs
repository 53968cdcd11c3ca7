//! Makes `confab://` links arrive here. Packages bring a desktop file (packaging/linux); an AppImage or a build from source has
//! none, so the program writes one into the user's own folder, and takes it away again once a package is installed.
//!
//! `xdg-open` of xdg-utils 1.1 takes the first word of `Exec` as it stands, quotes and all, and then finds no such program: so
//! the path stands there bare whenever it may.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The handler's file, in `<data>/applications`.
const FILE: &str = "org.confab.Confab.Links.desktop";
/// What packages install.
const PACKAGED: &str = "org.confab.Confab.desktop";

/// Registers this program for the user, where no package did. Errors are for the log: links are a convenience.
pub fn register(exe: &Path, data: &Path) -> io::Result<()> {
    let applications = data.join("applications");
    let file = applications.join(FILE);
    if packaged(exe) {
        if file.exists() {
            std::fs::remove_file(&file)?;
            refresh(&applications);
        }
        return Ok(());
    }
    let entry = entry(exe);
    if std::fs::read_to_string(&file).is_ok_and(|there| there == entry) && is_default() {
        return Ok(());
    }
    std::fs::create_dir_all(&applications)?;
    std::fs::write(&file, entry)?;
    refresh(&applications);
    run(
        "xdg-mime",
        &[
            "default".as_ref(),
            FILE.as_ref(),
            "x-scheme-handler/confab".as_ref(),
        ],
    );
    tracing::info!("confab:// links lead to {}", exe.display());
    Ok(())
}

/// The program to register: an AppImage is started by its own path, not by where it is mounted.
pub fn program() -> io::Result<PathBuf> {
    match std::env::var_os("APPIMAGE") {
        Some(path) => Ok(path.into()),
        None => std::env::current_exe(),
    }
}

/// Whether a package put the program there, which brought its own desktop file.
fn packaged(exe: &Path) -> bool {
    let Some(prefix) = exe
        .parent()
        .filter(|bin| bin.ends_with("bin"))
        .and_then(Path::parent)
    else {
        return false;
    };
    prefix.join("share/applications").join(PACKAGED).exists()
}

fn entry(exe: &Path) -> String {
    format!(
        "[Desktop Entry]\nType=Application\nName=Confab\nExec={} %u\nTerminal=false\nNoDisplay=true\nMimeType=x-scheme-handler/confab;\n",
        quoted(&exe.to_string_lossy())
    )
}

/// A path as a word of `Exec`: bare where it may be, else quoted as the Desktop Entry Specification says.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) {
        return path.to_owned();
    }
    let mut word = String::from("\"");
    for c in path.chars() {
        match c {
            '"' | '`' | '$' => word.extend(["\\\\", &c.to_string()]),
            '\\' => word.push_str("\\\\\\\\"),
            '%' => word.push_str("%%"),
            c => word.push(c),
        }
    }
    word + "\""
}

fn is_default() -> bool {
    let asked = Command::new("xdg-mime")
        .args(["query", "default", "x-scheme-handler/confab"])
        .output();
    asked.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).trim() == FILE)
}

fn refresh(applications: &Path) {
    run("update-desktop-database", &[applications.as_os_str()]);
}

/// Runs a tool of the desktop. Not every desktop has it.
fn run(tool: &str, args: &[&std::ffi::OsStr]) {
    let quiet = Command::new(tool)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match quiet {
        Ok(status) if status.success() => {}
        Ok(status) => tracing::info!("{tool}: {status}"),
        Err(error) => tracing::info!("{tool}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_stands_bare_and_any_other_is_quoted() {
        assert!(
            entry(Path::new("/opt/confab/confab-desktop"))
                .contains("\nExec=/opt/confab/confab-desktop %u\n")
        );
        assert_eq!(quoted("/home/a b/100%"), "\"/home/a b/100%%\"");
        assert_eq!(quoted("/a$b"), "\"/a\\\\$b\"");
    }

    #[test]
    fn a_packaged_program_takes_its_hand_written_file_away() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("home");
        let exe = root.path().join("usr/bin/confab-desktop");
        let shared = root.path().join("usr/share/applications");
        std::fs::create_dir_all(&shared).unwrap();
        std::fs::create_dir_all(data.join("applications")).unwrap();
        std::fs::write(shared.join(PACKAGED), "").unwrap();
        std::fs::write(data.join("applications").join(FILE), "").unwrap();
        register(&exe, &data).unwrap();
        assert!(!data.join("applications").join(FILE).exists());
    }
}
