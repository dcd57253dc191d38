//! Certificates for a server and its client, made for one test.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use std::path::{Path, PathBuf};

/// Files of certificates and keys, PEM.
pub(crate) struct Certificates {
    pub(crate) ca: PathBuf,
    pub(crate) client: PathBuf,
    pub(crate) client_key: PathBuf,
    /// A CA that signed nothing.
    pub(crate) other_ca: PathBuf,
}

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(ca: &Ca, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.signed_by(&key, ca).unwrap().pem(), key.serialize_pem())
}

impl Certificates {
    /// Makes them in a folder: those of the server are `server.pem` (with its key), its clients are signed by `ca.pem`.
    pub(crate) fn make(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (own, other) = (ca("ferry's test CA"), ca("another CA"));
        let (certificate, key) = leaf(&own, "127.0.0.1");
        write("server.pem", &format!("{key}{certificate}"));
        let (certificate, key) = leaf(&own, "client");
        Self {
            ca: write("ca.pem", &own.pem()),
            client: write("client.pem", &certificate),
            client_key: write("client.key", &key),
            other_ca: write("other.pem", &other.pem()),
        }
    }
}
