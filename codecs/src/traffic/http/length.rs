//! What the headers of a message say about the length of its body.

use super::FramingError;

/// The headers that say where a message ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LengthHeaders {
    content_length: Option<u64>,
    /// Whether the last transfer coding is `chunked`; `None`: there is none.
    chunked: Option<bool>,
    /// `Expect: 100-continue`
    pub(super) expects_continue: bool,
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyLength {
    Bytes(u64),
    Chunked,
    UntilClose,
}

impl LengthHeaders {
    /// How the names of these headers start.
    pub(super) const INITIALS: &[u8] = b"cet";

    /// Looks at one header, which may also be another.
    pub(super) fn read(&mut self, name: &[u8], value: &[u8]) -> Result<(), FramingError> {
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value),
            _ => {}
        }
        Ok(())
    }

    /// The same length said again, as another header or after a comma, is harmless.
    fn content_length(&mut self, value: &[u8]) -> Result<(), FramingError> {
        for text in value.split(|byte| *byte == b',') {
            let length = decimal(text.trim_ascii())
                .ok_or(FramingError::ContentLength { what: "not a number of bytes" })?;
            if self.content_length.is_some_and(|before| before != length) {
                return Err(FramingError::ContentLength { what: "said twice, with different numbers" });
            }
            self.content_length = Some(length);
        }
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) {
        for coding in value.split(|byte| *byte == b',') {
            let name = coding.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            if !name.is_empty() && !name.eq_ignore_ascii_case(b"identity") {
                self.chunked = Some(name.eq_ignore_ascii_case(b"chunked"));
            }
        }
    }

    /// The length of the body of a request. A transfer coding counts, and not a `Content-Length` beside it.
    pub(super) const fn of_request(&self) -> Result<BodyLength, FramingError> {
        match (self.chunked, self.content_length) {
            (Some(true), _) => Ok(BodyLength::Chunked),
            (Some(false), _) => Err(FramingError::TransferEncoding),
            (None, Some(length)) => Ok(BodyLength::Bytes(length)),
            (None, None) => Ok(BodyLength::Bytes(0)),
        }
    }

    /// The length of the body of a response that has one.
    pub(super) const fn of_response(&self) -> BodyLength {
        match (self.chunked, self.content_length) {
            (Some(true), _) => BodyLength::Chunked,
            (None, Some(length)) => BodyLength::Bytes(length),
            (Some(false), _) | (None, None) => BodyLength::UntilClose,
        }
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
