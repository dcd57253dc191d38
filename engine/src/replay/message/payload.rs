//! The payload of a message: a body by what it is.
//!
//! | member | of a body that is | and is |
//! |---|---|---|
//! | `inlinedFormEncodedBody` | of the type `application/x-www-form-urlencoded` | name → list of values |
//! | `inlinedJsonBody` | one JSON value | the value |
//! | `inlinedJsonSequenceBodies` | JSON values one after the other, as in bulk requests | a list of them |
//! | `inlinedTextBody` | other text | a text |
//! | `inlinedBinaryBody` | anything else | its bytes in base64 |
//!
//! A body without a byte has none of them.

use super::super::route::path::decode;
use super::{string, write_list};
use crate::transform::json::tree::check_value;
use crate::transform::json::{Member, Node, Tokens, text};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use codecs::json_line::write_on_one_line;
use std::fmt::Write as _;

const FORM: &str = "application/x-www-form-urlencoded";

/// The payload of a body, as a JSON object. JSON values stand in it as they do in the body.
pub(crate) fn of_body(body: &[u8], content_type: Option<&str>) -> Vec<u8> {
    if body.is_empty() {
        return b"{}".to_vec();
    }
    let is_form = |content_type: &str| content_type.trim_start().to_ascii_lowercase().starts_with(FORM);
    let mut out = Vec::with_capacity(body.len().saturating_add(64));
    if content_type.is_some_and(is_form) {
        write_form(body, &mut out);
    } else if let Some(values) = json_values(body) {
        write_values(&values, &mut out);
    } else if let Ok(body) = std::str::from_utf8(body) {
        out.extend_from_slice(b"{\"inlinedTextBody\":");
        text::encode(body, &mut out);
    } else {
        out.extend_from_slice(b"{\"inlinedBinaryBody\":");
        text::encode(&BASE64_STANDARD.encode(body), &mut out);
    }
    out.push(b'}');
    out
}

/// The JSON values that a text consists of; `None` when it is something else.
fn json_values(body: &[u8]) -> Option<Vec<&[u8]>> {
    let mut tokens = Tokens::new(body);
    let mut values = Vec::new();
    loop {
        tokens.skip_space().ok()?;
        let start = tokens.offset();
        if start >= body.len() {
            break;
        }
        check_value(&mut tokens).ok()?;
        values.push(tokens.text_since(start));
    }
    (!values.is_empty()).then_some(values)
}

fn write_values(values: &[&[u8]], out: &mut Vec<u8>) {
    if let [value] = values {
        out.extend_from_slice(b"{\"inlinedJsonBody\":");
        out.extend_from_slice(value);
        return;
    }
    out.extend_from_slice(b"{\"inlinedJsonSequenceBodies\":[");
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(value);
    }
    out.push(b']');
}

fn write_form(body: &[u8], out: &mut Vec<u8>) {
    let body = String::from_utf8_lossy(body);
    let plain = |text: &str| decode(&text.replace('+', " ")).into_owned();
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for pair in body.trim_end().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (plain(name), plain(value));
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    out.extend_from_slice(b"{\"inlinedFormEncodedBody\":{");
    for (position, (name, values)) in groups.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        text::encode(name, out);
        out.push(b':');
        write_list(values, out);
    }
    out.push(b'}');
}

/// The body of a payload. `original` is the body that it came from: one value that ended with a newline still does, because a bulk
/// request of one deletion must.
pub(crate) fn to_body(payload: &[u8], original: &[u8]) -> Result<Vec<u8>, String> {
    let mut node = Node::document(payload).map_err(|error| format!("`payload` is {error}"))?;
    let members = node.open_object().map(std::mem::take).unwrap_or_default();
    let mut body: Option<(String, Vec<u8>)> = None;
    for Member { name, value } in members {
        let name = text::decode(&name)?.into_owned();
        if value.is_null() && name != "inlinedJsonBody" {
            continue;
        }
        let written = written(&name, value, original)?;
        if let Some((other, _)) = body.replace((name.clone(), written)) {
            return Err(format!("`payload` has both `{other}` and `{name}`: a request has one body"));
        }
    }
    Ok(body.map(|(_, body)| body).unwrap_or_default())
}

fn written(name: &str, mut value: Node<'_>, original: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    match name {
        "inlinedJsonBody" => {
            value.write(&mut out);
            if original.ends_with(b"\n") {
                out.push(b'\n');
            }
        }
        "inlinedJsonSequenceBodies" => {
            let values = value.open_array().ok_or("`inlinedJsonSequenceBodies` is not a list")?;
            let mut one = Vec::new();
            for value in values {
                one.clear();
                value.write(&mut one);
                write_on_one_line(&one, &mut out);
                out.push(b'\n');
            }
        }
        "inlinedTextBody" => out = string(name, &value)?.into_bytes(),
        "inlinedBinaryBody" | "inlinedBase64Body" => {
            let decoded = BASE64_STANDARD.decode(string(name, &value)?);
            out = decoded.map_err(|error| format!("`{name}` is not base64: {error}"))?;
        }
        "inlinedFormEncodedBody" => out = form(value)?.into_bytes(),
        other => return Err(format!("`payload` has `{other}`, which is no kind of body")),
    }
    Ok(out)
}

fn form(mut value: Node<'_>) -> Result<String, String> {
    let members = value.open_object().ok_or("`inlinedFormEncodedBody` is not an object")?;
    let mut out = String::new();
    for Member { name, value } in members {
        let name = text::decode(name)?.into_owned();
        for value in super::values(&name, value)? {
            if !out.is_empty() {
                out.push('&');
            }
            encode_form(&name, &mut out);
            out.push('=');
            encode_form(&value, &mut out);
        }
    }
    Ok(out)
}

fn encode_form(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}"); // a string takes everything
            }
        }
    }
}
