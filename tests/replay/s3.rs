//! Tuples in a bucket: `tests/run s3` starts a server for it.

use crate::capture::file;
use crate::support::{ferry_in, json_of, scratch};
use crate::target::{Reply, Target};
use engine::storage::{BlobStore, Location, S3Options};
use flate2::read::MultiGzDecoder;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use tokio::runtime::Runtime;

fn endpoint() -> String {
    std::env::var("FERRY_TEST_S3_ENDPOINT").unwrap()
}

/// Makes a bucket, which the server lets anybody do.
fn make_bucket(name: &str) {
    let endpoint = endpoint();
    let host = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Replays a capture; how many tuples were stored.
fn replay(folder: &Path, target: &Target, options: &[&str]) -> u64 {
    let input = file("random-cuts", "keyed");
    let all = ["replay", "--input", input.to_str().unwrap(), "--target", &target.url, "--output", "json"];
    let output = ferry_in(folder, &[&all[..], &["--as-fast-as-possible"], options].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    json_of(&output)["tuples"].as_u64().unwrap()
}

/// The tuples of all files, and how many files there are.
async fn tuples(place: &str) -> (String, usize) {
    let options = S3Options { endpoint: Some(endpoint()), force_path_style: true, ..S3Options::default() };
    let store = BlobStore::open(&Location::parse(place).unwrap(), &options).await.unwrap();
    let folders = store.list("").await.unwrap().folders;
    let [folder] = folders.as_slice() else { panic!("{folders:?}") };
    let mut names: Vec<String> = store
        .list(folder)
        .await
        .unwrap()
        .blobs
        .into_iter()
        .map(|blob| format!("{folder}/{}", blob.name))
        .collect();
    names.sort_unstable();
    let mut text = String::new();
    for name in &names {
        let bytes = store.read(name, 64 << 20).await.unwrap();
        MultiGzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    }
    (text, names.len())
}

/// The text without the times that differ from run to run.
fn without_times(text: &str) -> String {
    let mut text = text.to_owned();
    for key in ["\"targetTimestamp\":", "\"at\":", "\"delay_ms\":", "\"response_time_ms\":"] {
        let mut parts = text.split(key);
        let mut cut = parts.next().unwrap().to_owned();
        for part in parts {
            cut.push_str(key);
            cut.push_str(&part[part.find([',', '}']).unwrap()..]);
        }
        text = cut;
    }
    text
}

#[test]
#[ignore = "needs an S3 server"]
fn defect_18_tuples_in_s3_are_those_in_a_folder_byte_by_byte() {
    let folder = scratch("tuples-s3");
    make_bucket("tuples");
    let runtime = Runtime::new().unwrap();
    let target = runtime.block_on(Target::start(|seen| match seen.line.starts_with("HEAD ") {
        true => Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n".to_owned()),
        false => Reply::json(200, "{\"took\":1}"),
    }));
    let endpoint = endpoint();
    let s3 = ["--tuples", "s3://tuples/a/prefix", "--s3-endpoint", &endpoint, "--s3-path-style"];
    let stored = [replay(&folder, &target, &["--tuples", "files"]), replay(&folder, &target, &s3)];
    let (expected, _) = runtime.block_on(tuples(folder.join("files").to_str().unwrap()));
    let (found, files) = runtime.block_on(tuples("s3://tuples/a/prefix"));
    assert_eq!((stored, expected.lines().count(), files > 0), ([897, 897], 897, true));
    let (expected, found) = (without_times(&expected), without_times(&found));
    for (expected, found) in expected.lines().zip(found.lines()) {
        assert_eq!(expected, found);
    }
    assert_eq!(expected.len(), found.len());
}
