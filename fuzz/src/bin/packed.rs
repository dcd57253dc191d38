//! Packed integers and sequences of them: a byte says which, then what they need.
#![no_main]

use codecs::lucene::packed::{
    BlockPacked, DirectMonotonic, Endianness, Format, MonotonicBlockPacked, read_all,
};
use fuzz::Parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    let (kind, bits, count) = (parts.byte(), u32::from(parts.byte()), parts.int());
    let endianness = if kind & 8 == 0 { Endianness::Big } else { Endianness::Little };
    let places = (0..u64::from(count).min(200)).chain([u64::from(count), u64::MAX]);
    match kind & 7 {
        0..=2 => {
            let format =
                [Format::Packed, Format::PackedLongAligned, Format::PackedSingleBlock][usize::from(kind & 3)];
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if let Ok((_, values)) = read_all(format, bits, count, parts.last()) {
                assert_eq!(values.len(), count);
            }
        }
        3 | 4 => {
            let meta = parts.file();
            if let Ok((_, sequence)) = DirectMonotonic::decode_meta(meta, u64::from(count), bits, endianness)
            {
                places.for_each(|place| {
                    assert!(place < u64::from(count) || sequence.get(parts.last(), place).is_none())
                });
            }
        }
        5 => {
            if let Ok((_, blocks)) =
                BlockPacked::decode(parts.last(), bits & 3, 1 << (bits >> 3), u64::from(count))
            {
                places.for_each(|place| assert_eq!(blocks.get(place).is_some(), place < u64::from(count)));
            }
        }
        _ => {
            let decoded =
                MonotonicBlockPacked::decode(parts.last(), bits & 3, 1 << (bits >> 3), u64::from(count));
            if let Ok((_, blocks)) = decoded {
                places.for_each(|place| assert_eq!(blocks.get(place).is_some(), place < u64::from(count)));
            }
        }
    }
});
