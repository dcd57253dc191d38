//! Fixtures, the binary, and truth, for all tests.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::option_env_unwrap,
    unreachable_pub,
    reason = "each test uses a part; a test may panic"
)]

pub mod json;
pub mod truth;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// Every archive below `tests/fixtures/snapshots`.
pub const SNAPSHOTS: [&str; 20] = [
    "es-1.7.6",
    "es-2.4.6",
    "es-5.6.16",
    "es-6.8.23",
    "es-7.10.2",
    "es-7.17.28",
    "es-8.17.4",
    "es-9.0.2",
    "os-1.3.13",
    "os-2.9.0",
    "os-2.19.1",
    "os-3.5.0",
    "es-1.7.6_to_es-2.4.6",
    "es-2.4.6_to_es-5.6.16",
    "es-5.6.16_to_es-6.8.23",
    "es-6.8.23_to_es-7.10.2",
    "es-6.8.23_to_os-1.3.13",
    "es-7.10.2_to_es-8.17.4",
    "es-7.10.2_to_os-2.19.1",
    "os-2.19.1_to_os-3.5.0",
];

fn temporary() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// The repository that the README reads.
pub fn demo() -> PathBuf {
    sources().join("demo").canonicalize().expect("the demo repository")
}

/// The folder of an unpacked archive. It is unpacked once, and nothing may be written to it.
pub fn fixture(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _lock = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = temporary().join("fixtures").join(name);
    if folder.exists() {
        return folder;
    }
    let archive =
        File::open(sources().join("snapshots").join(format!("{name}.tar.gz"))).expect("the archive");
    // Other test binaries may unpack the same: the first one to finish wins.
    let aside = temporary().join(format!("unpacking-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&aside);
    tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(&aside).expect("unpacks");
    fs::create_dir_all(temporary().join("fixtures")).expect("a folder");
    if fs::rename(aside.join(name), &folder).is_err() {
        assert!(folder.exists(), "{name} was unpacked by another process");
    }
    let _ = fs::remove_dir_all(&aside);
    folder
}

/// A folder of its own for a test, empty.
pub fn scratch(name: &str) -> PathBuf {
    let folder = temporary().join("scratch").join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Runs `ferry` in a folder, with none of its environment variables set.
pub fn ferry_in(folder: &Path, arguments: &[&str]) -> Output {
    ferry_command(folder, arguments).output().expect("ferry runs")
}

/// The same, not started yet.
pub fn ferry_command(folder: &Path, arguments: &[&str]) -> Command {
    let Some(ferry) = option_env!("CARGO_BIN_EXE_ferry") else { panic!("not a test of the command line") };
    let mut command = Command::new(ferry);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FERRY_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").env("COLUMNS", "100").current_dir(folder).args(arguments);
    command
}

/// The JSON document that a command printed.
pub fn json_of(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}
