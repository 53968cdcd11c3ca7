//! Requests to the authority: TLS to whom we know, bounded in time and size.

use super::AcmeError;
use bytes::Bytes;
use http_body_util::Limited;
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// To the head of an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Of an answer, bytes: directories and chains have a few thousand.
const MAX_BODY: usize = 256 * 1024;

struct Web(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

/// `authority`: PEM of who signed the other side's certificate; none: the public authorities.
pub(super) fn client(authority: Option<&Path>) -> Result<Box<dyn HttpClient>, AcmeError> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| AcmeError::Authority(e.to_string()))?
        .with_root_certificates(roots(authority)?)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .build();
    Ok(Box::new(Web(
        Client::builder(TokioExecutor::new()).build(connector)
    )))
}

fn roots(authority: Option<&Path>) -> Result<RootCertStore, AcmeError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = authority else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let failed =
        |e: &dyn ToString| AcmeError::Authority(format!("{}: {}", file.display(), e.to_string()));
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| failed(&e))? {
        let certificate = certificate.map_err(|e| failed(&e))?;
        roots.add(certificate).map_err(|e| failed(&e))?;
    }
    match roots.is_empty() {
        true => Err(failed(&"no certificate in it")),
        false => Ok(roots),
    }
}

impl HttpClient for Web {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let answer = self.0.request(request);
        Box::pin(async move {
            let answer = tokio::time::timeout(ANSWER_WITHIN, answer).await;
            let answer = answer.map_err(|_| Error::Other("no answer in time".into()))?;
            let answer: Response<_> = answer.map_err(|e| Error::Other(e.into()))?;
            Ok(answer.map(|body| Limited::new(body, MAX_BODY)).into())
        })
    }
}
