//! Bodies of the HTTP API about webhooks: `/api/v1/admin/webhooks`. Times are milliseconds since 1970. What is sent to receivers is
//! described in docs/API.md.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a receiver can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub enum HookEvent {
    /// The first participant is in.
    #[serde(rename = "meeting.started")]
    MeetingStarted,
    /// The last one has left, or a host ended it for all.
    #[serde(rename = "meeting.ended")]
    MeetingEnded,
    #[serde(rename = "participant.joined")]
    ParticipantJoined,
    #[serde(rename = "participant.left")]
    ParticipantLeft,
    /// A meeting with a time was made.
    #[serde(rename = "meeting.planned")]
    MeetingPlanned,
    #[serde(rename = "meeting.changed")]
    MeetingChanged,
    #[serde(rename = "meeting.cancelled")]
    MeetingCancelled,
    /// To all who are in the meeting.
    #[serde(rename = "file.shared")]
    FileShared,
    /// Reserved: nothing sends it yet.
    #[serde(rename = "recording.ready")]
    RecordingReady,
    /// Asked for by an admin, to try a receiver. It comes whatever was chosen.
    #[serde(rename = "webhook.test")]
    WebhookTest,
}

impl HookEvent {
    /// Those that can be chosen.
    pub const ALL: [HookEvent; 9] = [
        HookEvent::MeetingStarted,
        HookEvent::MeetingEnded,
        HookEvent::ParticipantJoined,
        HookEvent::ParticipantLeft,
        HookEvent::MeetingPlanned,
        HookEvent::MeetingChanged,
        HookEvent::MeetingCancelled,
        HookEvent::FileShared,
        HookEvent::RecordingReady,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            HookEvent::MeetingStarted => "meeting.started",
            HookEvent::MeetingEnded => "meeting.ended",
            HookEvent::ParticipantJoined => "participant.joined",
            HookEvent::ParticipantLeft => "participant.left",
            HookEvent::MeetingPlanned => "meeting.planned",
            HookEvent::MeetingChanged => "meeting.changed",
            HookEvent::MeetingCancelled => "meeting.cancelled",
            HookEvent::FileShared => "file.shared",
            HookEvent::RecordingReady => "recording.ready",
            HookEvent::WebhookTest => "webhook.test",
        }
    }

    pub fn parse(text: &str) -> Option<HookEvent> {
        let all = HookEvent::ALL.into_iter();
        all.chain([HookEvent::WebhookTest])
            .find(|event| event.as_str() == text)
    }
}

/// A receiver as lists have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Webhook {
    pub id: String,
    pub url: String,
    pub events: Vec<HookEvent>,
    pub enabled: bool,
    /// It answered 410 and was so switched off.
    pub gone: bool,
    #[ts(type = "number")]
    pub created_at: u64,
    /// When a letter last arrived; absent: none has yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub arrived_at: Option<u64>,
    /// Letters that wait to be sent, first or again.
    pub waiting: u32,
    /// Letters that were given up and are kept.
    pub dead: u32,
    /// Letters never put down, because too many were waiting.
    pub dropped: u32,
}

/// `POST /api/v1/admin/webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// `https://…`, and not into the server's own networks unless the configuration allows it.
    pub url: String,
    /// At least one.
    pub events: Vec<HookEvent>,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WebhookMade {
    pub webhook: Webhook,
    /// The key of its signatures, `whsec_…`. Told here and nowhere else.
    pub secret: String,
}

/// `PATCH /api/v1/admin/webhooks/{id}`; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhook {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub events: Option<Vec<HookEvent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub enabled: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be sent, first or again.
    Waiting,
    Arrived,
    /// Given up. It can be sent again by hand.
    Dead,
}

/// Why the last try failed, where there was no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryTrouble {
    /// No answer in ten seconds: the name, the connection or its certificate.
    Unreachable,
    /// The address leads where this server may not ask.
    Forbidden,
}

/// A letter to a receiver: of `GET /api/v1/admin/webhooks/{id}/deliveries`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Delivery {
    /// The header `webhook-id`.
    pub id: String,
    pub event: HookEvent,
    pub state: DeliveryState,
    #[ts(type = "number")]
    pub created_at: u64,
    /// So far.
    pub tries: u32,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub due_at: Option<u64>,
    /// HTTP status of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub trouble: Option<DeliveryTrouble>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_wire_form_agree() {
        for event in HookEvent::ALL.into_iter().chain([HookEvent::WebhookTest]) {
            let wire = serde_json::to_string(&event).unwrap();
            assert_eq!(wire, format!("\"{}\"", event.as_str()));
            assert_eq!(HookEvent::parse(event.as_str()), Some(event));
        }
    }
}
