//! Values of JavaScript → JSON.

use super::helpers::{Helpers, Kind};
use super::limits::Limits;
use super::read::MAX_DEPTH;
use crate::transform::json::{Member, Node, text};
use rquickjs::object::Filter;
use rquickjs::{Array, Object, Value};

/// Why a value cannot be written as JSON.
#[derive(Debug)]
pub(super) enum WriteError {
    /// In words, for the person who wrote the script.
    Value(String),
    Script(rquickjs::Error),
    Time,
}

impl From<rquickjs::Error> for WriteError {
    fn from(error: rquickjs::Error) -> Self {
        Self::Script(error)
    }
}

/// Writes documents. A number or text that is where it was in the original keeps the text that it has there.
pub(super) struct Writer<'a, 'js> {
    helpers: &'a Helpers<'js>,
    limits: &'a Limits,
    /// What is written, for errors.
    what: &'static str,
    values: u32,
    out: Vec<u8>,
}

impl<'a, 'js> Writer<'a, 'js> {
    pub(super) const fn new(helpers: &'a Helpers<'js>, limits: &'a Limits, what: &'static str) -> Self {
        Self { helpers, limits, what, values: 0, out: Vec::new() }
    }

    /// An object as JSON.
    pub(super) fn object_of(
        mut self,
        value: &Value<'js>,
        original: Option<Node<'_>>,
    ) -> Result<Vec<u8>, WriteError> {
        let is_object = value.as_object().is_some() && !value.is_array() && !value.is_function();
        if !is_object {
            return Err(WriteError::Value(format!("`{}` is {}, not an object", self.what, describe(value))));
        }
        let mut original = original;
        self.value(value, original.as_mut(), 0)?;
        Ok(self.out)
    }

    fn value(
        &mut self,
        value: &Value<'js>,
        original: Option<&mut Node<'_>>,
        depth: usize,
    ) -> Result<(), WriteError> {
        self.check(depth)?;
        if let Some(array) = value.as_array() {
            return self.array(array, original, depth);
        }
        if let Some(string) = value.as_string() {
            self.string(&string.to_string()?, original);
        } else if let Some(flag) = value.as_bool() {
            self.out.extend_from_slice(if flag { b"true" } else { b"false" });
        } else if let Some(number) = value.as_number() {
            self.number(number, original)?;
        } else if value.is_null() {
            self.out.extend_from_slice(b"null");
        } else if value.is_big_int() {
            self.out.extend_from_slice(self.helpers.digits(value)?.as_bytes());
        } else if let Some(object) = value.as_object().filter(|_| !value.is_function()) {
            return self.object(object, original, depth);
        } else {
            return Err(WriteError::Value(format!("the {} has {}", self.what, describe(value))));
        }
        Ok(())
    }

    /// Looks at the limits: a value that refers to itself has no end.
    fn check(&mut self, depth: usize) -> Result<(), WriteError> {
        self.values = self.values.wrapping_add(1);
        if depth > MAX_DEPTH {
            let what = self.what;
            return Err(WriteError::Value(format!(
                "the {what} is nested deeper than {MAX_DEPTH}, or in itself"
            )));
        }
        if self.out.len() > self.limits.memory {
            let (what, most) = (self.what, self.limits.memory);
            return Err(WriteError::Value(format!("the {what} is larger than {most} bytes")));
        }
        if self.values.is_multiple_of(256) && self.limits.is_over() {
            return Err(WriteError::Time);
        }
        Ok(())
    }

    fn string(&mut self, string: &str, original: Option<&mut Node<'_>>) {
        match scalar(original) {
            Some(token) if token.first() == Some(&b'"') && text::means(token, string) => {
                self.out.extend_from_slice(token);
            }
            _ => text::encode(string, &mut self.out),
        }
    }

    fn number(&mut self, number: f64, original: Option<&mut Node<'_>>) -> Result<(), WriteError> {
        let written = scalar(original).and_then(|token| std::str::from_utf8(token).ok());
        let is_same = |token: &&str| {
            let is_number = token.starts_with(|first: char| first == '-' || first.is_ascii_digit());
            let is_word = matches!(*token, "NaN" | "Infinity");
            let same = |was: f64| was.to_bits() == number.to_bits() || (was.is_nan() && number.is_nan());
            (is_number || is_word) && token.parse().is_ok_and(same)
        };
        if let Some(token) = written.filter(is_same) {
            self.out.extend_from_slice(token.as_bytes());
        } else if !number.is_finite() {
            let what = self.what;
            return Err(WriteError::Value(format!(
                "the {what} has the number {number}, which JSON cannot write"
            )));
        } else if number.fract() == 0.0
            && number.abs() < 1e21
            && !(number == 0.0 && number.is_sign_negative())
        {
            self.out.extend_from_slice(format!("{number:.0}").as_bytes());
        } else {
            let shortest =
                serde_json::to_vec(&number).map_err(|error| WriteError::Value(error.to_string()))?;
            self.out.extend_from_slice(&shortest);
        }
        Ok(())
    }

    fn array(
        &mut self,
        array: &Array<'js>,
        original: Option<&mut Node<'_>>,
        depth: usize,
    ) -> Result<(), WriteError> {
        let mut elements = original.and_then(Node::open_array);
        self.out.push(b'[');
        for position in 0..array.len() {
            if position > 0 {
                self.out.push(b',');
            }
            let element: Value<'js> = array.get(position)?;
            let was = elements.as_mut().and_then(|elements| elements.get_mut(position));
            self.value(&element, was, depth + 1)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(
        &mut self,
        object: &Object<'js>,
        original: Option<&mut Node<'_>>,
        depth: usize,
    ) -> Result<(), WriteError> {
        if let Kind::Text = self.helpers.kind(object)? {
            let date = self.helpers.text(object)?;
            text::encode(&date, &mut self.out);
            return Ok(());
        }
        let (names, values) = properties(self.helpers, object)?;
        self.members(&names, &values, original, depth)
    }

    /// Some members as an object.
    pub(super) fn object_with(
        mut self,
        names: &[String],
        values: &[Value<'js>],
    ) -> Result<Vec<u8>, WriteError> {
        self.members(names, values, None, 0)?;
        Ok(self.out)
    }

    fn members(
        &mut self,
        names: &[String],
        values: &[Value<'js>],
        original: Option<&mut Node<'_>>,
        depth: usize,
    ) -> Result<(), WriteError> {
        let mut members = original.and_then(Node::open_object);
        let mut expected = 0;
        let mut is_first = true;
        self.out.push(b'{');
        for (name, value) in names.iter().zip(values) {
            if value.is_undefined() {
                continue; // as `JSON.stringify` does: it is how scripts remove a field
            }
            if !is_first {
                self.out.push(b',');
            }
            is_first = false;
            text::encode(name, &mut self.out);
            self.out.push(b':');
            let was = members.as_mut().and_then(|members| find(members, name, &mut expected));
            self.value(value, was, depth + 1)?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// Names and values of what is written as an object. Getters run.
pub(super) fn properties<'js>(
    helpers: &Helpers<'js>,
    object: &Object<'js>,
) -> Result<(Vec<String>, Vec<Value<'js>>), WriteError> {
    match helpers.kind(object)? {
        Kind::Entries => Ok(helpers.entries(object)?),
        Kind::Object => {
            let names: Vec<String> = names(object)?;
            let values = names.iter().map(|name| object.get(name.as_str()));
            let values = values.collect::<rquickjs::Result<_>>()?;
            Ok((names, values))
        }
        Kind::Text => Err(WriteError::Value("there is a date where an object should be".to_owned())),
        Kind::Foreign(class) => {
            Err(WriteError::Value(format!("there is a {class}, which JSON has no form for")))
        }
    }
}

/// Names of the own enumerable properties.
pub(super) fn names(object: &Object<'_>) -> rquickjs::Result<Vec<String>> {
    object.own_keys(Filter::new().string().enum_only()).collect()
}

/// The member of the original; most often the one after the last that was found.
fn find<'n, 'a>(members: &'n mut [Member<'a>], name: &str, expected: &mut usize) -> Option<&'n mut Node<'a>> {
    let position = match members.get(*expected) {
        Some(member) if member.is(name) => *expected,
        _ => members.iter().position(|member| member.is(name))?,
    };
    *expected = position + 1;
    members.get_mut(position).map(|member| &mut member.value)
}

/// The text of a value of the original that is neither an object nor an array.
fn scalar<'n>(original: Option<&'n mut Node<'_>>) -> Option<&'n [u8]> {
    match original {
        Some(Node::Text(text)) => Some(&**text),
        _ => None,
    }
}

/// A value in words.
pub(super) fn describe(value: &Value<'_>) -> String {
    match value.type_name() {
        "undefined" => "the value `undefined`".to_owned(),
        "null" => "the value `null`".to_owned(),
        name => format!("a value of the type {name}"),
    }
}
