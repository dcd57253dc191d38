//! Versions of the formats that no server of the fixtures writes, put together by the tables of the modules.

use crate::damage::sealed;
use crate::{Fixture, fixture};
use codecs::Result;
use codecs::lucene::compound::CompoundEntries;
use codecs::lucene::field_infos::FieldInfos;
use codecs::lucene::live_docs;
use codecs::lucene::segment_info::SegmentInfo;
use codecs::lucene::segment_infos::SegmentInfos;

const ID: [u8; 16] = [7; 16];

fn string(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn header(codec: &str, version: u8) -> Vec<u8> {
    [&[0x3F, 0xD7, 0x6C, 0x17][..], &string(codec), &[0, 0, 0, version]].concat()
}

fn index_header(codec: &str, version: u8, suffix: &str) -> Vec<u8> {
    [header(codec, version), ID.to_vec(), string(suffix)].concat()
}

/// The last four bytes of a number of eight.
fn long(low: i32) -> Vec<u8> {
    i64::from(low).to_be_bytes().to_vec()
}

/// A commit of one segment `_0` with one user datum, and no checksum.
fn commit(version: u8) -> Vec<u8> {
    let (wide, narrow) =
        (version < 5, |number: u8| if version < 5 { vec![0, 0, 0, number] } else { vec![number] });
    let mut bytes =
        if version < 4 { header("segments", version) } else { index_header("segments", version, "1") };
    bytes.extend_from_slice(if version >= 6 { &[7, 1, 0] } else { &[] });
    bytes.extend_from_slice(if version >= 7 { &[7] } else { &[] });
    bytes.extend(long(9));
    bytes.extend_from_slice(if version >= 8 { &[3] } else { &[0, 0, 0, 3] });
    bytes.extend_from_slice(&[0, 0, 0, 1]);
    bytes.extend_from_slice(if version >= 6 { &[7, 0, 0] } else { &[] });
    bytes.extend(string("_0"));
    bytes.extend_from_slice(if (4..7).contains(&version) { &[1] } else { &[] });
    bytes.extend_from_slice(if version >= 4 { &ID } else { &[] });
    bytes.extend(string("Lucene"));
    bytes.extend([long(2), vec![0, 0, 0, 5]].concat());
    bytes.extend(if version >= 1 { long(3) } else { Vec::new() });
    bytes.extend(if version >= 3 { long(4) } else { Vec::new() });
    bytes.extend_from_slice(if version >= 9 { &[0, 0, 0, 6] } else { &[] });
    if version >= 3 {
        bytes.extend([narrow(1), string("_0_3.fnm")].concat());
    }
    if version >= 1 {
        let key = if version >= 3 { 4 } else { 8 };
        bytes.extend([vec![0, 0, 0, 1], vec![0; key], narrow(1), string("_0_4.dvd")].concat());
    }
    let count = if wide { vec![0, 0, 0, 1] } else { vec![1] };
    bytes.extend([count, string("key"), string("value")].concat());
    bytes
}

fn with_checksum(version: u8, bytes: Vec<u8>) -> Vec<u8> {
    if version >= 2 {
        return sealed(&bytes);
    }
    let checksum = u64::from(crc32fast::hash(&bytes)).to_be_bytes();
    [bytes, checksum.to_vec()].concat()
}

#[test]
fn commits_of_lucene_4_0_to_7_4_are_read() {
    for version in 0..=9 {
        let bytes = with_checksum(version, commit(version));
        let commit = SegmentInfos::decode("segments_1", &bytes).unwrap();
        assert_eq!(commit.user_data, [("key".to_owned(), "value".to_owned())], "version {version}");
        let [segment] = &commit.segments[..] else { panic!("version {version}") };
        assert_eq!((segment.name.as_str(), segment.codec.as_str()), ("_0", "Lucene"), "version {version}");
        assert_eq!((segment.deletion_generation, segment.deleted_count), (Some(2), 5), "version {version}");
        assert_eq!(segment.id, (version >= 4).then_some(ID), "version {version}");
        assert_eq!(segment.field_infos_generation, (version >= 1).then_some(3), "version {version}");
        // Before Lucene 4.9 one generation was for both.
        let doc_values = [None, Some(3), Some(3)].get(usize::from(version)).copied().unwrap_or(Some(4));
        assert_eq!(segment.doc_values_generation, doc_values, "version {version}");
        assert_eq!(segment.soft_deleted_count, (version >= 9).then_some(6), "version {version}");
        let files: &[&str] = match version {
            0 => &[],
            1 | 2 => &["_0_4.dvd"],
            _ => &["_0_3.fnm", "_0_4.dvd"],
        };
        assert_eq!(segment.update_files, files, "version {version}");
        for length in 0..bytes.len() {
            assert!(
                SegmentInfos::decode("segments_1", &bytes[..length]).is_err(),
                "version {version} cut at {length}"
            );
        }
    }
}

#[test]
fn a_changed_commit_before_lucene_4_8_is_a_checksum_error() {
    let mut bytes = with_checksum(0, commit(0));
    bytes[30] ^= 1;
    let error = SegmentInfos::decode("segments_1", &bytes).unwrap_err().to_string();
    assert!(error.starts_with("`segments_1`: checksum of "), "{error}");
}

#[test]
fn a_commit_before_lucene_4_0_is_unsupported_and_named() {
    for format in [-1_i32, -9, -11] {
        let bytes = [&format.to_be_bytes()[..], &[0; 40]].concat();
        assert_eq!(
            SegmentInfos::decode("segments_1", &bytes).unwrap_err().to_string(),
            format!(
                "`segments_1`: unsupported format of commits `{format}`: ferry reads Lucene 4.0 and later"
            )
        );
    }
    let error = SegmentInfos::decode("segments_1", &(-12_i32).to_be_bytes()).unwrap_err().to_string();
    assert!(error.contains("expected the Lucene codec magic"), "{error}");
}

#[test]
fn a_segment_that_is_in_a_commit_twice_is_corrupt() {
    let bytes = commit(0);
    let start = header("segments", 0).len() + 8 + 4;
    let segment = &bytes[start + 4..start + 4 + 22];
    let twice = [&bytes[..start], &[0, 0, 0, 2], segment, &bytes[start + 4..]].concat();
    let error = SegmentInfos::decode("segments_1", &with_checksum(0, twice)).unwrap_err().to_string();
    assert_eq!(error, format!("`segments_1`: corrupt at byte {}: two segments `_0`", start + 4));
}

#[test]
fn a_segment_whose_name_leaves_the_folder_is_corrupt() {
    for name in ["../0", "_", "_0/a", "a0", "_.."] {
        let bytes = commit(0);
        let start = header("segments", 0).len() + 8 + 4 + 4;
        let bytes = [&bytes[..start], &string(name), &bytes[start + 3..]].concat();
        let error = SegmentInfos::decode("segments_1", &with_checksum(0, bytes)).unwrap_err().to_string();
        assert!(error.ends_with(&format!("`{name}` as the name of a segment")), "{error}");
    }
}

#[test]
fn segment_infos_of_lucene_4_and_5_0_are_read() {
    let map = |wide: bool| if wide { vec![0, 0, 0, 1, 1, b'k', 1, b'v'] } else { vec![1, 1, b'k', 1, b'v'] };
    let files = [vec![0, 0, 0, 1], string("_0.fdt")].concat();
    let body = |version: Vec<u8>| [version, vec![0, 0, 0, 9, 1], map(true)].concat();
    let of_40 = [header("Lucene40SegmentInfo", 0), body(string("4.5.1")), map(true), files.clone()].concat();
    let of_46 = [header("Lucene46SegmentInfo", 0), body(string("4.6.0")), files.clone()].concat();
    let numbers = vec![0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1];
    let of_50 = [index_header("Lucene50SegmentInfo", 0, ""), body(numbers), files, map(true)].concat();
    for (bytes, version, id, attributes) in
        [(of_40, "4.5.1", None, 0), (of_46, "4.6.0", None, 0), (sealed(&of_50), "5.0.1", Some(ID), 1)]
    {
        let info = SegmentInfo::decode("_0.si", &bytes).unwrap();
        assert_eq!(
            (info.version.as_str(), info.doc_count, info.is_compound, info.id),
            (version, 9, true, id)
        );
        assert_eq!((info.files, info.attributes.len()), (vec!["_0.fdt".to_owned()], attributes));
        for length in 0..bytes.len() {
            assert!(SegmentInfo::decode("_0.si", &bytes[..length]).is_err(), "{version} cut at {length}");
        }
        let longer = SegmentInfo::decode("_0.si", &[&bytes[..], b"\0"].concat());
        assert!(longer.is_err(), "{version}");
    }
}

#[test]
fn a_segment_info_of_lucene_3_is_unsupported_and_named() {
    let error = SegmentInfo::decode("_0.si", &header("Lucene3xSegmentInfo", 0)).unwrap_err().to_string();
    assert!(
        error.starts_with("`_0.si`: unsupported codec of segment info `Lucene3xSegmentInfo`: "),
        "{error}"
    );
}

/// A real `.si` with bytes of its body changed, and a right checksum.
fn changed(file: &Fixture, place: usize, bytes: &[u8]) -> Result<SegmentInfo> {
    let mut body = file.bytes[..file.bytes.len() - 16].to_vec();
    body[place..place + bytes.len()].copy_from_slice(bytes);
    SegmentInfo::decode("_0.si", &sealed(&body))
}

#[test]
fn flags_are_1_or_255_and_documents_fewer_than_lucene_can_number() {
    let file = fixture("es-9.0.2-updates/_0.si");
    let documents = header("Lucene90SegmentInfo", 0).len() + 17 + 12 + 13;
    for (place, what) in [(documents + 4, "compound"), (documents + 5, "blocks")] {
        assert!(changed(&file, place, &[1]).is_ok() && changed(&file, place, &[255]).is_ok());
        let error = changed(&file, place, &[2]).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("`_0.si`: corrupt at byte {place}: {what} flag: expected 1 or 255, found 2")
        );
    }
    assert_eq!(changed(&file, documents, &0x7FFF_FF7F_u32.to_le_bytes()).unwrap().doc_count, 2_147_483_519);
    assert!(changed(&file, documents, &0x7FFF_FF80_u32.to_le_bytes()).is_err());
}

#[test]
fn compound_entries_of_lucene_4_0_have_no_footer_nor_has_their_compound_file() {
    let entry = [string(".fdt"), long(31), long(69)].concat();
    let bytes = [header("CompoundFileWriterEntries", 0), vec![1], entry.clone()].concat();
    let entries = CompoundEntries::decode("_0.cfe", &bytes).unwrap();
    assert_eq!(entries.get(".fdt"), Some(31..100));
    assert_eq!(entries.check_length("_0.cfe", 100), Ok(()));
    assert!(entries.check_length("_0.cfe", 99).is_err() && entries.check_length("_0.cfe", 101).is_err());
    for length in 0..bytes.len() {
        assert!(CompoundEntries::decode("_0.cfe", &bytes[..length]).is_err(), "cut at {length}");
    }
    let twice = [header("CompoundFileWriterEntries", 0), vec![2], entry.clone(), entry].concat();
    let error = CompoundEntries::decode("_0.cfe", &twice).unwrap_err().to_string();
    assert!(error.ends_with("two files `.fdt`"), "{error}");
    for (start, length) in [(-1, 1), (1, -1), (-1, -1)] {
        let entry = [string(".fdt"), long(start), long(length)].concat();
        let bytes = [header("CompoundFileWriterEntries", 0), vec![1], entry].concat();
        assert!(CompoundEntries::decode("_0.cfe", &bytes).is_err(), "{length} bytes at {start}");
    }
}

/// A field `f` of number 3, with all that the version of the format has.
fn field(codec: u8, version: u8, flags: u8, skip_index: u8) -> Vec<u8> {
    let mut bytes = [string("f"), vec![3, flags]].concat();
    bytes.extend_from_slice(if codec >= 50 { &[4, 5] } else { &[0x11] });
    bytes.extend_from_slice(if codec == 94 && version >= 2 {
        std::slice::from_ref(&skip_index)
    } else {
        &[]
    });
    let generation = if codec >= 90 { 6_i64.to_le_bytes() } else { 6_i64.to_be_bytes() };
    bytes.extend_from_slice(if codec >= 46 { &generation } else { &[] });
    let is_wide = codec < 50 || (codec == 50 && version == 0);
    bytes.extend_from_slice(if is_wide { &[0, 0, 0, 1] } else { &[1] });
    bytes.extend([string("key"), string("value")].concat());
    bytes.extend_from_slice(if codec >= 60 { &[2] } else { &[] });
    bytes.extend_from_slice(if codec >= 90 || (codec == 60 && version >= 2) { &[1] } else { &[] });
    bytes.extend_from_slice(if codec >= 60 { &[8] } else { &[] });
    bytes.extend_from_slice(if codec >= 90 { &[0, 0] } else { &[] });
    bytes.extend_from_slice(if codec >= 94 { &[0] } else { &[] });
    bytes
}

fn fields(codec: u8, version: u8, flags: u8, skip_index: u8) -> Vec<u8> {
    let name = format!("Lucene{codec}FieldInfos");
    let header = if codec >= 50 { index_header(&name, version, "") } else { header(&name, version) };
    let body = [header, vec![1], field(codec, version, flags, skip_index)].concat();
    if codec >= 50 || (codec == 46 && version >= 1) { sealed(&body) } else { body }
}

#[test]
fn field_infos_of_every_version_are_read() {
    let versions = [(40, 0), (42, 0), (46, 2), (50, 1), (60, 2), (90, 0), (94, 2)];
    for (codec, version) in versions.into_iter().flat_map(|(codec, last)| (0..=last).map(move |v| (codec, v)))
    {
        let bytes = fields(codec, version, 8, 1);
        let infos = FieldInfos::decode("_0.fnm", &bytes).unwrap();
        let field = infos.by_name("f").unwrap();
        assert_eq!(field.number, 3, "{codec} {version}");
        assert_eq!(field.doc_values_generation, (codec >= 46).then_some(6), "{codec} {version}");
        assert_eq!(field.attribute("key"), Some("value"), "{codec} {version}");
        assert_eq!(field.has_skip_index, (codec, version) == (94, 2), "{codec} {version}");
        // Lucene 7.4 and later.
        let is_soft_deletes = codec >= 90 || (codec == 60 && version >= 1);
        assert_eq!(field.is_soft_deletes, is_soft_deletes, "{codec} {version}");
        for length in 0..bytes.len() {
            assert!(
                FieldInfos::decode("_0.fnm", &bytes[..length]).is_err(),
                "{codec} {version} cut at {length}"
            );
        }
    }
    for (codec, version) in [(40, 1), (46, 3), (60, 3), (90, 1), (94, 3)] {
        let error = FieldInfos::decode("_0.fnm", &fields(codec, version, 0, 0)).unwrap_err().to_string();
        assert!(
            error.contains(&format!("unsupported version `Lucene{codec}FieldInfos {version}`")),
            "{error}"
        );
    }
}

#[test]
fn a_kind_of_skip_index_that_lucene_does_not_know_is_corrupt() {
    let error = FieldInfos::decode("_0.fnm", &fields(94, 2, 0, 2)).unwrap_err().to_string();
    assert!(error.ends_with("skip index: expected 0 to 1, found 2"), "{error}");
}

#[test]
fn two_fields_of_one_name_or_number_are_corrupt() {
    let two = |second: &[u8]| {
        let first = field(40, 0, 0, 0);
        [&header("Lucene40FieldInfos", 0)[..], &[2], &first, second].concat()
    };
    let mut same_number = field(40, 0, 0, 0);
    same_number[1] = b'g';
    for (second, what) in [(field(40, 0, 0, 0), "two fields `f`"), (same_number, "two fields of number 3")] {
        let error = FieldInfos::decode("_0.fnm", &two(&second)).unwrap_err().to_string();
        assert!(error.ends_with(what), "{error}");
    }
}

#[test]
fn live_documents_of_lucene_9_are_in_little_endian_words() {
    let bits: [u64; 2] = [0xFFFF_FFFF_FFFF_FFFB, 0x3F];
    let words: Vec<u8> = bits.iter().flat_map(|word| word.to_le_bytes()).collect();
    let file = |words: &[u8]| sealed(&[&index_header("Lucene90LiveDocs", 0, "1"), words].concat());
    assert_eq!(live_docs::decode("_0_1.liv", &file(&words), 70, 1).unwrap().words(), bits);
    let mut beyond = words;
    beyond[15] = 1;
    assert!(live_docs::decode("_0_1.liv", &file(&beyond), 70, 1).is_err());
}

/// `.del` of 20 documents, of which 2 and 17 are deleted.
fn deletes(version: Option<u8>, is_sparse: bool) -> Vec<u8> {
    let ones_are_live = version.is_some_and(|version| version >= 1);
    let count: u8 = if ones_are_live { 18 } else { 2 };
    let bits: [u8; 3] = if ones_are_live { [0xFB, 0xFF, 0x0D] } else { [0x04, 0, 0x02] };
    let mut bytes = version
        .map_or(Vec::new(), |version| [vec![0xFF, 0xFF, 0xFF, 0xFE], header("BitVector", version)].concat());
    bytes.extend_from_slice(if is_sparse { &[0xFF; 4] } else { &[] });
    bytes.extend_from_slice(&[0, 0, 0, 20, 0, 0, 0, count]);
    bytes.extend(if is_sparse { vec![0, bits[0], 2, bits[2]] } else { bits.to_vec() });
    if version == Some(2) { sealed(&bytes) } else { bytes }
}

#[test]
fn deleted_documents_of_lucene_4_are_read_dense_and_sparse() {
    for version in [None, Some(0), Some(1), Some(2)] {
        for is_sparse in [false, true] {
            let bytes = deletes(version, is_sparse);
            let live = live_docs::decode("_0_1.del", &bytes, 20, 2).unwrap();
            assert_eq!(live.words(), [0x000D_FFFB], "{version:?} {is_sparse}");
            for length in 0..bytes.len() {
                let cut = live_docs::decode("_0_1.del", &bytes[..length], 20, 2);
                assert!(cut.is_err(), "{version:?} {is_sparse} cut at {length}");
            }
            let mut miscounted = bytes.clone();
            let count = bytes.len() - if is_sparse { 5 } else { 4 } - if version == Some(2) { 16 } else { 0 };
            miscounted[count] ^= 4;
            assert!(live_docs::decode("_0_1.del", &miscounted, 20, 2).is_err(), "{version:?} {is_sparse}");
        }
    }
}

#[test]
fn bytes_after_the_deletes_are_corrupt_from_version_1_on() {
    for (version, is_error) in [(None, false), (Some(0), false), (Some(1), true)] {
        let bytes = [deletes(version, false), vec![0]].concat();
        assert_eq!(live_docs::decode("_0_1.del", &bytes, 20, 2).is_err(), is_error, "{version:?}");
    }
}
