//! What is to be known of a certificate: from when, until when, for whom, by whom. rustls' verifier is asked at moments when
//! it must refuse, and says why: so no second parser of certificates is needed.

use confab_diagnosis::{Certificate, Chain};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The end of the year 9999: no certificate lives longer.
const END_OF_TIME: u64 = 253_402_300_799;
/// Where systems keep the authorities they trust.
const SYSTEM: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// Whose word is taken: the usual authorities, this system's, and those that are named.
#[derive(Clone, Debug)]
pub struct Authorities(RootCertStore);

impl Authorities {
    /// With those in this file, where one is named.
    ///
    /// # Errors
    /// The named file cannot be read, or holds no certificate.
    pub fn with(own: Option<&Path>) -> Result<Authorities, String> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for file in SYSTEM {
            roots.add_parsable_certificates(read_pem(Path::new(file)).unwrap_or_default());
        }
        if let Some(file) = own {
            let named = read_pem(file)?;
            if roots.add_parsable_certificates(named).0 == 0 {
                return Err(format!("{}: no certificate in it", file.display()));
            }
        }
        Ok(Authorities(roots))
    }
}

/// The certificates of a PEM file.
///
/// # Errors
/// It cannot be read, with its name.
pub fn read_pem(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|e| format!("{}: {e}", file.display()))
}

/// From when until when the first certificate is valid, seconds since 1970. None: there is none, or none that can be read.
pub fn read_dates(chain: &[CertificateDer<'_>]) -> Option<(u64, u64)> {
    let parsed = ParsedCertificate::try_from(chain.first()?).ok()?;
    let nobody = RootCertStore::empty();
    let not_before = match holds(&parsed, &nobody, &[], 0) {
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
            not_before, ..
        })) => not_before.as_secs(),
        // Made before 1970, or with dates that make no sense.
        _ => return None,
    };
    let not_after = match holds(&parsed, &nobody, &[], END_OF_TIME) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            not_after.as_secs()
        }
        _ => END_OF_TIME,
    };
    Some((not_before, not_after))
}

/// Whether the verifier takes it at this moment, seconds since 1970.
fn holds(
    parsed: &ParsedCertificate<'_>,
    roots: &RootCertStore,
    between: &[CertificateDer<'_>],
    at: u64,
) -> Result<(), Error> {
    let algorithms =
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    let moment = UnixTime::since_unix_epoch(Duration::from_secs(at));
    verify_server_cert_signed_by_trust_anchor(parsed, roots, between, moment, algorithms.all)
}

/// What is to be known of the first. None: there is none, or none that can be read.
pub fn read_chain(
    chain: &[CertificateDer<'_>],
    host: &str,
    authorities: &Authorities,
) -> Option<Certificate> {
    let (not_before, not_after) = read_dates(chain)?;
    let (first, between) = chain.split_first()?;
    let parsed = ParsedCertificate::try_from(first).ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |d| d.as_secs());
    // Its dates are judged apart: whose it is, is asked of a moment when it is valid.
    let moment = now.max(not_before).min(not_after);
    let chain = match holds(&parsed, &authorities.0, between, moment) {
        Ok(()) => Chain::Trusted,
        // Other: what calls itself an authority and stands for a server, as many self-signed ones do.
        Err(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::Other(_),
        )) => Chain::UnknownIssuer,
        Err(error) => Chain::Broken(error.to_string()),
    };
    let name = ServerName::try_from(host.to_owned()).ok();
    Some(Certificate {
        not_before: not_before as i64,
        not_after: not_after as i64,
        name_fits: name.is_some_and(|name| verify_server_name(&parsed, &name).is_ok()),
        chain,
        from_file: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

    fn params(names: &[&str]) -> CertificateParams {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 2, 3);
        params
    }

    #[test]
    fn dates_and_name_of_an_expired_certificate_are_read() {
        let key = KeyPair::generate().unwrap();
        let cert = params(&["meet.example.org"]).self_signed(&key).unwrap();
        let none = Authorities(RootCertStore::empty());
        let read = |host| read_chain(&[cert.der().clone()], host, &none).unwrap();
        let seen = read("meet.example.org");
        assert_eq!(
            (seen.not_before, seen.not_after),
            (1_577_836_800, 1_612_310_400)
        );
        assert_eq!((seen.name_fits, seen.chain), (true, Chain::UnknownIssuer));
        assert!(!read("other.example.org").name_fits);
        assert!(!read("192.0.2.1").name_fits);
    }

    #[test]
    fn an_own_authority_is_known_when_it_is_named() {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = params(&[]);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.not_after = date_time_ymd(2090, 1, 1);
        let ca_cert = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let cert = params(&["192.0.2.1"]).signed_by(&key, &issuer).unwrap();
        let dir = std::env::temp_dir().join(format!("confab-probe-{}", std::process::id()));
        std::fs::write(&dir, ca_cert.pem()).unwrap();
        let known = Authorities::with(Some(&dir)).unwrap();
        std::fs::remove_file(&dir).unwrap();
        let seen = read_chain(&[cert.der().clone()], "192.0.2.1", &known).unwrap();
        assert_eq!((seen.chain, seen.name_fits), (Chain::Trusted, true));
        let unknown = Authorities::with(None).unwrap();
        let seen = read_chain(&[cert.der().clone()], "192.0.2.1", &unknown).unwrap();
        assert_eq!(seen.chain, Chain::UnknownIssuer);
        assert!(Authorities::with(Some(Path::new("/nowhere"))).is_err());
    }

    #[test]
    fn no_certificate_is_none() {
        let none = Authorities(RootCertStore::empty());
        assert_eq!(read_chain(&[], "a.example", &none), None);
        let garbage = CertificateDer::from(vec![1, 2, 3]);
        assert_eq!(read_chain(&[garbage], "a.example", &none), None);
    }
}
