//! Numbers of JSON texts: equal when they are the same decimal number, however they are written.

/// Digits that an exponent may have. A number with more is equal to its own text only.
const EXPONENT_DIGITS: usize = 18;

/// An exact decimal number, borrowed from its text: 0.`digits` × 10^`exponent`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<'a> {
    is_negative: bool,
    /// Digits before and after the point, without zeros at the start of the first; both may be empty.
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Reads a number; none for what is none, or has an exponent beyond 18 digits.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let is_negative = text.first() == Some(&b'-');
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(place) => (text.get(..place)?, Some(text.get(place.saturating_add(1)..)?)),
            None => (text, None),
        };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            Some(place) => (mantissa.get(..place)?, mantissa.get(place.saturating_add(1)..)?),
            None => (mantissa, &[][..]),
        };
        let is_number = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        if !is_number || whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole = trim_start(whole);
        let (fraction, zeros) = if whole.is_empty() {
            let trimmed = trim_start(fraction);
            (trimmed, fraction.len().saturating_sub(trimmed.len()))
        } else {
            (fraction, 0)
        };
        let number = Self { is_negative, whole, fraction, exponent: 0 };
        if number.is_zero() {
            // Whatever its exponent and its sign.
            exponent.map_or(Some(()), check_exponent)?;
            return Some(Self { is_negative: false, ..number });
        }
        let moved = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(zeros).ok()?)?;
        let exponent = exponent.map_or(Some(0), parse_exponent)?.checked_add(moved)?;
        Some(Self { exponent, ..number })
    }

    fn digits(&self) -> impl DoubleEndedIterator<Item = &'a u8> + Clone + use<'a> {
        self.whole.iter().chain(self.fraction)
    }

    fn is_zero(&self) -> bool {
        self.digits().all(|digit| *digit == b'0')
    }

    /// How many digits there are, without zeros at the end.
    fn significant(&self) -> usize {
        let zeros = self.digits().rev().take_while(|digit| **digit == b'0').count();
        self.whole.len().saturating_add(self.fraction.len()).saturating_sub(zeros)
    }

    /// Whether both are the same number.
    pub(super) fn equals(&self, other: &Decimal<'_>) -> bool {
        let length = self.significant();
        self.is_negative == other.is_negative
            && length == other.significant()
            && (length == 0 || self.exponent == other.exponent)
            && self.digits().take(length).eq(other.digits().take(length))
    }

    /// Appends the number as a whole number with an exponent, the same for all texts of it.
    pub(super) fn write(&self, output: &mut Vec<u8>) {
        let length = self.significant();
        if length == 0 {
            return output.push(b'0');
        }
        if self.is_negative {
            output.push(b'-');
        }
        output.extend(self.digits().take(length));
        let exponent = i128::from(self.exponent) - i128::try_from(length).unwrap_or_default();
        if exponent != 0 {
            output.extend_from_slice(format!("e{exponent}").as_bytes());
        }
    }
}

fn trim_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn check_exponent(text: &[u8]) -> Option<()> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(())
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    check_exponent(text)?;
    let digits = trim_start(text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text));
    if digits.len() > EXPONENT_DIGITS {
        return None;
    }
    let value = digits.iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')))
    });
    Some(if text.starts_with(b"-") { value.saturating_neg() } else { value })
}

/// Whether two bare words are the same number, or the same text.
pub(super) fn equal(left: &[u8], right: &[u8]) -> bool {
    left == right
        || match (Decimal::parse(left), Decimal::parse(right)) {
            (Some(left), Some(right)) => left.equals(&right),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut output = Vec::new();
        Decimal::parse(text.as_bytes()).unwrap().write(&mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for same in [
            &["1", "1.0", "1e0", "10e-1", "0.1E+1", "01", "1.000e00", "0.001e3"][..],
            &["0", "-0", "0.0", "-0e5", "0e999999999999999999999999", "000.000"],
            &["1e400", "10E399", "1000e+397", "0.1e401"],
            &["-1.5", "-15e-1", "-0.15e1"],
            &["1e-400", "0.1e-399"],
            &["123456789012345678901234567890", "1.2345678901234567890123456789e29"],
            &["1e999999999999999999", "1e0999999999999999999"],
        ] {
            for (left, right) in same.iter().flat_map(|left| same.iter().map(move |right| (left, right))) {
                assert!(equal(left.as_bytes(), right.as_bytes()), "{left} = {right}");
                assert_eq!(written(left), written(right), "{left} = {right}");
            }
        }
    }

    #[test]
    fn what_a_double_would_confuse_is_not_the_same() {
        for (left, right) in [
            ("1e400", "1e401"),
            ("0.1", "0.10000000000000000001"),
            ("9007199254740993", "9007199254740992"),
            ("1", "-1"),
            ("1", "10"),
            ("0", "1e-400"),
            ("1e9999999999999999999", "1e9999999999999999998"),
            ("1e9999999999999999999", "10e9999999999999999998"),
            ("true", "1"),
            ("NaN", "nan"),
            ("1", "1x"),
            ("1e", "1"),
        ] {
            assert!(!equal(left.as_bytes(), right.as_bytes()), "{left} is not {right}");
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        for text in ["", "-", ".", "e1", "1e", "1e+", "1.2.3", "0x1", "NaN", "1e99999999999999999999", "--1"]
        {
            assert!(Decimal::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
