//! Where the tokens of a JSON text are: 8 bytes a token, whatever the depth.

use super::text;
use crate::json_scan::{DEPTH_LIMIT, NotJson, Scanned, Scanner};

/// The tokens of one text. A token is known by its number.
#[derive(Debug)]
pub(super) struct Tape<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
}

/// A name or a value.
#[derive(Debug, Clone, Copy)]
struct Token {
    /// Its first byte.
    at: u32,
    /// The number of the token after it and all that is in it.
    next: u32,
}

/// What a token is, as far as its first byte says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    /// A number, `true`, `false`, `null`, or another word.
    Word,
}

impl<'a> Tape<'a> {
    pub(super) fn new(text: &'a [u8]) -> Scanned<Self> {
        if u32::try_from(text.len()).is_err() {
            return Err(NotJson { offset: 0, what: "the text has more than 4 GiB" });
        }
        let mut tape = Self { text, tokens: Vec::new() };
        let mut scanner = Scanner::new(text);
        tape.read(&mut scanner)?;
        scanner.skip_space()?;
        if scanner.peek().is_some() {
            return scanner.fail("more text after the value");
        }
        Ok(tape)
    }

    fn read(&mut self, scanner: &mut Scanner<'_>) -> Scanned<()> {
        let mut open: Vec<u32> = Vec::new();
        loop {
            scanner.skip_space()?;
            let number = self.push(scanner.at);
            if let Some(b'{' | b'[') = scanner.peek() {
                if open.len() >= DEPTH_LIMIT {
                    return scanner.fail("more than 1000 objects and arrays in each other");
                }
                scanner.at += 1;
                open.push(number);
                if self.starts_value(scanner, number)? {
                    continue;
                }
            } else {
                scanner.skip_scalar()?;
            }
            if !self.end_value(scanner, &mut open)? {
                return Ok(());
            }
        }
    }

    /// After an opening bracket: whether a value follows, rather than the end.
    fn starts_value(&mut self, scanner: &mut Scanner<'_>, container: u32) -> Scanned<bool> {
        scanner.skip_space()?;
        match (self.kind(container), scanner.peek()) {
            (Kind::Object, Some(b'}')) | (_, Some(b']')) => Ok(false),
            (Kind::Object, _) => self.name(scanner).map(|()| true),
            _ => Ok(true),
        }
    }

    /// After a value: closes what ends here; whether another value follows.
    fn end_value(&mut self, scanner: &mut Scanner<'_>, open: &mut Vec<u32>) -> Scanned<bool> {
        while let Some(container) = open.last().copied() {
            scanner.skip_space()?;
            let is_object = self.kind(container) == Kind::Object;
            match scanner.peek() {
                Some(b',') => {
                    scanner.at += 1;
                    if is_object {
                        self.name(scanner)?;
                    }
                    return Ok(true);
                }
                Some(b'}') if is_object => {}
                Some(b']') if !is_object => {}
                None => return scanner.fail("the text ends early"),
                _ => return scanner.fail("neither a comma nor the end of the object or array"),
            }
            scanner.at += 1;
            open.pop();
            let next = self.len();
            if let Some(token) = self.tokens.get_mut(container as usize) {
                token.next = next;
            }
        }
        Ok(false)
    }

    fn name(&mut self, scanner: &mut Scanner<'_>) -> Scanned<()> {
        scanner.skip_space()?;
        self.push(scanner.at);
        scanner.skip_scalar()?;
        scanner.skip_space()?;
        if scanner.peek() != Some(b':') {
            return scanner.fail("a name without a colon");
        }
        scanner.at += 1;
        Ok(())
    }

    fn len(&self) -> u32 {
        u32::try_from(self.tokens.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, at: usize) -> u32 {
        let number = self.len();
        // The text is shorter than 4 GiB, and has more bytes than tokens.
        self.tokens.push(Token { at: u32::try_from(at).unwrap_or(u32::MAX), next: number.saturating_add(1) });
        number
    }

    fn rest(&self, token: u32) -> &'a [u8] {
        let at = self.tokens.get(token as usize).map_or(usize::MAX, |token| token.at as usize);
        self.text.get(at..).unwrap_or_default()
    }

    pub(super) fn kind(&self, token: u32) -> Kind {
        match self.rest(token).first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            _ => Kind::Word,
        }
    }

    /// The number of the token after this one and all that is in it.
    pub(super) fn after(&self, token: u32) -> u32 {
        self.tokens.get(token as usize).map_or(u32::MAX, |token| token.next)
    }

    /// The bytes of a token, all that is in it among them.
    pub(super) fn slice(&self, token: u32) -> &'a [u8] {
        let rest = self.rest(token);
        let mut scanner = Scanner::new(rest);
        // It was scanned before, so this cannot fail.
        let _ = scanner.skip_value();
        rest.get(..scanner.at).unwrap_or_default()
    }

    /// The bytes of a name or a scalar.
    pub(super) fn scalar(&self, token: u32) -> &'a [u8] {
        let rest = self.rest(token);
        let mut scanner = Scanner::new(rest);
        let _ = scanner.skip_scalar();
        rest.get(..scanner.at).unwrap_or_default()
    }

    /// The names of an object in order of what they say; of those that say the same, the last.
    pub(super) fn names(&self, object: u32) -> Vec<u32> {
        let end = self.after(object);
        let mut names = Vec::new();
        let mut name = object.saturating_add(1);
        while name < end {
            names.push(name);
            name = self.after(name.saturating_add(1));
        }
        let order = |a: &u32, b: &u32| text::compare(self.scalar(*a), self.scalar(*b));
        // The last of equal names first, for `dedup_by` to keep it.
        names.sort_unstable_by(|a, b| order(a, b).then(b.cmp(a)));
        names.dedup_by(|a, b| order(a, b).is_eq());
        names
    }
}
