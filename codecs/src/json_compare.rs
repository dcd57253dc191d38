//! Whether two JSON texts say the same, and where they differ first.
//!
//! | of               | equal when                                                                                |
//! |------------------|-------------------------------------------------------------------------------------------|
//! | objects          | they have the same names with equal values, in any order                                  |
//! | a name twice     | the last one counts, as for the servers when they read a `_source` into a map             |
//! | arrays           | they have equal elements in the same order                                                |
//! | numbers          | they are the same decimal number: `1` = `1.0` = `1e0`, `1e400` ≠ `1e401`, `-0` = `0`; one |
//! |                  | whose exponent has more than 18 digits is equal to its own text only                      |
//! | strings          | they say the same without escapes; a surrogate that stands alone is equal to itself only  |
//! | other words      | they are the same text: `true`, `false`, `null`                                           |
//!
//! `-0` = `0` because both are the same decimal number; a server keeps the text of `_source`, so that the bytes differ
//! only when something on the way wrote the document anew. What is accepted beside JSON: [`json_scan`](crate::json_scan).
//!
//! Texts of equal bytes are equal without being read. Otherwise it takes 8 bytes a token and 12 bytes a member of
//! the objects that are open; time is linear, but for the sorting of names. Nothing recurses.

use crate::json_scan::NotJson;
use std::cmp::Ordering;
use tape::{Kind, Tape};

mod number;
mod tape;
mod text;
pub mod view;

/// What comparing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// They say the same.
    Equal,
    /// They differ.
    Different(Difference),
    /// One of them is no JSON, and they are not the same bytes.
    NotJson {
        /// Whether it is the expected one.
        is_expected: bool,
        /// Why.
        reason: NotJson,
    },
}

/// The first difference, in the order of the expected text; names that only the found text has come last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// [JSON pointer](https://www.rfc-editor.org/rfc/rfc6901) of the value.
    pub pointer: String,
    /// The start of the expected value, or what is around the first byte that differs; none when there is no value.
    pub expected: Option<String>,
    /// The same of the found value.
    pub found: Option<String>,
}

/// Compares two JSON texts.
#[must_use]
pub fn compare(expected: &[u8], found: &[u8]) -> Comparison {
    if expected == found {
        return Comparison::Equal;
    }
    let tapes = (Tape::new(expected), Tape::new(found));
    let (expected, found) = match tapes {
        (Ok(expected), Ok(found)) => (expected, found),
        (Err(reason), _) => return Comparison::NotJson { is_expected: true, reason },
        (_, Err(reason)) => return Comparison::NotJson { is_expected: false, reason },
    };
    let mut walk = Walk { expected: &expected, found: &found, open: Vec::new() };
    match walk.run() {
        None => Comparison::Equal,
        Some((expected_token, found_token)) => Comparison::Different(Difference {
            pointer: walk.pointer(found_token.filter(|_| expected_token.is_none())),
            ..excerpts(
                expected_token.map(|token| expected.slice(token)),
                found_token.map(|token| found.slice(token)),
            )
        }),
    }
}

/// The text in one form for all texts that are [equal](compare) to it: names sorted, no white space, fewest escapes.
///
/// # Errors
/// The text is no JSON.
pub fn canonical(text: &[u8]) -> Result<Vec<u8>, NotJson> {
    let tape = Tape::new(text)?;
    let mut output = Vec::with_capacity(text.len());
    let mut open: Vec<(Kind, std::vec::IntoIter<u32>)> = Vec::new();
    let mut value = 0;
    loop {
        match tape.kind(value) {
            kind @ Kind::Object => {
                output.push(b'{');
                open.push((kind, tape.names(value).into_iter()));
            }
            kind @ Kind::Array => {
                output.push(b'[');
                open.push((kind, elements(&tape, value).into_iter()));
            }
            Kind::String => text::write_string(tape.scalar(value), &mut output),
            Kind::Word => match number::Decimal::parse(tape.scalar(value)) {
                Some(number) => number.write(&mut output),
                None => output.extend_from_slice(tape.scalar(value)),
            },
        }
        value = loop {
            let Some((kind, rest)) = open.last_mut() else { return Ok(output) };
            let is_object = *kind == Kind::Object;
            let Some(next) = rest.next() else {
                output.push(if is_object { b'}' } else { b']' });
                open.pop();
                continue;
            };
            if !matches!(output.last(), Some(b'{' | b'[')) {
                output.push(b',');
            }
            if is_object {
                text::write_string(tape.scalar(next), &mut output);
                output.push(b':');
                break next.saturating_add(1);
            }
            break next;
        };
    }
}

/// What the string `token`, which has its quotes, says; U+FFFD for what is not UTF-8.
#[must_use]
pub fn string(token: &[u8]) -> String {
    let bytes: Vec<u8> = text::unescaped(token).collect();
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn elements(tape: &Tape<'_>, array: u32) -> Vec<u32> {
    let first = array.saturating_add(1);
    let elements = std::iter::successors(Some(first), |element| Some(tape.after(*element)));
    elements.take_while(|element| *element < tape.after(array)).collect()
}

/// The way through both texts.
struct Walk<'a> {
    expected: &'a Tape<'a>,
    found: &'a Tape<'a>,
    open: Vec<Open>,
}

/// An object or array of both texts, and how far it is compared.
enum Open {
    Object {
        /// Names of the expected object in their order, and those of the found one that say the same.
        pairs: Vec<(u32, Option<u32>)>,
        next: usize,
        /// The first name that only the found object has.
        extra: Option<u32>,
    },
    Array {
        expected: u32,
        expected_end: u32,
        found: u32,
        found_end: u32,
        next: usize,
    },
}

/// A value of each text; none where one has none.
type Pair = (Option<u32>, Option<u32>);

impl Walk<'_> {
    /// Goes on until two values differ.
    fn run(&mut self) -> Option<Pair> {
        let mut pair = (0, 0);
        loop {
            if !self.enter(pair.0, pair.1) {
                return Some((Some(pair.0), Some(pair.1)));
            }
            pair = match self.advance() {
                (Some(expected), Some(found)) => (expected, found),
                (None, None) => return None,
                different => return Some(different),
            };
        }
    }

    /// Compares two scalars, or opens two objects or arrays; false if they differ.
    fn enter(&mut self, expected: u32, found: u32) -> bool {
        let kind = self.expected.kind(expected);
        if kind != self.found.kind(found) {
            return false;
        }
        match kind {
            Kind::Object => {
                let object = self.open_object(expected, found);
                self.open.push(object);
                true
            }
            Kind::Array => {
                self.open.push(Open::Array {
                    expected: expected.saturating_add(1),
                    expected_end: self.expected.after(expected),
                    found: found.saturating_add(1),
                    found_end: self.found.after(found),
                    next: 0,
                });
                true
            }
            Kind::String => text::compare(self.expected.scalar(expected), self.found.scalar(found)).is_eq(),
            Kind::Word => number::equal(self.expected.scalar(expected), self.found.scalar(found)),
        }
    }

    /// The next two values; both none at the end.
    fn advance(&mut self) -> Pair {
        while let Some(open) = self.open.last_mut() {
            match open {
                Open::Object { pairs, next, extra } => {
                    if let Some((expected, found)) = pairs.get(*next) {
                        *next += 1;
                        return (Some(expected.saturating_add(1)), found.map(|name| name.saturating_add(1)));
                    }
                    if let Some(name) = extra {
                        return (None, Some(name.saturating_add(1)));
                    }
                }
                Open::Array { expected, expected_end, found, found_end, next } => {
                    let pair = (
                        (*expected < *expected_end).then_some(*expected),
                        (*found < *found_end).then_some(*found),
                    );
                    if pair != (None, None) {
                        *next += 1;
                        *expected = self.expected.after(*expected);
                        *found = self.found.after(*found);
                        return pair;
                    }
                }
            }
            self.open.pop();
        }
        (None, None)
    }

    fn open_object(&self, expected: u32, found: u32) -> Open {
        let (names, others) = (self.expected.names(expected), self.found.names(found));
        let mut others = others.into_iter().peekable();
        let mut extra: Option<u32> = None;
        let mut keep = |name: u32| extra = Some(extra.map_or(name, |first| first.min(name)));
        let mut pairs = Vec::with_capacity(names.len());
        for name in names {
            let mut same = None;
            while let Some(other) = others.peek().copied() {
                match text::compare(self.found.scalar(other), self.expected.scalar(name)) {
                    Ordering::Less => keep(other),
                    Ordering::Equal => same = Some(other),
                    Ordering::Greater => break,
                }
                others.next();
            }
            pairs.push((name, same));
        }
        others.for_each(keep);
        pairs.sort_unstable();
        Open::Object { pairs, next: 0, extra }
    }

    /// Where the walk is; `extra` is a value that only the found object has.
    fn pointer(&self, extra: Option<u32>) -> String {
        let mut pointer = String::new();
        for (depth, open) in self.open.iter().enumerate() {
            let is_last = depth.saturating_add(1) == self.open.len();
            match open {
                Open::Object { pairs, next, extra: only_found } => {
                    let at_extra =
                        is_last && extra.is_some() && extra == only_found.map(|name| name.saturating_add(1));
                    if let (true, Some(name)) = (at_extra, only_found) {
                        text::write_step(self.found.scalar(*name), &mut pointer);
                    } else if let Some((name, _)) = pairs.get(next.saturating_sub(1)) {
                        text::write_step(self.expected.scalar(*name), &mut pointer);
                    }
                }
                Open::Array { next, .. } => pointer.push_str(&format!("/{}", next.saturating_sub(1))),
            }
        }
        pointer
    }
}

/// Longest excerpt, in bytes, and how much of it stands before the first byte that differs.
const EXCERPT: usize = 160;
const EXCERPT_BEFORE: usize = 40;

fn excerpts(expected: Option<&[u8]>, found: Option<&[u8]>) -> Difference {
    let same = match (expected, found) {
        (Some(expected), Some(found)) => expected.iter().zip(found).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    let excerpt = |text: &[u8]| excerpt(text, same);
    Difference { pointer: String::new(), expected: expected.map(excerpt), found: found.map(excerpt) }
}

/// What is around byte `place` of a text, with `…` where it is cut; control characters are shown as U+FFFD.
fn excerpt(text: &[u8], place: usize) -> String {
    let mut start =
        if text.len() <= EXCERPT { 0 } else { place.saturating_sub(EXCERPT_BEFORE).min(text.len()) };
    let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    while start > 0 && is_inside(start) {
        start = start.saturating_sub(1);
    }
    let mut end = start.saturating_add(EXCERPT).min(text.len());
    while end > start && is_inside(end) {
        end = end.saturating_sub(1);
    }
    let shown = String::from_utf8_lossy(text.get(start..end).unwrap_or_default());
    let mut output = String::from(if start > 0 { "…" } else { "" });
    output.extend(shown.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }));
    output.push_str(if end < text.len() { "…" } else { "" });
    output
}

#[cfg(test)]
mod tests;
