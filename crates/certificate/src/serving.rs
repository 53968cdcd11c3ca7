//! What handshakes are answered with: the pair of the moment, or, to the authority that asks by TLS-ALPN-01 (RFC 8737), the
//! proof that the name is ours.

use crate::pair::Pair;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// The protocol of authorities that look whether a name is ours; RFC 8737, 4.
pub const ACME_ALPN: &[u8] = b"acme-tls/1";

/// Shared by the port and by whoever brings new pairs.
#[derive(Debug, Default)]
pub struct Serving {
    pair: RwLock<Option<Arc<Pair>>>,
    /// By name, for as long as an authority may look.
    proofs: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl Serving {
    /// Handshakes from now on are answered with `pair`; without any they fail.
    pub fn set(&self, pair: Pair) {
        *self.pair.write().expect("no panic while writing") = Some(Arc::new(pair));
    }

    pub fn pair(&self) -> Option<Arc<Pair>> {
        self.pair.read().expect("no panic while writing").clone()
    }

    /// Shows `key` to whoever asks for `name` by [`ACME_ALPN`], until the answer is dropped.
    pub(crate) fn prove(self: &Arc<Serving>, name: &str, key: CertifiedKey) -> Proof {
        let name = name.to_ascii_lowercase();
        let mut proofs = self.proofs.write().expect("no panic while writing");
        proofs.insert(name.clone(), Arc::new(key));
        Proof {
            serving: Arc::clone(self),
            name,
        }
    }
}

/// A proof while it is shown.
pub(crate) struct Proof {
    serving: Arc<Serving>,
    name: String,
}

impl Drop for Proof {
    fn drop(&mut self) {
        let mut proofs = self.serving.proofs.write().expect("no panic while writing");
        proofs.remove(&self.name);
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asks = hello
            .alpn()
            .is_some_and(|mut all| all.any(|p| p == ACME_ALPN));
        if asks {
            let name = hello.server_name()?.to_ascii_lowercase();
            let proofs = self.proofs.read().expect("no panic while writing");
            return proofs.get(&name).cloned();
        }
        self.pair().map(|pair| Arc::clone(&pair.key))
    }
}

/// A port's TLS with what `serving` has at each handshake. `protocols` are offered by ALPN, the dearest first; with
/// `proves` the authority's questions are answered, too: close such a connection after its handshake ([`is_challenge`]).
///
/// # Errors
/// The crypto provider lacks what TLS 1.2 and 1.3 need.
pub fn server_config(
    serving: Arc<Serving>,
    protocols: &[&[u8]],
    proves: bool,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(serving);
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    if proves {
        config.alpn_protocols.push(ACME_ALPN.to_vec());
    }
    Ok(config)
}

/// Whether a handshake was an authority's look at our proof: nothing follows on such a connection.
pub fn is_challenge(protocol: Option<&[u8]>) -> bool {
    protocol == Some(ACME_ALPN)
}
