//! System-wide shortcuts: chords of the settings, as the system's keys.

use crate::ipc::{AppEvent, Chord, GlobalAction, GlobalShortcuts};
use crate::platform;
use crate::shell::Shell;
use std::collections::BTreeMap;
use std::str::FromStr;
use tauri::{AppHandle, Manager, Runtime};
use tauri_plugin_global_shortcut::{
    Code, GlobalShortcutExt, Modifiers, Shortcut, ShortcutEvent, ShortcutState,
};

/// The system's key for a chord. None: a key "by meaning", which the system cannot grab, or one it does not know.
fn shortcut(chord: &Chord) -> Option<Shortcut> {
    let code = Code::from_str(&chord.code).ok()?;
    let mut modifiers = Modifiers::empty();
    let control = if cfg!(target_os = "macos") {
        Modifiers::SUPER
    } else {
        Modifiers::CONTROL
    };
    modifiers.set(control, chord.modifier);
    modifiers.set(Modifiers::SHIFT, chord.shift);
    modifiers.set(Modifiers::ALT, chord.alt);
    Some(Shortcut::new(Some(modifiers), code))
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Held for talking. The meeting itself is told, since a page may die while the key is held.
    Talk,
    /// The page's.
    Page(GlobalAction),
}

/// What each key does; a key that is set twice does the first.
fn table(set: &GlobalShortcuts) -> BTreeMap<u32, (Shortcut, Use)> {
    let actions = [
        (Use::Talk, &set.talk),
        (Use::Page(GlobalAction::Microphone), &set.microphone),
        (Use::Page(GlobalAction::Camera), &set.camera),
    ];
    let mut table = BTreeMap::new();
    for (action, chord) in actions {
        if let Some(key) = chord.as_ref().and_then(shortcut) {
            table.entry(key.id()).or_insert((key, action));
        }
    }
    table
}

/// Grabs the keys of the settings and lets go of all others. False when one could not be had: another program has it, or
/// this system has none (Wayland).
pub fn apply<R: Runtime>(app: &AppHandle<R>, set: &GlobalShortcuts) -> bool {
    let keys = app.global_shortcut();
    if let Err(error) = keys.unregister_all() {
        tracing::warn!("shortcuts: {error}");
    }
    let table = table(set);
    // Grabbing would seem to work, for the few windows that are X11's.
    let mut all = table.is_empty() || !platform::is_wayland();
    for (key, action) in table.values() {
        if let Err(error) = keys.register(*key) {
            tracing::warn!("shortcut for {action:?}: {error}");
            all = false;
        }
    }
    all
}

/// Tells the meeting in front about a key. Only talking cares when it is let go.
pub fn on_key<R: Runtime>(app: &AppHandle<R>, key: &Shortcut, event: ShortcutEvent) {
    let shell = app.state::<Shell>();
    let set = shell.settings().global_shortcuts;
    let Some((_, action)) = table(&set).remove(&key.id()) else {
        return;
    };
    let pressed = event.state == ShortcutState::Pressed;
    match action {
        Use::Talk => shell.desks.talk(pressed),
        Use::Page(action) if pressed => {
            crate::windows::tell_meeting(app, &AppEvent::Shortcut { action });
        }
        Use::Page(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(code: &str, modifier: bool) -> Option<Chord> {
        Some(Chord {
            code: code.into(),
            modifier,
            shift: false,
            alt: true,
        })
    }

    #[test]
    fn chords_become_keys_and_the_first_of_two_wins() {
        let set = GlobalShortcuts {
            talk: chord("Space", true),
            microphone: chord("KeyM", false),
            camera: chord("Space", true),
        };
        let actions: Vec<_> = table(&set)
            .into_values()
            .map(|(_, action)| action)
            .collect();
        assert_eq!(actions.len(), 2);
        assert!(
            actions.contains(&Use::Talk) && actions.contains(&Use::Page(GlobalAction::Microphone))
        );
    }

    #[test]
    fn a_key_the_system_does_not_know_is_none() {
        for code in ["?", "", "NoSuchKey", "Key"] {
            let set = GlobalShortcuts {
                talk: chord(code, false),
                ..GlobalShortcuts::default()
            };
            assert!(table(&set).is_empty(), "{code}");
        }
    }
}
