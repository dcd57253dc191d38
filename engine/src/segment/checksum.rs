//! The checksum of a file that is read in parts, in any order.

use codecs::lucene::codec_util::{FOOTER_LENGTH, decode_footer};
use crc32fast::Hasher;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of the field that has the checksum: all before it is summed.
const FIELD: u64 = 8;

/// The checksum of a file, as far as its bytes were read.
#[derive(Debug)]
pub(crate) struct Checksum {
    file: String,
    length: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Ranges that were read, by their start: end and sum. They do not touch each other.
    parts: BTreeMap<u64, (u64, Hasher)>,
    /// What the file says.
    expected: Option<u32>,
    /// Whether it was told that something is wrong.
    is_reported: bool,
}

impl Checksum {
    /// For a file of this length, with a footer.
    pub(super) fn new(file: &str, length: u64) -> Self {
        Self { file: file.to_owned(), length, state: Mutex::default() }
    }

    /// Whether all bytes were read.
    #[cfg(test)]
    pub(super) fn is_whole(&self) -> bool {
        self.state().parts.get(&0).is_some_and(|(end, _)| *end == self.length.saturating_sub(FIELD))
    }

    /// Adds the bytes of a range; again is as once. They are fewer than the range where the file is cut.
    ///
    /// Fails once: when these were the last bytes that were missing, and the checksum is wrong, or when the range goes
    /// to the end of the file, and there is no footer.
    pub(super) fn add(&self, range: Range<u64>, bytes: &[u8]) -> codecs::Result<()> {
        let result = self.note_footer(&range, bytes).and_then(|()| self.sum(range.start, bytes));
        match result {
            Err(_) if std::mem::replace(&mut self.state().is_reported, true) => Ok(()),
            result => result,
        }
    }

    fn note_footer(&self, range: &Range<u64>, bytes: &[u8]) -> codecs::Result<()> {
        if range.end != self.length {
            return Ok(());
        }
        let end = range.start.saturating_add(bytes.len() as u64);
        let missing = range.end.saturating_sub(end);
        if missing > 0 {
            let file = self.file.clone();
            return Err(codecs::Error::Truncated {
                file,
                offset: end,
                what: "the rest with the checksum",
                missing,
            });
        }
        let footer = bytes.get(bytes.len().saturating_sub(FOOTER_LENGTH)..).unwrap_or_default();
        let footer = decode_footer(&self.file, end.saturating_sub(FOOTER_LENGTH as u64), footer)?;
        self.state().expected = Some(footer.checksum);
        Ok(())
    }

    fn sum(&self, start: u64, bytes: &[u8]) -> codecs::Result<()> {
        let end = start.saturating_add(bytes.len() as u64);
        let range = start..end.min(self.length.saturating_sub(FIELD));
        loop {
            let missing = self.state().missing(range.clone());
            if missing.is_empty() {
                return Ok(());
            }
            let at = |place: u64| usize::try_from(place.saturating_sub(start)).unwrap_or(usize::MAX);
            let mut sum = Hasher::new();
            sum.update(bytes.get(at(missing.start)..at(missing.end)).unwrap_or_default());
            let mut state = self.state();
            // Another thread may have added some of them meanwhile.
            if state.missing(missing.clone()) == missing {
                state.insert(missing, sum);
                self.verify(&state)?;
            }
        }
    }

    fn verify(&self, state: &State) -> codecs::Result<()> {
        let length = self.length.saturating_sub(FIELD);
        let whole = state.parts.get(&0).filter(|(end, _)| *end == length);
        let (Some((_, sum)), Some(expected)) = (whole, state.expected) else { return Ok(()) };
        let actual = sum.clone().finalize();
        if actual == expected {
            return Ok(());
        }
        Err(codecs::Error::Checksum { file: self.file.clone(), length, expected, actual })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first run of bytes of a range that were not read; empty when all were.
    fn missing(&self, range: Range<u64>) -> Range<u64> {
        let before = self.parts.range(..=range.start).next_back().map_or(0, |(_, (end, _))| *end);
        let start = range.start.max(before);
        let end = self.parts.range(start..).next().map_or(range.end, |(next, _)| range.end.min(*next));
        start..end
    }

    /// Adds a range of which nothing was read, and joins it with its neighbours.
    fn insert(&mut self, range: Range<u64>, sum: Hasher) {
        let (mut start, mut end, mut sum) = (range.start, range.end, sum);
        if let Some((first, (last, before))) = self.parts.range(..start).next_back()
            && *last == start
        {
            let (first, mut joined) = (*first, before.clone());
            joined.combine(&sum);
            (start, sum) = (first, joined);
        }
        if let Some((next_end, after)) = self.parts.remove(&end) {
            sum.combine(&after);
            end = next_end;
        }
        self.parts.insert(start, (end, sum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom;
    use rand::{Rng, SeedableRng};

    /// A file with a footer, as Lucene writes it.
    fn file(body: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..=250).cycle().take(body).collect();
        bytes.extend_from_slice(&0xC028_93E8_u32.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let checksum = u64::from(crc32fast::hash(&bytes));
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Ranges that cover the file, overlap, and come in any order; the last has the whole footer.
    fn parts(length: usize, random: &mut StdRng) -> Vec<Range<usize>> {
        let mut starts: Vec<usize> = (0..8).map(|_| random.random_range(0..length - FOOTER_LENGTH)).collect();
        starts.push(0);
        starts.sort_unstable();
        let ends = starts.iter().skip(1).copied().chain([length]);
        let mut parts: Vec<_> = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
        for part in &mut parts {
            part.start = part.start.saturating_sub(random.random_range(0..3) * 10);
        }
        parts.shuffle(random);
        parts
    }

    fn add(checksum: &Checksum, part: Range<usize>, bytes: &[u8]) -> codecs::Result<()> {
        checksum.add(part.start as u64..part.end as u64, &bytes[part])
    }

    /// The ranges that were read.
    fn read(checksum: &Checksum) -> Vec<(u64, u64)> {
        checksum.state().parts.iter().map(|(start, (end, _))| (*start, *end)).collect()
    }

    #[test]
    fn bytes_that_are_whole_are_right_in_any_order() {
        let mut random = StdRng::seed_from_u64(3);
        let bytes = file(1000);
        for _ in 0..300 {
            let checksum = Checksum::new("_0.fdt", bytes.len() as u64);
            for part in parts(bytes.len(), &mut random) {
                assert_eq!(add(&checksum, part, &bytes), Ok(()));
            }
            assert_eq!(read(&checksum), [(0, 1008)]);
        }
    }

    #[test]
    fn every_flipped_bit_is_found_once() {
        let mut random = StdRng::seed_from_u64(5);
        for at in 0..1000 {
            let mut bytes = file(1000);
            bytes[at] ^= 1 << random.random_range(0..8);
            let checksum = Checksum::new("_0.fdt", bytes.len() as u64);
            let parts = parts(bytes.len(), &mut random);
            let twice = parts.iter().chain(&parts);
            let errors = twice.filter_map(|part| add(&checksum, part.clone(), &bytes).err());
            let errors: Vec<_> = errors.collect();
            assert!(matches!(errors[..], [codecs::Error::Checksum { length: 1008, .. }]), "{at}: {errors:?}");
        }
    }

    #[test]
    fn a_footer_that_is_none_is_an_error() {
        let mut bytes = file(100);
        bytes[100] ^= 1;
        let checksum = Checksum::new("_0.fdt", 116);
        let error = add(&checksum, 50..116, &bytes).unwrap_err();
        assert_eq!((error.file(), error.offset()), ("_0.fdt", 100));
        assert_eq!(add(&checksum, 50..116, &bytes), Ok(()), "it is told once");
    }

    #[test]
    fn a_file_that_is_cut_is_an_error() {
        let bytes = file(100);
        let checksum = Checksum::new("_0.fdt", 116);
        let cut = checksum.add(50..116, &bytes[50..103]);
        let expected = codecs::Error::Truncated {
            file: "_0.fdt".to_owned(),
            offset: 103,
            what: "the rest with the checksum",
            missing: 13,
        };
        assert_eq!(cut, Err(expected));
        assert_eq!(
            checksum.add(50..90, &bytes[50..70]),
            Ok(()),
            "who reads the chunks says that they are cut"
        );
    }

    #[test]
    fn a_file_that_is_not_read_to_its_end_has_no_verdict() {
        let bytes = file(100);
        let checksum = Checksum::new("_0.fdt", 116);
        assert_eq!(add(&checksum, 10..116, &bytes), Ok(()));
        assert_eq!(add(&checksum, 0..9, &bytes), Ok(()));
        assert_eq!(read(&checksum), [(0, 9), (10, 108)]);
    }

    #[test]
    fn bytes_around_others_that_were_read_are_summed_on_both_sides() {
        let mut bytes = file(100);
        bytes[90] ^= 1;
        let checksum = Checksum::new("_0.fdt", 116);
        assert_eq!(add(&checksum, 40..60, &bytes), Ok(()));
        assert_eq!(add(&checksum, 70..80, &bytes), Ok(()));
        let error = add(&checksum, 0..116, &bytes).unwrap_err();
        assert!(matches!(error, codecs::Error::Checksum { length: 108, .. }), "{error}");
        assert_eq!(read(&checksum), [(0, 108)]);
    }
}
