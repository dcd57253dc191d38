//! Every cut and every changed byte of small segments of each format: never a panic, and an error where a checksum
//! or the structure shows it.

use crate::real::{Segment, open, read, segments};
use codecs::lucene::doc_values::{DocValuesMeta, FieldTraits};
use codecs::lucene::field_infos::FieldInfos;
use codecs::lucene::stored_fields::Documents;
use std::collections::BTreeMap;

/// The smallest segment with documents of each format of stored fields in an archive.
fn smallest(archive: &str) -> BTreeMap<String, Segment> {
    let mut found: BTreeMap<String, Segment> = BTreeMap::new();
    for segment in segments(archive) {
        let format = open(segment.stored(), &segment.info).unwrap().format().codec.clone();
        let is_smaller =
            |other: &Segment| segment.file(".fdt").map(<[u8]>::len) < other.file(".fdt").map(<[u8]>::len);
        if segment.info.doc_count > 0 && found.get(&format).is_none_or(is_smaller) {
            found.insert(format, segment);
        }
    }
    found
}

/// Damages `.fdt`, `.fdx` and `.fdm` of the smallest segments; gives back their formats.
fn damage_stored_fields(archive: &str) -> String {
    let smallest = smallest(archive);
    let mut documents = Documents::default();
    for segment in smallest.values() {
        let files = segment.stored().map(<[u8]>::to_vec);
        let count = segment.info.doc_count as usize;
        let mut read_again = |files: [&[u8]; 3]| -> codecs::Result<usize> {
            read(&open(files, &segment.info)?, files[0], &mut documents)
        };
        assert_eq!(read_again(segment.stored()), Ok(count), "{}", segment.of);
        for which in 0..files.len() {
            // Every byte of a small file, and about 1000 of a larger one.
            for place in (0..files[which].len()).step_by(files[which].len() / 1000 + 1) {
                let mut damaged = files.clone();
                damaged[which].truncate(place);
                let result = read_again([&damaged[0], &damaged[1], &damaged[2]]);
                // The last bytes of `.fdt`, statistics and a footer, say nothing about documents.
                let is_behind = which == 0 && place + 32 > files[0].len();
                assert!(result.is_err() || is_behind, "{} file {which} cut at {place}", segment.of);
                for change in [0x01, 0x20, 0x80, 0xFF] {
                    damaged.clone_from(&files);
                    damaged[which][place] ^= change;
                    let result = read_again([&damaged[0], &damaged[1], &damaged[2]]);
                    let what = format!("{} file {which}, {change:02x} at {place}", segment.of);
                    match result {
                        Ok(read) => assert!(which == 0 && read == count, "{what}: {read} documents"),
                        Err(error) => assert!(!error.to_string().is_empty(), "{what}"),
                    }
                }
            }
        }
    }
    smallest.into_keys().collect::<Vec<_>>().join(", ")
}

/// Damages the column of soft deletes of every segment that has one of its own; how many those are.
fn damage_soft_deletes(archive: &str) -> usize {
    let mut count = 0;
    for segment in segments(archive).iter().filter(|segment| segment.info.doc_count < 200) {
        let Some((name, fields)) = segment.files.iter().rfind(|(name, _)| name.ends_with(".fnm")) else {
            continue;
        };
        let fields = FieldInfos::decode(name, fields).unwrap();
        let Some(field) = fields.by_name("__soft_deletes") else { continue };
        // Updated less than 36 times, so that the generation reads the same in base 36.
        let generation = field.doc_values_generation.map(|generation| format!("_{generation}"));
        let name = format!("{}{}_Lucene", segment.commit.name, generation.unwrap_or_default());
        let is_meta = |file: &str| file.starts_with(&name) && file.ends_with(".dvm");
        let Some((name, meta)) = segment.files.iter().find(|(file, _)| is_meta(file)) else { continue };
        let data = &segment.files[&name.replace(".dvm", ".dvd")];
        let traits = |number| {
            let skip_index = fields.by_number(number)?.has_skip_index;
            Some(FieldTraits { compressed: false, skip_index })
        };
        let max_doc = segment.info.doc_count;
        let Ok(decoded) = DocValuesMeta::decode(name, meta, max_doc, traits) else { continue };
        let Some(range) = decoded.numeric(field.number).and_then(|entry| entry.range()) else { continue };
        let range = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        let entry = *decoded.numeric(field.number).unwrap();
        let column = &data[range[0]..range[1]];
        let deleted = entry.documents_with_value(name, column).unwrap().len();
        for place in 0..meta.len() {
            assert!(DocValuesMeta::decode(name, &meta[..place], max_doc, traits).is_err());
            let mut damaged = meta.clone();
            damaged[place] ^= 1 << (place % 8);
            assert!(DocValuesMeta::decode(name, &damaged, max_doc, traits).is_err());
        }
        for place in 0..column.len() {
            assert!(entry.documents_with_value(name, &column[..place]).is_err());
            for bit in 0..8 {
                let mut damaged = column.to_vec();
                damaged[place] ^= 1 << bit;
                if let Ok(set) = entry.documents_with_value(name, &damaged) {
                    assert_eq!(set.len(), deleted, "{} bit {bit} at {place}", segment.of);
                }
            }
        }
        count += 1;
    }
    count
}

macro_rules! damaged {
    ($($test:ident $archive:literal $formats:literal;)*) => {
        $(#[test] fn $test() { assert_eq!(damage_stored_fields($archive), $formats); })*
    };
}

damaged! {
    stored_fields_of_elasticsearch_1 "es-1.7.6" "Lucene41StoredFieldsData";
    stored_fields_of_elasticsearch_5 "es-5.6.16" "Lucene50StoredFieldsFastData, Lucene50StoredFieldsHighData";
    stored_fields_of_elasticsearch_6 "es-6.8.23" "Lucene50StoredFieldsFastData, Lucene50StoredFieldsHighData";
    stored_fields_of_elasticsearch_7 "es-7.10.2" "Lucene87StoredFieldsFastData, Lucene87StoredFieldsHighData";
    stored_fields_of_elasticsearch_9 "es-9.0.2" "Lucene90StoredFieldsFastData, ZstdStoredFields814";
    stored_fields_of_opensearch_2 "os-2.9.0" "CustomStoredFieldsZstd, CustomStoredFieldsZstdNoDict, Lucene90StoredFieldsFastData, Lucene90StoredFieldsHighData";
}

#[test]
fn soft_deletes_of_lucene_7_to_10() {
    for archive in ["es-6.8.23", "es-7.10.2", "es-8.17.4", "es-9.0.2"] {
        assert!(damage_soft_deletes(archive) > 0, "{archive}");
    }
}
