//! `[mail]`: where letters are handed in.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Without `host` the server sends no mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Absent: 587 with STARTTLS, 465 with TLS, 25 without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    pub tls: MailTls,
    /// PEM of the authority that signed the mail server's certificate. Absent: the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// How the way to the mail server is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// Plain at first, then TLS; a server that offers none gets nothing.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    Off,
}

impl MailConfig {
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Tls => 465,
            MailTls::Off => 25,
        })
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let Some(host) = &self.host else {
            return match self.user.is_some() || self.from.is_some() {
                true => fault("mail.host", "is needed: without it no mail is sent"),
                false => Ok(()),
            };
        };
        let from = self.from.as_deref().unwrap_or_default();
        if from.parse::<lettre::message::Mailbox>().is_err() {
            return fault(
                "mail.from",
                "takes an address: \"confab@example.org\" or \"Meetings <confab@example.org>\"",
            );
        }
        match (&self.user, &self.password_file) {
            (Some(_), None) => return fault("mail.user", "needs mail.password_file too"),
            (None, Some(_)) => return fault("mail.password_file", "needs mail.user too"),
            _ => {}
        }
        let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.tls == MailTls::Off && self.user.is_some() && !local {
            return fault(
                "mail.tls",
                "\"off\" would send the password in the clear: take \"starttls\" or \"tls\"",
            );
        }
        Ok(())
    }
}
