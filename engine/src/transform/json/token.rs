//! JSON as tokens, each with its text as it stands: what is not changed is written again byte for byte.

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {offset}: {problem}")]
pub(crate) struct JsonError {
    /// Where, from the start of the text.
    pub(crate) offset: usize,
    /// Expected and found.
    pub(crate) problem: String,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    BeginObject,
    EndObject,
    BeginArray,
    EndArray,
    Comma,
    Colon,
    /// With its quotes, escapes as written.
    String(&'a [u8]),
    Number(&'a [u8]),
    /// `true`, `false`, `null`, and what Elasticsearch takes for a number as well: `NaN`, `Infinity`, `-Infinity`.
    Word(&'a [u8]),
    End,
}

impl Token<'_> {
    fn describe(self) -> String {
        match self {
            Self::BeginObject => "`{`".to_owned(),
            Self::EndObject => "`}`".to_owned(),
            Self::BeginArray => "`[`".to_owned(),
            Self::EndArray => "`]`".to_owned(),
            Self::Comma => "`,`".to_owned(),
            Self::Colon => "`:`".to_owned(),
            Self::String(_) => "a string".to_owned(),
            Self::Number(_) => "a number".to_owned(),
            Self::Word(word) => format!("`{}`", String::from_utf8_lossy(word)),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

/// Reads tokens from a text. White space and the comments that Elasticsearch allows are passed over.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Where the next token is looked for.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// The text from `start` to where the last token ended.
    pub(crate) fn text_since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at.saturating_add(ahead)).copied()
    }

    pub(crate) fn error(&self, offset: usize, problem: impl Into<String>) -> JsonError {
        JsonError { offset, problem: problem.into() }
    }

    /// An error that says which token stands where another one should.
    pub(crate) fn unexpected(&self, offset: usize, expected: &str, found: Token<'_>) -> JsonError {
        self.error(offset, format!("expected {expected}, found {}", found.describe()))
    }

    /// Passes over white space and comments.
    pub(crate) fn skip_space(&mut self) -> Result<(), JsonError> {
        loop {
            match self.byte(0) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = match self.byte(1) {
            Some(b'/') => Some(memchr::memchr(b'\n', rest).unwrap_or(rest.len())),
            Some(b'*') => memchr::memmem::find(rest.get(2..).unwrap_or_default(), b"*/").map(|at| at + 4),
            _ => return Err(self.error(self.at, "expected a value, found `/`")),
        };
        let Some(length) = length else {
            return Err(self.error(self.at, "a comment has no end"));
        };
        self.at += length;
        Ok(())
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Token<'a>, JsonError> {
        self.skip_space()?;
        let start = self.at;
        let Some(byte) = self.byte(0) else { return Ok(Token::End) };
        let single = match byte {
            b'{' => Token::BeginObject,
            b'}' => Token::EndObject,
            b'[' => Token::BeginArray,
            b']' => Token::EndArray,
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => return self.string(),
            b'0'..=b'9' | b'-' => return self.number(),
            b'a'..=b'z' | b'A'..=b'Z' => return self.word(),
            _ => {
                let found = String::from_utf8_lossy(self.text.get(start..start + 1).unwrap_or_default());
                return Err(self.error(start, format!("expected a value, found `{found}`")));
            }
        };
        self.at += 1;
        Ok(single)
    }

    fn string(&mut self) -> Result<Token<'a>, JsonError> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(self.error(start, "a string has no end"));
            };
            self.at += length;
            if self.byte(0) == Some(b'"') {
                self.at += 1;
                return Ok(Token::String(self.text_since(start)));
            }
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let length = match self.byte(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if (2..6).all(|at| self.byte(at).is_some_and(|byte| byte.is_ascii_hexdigit())) => 6,
            _ => return Err(self.error(self.at, "an escape that JSON does not know")),
        };
        self.at += length;
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Token<'a>, JsonError> {
        let start = self.at;
        if self.byte(0) == Some(b'-') {
            self.at += 1;
            if self.byte(0) == Some(b'I') {
                self.at -= 1;
                return self.word();
            }
        }
        let leading_zero = self.byte(0) == Some(b'0');
        let integer = self.digits();
        let mut is_right = integer > 0 && (integer == 1 || !leading_zero);
        if self.byte(0) == Some(b'.') {
            self.at += 1;
            is_right &= self.digits() > 0;
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(0), Some(b'+' | b'-')) {
                self.at += 1;
            }
            is_right &= self.digits() > 0;
        }
        if !is_right {
            return Err(self.error(start, "a number that JSON does not know"));
        }
        Ok(Token::Number(self.text_since(start)))
    }

    fn word(&mut self) -> Result<Token<'a>, JsonError> {
        const WORDS: [&[u8]; 6] = [b"true", b"false", b"null", b"NaN", b"Infinity", b"-Infinity"];
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        let word = rest.get(..length).unwrap_or_default();
        if !WORDS.contains(&word) {
            let shown = String::from_utf8_lossy(word.get(..20).unwrap_or(word));
            return Err(self.error(self.at, format!("expected a value, found `{shown}`")));
        }
        self.at += length;
        Ok(Token::Word(word))
    }
}
