//! `--max-rate`.

use crate::args::bytes;
use std::num::NonZeroU64;

/// Documents a second, or bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    Documents(NonZeroU64),
    Bytes(NonZeroU64),
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected documents or bytes a second, such as `5000` or `20MB`".to_owned();
        let amount = text.strip_suffix("/s").unwrap_or(text);
        if let Ok(documents) = amount.parse() {
            return NonZeroU64::new(documents).map(Self::Documents).ok_or_else(expected);
        }
        let bytes = bytes(amount).map_err(|_| expected())?;
        NonZeroU64::new(bytes).map(Self::Bytes).ok_or_else(expected)
    }
}

/// The limits among some rates: documents, bytes.
pub(crate) fn limits(rates: &[Rate]) -> (Option<NonZeroU64>, Option<NonZeroU64>) {
    let documents = rates.iter().filter_map(|rate| match rate {
        Rate::Documents(documents) => Some(*documents),
        Rate::Bytes(_) => None,
    });
    let bytes = rates.iter().filter_map(|rate| match rate {
        Rate::Bytes(bytes) => Some(*bytes),
        Rate::Documents(_) => None,
    });
    (documents.min(), bytes.min())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_documents_or_bytes() {
        let rate = |text: &str| text.parse::<Rate>();
        assert_eq!(rate("5000"), Ok(Rate::Documents(NonZeroU64::new(5000).unwrap())));
        assert_eq!(rate("5000/s"), rate("5000"));
        assert_eq!(rate("20MB/s"), Ok(Rate::Bytes(NonZeroU64::new(20_000_000).unwrap())));
        for wrong in ["0", "0MB", "fast", "", "-1"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
