//! The types of YAML scalars.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A scalar by its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    /// The text itself.
    String,
    Null,
    Bool(bool),
    /// Decimal digits, with a `-` before them if negative.
    Integer(String),
    Double(f64),
    Binary(Vec<u8>),
}

/// The type of a scalar without quotes and without a tag.
pub(super) fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        _ => {}
    }
    boolean(text).or_else(|| integer(text)).or_else(|| double(text)).unwrap_or(Scalar::String)
}

/// The type that a tag of YAML itself gives, such as `int` in `!!int "1"`; the text stays a string if it cannot be it.
pub(super) fn explicit(tag: &str, text: &str) -> Scalar {
    let scalar = match tag {
        "null" => Some(Scalar::Null),
        "bool" => boolean(text),
        "int" => integer(text),
        "float" => double(text)
            .or_else(|| text.parse().ok().filter(|value: &f64| value.is_finite()).map(Scalar::Double)),
        "binary" => {
            let packed: String = text.split_ascii_whitespace().collect();
            STANDARD.decode(packed).ok().map(Scalar::Binary)
        }
        _ => None,
    };
    scalar.unwrap_or(Scalar::String)
}

fn boolean(text: &str) -> Option<Scalar> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(Scalar::Bool(true)),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(Scalar::Bool(false)),
        _ => None,
    }
}

/// `0b`, `0x`, octal with a leading zero, or decimal; underscores after the first digit do not count.
fn integer(text: &str) -> Option<Scalar> {
    let (sign, unsigned) = match text.as_bytes() {
        [b'-', ..] => ("-", text.get(1..)?),
        [b'+', ..] => ("", text.get(1..)?),
        _ => ("", text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'b', _, ..] => (2, unsigned.get(2..)?),
        [b'0', b'x', _, ..] => (16, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        [b'0'..=b'9', ..] => (10, unsigned),
        _ => return None,
    };
    let digits = digits.replace('_', "");
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = match radix {
        10 => digits,
        _ => u128::from_str_radix(&digits, radix).ok()?.to_string(),
    };
    let sign = if magnitude == "0" { "" } else { sign };
    Some(Scalar::Integer(format!("{sign}{magnitude}")))
}

/// Digits with a point, an exponent or both, and underscores that do not count. Not `.inf` and `.nan`, on which
/// Jackson fails.
fn double(text: &str) -> Option<Scalar> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let starts_with_digit = |part: &str| part.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let has_exponent = match exponent {
        Some(exponent) => {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            true
        }
        None => false,
    };
    let is_double = match mantissa.split_once('.') {
        Some(("", fraction)) => starts_with_digit(fraction) && is_digits(fraction),
        Some((whole, fraction)) => starts_with_digit(whole) && is_digits(whole) && is_digits(fraction),
        None => has_exponent && starts_with_digit(mantissa) && is_digits(mantissa),
    };
    if !is_double {
        return None;
    }
    text.replace('_', "").parse().ok().map(Scalar::Double)
}
