//! Scripts that are built in, one file each in `profiles/`.

use crate::{Scenario, ScriptError};
use std::path::Path;

/// A built-in script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    /// As it would stand in a file.
    pub text: &'static str,
}

impl Profile {
    pub fn scenario(&self) -> Result<Scenario, ScriptError> {
        Scenario::parse(self.text, Path::new(self.name))
    }
}

macro_rules! profiles {
    ($($name:literal),* $(,)?) => {
        &[$(Profile { name: $name, text: include_str!(concat!("../profiles/", $name, ".toml")) }),*]
    };
}

/// All of them, mildest first.
pub const PROFILES: &[Profile] = profiles![
    "steady",
    "loss10",
    "loss30",
    "loss50",
    "loss70",
    "loss80",
    "bursts80",
    "bottleneck300",
    "dip300",
    "policer",
    "deep-buffer",
    "shallow-buffer",
    "wifi",
    "lte",
];

/// The one of this name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::{Bitrate, Duration};
    use confab_simnet::{Bottleneck, Bursts};

    #[test]
    fn every_profile_can_be_read_and_says_what_it_is_for() {
        for profile in PROFILES {
            let scenario = profile.scenario().unwrap_or_else(|e| panic!("{e}"));
            assert!(!scenario.about.is_empty(), "{}", profile.name);
        }
    }

    #[test]
    fn profiles_are_what_their_names_say() {
        let get = |name: &str| profile(name).unwrap().scenario().unwrap();
        for (name, loss) in [("loss10", 0.1), ("loss50", 0.5), ("loss80", 0.8)] {
            let scenario = get(name);
            assert_eq!((scenario.up.loss, scenario.down.loss), (loss, loss));
            let rtt = scenario.up.delay + scenario.down.delay;
            assert_eq!(rtt, Duration::from_millis(50));
            let rate = Bottleneck::Rate(Bitrate::kbps(2000));
            assert_eq!(scenario.up.bottleneck, rate);
        }
        let bursts = Bursts {
            loss: 0.8,
            length: 8.0,
        };
        assert_eq!(get("bursts80").up.bursts, Some(bursts));
        let dip = get("dip300");
        let rates = [
            Duration::ZERO,
            Duration::from_secs(20),
            Duration::from_secs(40),
        ]
        .map(|at| dip.at(at).1.bottleneck.clone());
        let want = [1000, 300, 1000].map(|k| Bottleneck::Rate(Bitrate::kbps(k)));
        assert_eq!(rates, want);
    }
}
