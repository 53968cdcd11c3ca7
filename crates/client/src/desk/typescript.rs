//! The desk's types in TypeScript, as one file. `cargo xtask generate` writes it to `ui/src/generated/desk.ts`.

use super::face::*;
use super::state::*;
use super::stats::*;

const HEADER: &str = "\
// Made by `cargo xtask generate` from crates/client/src/desk. Do not edit.
import type {
  Audience, Code, Limited, Listening, Meeting, MeetingInfo, OwnVote, Participant, ParticipantId, ParticipantQuality, Reaction, Request, SameRoomChoice, Source,
  SharedFile, SpeakingTime, Tools, TrackId, WaitingPerson, WaitReason,
} from \"./protocol\";
";

/// All types a page and a desk exchange.
pub fn typescript() -> String {
    let mut file = String::from(HEADER);
    confab_base::declare_types![
        file;
        // State
        CallPhase,
        MediaFlow,
        OwnEnd,
        EndReason,
        CallState,
        ChatEntry,
        LimitedTrack,
        DeviceKind,
        DeviceProblem,
        DeskDevice,
        LocalSource,
        ScreenMode,
        LocalScreen,
        LocalSpeaker,
        NoiseSuppression,
        NoiseProblem,
        LocalNoise,
        LocalState,
        LobbyWait,
        Leading,
        DeskState,
        DeskPatch,
        // Numbers and lists
        RepairStats,
        LinkStats,
        StreamDirection,
        StreamLimit,
        StreamStats,
        ScreenSourceKind,
        ScreenSource,
        BusAddress,
        // Words
        Processing,
        DataSaving,
        BlurStrength,
        DeskBackground,
        ShownVideo,
        HostAction,
        DrawnStroke,
        DeskCommand,
        OwnCode,
        DeskCode,
        DeskReply,
        ScreenEnd,
        BackgroundEnd,
        DeskEvent,
    ];
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What writes the file for `cargo xtask generate`, and what notices a stale one: xtask itself builds without this crate.
    #[test]
    fn the_generated_file_is_current() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = folder.join("../../ui/src/generated/desk.ts");
        if std::env::var_os("CONFAB_WRITE_TYPES").is_some() {
            std::fs::write(&path, typescript()).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == typescript(),
            "run `cargo xtask generate` and commit ui/src/generated/desk.ts"
        );
    }

    #[test]
    fn every_type_named_is_declared_or_imported() {
        let file = typescript();
        let (import, types) = file.split_once("} from ").unwrap();
        let words = types
            .lines()
            .filter(|l| !l.trim_start().starts_with('*'))
            .flat_map(|l| l.split(|c: char| !c.is_ascii_alphanumeric()))
            .filter(|w| w.starts_with(|c: char| c.is_ascii_uppercase()) && *w != "Array");
        for word in words {
            let declared = types.contains(&format!("export type {word} ="));
            assert!(declared || import.contains(word), "{word} is not declared");
        }
    }
}
