//! Updates from a static manifest: a JSON file on any web server, and packages signed with a key whose public half is built
//! into the program (docs/DESKTOP.md, "Updates"). Without both there are no updates, and the page offers none.

use crate::ipc::{AppCode, ShellCode, UpdateState};
use crate::policy::{Channel, Policy};
use crate::shell::Shell;
use tauri::{AppHandle, Manager, Runtime, Url};
use tauri_plugin_updater::{Update, UpdaterExt};

/// Where the manifest is, `{channel}` for the channel's name; and the public key. Given when the program is built.
const MANIFEST: Option<&str> = filled(option_env!("CONFAB_UPDATE_MANIFEST"));
const KEY: Option<&str> = filled(option_env!("CONFAB_UPDATE_KEY"));

/// A build server sets variables it has nothing for to the empty text.
const fn filled(value: Option<&'static str>) -> Option<&'static str> {
    match value {
        Some(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

pub fn available(policy: &Policy) -> bool {
    KEY.is_some() && manifest(policy, MANIFEST).is_some()
}

/// The manifest's address under a policy. Only https: the manifest names the version, and nobody on the way may choose it.
fn manifest(policy: &Policy, built_in: Option<&str>) -> Option<Url> {
    if policy.updates == Channel::Off {
        return None;
    }
    let pattern = policy.update_manifest.as_deref().or(built_in)?;
    let url = Url::parse(&pattern.replace("{channel}", policy.updates.as_str())).ok()?;
    (url.scheme() == "https").then_some(url)
}

/// Asks the manifest for a newer version. Blocks for as long as the network takes.
pub fn check<R: Runtime>(app: &AppHandle<R>) -> Result<UpdateState, AppCode> {
    Ok(match find(app)? {
        Some(update) => UpdateState::Found {
            version: update.version,
        },
        None => UpdateState::Current,
    })
}

/// Installs a newer version and starts it, after the goodbyes to all meetings. Comes back only where it failed.
pub fn install<R: Runtime>(app: &AppHandle<R>) -> Result<(), AppCode> {
    let update = find(app)?.ok_or(ShellCode::Unavailable)?;
    tracing::info!(version = update.version, "installing an update");
    let work = update.download_and_install(|_, _| {}, || {});
    tauri::async_runtime::block_on(work).map_err(failed)?;
    app.state::<Shell>().desks.close_all();
    app.request_restart();
    Ok(())
}

fn find<R: Runtime>(app: &AppHandle<R>) -> Result<Option<Update>, AppCode> {
    let policy = &app.state::<Shell>().policy;
    let (Some(url), Some(key)) = (manifest(policy, MANIFEST), KEY) else {
        return Err(ShellCode::Unavailable.into());
    };
    let builder = app
        .updater_builder()
        .pubkey(key)
        .endpoints(vec![url])
        .map_err(failed)?;
    let updater = builder.build().map_err(failed)?;
    tauri::async_runtime::block_on(updater.check()).map_err(|error| {
        tracing::warn!("no answer about updates: {error}");
        ShellCode::Unreachable.into()
    })
}

fn failed(error: tauri_plugin_updater::Error) -> AppCode {
    tracing::error!("update: {error}");
    ShellCode::Unavailable.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_chooses_the_channel_and_may_choose_the_place() {
        let built_in = Some("https://a.example/{channel}.json");
        let mut policy = Policy::default();
        assert_eq!(
            manifest(&policy, built_in).unwrap().as_str(),
            "https://a.example/stable.json"
        );
        policy.updates = Channel::Beta;
        policy.update_manifest = Some("https://b.example/x/{channel}".into());
        assert_eq!(
            manifest(&policy, built_in).unwrap().as_str(),
            "https://b.example/x/beta"
        );
        policy.updates = Channel::Off;
        assert_eq!(manifest(&policy, built_in), None);
    }

    #[test]
    fn updates_come_encrypted_or_not_at_all() {
        assert_eq!(
            manifest(&Policy::default(), Some("http://a.example/x")),
            None
        );
        assert_eq!(manifest(&Policy::default(), None), None);
    }
}
