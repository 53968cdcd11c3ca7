//! A certificate from an authority by ACME (RFC 8555), proven by TLS-ALPN-01 (RFC 8737) on the port that is served anyway, kept
//! on disk and renewed in time. The authority's account and the certificate live in a folder per directory, so that a try with
//! a staging authority leaves nothing behind in the real one.

mod account;
mod error;
mod kept;
mod web;

pub use error::AcmeError;
pub use kept::kept_certificate;

use crate::files::seconds;
use crate::pair::{Pair, PairError};
use crate::schedule::{pause_after, renewal_due};
use crate::serving::{Proof, Serving};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, KeyAuthorization, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use kept::Kept;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// A whole order may take this long.
const ORDER_WITHIN: Duration = Duration::from_secs(180);
/// How the authority's look at our proof, and then its signature, are waited for.
const POLL: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_secs(75));
/// The clock may be set, and the machine may sleep: so often at least it is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// What is asked of whom. Setting it up means agreeing to the authority's terms.
#[derive(Clone, Debug)]
pub struct AcmeConfig {
    /// The authority's directory, `https://…`.
    pub directory: String,
    /// Where the authority writes when something is wrong.
    pub email: Option<String>,
    /// PEM of who signed the directory's own certificate. None: the public authorities.
    pub authority: Option<PathBuf>,
    /// DNS names of the certificate, one or more.
    pub names: Vec<String>,
    /// Where account and certificate are kept, readable by the owner only; made if missing.
    pub dir: PathBuf,
}

/// Gets certificates and serves them.
#[derive(Debug)]
pub struct Acme {
    config: AcmeConfig,
    kept: Kept,
    serving: Arc<Serving>,
    hurry: Notify,
    failures: AtomicU32,
}

impl Acme {
    /// Serves the certificate that is kept, if there is one for these names. Asks nobody yet.
    ///
    /// # Errors
    /// The folder cannot be made, or what is in it cannot be read.
    pub fn open(config: AcmeConfig, serving: Arc<Serving>) -> Result<Acme, AcmeError> {
        let kept = Kept::open(&config.dir, &config.directory)?;
        let fits = |pair: &Pair| config.names.iter().all(|name| pair.covers(name));
        match kept.pair() {
            Ok(Some(pair)) if fits(&pair) => serving.set(pair),
            Ok(_) => {}
            // A new one comes soon.
            Err(error) => tracing::warn!(code = error.code(), %error, "the kept certificate"),
        }
        Ok(Acme {
            config,
            kept,
            serving,
            hurry: Notify::new(),
            failures: AtomicU32::new(0),
        })
    }

    /// Gets what is missing and renews what is due, for ever.
    pub async fn run(&self) {
        loop {
            match self.failures() {
                0 => self.until_due().await,
                failures => self.rest(pause_after(failures)).await,
            }
            match self.obtain().await {
                Ok(()) => self.failures.store(0, Ordering::Relaxed),
                Err(error) => {
                    let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                    let next_in = pause_after(failures).as_secs();
                    let code = error.code();
                    tracing::error!(code, %error, failures, next_in, "no certificate by ACME");
                }
            }
        }
    }

    /// Tries in a row that [`Acme::run`] made in vain.
    pub fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Tries again at once what has failed and waits.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    async fn until_due(&self) {
        loop {
            let due = match self.serving.pair() {
                Some(pair) => renewal_due(pair.valid_from, pair.valid_until),
                None => return,
            };
            match u64::try_from(due.saturating_sub(seconds())) {
                Ok(left) if left > 0 => self.rest(LOOK_AGAIN.min(Duration::from_secs(left))).await,
                _ => return,
            }
        }
    }

    async fn rest(&self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            () = self.hurry.notified() => {}
        }
    }

    /// Orders a certificate now, keeps it and serves it.
    ///
    /// # Errors
    /// What went wrong; what was served before still is.
    pub async fn obtain(&self) -> Result<(), AcmeError> {
        let ordered = timeout(ORDER_WITHIN, self.order()).await;
        let (key, chain) = ordered.map_err(|_| AcmeError::Late)??;
        let text = format!("{key}{chain}");
        let named = self.kept.certificate();
        let pair = Pair::from_pem((text.as_bytes(), named), (text.as_bytes(), named))?;
        if !self.config.names.iter().all(|name| pair.covers(name)) {
            return Err(PairError::Unusable("it is for other names".into()).into());
        }
        // Served even where it cannot be kept: it is good, and another order would use up the authority's patience.
        if let Err(error) = self.kept.keep_pair(&text) {
            tracing::error!(code = error.code(), %error, "the certificate by ACME will not outlive the process");
        }
        let (fingerprint, until) = (&pair.fingerprint, pair.valid_until);
        tracing::info!(fingerprint, until, "certificate by ACME");
        self.serving.set(pair);
        Ok(())
    }

    /// PEM of a fresh key and of the chain for it.
    async fn order(&self) -> Result<(String, String), AcmeError> {
        let account = account::open(&self.config, &self.kept).await?;
        let names: Vec<Identifier> = self
            .config
            .names
            .iter()
            .cloned()
            .map(Identifier::Dns)
            .collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let proofs = self.show_proofs(&mut order).await?;
        if order.poll_ready(&POLL).await? != OrderStatus::Ready {
            return Err(refused_proof(&account, order).await);
        }
        drop(proofs);
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&POLL).await?;
        Ok((key, chain))
    }

    /// Shows what the authority asks for and tells it to look. Names that were proven lately are not asked for again.
    async fn show_proofs(&self, order: &mut Order) -> Result<Vec<Proof>, AcmeError> {
        let mut shown = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                other => return Err(AcmeError::Answer(format!("authorization {other:?}"))),
            }
            let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
                return Err(AcmeError::Answer("it takes no tls-alpn-01".into()));
            };
            let Identifier::Dns(name) = challenge.identifier().identifier.clone() else {
                return Err(AcmeError::Answer("it asks for another name".into()));
            };
            let key = proof_of(&name, &challenge.key_authorization())?;
            shown.push(self.serving.prove(&name, key));
            challenge.set_ready().await?;
        }
        Ok(shown)
    }
}

/// The certificate of RFC 8737, 3: self-signed, for the name alone, with the digest of the key authorization.
fn proof_of(name: &str, authorization: &KeyAuthorization) -> Result<CertifiedKey, AcmeError> {
    let made = || {
        let mut parameters = CertificateParams::new(vec![name.to_owned()])?;
        let digest = authorization.digest();
        parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
        let key = KeyPair::generate()?;
        Ok((parameters.self_signed(&key)?, key))
    };
    let (certificate, key) = made().map_err(|e: rcgen::Error| AcmeError::Answer(e.to_string()))?;
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let private = default_provider().key_provider.load_private_key(private);
    let private = private.map_err(|e| AcmeError::Answer(e.to_string()))?;
    // Not checked against each other: rustls reads no certificate with this critical extension.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], private))
}

/// Why the authority did not believe us, in its own words.
async fn refused_proof(account: &Account, order: Order) -> AcmeError {
    let (url, _) = order.into_parts();
    let Ok(mut order) = account.order(url).await else {
        return AcmeError::Proof("it does not say why".into());
    };
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let mut challenges = authorization.challenges.iter();
        if let Some(problem) = challenges.find_map(|c| c.error.as_ref()) {
            return AcmeError::Proof(problem.to_string());
        }
    }
    AcmeError::Proof("it does not say why".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_authority_that_is_away_is_asked_again_at_once_when_somebody_asks_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let config = AcmeConfig {
            // Nobody listens there.
            directory: "https://127.0.0.1:1/dir".into(),
            email: None,
            authority: None,
            names: vec!["meet.example.org".into()],
            dir: dir.path().to_owned(),
        };
        let acme = Arc::new(Acme::open(config, Arc::default()).unwrap());
        let running = Arc::clone(&acme);
        let running = tokio::spawn(async move { running.run().await });
        // By themselves the first seven would take the whole of a working day.
        for tries in 1..=7 {
            while acme.failures() < tries {
                sleep(Duration::from_millis(5)).await;
            }
            assert_eq!(acme.failures(), tries, "it waits");
            acme.hurry();
        }
        running.abort();
    }
}
