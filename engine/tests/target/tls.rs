//! TLS, with certificates made here.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::server::{Reply, Server};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use engine::target::{Client, ClientOptions, Request, SendError, TlsOptions};
use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use url::Url;

type Ca = CertifiedIssuer<'static, KeyPair>;

/// A CA with a name of its own.
fn ca() -> Ca {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    ca_with_name(&format!("CA {}", NUMBER.fetch_add(1, Ordering::SeqCst)))
}

fn ca_with_name(name: &str) -> Ca {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for these names (or addresses), and its key.
fn leaf(ca: &Ca, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (leaf_with(ca, names, &key), key)
}

fn leaf_with(ca: &Ca, names: &[&str], key: &KeyPair) -> rcgen::Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap().signed_by(key, ca).unwrap()
}

/// A server with such a certificate; with `clients`, only for clients with a certificate of that CA.
async fn server(ca: &Ca, names: &[&str], clients: Option<&Ca>) -> Server {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let (certificate, key) = leaf(ca, names);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    Server::https(config, |_| Reply::new(200, "{}")).await
}

/// A file below the folder of this build.
fn file(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

fn trusting(name: &str, ca: &Ca) -> TlsOptions {
    TlsOptions { ca_file: Some(file(name, ca.pem())), ..TlsOptions::default() }
}

async fn send(url: Url, tls: TlsOptions) -> Result<u16, SendError> {
    let client = Client::new(ClientOptions { tls, ..ClientOptions::new(url) }).unwrap();
    client.send(&Request::new(Method::GET, "/")).await.map(|response| response.status)
}

fn problem(result: Result<u16, SendError>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, SendError::Tls(_)), "{error:?}");
    assert!(!error.is_retryable());
    engine::error::chain(&error)
}

/// Why the options are refused.
fn refused(tls: TlsOptions) -> String {
    let url = Url::parse("https://localhost").unwrap();
    Client::new(ClientOptions { tls, ..ClientOptions::new(url) }).unwrap_err().to_string()
}

#[tokio::test]
async fn an_unknown_ca_is_refused() {
    let server = server(&ca(), &["localhost"], None).await;
    let url = server.url("https", "localhost");
    assert_eq!(
        problem(send(url.clone(), trusting("unknown-ca.pem", &ca())).await),
        "no trusted connection: invalid peer certificate: UnknownIssuer: the CA of the certificate is not trusted: give \
         its certificate as the CA file"
    );
    problem(send(url, TlsOptions::default()).await); // Nor is it one of the system's.
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_ca_that_was_made_anew_under_its_old_name_is_another_one() {
    let (old, new) = (ca_with_name("demo"), ca_with_name("demo"));
    let server = server(&new, &["localhost"], Some(&new)).await;
    let url = server.url("https", "localhost");
    assert_eq!(
        problem(send(url.clone(), trusting("old-ca.pem", &old)).await),
        "no trusted connection: invalid peer certificate: BadSignature: the CA of the certificate is not trusted: give \
         its certificate as the CA file"
    );
    let (certificate, key) = leaf(&old, &["client"]);
    let tls = TlsOptions {
        client_certificate: Some(file("old-client.pem", certificate.pem())),
        client_key: Some(file("old-client.key", key.serialize_pem())),
        ..trusting("new-ca.pem", &new)
    };
    let told = problem(send(url, tls).await);
    assert!(told.ends_with(": the server does not accept the client certificate, or wants one"), "{told}");
}

#[tokio::test]
async fn the_own_ca_replaces_those_of_the_system() {
    let ca = ca();
    let server = server(&ca, &["localhost"], None).await;
    assert_eq!(send(server.url("https", "localhost"), trusting("own-ca.pem", &ca)).await.unwrap(), 200);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let ca = ca();
    let server = server(&ca, &["search.example", "localhost.example"], None).await;
    let told = problem(send(server.url("https", "localhost"), trusting("name-ca.pem", &ca)).await);
    assert!(told.contains(r#"certificate not valid for name "localhost""#), "{told}");
    assert!(told.ends_with(": use one of the names that the certificate has in the URL"), "{told}");
}

#[tokio::test]
async fn an_ip_address_must_be_in_the_certificate() {
    let ca = ca();
    let with = server(&ca, &["localhost", "127.0.0.1"], None).await;
    let without = server(&ca, &["localhost"], None).await;
    let tls = trusting("ip-ca.pem", &ca);
    assert_eq!(send(with.url("https", "127.0.0.1"), tls.clone()).await.unwrap(), 200);
    let told = problem(send(without.url("https", "127.0.0.1"), tls).await);
    assert!(told.contains("certificate not valid for name"), "{told}");
}

#[tokio::test]
async fn insecure_accepts_any_certificate() {
    let server = server(&ca(), &["search.example"], None).await;
    let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
    assert_eq!(send(server.url("https", "localhost"), tls).await.unwrap(), 200);
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_it() {
    let (ca, clients) = (ca(), ca());
    let server = server(&ca, &["localhost"], Some(&clients)).await;
    let url = server.url("https", "localhost");
    let trusting = trusting("mtls-ca.pem", &ca);
    let told = problem(send(url.clone(), trusting.clone()).await);
    assert!(told.ends_with(": the server wants a client certificate: give one, with its key"), "{told}");

    let (certificate, key) = leaf(&clients, &["client"]);
    let rsa = rsa_key();
    let keys = [
        ("pkcs8", certificate.pem(), key.serialize_pem()),
        ("sec1", certificate.pem(), pem("EC PRIVATE KEY", &sec1(&key))),
        ("pkcs1", leaf_with(&clients, &["client"], &rsa).pem(), RSA.to_owned()),
    ];
    for (form, certificate, key) in keys {
        let tls = TlsOptions {
            client_certificate: Some(file(&format!("mtls-{form}.pem"), certificate)),
            client_key: Some(file(&format!("mtls-{form}.key"), key)),
            ..trusting.clone()
        };
        assert_eq!(send(url.clone(), tls).await.unwrap(), 200, "{form}");
    }
}

#[tokio::test]
async fn a_client_certificate_of_another_ca_is_refused_by_the_server() {
    let (ca, clients, other) = (ca(), ca(), ca());
    let server = server(&ca, &["localhost"], Some(&clients)).await;
    let (certificate, key) = leaf(&other, &["client"]);
    let tls = TlsOptions {
        client_certificate: Some(file("other-client.pem", certificate.pem())),
        client_key: Some(file("other-client.key", key.serialize_pem())),
        ..trusting("other-ca.pem", &ca)
    };
    let told = problem(send(server.url("https", "localhost"), tls).await);
    assert!(told.ends_with(": the server does not accept the client certificate, or wants one"), "{told}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_told_apart() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    let told = problem(send(server.url("https", "127.0.0.1"), TlsOptions::default()).await);
    assert!(
        told.ends_with(": what answers does not speak TLS: should the URL start with `http://`?"),
        "{told}"
    );
}

#[test]
fn a_ca_file_that_cannot_be_used_is_named() {
    let ca_file = |path: PathBuf| TlsOptions { ca_file: Some(path), ..TlsOptions::default() };
    let told = |name: &str, text: &str| {
        let path = file(name, text);
        refused(ca_file(path.clone())).replace(path.to_str().unwrap(), "FILE")
    };
    assert_eq!(
        refused(ca_file("/no/such/file".into())),
        "cannot use the CA file `/no/such/file`: No such file or directory (os error 2)"
    );
    assert_eq!(
        told("ca-empty.pem", ""),
        "cannot use the CA file `FILE`: there is no certificate in it; expected is PEM, `-----BEGIN CERTIFICATE-----`"
    );
    assert_eq!(
        told("ca-cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
        "cannot use the CA file `FILE`: it is not whole: an `-----END …-----` line is missing"
    );
    let told = told("ca-nonsense.pem", &pem("CERTIFICATE", b"nonsense"));
    assert!(
        told.starts_with("cannot use the CA file `FILE`: certificate 1 in it cannot be a root: "),
        "{told}"
    );
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let ca = file("contradiction-ca.pem", ca().pem());
    let told = refused(TlsOptions { ca_file: Some(ca.clone()), insecure: true, ..TlsOptions::default() });
    assert!(
        told.ends_with("it is of no use when any certificate is accepted: give one of the two options"),
        "{told}"
    );
    let told = refused(TlsOptions { client_certificate: Some(ca.clone()), ..TlsOptions::default() });
    assert!(told.ends_with("its key is not given"), "{told}");
    let told = refused(TlsOptions { client_key: Some(ca.clone()), ..TlsOptions::default() });
    assert!(told.ends_with("its certificate is not given"), "{told}");
    let plain = ClientOptions::new(Url::parse("http://localhost:9200").unwrap());
    let tls = TlsOptions { ca_file: Some(ca), ..TlsOptions::default() };
    let told = Client::new(ClientOptions { tls, ..plain }).unwrap_err().to_string();
    assert!(told.ends_with(
        "the URL of the cluster, `http://localhost:9200/`, starts with `http://`: there is no TLS"
    ));
}

#[test]
fn a_key_that_cannot_be_used_is_named_and_not_shown() {
    let ca = ca();
    let (certificate, key) = leaf(&ca, &["client"]);
    let certificate = file("key-client.pem", certificate.pem());
    let told = |name: &str, text: String| {
        let path = file(name, text);
        let tls = TlsOptions {
            client_certificate: Some(certificate.clone()),
            client_key: Some(path.clone()),
            ..TlsOptions::default()
        };
        let told = refused(tls).replace(path.to_str().unwrap(), "KEY");
        told.replace(certificate.to_str().unwrap(), "CERTIFICATE")
    };
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(
        told("key-other.key", other),
        "cannot use the client key `KEY`: it is not the key of `CERTIFICATE`"
    );
    assert_eq!(
        told("key-encrypted.key", pem("ENCRYPTED PRIVATE KEY", b"secret")),
        "cannot use the client key `KEY`: it is encrypted: decrypt it with `openssl pkey`"
    );
    assert_eq!(
        told("key-none.key", ca.pem()),
        "cannot use the client key `KEY`: there is no private key in it; expected is PEM: PKCS#8, PKCS#1 or SEC1"
    );
    let broken = key.serialize_pem().replace("PRIVATE KEY-----\nM", "PRIVATE KEY-----\n!");
    assert_eq!(
        told("key-broken.key", broken),
        "cannot use the client key `KEY`: it is damaged: what stands between its BEGIN and END lines is not base64"
    );
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

/// The SEC1 form of a P-256 key, which its PKCS#8 form has inside.
fn sec1(key: &KeyPair) -> Vec<u8> {
    key.serialize_der()[29..].to_vec()
}

/// [`RSA`] in PKCS#8 form: version, `rsaEncryption`, and the PKCS#1 form in an octet string.
fn rsa_key() -> KeyPair {
    let body: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
    let pkcs1 = BASE64_STANDARD.decode(body).unwrap();
    let long = |tag: u8, content: &[u8]| {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, high, low], content].concat()
    };
    let algorithm =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let content = [&[0x02, 0x01, 0x00], &algorithm[..], &long(0x04, &pkcs1)].concat();
    KeyPair::try_from(long(0x30, &content)).unwrap()
}

/// Made for this test: `openssl genrsa -traditional 2048`. It opens nothing.
const RSA: &str = "\
-----BEGIN RSA PRIVATE KEY-----
MIIEpQIBAAKCAQEAyWXaIb26Zd2Z61DeHj4zum437pgOX4PUcDmwWWesqZEL9haW
/WVNcx/pdk+fIMBJaqG3mqKYdQ7UzZe3rGQp9FBsR8DZTWbtRlixTWiYvZq+y7GG
P2/1DPki324k72I5LYTNfnIio4rXr7lQyXt+a8pAACC8fSZdNi9viulwaogWYdc7
kcscsFDGXNICy5CanZ/zMm9GWciMyyF0k6OD+85UueTN3E9aa5R6tujiFhOqs7Tl
TW9kOebEG8Xvm+m1LriVb2hji8ug0jETdKe7Sv7t5K7ZlVl5UQIFw5m0Va5DlVcf
4Yzu0qwfLDIc9KdIK1IVtID+nsNYyiP11OPF+QIDAQABAoIBAAisdMkIOUti0Fq0
mGRYDHVGgu0pKlFNxavxqBkpoGOLJic6kNUn9D51jOH2CuXnsiHABj7IKuW7tkmG
c7gedjoZ7pfmg9VUDfr+HeC2FQHxdK8kHaKEyVp+LlTOExQmOE0wD4OXGcvOUny0
b/jFc0vkIX5/6m4/ZTtMrrKeXCOSVkcW7KyoSlWJk4iawv7lIPZJ/9tRu554EU2K
JJ80LMZwKEQowcC63TfFYcFIzYFfxqLe/sJ66f8lHwUvuG5lH91Gvb4nC/1Ld0HX
vmHowfOu0YmY9Lq2++zG0cEkuziFUDqnvun/5KG0dxikVg6rh/4tR3d0G+jf4h+0
tS60ASsCgYEA6jrTllOwKHfC2k98phb7F+J7NovCHBcg5bvG6cD5H5RQipnFz9P+
z2NjidCPHR42GCq41Q9555sC7tazd4k0KMamnzKAfqBc1JfMhdJINWPO7ebdDrZZ
AJrdRoah78DNWRXdCpwECSTdyFNaaYbYTDgfQgpaquzvkUxn3SB2SBMCgYEA3B3V
0XOH1vxiG4/1qjGxae6efPNyFG3EBFW92AWz30rKgMQapY5btDKJ9d+K/jqj7olh
f84Qp0oe0XpWHtBnEdW3cRmwJXeFyRIq2QmICHiCYXS6OerdONXSKX8LPDyrhDyi
KoS5gBYaF3AuZEr4yC/aHAWdELbhP5HLb1TEk0MCgYEAvYpW+BnGviiTlCeoXZrR
G7XZMP2NWT/aDi2SvEu9DLHvLwlaimApnVb3EGmltdFhwtKneTop0qKcj/tLhRqR
C8IcyUyLsGxCUoJ4LX5JknKu29Lq5WHnydaH4u9FkYa6ZTGNCm3P0jp0Agx5aFWH
KL5thPpt/kz3W+OxVL5VGOMCgYEAh4FSdOuTb3TVjLQ1/v0yg80jAjb4Pr1IE4cZ
JNh13/tx6I1Q/iRCLg+CwLtKHLHK43jtbblUpTfK+xg91iBjoyYXFOhEePw4fwzR
FeV5OgW99fLfBfKhF3ECPQt5xi5vRCvzhQtKCyEQFOe5l4JT3yEeO2v1QinjRrgh
LbtYfHMCgYEAnY2ICB+/mQ+nxttRseBf1JYqhuSTu7k75ytufL+cNUbmaxXvl1JO
itja/PngHlkdYPTEZnKrpNM8/EDGB20KjFjYnWjEY6x6FSJfmVoUI9O3EOc+ECv+
zkLntequVZO4YjXyZHMHaXRvFyTKmghzPGRAP/V2VdGGCx9qD5adhfQ=
-----END RSA PRIVATE KEY-----
";
