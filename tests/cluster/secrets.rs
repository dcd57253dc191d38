//! Nothing that is written or shown has a password or a key in it, however much is logged.

use crate::http;
use crate::indices::make;
use crate::job::Job;
use crate::proxy::Proxy;
use crate::random::Random;
use crate::server::Server;
use crate::support::{fixture, scratch};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TARGET: Secret = Secret {
    user: "loader",
    password: "Kelp-7731-harbour",
    authorization: "Basic bG9hZGVyOktlbHAtNzczMS1oYXJib3Vy",
};
const COORDINATOR: Secret = Secret {
    user: "keeper",
    password: "Brine-9046-anchor",
    authorization: "Basic a2VlcGVyOkJyaW5lLTkwNDYtYW5jaG9y",
};
const WRONG_PASSWORD: &str = "Squall-2210-wrong";
const AWS_SECRET_KEY: &str = "Sextant/6158+compass/secret/key/0000";
const AWS_TOKEN: &str = "Ballast-5527-session-token";

struct Secret {
    user: &'static str,
    password: &'static str,
    authorization: &'static str,
}

/// What must not be found anywhere.
fn secrets() -> Vec<&'static str> {
    let of = |secret: Secret| [secret.password, secret.authorization.split_once(' ').unwrap().1];
    [&of(TARGET)[..], &of(COORDINATOR), &[WRONG_PASSWORD, AWS_SECRET_KEY, AWS_TOKEN]].concat()
}

/// Runs of `ferry` of which all output is kept.
struct Runs {
    job: Job,
    /// Outside of the folder that is searched.
    passwords: PathBuf,
    coordinator: String,
    count: usize,
}

impl Runs {
    fn command(&self, arguments: &str) -> Command {
        let mut command = self.job.ferry(arguments);
        command.env("RUST_LOG", "trace").env("FERRY_COORDINATOR_PASSWORD", COORDINATOR.password);
        command
    }

    /// With user and password for the target.
    fn with_password(&self, arguments: &str, file: &str) -> Command {
        let mut command = self.command(arguments);
        command.args(["--target", &self.job.target, "--target-user", TARGET.user]);
        command.arg("--target-password-file").arg(self.passwords.join(file));
        command
    }

    fn of_snapshot(&self, mut command: Command) -> Command {
        command.arg("--repo").arg(&self.job.repo).args(["--snapshot", "snap1"]);
        command
    }

    fn of_session(&self, mut command: Command) -> Command {
        command.args(["--session", &self.job.session, "--coordinator", &self.coordinator]);
        command.args(["--coordinator-user", COORDINATOR.user]);
        command
    }

    /// Runs it, keeps its output, and what `ps` shows meanwhile.
    fn run(&mut self, what: &str, mut command: Command) -> Output {
        self.count += 1;
        let logs = self.job.folder.join("logs");
        let out = |kind: &str| logs.join(format!("{:02}-{what}.{kind}", self.count));
        command.stdout(fs::File::create(out("out")).unwrap()).stderr(fs::File::create(out("log")).unwrap());
        let mut child = command.spawn().unwrap();
        let ps = Command::new("ps").args(["-eww", "-o", "pid,args"]).output().expect("ps").stdout;
        assert!(String::from_utf8_lossy(&ps).contains("ferry"), "ps shows the process");
        fs::write(out("ps"), ps).unwrap();
        let status = child.wait().unwrap();
        Output { status, stdout: fs::read(out("out")).unwrap(), stderr: fs::read(out("log")).unwrap() }
    }

    fn expect(&mut self, what: &str, status: i32, command: Command) {
        let output = self.run(what, command);
        let log = String::from_utf8_lossy(&output.stderr);
        let end: Vec<&str> = log.lines().rev().take(5).collect();
        assert_eq!(output.status.code(), Some(status), "{what}: {end:?}");
    }
}

/// The files below a folder with their content, decompressed where it is compressed.
fn contents(folder: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents(&path, all);
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "gz") {
            let mut text = Vec::new();
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
            bytes.append(&mut text);
        }
        all.push((path, bytes));
    }
}

fn found(all: &[(PathBuf, Vec<u8>)], secret: &str) -> Vec<PathBuf> {
    let has = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    all.iter().filter(|(_, bytes)| has(bytes)).map(|(path, _)| path.clone()).collect()
}

fn runs(server: &Server) -> (Runs, Proxy, Proxy) {
    let folder = fixture("es-1.7.6");
    server.clear();
    make(server, &folder, "snap1");
    let proxy = |secret: Secret| Proxy::start(&server.url, 0, Some(secret.authorization), Random::new(1));
    let (target, coordinator) = (proxy(TARGET), proxy(COORDINATOR));
    let passwords = scratch("cluster-passwords");
    fs::write(passwords.join("right"), TARGET.password).unwrap();
    fs::write(passwords.join("wrong"), WRONG_PASSWORD).unwrap();
    let job = Job::new("secrets", &folder.join("repo"), "snap1", &target.url);
    let url = coordinator.url.clone();
    (Runs { job, passwords, coordinator: url, count: 0 }, target, coordinator)
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_no_password_and_no_key_is_written_or_shown() {
    let server = Server::usual();
    let (mut runs, target, coordinator) = runs(server);
    let backfill = |runs: &Runs, file: &str| {
        runs.of_session(runs.of_snapshot(runs.with_password("backfill --worker w1", file)))
    };
    runs.expect("wrong-password", 2, backfill(&runs, "wrong"));
    runs.expect("backfill", 1, backfill(&runs, "right"));
    runs.expect("status", 1, runs.of_session(runs.command("backfill status --no-rate")));
    runs.expect("verify", 1, runs.of_snapshot(runs.with_password("verify", "right")));
    runs.expect("failed-list", 0, runs.command("failed list ferry-state/failed-documents"));
    runs.expect("failed-retry", 1, runs.with_password("failed retry ferry-state/failed-documents", "right"));
    let local = "backfill --session local --indices plain";
    runs.expect("local", 0, runs.of_snapshot(runs.with_password(local, "right")));
    let mut signed = runs.of_snapshot(runs.command("backfill --session signed --indices plain"));
    signed.args(["--target", &server.url, "--target-aws-region", "us-east-1", "--target-aws-service", "es"]);
    signed.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", AWS_SECRET_KEY);
    runs.expect("signed", 0, {
        signed.env("AWS_SESSION_TOKEN", AWS_TOKEN).env("AWS_EC2_METADATA_DISABLED", "true");
        signed
    });
    assert!(target.done().bulks > 0 && target.done().denied > 0 && coordinator.done().denied == 0);

    let mut all = Vec::new();
    contents(&runs.job.folder, &mut all);
    let state: String =
        http::hits(&server.url, "ferry-secrets", true).iter().map(ToString::to_string).collect();
    all.push(("the state in the cluster".into(), state.into_bytes()));
    let bytes: usize = all.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut leaks = Vec::new();
    for secret in secrets() {
        leaks.extend(found(&all, secret).into_iter().map(|path| (secret, path)));
    }
    println!(
        "secrets: {} runs at RUST_LOG=trace, {} files with {bytes} bytes (logs, results, `ps`, state, failed documents), {} secrets: found {}",
        runs.count,
        all.len(),
        secrets().len(),
        leaks.len()
    );
    assert!(found(&all, TARGET.user).len() > 1, "what is searched has what it should");
    assert!(leaks.is_empty(), "{leaks:?}");
    server.clear();
}
