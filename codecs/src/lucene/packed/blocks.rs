//! Sequences that are written in blocks, each with its own least value and number of bits.

use super::{Endianness, Format, mask, on_line, value_at};
use crate::input::{Decoded, Failure, be_u32, counted, take, u8};
use crate::lucene::primitives::{vint, vlong, zigzag};
use nom::Parser;
use nom::error::context;

/// Blocks of packed deltas from the least value of the block.
///
/// | bytes | field | encoding                                                                        |
/// |-------|-------|---------------------------------------------------------------------------------|
/// | 1     | token | bits a value, shifted left by one; the lowest bit says that the least value is 0 |
/// | 0 - 9 | min   | unless it is 0: one less than its zig-zag code, `VLong`                          |
/// | n     | deltas | [`Format::Packed`]                                                              |
///
/// Spec: [`BlockPackedWriter`](https://lucene.apache.org/core/4_10_4/core/org/apache/lucene/util/packed/BlockPackedWriter.html)
#[derive(Debug, Clone, PartialEq)]
pub struct BlockPacked<'a>(Blocks<'a>);

/// Blocks of packed deltas from a straight line.
///
/// | bytes | field   | encoding                                       |
/// |-------|---------|------------------------------------------------|
/// | 1 - 9 | min     | where the line starts: `VLong`, zig-zag since version 2 of `PackedInts` |
/// | 4     | average | its slope, a big-endian float                  |
/// | 1 - 5 | bits    | of a delta, `VInt`                             |
/// | n     | deltas  | [`Format::Packed`], zig-zag before version 2   |
///
/// Spec: [`MonotonicBlockPackedWriter`](https://lucene.apache.org/core/4_10_4/core/org/apache/lucene/util/packed/MonotonicBlockPackedWriter.html)
#[derive(Debug, Clone, PartialEq)]
pub struct MonotonicBlockPacked<'a>(Blocks<'a>);

#[derive(Debug, Clone, PartialEq)]
struct Blocks<'a> {
    blocks: Vec<Block<'a>>,
    count: u64,
    block_shift: u32,
    zigzag_deltas: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Block<'a> {
    min: i64,
    average: f32,
    bits_per_value: u32,
    deltas: &'a [u8],
}

impl<'a> BlockPacked<'a> {
    /// Decodes the blocks of `count` values, `block_size` a block, as this version of `PackedInts` wrote them.
    pub fn decode(input: &'a [u8], version: u32, block_size: u32, count: u64) -> Decoded<'a, Self> {
        let head = |input| {
            let (rest, token) = u8(input)?;
            let (rest, min) = if token & 1 == 1 {
                (rest, 0)
            } else {
                let (rest, code) = vlong(rest)?;
                (rest, zigzag(code.wrapping_add(1)))
            };
            Ok((rest, (min, 0.0, u32::from(token >> 1))))
        };
        let (rest, blocks) = Blocks::decode(input, version, block_size, count, head)?;
        Ok((rest, Self(blocks)))
    }

    /// Value `index`; none beyond the last.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<i64> {
        self.0.get(index)
    }
}

impl<'a> MonotonicBlockPacked<'a> {
    /// Decodes the blocks of `count` values, `block_size` a block, as this version of `PackedInts` wrote them.
    pub fn decode(input: &'a [u8], version: u32, block_size: u32, count: u64) -> Decoded<'a, Self> {
        let head = |input| {
            let (rest, min) = vlong(input)?;
            let min = if version < 2 { min.cast_signed() } else { zigzag(min) };
            let (rest, average) = be_u32(rest)?;
            let (rest, bits) = vint(rest)?;
            Ok((rest, (min, f32::from_bits(average), bits)))
        };
        let (rest, mut blocks) = Blocks::decode(input, version, block_size, count, head)?;
        blocks.zigzag_deltas = version < 2;
        Ok((rest, Self(blocks)))
    }

    /// How many values there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.0.count
    }

    /// Value `index`; none beyond the last.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<i64> {
        self.0.get(index)
    }
}

impl<'a> Blocks<'a> {
    fn decode(
        input: &'a [u8],
        version: u32,
        block_size: u32,
        count: u64,
        mut head: impl FnMut(&'a [u8]) -> Decoded<'a, (i64, f32, u32)>,
    ) -> Decoded<'a, Self> {
        if !block_size.is_power_of_two() || !(64..=1 << 27).contains(&block_size) {
            let what =
                format!("expected blocks of 64 to 134217728 values, a power of two, found {block_size}");
            return Failure::corrupt(input, what);
        }
        let mut left = count;
        let block_count = count.div_ceil(u64::from(block_size));
        let (rest, blocks) = counted(input, block_count, 1, |input| {
            let size = left.min(u64::from(block_size));
            left = left.saturating_sub(size);
            let (rest, (min, average, bits_per_value)) = head(input)?;
            let length = usize::try_from(size)
                .ok()
                .and_then(|size| Format::packed(version).byte_count(bits_per_value, size));
            let Some(length) = length else {
                return Failure::corrupt(input, format!("packed values of {bits_per_value} bits"));
            };
            let (rest, deltas) = context("packed values", |input| take(input, length)).parse(rest)?;
            let block = Block { min, average, bits_per_value, deltas };
            Ok((rest, block))
        })?;
        let decoded = Self { blocks, count, block_shift: block_size.trailing_zeros(), zigzag_deltas: false };
        Ok((rest, decoded))
    }

    fn get(&self, index: u64) -> Option<i64> {
        if index >= self.count {
            return None;
        }
        let block = self.blocks.get(usize::try_from(index >> self.block_shift).ok()?)?;
        let index = index & mask(self.block_shift);
        let delta = match block.bits_per_value {
            0 => 0,
            bits => value_at(block.deltas, bits, index, Endianness::Big)?,
        };
        let delta = if self.zigzag_deltas { zigzag(delta) } else { delta.cast_signed() };
        Some(on_line(block.min, block.average, index).wrapping_add(delta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_own_least_value_and_number_of_bits() {
        let mut bytes = vec![4 << 1, 0x13]; // 4 bits; the code 0x13 + 1 is zig-zag for 10
        bytes.extend([0x21; 32]);
        bytes.push(1); // no bits, and the least value is 0
        let (rest, packed) = BlockPacked::decode(&bytes, 2, 64, 66).unwrap();
        assert!(rest.is_empty());
        let values: Vec<_> = [0, 1, 63, 64, 65, 66].map(|index| packed.get(index)).into();
        assert_eq!(values, [Some(12), Some(11), Some(11), Some(0), Some(0), None]);
    }

    #[test]
    fn deltas_of_monotonic_blocks_are_zigzag_before_version_two() {
        let bytes = |min: u8| {
            let mut bytes = vec![min];
            bytes.extend(3.0_f32.to_be_bytes());
            bytes.extend([4, 0x21]);
            bytes
        };
        let values = |version, min| {
            let bytes = bytes(min);
            let (rest, packed) = MonotonicBlockPacked::decode(&bytes, version, 64, 2).unwrap();
            assert!(rest.is_empty());
            [packed.get(0), packed.get(1), packed.get(2)]
        };
        assert_eq!(values(2, 20), [Some(12), Some(14), None]);
        assert_eq!(values(1, 10), [Some(11), Some(12), None]);
    }
}
