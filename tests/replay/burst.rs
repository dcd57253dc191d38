//! Much traffic of one moment, little memory, a slow target.

use crate::captured::{Seen, record};
use crate::support::{ferry_command, scratch};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CONNECTIONS: usize = 800;
const BODY: usize = 200 << 10;

/// One request on each connection, all of them of one moment, each record behind its length.
fn write_burst(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let body = vec![b'x'; BODY];
    for number in 0..CONNECTIONS {
        let name = format!("c{number}");
        let head = format!("PUT /i/_doc/{number} HTTP/1.1\r\nHost: source\r\nContent-Length: {BODY}\r\n\r\n");
        let request = [head.as_bytes(), &body].concat();
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}".to_vec();
        let seen = [Seen::Read(request), Seen::End, Seen::Write(answer), Seen::Close];
        let (_, value) = record(&name, 1, true, &seen);
        file.write_all(&varint(value.len())).unwrap();
        file.write_all(&value).unwrap();
    }
    file.into_inner().unwrap();
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7F {
        bytes.push(u8::try_from(value & 0x7F).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A target that takes one request after the other, and its time for each.
fn slow_target() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let turn = Arc::new(Mutex::new(()));
        for stream in listener.incoming().flatten() {
            let turn = Arc::clone(&turn);
            std::thread::spawn(move || serve(&stream, &turn).unwrap());
        }
    });
    port
}

fn serve(stream: &TcpStream, turn: &Mutex<()>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    std::io::copy(&mut reader.by_ref().take(BODY as u64), &mut std::io::sink())?;
    let turn = turn.lock().unwrap();
    std::thread::sleep(Duration::from_millis(2));
    drop(turn);
    reader.into_inner().write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}")
}

/// The most memory that a process had so far, in bytes; none when it is gone.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().unwrap() << 10)
}

/// 160 MiB of requests are due at once. The Java replayer puts all of them into a queue without a bound.
///
/// What is under way may take `--memory`; the program itself, its runtime, buffers of connections and what the allocator has not given
/// back get as much again, as docs/operations.md says of the option.
#[test]
fn defect_11_a_burst_onto_a_slow_target_takes_no_more_memory_than_it_may() {
    const MEMORY: u64 = 64 << 20;
    let folder = scratch("burst");
    write_burst(&folder.join("in"));
    let url = format!("http://127.0.0.1:{}", slow_target());
    let options = ["replay", "--input", "in", "--target", &url, "--memory", "64MiB", "--output", "json"];
    let mut child = ferry_command(&folder, &options).stdout(Stdio::piped()).spawn().unwrap();
    let mut most = 0;
    while let Some(peak) = peak(child.id()) {
        most = peak;
        std::thread::sleep(Duration::from_millis(20));
        if child.try_wait().unwrap().is_some() {
            break;
        }
    }
    let output = child.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), report["answered"].as_u64()), (Some(0), Some(CONNECTIONS as u64)));
    println!("burst: {} MiB at most, {} s", most >> 20, report["seconds"]);
    assert!(most > 0 && most < 2 * MEMORY, "{} MiB", most >> 20);
}
