//! The settings' defaults and limits, and how changes and old files are read: every field for itself, so that one bad
//! value never costs the others.

use crate::ipc::{
    BackgroundChoice, Chord, DeviceSet, GlobalShortcuts, Language, Layout, NoiseSuppression,
    Settings, Theme,
};
use crate::link::Origin;
use confab_protocol::MAX_NAME;
use serde_json::{Map, Value};

/// Choices of devices that are remembered.
const MAX_DEVICE_SETS: usize = 16;
/// Longest id or key of a device, characters.
const MAX_ID: usize = 1024;
/// Shortcuts a window may have, and the longest word in them, bytes.
const MAX_SHORTCUTS: usize = 64;
const MAX_WORD: usize = 32;
/// Longest URL of a background picture, bytes; pages make theirs smaller.
const MAX_PICTURE: usize = 700 << 10;
const SCALES: [f64; 5] = [1.0, 1.25, 1.5, 1.75, 2.0];

impl Default for Settings {
    /// Devices off until chosen; everything else as most people want it. `ui/src/state/settings.ts` has the same.
    fn default() -> Settings {
        Settings {
            name: String::new(),
            microphone_on: false,
            camera_on: false,
            device_sets: Vec::new(),
            echo_cancellation: true,
            noise_suppression: NoiseSuppression::Standard,
            gain_control: true,
            original_sound: false,
            mirror_self: true,
            background: BackgroundChoice::None,
            background_picture: String::new(),
            data_saver: false,
            language: Language::System,
            theme: Theme::System,
            high_contrast: false,
            reduced_motion: false,
            scale: 1.0,
            layout: Layout::Grid,
            shortcuts: Default::default(),
            global_shortcuts: GlobalShortcuts::default(),
            server: String::new(),
            autostart: false,
            keep_awake: true,
            notifications: true,
        }
    }
}

/// These settings with the fields of `patch`; the names of those that were of no use come second and changed nothing.
pub fn merge(settings: &Settings, patch: &Map<String, Value>) -> (Settings, Vec<String>) {
    let mut now = settings.clone();
    let mut refused = Vec::new();
    for (key, value) in patch {
        match with_field(&now, key, value) {
            Some(next) => now = next,
            None => refused.push(key.clone()),
        }
    }
    (now, refused)
}

/// The settings with one field changed, if there is such a field and the value is within its limits.
fn with_field(settings: &Settings, key: &str, value: &Value) -> Option<Settings> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(settings) else {
        return None;
    };
    *all.get_mut(key)? = today(key, value);
    let next: Settings = serde_json::from_value(Value::Object(all)).ok()?;
    within_limits(next)
}

/// A value as it is written today: noise suppression was once on or off.
fn today(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("noiseSuppression", Value::Bool(true)) => "standard".into(),
        ("noiseSuppression", Value::Bool(false)) => "off".into(),
        _ => value.clone(),
    }
}

/// Cuts what may be cut, and refuses what may not be.
fn within_limits(mut s: Settings) -> Option<Settings> {
    s.name = s
        .name
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME)
        .collect();
    s.device_sets.truncate(MAX_DEVICE_SETS);
    let fits = |id: &Option<String>| id.as_ref().is_none_or(|id| id.chars().count() <= MAX_ID);
    let set_fits = |set: &DeviceSet| {
        set.key.len() <= MAX_DEVICE_SETS * MAX_ID
            && fits(&set.microphone)
            && fits(&set.camera)
            && fits(&set.speaker)
    };
    let ok = SCALES.contains(&s.scale)
        && picture_fits(&s.background_picture)
        && s.device_sets.iter().all(set_fits)
        && s.shortcuts.len() <= MAX_SHORTCUTS
        && s.shortcuts.keys().all(|k| k.len() <= MAX_WORD)
        && s.shortcuts.values().all(chord_fits)
        && global_fit(&s.global_shortcuts);
    if !s.server.trim().is_empty() {
        s.server = Origin::parse(&s.server)?.as_str().to_owned();
    } else {
        s.server.clear();
    }
    ok.then_some(s)
}

/// Nothing is fetched from elsewhere.
fn picture_fits(url: &str) -> bool {
    url.is_empty() || url.starts_with("data:image/jpeg;base64,") && url.len() <= MAX_PICTURE
}

fn global_fit(set: &GlobalShortcuts) -> bool {
    let all = [&set.microphone, &set.talk, &set.camera];
    all.into_iter().flatten().all(chord_fits)
}

fn chord_fits(chord: &Chord) -> bool {
    (1..=MAX_WORD).contains(&chord.code.len()) && chord.code.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn patched(patch: Value) -> (Settings, Vec<String>) {
        merge(&Settings::default(), patch.as_object().unwrap())
    }

    #[test]
    fn a_patch_changes_its_fields_and_no_others() {
        let (now, refused) = patched(json!({ "theme": "dark", "keepAwake": false, "scale": 1.5 }));
        let expected = Settings {
            theme: Theme::Dark,
            keep_awake: false,
            scale: 1.5,
            ..Settings::default()
        };
        assert_eq!((now, refused.len()), (expected, 0));
    }

    #[test]
    fn a_bad_field_is_named_and_costs_no_other() {
        let (now, refused) = patched(json!({
            "theme": "pink", "scale": 1.3, "server": "file:///etc", "unknown": 1, "highContrast": true,
            "globalShortcuts": { "talk": { "code": "", "mod": true, "shift": false, "alt": false } },
        }));
        let expected = Settings {
            high_contrast: true,
            ..Settings::default()
        };
        assert_eq!(now, expected);
        assert_eq!(refused.len(), 5, "{refused:?}");
    }

    #[test]
    fn texts_are_cut_and_servers_spelt_one_way() {
        let (now, refused) = patched(
            json!({ "name": format!("  {}\u{7}", "ä".repeat(100)), "server": "HTTPS://Meet.Example/" }),
        );
        assert_eq!(now.name.chars().count(), MAX_NAME);
        assert_eq!(now.server, "https://meet.example");
        assert!(refused.is_empty());
    }

    #[test]
    fn a_background_is_one_of_four_and_its_picture_comes_from_here() {
        let url = "data:image/jpeg;base64,AAAA";
        let (now, refused) = patched(json!({ "background": "picture", "backgroundPicture": url }));
        assert_eq!(now.background, BackgroundChoice::Picture);
        assert!(now.background_picture == url && refused.is_empty());
        let far = format!("{url}{}", "A".repeat(MAX_PICTURE));
        for bad in [
            json!("https://elsewhere.example/a.jpg"),
            json!(far),
            json!(1),
        ] {
            let (now, refused) =
                patched(json!({ "background": "beach", "backgroundPicture": bad }));
            assert_eq!(now, Settings::default());
            assert_eq!(refused.len(), 2);
        }
    }

    #[test]
    fn noise_suppression_that_was_on_or_off_is_understood() {
        let read = |value: Value| {
            let (now, refused) = patched(json!({ "noiseSuppression": value }));
            (now.noise_suppression, refused.len())
        };
        assert_eq!(read(json!(false)), (NoiseSuppression::Off, 0));
        assert_eq!(read(json!(true)), (NoiseSuppression::Standard, 0));
        assert_eq!(read(json!("strong")), (NoiseSuppression::Strong, 0));
        assert_eq!(read(json!("loud")), (NoiseSuppression::Standard, 1));
    }

    #[test]
    fn original_sound_is_off_until_it_is_chosen_and_nothing_but_yes_or_no() {
        assert!(!Settings::default().original_sound);
        let (now, refused) = patched(json!({ "originalSound": true }));
        assert!(now.original_sound && refused.is_empty());
        let (now, refused) = patched(json!({ "originalSound": "yes" }));
        assert!(!now.original_sound && refused.len() == 1);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z]{0,12}", inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Any value in any field: no panic, the result is within limits, and reading it again changes nothing.
        #[test]
        fn any_patch_leaves_good_settings(at in 0usize..24, value in value()) {
            let Value::Object(defaults) = serde_json::to_value(Settings::default()).unwrap() else { unreachable!() };
            let key = defaults.keys().nth(at).map_or("other", String::as_str);
            let patch = Map::from_iter([(key.to_owned(), value)]);
            let (now, _) = merge(&Settings::default(), &patch);
            prop_assert_eq!(within_limits(now.clone()), Some(now.clone()));
            let Value::Object(again) = serde_json::to_value(&now).unwrap() else { unreachable!() };
            prop_assert_eq!(merge(&Settings::default(), &again), (now, vec![]));
        }
    }
}
