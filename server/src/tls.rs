//! The certificate of the charge points' TLS port, and what client certificates it asks for; read again when the files change.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite};
use tokio_util::sync::CancellationToken;

/// A renewed certificate is in use this much later.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What OCPP names (1.6 whitepaper § 5, 2.0.1 A00.FR.318: ECDHE_ECDSA with AES-GCM) and its RSA sisters with forward secrecy, and all of TLS
/// 1.3. The suites without forward secrecy (TLS_RSA_…) that it names too are not in this library, and rightly so: a charger that has
/// an RSA certificate's suites has ECDHE_RSA as well.
const SUITES: &[SupportedCipherSuite] = &[
    aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// Where the files are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Of the authority that signs charge points' certificates. Without it no client certificate is asked for.
    pub authority: Option<PathBuf>,
}

/// What the files held when they were read.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Option<Vec<u8>>,
}

/// The configuration of the moment. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    files: Arc<TlsFiles>,
    current: Arc<RwLock<(Contents, Arc<ServerConfig>)>>,
}

impl Tls {
    /// Reads the files; what is wrong with them is wrong at the start.
    pub fn read(files: TlsFiles) -> Result<Self> {
        let contents = Contents::read(&files)?;
        let config = contents.config()?;
        Ok(Self { files: Arc::new(files), current: Arc::new(RwLock::new((contents, config))) })
    }

    /// For the next handshake.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Looks at the files again; whether they had changed. What cannot be used leaves what is in use.
    pub fn look(&self) -> Result<bool> {
        let contents = Contents::read(&self.files)?;
        if contents == self.current.read().unwrap_or_else(PoisonError::into_inner).0 {
            return Ok(false);
        }
        let config = contents.config()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (contents, config);
        Ok(true)
    }

    /// Looks at the files until it is told to stop.
    pub async fn watch(self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.look()).await {
                Ok(Ok(true)) => tracing::info!("The certificate of the charge points' port has changed"),
                Ok(Ok(false)) => {}
                // Half of a renewal is seen now and then, so it is said once.
                Ok(Err(error)) if !failing => {
                    tracing::error!(error = format!("{error:#}"), "The new certificate cannot be used; the old one is");
                    failing = true;
                    continue;
                }
                Ok(Err(_)) => continue,
                Err(_) => return,
            }
            failing = false;
        }
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
        let authority = files.authority.as_ref().map(read).transpose()?;
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)?, authority })
    }

    fn config(&self) -> Result<Arc<ServerConfig>> {
        let provider = Arc::new(CryptoProvider { cipher_suites: SUITES.to_vec(), ..aws_lc_rs::default_provider() });
        let chain = certificates(&self.certificate).context("the certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).context("the key is no PEM of a private key")?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let builder = match &self.authority {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(pem).context("the authority's certificate")? {
                    roots.add(certificate).context("the authority's certificate")?;
                }
                // Whether this charge point must show one, and whether it is revoked, is asked of the database.
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .allow_unauthenticated()
                    .build()
                    .context("the authority's certificate")?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).context("the key and the certificate do not fit")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!found.is_empty(), "there is none in the file");
    Ok(found)
}
