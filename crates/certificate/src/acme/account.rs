//! The account at the authority: made once, then the same one for ever, so that its limits and contacts are.

use super::kept::Kept;
use super::{AcmeConfig, AcmeError, web};
use instant_acme::{Account, AccountCredentials, NewAccount};

/// The kept account, or a new one where there is none or the authority no longer knows it.
pub(super) async fn open(config: &AcmeConfig, kept: &Kept) -> Result<Account, AcmeError> {
    let builder = || {
        Ok::<_, AcmeError>(Account::builder_with_http(web::client(
            config.authority.as_deref(),
        )?))
    };
    let contacts: Vec<String> = config.email.iter().map(|e| format!("mailto:{e}")).collect();
    let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
    if let Some(json) = kept.account()? {
        let credentials: Result<AccountCredentials, _> = serde_json::from_str(&json);
        match credentials {
            Ok(credentials) => {
                let account = builder()?.from_credentials(credentials).await?;
                // Also how one learns whether it still is one.
                match account.update_contacts(&contacts).await {
                    Ok(()) => return Ok(account),
                    Err(error) if is_unknown(&error) => kept.forget_account()?,
                    Err(error) => return Err(error.into()),
                }
            }
            Err(_) => kept.forget_account()?,
        }
    }
    let wanted = NewAccount {
        contact: &contacts,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let directory = config.directory.clone();
    let (account, credentials) = builder()?.create(&wanted, directory, None).await?;
    let json = serde_json::to_string(&credentials).expect("credentials are plain data");
    kept.keep_account(&json)?;
    Ok(account)
}

fn is_unknown(error: &instant_acme::Error) -> bool {
    let instant_acme::Error::Api(problem) = error else {
        return false;
    };
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
}
