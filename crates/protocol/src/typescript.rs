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
        AccountId,
        FileId,
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
        FileKind,
        SharedFile,
        ChatMessage,
        Audience,
        LobbyPolicy,
        AbsentHost,
        Permissions,
        Policy,
        Meeting,
        Floor,
        Answered,
        Question,
        Vote,
        Poll,
        AgendaItem,
        Agenda,
        Breakout,
        Place,
        Assignment,
        Tools,
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
        CallDevice,
        DeviceChange,
        DeviceNote,
        QualityReport,
        SameRoomChoice,
        NewPoll,
        Request,
        ClientMessage,
        // Server
        CatchUp,
        IceServer,
        Welcome,
        WaitReason,
        LobbyPlace,
        Waiting,
        WaitingPerson,
        OwnVote,
        SpeakingTime,
        ReplyBody,
        QualityLevel,
        VoiceLoss,
        ParticipantQuality,
        Limited,
        SlotState,
        LayersWanted,
        ServerMessage,
        // HTTP
        FileLimits,
        CreateMeeting,
        MeetingCreated,
        MeetingInfo,
        CheckInfo,
        CheckCertificate,
        CheckOffer,
        CheckAnswer,
        MeetingState,
        ErrorBody,
    ];
    accounts(&mut file);
    file
}

/// What is said over HTTP of accounts, and of what belongs to one.
fn accounts(file: &mut String) {
    confab_base::declare_types![
        file;
        AccountRole,
        SignUp,
        Standing,
        MayCreate,
        Account,
        SignIn,
        Join,
        AskForLink,
        NewPassword,
        ChangePassword,
        DeleteAccount,
        ChangeProfile,
        SignedIn,
        Invite,
        Invited,
        Invitation,
        LinkToken,
        ChangeAccount,
        WaysIn,
        LinkedProvider,
        ProviderPage,
        AppSignIn,
        AppPage,
        AppCode,
        AppSession,
        Passkey,
        PasskeyChallenge,
        NewPasskeyChallenge,
        PasskeyAnswer,
        NewPasskey,
        OwnCalendar,
        ConnectedCalendar,
        CalendarChoice,
        CalendarState,
        ConnectCalendar,
        PushCalendar,
        Page<AuditEntry>,
        AuditEntry,
        AuditAction,
        LiveMeeting,
        LivePerson,
        CreateRule,
        ServerPolicy,
        ProviderPolicy,
        TokenScope,
        ApiToken,
        NewApiToken,
        ApiTokenMade,
        HookEvent,
        Webhook,
        NewWebhook,
        WebhookMade,
        ChangeWebhook,
        DeliveryState,
        DeliveryTrouble,
        Delivery,
        LogLevel,
        ServerLog,
        LinkMeasure,
        Call,
        CallDetails,
        CallPerson,
        CallMinute,
        ServerMinute,
        Cause,
        CauseKind,
    ];
}

fn sizes() -> [(&'static str, u64); 39] {
    [
        ("MAX_CLIENT_MESSAGE", MAX_CLIENT_MESSAGE as u64),
        ("MAX_SDP", MAX_SDP as u64),
        ("MAX_NAME", MAX_NAME as u64),
        ("MAX_CHAT", MAX_CHAT as u64),
        ("MAX_CLIENT_ID", MAX_CLIENT_ID as u64),
        ("MAX_TITLE", MAX_TITLE as u64),
        ("MAX_MESSAGE_FILES", MAX_MESSAGE_FILES as u64),
        ("MAX_FILE_NAME", MAX_FILE_NAME as u64),
        ("MAX_UPLOADS", MAX_UPLOADS as u64),
        ("MAX_CHAT_HISTORY", MAX_CHAT_HISTORY as u64),
        ("MAX_SPOTLIGHTS", MAX_SPOTLIGHTS as u64),
        ("MAX_QUESTION", MAX_QUESTION as u64),
        ("MAX_QUESTIONS", MAX_QUESTIONS as u64),
        ("MAX_POLLS", MAX_POLLS as u64),
        ("MAX_OPTIONS", MAX_OPTIONS as u64),
        ("MAX_OPTION", MAX_OPTION as u64),
        ("MAX_AGENDA", MAX_AGENDA as u64),
        ("MAX_BREAKOUT_ROOMS", MAX_BREAKOUT_ROOMS as u64),
        ("MAX_BREAKOUT_MINUTES", u64::from(MAX_BREAKOUT_MINUTES)),
        ("MAX_BREAKOUT_RETURN_S", u64::from(MAX_BREAKOUT_RETURN_S)),
        ("MAX_PASSCODE", MAX_PASSCODE as u64),
        ("MAX_WAITING", MAX_WAITING as u64),
        ("FREE_TRIES", u64::from(FREE_TRIES)),
        ("MAX_EVENT_HISTORY", MAX_EVENT_HISTORY as u64),
        ("MAX_SLOTS", MAX_SLOTS as u64),
        ("MAX_PARTICIPANTS", MAX_PARTICIPANTS as u64),
        ("MIN_VIEW_BITRATE", MIN_VIEW_BITRATE),
        ("REQUEST_BURST", u64::from(REQUEST_BURST)),
        ("REQUEST_RATE", u64::from(REQUEST_RATE)),
        ("OFFER_BURST", u64::from(OFFER_BURST)),
        ("OFFER_RATE", u64::from(OFFER_RATE)),
        ("PING_INTERVAL_MS", PING_INTERVAL_MS),
        ("PING_TIMEOUT_MS", PING_TIMEOUT_MS),
        ("SEAT_KEPT_MS", SEAT_KEPT_MS),
        ("MIN_REPORT_S", u64::from(MIN_REPORT_S)),
        ("MAX_REPORT_S", u64::from(MAX_REPORT_S)),
        ("REPORT_INTERVAL_MS", REPORT_INTERVAL_MS),
        ("MAX_REPORT_DEVICES", MAX_REPORT_DEVICES as u64),
        ("GOOD_SCORE", u64::from(GOOD_SCORE)),
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
            let plain = format!("export type {word} =");
            let generic = format!("export type {word}<");
            assert!(
                file.contains(&plain) || file.contains(&generic) || word == "T",
                "{word} is used but not declared"
            );
        }
    }
}
