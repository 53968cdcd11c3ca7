//! The command line: an optional link, and flags for autostart and developers. Links that other programs hand over come in
//! here too, from the first start and from later ones.

use clap::Parser;
use confab_client::desk::TestDevices;
use std::path::PathBuf;

/// Video meetings on your own server.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "confab-desktop", version)]
pub struct Args {
    /// Meeting link, confab:// link, or meeting code
    pub link: Option<String>,
    /// Start without a window, in the tray
    #[arg(long)]
    pub hidden: bool,
    /// Developers: offer a microphone that is no hardware (`tone:440`, `silence`, `file:<wav>`)
    #[arg(long, value_name = "ID")]
    pub test_microphone: Vec<String>,
    /// Developers: offer a camera that is no hardware (`pattern:640x360@30`)
    #[arg(long, value_name = "ID")]
    pub test_camera: Vec<String>,
    /// Developers: offer a speaker that is no hardware (`null`, `file:<wav>`)
    #[arg(long, value_name = "ID")]
    pub test_speaker: Vec<String>,
    /// Developers: offer a synthetic screen
    #[arg(long)]
    pub test_screen: bool,
    /// Developers: don't look for real devices
    #[arg(long)]
    pub test_devices_only: bool,
    /// Developers: believe the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

impl Args {
    /// Reads the arguments, program name first. Flags that are not known are left out with everything after them: a second
    /// start may come from another version, and its link still counts.
    pub fn lenient(words: &[String]) -> Args {
        Args::try_parse_from(words).unwrap_or_else(|_| Args {
            link: words.iter().skip(1).find(|w| !w.starts_with('-')).cloned(),
            ..Args::default()
        })
    }

    /// Devices for tests, where a flag asks for any.
    pub fn test_devices(&self) -> Option<TestDevices> {
        let any = !self.test_microphone.is_empty()
            || !self.test_camera.is_empty()
            || !self.test_speaker.is_empty()
            || self.test_screen
            || self.test_devices_only;
        any.then(|| TestDevices {
            microphones: self.test_microphone.clone(),
            cameras: self.test_camera.clone(),
            speakers: self.test_speaker.clone(),
            screen: self.test_screen,
            only: self.test_devices_only,
            folder: std::env::current_dir().unwrap_or_default(),
            ..TestDevices::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn a_link_is_found_among_flags() {
        let args = Args::lenient(&words(&["confab-desktop", "--hidden", "confab://join/a/b"]));
        assert_eq!(
            (args.link.as_deref(), args.hidden),
            (Some("confab://join/a/b"), true)
        );
        let args = Args::lenient(&words(&[
            "confab-desktop",
            "--from-the-future",
            "confab://join/a/b",
        ]));
        assert_eq!(args.link.as_deref(), Some("confab://join/a/b"));
        assert_eq!(Args::lenient(&[]).link, None);
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
