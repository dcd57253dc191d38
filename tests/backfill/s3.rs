//! The same documents through a real S3 server: `tests/run s3` starts one.

use crate::support::truth::{document, truth, written_lines};
use crate::support::{ferry_in, fixture, json_of, scratch};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::Path;

fn endpoint() -> String {
    std::env::var("FERRY_TEST_S3_ENDPOINT").unwrap()
}

/// Sends one request to the server, which accepts it unsigned.
fn put(path: &str, body: &[u8]) {
    let endpoint = endpoint();
    let host = endpoint.strip_prefix("http://").unwrap();
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                encoded.push(char::from(byte))
            }
            other => write!(encoded, "%{other:02X}").unwrap(),
        }
    }
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        stream,
        "PUT {encoded} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
}

/// Puts a folder into a bucket; `key` makes a key out of a path below it.
fn upload(folder: &Path, below: &str, key: &dyn Fn(&str) -> String) {
    for entry in std::fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            upload(folder, &path, key);
        } else {
            put(&key(&path), &std::fs::read(entry.path()).unwrap());
        }
    }
}

/// Whether the first folder of a path is the hash that OpenSearch puts before the base path of the repository.
fn is_hashed(path: &str) -> bool {
    let first = path.split('/').next().unwrap();
    first.len() == 15 && first.bytes().skip(1).all(|byte| matches!(byte, b'0' | b'1'))
}

fn documents_through_s3(name: &str, prefix: &str) {
    let bucket =
        format!("backfill-{}{}", name.replace('.', "-"), if prefix.is_empty() { "" } else { "-prefix" });
    put(&format!("/{bucket}"), b"");
    let slash = if prefix.is_empty() { "" } else { "/" };
    let hashed = std::cell::Cell::new(0);
    upload(&fixture(name).join("repo"), "", &|path| match path.split_once('/') {
        Some((hash, rest)) if is_hashed(path) => {
            hashed.set(hashed.get() + 1);
            format!("/{bucket}/{hash}/{prefix}{slash}{rest}")
        }
        _ => format!("/{bucket}/{prefix}{slash}{path}"),
    });
    assert_eq!(
        hashed.get() > 0,
        name == "os-3.5.0",
        "only OpenSearch 3 hashes the folders of shards by itself"
    );

    let folder = scratch(&bucket);
    let (repository, endpoint) = (format!("s3://{bucket}/{prefix}"), endpoint());
    let arguments = ["backfill", "--repo", &repository, "--s3-endpoint", &endpoint, "--s3-path-style"];
    let rest =
        ["--snapshot", "snap1", "--indices", "*,-nosource", "--target", "ndjson:.", "--output", "json"];
    let output = ferry_in(&folder, &[&arguments[..], &rest[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(json_of(&output)["report"]["requests"].as_u64().unwrap() > 10);
    for (index, expected) in truth(&fixture(name), "snap1") {
        if index == "nosource" {
            continue;
        }
        let mut found: Vec<_> = written_lines(&folder, &index).iter().map(|line| document(line)).collect();
        found.sort();
        assert_eq!(found, expected, "{name} {index}");
    }
}

#[test]
#[ignore = "needs an S3 server: tests/run s3"]
fn s3_has_the_documents_of_elasticsearch_1() {
    documents_through_s3("es-1.7.6", "");
}

#[test]
#[ignore = "needs an S3 server: tests/run s3"]
fn s3_has_the_documents_of_elasticsearch_7_below_a_prefix() {
    documents_through_s3("es-7.10.2", "team/backups");
}

#[test]
#[ignore = "needs an S3 server: tests/run s3"]
fn s3_has_the_documents_of_opensearch_3_with_hashed_folders() {
    documents_through_s3("os-3.5.0", "");
}

#[test]
#[ignore = "needs an S3 server: tests/run s3"]
fn s3_has_the_documents_of_opensearch_3_with_hashes_before_the_prefix() {
    documents_through_s3("os-3.5.0", "team/backups");
}
