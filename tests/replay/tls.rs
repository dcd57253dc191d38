//! A target that speaks TLS: whom `ferry replay` sends requests to, and whom it says that it is.

use crate::captured::connection;
use crate::support::{ferry_in, json_of, scratch};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(ca: &Ca, name: &str) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, ca).unwrap(), key)
}

/// What the target knows of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The name that the client asked for before the handshake.
    sni: Option<String>,
    /// Whether the client showed a certificate.
    is_known: bool,
    authorization: Option<String>,
}

/// A target on loopback.
struct Target {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Target {
    /// With a certificate for `name`; with `clients`, only for clients with a certificate of that CA.
    fn start(ca: &Ca, name: &str, clients: Option<&Ca>) -> Self {
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
        let (certificate, key) = leaf(ca, name);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, seen) = (listener.local_addr().unwrap().port(), Arc::default());
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that does not trust the target says so, and goes.
                let _ = serve(stream, &config, &log);
            }
        });
        Self { port, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Answers one request.
fn serve(stream: TcpStream, config: &Arc<ServerConfig>, log: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap()
            }
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                authorization = Some(value.to_owned());
            }
            None if line == "\r\n" => break,
            _ => {}
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    let connection = &reader.get_ref().conn;
    let seen = Seen {
        sni: connection.server_name().map(str::to_owned),
        is_known: connection.peer_certificates().is_some(),
        authorization,
    };
    log.lock().unwrap().push(seen);
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
}

/// What came of one request: exit status, what is in the tuple as error, all that was said and written.
struct Outcome {
    status: Option<i32>,
    error: Option<String>,
    all: String,
}

/// Replays one request to a target by the name `localhost`.
fn replay(folder: &Path, target: &Target, options: &[&str]) -> Outcome {
    let input = folder.join("in.protocap");
    fs::write(&input, connection("c", "/i/_doc/1").1).unwrap();
    let _ = fs::remove_dir_all(folder.join("tuples"));
    let url = format!("https://localhost:{}", target.port);
    let all = [
        "replay",
        "--input",
        input.to_str().unwrap(),
        "--target",
        &url,
        "--tuples",
        "tuples",
        "--output",
        "json",
    ];
    let output = ferry_in(folder, &[&all[..], &["--as-fast-as-possible"], options].concat());
    let answered = json_of(&output)["answered"].as_u64().unwrap();
    let tuple = tuple(folder);
    let error = tuple["error"].as_str().map(str::to_owned);
    assert_eq!((answered == 1, output.status.code()), (error.is_none(), Some(i32::from(error.is_some()))));
    let said = [output.stdout, output.stderr].concat();
    Outcome {
        status: output.status.code(),
        error,
        all: format!("{}{tuple}", String::from_utf8(said).unwrap()),
    }
}

/// The only tuple, in the only file of the only folder.
fn tuple(folder: &Path) -> Value {
    let mut path = folder.join("tuples");
    while path.is_dir() {
        let entries: Vec<PathBuf> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        path = entry.clone();
    }
    serde_json::from_reader(flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap())).unwrap()
}

fn refused(outcome: &Outcome) -> &str {
    assert_eq!(outcome.status, Some(1), "{}", outcome.all);
    outcome.error.as_deref().expect("an error")
}

#[test]
fn defect_15_a_target_whose_ca_is_not_known_gets_nothing() {
    let folder = scratch("tls-ca");
    let target = Target::start(&ca("own"), "localhost", None);
    fs::write(folder.join("other.pem"), ca("another").pem()).unwrap();
    for options in [&[][..], &["--target-cacert", "other.pem"]] {
        let outcome = replay(&folder, &target, options);
        let error = refused(&outcome);
        assert!(error.contains("the CA of the certificate is not trusted"), "{options:?}: {error}");
    }
    assert_eq!(target.seen(), []);
    let outcome = replay(&folder, &target, &["--target-insecure"]);
    assert_eq!((outcome.error, target.seen().len()), (None, 1), "only who is told to accepts it");
}

#[test]
fn defect_15_a_target_with_another_name_gets_nothing() {
    let folder = scratch("tls-name");
    let ca = ca("own");
    fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    let target = Target::start(&ca, "search.example", None);
    let outcome = replay(&folder, &target, &["--target-cacert", "ca.pem"]);
    let error = refused(&outcome);
    assert!(error.contains(r#"certificate not valid for name "localhost""#), "{error}");
    assert_eq!(target.seen(), []);
}

#[test]
fn defect_15_a_ca_of_ones_own_is_trusted_and_the_name_is_said_before_the_handshake() {
    let folder = scratch("tls-own");
    let ca = ca("own");
    fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    fs::write(folder.join("password"), "hunter2\n").unwrap();
    let target = Target::start(&ca, "localhost", None);
    let user = ["--target-user", "me", "--target-password-file", "password"];
    let outcome = replay(&folder, &target, &[&["--target-cacert", "ca.pem"], &user[..]].concat());
    assert_eq!(outcome.error, None);
    let seen = Seen {
        sni: Some("localhost".to_owned()),
        is_known: false,
        authorization: Some("Basic bWU6aHVudGVyMg==".to_owned()),
    };
    assert_eq!(target.seen(), [seen]);
    for secret in ["hunter2", "bWU6aHVudGVyMg"] {
        assert!(!outcome.all.contains(secret), "{}", outcome.all);
    }
}

#[test]
fn defect_15_a_target_that_wants_a_certificate_of_its_client_gets_it() {
    let folder = scratch("tls-client");
    let (ca, clients) = (ca("own"), ca("clients"));
    let (certificate, key) = leaf(&clients, "client");
    fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    fs::write(folder.join("client.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("client.key"), key.serialize_pem()).unwrap();
    let target = Target::start(&ca, "localhost", Some(&clients));
    let outcome = replay(&folder, &target, &["--target-cacert", "ca.pem"]);
    let error = refused(&outcome);
    assert!(error.contains("the server wants a client certificate"), "{error}");
    let client = ["--target-client-cert", "client.pem", "--target-client-key", "client.key"];
    let outcome = replay(&folder, &target, &[&["--target-cacert", "ca.pem"], &client[..]].concat());
    assert_eq!(outcome.error, None);
    assert_eq!(target.seen().iter().map(|seen| seen.is_known).collect::<Vec<_>>(), [true]);
    assert!(!outcome.all.contains("PRIVATE KEY"));
}
