//! JSON → values of JavaScript.

use super::helpers::Helpers;
use super::limits::Limits;
use crate::transform::json::{JsonError, Token, Tokens, text, tree};
use rquickjs::object::Property;
use rquickjs::{Array, BigInt, Ctx, Object, String as JsString, Value};
use std::collections::HashSet;

/// How deep a document may be nested for a script.
pub(super) const MAX_DEPTH: usize = 200;

/// Why a value cannot be brought to JavaScript.
#[derive(Debug)]
pub(super) enum ReadError {
    Json(JsonError),
    Script(rquickjs::Error),
    Time,
}

impl From<JsonError> for ReadError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<rquickjs::Error> for ReadError {
    fn from(error: rquickjs::Error) -> Self {
        Self::Script(error)
    }
}

/// Reads one value. Objects are records (see `prelude.js`); integers that a number cannot hold are `BigInt`.
pub(super) fn from_json<'js>(
    ctx: &Ctx<'js>,
    helpers: &Helpers<'js>,
    source: &[u8],
    limits: &Limits,
) -> Result<Value<'js>, ReadError> {
    let mut reader =
        Reader { ctx, helpers, record: helpers.record()?, tokens: Tokens::new(source), limits, values: 0 };
    let value = reader.value(0)?;
    let end = reader.tokens.offset();
    match reader.tokens.next()? {
        Token::End => Ok(value),
        found => Err(reader.tokens.unexpected(end, "the end of the text", found).into()),
    }
}

struct Reader<'a, 'js> {
    ctx: &'a Ctx<'js>,
    helpers: &'a Helpers<'js>,
    record: Object<'js>,
    tokens: Tokens<'a>,
    limits: &'a Limits,
    values: u32,
}

impl<'a, 'js> Reader<'a, 'js> {
    fn value(&mut self, depth: usize) -> Result<Value<'js>, ReadError> {
        self.tokens.skip_space()?;
        let start = self.tokens.offset();
        if depth > MAX_DEPTH {
            let problem = format!("nested deeper than {MAX_DEPTH}: too deep for a script");
            return Err(self.tokens.error(start, problem).into());
        }
        self.values = self.values.wrapping_add(1);
        if self.values.is_multiple_of(256) && self.limits.is_over() {
            return Err(ReadError::Time);
        }
        let ctx = self.ctx.clone();
        Ok(match self.tokens.next()? {
            Token::BeginArray => self.array(depth)?.into_value(),
            Token::BeginObject => self.object(depth)?.into_value(),
            Token::String(token) => JsString::from_str(ctx, &self.text(start, token)?)?.into_value(),
            Token::Number(token) => self.number(start, token)?,
            Token::Word(b"true") => Value::new_bool(ctx, true),
            Token::Word(b"false") => Value::new_bool(ctx, false),
            Token::Word(b"null") => Value::new_null(ctx),
            Token::Word(word) => self.number(start, word)?,
            found => return Err(self.tokens.unexpected(start, "a value", found).into()),
        })
    }

    fn text(&self, start: usize, token: &'a [u8]) -> Result<std::borrow::Cow<'a, str>, ReadError> {
        text::decode(token).map_err(|problem| self.tokens.error(start, problem).into())
    }

    fn number(&self, start: usize, token: &[u8]) -> Result<Value<'js>, ReadError> {
        const SAFE: i64 = (1 << 53) - 1;
        let ctx = self.ctx.clone();
        let text = std::str::from_utf8(token).unwrap_or_default();
        let is_integer = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
        if !is_integer || text == "-0" {
            let number = text.parse().map_err(|_| self.tokens.error(start, "not a number"))?;
            return Ok(Value::new_float(ctx, number)); // `new_number` would make 0 of -0
        }
        Ok(match text.parse::<i64>() {
            #[expect(clippy::cast_precision_loss, reason = "numbers of this size are exact")]
            Ok(number) if (-SAFE..=SAFE).contains(&number) => Value::new_number(ctx, number as f64),
            Ok(number) => BigInt::from_i64(ctx, number)?.into_value(),
            Err(_) => self.helpers.integer(text)?,
        })
    }

    fn array(&mut self, depth: usize) -> Result<Array<'js>, ReadError> {
        let array = Array::new(self.ctx.clone())?;
        if self.passes(Token::EndArray)? {
            return Ok(array);
        }
        for position in 0.. {
            array.set(position, self.value(depth + 1)?)?;
            if self.ends(Token::EndArray, "`,` or `]`")? {
                break;
            }
        }
        Ok(array)
    }

    fn object(&mut self, depth: usize) -> Result<Object<'js>, ReadError> {
        let object = Object::new_proto(self.ctx.clone(), Some(&self.record))?;
        if self.passes(Token::EndObject)? {
            return Ok(object);
        }
        let mut names = HashSet::new();
        loop {
            self.tokens.skip_space()?;
            let start = self.tokens.offset();
            let token = tree::name_and_colon(&mut self.tokens)?;
            let name = self.text(start, token)?;
            let value = self.value(depth + 1)?;
            object.prop(&*name, Property::from(value).writable().enumerable().configurable())?;
            if !names.insert(name) {
                let name = String::from_utf8_lossy(token);
                let problem = format!("the name {name} is there twice: one value would be lost");
                return Err(self.tokens.error(start, problem).into());
            }
            if self.ends(Token::EndObject, "`,` or `}`")? {
                return Ok(object);
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
