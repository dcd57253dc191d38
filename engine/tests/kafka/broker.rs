//! Real brokers, out of `tests/servers/kafka`.

use crate::certificates::Certificates;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Stops the broker and removes its data when standard input ends: also if this process is killed.
const KEEPER: &str = r#"trap '' INT TERM HUP; cat >/dev/null; "$0" stop --data "$1"; rm -rf "$1""#;

/// The user of the SASL ports.
pub(crate) const USER: &str = "replayer";
pub(crate) const PASSWORD: &str = "hunter2 \"=;";

/// A broker that runs as long as this value lives, and no longer than this process.
pub(crate) struct Broker {
    port: u16,
    folder: PathBuf,
    pub(crate) certificates: Certificates,
    keeper: Child,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers/kafka/broker")
}

/// The first of five ports that nobody has now.
fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 1000).unwrap() * 10;
    loop {
        let port = first + NEXT.fetch_add(10, Ordering::Relaxed);
        if (port..port + 5).all(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}

impl Broker {
    pub(crate) fn start() -> Self {
        let port = free_ports();
        let folder = std::env::temp_dir().join(format!("ferry-kafka-test-{}-{port}", std::process::id()));
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER]).arg(script()).arg(&folder).stdin(Stdio::piped());
        let keeper = keeper.spawn().expect("a shell");
        let certificates = Certificates::make(&folder.join("tls"));
        let broker = Self { port, folder, certificates, keeper };
        broker.up();
        broker
    }

    /// The one that tests share.
    pub(crate) fn usual() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts it again after [`Broker::down`], with what it had.
    pub(crate) fn up(&self) {
        let mut start = Command::new(script());
        start.args(["start", "--port", &self.port.to_string(), "--scram", &format!("{USER}:{PASSWORD}")]);
        start.arg("--data").arg(&self.folder).arg("--tls").arg(self.folder.join("tls"));
        let status = start.stdout(Stdio::null()).status().expect("bash runs");
        assert!(status.success(), "the broker did not start");
    }

    pub(crate) fn down(&self) {
        let status = Command::new(script()).arg("stop").arg("--data").arg(&self.folder).status().unwrap();
        assert!(status.success(), "the broker did not stop");
    }

    pub(crate) fn plain(&self) -> String {
        self.address(0)
    }

    pub(crate) fn sasl(&self) -> String {
        self.address(2)
    }

    pub(crate) fn tls(&self) -> String {
        self.address(3)
    }

    pub(crate) fn sasl_over_tls(&self) -> String {
        self.address(4)
    }

    fn address(&self, offset: u16) -> String {
        format!("127.0.0.1:{}", self.port + offset)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait(); // It says itself what is wrong.
    }
}
