//! The same types in TypeScript, as one file. `cargo xtask generate` writes it to `ui/src/generated/protocol.ts`.

use crate::*;

const HEADER: &str = "// Made by `cargo xtask generate` from crates/protocol. Do not edit.\n";

/// All wire types, the protocol version and the limits.
pub fn typescript() -> String {
    let mut file = String::from(HEADER);
    let mut constant = |name: &str, value: u64| {
        file.push_str(&format!("export const {name} = {value};\n"));
    };
    constant("VERSION", u64::from(VERSION));
    for (name, value) in sizes() {
        constant(name, value);
    }
    confab_base::declare_types![
        file;
        // Words
        MeetingId,
        ParticipantId,
        TrackId,
        Code,
        MediaKind,
        Source,
        VideoCodec,
        // State
        Role,
        ClientKind,
        Presence,
        Layer,
        Track,
        Participant,
        ChatMessage,
        Meeting,
        Snapshot,
        // Events
        Reaction,
        LeaveReason,
        Event,
        Sequenced,
        // Client
        Resume,
        Hello,
        Publish,
        Offer,
        Slot,
        Listening,
        SameRoomChoice,
        Request,
        ClientMessage,
        // Server
        CatchUp,
        Welcome,
        ReplyBody,
        QualityLevel,
        VoiceLoss,
        ParticipantQuality,
        Limited,
        SlotState,
        LayersWanted,
        ServerMessage,
        // HTTP
        CreateMeeting,
        MeetingCreated,
        MeetingInfo,
        MeetingState,
        ErrorBody,
    ];
    file
}

fn sizes() -> [(&'static str, u64); 17] {
    [
        ("MAX_CLIENT_MESSAGE", MAX_CLIENT_MESSAGE as u64),
        ("MAX_SDP", MAX_SDP as u64),
        ("MAX_NAME", MAX_NAME as u64),
        ("MAX_CHAT", MAX_CHAT as u64),
        ("MAX_CLIENT_ID", MAX_CLIENT_ID as u64),
        ("MAX_TITLE", MAX_TITLE as u64),
        ("MAX_CHAT_HISTORY", MAX_CHAT_HISTORY as u64),
        ("MAX_EVENT_HISTORY", MAX_EVENT_HISTORY as u64),
        ("MAX_SLOTS", MAX_SLOTS as u64),
        ("MAX_PARTICIPANTS", MAX_PARTICIPANTS as u64),
        ("REQUEST_BURST", u64::from(REQUEST_BURST)),
        ("REQUEST_RATE", u64::from(REQUEST_RATE)),
        ("OFFER_BURST", u64::from(OFFER_BURST)),
        ("OFFER_RATE", u64::from(OFFER_RATE)),
        ("PING_INTERVAL_MS", PING_INTERVAL_MS),
        ("PING_TIMEOUT_MS", PING_TIMEOUT_MS),
        ("SEAT_KEPT_MS", SEAT_KEPT_MS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_and_the_roots_are_exported() {
        let file = typescript();
        for line in include_str!("limits.rs").lines() {
            if let Some(rest) = line.strip_prefix("pub const ") {
                let name = rest.split(':').next().unwrap();
                assert!(file.contains(&format!("export const {name} =")), "{name}");
            }
        }
        for root in ["ClientMessage", "ServerMessage", "MeetingInfo"] {
            assert!(file.contains(&format!("export type {root} =")), "{root}");
        }
    }

    #[test]
    fn every_type_named_is_declared() {
        let file = typescript();
        let words = file
            .lines()
            .filter(|l| l.starts_with("export type"))
            .flat_map(|l| l.split(|c: char| !c.is_ascii_alphanumeric()))
            .filter(|w| w.starts_with(|c: char| c.is_ascii_uppercase()) && *w != "Array");
        for word in words {
            assert!(
                file.contains(&format!("export type {word} =")),
                "{word} is used but not declared"
            );
        }
    }
}
