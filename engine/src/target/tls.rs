//! TLS: which certificates of a cluster are accepted, and the certificate that this client shows.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Result};

/// Files of keys and certificates are small; a bundle of all public CAs has about 250 KiB.
const LARGEST_FILE: u64 = 4 << 20;

/// How the certificate of a cluster is checked, and who this client says it is.
///
/// | option | without it | with it |
/// |---|---|---|
/// | `ca_file` | the system's root certificates | only the certificates in this PEM file |
/// | `client_certificate`, `client_key` | no certificate is shown | this chain (PEM) with this key (PEM: PKCS#8, PKCS#1 or SEC1) |
/// | `insecure` | issuer, dates and name (or IP address) must be right | everything is accepted |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates of the CAs that are trusted, in place of those of the system.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, with those between it and its CA.
    pub client_certificate: Option<PathBuf>,
    /// The key of the client's certificate.
    pub client_key: Option<PathBuf>,
    /// Accept any certificate: whoever is in between can read and change everything.
    pub insecure: bool,
}

/// What the options say, read and checked.
#[derive(Debug, Clone)]
pub(super) struct TlsSettings {
    trust: Trust,
    identity: Option<Arc<CertifiedKey>>,
}

#[derive(Debug, Clone)]
enum Trust {
    /// The system's roots, read when the first connection needs them.
    System,
    Own(Arc<RootCertStore>),
    Anyone,
}

impl TlsOptions {
    /// The options that only make sense with TLS, as they are given.
    pub(super) fn only_for_tls(&self) -> Option<(&'static str, &Path)> {
        let files = [
            ("the CA file", &self.ca_file),
            ("the client certificate", &self.client_certificate),
            ("the client key", &self.client_key),
        ];
        files.into_iter().find_map(|(option, file)| Some((option, file.as_deref()?)))
    }
}

impl TlsSettings {
    /// Reads the files.
    pub(super) fn read(options: &TlsOptions) -> Result<Self> {
        let trust = match &options.ca_file {
            Some(file) if options.insecure => {
                let reason = "it is of no use when any certificate is accepted: give one of the two options";
                return Err(refused("the CA file", file, reason));
            }
            Some(file) => Trust::Own(Arc::new(own_roots(file)?)),
            None if options.insecure => Trust::Anyone,
            None => Trust::System,
        };
        let identity = match (&options.client_certificate, &options.client_key) {
            (Some(certificate), Some(key)) => Some(Arc::new(identity(certificate, key)?)),
            (None, None) => None,
            (Some(file), None) => {
                return Err(refused("the client certificate", file, "its key is not given"));
            }
            (None, Some(file)) => {
                return Err(refused("the client key", file, "its certificate is not given"));
            }
        };
        Ok(Self { trust, identity })
    }

    /// The settings of rustls. Reads the system's roots where they are trusted, which blocks.
    pub(super) fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = match &self.trust {
            Trust::System => builder.with_root_certificates(system_roots()?),
            Trust::Own(roots) => builder.with_root_certificates(Arc::clone(roots)),
            Trust::Anyone => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(algorithms)))
            }
        };
        Ok(match &self.identity {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity))))
            }
            None => builder.with_no_client_auth(),
        })
    }
}

fn system_roots() -> Result<RootCertStore, rustls::Error> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs); // Some systems have ancient ones that cannot be used.
    if !roots.is_empty() {
        return Ok(roots);
    }
    let cause = loaded.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(rustls::Error::General(format!(
        "this system has no root certificates{cause}: install the package `ca-certificates`, or give the CA of the cluster"
    )))
}

fn own_roots(file: &Path) -> Result<RootCertStore> {
    let option = "the CA file";
    let mut roots = RootCertStore::empty();
    for (at, certificate) in certificates(option, file)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| {
            refused(option, file, format!("certificate {} in it cannot be a root: {error}", at + 1))
        })?;
    }
    Ok(roots)
}

fn identity(certificate: &Path, key: &Path) -> Result<CertifiedKey> {
    let chain = certificates("the client certificate", certificate)?;
    let option = "the client key";
    let text = read_file(option, key)?;
    let parsed = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        PemError::NoItemsFound if is_encrypted(&text) => {
            refused(option, key, "it is encrypted: decrypt it with `openssl pkey`")
        }
        PemError::NoItemsFound => {
            refused(option, key, "there is no private key in it; expected is PEM: PKCS#8, PKCS#1 or SEC1")
        }
        error => refused(option, key, pem_problem(&error)),
    })?;
    CertifiedKey::from_der(chain, parsed, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            refused(option, key, format!("it is not the key of `{}`", certificate.display()))
        }
        rustls::Error::InvalidCertificate(error) => refused(
            "the client certificate",
            certificate,
            format!("its first certificate is broken: {error}"),
        ),
        error => refused(option, key, error.to_string()),
    })
}

fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// At least one certificate.
fn certificates(option: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = read_file(option, file)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match parsed {
        Ok(found) if found.is_empty() => Err(refused(
            option,
            file,
            "there is no certificate in it; expected is PEM, `-----BEGIN CERTIFICATE-----`",
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(refused(option, file, pem_problem(&error))),
    }
}

/// What is wrong with a PEM file; nothing of its content: that may be a key.
fn pem_problem(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "it is not whole: an `-----END …-----` line is missing",
        PemError::IllegalSectionStart { .. } => "one of its `-----BEGIN …-----` lines is broken",
        PemError::Base64Decode(_) => {
            "it is damaged: what stands between its BEGIN and END lines is not base64"
        }
        _ => "it is not a PEM file that can be used",
    }
}

fn read_file(option: &'static str, file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(refused(option, file, error.to_string())),
        Ok(_) if bytes.len() as u64 > LARGEST_FILE => {
            Err(refused(option, file, format!("it has more than {LARGEST_FILE} bytes")))
        }
        Ok(_) => Ok(bytes),
    }
}

fn refused(option: &'static str, file: &Path, reason: impl Into<String>) -> Error {
    Error::InvalidOption { option, value: file.display().to_string(), reason: reason.into() }
}

/// Accepts every certificate, but still checks that the server has the key of the one that it shows.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
