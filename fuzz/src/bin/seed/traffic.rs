//! Seeds from conversations over HTTP: as streams, as records that a proxy would capture, as tuples.

use crate::{Seeds, part};
use base64::Engine;
use codecs::traffic::content;
use codecs::traffic::record::{
    EndOfMessage, Nothing, Observation, Observed, Payload, RecordNumber, Segment, Timestamp, TrafficStream,
};
use prost::Message;
use std::io::Result;
use std::path::Path;

/// What the client or the server sent until the other one sent something.
struct Run {
    is_client: bool,
    bytes: Vec<u8>,
}

pub(crate) fn add(folder: &Path, seeds: &mut Seeds) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            add_conversation(&name, &runs(&std::fs::read_to_string(&path)?), seeds);
        }
    }
    for (number, coding) in ["gzip", "deflate", "br", "zstd"].into_iter().enumerate() {
        let body =
            content::encode(coding, b"{\"a\":[1,1,1,1,1,1]}\n{\"a\":[1,1,1,1,1,1]}\n").unwrap_or_default();
        let number = u8::try_from(number).unwrap_or_default();
        seeds.add("content", coding, [&[number], &body[..]].concat());
    }
    Ok(())
}

fn runs(text: &str) -> Vec<Run> {
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    let run = |line: &str| match line.split_at_checked(2) {
        Some(("> ", text)) => Some(Run { is_client: true, bytes: decode(text) }),
        Some(("< ", text)) => Some(Run { is_client: false, bytes: decode(text) }),
        _ => None,
    };
    text.lines().filter_map(run).collect()
}

fn add_conversation(name: &str, runs: &[Run], seeds: &mut Seeds) {
    for is_client in [true, false] {
        let mut stream = vec![0, 6];
        for run in runs.iter().filter(|run| run.is_client == is_client) {
            stream.extend_from_slice(&run.bytes);
            seeds.add("http_framing", format!("{name}-{is_client}"), [&[0, 6], &run.bytes[..]].concat());
        }
        seeds.add("http_framing", format!("{name}-{is_client}-all"), stream);
    }
    for pair in runs.windows(2).filter(|pair| pair[0].is_client) {
        if let Some(request) = part(&pair[0].bytes) {
            seeds.add("tuple", name, [&[0], &request[..], &pair[1].bytes].concat());
        }
    }
    seeds.add("traffic_record", name, record(runs).encode_to_vec());
}

/// Reads and writes, some of them in two segments.
fn record(runs: &[Run]) -> TrafficStream {
    let mut observed = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let data = |bytes: &[u8]| bytes.to_vec().into();
        let (first, second) = run.bytes.split_at(run.bytes.len() / 2);
        match (run.is_client, number % 4 < 2) {
            (true, true) => observed.push(Observed::Read(Payload { data: data(&run.bytes) })),
            (false, true) => observed.push(Observed::Write(Payload { data: data(&run.bytes) })),
            (true, false) => {
                observed
                    .extend([first, second].map(|part| Observed::ReadSegment(Segment { data: data(part) })));
            }
            (false, false) => {
                observed
                    .extend([first, second].map(|part| Observed::WriteSegment(Segment { data: data(part) })));
            }
        }
        if number % 4 > 1 {
            observed.push(Observed::SegmentEnd(Nothing {}));
        }
        if run.is_client {
            let (first_line_length, headers_length) = (Some(-1), Some(100));
            observed.push(Observed::EndOfMessage(EndOfMessage { first_line_length, headers_length }));
        }
    }
    observed.push(Observed::Close(Nothing {}));
    let at = Some(Timestamp { seconds: 1_795_689_360, nanos: 5 });
    TrafficStream {
        connection_id: "c".to_owned(),
        observations: observed.into_iter().map(|one| Observation { at, observed: Some(one) }).collect(),
        node_id: "n".to_owned(),
        prior_requests_received: Some(1),
        last_observation_was_unterminated_read: Some(true),
        number: Some(RecordNumber::Last(2)),
    }
}
