//! The message that scripts and programs get of a request: the shape of the Java replayer's, version 2.
//!
//! | member | what |
//! |---|---|
//! | `transformerMessageVersion` | 2 |
//! | `method`, `URI`, `protocol` | texts; `URI` is path and query |
//! | `headers` | name → list of values |
//! | `payload` | the [body](payload), by what it is |

pub(crate) mod payload;

use super::headers::{Headers, is_name, is_value};
use super::request::Outgoing;
use crate::transform::json::{Member, Node, text};
use codecs::traffic::http::Version;

/// What stands for a payload that a program cannot see: what it gives on is known by it.
pub(crate) const UNREAD: &[u8] = b"{\"unread\":true}";

/// How the names of headers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As the client does: who reads them finds them in whatever case.
    AsSent,
    /// In small letters: who reads them knows one spelling only.
    Small,
}

/// The message without its payload, as a JSON object.
pub(crate) fn head(request: &Outgoing, spelling: Spelling) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"transformerMessageVersion\":2");
    for (name, value) in [
        ("method", request.method.as_str()),
        ("URI", request.target.as_str()),
        ("protocol", request.version.as_str()),
    ] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        text::encode(value, &mut out);
    }
    out.extend_from_slice(b",\"headers\":{");
    for (position, (name, values)) in grouped(&request.headers).into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        match spelling {
            Spelling::AsSent => text::encode(name, &mut out),
            Spelling::Small => text::encode(&name.to_ascii_lowercase(), &mut out),
        }
        out.push(b':');
        write_list(&values, &mut out);
    }
    out.extend_from_slice(b"}}");
    out
}

/// The message with a payload, which is a JSON object.
pub(crate) fn with_payload(mut head: Vec<u8>, payload: &[u8]) -> Vec<u8> {
    head.pop();
    head.extend_from_slice(b",\"payload\":");
    head.extend_from_slice(payload);
    head.push(b'}');
    head
}

/// Names in the spelling and order of their first use, with all of their values.
fn grouped(headers: &Headers) -> Vec<(&str, Vec<String>)> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::with_capacity(headers.len());
    for (name, value) in headers.iter() {
        let value = String::from_utf8_lossy(value).into_owned();
        match groups.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

pub(crate) fn write_list(values: &[String], out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        text::encode(value, out);
    }
    out.push(b']');
}

/// A message that was changed: what became of it, payload aside.
#[derive(Debug)]
pub(crate) struct Changed {
    /// Method, target, version and headers are new; the body is the old one.
    pub(crate) request: Outgoing,
    /// The payload as a JSON object, if the message has one.
    pub(crate) payload: Option<Vec<u8>>,
}

/// Reads a message that came of one of `request`. What it does not change keeps its bytes and its spelling; `None` is a request that
/// was dropped by making `GET / HTTP/1.0` of it, as the Java migrator's own script does.
pub(crate) fn read(request: &Outgoing, message: &[u8]) -> Result<Option<Changed>, String> {
    let mut node = Node::document(message).map_err(|error| format!("the message is {error}"))?;
    let members = node.open_object().map(std::mem::take).unwrap_or_default();
    let (mut method, mut target, mut protocol, mut headers, mut payload) = (None, None, None, None, None);
    for Member { name, value } in members {
        match text::decode(&name)?.as_ref() {
            "method" => method = Some(string("method", &value)?),
            "URI" => target = Some(string("URI", &value)?),
            "protocol" => protocol = Some(string("protocol", &value)?),
            "headers" => headers = Some(value),
            "payload" if !value.is_null() => payload = Some(written(&value)),
            "payload" | "transformerMessageVersion" | "preserve" => {}
            other => return Err(format!("the message has `{other}`, which cannot be carried to the target")),
        }
    }
    let missing = |name: &str| format!("the message has no `{name}`");
    let method = method.ok_or_else(|| missing("method"))?;
    let target = target.ok_or_else(|| missing("URI"))?;
    let protocol = protocol.unwrap_or_else(|| request.version.as_str().to_owned());
    let stands_for_dropped = method == "GET" && target == "/" && protocol == "HTTP/1.0";
    if stands_for_dropped && (request.target != "/" || request.version != Version::Http10) {
        return Ok(None);
    }
    check_line(&method, &target)?;
    let mut changed = request.clone();
    (changed.method, changed.target, changed.version) = (method, target, version(&protocol)?);
    put_headers(&mut changed.headers, headers)?;
    Ok(Some(Changed { request: changed, payload }))
}

fn version(protocol: &str) -> Result<Version, String> {
    match protocol {
        "HTTP/1.0" => Ok(Version::Http10),
        "HTTP/1.1" => Ok(Version::Http11),
        other => Err(format!("`protocol` is `{other}`, expected `HTTP/1.1`")),
    }
}

/// Refuses what would not be one line with three words.
pub(crate) fn check_line(method: &str, target: &str) -> Result<(), String> {
    if !is_name(method) {
        return Err(format!("`method` is `{method}`, which is no method of HTTP"));
    }
    if !target.starts_with('/') && target != "*" || target.chars().any(char::is_control) {
        return Err(format!("`URI` is `{target}`: expected path and query, with a slash at the start"));
    }
    Ok(())
}

/// Makes the headers be those of the message.
fn put_headers(headers: &mut Headers, message: Option<Node<'_>>) -> Result<(), String> {
    let mut message = message.ok_or("the message has no `headers`")?;
    let members = message.open_object().ok_or("`headers` is not an object")?;
    let mut wanted: Vec<(String, Vec<String>)> = Vec::with_capacity(members.len());
    for Member { name, value } in members {
        let name = text::decode(name)?.into_owned();
        let values = values(&name, value)?;
        // The last one of a name counts: what was put beside the one that was there is meant to be in its place.
        wanted.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        wanted.push((name, values));
    }
    let present: Vec<(String, Vec<String>)> =
        grouped(headers).into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
    for (name, _) in &present {
        if !wanted.iter().any(|(known, values)| known.eq_ignore_ascii_case(name) && !values.is_empty()) {
            headers.remove(name);
        }
    }
    for (name, values) in wanted {
        let was = present.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
        if was.is_some_and(|(_, was)| *was == values) {
            continue;
        }
        put(headers, &name, values)?;
    }
    Ok(())
}

/// Gives a header these values: the first in its place, the others as the last headers.
fn put(headers: &mut Headers, name: &str, values: Vec<String>) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!("`{name}` cannot be the name of a header"));
    }
    for (position, value) in values.into_iter().enumerate() {
        if !is_value(value.as_bytes()) {
            return Err(format!(
                "the header `{name}` has a line end or another control character in its value"
            ));
        }
        match position {
            0 => headers.set(name, value),
            _ => headers.append(name, value),
        }
    }
    Ok(())
}

/// The values of a header: a list of texts and numbers, or one of them.
fn values(name: &str, value: &mut Node<'_>) -> Result<Vec<String>, String> {
    let problem = || format!("the header `{name}` is neither a text nor a list of texts");
    if value.is_null() {
        return Ok(Vec::new());
    }
    match value.open_array() {
        Some(elements) => elements.iter().map(|element| scalar(element).ok_or_else(problem)).collect(),
        None => Ok(vec![scalar(value).ok_or_else(problem)?]),
    }
}

fn scalar(node: &Node<'_>) -> Option<String> {
    let Node::Text(text) = node else { return None };
    codecs::bulk::text(text).map(std::borrow::Cow::into_owned)
}

fn string(name: &str, node: &Node<'_>) -> Result<String, String> {
    match node {
        Node::Text(token) if token.first() == Some(&b'"') => Ok(text::decode(token)?.into_owned()),
        _ => Err(format!("`{name}` is not a text")),
    }
}

fn written(node: &Node<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    node.write(&mut out);
    out
}

#[cfg(test)]
mod tests;
