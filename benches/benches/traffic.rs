//! Framing of captured messages, and tuples written and read: what replay does with each request beside sending it.

#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use codecs::traffic::content;
use codecs::traffic::http::{Progress, RequestFramer, ResponseFramer, body, parse_request};
use codecs::traffic::tuple::{
    Attempt, Place, Tuple, TupleRecord, TupleRequest, TupleResponse, TupleSettings, write,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::{Duration, SystemTime};

/// What a client of Elasticsearch sends, with a body of so many bytes, and the answer of the server.
fn request(path: &str, body: &str) -> Vec<u8> {
    format!(
        "PUT {path} HTTP/1.1\r\nHost: search.example.com:9200\r\nAccept-Encoding: identity\r\n\
         Content-Length: {}\r\nuser-agent: opensearch-py/2.8.0 (Python 3.12.3)\r\nconnection: keep-alive\r\n\
         content-type: application/json\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn response(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 201 Created\r\nLocation: /orders/_doc/1\r\ncontent-type: application/json; charset=UTF-8\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn document(bytes: usize) -> String {
    format!("{{\"title\":\"a title\",\"price\":12.50,\"text\":\"{}\"}}", "lorem ipsum ".repeat(bytes / 12))
}

fn bulk(bytes: usize) -> String {
    let document = document(900);
    format!("{{\"index\":{{\"_id\":\"1\"}}}}\n{document}\n").repeat(bytes / 1000)
}

const WRITTEN: &str = "{\"_index\":\"orders\",\"_id\":\"1\",\"_version\":1,\"result\":\"created\",\"_shards\":{\"total\":2,\"successful\":1,\"failed\":0},\"_seq_no\":0,\"_primary_term\":1}";

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut message =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        message.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        message.extend_from_slice(chunk);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"0\r\n\r\n");
    message
}

fn framing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("framing");
    let small = request("/orders/_doc/1", &document(700));
    for (what, piece) in [("whole", usize::MAX), ("in pieces of 100 bytes", 100), ("byte by byte", 1)] {
        group.throughput(Throughput::Bytes(small.len() as u64));
        group.bench_function(BenchmarkId::new("request of 1 KB", what), |bencher| {
            let mut framer = RequestFramer::new();
            bencher.iter(|| {
                let last = small.chunks(piece).map(|piece| framer.push(piece)).last();
                assert!(matches!(last, Some(Ok(Progress::Ended { .. }))));
            });
        });
    }
    let answer = response(WRITTEN);
    group.throughput(Throughput::Bytes(answer.len() as u64));
    group.bench_function("response of 300 bytes", |bencher| {
        bencher.iter(|| black_box(ResponseFramer::new("PUT").push(black_box(&answer))));
    });
    let long = chunked(bulk(100_000).as_bytes(), 8192);
    group.throughput(Throughput::Bytes(long.len() as u64));
    group.bench_function("chunked response of 100 KB", |bencher| {
        bencher.iter(|| black_box(ResponseFramer::new("GET").push(black_box(&long))));
    });
    group.throughput(Throughput::Bytes(small.len() as u64));
    group.bench_function("head and body of a request of 1 KB", |bencher| {
        bencher.iter(|| {
            let head = parse_request(black_box(&small)).expect("a request");
            body(&small, head.length, &head.headers).expect("a body").data.len()
        });
    });
    group.finish();
}

fn tuple<'a>(request: &'a [u8], response: &'a [u8]) -> Tuple<'a> {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_689_360_123);
    let time = Duration::from_micros(1234);
    Tuple {
        source_request: Some(TupleRequest::parse(request)),
        source_response: Some(TupleResponse::parse(response, time)),
        target_request: Some(TupleRequest::parse(request)),
        target_responses: vec![TupleResponse::parse(response, time).expect("a response")],
        connection: "0242acfffe12000b-0000000a-0000000f-d1aa22e30e1211a4-eba39e55",
        index: 17,
        source_time: Some(at),
        target_time: Some(at),
        place: Some(Place { topic: "logging-traffic-topic", partition: 3, offset: 123_456 }),
        attempts: vec![Attempt {
            at,
            delay: Duration::ZERO,
            status: Some(201),
            response_time: Some(time),
            items: None,
            error: None,
        }],
        transform_status: Some("unchanged"),
        ..Tuple::default()
    }
}

fn tuples(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tuple");
    let plain = bulk(100_000);
    let packed = content::encode("gzip", plain.as_bytes()).expect("gzip");
    let mut compressed = request("/_bulk", "").strip_suffix(b"\r\n").expect("a blank line").to_vec();
    let at = compressed.windows(17).position(|text| text == b"Content-Length: 0").expect("a length");
    compressed.splice(
        at..at + 17,
        format!("Content-Encoding: gzip\r\nContent-Length: {}", packed.len()).into_bytes(),
    );
    compressed.extend_from_slice(b"\r\n");
    compressed.extend_from_slice(&packed);
    let cases = [
        ("1 KB document", request("/orders/_doc/1", &document(700)), response(WRITTEN)),
        ("search without body", request("/orders/_search?q=a", ""), response(&document(2000))),
        ("100 KB bulk", request("/_bulk", &plain), response(&bulk(10_000))),
        ("100 KB bulk, gzip", compressed, response(&bulk(10_000))),
    ];
    let settings = TupleSettings::default();
    for (what, request, response) in &cases {
        let mut line = Vec::new();
        write(&tuple(request, response), &settings, &mut line);
        group.throughput(Throughput::Bytes(line.len() as u64));
        group.bench_function(BenchmarkId::new("write", what), |bencher| {
            let mut output = Vec::with_capacity(line.len());
            bencher.iter(|| {
                output.clear();
                write(&tuple(request, response), &settings, &mut output);
            });
        });
        group.bench_function(BenchmarkId::new("read", what), |bencher| {
            bencher.iter(|| TupleRecord::parse(black_box(&line)).expect("a tuple").target_responses.len());
        });
    }
    group.finish();
}

criterion_group!(benches, framing, tuples);
criterion_main!(benches);
