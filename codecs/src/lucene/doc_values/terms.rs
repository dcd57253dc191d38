//! Terms dictionaries of sorted columns: ordinal → term.

use super::entry::Span;
use crate::input::{Decoded, Failure, be_u16, take, u8};
use crate::lucene::packed::{DirectMonotonic, MonotonicBlockPacked};
use crate::lucene::primitives::vint;
use nom::Parser;
use nom::error::context;
use std::ops::Range;

/// Lucene 5.4 shares prefixes within this many terms.
const INTERVAL_SHIFT: u32 = 4;
const INTERVAL_SIZE: usize = 1 << INTERVAL_SHIFT;

/// What the meta file says about a terms dictionary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TermsEntry {
    pub(super) span: Span,
    pub(super) count: u64,
    pub(super) encoding: TermsEncoding,
}

/// How terms lie in the data file, in the order of their ordinals.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TermsEncoding {
    /// One after the other, all of this length.
    Fixed { length: u32 },
    /// One after the other, with the address of each, and of the end.
    Variable { addresses: DirectMonotonic, address_span: Span },
    /// Lucene 5.4: blocks of 16 terms that share prefixes with the first of the block.
    Intervals { version: u32, block_size: u32, address_span: Span },
    /// Lucene 7: blocks of `1 << shift` terms that share prefixes with the term before.
    Blocks { shift: u32, addresses: DirectMonotonic, address_span: Span },
}

impl TermsEntry {
    /// The parts of the data file that are needed.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        let addresses = match self.encoding {
            TermsEncoding::Fixed { .. } => None,
            TermsEncoding::Variable { address_span, .. }
            | TermsEncoding::Intervals { address_span, .. }
            | TermsEncoding::Blocks { address_span, .. } => Some(address_span),
        };
        [Some(self.span), addresses].into_iter().flatten()
    }
}

/// A terms dictionary that has been read once from end to end, so that each term is known to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    /// Where each block starts in the bytes of the terms, and where the last ends; of fixed terms nothing.
    starts: Vec<usize>,
    count: u64,
    coding: Coding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Fixed { length: usize },
    Variable,
    FirstOfBlock,
    Previous { shift: u32 },
}

impl Coding {
    const fn shift(self) -> u32 {
        match self {
            Self::Fixed { .. } | Self::Variable => 0,
            Self::FirstOfBlock => INTERVAL_SHIFT,
            Self::Previous { shift } => shift,
        }
    }
}

impl Terms {
    /// Reads all terms of `bytes`, the bytes of the entry's span, and compares where they lie with the addresses.
    pub(super) fn decode<'a>(entry: &TermsEntry, bytes: &'a [u8], addresses: &'a [u8]) -> Decoded<'a, Self> {
        let count = entry.count;
        match &entry.encoding {
            TermsEncoding::Fixed { length } => {
                let coding = Coding::Fixed { length: *length as usize };
                let starts = Vec::new();
                Ok((&[], Self { starts, count, coding }))
            }
            TermsEncoding::Variable { addresses: lines, .. } => {
                let address = |index| lines.get(addresses, index);
                Self::variable(bytes, count, &address)
            }
            TermsEncoding::Intervals { version, block_size, .. } => {
                let blocks = count.div_ceil(1 << INTERVAL_SHIFT);
                let (_, lines) = context("addresses of terms", |input| {
                    MonotonicBlockPacked::decode(input, *version, *block_size, blocks)
                })
                .parse(addresses)?;
                Self::walk(bytes, count, Coding::FirstOfBlock, &|index| lines.get(index))
            }
            TermsEncoding::Blocks { shift, addresses: lines, .. } => {
                let address = |index| lines.get(addresses, index);
                Self::walk(bytes, count, Coding::Previous { shift: *shift }, &address)
            }
        }
    }

    fn variable<'a>(bytes: &'a [u8], count: u64, address: &dyn Fn(u64) -> Option<i64>) -> Decoded<'a, Self> {
        // Terms differ from each other: at most one of them is empty.
        if count > (bytes.len() as u64).saturating_add(1) {
            return Failure::corrupt(bytes, format!("{count} terms in {} bytes", bytes.len()));
        }
        let mut starts: Vec<usize> = Vec::new();
        for index in 0..=count {
            let start = address(index).and_then(|start| usize::try_from(start).ok());
            match start {
                Some(start) if start <= bytes.len() && starts.last() <= Some(&start) => starts.push(start),
                _ => return Failure::corrupt(bytes, format!("term {index} of {count} starts at {start:?}")),
            }
        }
        let coding = Coding::Variable;
        Ok((&[], Self { starts, count, coding }))
    }

    fn walk<'a>(
        bytes: &'a [u8],
        count: u64,
        coding: Coding,
        address: &dyn Fn(u64) -> Option<i64>,
    ) -> Decoded<'a, Self> {
        let size = 1_u64 << coding.shift();
        let mut starts = Vec::new();
        let mut rest = bytes;
        let mut left = count;
        let mut buffer = Vec::new();
        while left > 0 {
            let start = bytes.len().saturating_sub(rest.len());
            if address(starts.len() as u64) != i64::try_from(start).ok() {
                let what = format!("the address of block {} of the terms is not {start}", starts.len());
                return Failure::corrupt(rest, what);
            }
            starts.push(start);
            let terms = left.min(size);
            let (after, ()) =
                context("block of terms", |input| coding.read_block(input, terms, terms, &mut buffer))
                    .parse(rest)?;
            left = left.saturating_sub(terms);
            rest = after;
        }
        if !rest.is_empty() {
            return Failure::corrupt(rest, format!("{} bytes after {count} terms", rest.len()));
        }
        starts.push(bytes.len());
        Ok((rest, Self { starts, count, coding }))
    }

    /// Term `ordinal` of the dictionary whose bytes are `bytes`; it may be made in `buffer`.
    pub(super) fn get<'a>(&self, bytes: &'a [u8], ordinal: u64, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        if ordinal >= self.count {
            return None;
        }
        if let Coding::Fixed { length } = self.coding {
            let start = usize::try_from(ordinal).ok()?.checked_mul(length)?;
            return bytes.get(start..start.checked_add(length)?);
        }
        let shift = self.coding.shift();
        let bytes = bytes.get(self.block(ordinal >> shift)?)?;
        if self.coding == Coding::Variable {
            return Some(bytes);
        }
        let first = ordinal >> shift << shift;
        let in_block = self.count.saturating_sub(first).min(1 << shift);
        let wanted = ordinal.saturating_sub(first).saturating_add(1);
        let (_, ()) = self.coding.read_block(bytes, in_block, wanted, buffer).ok()?;
        Some(buffer)
    }

    fn block(&self, index: u64) -> Option<Range<usize>> {
        let index = usize::try_from(index).ok()?;
        Some(*self.starts.get(index)?..*self.starts.get(index.checked_add(1)?)?)
    }
}

impl Coding {
    /// Reads the first `wanted` of the terms of a block, and leaves the last of them in `term`.
    fn read_block<'a>(
        self,
        input: &'a [u8],
        in_block: u64,
        wanted: u64,
        term: &mut Vec<u8>,
    ) -> Decoded<'a, ()> {
        let (rest, length) = vint(input)?;
        let (rest, first) = take(rest, length)?;
        term.clear();
        term.extend_from_slice(first);
        if self == Self::FirstOfBlock {
            return read_interval(rest, in_block, wanted, first, term);
        }
        let mut rest = rest;
        for _ in 1..wanted {
            let at = rest;
            let (after, token) = u8(at)?;
            let (after, prefix) = extended(after, u32::from(token & 0x0F), 15)?;
            let (after, suffix) = extended(after, u32::from(token >> 4).saturating_add(1), 16)?;
            let (after, suffix) = take(after, suffix)?;
            if prefix > term.len() {
                let what = format!("a prefix of {prefix} bytes of a term of {}", term.len());
                return Failure::corrupt(at, what);
            }
            term.truncate(prefix);
            term.extend_from_slice(suffix);
            rest = after;
        }
        Ok((rest, ()))
    }
}

/// A length that goes on as a `VInt` when its bits are all set, which is `limit`.
fn extended(input: &[u8], length: u32, limit: u32) -> Decoded<'_, usize> {
    if length != limit {
        return Ok((input, length as usize));
    }
    let (rest, more) = vint(input)?;
    Ok((rest, (length as usize).saturating_add(more as usize)))
}

/// The rest of a block of Lucene 5.4 after its first term.
///
/// | bytes  | field   | meaning                                                                       |
/// |--------|---------|-------------------------------------------------------------------------------|
/// | 15, 31 | lengths | of the other 15 suffixes less one, a byte each; if the first is 255 two bytes each follow |
/// | 1 + n  | term    | for each other term: how much it shares with the first, then its suffix         |
fn read_interval<'a>(
    input: &'a [u8],
    in_block: u64,
    wanted: u64,
    first: &[u8],
    term: &mut Vec<u8>,
) -> Decoded<'a, ()> {
    let two_bytes = input.first() == Some(&u8::MAX);
    let head = if two_bytes { 1 + 2 * (INTERVAL_SIZE - 1) } else { INTERVAL_SIZE - 1 };
    let (mut rest, lengths) = take(input, head)?;
    let mut lengths = if two_bytes { lengths.get(1..).unwrap_or_default() } else { lengths };
    for _ in 1..wanted.min(in_block) {
        let (after, length) = if two_bytes {
            be_u16(lengths)?
        } else {
            u8(lengths).map(|(after, length)| (after, u16::from(length)))?
        };
        lengths = after;
        let (after, shared) = u8(rest)?;
        let Some(prefix) = first.get(..usize::from(shared)) else {
            let what = format!("a prefix of {shared} bytes of a term of {}", first.len());
            return Failure::corrupt(rest, what);
        };
        let (after, suffix) = take(after, usize::from(length).saturating_add(1))?;
        term.clear();
        term.extend_from_slice(prefix);
        term.extend_from_slice(suffix);
        rest = after;
    }
    Ok((rest, ()))
}
