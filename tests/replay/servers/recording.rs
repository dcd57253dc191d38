//! What clients said to a real Elasticsearch, as the topic of a capturing proxy has it: by `tests/replay/record`.

use crate::support::scratch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// A request of a client: its connection, and its number in it.
pub type Key = (String, u64);

/// Records, and the requests that are in them.
#[derive(Debug)]
pub struct Recording {
    /// Keys and values, in the order of the topic.
    pub records: Vec<(String, Vec<u8>)>,
    /// Method, path and status of the answer.
    pub requests: BTreeMap<Key, (String, String, u64)>,
}

impl Recording {
    /// Lets clients loose on a server.
    pub fn make(name: &str, source: &str, requests: u64, seed: u64, more: &str) -> Self {
        let folder = scratch(&format!("replay-{name}"));
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/replay/record/record");
        let mut command = Command::new(program);
        command.args(["--source", source, "--requests", &requests.to_string(), "--seed", &seed.to_string()]);
        command.arg("--out").arg(&folder).args(more.split_whitespace()).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.stderr(Stdio::inherit()).output().expect("python3 runs");
        assert!(output.status.success(), "the recording failed");
        println!(
            "recording {name}: seed {seed}: {}",
            String::from_utf8_lossy(&output.stdout).lines().last().unwrap()
        );
        let recording = Self::read(&folder);
        std::fs::remove_dir_all(folder).unwrap();
        recording
    }

    fn read(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join("records")).unwrap();
        let mut rest = &bytes[..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let key = String::from_utf8(take(&mut rest)).unwrap();
            records.push((key, take(&mut rest)));
        }
        let requests = std::fs::read_to_string(folder.join("requests")).unwrap();
        let requests = requests.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            let number = |name: &str| line[name].as_u64().unwrap();
            ((text("connection"), number("index")), (text("method"), text("path"), number("status")))
        });
        Self { records, requests: requests.collect() }
    }
}

/// Bytes after their length.
fn take(rest: &mut &[u8]) -> Vec<u8> {
    let (length, after) = rest.split_first_chunk::<4>().expect("a length");
    let (bytes, after) = after.split_at(u32::from_be_bytes(*length).try_into().unwrap());
    *rest = after;
    bytes.to_vec()
}
