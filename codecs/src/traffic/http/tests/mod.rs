//! Framing, heads and bodies. Every stream is fed whole, cut at every place, byte by byte, and cut at random places.

mod bodies;
mod heads;
mod hostile;
mod requests;
mod responses;

use super::*;

/// What a connection's bytes are found to be: the lengths of the messages in their order, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Framed<End> {
    lengths: Vec<usize>,
    end: Result<End, FramingError>,
}

/// The pieces that `cuts`, in their order, make of the bytes.
fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut starts = vec![0];
    starts.extend_from_slice(cuts);
    starts.push(bytes.len());
    starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// Xorshift: the same numbers each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

/// Checks that `frame` finds the same wherever the bytes are cut.
#[track_caller]
fn assert_same_for_all_cuts<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    expected: &T,
    frame: impl Fn(&[&[u8]]) -> T,
) {
    let check = |cuts: &[usize]| {
        let found = frame(&pieces(bytes, cuts));
        assert_eq!(&found, expected, "{} cut at {cuts:?}", bytes.escape_ascii());
    };
    check(&[]);
    (0..=bytes.len()).for_each(|cut| check(&[cut]));
    check(&(1..bytes.len()).collect::<Vec<_>>());
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for _ in 0..50 {
        let mut cuts: Vec<_> = (0..random.below(8)).map(|_| random.below(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        check(&cuts);
    }
}
