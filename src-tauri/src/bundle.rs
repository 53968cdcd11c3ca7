//! The support bundle: one zip file with the log, the settings and what this machine is, secrets masked.

use crate::ipc::Settings;
use crate::mask::mask;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What goes into a bundle.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Version, platform, policy: lines for a person.
    pub about: String,
    pub settings: &'a Settings,
    /// Newest first.
    pub logs: Vec<PathBuf>,
    /// The user's folder, to be shown as `~`.
    pub home: Option<String>,
}

/// Writes `confab-support-<stamp>.zip` into `folder` and says where it is. The file appears whole or not at all.
pub fn save(folder: &Path, stamp: &str, contents: &Contents<'_>) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("confab-support-{stamp}.zip"));
    let beside = path.with_extension("zip.part");
    let written = write(File::create(&beside)?, contents);
    match written.and_then(|()| fs::rename(&beside, &path)) {
        Ok(()) => Ok(path),
        Err(error) => {
            let _ = fs::remove_file(&beside);
            Err(error)
        }
    }
}

fn write(file: File, contents: &Contents<'_>) -> io::Result<()> {
    let home = contents.home.as_deref();
    let mut zip = ZipWriter::new(file);
    let options = SimpleFileOptions::default();
    let mut put = |name: &str, text: &str| {
        zip.start_file(name, options)?;
        zip.write_all(mask(text, home).as_bytes())
    };
    put("about.txt", &contents.about)?;
    put("settings.json", &settings_text(contents.settings))?;
    for path in &contents.logs {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A file that vanished meanwhile is no reason to have no bundle.
        match fs::read(path) {
            Ok(bytes) => put(&format!("log/{name}"), &String::from_utf8_lossy(&bytes))?,
            Err(error) => put(&format!("log/{name}"), &error.to_string())?,
        }
    }
    zip.finish()?.sync_all()
}

/// The settings without the user's name and the names of devices.
fn settings_text(settings: &Settings) -> String {
    let mut shown = settings.clone();
    shown.name = if shown.name.is_empty() {
        String::new()
    } else {
        "***".to_owned()
    };
    shown.device_sets.clear();
    serde_json::to_string_pretty(&shown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_bundle_has_everything_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("confab.log");
        let secret = "9z8y7x6w5v4t3s2r1q0p9n8m7k";
        fs::write(&log, format!("INFO open https://a.b/m/0123456789abcdefghjkmnpqrs#host={secret}\nINFO /home/ada/x\n\u{0}")).unwrap();
        let settings = Settings {
            name: "Ada Lovelace".into(),
            ..Settings::default()
        };
        let contents = Contents {
            about: format!("Confab 0.1.0\ntoken={secret}\n"),
            settings: &settings,
            logs: vec![log, folder.path().join("gone")],
            home: Some("/home/ada".into()),
        };
        let path = save(&folder.path().join("out"), "20260301", &contents).unwrap();
        let mut zip = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let names: Vec<String> = zip.file_names().map(|n| n.unwrap().into_owned()).collect();
        assert_eq!(
            names,
            ["about.txt", "settings.json", "log/confab.log", "log/gone"]
        );
        for name in names {
            let mut text = String::new();
            zip.by_name(&name)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            for word in [secret, "0123456789abcdefghjkmnpqrs", "Ada", "/home/ada"] {
                assert!(!text.contains(word), "{name} has {word}");
            }
        }
        assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
    }
}
