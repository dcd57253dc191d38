//! The headers of a message in a tuple.

use super::json::{any_key, key, string};
use super::redact::is_secret;
use super::write::TupleSettings;
use crate::traffic::http::unfolded;

/// What stands for the value of a header that is a secret.
const REDACTED: &[u8] = b"\"REDACTED\"";

/// Headers that are not true any more when a content coding was taken off.
const OF_CODING: [&str; 3] = ["content-encoding", "content-length", "transfer-encoding"];

/// Writes each header once, under its first spelling, with all of its values; those of the names `keys` are left out, since
/// Java writes its own members over them.
pub(super) fn write_headers(
    headers: &[(&str, &[u8])],
    keys: &[&str],
    is_decoded: bool,
    settings: &TupleSettings,
    line: &mut Vec<u8>,
) {
    let is_left_out = |name: &str| {
        keys.contains(&name)
            || (is_decoded && OF_CODING.iter().any(|left_out| name.eq_ignore_ascii_case(left_out)))
    };
    for (place, (name, value)) in headers.iter().enumerate() {
        let (before, after) = headers.split_at_checked(place).unwrap_or_default();
        let is_same = |(other, _): &&(&str, &[u8])| other.eq_ignore_ascii_case(name);
        if is_left_out(name) || before.iter().any(|other| is_same(&other) && !is_left_out(other.0)) {
            continue;
        }
        let is_redacted = !settings.keep_credentials && is_secret(name);
        any_key(name, line);
        line.push(b'[');
        write_value(value, is_redacted, line);
        for (_, value) in after.iter().skip(1).filter(is_same) {
            line.push(b',');
            write_value(value, is_redacted, line);
        }
        line.push(b']');
    }
    if is_decoded {
        key("transfer-encoding", line);
        line.extend_from_slice(b"[\"chunked\"]");
    }
}

fn write_value(value: &[u8], is_redacted: bool, line: &mut Vec<u8>) {
    if is_redacted { line.extend_from_slice(REDACTED) } else { string(&unfolded(value), line) }
}
