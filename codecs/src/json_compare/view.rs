//! A JSON text to walk through, where whether two texts are equal is for the caller to say.

use super::tape::{Kind, Tape};
use super::{Difference, elements, excerpts, number, text};
use crate::json_scan::NotJson;
use std::borrow::Cow;

/// A text that was taken apart: 8 bytes a token, numbers as they are written.
#[derive(Debug)]
pub struct Json<'a>(Tape<'a>);

/// A value in a text.
#[derive(Debug, Clone, Copy)]
pub struct Value<'j> {
    tape: &'j Tape<'j>,
    token: u32,
}

impl<'a> Json<'a> {
    /// Takes a text apart.
    ///
    /// # Errors
    /// The text is no JSON, or more than one value.
    pub fn parse(text: &'a [u8]) -> Result<Self, NotJson> {
        Tape::new(text).map(Self)
    }

    /// The value that the text is.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value { tape: &self.0, token: 0 }
    }
}

impl<'j> Value<'j> {
    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.tape.kind(self.token) == Kind::Object
    }

    /// Whether it is an array.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.tape.kind(self.token) == Kind::Array
    }

    /// Its text, with all that is in it.
    #[must_use]
    pub fn text(&self) -> &'j [u8] {
        self.tape.slice(self.token)
    }

    /// What it says, if it is a string; U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn string(&self) -> Option<Cow<'j, str>> {
        let is_string = self.tape.kind(self.token) == Kind::String;
        is_string.then(|| said(self.tape.scalar(self.token)))
    }

    /// The double that is nearest to it, if it is a number.
    #[must_use]
    pub fn double(&self) -> Option<f64> {
        let word = Some(self.tape.scalar(self.token)).filter(|_| self.tape.kind(self.token) == Kind::Word)?;
        number::Decimal::parse(word)?;
        std::str::from_utf8(word).ok()?.parse().ok()
    }

    /// The whole number that it is.
    #[must_use]
    pub fn whole(&self) -> Option<u64> {
        let is_word = self.tape.kind(self.token) == Kind::Word;
        is_word.then(|| std::str::from_utf8(self.tape.scalar(self.token)).ok()?.parse().ok())?
    }

    /// The members of an object in the order of their names; of those with the same name, the last.
    #[must_use]
    pub fn members(&self) -> Vec<(Cow<'j, str>, Self)> {
        if !self.is_object() {
            return Vec::new();
        }
        let member = |name| (said(self.tape.scalar(name)), self.at(name.saturating_add(1)));
        self.tape.names(self.token).into_iter().map(member).collect()
    }

    /// The member of an object that has this name; of several, the last.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Self> {
        let end = if self.is_object() { self.tape.after(self.token) } else { 0 };
        let mut found = None;
        let mut at = self.token.saturating_add(1);
        while at < end {
            if text::unescaped(self.tape.scalar(at)).eq(name.bytes()) {
                found = Some(self.at(at.saturating_add(1)));
            }
            at = self.tape.after(at.saturating_add(1));
        }
        found
    }

    /// The elements of an array.
    #[must_use]
    pub fn elements(&self) -> Vec<Self> {
        let tokens = if self.is_array() { elements(self.tape, self.token) } else { Vec::new() };
        tokens.into_iter().map(|token| self.at(token)).collect()
    }

    /// Whether both are scalars that say the same, as [`compare`](super::compare) sees it.
    #[must_use]
    pub fn is_same_scalar(&self, other: Value<'_>) -> bool {
        let (own, others) = (self.tape.scalar(self.token), other.tape.scalar(other.token));
        match (self.tape.kind(self.token), other.tape.kind(other.token)) {
            (Kind::String, Kind::String) => text::compare(own, others).is_eq(),
            (Kind::Word, Kind::Word) => number::equal(own, others),
            _ => false,
        }
    }

    const fn at(&self, token: u32) -> Self {
        Self { tape: self.tape, token }
    }
}

/// The two values of a difference, cut to what is around the first byte that differs; without a pointer.
#[must_use]
pub fn difference(expected: Option<Value<'_>>, found: Option<Value<'_>>) -> Difference {
    excerpts(expected.map(|value| value.text()), found.map(|value| value.text()))
}

/// What a string or a bare name says.
fn said(token: &[u8]) -> Cow<'_, str> {
    let inner = token.strip_prefix(b"\"").map_or(token, |text| text.strip_suffix(b"\"").unwrap_or(text));
    match std::str::from_utf8(inner) {
        Ok(plain) if !inner.contains(&b'\\') => Cow::Borrowed(plain),
        _ => Cow::Owned(super::string(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = br#"{"b":[1,1e400,"x"],"a\u0062":{"n":null},"a":2,"a":-3.5}"#;

    #[test]
    fn a_text_is_walked_with_its_members_by_name_and_the_last_of_a_name() {
        let json = Json::parse(TEXT).unwrap();
        let root = json.root();
        let names: Vec<_> = root.members().into_iter().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["a", "ab", "b"]);
        assert_eq!(root.get("a").unwrap().double(), Some(-3.5));
        assert_eq!(root.get("ab").unwrap().text(), br#"{"n":null}"#);
        assert!(root.get("n").is_none() && root.get("b").unwrap().get("x").is_none());
        let elements = root.get("b").unwrap().elements();
        assert_eq!((elements.len(), elements[0].whole(), elements[1].whole()), (3, Some(1), None));
        assert_eq!(elements[2].string().as_deref(), Some("x"));
        assert!(elements[0].string().is_none() && elements[2].double().is_none());
    }

    #[test]
    fn scalars_are_the_same_when_they_say_the_same() {
        let json = Json::parse(br#"[1.0,"a",true,1,"\u0061",1e400,{}]"#).unwrap();
        let values = json.root().elements();
        assert!(values[0].is_same_scalar(values[3]) && values[1].is_same_scalar(values[4]));
        assert!(!values[2].is_same_scalar(values[3]) && !values[5].is_same_scalar(values[0]));
        assert!(!values[6].is_same_scalar(values[6]));
        let shown = difference(Some(values[1]), None);
        assert_eq!((shown.expected.as_deref(), shown.found), (Some("\"a\""), None));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(Json::parse(b"{} {}").is_err() && Json::parse(b"{\"a\"").is_err());
    }
}
