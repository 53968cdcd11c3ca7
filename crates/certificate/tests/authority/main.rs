//! Against a real authority: Pebble, the ACME server that Let's Encrypt tests clients with. It looks at our proofs over sockets and
//! signs with a root of its own. Without it (Debian: `pebble`) nothing is checked, and that is said.

mod pebble;

use confab_certificate::{ACME_ALPN, Acme, AcmeConfig, Serving, is_challenge, server_config};
use pebble::{NAME, Pebble};
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A TLS port that answers every byte with itself, as a call that goes on would.
async fn echo(serving: Arc<Serving>) -> SocketAddr {
    let config = server_config(serving, &[b"http/1.1"], true).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                if is_challenge(stream.get_ref().1.alpn_protocol()) {
                    return;
                }
                let mut byte = [0];
                while stream.read_exact(&mut byte).await.is_ok() {
                    stream.write_all(&byte).await.unwrap();
                }
            });
        }
    });
    address
}

async fn connect(
    at: SocketAddr,
    roots: rustls::RootCertStore,
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).unwrap();
    let stream = TcpStream::connect(at).await?;
    TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
}

async fn answers(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut byte = [0];
    stream.write_all(b"?").await.is_ok()
        && stream.read_exact(&mut byte).await.is_ok()
        && byte == *b"?"
}

fn config(pebble: &Pebble, dir: &Path) -> AcmeConfig {
    AcmeConfig {
        directory: pebble.directory(),
        email: Some("ada@example.org".into()),
        authority: Some(pebble.authority()),
        names: vec![NAME.into()],
        dir: dir.to_owned(),
    }
}

/// A port with its serving, an authority that looks there, and a folder.
struct Bench {
    serving: Arc<Serving>,
    address: SocketAddr,
    pebble: Pebble,
    dir: tempfile::TempDir,
}

impl Bench {
    async fn new(valid_seconds: Option<u32>) -> Option<Bench> {
        let serving = Arc::new(Serving::default());
        let address = echo(Arc::clone(&serving)).await;
        Some(Bench {
            serving,
            address,
            pebble: Pebble::start(address.port(), valid_seconds)?,
            dir: tempfile::tempdir().unwrap(),
        })
    }

    fn acme(&self) -> Acme {
        let config = config(&self.pebble, self.dir.path());
        Acme::open(config, Arc::clone(&self.serving)).unwrap()
    }

    fn served(&self) -> Option<String> {
        Some(self.serving.pair()?.fingerprint.clone())
    }

    async fn changed(&self, from: Option<String>) -> String {
        let changed = async {
            loop {
                match self.served() {
                    now if now != from => return now.unwrap(),
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(120), changed)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_certificate_is_issued_and_renewed_and_no_connection_ends() {
    let Some(bench) = Bench::new(Some(9)).await else {
        return;
    };
    let roots = bench.pebble.roots();
    assert!(
        connect(bench.address, roots.clone()).await.is_err(),
        "nothing to show yet"
    );
    let acme = Arc::new(bench.acme());
    let running = tokio::spawn({
        let acme = Arc::clone(&acme);
        async move { acme.run().await }
    });
    let first = bench.changed(None).await;
    let mut call = connect(bench.address, roots.clone()).await.unwrap();
    assert!(answers(&mut call).await);
    let second = bench.changed(Some(first)).await;
    assert!(answers(&mut call).await, "renewal ends no connection");
    let mut other = connect(bench.address, roots).await.unwrap();
    assert!(answers(&mut other).await);
    let chain = other.get_ref().1.peer_certificates().unwrap();
    assert!(chain.len() > 1, "the whole chain is shown");
    assert!(bench.served().is_some() && second.len() == 95);
    running.abort();
}

#[tokio::test]
async fn a_restart_takes_what_is_kept_and_asks_nobody() {
    let Some(mut bench) = Bench::new(None).await else {
        return;
    };
    bench.acme().obtain().await.unwrap();
    let issued = bench.served();
    let mut config = config(&bench.pebble, bench.dir.path());
    bench.pebble.down();
    let serving = Arc::new(Serving::default());
    Acme::open(config.clone(), Arc::clone(&serving)).unwrap();
    assert_eq!(serving.pair().map(|p| p.fingerprint.clone()), issued);
    // Another name, or another authority: not what is kept.
    let serving = Arc::new(Serving::default());
    config.names = vec!["other.example.org".into()];
    let acme = Acme::open(config, Arc::clone(&serving)).unwrap();
    assert!(serving.pair().is_none());
    assert_eq!(acme.obtain().await.unwrap_err().code(), "acme_unreachable");
}

#[tokio::test]
async fn an_authority_that_forgot_the_account_gets_a_new_one() {
    let Some(mut bench) = Bench::new(None).await else {
        return;
    };
    bench.acme().obtain().await.unwrap();
    let issued = bench.served();
    // It keeps everything in memory.
    bench.pebble.restart();
    bench.acme().obtain().await.unwrap();
    assert_ne!(bench.served(), issued);
}

#[tokio::test]
async fn what_goes_wrong_has_a_code_and_the_old_certificate_stays() {
    let Some(mut bench) = Bench::new(None).await else {
        return;
    };
    bench.acme().obtain().await.unwrap();
    let issued = bench.served();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    drop(silent);
    bench.pebble.look_at(port);
    let refused = bench.acme().obtain().await.unwrap_err();
    assert_eq!(refused.code(), "acme_proof_failed", "{refused}");
    // A certificate for another name does as little.
    let other = Arc::new(Serving::default());
    bench.pebble.look_at(echo(Arc::clone(&other)).await.port());
    let refused = bench.acme().obtain().await.unwrap_err();
    assert_eq!(refused.code(), "acme_proof_failed", "{refused}");
    let mut config = config(&bench.pebble, bench.dir.path());
    config.authority = None;
    let stranger = Acme::open(config, Arc::clone(&bench.serving)).unwrap();
    assert_eq!(
        stranger.obtain().await.unwrap_err().code(),
        "acme_unreachable"
    );
    assert_eq!(bench.served(), issued);
}

#[tokio::test]
async fn the_proofs_protocol_opens_nothing_by_itself() {
    let serving = Arc::new(Serving::default());
    let address = echo(serving).await;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    client.alpn_protocols = vec![ACME_ALPN.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(NAME).unwrap();
    let tls = TlsConnector::from(Arc::new(client));
    assert!(tls.connect(name, stream).await.is_err());
}
