//! `[accounts]`: people who sign in.

use super::load::{Fault, fault};
use super::mail::MailConfig;
use confab_protocol::SignUp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountsConfig {
    pub sign_up: SignUp,
    /// After so many days one signs in again, 1 to 365.
    pub session_days: u32,
}

impl Default for AccountsConfig {
    fn default() -> AccountsConfig {
        AccountsConfig {
            sign_up: SignUp::Invitation,
            session_days: 30,
        }
    }
}

impl AccountsConfig {
    pub(super) fn check(&self, mail: &MailConfig) -> Result<(), Fault> {
        if !(1..=365).contains(&self.session_days) {
            return fault("accounts.session_days", "takes 1 to 365");
        }
        if self.sign_up == SignUp::Open && mail.host.is_none() {
            return fault(
                "accounts.sign_up",
                "\"open\" needs [mail]: a letter proves that the address is one's own",
            );
        }
        Ok(())
    }
}
