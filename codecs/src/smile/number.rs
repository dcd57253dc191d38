//! Numbers and binary of SMILE, of which most keep the high bit of each byte clear.

use crate::big_number::from_twos_complement;
use crate::input::{Decoded, Failure, take, u8};

/// A number in groups of seven bits, high bits first; the last byte has its high bit set, and only six bits.
pub(super) fn vint(input: &[u8]) -> Decoded<'_, u64> {
    let mut rest = input;
    let mut value = 0_u64;
    // Nine bytes of seven bits and one of six would be 69 bits.
    for _ in 0..10 {
        let (after, byte) = u8(rest)?;
        rest = after;
        let (bits, digit) = if byte & 0x80 != 0 { (6, byte & 0x3F) } else { (7, byte) };
        if value.leading_zeros() < bits {
            return Failure::corrupt(input, "a number of more than 64 bits");
        }
        value = value << bits | u64::from(digit);
        if byte & 0x80 != 0 {
            return if byte & 0x40 != 0 {
                Failure::corrupt(input, format!("a number that ends with {byte:02x}"))
            } else {
                Ok((rest, value))
            };
        }
    }
    Failure::corrupt(input, "a number of more than ten bytes")
}

/// Undoes the zig-zag encoding.
pub(super) const fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// A float: its 32 bits in five bytes, seven bits a byte, high bits first.
///
/// The three bits that are left over repeat the sign when Jackson writes them, and do not count.
pub(super) fn float(input: &[u8]) -> Decoded<'_, f32> {
    let (rest, bits) = seven_bit_groups(input, 5)?;
    let bits = u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default();
    Ok((rest, f32::from_bits(bits)))
}

/// A double: its 64 bits in ten bytes, seven bits a byte, high bits first; the six bits left over do not count.
pub(super) fn double(input: &[u8]) -> Decoded<'_, f64> {
    let (rest, bits) = seven_bit_groups(input, 10)?;
    let bits = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
    Ok((rest, f64::from_bits(bits)))
}

fn seven_bit_groups(input: &[u8], length: usize) -> Decoded<'_, u128> {
    let (rest, bytes) = take(input, length)?;
    let mut bits = 0_u128;
    for byte in bytes {
        if *byte >= 0x80 {
            return Failure::corrupt(input, format!("{byte:02x} in a value of seven bits a byte"));
        }
        bits = bits << 7 | u128::from(*byte);
    }
    Ok((rest, bits))
}

/// A big integer: sign and magnitude.
pub(super) fn big_integer(input: &[u8]) -> Decoded<'_, (bool, Vec<u8>)> {
    let (rest, bytes) = seven_bit_binary(input)?;
    Ok((rest, from_twos_complement(&bytes)))
}

/// A big decimal: the scale (zig-zag), then the unscaled number like a big integer. Sign, magnitude, scale.
pub(super) fn big_decimal(input: &[u8]) -> Decoded<'_, (bool, Vec<u8>, i64)> {
    let (rest, scale) = vint(input)?;
    let (rest, (is_negative, magnitude)) = big_integer(rest)?;
    Ok((rest, (is_negative, magnitude, zigzag(scale))))
}

/// Binary of which every byte has its high bit clear: the length, then eight bytes for every seven.
///
/// The last group is shorter: n bytes take n + 1, of which the last has the low n bits.
pub(super) fn seven_bit_binary(input: &[u8]) -> Decoded<'_, Vec<u8>> {
    let (rest, length) = vint(input)?;
    let groups = length / 7;
    let left = length % 7;
    let encoded = groups.saturating_mul(8).saturating_add(if left > 0 { left.saturating_add(1) } else { 0 });
    // The encoded bytes are there, so the decoded ones, which are fewer, may be allocated.
    let (rest, encoded) = take(rest, encoded)?;
    if let Some(byte) = encoded.iter().find(|byte| **byte >= 0x80) {
        return Failure::corrupt(input, format!("{byte:02x} in binary of seven bits a byte"));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    for group in encoded.chunks(8) {
        if !seven_bit_group(group, &mut bytes) {
            return Failure::corrupt(input, "binary of seven bits a byte that ends with bits too many");
        }
    }
    Ok((rest, bytes))
}

/// Decodes a group of n + 1 bytes to n; false if the last has other bits than the low n.
fn seven_bit_group(group: &[u8], bytes: &mut Vec<u8>) -> bool {
    let Some((last, full)) = group.split_last() else {
        return true;
    };
    let bits = full.iter().fold(0_u64, |bits, byte| bits << 7 | u64::from(*byte));
    let value = bits << full.len() | u64::from(*last);
    let start = 8_usize.saturating_sub(full.len());
    bytes.extend_from_slice(value.to_be_bytes().get(start..).unwrap_or_default());
    u32::from(*last) < 1 << full.len()
}
