//! `ipc.rs` in TypeScript, as one file. The test below is what writes it for `cargo xtask generate`, and what notices a
//! stale one: xtask itself must build on a machine that has none of this package's system libraries yet.
#![cfg(test)]

use crate::ipc::*;

const HEADER: &str = "\
// Made by `cargo xtask generate` from src-tauri/src/ipc.rs. Do not edit.
import type { Code, CreateMeeting, MeetingCreated } from \"./protocol\";
";

fn typescript() -> String {
    let mut file = String::from(HEADER);
    confab_base::declare_types![
        file;
        Chord,
        DeviceSet,
        Language,
        Theme,
        BackgroundChoice,
        Layout,
        DataSaver,
        NoiseSuppression,
        GlobalShortcuts,
        Settings,
        PolicyInfo,
        AppInfo,
        RecentMeeting,
        SpeakerWord,
        PopOutWhat,
        ServerRequest,
        KnownAccount,
        Place,
        ShellCode,
        AppCode,
        UpdateState,
        PopOutHost,
        GlobalAction,
        AppCommand,
        AppReply,
        AppEvent,
    ];
    file
}

#[test]
fn the_generated_file_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/generated/app.ts");
    if std::env::var_os("CONFAB_WRITE_TYPES").is_some() {
        std::fs::write(&path, typescript()).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == typescript(),
        "run `cargo xtask generate` and commit ui/src/generated/app.ts"
    );
}
