//! Bodies of the HTTP API about tokens of programs: `/api/v1/account/tokens` and `/api/v1/admin/tokens`. Times are milliseconds
//! since 1970. A token is told once, when it is made.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a token is for. It never opens more than its owner may do. docs/openapi.json says which operation needs which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub enum TokenScope {
    /// See meetings, their plans and what was of them; rooms; feeds.
    #[serde(rename = "meetings:read")]
    MeetingsRead,
    /// Make, change and cancel meetings; feeds.
    #[serde(rename = "meetings:write")]
    MeetingsWrite,
    /// See accounts, the audit log, what runs now.
    #[serde(rename = "admin:read")]
    AdminRead,
    /// Invite, disable, end meetings; rooms of the house.
    #[serde(rename = "admin:write")]
    AdminWrite,
    /// Make and look after webhooks.
    #[serde(rename = "webhooks")]
    Webhooks,
}

impl TokenScope {
    pub const ALL: [TokenScope; 5] = [
        TokenScope::MeetingsRead,
        TokenScope::MeetingsWrite,
        TokenScope::AdminRead,
        TokenScope::AdminWrite,
        TokenScope::Webhooks,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            TokenScope::MeetingsRead => "meetings:read",
            TokenScope::MeetingsWrite => "meetings:write",
            TokenScope::AdminRead => "admin:read",
            TokenScope::AdminWrite => "admin:write",
            TokenScope::Webhooks => "webhooks",
        }
    }

    pub fn parse(text: &str) -> Option<TokenScope> {
        TokenScope::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }

    /// Only admins may give it.
    pub fn is_for_admins(self) -> bool {
        matches!(
            self,
            TokenScope::AdminRead | TokenScope::AdminWrite | TokenScope::Webhooks
        )
    }
}

/// A token as lists have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ApiToken {
    /// Names it in the API; opens nothing.
    pub id: String,
    pub name: String,
    pub scopes: Vec<TokenScope>,
    /// Mail address of the account it stands for; absent: the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub owner: Option<String>,
    #[ts(type = "number")]
    pub created_at: u64,
    /// To ten minutes; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub used_at: Option<u64>,
    /// Absent: it is good until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub expires_at: Option<u64>,
}

/// Makes a token: `POST /api/v1/account/tokens`, `POST /api/v1/admin/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// 1 to [`crate::MAX_NAME`] characters.
    pub name: String,
    /// At least one.
    pub scopes: Vec<TokenScope>,
    /// 1 to 3650; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub days: Option<u16>,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ApiTokenMade {
    pub token: ApiToken,
    /// For `Authorization: Bearer …`. Told here and nowhere else.
    pub secret: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_wire_form_agree() {
        for scope in TokenScope::ALL {
            let wire = serde_json::to_string(&scope).unwrap();
            assert_eq!(wire, format!("\"{}\"", scope.as_str()));
            assert_eq!(TokenScope::parse(scope.as_str()), Some(scope));
        }
        assert_eq!(TokenScope::parse("all"), None);
    }
}
