//! The keys of a server's connections. str0m keeps them to itself, but lets us choose who does its cryptography: the
//! DTLS it is given here notes the keying material of the handshake on the way through, and its outgoing SRTP is left
//! in clear, because all that leaves a server's peer is sealed with the keys kept here. Two packets must not share a
//! nonce, which is made of SSRC and number: RTP has its numbers from `OutStream::number`, which gives none twice, RTCP
//! from the sealer's own count.

use dimpl::Dtls;
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, CryptoProvider,
    SrtpProvider, SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

/// Filled when the handshake is done.
pub(crate) type KeyCell = Arc<OnceLock<Keys>>;

/// What DTLS-SRTP agreed on (RFC 5764 §4.2).
pub(crate) struct Keys {
    /// Client's key, server's key, client's salt, server's salt.
    pub material: Vec<u8>,
    pub profile: SrtpProfile,
    /// We were the DTLS client.
    pub active: bool,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.profile)
    }
}

/// The cryptography underneath.
pub(crate) fn real() -> &'static CryptoProvider {
    static REAL: OnceLock<CryptoProvider> = OnceLock::new();
    REAL.get_or_init(str0m::crypto::from_feature_flags)
}

/// Runs `build`, which makes exactly one peer connection with the provider it is given; the cell for its keys.
pub(crate) fn tapped<T>(build: impl FnOnce(Arc<CryptoProvider>) -> T) -> (T, KeyCell) {
    static TAPPED: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = TAPPED.get_or_init(|| {
        Arc::new(CryptoProvider {
            srtp_provider: &OpensOnly,
            dtls_provider: &TappedDtls,
            ..real().clone()
        })
    });
    NEWEST.with_borrow_mut(|n| *n = None);
    let built = build(provider.clone());
    let cell = NEWEST.with_borrow_mut(Option::take).unwrap_or_default();
    (built, cell)
}

thread_local! {
    /// The cell of the DTLS instance made last on this thread: `new_dtls` is called while the connection is built.
    static NEWEST: RefCell<Option<KeyCell>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct TappedDtls;

impl DtlsProvider for TappedDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        real().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = handshake(cert, now, version, mtu)?;
        let cell = KeyCell::default();
        NEWEST.with_borrow_mut(|n| *n = Some(cell.clone()));
        Ok(Box::new(Tap { inner, cell }))
    }

    fn is_test(&self) -> bool {
        real().dtls_provider.is_test()
    }
}

/// A flight of the handshake is sent again after this, and each time after twice as long, so many times. Its usual second, doubled four
/// times, takes half a minute where every other datagram is lost, if it gets through at all; on a way so long that this is too
/// soon it costs a few datagrams (RFC 9147 §5.8.2 leaves it to those who know their networks).
const FLIGHT: Duration = Duration::from_millis(150);
const FLIGHTS_AGAIN: usize = 8;

/// As the provider underneath makes it, but for the timers.
fn handshake(
    cert: &DtlsCert,
    now: Instant,
    version: DtlsVersion,
    mtu: Option<usize>,
) -> Result<Dtls, CryptoError> {
    // ICE has shown that the other side gets what is sent to it: no cookie is needed.
    let mut config = dimpl::Config::builder()
        .use_server_cookie(false)
        .flight_start_rto(FLIGHT)
        .flight_retries(FLIGHTS_AGAIN);
    if let Some(mtu) = mtu {
        config = config.mtu(mtu);
    }
    let config = config.build();
    let config = Arc::new(config.map_err(|e| CryptoError::Other(e.to_string()))?);
    let cert = DtlsCert {
        certificate: cert.certificate.clone(),
        private_key: cert.private_key.clone(),
    };
    match version {
        DtlsVersion::Dtls12 => Ok(Dtls::new_12(config, cert, now)),
        DtlsVersion::Dtls13 => Ok(Dtls::new_13(config, cert, now)),
        DtlsVersion::Auto => Ok(Dtls::new_auto(config, cert, now)),
        other => Err(CryptoError::Other(format!("DTLS {other} is unknown"))),
    }
}

struct Tap {
    inner: Dtls,
    cell: KeyCell,
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tap")
    }
}

impl DtlsInstance for Tap {
    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.inner.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            // Told once per handshake, and there is one handshake.
            let _ = self.cell.set(Keys {
                material: material.to_vec(),
                profile: *profile,
                active: self.inner.is_active(),
            });
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}

/// Opens what comes, leaves in clear what goes.
#[derive(Debug)]
struct OpensOnly;

impl SrtpProvider for OpensOnly {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &OpensOnly
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &OpensOnly
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &OpensOnly
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        real()
            .srtp_provider
            .srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        real()
            .srtp_provider
            .srtp_aes_256_ecb_round(key, input, output);
    }
}

impl SupportedAes128CmSha1_80 for OpensOnly {
    fn create_cipher(&self, key: [u8; 16], encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        if encrypt {
            return Box::new(Clear);
        }
        let factory = real().srtp_provider.aes_128_cm_sha1_80();
        factory.create_cipher(key, false)
    }
}

impl SupportedAeadAes128Gcm for OpensOnly {
    fn create_cipher(&self, key: [u8; 16], encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        if encrypt {
            return Box::new(Clear);
        }
        let factory = real().srtp_provider.aead_aes_128_gcm();
        factory.create_cipher(key, false)
    }
}

impl SupportedAeadAes256Gcm for OpensOnly {
    fn create_cipher(&self, key: [u8; 32], encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        if encrypt {
            return Box::new(Clear);
        }
        let factory = real().srtp_provider.aead_aes_256_gcm();
        factory.create_cipher(key, false)
    }
}

/// The cipher that does nothing. It is only made for encryption.
#[derive(Debug)]
struct Clear;

fn copy(input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
    let to = output.get_mut(..input.len());
    let to = to.ok_or_else(|| CryptoError::Other("the output is too short".into()))?;
    to.copy_from_slice(input);
    Ok(())
}

fn not_for_this<T>() -> Result<T, CryptoError> {
    Err(CryptoError::Other("made for encryption only".into()))
}

impl Aes128CmSha1_80Cipher for Clear {
    fn encrypt(&mut self, _: &[u8; 16], input: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        copy(input, out)
    }

    fn decrypt(&mut self, _: &[u8; 16], _: &[u8], _: &mut [u8]) -> Result<(), CryptoError> {
        not_for_this()
    }
}

impl AeadAes128GcmCipher for Clear {
    fn encrypt(
        &mut self,
        _: &[u8; 12],
        _: &[u8],
        input: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        copy(input, out)
    }

    fn decrypt(
        &mut self,
        _: &[u8; 12],
        _: &[&[u8]],
        _: &[u8],
        _: &mut [u8],
    ) -> Result<usize, CryptoError> {
        not_for_this()
    }
}

impl AeadAes256GcmCipher for Clear {
    fn encrypt(
        &mut self,
        _: &[u8; 12],
        _: &[u8],
        input: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        copy(input, out)
    }

    fn decrypt(
        &mut self,
        _: &[u8; 12],
        _: &[&[u8]],
        _: &[u8],
        _: &mut [u8],
    ) -> Result<usize, CryptoError> {
        not_for_this()
    }
}
