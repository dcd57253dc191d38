//! The requests and responses of a tuple that is read.

use super::duration;
use super::text::Text;
use crate::traffic::http::path;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A request or a response that was read. `Debug` shows no values, no query and no body.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct MessageRecord<'a> {
    /// The method of a request.
    pub method: Option<Cow<'a, str>>,
    /// The target of a request.
    pub target: Option<Cow<'a, str>>,
    /// The version.
    pub version: Option<Cow<'a, str>>,
    /// The status of a response.
    pub status: Option<u16>,
    /// The reason of a response.
    pub reason: Option<Cow<'a, str>>,
    /// How long a response took: whole milliseconds.
    pub response_time: Option<Duration>,
    /// Names and values.
    pub headers: Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>,
    /// The body.
    pub payload: PayloadRecord<'a>,
    /// Why the bytes were no message; there is nothing else then.
    pub exception: Option<Cow<'a, str>>,
}

/// A body that was read. `Debug` shows its length alone.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum PayloadRecord<'a> {
    /// There is none.
    #[default]
    Absent,
    /// One JSON value.
    Json(&'a RawValue),
    /// Several JSON values.
    JsonSequence(Vec<&'a RawValue>),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Names, each with its values.
    Form(Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>),
}

impl fmt::Debug for MessageRecord<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let path = self.target.as_deref().map(path);
        let start = (&self.method, path, self.status, &self.exception);
        write!(formatter, "{start:?} {names:?} {:?}", self.payload)
    }
}

impl fmt::Debug for PayloadRecord<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.bytes().len())
    }
}

impl PayloadRecord<'_> {
    /// The body as bytes: JSON as its text, values of a sequence each with a line feed.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Absent => Cow::Borrowed(&[]),
            Self::Json(json) => Cow::Borrowed(json.get().as_bytes()),
            Self::JsonSequence(values) => {
                Cow::Owned(values.iter().flat_map(|json| [json.get().as_bytes(), b"\n"].concat()).collect())
            }
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Form(fields) => {
                let all =
                    fields.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
                let fields: Vec<_> = all.map(|(name, value)| format!("{name}={value}")).collect();
                Cow::Owned(fields.join("&").into_bytes())
            }
        }
    }
}

impl PartialEq for PayloadRecord<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.bytes() == other.bytes()
    }
}

impl<'a> MessageRecord<'a> {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        header.1.first().map(|value| &**value)
    }

    fn read(&mut self, key: Text<'a>, value: &'a RawValue) {
        match &*key.0 {
            "Method" => self.method = string(value),
            "Request-URI" => self.target = string(value),
            "HTTP-Version" => self.version = string(value),
            "Reason-Phrase" => self.reason = string(value),
            "Status-Code" => self.status = parsed(value),
            "response_time_ms" => self.response_time = parsed(value).and_then(duration),
            "Exception" if is_string(value) => self.exception = string(value),
            "payload" => {
                self.payload = parsed::<Payload<'a>>(value).map(|payload| payload.0).unwrap_or_default()
            }
            // Tuples of before 2024: base64, or text in those that the console decoded.
            "body" if is_string(value) => self.payload = legacy_body(string(value).unwrap_or_default()),
            _ => {
                if let Some(values) = values(value) {
                    self.headers.push((key.0, values));
                }
            }
        }
    }
}

fn parsed<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    parsed::<Text<'_>>(value).map(|text| text.0)
}

fn is_string(value: &RawValue) -> bool {
    value.get().starts_with('"')
}

/// The values of a header: a list, or in old tuples a single one.
fn values(value: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    if is_string(value) {
        return string(value).map(|value| vec![value]);
    }
    Some(parsed::<Vec<Text<'_>>>(value)?.into_iter().map(|text| text.0).collect())
}

fn legacy_body(text: Cow<'_, str>) -> PayloadRecord<'_> {
    if text.is_empty() {
        return PayloadRecord::Text(text);
    }
    match STANDARD.decode(text.as_bytes()) {
        Ok(bytes) => PayloadRecord::Bytes(bytes),
        Err(_) => PayloadRecord::Text(text),
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = MessageRecord<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a request or a response")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut message = MessageRecord::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            message.read(key, map.next_value()?);
        }
        Ok(message)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for MessageRecord<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

#[derive(Default)]
struct Payload<'a>(PayloadRecord<'a>);

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a payload")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut payload = PayloadRecord::Absent;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let value: &'de RawValue = map.next_value()?;
            let read = match &*key.0 {
                "inlinedJsonBody" => Some(PayloadRecord::Json(value)),
                "inlinedJsonSequenceBodies" => parsed(value).map(PayloadRecord::JsonSequence),
                "inlinedTextBody" => string(value).map(PayloadRecord::Text),
                "inlinedBase64Body" => string(value).map(legacy_body),
                "inlinedFormEncodedBody" => {
                    parsed::<Form<'de>>(value).map(|form| PayloadRecord::Form(form.0))
                }
                _ => None,
            };
            payload = read.unwrap_or(payload);
        }
        Ok(Payload(payload))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PayloadVisitor)
    }
}

struct Form<'a>(Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>);

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = Form<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the fields of a form")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            if let Some(values) = values(map.next_value()?) {
                fields.push((name.0, values));
            }
        }
        Ok(Form(fields))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Form<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FormVisitor)
    }
}
