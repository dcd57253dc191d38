//! Integers packed into a fixed number of bits each, and monotonic sequences made of them.
//!
//! | type                    | layout                                                     | in                                      |
//! |-------------------------|------------------------------------------------------------|-----------------------------------------|
//! | [`read_all`]            | `PackedInts` without a header                              | stored fields 4.1 to 8.x                |
//! | [`DirectReader`]        | values at 1 to 64 bits, big-endian before 9.0              | doc values 4.10 and later               |
//! | [`DirectMonotonic`]     | blocks in the meta file, deltas in the data file           | doc values 5.4, stored fields 8.5 and later |
//! | [`BlockPacked`]         | blocks of deltas from a minimum                            | doc values 4.5 to 4.9                   |
//! | [`MonotonicBlockPacked`]| blocks of deltas from a straight line                      | doc values 4.5 to 6.x                   |
//!
//! Source: [`org.apache.lucene.util.packed`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/util/packed/package-summary.html).

mod blocks;

use crate::input::{Decoded, Failure, be_i64, be_u32, counted, le_i64, le_u32, take, u8};
use nom::Parser;
use nom::error::context;

pub use blocks::{BlockPacked, MonotonicBlockPacked};

/// Byte order of integers, and with it the bit order of packed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endianness {
    /// Lucene 8 and before.
    Big,
    /// Lucene 9 and later.
    Little,
}

impl Endianness {
    /// Four bytes in this order.
    pub fn u32(self, input: &[u8]) -> Decoded<'_, u32> {
        match self {
            Self::Big => be_u32(input),
            Self::Little => le_u32(input),
        }
    }

    /// Eight bytes in this order, signed.
    pub fn i64(self, input: &[u8]) -> Decoded<'_, i64> {
        match self {
            Self::Big => be_i64(input),
            Self::Little => le_i64(input),
        }
    }
}

/// How `PackedInts` lays out its values; all of them are big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One value after the other, the last byte padded (version 1 and later of `PackedInts`).
    Packed,
    /// One value after the other, the last eight bytes padded (version 0, Lucene 4.0).
    PackedLongAligned,
    /// Words of eight bytes, the first value in the lowest bits, no value across two words.
    PackedSingleBlock,
}

/// The largest number of values of no bits that [`read_all`] makes; no writer makes larger blocks.
const MAX_VALUES_WITHOUT_BITS: usize = 1 << 16;

impl Format {
    /// The layout of `PACKED` in this version of `PackedInts`.
    #[must_use]
    pub const fn packed(version: u32) -> Self {
        if version == 0 { Self::PackedLongAligned } else { Self::Packed }
    }

    /// How many bytes `count` values take; none when the number of bits is out of range or the sum too large.
    #[must_use]
    pub fn byte_count(self, bits_per_value: u32, count: usize) -> Option<usize> {
        if bits_per_value == 0 {
            return Some(0);
        }
        if bits_per_value > 64 {
            return None;
        }
        let bits_per_value = bits_per_value as usize;
        let words = match self {
            Self::Packed => return Some(count.checked_mul(bits_per_value)?.div_ceil(8)),
            Self::PackedLongAligned => count.checked_mul(bits_per_value)?.div_ceil(64),
            Self::PackedSingleBlock => count.div_ceil(64_usize.checked_div(bits_per_value)?),
        };
        words.checked_mul(8)
    }
}

/// All of `count` values of `bits_per_value` bits (0 to 64) at the start of `input`, and what is left after them.
///
/// Values of no bits are zeros and take no bytes; more than 65536 of them are refused.
pub fn read_all(format: Format, bits_per_value: u32, count: usize, input: &[u8]) -> Decoded<'_, Vec<u64>> {
    let Some(length) = format.byte_count(bits_per_value, count) else {
        return Failure::corrupt(input, format!("{count} packed values of {bits_per_value} bits"));
    };
    if bits_per_value == 0 {
        if count > MAX_VALUES_WITHOUT_BITS {
            return Failure::corrupt(input, format!("{count} packed values of no bits"));
        }
        return Ok((input, vec![0; count]));
    }
    let (rest, bytes) = take(input, length)?;
    let values = match format {
        Format::Packed | Format::PackedLongAligned => (0..count as u64)
            .map_while(|index| value_at(bytes, bits_per_value, index, Endianness::Big))
            .collect(),
        Format::PackedSingleBlock => single_block_values(bytes, bits_per_value, count),
    };
    Ok((rest, values))
}

fn single_block_values(bytes: &[u8], bits_per_value: u32, count: usize) -> Vec<u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words
        .iter()
        .flat_map(|word| {
            let word = u64::from_be_bytes(*word);
            let shifts = (0..=64_u32.saturating_sub(bits_per_value)).step_by(bits_per_value as usize);
            shifts.map(move |shift| word >> shift & mask(bits_per_value))
        })
        .take(count)
        .collect()
}

const fn mask(bits: u32) -> u64 {
    match bits {
        0 => 0,
        1..=63 => (1 << bits) - 1,
        _ => u64::MAX,
    }
}

/// Value `index` of those at the start of `data`, each of 1 to 64 bits; none beyond the end of `data`.
#[inline]
pub(crate) fn value_at(data: &[u8], bits: u32, index: u64, endianness: Endianness) -> Option<u64> {
    let first_bit = index.checked_mul(u64::from(bits))?;
    let start = usize::try_from(first_bit / 8).ok()?;
    let skipped = (first_bit % 8) as u32;
    let used = skipped.checked_add(bits)?;
    let tail = data.get(start..)?;
    if used <= 64
        && let Some(word) = tail.first_chunk::<8>()
    {
        let word = match endianness {
            Endianness::Big => u64::from_be_bytes(*word).checked_shr(64_u32.checked_sub(used)?)?,
            Endianness::Little => u64::from_le_bytes(*word) >> skipped,
        };
        return Some(word & mask(bits));
    }
    let bytes = tail.get(..used.div_ceil(8) as usize)?;
    let word = match endianness {
        Endianness::Big => bytes.iter().fold(0, |word: u128, byte| word << 8 | u128::from(*byte)),
        Endianness::Little => bytes.iter().rev().fold(0, |word: u128, byte| word << 8 | u128::from(*byte)),
    };
    let shift = match endianness {
        Endianness::Big => used.next_multiple_of(8).checked_sub(used)?,
        Endianness::Little => skipped,
    };
    u64::try_from(word >> shift & u128::from(mask(bits))).ok()
}

/// Values of a number of bits that `DirectWriter` writes: 0, 1, 2, 4, then multiples of 4 to 32 and of 8 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectReader {
    bits_per_value: u8,
    endianness: Endianness,
}

impl DirectReader {
    /// A reader of values of this size; none when `DirectWriter` does not write it. Values of no bits are zeros.
    #[must_use]
    pub const fn new(bits_per_value: u8, endianness: Endianness) -> Option<Self> {
        match bits_per_value {
            0 | 1 | 2 | 4 | 8 | 12 | 16 | 20 | 24 | 28 | 32 | 40 | 48 | 56 | 64 => {
                Some(Self { bits_per_value, endianness })
            }
            _ => None,
        }
    }

    /// Bits of one value.
    #[must_use]
    pub const fn bits_per_value(self) -> u8 {
        self.bits_per_value
    }

    /// How many bytes `count` values take, without the padding after them.
    #[must_use]
    pub fn byte_count(self, count: u64) -> Option<u64> {
        Some(count.checked_mul(u64::from(self.bits_per_value))?.div_ceil(8))
    }

    /// Value `index` of those at the start of `data`; none beyond the end of `data`.
    #[must_use]
    #[inline]
    pub fn get(self, data: &[u8], index: u64) -> Option<u64> {
        if self.bits_per_value == 0 {
            return Some(0);
        }
        value_at(data, u32::from(self.bits_per_value), index, self.endianness)
    }
}

/// A monotonic sequence: for each block a straight line in the meta file, deltas from it in the data file.
///
/// A block in the meta file, in the byte order of the file:
///
/// | bytes | field   | meaning                                             |
/// |-------|---------|-----------------------------------------------------|
/// | 8     | min     | where the line starts                               |
/// | 4     | average | its slope, a float                                  |
/// | 8     | offset  | of the deltas, from the start of the sequence's data |
/// | 1     | bits    | of a delta, as [`DirectReader`] takes them          |
///
/// Spec: [`DirectMonotonicWriter`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/util/packed/DirectMonotonicWriter.html)
#[derive(Debug, Clone, PartialEq)]
pub struct DirectMonotonic {
    blocks: Vec<DirectMonotonicBlock>,
    count: u64,
    block_shift: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct DirectMonotonicBlock {
    min: i64,
    average: f32,
    offset: u64,
    deltas: DirectReader,
}

impl DirectMonotonic {
    /// Bytes of a block in the meta file.
    const BLOCK_LENGTH: usize = 21;

    /// Decodes the blocks of `count` values, `1 << block_shift` of them a block (2 to 22).
    pub fn decode_meta(
        input: &[u8],
        count: u64,
        block_shift: u32,
        endianness: Endianness,
    ) -> Decoded<'_, Self> {
        if !(2..=22).contains(&block_shift) {
            let what = format!("expected a block shift from 2 to 22, found {block_shift}");
            return Failure::corrupt(input, what);
        }
        let block_count = count.div_ceil(1 << block_shift);
        let (rest, blocks) = context("monotonic blocks", |input| {
            counted(input, block_count, Self::BLOCK_LENGTH, |input| {
                DirectMonotonicBlock::decode(input, endianness)
            })
        })
        .parse(input)?;
        let decoded = Self { blocks, count, block_shift };
        Ok((rest, decoded))
    }

    /// How many values there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Value `index`, where `data` is the sequence's part of the data file; none beyond its end or that of `data`.
    #[must_use]
    #[inline]
    pub fn get(&self, data: &[u8], index: u64) -> Option<i64> {
        if index >= self.count {
            return None;
        }
        let block = self.blocks.get(usize::try_from(index >> self.block_shift).ok()?)?;
        let index = index & mask(self.block_shift);
        let deltas = if block.deltas.bits_per_value == 0 {
            &[]
        } else {
            data.get(usize::try_from(block.offset).ok()?..)?
        };
        let delta = block.deltas.get(deltas, index)?.cast_signed();
        Some(on_line(block.min, block.average, index).wrapping_add(delta))
    }
}

impl DirectMonotonicBlock {
    fn decode(input: &[u8], endianness: Endianness) -> Decoded<'_, Self> {
        let (rest, min) = endianness.i64(input)?;
        let (rest, average) = endianness.u32(rest)?;
        let (after_offset, offset) = endianness.i64(rest)?;
        let Ok(offset) = u64::try_from(offset) else {
            return Failure::corrupt(rest, format!("a block at the negative offset {offset}"));
        };
        let (rest, bits) = u8(after_offset)?;
        let Some(deltas) = DirectReader::new(bits, endianness) else {
            return Failure::corrupt(after_offset, format!("packed values of {bits} bits"));
        };
        let block = Self { min, average: f32::from_bits(average), offset, deltas };
        Ok((rest, block))
    }
}

/// The point of a straight line, computed in floats as the writer did.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the writer's own cast: it saturates, and rounds towards zero"
)]
fn on_line(origin: i64, average: f32, index: u64) -> i64 {
    origin.wrapping_add((average * index as f32) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values 1, 2, …, in 12 bits each, as both byte orders pack them.
    #[test]
    fn values_of_twelve_bits_follow_the_bit_order_of_the_byte_order() {
        let big = DirectReader::new(12, Endianness::Big).unwrap();
        let little = DirectReader::new(12, Endianness::Little).unwrap();
        let values = |reader: DirectReader, data: &[u8]| -> Vec<_> {
            (0..4).map(|index| reader.get(data, index)).collect()
        };
        let expected = [Some(0x123), Some(0x456), Some(0x789), None];
        assert_eq!(values(big, &[0x12, 0x34, 0x56, 0x78, 0x90]), expected);
        assert_eq!(values(little, &[0x23, 0x61, 0x45, 0x89, 0x07]), expected);
    }

    #[test]
    fn a_value_may_span_nine_bytes() {
        let bytes = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC0, 0, 0, 0, 0, 0, 0, 1, 0];
        let (rest, values) = read_all(Format::Packed, 63, 2, &bytes).unwrap();
        assert_eq!(values, [(1 << 63) - 1 - 0x1F, 0x40]);
        assert!(rest.is_empty());
    }

    #[test]
    fn every_number_of_bits_reads_what_was_packed() {
        for bits in 1..=64_u32 {
            let values: Vec<u64> =
                (0..100_u64).map(|index| index.wrapping_mul(0x9E37_79B9_7F4A_7C15) & mask(bits)).collect();
            let packed: String =
                values.iter().map(|value| format!("{value:0width$b}", width = bits as usize)).collect();
            let bytes: Vec<u8> = packed
                .as_bytes()
                .chunks(8)
                .map(|bits| {
                    let bits = format!("{:0<8}", std::str::from_utf8(bits).unwrap());
                    u8::from_str_radix(&bits, 2).unwrap()
                })
                .collect();
            assert_eq!(read_all(Format::Packed, bits, 100, &bytes).unwrap(), (&[][..], values));
            assert!(read_all(Format::Packed, bits, 100, &bytes[1..]).is_err());
        }
    }

    #[test]
    fn single_blocks_start_in_the_lowest_bits_and_leave_the_rest_unused() {
        // 21 bits: three values a word, one bit unused.
        let word: u64 = 1 | 2 << 21 | 3 << 42;
        let bytes = [word.to_be_bytes(), 4_u64.to_be_bytes()].concat();
        let (rest, values) = read_all(Format::PackedSingleBlock, 21, 4, &bytes).unwrap();
        assert_eq!((rest, values), (&[][..], vec![1, 2, 3, 4]));
    }

    #[test]
    fn a_count_of_values_without_bits_allocates_nothing() {
        assert_eq!(read_all(Format::Packed, 0, 3, &[7]).unwrap(), (&[7][..], vec![0; 3]));
        assert!(read_all(Format::Packed, 0, usize::MAX, &[7]).is_err());
        assert!(read_all(Format::Packed, 65, 1, &[0; 9]).is_err());
    }

    #[test]
    fn a_monotonic_sequence_is_a_line_and_deltas() {
        for (endianness, deltas) in [(Endianness::Big, [0x12, 0x34]), (Endianness::Little, [0x21, 0x43])] {
            let mut meta = Vec::new();
            let (min, average, offset) = (100_i64, 2.5_f32, 1_i64);
            match endianness {
                Endianness::Big => {
                    meta.extend(min.to_be_bytes());
                    meta.extend(average.to_be_bytes());
                    meta.extend(offset.to_be_bytes());
                }
                Endianness::Little => {
                    meta.extend(min.to_le_bytes());
                    meta.extend(average.to_le_bytes());
                    meta.extend(offset.to_le_bytes());
                }
            }
            meta.push(4);
            let (rest, sequence) = DirectMonotonic::decode_meta(&meta, 4, 2, endianness).unwrap();
            assert!(rest.is_empty());
            let data = [&[0xFF][..], &deltas].concat();
            let values: Vec<_> = (0..5).map(|index| sequence.get(&data, index)).collect();
            assert_eq!(values, [Some(101), Some(104), Some(108), Some(111), None]);
            assert!(DirectMonotonic::decode_meta(&meta[1..], 4, 2, endianness).is_err());
            assert!(DirectMonotonic::decode_meta(&meta, u64::MAX, 2, endianness).is_err());
        }
    }
}
