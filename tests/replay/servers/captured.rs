//! Records of captured traffic as a test wants them, by a protobuf writer of a few lines; the fields are those of `record/wire.py`.

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

fn data(field: u64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint((field << 3) | 2, &mut out);
    varint(value.len() as u64, &mut out);
    out.extend(value);
    out
}

fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(field << 3, &mut out);
    varint(value, &mut out);
    out
}

/// Something that the proxy observed.
#[derive(Debug, Clone)]
pub enum Seen {
    Read(Vec<u8>),
    Write(Vec<u8>),
    End,
    Close,
}

/// The second since 1970 in which all is observed, where nothing else is said.
pub const START: u64 = 1_770_000_000;

/// A record of a connection: its number, and whether it is the last one.
pub fn record(connection: &str, index: u64, is_last: bool, seen: &[Seen]) -> (String, Vec<u8>) {
    record_at(START, connection, index, is_last, seen)
}

/// The same, observed in this second since 1970.
fn record_at(second: u64, connection: &str, index: u64, is_last: bool, seen: &[Seen]) -> (String, Vec<u8>) {
    let mut value = [data(1, connection.as_bytes()), data(5, b"node")].concat();
    for one in seen {
        let kind = match one {
            Seen::Read(bytes) => data(4, &data(1, bytes)),
            Seen::Write(bytes) => data(8, &data(1, bytes)),
            Seen::End => data(15, b""),
            Seen::Close => data(11, b""),
        };
        value.extend(data(2, &[data(1, &number(1, second)), kind].concat()));
    }
    value.extend(number(if is_last { 4 } else { 3 }, index));
    (connection.to_owned(), value)
}

/// A request of this path, and an answer to it.
pub fn exchange(path: &str) -> Vec<Seen> {
    let request = format!("PUT {path} HTTP/1.1\r\nHost: source\r\nContent-Length: 2\r\n\r\n{{}}");
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    vec![Seen::Read(request.into_bytes()), Seen::End, Seen::Write(answer.into())]
}

/// A connection with one request, in one record.
pub fn connection(name: &str, path: &str) -> (String, Vec<u8>) {
    record(name, 1, true, &[exchange(path), vec![Seen::Close]].concat())
}

/// The same, so many seconds after the start.
pub fn connection_after(seconds: u64, name: &str, path: &str) -> (String, Vec<u8>) {
    record_at(START + seconds, name, 1, true, &[exchange(path), vec![Seen::Close]].concat())
}
