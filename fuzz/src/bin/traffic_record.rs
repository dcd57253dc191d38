//! A record of captured traffic: what is decoded is the same when it is encoded again, and its bytes are framed.
#![no_main]

use bytes::Bytes;
use codecs::traffic::http::{RequestFramer, ResponseFramer};
use codecs::traffic::record::{Observed, TrafficStream};
use fuzz as _; // its allocator
use libfuzzer_sys::fuzz_target;
use prost::Message;

fuzz_target!(|input: &[u8]| {
    let Ok(stream) = TrafficStream::decode_record(Bytes::copy_from_slice(input)) else { return };
    let again = TrafficStream::decode_record(stream.encode_to_vec().into());
    assert_eq!(again.as_ref(), Ok(&stream));
    let (mut requests, mut responses) = (RequestFramer::new(), ResponseFramer::new("GET"));
    for observation in stream.observations {
        let _ = observation.at.map(|at| at.system_time());
        match observation.observed {
            Some(Observed::Read(read)) => drop(requests.push(&read.data)),
            Some(Observed::ReadSegment(part)) => drop(requests.push(&part.data)),
            Some(Observed::Write(write)) => drop(responses.push(&write.data)),
            Some(Observed::WriteSegment(part)) => drop(responses.push(&part.data)),
            _ => {}
        }
    }
});
