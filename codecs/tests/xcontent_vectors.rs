//! SMILE, CBOR and YAML against Jackson: its bytes, and what it makes of them (see the README in the fixtures).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a wrong assumption of a test fails that test"
)]
use codecs::source;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    name: String,
    bytes: String,
    json: Option<String>,
}

fn vectors(text: &'static str) -> impl Iterator<Item = (String, Vec<u8>, Option<String>)> {
    text.lines().map(|line| {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let bytes = (0..vector.bytes.len())
            .step_by(2)
            .map(|place| u8::from_str_radix(&vector.bytes[place..place + 2], 16).unwrap())
            .collect();
        (vector.name, bytes, vector.json)
    })
}

fn converted(bytes: &[u8]) -> codecs::Result<String> {
    let json = source::to_json("vector", bytes, 1 << 20)?;
    Ok(String::from_utf8(json.into_owned()).unwrap())
}

/// JSON text with every number outside strings replaced by one form of its value, if it is a float.
fn normalised(json: &str) -> String {
    let mut out = String::new();
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => 2 + string_length(&rest[1..]),
            '-' | '0'..='9' => {
                let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
                rest.find(|c| !is_part(c)).unwrap_or(rest.len())
            }
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let is_float = first != '"' && token.contains(['.', 'e', 'E']);
        match token.parse::<f64>() {
            Ok(value) if is_float => out.push_str(&format!("{value:e}")),
            _ if first == '"' => out.push_str(&serde_json::from_str::<String>(token).unwrap()),
            _ => out.push_str(token),
        }
        rest = after;
    }
    out
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let is_end = |c: char| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end
    };
    text.find(is_end).unwrap()
}

const SMILE: &str = include_str!("fixtures/xcontent/smile.ndjson");
const CBOR: &str = include_str!("fixtures/xcontent/cbor.ndjson");
const YAML: &str = include_str!("fixtures/xcontent/yaml.ndjson");

/// The server knows a document only as an object; most vectors are arrays.
fn cbor_document(bytes: &[u8], json: &str) -> (Vec<u8>, String) {
    if bytes[0] == 0xD9 {
        return (bytes.to_vec(), json.to_owned());
    }
    ([b"\xBFaa", bytes, b"\xFF"].concat(), format!("{{\"a\":{json}}}"))
}

#[test]
fn smile_of_jackson_is_the_json_of_jackson() {
    for (name, bytes, json) in vectors(SMILE).filter(|(name, ..)| !name.starts_with("floats")) {
        let actual = converted(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(normalised(&actual), normalised(&json.unwrap()), "{name}");
    }
}

#[test]
fn cbor_of_jackson_is_the_json_of_jackson() {
    for (name, bytes, json) in vectors(CBOR).filter(|(name, ..)| !name.starts_with("floats")) {
        let (bytes, json) = cbor_document(&bytes, &json.unwrap());
        let actual = converted(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(normalised(&actual), normalised(&json), "{name}");
    }
}

#[test]
fn big_integers_and_decimals_keep_all_digits() {
    let is_exact = |name: &str| name.starts_with("big numbers") || name.starts_with("integers");
    for (name, bytes, json) in vectors(SMILE).filter(|(name, ..)| is_exact(name)) {
        assert_eq!(converted(&bytes).unwrap(), json.unwrap(), "{name}");
    }
    for (name, bytes, json) in vectors(CBOR).filter(|(name, ..)| is_exact(name)) {
        let (bytes, json) = cbor_document(&bytes, &json.unwrap());
        assert_eq!(converted(&bytes).unwrap(), json, "{name}");
    }
}

#[test]
fn doubles_and_floats_have_the_bits_that_jackson_wrote() {
    const DOUBLES: usize = 21;
    let numbers = |json: &str| -> Vec<String> {
        json.trim_matches(['{', '"', 'a', ':', '[', ']', '}']).split(',').map(str::to_owned).collect()
    };
    for (name, bytes, json) in
        vectors(SMILE).chain(vectors(CBOR)).filter(|(name, ..)| name.starts_with("floats"))
    {
        let json = json.unwrap();
        let bytes = if bytes[0] == b':' { bytes } else { cbor_document(&bytes, &json).0 };
        let (actual, expected) = (numbers(&converted(&bytes).unwrap()), numbers(&json));
        assert_eq!(actual.len(), 33, "{name}");
        for (place, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            if place < DOUBLES {
                let bits = |text: &str| text.parse::<f64>().unwrap().to_bits();
                assert_eq!(bits(actual), bits(expected), "{name} {place}");
            } else {
                let bits = |text: &str| text.parse::<f32>().unwrap().to_bits();
                assert_eq!(bits(actual), bits(expected), "{name} {place}");
            }
        }
    }
}

#[test]
fn yaml_has_the_types_that_jackson_gives_it() {
    for (name, bytes, json) in vectors(YAML) {
        let actual = converted(&bytes);
        if let Some(json) = json {
            let actual = actual.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(normalised(&actual), normalised(&json), "{name}");
        }
    }
}

#[test]
fn floats_are_the_shortest_text_that_gives_the_same_number() {
    // A float 0.1, then a double 0.1: the float is not widened first.
    let bytes = b":)\n\x05\xf8\x28\x03\x6e\x33\x19\x4d\x29\x00\x3f\x5c\x66\x33\x19\x4c\x66\x33\x1a\xf9";
    assert_eq!(converted(bytes).unwrap(), "[0.1,0.1]");
}

#[test]
fn every_truncation_is_an_error_and_no_damage_is_a_panic() {
    for (name, bytes, _) in vectors(SMILE).chain(vectors(CBOR)).filter(|(_, bytes, _)| bytes.len() < 800) {
        let end = if name.ends_with("flags 7") { bytes.len() - 1 } else { bytes.len() };
        for length in 0..end {
            assert!(converted(&bytes[..length]).is_err(), "{name} cut at {length}");
        }
        for place in 0..bytes.len() {
            for value in [0x00, 0x20, 0x34, 0x7F, 0x80, 0xBF, 0xE8, 0xFB, 0xFC, 0xFD, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[place] = value;
                let _ = converted(&damaged);
            }
        }
    }
}
