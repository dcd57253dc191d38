//! JSON text, scanned and not parsed: where its tokens are.
//!
//! As lenient as the servers were over the years, because they give a stored `_source` back as it was sent:
//!
//! | beside JSON                      | accepted by                         |
//! |----------------------------------|-------------------------------------|
//! | `// …` and `/* … */` as space    | all Elasticsearch and OpenSearch    |
//! | names without quotes             | Elasticsearch 1 to 5                |
//! | control characters in strings    | nobody now; read as they are        |
//! | other words (`NaN`)              | nobody now; read as they are        |
//!
//! Nothing here allocates, and nothing recurses.

/// How deep objects and arrays may stand in each other, as in the servers since Jackson 2.15.
pub const DEPTH_LIMIT: usize = 1000;

/// Why a text cannot be read as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {offset}: {what}")]
pub struct NotJson {
    /// Where, counted from the start of the text.
    pub offset: usize,
    /// Expected and found.
    pub what: &'static str,
}

pub(crate) type Scanned<T> = Result<T, NotJson>;

/// A place in a text.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(crate) fn fail<T>(&self, what: &'static str) -> Scanned<T> {
        Err(NotJson { offset: self.at, what })
    }

    /// Passes over white space and comments.
    pub(crate) fn skip_space(&mut self) -> Scanned<()> {
        loop {
            match self.text.get(self.at..).unwrap_or_default() {
                [b' ' | b'\n' | b'\r' | b'\t', ..] => self.at += 1,
                [b'/', b'/', rest @ ..] => {
                    let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    self.at = self.at.saturating_add(length).saturating_add(2);
                }
                [b'/', b'*', rest @ ..] => match memchr::memmem::find(rest, b"*/") {
                    Some(length) => self.at = self.at.saturating_add(length).saturating_add(4),
                    None => return self.fail("a comment without an end"),
                },
                _ => return Ok(()),
            }
        }
    }

    /// Passes over a string or a bare word; the place is at its first byte.
    pub(crate) fn skip_scalar(&mut self) -> Scanned<()> {
        if self.peek() == Some(b'"') {
            return self.skip_string();
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| is_delimiter(*byte)).unwrap_or(rest.len());
        if length == 0 {
            return self.fail(if rest.is_empty() { "the text ends early" } else { "no value" });
        }
        self.at = self.at.saturating_add(length);
        Ok(())
    }

    fn skip_string(&mut self) -> Scanned<()> {
        let mut at = self.at.saturating_add(1);
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            match memchr::memchr2(b'"', b'\\', rest) {
                None => return self.fail("a string without an end"),
                Some(length) if rest.get(length) == Some(&b'"') => {
                    self.at = at.saturating_add(length).saturating_add(1);
                    return Ok(());
                }
                Some(length) => at = at.saturating_add(length).saturating_add(2),
            }
        }
    }

    /// Passes over one value, whatever it is. Brackets must match; what stands between commas is not looked at.
    pub(crate) fn skip_value(&mut self) -> Scanned<()> {
        let mut is_object = [0_u64; DEPTH_LIMIT.div_ceil(64)];
        let mut depth = 0_usize;
        loop {
            self.skip_space()?;
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    let Some(word) = is_object.get_mut(depth / 64).filter(|_| depth < DEPTH_LIMIT) else {
                        return self.fail("more than 1000 objects and arrays in each other");
                    };
                    let bit = 1 << (depth % 64);
                    *word = if open == b'{' { *word | bit } else { *word & !bit };
                    depth = depth.saturating_add(1);
                    self.at += 1;
                }
                Some(close @ (b'}' | b']')) => {
                    depth = match depth.checked_sub(1) {
                        Some(depth) => depth,
                        None => return self.fail("the end of an object or array that has no start"),
                    };
                    let word = is_object.get(depth / 64).copied().unwrap_or_default();
                    if (word >> (depth % 64)) & 1 != u64::from(close == b'}') {
                        return self.fail("an object that ends as an array, or the other way round");
                    }
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                _ => self.skip_scalar()?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn value(&mut self) -> Scanned<&'a [u8]> {
        self.skip_space()?;
        let start = self.at;
        self.skip_value()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Goes on to the next part of a container: false at its end.
    fn next_part(&mut self, is_first: bool, close: u8) -> Scanned<bool> {
        self.skip_space()?;
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            _ => self.fail("neither a comma nor the end of the object or array"),
        }
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"' | b'/' | b' ' | b'\n' | b'\r' | b'\t')
}

/// The members of an object: names and values as they stand in the text.
#[derive(Debug, Clone)]
pub struct Members<'a>(Parts<'a>);

/// The elements of an array, as they stand in the text.
#[derive(Debug, Clone)]
pub struct Elements<'a>(Parts<'a>);

#[derive(Debug, Clone)]
struct Parts<'a> {
    scanner: Scanner<'a>,
    is_first: bool,
    is_done: bool,
}

impl<'a> Parts<'a> {
    fn new(text: &'a [u8], open: u8) -> Scanned<Self> {
        let mut scanner = Scanner::new(text);
        scanner.skip_space()?;
        if scanner.peek() != Some(open) {
            return scanner.fail(if open == b'{' { "no object" } else { "no array" });
        }
        scanner.at += 1;
        Ok(Self { scanner, is_first: true, is_done: false })
    }

    fn advance(&mut self, close: u8) -> Scanned<bool> {
        let more = self.scanner.next_part(std::mem::replace(&mut self.is_first, false), close)?;
        self.is_done = !more;
        Ok(more)
    }

    fn next<T>(
        &mut self,
        close: u8,
        part: impl FnOnce(&mut Scanner<'a>) -> Scanned<T>,
    ) -> Option<Scanned<T>> {
        if self.is_done {
            return None;
        }
        let next = match self.advance(close) {
            Ok(false) => return None,
            Ok(true) => part(&mut self.scanner),
            Err(error) => Err(error),
        };
        self.is_done = next.is_err();
        Some(next)
    }
}

/// The members of the object that `text` is.
///
/// # Errors
/// It starts as something else.
pub fn members(text: &[u8]) -> Result<Members<'_>, NotJson> {
    Parts::new(text, b'{').map(Members)
}

/// The elements of the array that `text` is.
///
/// # Errors
/// It starts as something else.
pub fn elements(text: &[u8]) -> Result<Elements<'_>, NotJson> {
    Parts::new(text, b'[').map(Elements)
}

impl<'a> Iterator for Members<'a> {
    /// The name with its quotes, and the value.
    type Item = Result<(&'a [u8], &'a [u8]), NotJson>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(b'}', |scanner| {
            scanner.skip_space()?;
            let start = scanner.at;
            scanner.skip_scalar()?;
            let name = scanner.text.get(start..scanner.at).unwrap_or_default();
            scanner.skip_space()?;
            if scanner.peek() != Some(b':') {
                return scanner.fail("a name without a colon");
            }
            scanner.at += 1;
            Ok((name, scanner.value()?))
        })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], NotJson>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(b']', Scanner::value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn members_are_given_as_they_stand() {
        let json = r#" { "a" : {"b":[1,"}"]} /* , */, c: -1e400 , "\"" : "\\" }"#;
        let members: Vec<_> =
            members(json.as_bytes()).unwrap().map(|member| member.map(|(a, b)| (text(a), text(b)))).collect();
        let expected = [("\"a\"", "{\"b\":[1,\"}\"]}"), ("c", "-1e400"), ("\"\\\"\"", "\"\\\\\"")];
        assert_eq!(members, expected.map(Ok));
    }

    #[test]
    fn elements_are_given_as_they_stand() {
        let elements: Vec<_> = elements(b"[1, \"a,b\", [2 ,3],{} ]").unwrap().map(Result::unwrap).collect();
        assert_eq!(elements.into_iter().map(text).collect::<Vec<_>>(), ["1", "\"a,b\"", "[2 ,3]", "{}"]);
        assert_eq!(super::elements(b"[]").unwrap().count(), 0);
    }

    #[test]
    fn what_is_cut_or_crossed_is_an_error_once() {
        for json in ["[1", "[1,", "[\"a", "[{]}", "[[1}]", "[1 2]", "[,1]", "[/* "] {
            let elements: Vec<_> = elements(json.as_bytes()).unwrap().take(9).collect();
            assert!(elements.last().unwrap().is_err(), "{json}: {elements:?}");
            assert!(elements.len() < 4, "{json}");
        }
        assert!(members(b"[]").is_err());
        assert!(members(b"{\"a\" 1}").unwrap().next().unwrap().is_err());
    }

    #[test]
    fn a_thousand_levels_are_read_and_one_more_is_not() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert_eq!(elements(&nested(1001)).unwrap().next().unwrap().unwrap().len(), 2000);
        let error = elements(&nested(1002)).unwrap().next().unwrap().unwrap_err();
        assert_eq!(error.what, "more than 1000 objects and arrays in each other");
    }
}
