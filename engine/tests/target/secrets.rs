//! A password goes to the cluster, and nowhere else.

use std::io::Write;
use std::sync::{Arc, Mutex};

use crate::server::{Reply, Server};
use engine::target::{Auth, Client, ClientOptions, Request, SecretString, TlsOptions, cluster_url, detect};
use http::Method;
use tracing_subscriber::fmt::MakeWriter;

const PASSWORD: &str = "hunter2-%41\"ü";
/// `admin:` and the password in base64.
const HEADER: &str = "Basic YWRtaW46aHVudGVyMi0lNDEiw7w=";

fn basic() -> Auth {
    Auth::Basic { user: "admin".to_owned(), password: SecretString::from(PASSWORD) }
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn assert_silent(what: &str, text: &str) {
    for secret in [PASSWORD, "hunter2", &HEADER[6..], "YWRtaW46aHVu"] {
        assert!(!text.contains(secret), "{what}: {text}");
    }
}

#[tokio::test]
async fn a_password_is_sent_as_basic_authorization() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    let client = Client::new(ClientOptions { auth: basic(), ..server.options() }).unwrap();
    client.send(&Request::new(Method::GET, "/")).await.unwrap();
    assert_eq!(server.received()[0].headers["authorization"].as_bytes(), HEADER.as_bytes());
}

#[tokio::test]
async fn a_password_is_in_no_log_no_error_and_no_debug_form() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let server = Server::http(|request| match request.path.as_str() {
        "/drop" => Reply::Drop,
        "/redirect" => Reply::with_headers(307, &[("location", "https://admin:hunter2@x.example/")], ""),
        "/answer" => Reply::new(200, "{}"),
        _ => Reply::new(401, "who are you?"),
    });
    let options = ClientOptions { auth: basic(), ..server.await.options() };
    assert_silent("options", &format!("{options:?} {options:#?}"));
    let client = Client::new(options.clone()).unwrap();
    assert_silent("client", &format!("{client:?} {client:#?}"));
    for path in ["/answer", "/drop", "/redirect", "no path"] {
        match client.send(&Request::new(Method::GET, path)).await {
            Ok(response) => assert_silent(path, &format!("{response:?}")),
            Err(error) => assert_silent(path, &format!("{error:?} {}", engine::error::chain(&error))),
        }
    }
    let error = detect(&client).await.unwrap_err();
    assert_silent("detection", &format!("{error:?} {} {:?}", engine::error::chain(&error), error.hint()));
    let url = "http://admin:hunter2@127.0.0.1/".parse().unwrap();
    let error = Client::new(ClientOptions { url, ..options.clone() }).unwrap_err();
    assert_silent("URL", &format!("{error:?} {error}"));
    assert_silent("URL", &format!("{:?}", cluster_url("https://admin:hunter2@host").unwrap_err()));
    let auth = Auth::Basic { user: "a:b".to_owned(), password: SecretString::from(PASSWORD) };
    let error = Client::new(ClientOptions { auth, ..options.clone() }).unwrap_err();
    assert_silent("user", &format!("{error:?} {error}"));
    let url = "http://search.example/".parse().unwrap(); // It is warned that this is not encrypted.
    Client::new(ClientOptions { url, ..options }).unwrap();
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("the password is sent without TLS"), "{logged}");
    assert!(logged.contains("TRACE"), "{logged}");
    assert_silent("log", &logged);
}

#[tokio::test]
async fn that_certificates_are_not_checked_is_said_once_for_an_endpoint() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
    let guard = tracing::subscriber::set_default(subscriber.finish());
    for url in ["https://a.example", "https://a.example/path", "https://b.example:9200", "http://c.example"] {
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        Client::new(ClientOptions { tls, ..ClientOptions::new(url.parse().unwrap()) }).unwrap();
    }
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let warned: Vec<&str> =
        logged.lines().filter_map(|line| line.split_once("endpoint=").map(|it| it.1)).collect();
    assert_eq!(warned, ["https://a.example", "https://b.example:9200"]);
    assert!(logged.contains("WARN"), "{logged}");
}
