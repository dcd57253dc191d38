//! Whole numbers and decimal fractions of any size, as decimal text.

/// Longest magnitude that is converted, in bytes: about 9,800 digits. The work grows with the square of the length.
const MAGNITUDE_LIMIT: usize = 4096;
const BASE: u64 = 1_000_000_000;

/// The decimal digits of a magnitude (highest byte first), without leading zeros; `0` for zero.
///
/// # Errors
/// The magnitude is longer than 4096 bytes.
pub(crate) fn decimal_digits(magnitude: &[u8]) -> Result<String, String> {
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let magnitude = magnitude.get(zeros..).unwrap_or_default();
    if magnitude.len() > MAGNITUDE_LIMIT {
        return Err(format!("a number of {} bytes, ferry reads up to {MAGNITUDE_LIMIT}", magnitude.len()));
    }
    // Groups of nine digits, lowest first.
    let mut groups: Vec<u32> = vec![0];
    for byte in magnitude {
        let mut carry = u64::from(*byte);
        for group in &mut groups {
            let value = (u64::from(*group) << 8) | carry & 0xFF;
            let value = value.saturating_add(carry & !0xFF);
            *group = u32::try_from(value % BASE).unwrap_or_default();
            carry = value / BASE;
        }
        if carry > 0 {
            groups.push(u32::try_from(carry).unwrap_or_default());
        }
    }
    let mut digits = String::new();
    for (place, group) in groups.iter().rev().enumerate() {
        let text = if place == 0 { group.to_string() } else { format!("{group:09}") };
        digits.push_str(&text);
    }
    Ok(digits)
}

/// The text of `digits` × 10^-`scale`, as Java's `BigDecimal.toString` gives it: plain when the exponent is small,
/// with an exponent otherwise, so that it never grows far beyond its digits.
pub(crate) fn decimal(is_negative: bool, digits: &str, scale: i64) -> String {
    let sign = if is_negative && digits != "0" { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let exponent = length.saturating_sub(1).saturating_sub(scale);
    if scale > 0 && exponent >= -6 {
        let padding = usize::try_from(scale.saturating_add(1).saturating_sub(length)).unwrap_or_default();
        let padded = format!("{}{digits}", "0".repeat(padding));
        let whole = padded.len().saturating_sub(usize::try_from(scale).unwrap_or_default());
        let (whole, fraction) = padded.split_at_checked(whole).unwrap_or_default();
        return format!("{sign}{whole}.{fraction}");
    }
    let (first, others) = digits.split_at_checked(1).unwrap_or_default();
    let point = if others.is_empty() { "" } else { "." };
    match exponent {
        0 => format!("{sign}{first}{point}{others}"),
        _ => format!("{sign}{first}{point}{others}E{exponent:+}"),
    }
}

/// Sign and magnitude of a two's complement number, highest byte first, as Java's `BigInteger` writes it.
pub(crate) fn from_twos_complement(bytes: &[u8]) -> (bool, Vec<u8>) {
    let is_negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut magnitude = bytes.to_vec();
    if is_negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            let (value, overflow) = (!*byte).overflowing_add(u8::from(carry));
            *byte = value;
            carry = overflow;
        }
        // Only a number of all zero bytes carries out, and that is not negative.
    }
    (is_negative, magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_a_magnitude() {
        assert_eq!(decimal_digits(&[]).unwrap(), "0");
        assert_eq!(decimal_digits(&[0, 0]).unwrap(), "0");
        assert_eq!(decimal_digits(&[0, 255]).unwrap(), "255");
        assert_eq!(decimal_digits(&[0x3B, 0x9A, 0xCA, 0x00]).unwrap(), "1000000000");
        assert_eq!(decimal_digits(&[0xFF; 16]).unwrap(), "340282366920938463463374607431768211455");
        assert!(decimal_digits(&[1; 4097]).is_err());
    }

    #[test]
    fn a_scale_moves_the_point_and_a_large_exponent_is_written() {
        assert_eq!(decimal(false, "150", 2), "1.50");
        assert_eq!(decimal(true, "1", 3), "-0.001");
        assert_eq!(decimal(false, "1", 7), "1E-7");
        assert_eq!(decimal(false, "125", -8), "1.25E+10");
        assert_eq!(decimal(true, "0", 0), "0");
        assert_eq!(decimal(false, "1", i64::MIN), "1E+9223372036854775807");
    }

    #[test]
    fn twos_complement_has_a_sign_and_a_magnitude() {
        assert_eq!(from_twos_complement(&[0x7F]), (false, vec![0x7F]));
        assert_eq!(from_twos_complement(&[0xFF]), (true, vec![1]));
        assert_eq!(from_twos_complement(&[0x80, 0x00]), (true, vec![0x80, 0x00]));
    }
}
