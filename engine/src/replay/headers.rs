//! The headers of a request: in their order, in the spelling of the client.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

/// Headers whose values are secrets: they are never shown.
const SECRET: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-amz-security-token",
    "es-security-runas-user",
];

/// The headers of a message. Names are compared without regard to case, as HTTP wants it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

#[derive(Clone, PartialEq, Eq)]
struct Header {
    /// ASCII, as HTTP wants it.
    name: Bytes,
    value: Bytes,
}

impl Header {
    fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl Headers {
    /// No headers, with room for so many.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|header| (header.name(), &*header.value))
    }

    /// As [`Self::iter`], with values that can be shared.
    pub(super) fn shared(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|header| (header.name(), &header.value))
    }

    /// How many there are; a name that is there twice counts twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|header| header.is(name)).map(|header| &*header.value)
    }

    /// The first value of a header, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All values of a header, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |header| header.is(name)).map(|header| &*header.value)
    }

    /// Whether there is such a header.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The members of the comma-separated lists that are the values of a header, without space around them.
    pub fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = self.all(name).filter_map(|value| std::str::from_utf8(value).ok());
        texts.flat_map(|text| text.split(',')).map(str::trim).filter(|member| !member.is_empty())
    }

    /// Gives a header one value: in the place and the spelling that it has, else as the last one.
    pub fn set(&mut self, name: &str, value: impl Into<Bytes>) {
        let Some(first) = self.0.iter_mut().find(|header| header.is(name)) else {
            self.append(name, value);
            return;
        };
        first.value = value.into();
        let mut is_first = true;
        self.0.retain(|header| !header.is(name) || std::mem::take(&mut is_first));
    }

    /// Adds a header, whether there is one of the name or not.
    pub fn append(&mut self, name: &str, value: impl Into<Bytes>) {
        self.push(Bytes::copy_from_slice(name.as_bytes()), value.into());
    }

    /// As [`Self::append`], with a name that is shared and not copied.
    pub(crate) fn push(&mut self, name: Bytes, value: Bytes) {
        self.0.push(Header { name, value });
    }

    /// Removes all headers of the name; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|header| !header.is(name));
        self.0.len() != before
    }

    /// The same without regard to case; what HTTP does not allow is left out.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let allowed = self.0.iter().filter_map(|header| {
            let name = HeaderName::from_bytes(&header.name).ok()?;
            Some((name, HeaderValue::from_maybe_shared(header.value.clone()).ok()?))
        });
        allowed.collect()
    }

    /// Removes the headers that `is_removed` says.
    pub(crate) fn remove_where(&mut self, is_removed: impl Fn(&[u8]) -> bool) {
        self.0.retain(|header| !is_removed(&header.name));
    }
}

/// Secrets are not shown.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| match is_secret(name) {
            true => (name, "***".into()),
            false => (name, String::from_utf8_lossy(value)),
        });
        f.debug_map().entries(shown).finish()
    }
}

/// Whether the values of a header are secrets.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// What a program or script says about a message, without the secrets that are in its headers.
pub(crate) fn without_secrets(text: String, headers: &Headers) -> String {
    /// The text may be cut within a secret: its start tells it.
    const START: usize = 6;
    let secrets = headers.iter().filter(|(name, _)| is_secret(name));
    let mut text = text;
    for (_, value) in secrets {
        let value = String::from_utf8_lossy(value);
        for word in value.split([' ', ';', ',', '"']) {
            let Some(start) = word.get(..START).filter(|start| *start != "******") else { continue };
            while let Some(at) = text.find(start) {
                let rest = text.get(at..).unwrap_or_default();
                let same =
                    rest.bytes().zip(word.bytes()).take_while(|(found, secret)| found == secret).count();
                let same = (0..=same).rev().find(|length| rest.is_char_boundary(*length)).unwrap_or(START);
                text.replace_range(at..at.saturating_add(same), "***");
            }
        }
    }
    text
}

/// Whether a text can be the name of a header: a token of HTTP.
pub(crate) fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// Whether bytes can be the value of a header: nothing in them ends its line.
pub(crate) fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7F))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        pairs.iter().for_each(|(name, value)| headers.append(name, value.to_string()));
        headers
    }

    fn shown(headers: &Headers) -> String {
        let line = |(name, value)| format!("{name}: {}", String::from_utf8_lossy(value));
        headers.iter().map(line).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn names_are_found_in_any_case_and_keep_their_spelling_and_place() {
        let mut headers = headers(&[("HOST", "a"), ("x-y", "1"), ("Accept", "b"), ("X-Y", "2, 3")]);
        assert_eq!(headers.text("host"), Some("a"));
        assert_eq!(headers.all("x-Y").count(), 2);
        assert_eq!(headers.list("X-y").collect::<Vec<_>>(), ["1", "2", "3"]);
        headers.set("X-Y", "9");
        assert_eq!(shown(&headers), "HOST: a; x-y: 9; Accept: b");
        headers.set("New", "n");
        assert!(headers.remove("host") && !headers.remove("Host"));
        assert_eq!(shown(&headers), "x-y: 9; Accept: b; New: n");
    }

    #[test]
    fn defect_16_secrets_are_not_in_what_programs_say() {
        let headers = headers(&[
            ("Authorization", "Basic c2VjcmV0OnBhc3M="),
            ("Cookie", "sid=abcdef; x=1"),
            ("Host", "search"),
        ]);
        let text = "cannot calculate \"Basic c2VjcmV0OnBhc3M=\" + 1 at search: c2VjcmV0On…, sid=abcdef";
        let expected = "cannot calculate \"Basic ***\" + 1 at search: ***…, ***";
        assert_eq!(without_secrets(text.to_owned(), &headers), expected);
    }

    #[test]
    fn defect_16_secrets_are_not_in_debug() {
        let headers = headers(&[("authorization", "Basic QQ=="), ("Cookie", "s=1"), ("Host", "h")]);
        assert_eq!(format!("{headers:?}"), r#"{"authorization": "***", "Cookie": "***", "Host": "h"}"#);
    }
}
