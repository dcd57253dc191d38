//! Damage to real files: what is cut, changed, renamed or appended to is an error.

use crate::{Fixture, fixture, fixtures};
use codecs::Error;
use codecs::lucene::codec_util::check_id;

/// The file without its footer, with these bytes in its place and a footer that is right again.
fn with_tail(file: &Fixture, tail: &[u8]) -> Vec<u8> {
    let body = &file.bytes[..file.bytes.len() - 16];
    sealed(&[body, tail].concat())
}

/// The bytes and a right footer after them.
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = [body, &[0xC0, 0x28, 0x93, 0xE8, 0, 0, 0, 0]].concat();
    let checksum = u64::from(crc32fast::hash(&bytes));
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn every_file_is_whole() {
    for file in fixtures() {
        assert_eq!(file.decode(&file.bytes), Ok(()), "{}", file.path);
        assert_eq!(with_tail(&file, b""), file.bytes, "{}", file.path);
    }
}

#[test]
fn every_truncation_is_an_error() {
    for file in fixtures() {
        for length in 0..file.bytes.len() {
            assert!(file.decode(&file.bytes[..length]).is_err(), "{} cut at {length}", file.path);
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    for file in fixtures() {
        let mut bytes = file.bytes.clone();
        for place in 0..bytes.len() * 8 {
            bytes[place / 8] ^= 1 << (place % 8);
            assert!(file.decode(&bytes).is_err(), "{} bit {place}", file.path);
            bytes[place / 8] ^= 1 << (place % 8);
        }
    }
}

#[test]
fn a_body_that_is_cut_is_an_error_though_its_checksum_is_right() {
    for file in fixtures().iter().filter(|file| !file.path.contains("-sorted/_0.si")) {
        for length in 0..file.bytes.len() - 16 {
            let bytes = sealed(&file.bytes[..length]);
            assert!(file.decode(&bytes).is_err(), "{} cut at {length}", file.path);
        }
    }
}

#[test]
fn a_byte_after_the_body_is_an_error_though_the_checksum_is_right() {
    // The fields of an index sort, at the end of `.si`, are not decoded.
    for file in fixtures().iter().filter(|file| !file.path.contains("-sorted/_0.si")) {
        let error = file.decode(&with_tail(file, b"\0")).unwrap_err();
        let Error::Corrupt { offset, what, .. } = &error else { panic!("{error}") };
        let end = file.bytes.len() as u64 - 16;
        assert!(*offset == end && what.starts_with("1 bytes after the "), "{}: {error}", file.path);
    }
}

#[test]
fn a_file_of_another_generation_is_corrupt() {
    for (path, name, expected) in [
        ("es-2.4.6-updates/segments_7", "segments_8", "8"),
        ("es-2.4.6-updates/_0_3.liv", "_0_2.liv", "2"),
        ("es-2.4.6-merged/_5.fnm", "_5_1.fnm", "1"),
        ("es-9.0.2-updates/_0_3.fnm", "_0.fnm", ""),
    ] {
        let file = fixture(path);
        let error = file.decode_as(name, &file.bytes).unwrap_err().to_string();
        let message = format!("expected a file of generation `{expected}`, found one of ");
        assert!(error.contains(&message), "{error}");
    }
}

#[test]
fn a_file_of_another_segment_is_corrupt() {
    let [file, other] = ["es-2.4.6-updates/_0_3.liv", "es-2.4.6-merged/_5.fnm"].map(fixture);
    let commit = fixture("es-2.4.6-updates/segments_7").commit();
    let id = commit.segments[0].id;
    assert_eq!(check_id(file.name(), &file.bytes, id), Ok(()));
    assert_eq!(
        check_id(other.name(), &other.bytes, id).unwrap_err().to_string(),
        "`_5.fnm`: corrupt at byte 0: expected a file of segment e822b569d14dc088d7f9fe1fa6eb2554, \
         found one of e822b569d14dc088d7f9fe1fa6eb2535"
    );
}
