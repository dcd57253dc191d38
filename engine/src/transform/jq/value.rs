//! Values of jq, from JSON and to JSON: a number that is not calculated with keeps its text.

use super::limits::Guard;
use crate::transform::json::{JsonError, Token, Tokens, text};
use jaq_core::data::HasLut;
use jaq_core::{DataT, Lut};
use jaq_json::{Num, Val};
use std::rc::Rc;

/// How deep a document may be nested for a program.
pub(crate) const MAX_DEPTH: usize = 200;

/// The kind of data that our programs run on: values of jaq, and the guard of the run.
#[derive(Debug)]
pub(crate) struct Guarded;

/// What the filters of one run share.
#[derive(Clone)]
pub(crate) struct Run<'a> {
    pub(crate) lut: &'a Lut<Guarded>,
    pub(crate) guard: &'a Guard,
}

impl DataT for Guarded {
    type V<'a> = Val;
    type Data<'a> = Run<'a>;
}

impl<'a> HasLut<'a, Guarded> for Run<'a> {
    fn lut(&self) -> &'a Lut<Guarded> {
        self.lut
    }
}

/// What becomes of a name that an object has twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// The last value counts: enough to look at a document.
    KeepLast,
    /// An error: written again, the document would have lost a value.
    Refuse,
}

/// Reads one value.
pub(crate) fn from_json(source: &[u8], duplicates: Duplicates) -> Result<Val, JsonError> {
    let mut reader = Reader { tokens: Tokens::new(source), duplicates };
    let value = reader.value(0)?;
    let end = reader.tokens.offset();
    match reader.tokens.next()? {
        Token::End => Ok(value),
        found => Err(reader.tokens.unexpected(end, "the end of the text", found)),
    }
}

struct Reader<'a> {
    tokens: Tokens<'a>,
    duplicates: Duplicates,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Val, JsonError> {
        self.tokens.skip_space()?;
        let start = self.tokens.offset();
        if depth > MAX_DEPTH {
            return Err(self.tokens.error(start, format!("nested deeper than {MAX_DEPTH}: too deep for jq")));
        }
        match self.tokens.next()? {
            Token::BeginArray => self.array(depth),
            Token::BeginObject => self.object(depth),
            Token::String(token) => self.string(start, token).map(Val::utf8_str),
            Token::Number(number) => Ok(Val::Num(self::number(number))),
            Token::Word(b"true") => Ok(Val::Bool(true)),
            Token::Word(b"false") => Ok(Val::Bool(false)),
            Token::Word(b"null") => Ok(Val::Null),
            Token::Word(word) => Ok(Val::Num(as_written(word))),
            found => Err(self.tokens.unexpected(start, "a value", found)),
        }
    }

    fn string(&self, start: usize, token: &'a [u8]) -> Result<String, JsonError> {
        match text::decode(token) {
            Ok(text) => Ok(text.into_owned()),
            Err(problem) => Err(self.tokens.error(start, problem)),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Val, JsonError> {
        let mut elements = Vec::new();
        if self.passes(Token::EndArray)? {
            return Ok(Val::Arr(Rc::new(elements)));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.ends(Token::EndArray, "`,` or `]`")? {
                return Ok(Val::Arr(Rc::new(elements)));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Val, JsonError> {
        let mut members = jaq_json::Map::default();
        if self.passes(Token::EndObject)? {
            return Ok(Val::obj(members));
        }
        loop {
            self.tokens.skip_space()?;
            let start = self.tokens.offset();
            let token = crate::transform::json::tree::name_and_colon(&mut self.tokens)?;
            let name = Val::utf8_str(self.string(start, token)?);
            let value = self.value(depth + 1)?;
            if members.insert(name, value).is_some() && self.duplicates == Duplicates::Refuse {
                let name = String::from_utf8_lossy(token);
                return Err(self
                    .tokens
                    .error(start, format!("the name {name} is there twice: one value would be lost")));
            }
            if self.ends(Token::EndObject, "`,` or `}`")? {
                return Ok(Val::obj(members));
            }
        }
    }

    /// Passes over this token if it is the next one.
    fn passes(&mut self, token: Token<'_>) -> Result<bool, JsonError> {
        let mut ahead = self.tokens.clone();
        let is_next = ahead.next()? == token;
        if is_next {
            self.tokens = ahead;
        }
        Ok(is_next)
    }

    /// Passes over a comma (false) or the end (true).
    fn ends(&mut self, end: Token<'_>, expected: &str) -> Result<bool, JsonError> {
        self.tokens.skip_space()?;
        let start = self.tokens.offset();
        match self.tokens.next()? {
            Token::Comma => Ok(false),
            found if found == end => Ok(true),
            found => Err(self.tokens.unexpected(start, expected, found)),
        }
    }
}

fn number(text: &[u8]) -> Num {
    let integer = std::str::from_utf8(text).ok().filter(|text| *text != "-0");
    integer.and_then(|text| Num::from_str_radix(text, 10)).unwrap_or_else(|| as_written(text))
}

fn as_written(text: &[u8]) -> Num {
    Num::Dec(Rc::new(String::from_utf8_lossy(text).into_owned()))
}

/// Appends the value as JSON.
pub(crate) fn write_json(value: &Val, depth: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("the result is nested deeper than {MAX_DEPTH}"));
    }
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Val::Num(Num::Float(number)) if !number.is_finite() => {
            return Err(format!("the result has the number {number}, which JSON cannot write"));
        }
        Val::Num(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Val::TStr(bytes) => write_string(bytes, out)?,
        Val::BStr(_) => return Err("the result has a string of bytes, which JSON cannot write".to_owned()),
        Val::Arr(elements) => {
            out.push(b'[');
            for (position, element) in elements.iter().enumerate() {
                separate(position, out);
                write_json(element, depth + 1, out)?;
            }
            out.push(b']');
        }
        Val::Obj(members) => {
            out.push(b'{');
            for (position, (name, value)) in members.iter().enumerate() {
                separate(position, out);
                let Val::TStr(name) = name else {
                    return Err(format!("the result has the name {name}, which is not a string"));
                };
                write_string(name, out)?;
                out.push(b':');
                write_json(value, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn separate(position: usize, out: &mut Vec<u8>) {
    if position > 0 {
        out.push(b',');
    }
}

fn write_string(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the result has a string that is not UTF-8")?;
    text::encode(text, out);
    Ok(())
}
