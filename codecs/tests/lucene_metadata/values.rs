//! What the files say, as `read.py` beside the fixtures reads it, a program that shares nothing with the decoders.

use crate::fixture;
use codecs::lucene::live_docs;

/// Name, codec, generation of deletes, deleted, soft-deleted, generations of field infos and doc values.
type Row = (&'static str, &'static str, Option<u64>, u32, Option<u32>, Option<u64>, Option<u64>);

fn check_commit(path: &str, rows: &[Row], user_data: &[(&str, &str)]) {
    let commit = fixture(path).commit();
    assert_eq!(commit.segments.len(), rows.len(), "{path}");
    for (segment, row) in commit.segments.iter().zip(rows) {
        let (name, codec, deletion_generation, deleted, soft_deleted, field_infos, doc_values) = *row;
        assert_eq!((segment.name.as_str(), segment.codec.as_str()), (name, codec), "{path}");
        assert_eq!(
            (segment.deletion_generation, segment.deleted_count),
            (deletion_generation, deleted),
            "{path}"
        );
        assert_eq!(segment.soft_deleted_count, soft_deleted, "{path}");
        let generations = (segment.field_infos_generation, segment.doc_values_generation);
        assert_eq!(generations, (field_infos, doc_values), "{path}");
    }
    let found =
        |key: &str| commit.user_data.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    for (key, value) in user_data {
        assert_eq!(found(key), Some(*value), "{path}");
    }
}

#[test]
fn commits_say_which_segments_there_are_and_how_many_documents_are_deleted() {
    let old = "Lucene410";
    check_commit(
        "es-1.7.6-updates/segments_8", // version 3
        &[
            ("_0", old, Some(3), 55, None, None, None),
            ("_1", old, Some(1), 6, None, None, None),
            ("_2", old, Some(1), 9, None, None, None),
            ("_3", old, Some(2), 6, None, None, None),
        ],
        &[("translog_id", "1795404153162")],
    );
    check_commit(
        "es-2.4.6-updates/segments_7", // version 6
        &[
            ("_0", "Lucene54", Some(3), 53, None, None, None),
            ("_1", "Lucene54", Some(1), 6, None, None, None),
            ("_2", "Lucene54", Some(1), 9, None, None, None),
            ("_3", "Lucene54", Some(2), 6, None, None, None),
        ],
        &[("translog_generation", "7"), ("translog_uuid", "O0Dy60bNQ-2XVE-YginW4w")],
    );
    check_commit(
        "es-5.6.16-merged/segments_9", // version 6
        &[("_8", "Lucene62", None, 0, None, None, None)],
        &[("max_unsafe_auto_id_timestamp", "-1")],
    );
    check_commit(
        "es-6.8.23-updates/segments_9", // version 9
        &[
            ("_5", "Lucene70", None, 0, Some(1), Some(1), Some(1)),
            ("_6", "Lucene70", None, 0, Some(5), Some(2), Some(2)),
        ],
        &[("max_seq_no", "214"), ("min_retained_seq_no", "215")],
    );
    check_commit(
        "es-7.10.2-updates_hard/segments_8", // version 10
        &[
            ("_2", "Lucene87", Some(1), 1, Some(0), None, None),
            ("_3", "Lucene87", Some(1), 9, Some(0), None, None),
            ("_5", "Lucene87", Some(2), 5, Some(0), None, None),
        ],
        &[("max_seq_no", "214")],
    );
    let new = "Lucene101";
    check_commit(
        "es-9.0.2-updates/segments_8", // version 10
        &[
            ("_0", new, None, 0, Some(53), Some(3), Some(3)),
            ("_1", new, None, 0, Some(6), Some(1), Some(1)),
            ("_2", new, None, 0, Some(20), None, None),
            ("_3", new, None, 0, Some(9), Some(1), Some(1)),
            ("_4", new, None, 0, Some(1), Some(1), Some(1)),
            ("_5", new, None, 0, Some(5), Some(2), Some(2)),
            ("_6", new, None, 0, Some(2), None, None),
        ],
        &[("es_version", "9009000"), ("max_seq_no", "214")],
    );
}

#[test]
fn commits_name_the_files_of_updates() {
    let commit = fixture("es-6.8.23-updates/segments_9").commit();
    let mut files = commit.segments[1].update_files.clone();
    files.sort();
    assert_eq!(files, ["_6_2.fnm", "_6_2_Lucene70_0.dvd", "_6_2_Lucene70_0.dvm"]);
    let commit = fixture("es-9.0.2-updates/segments_8").commit();
    assert_eq!(commit.segments[2].update_files, Vec::<String>::new());
}

#[test]
fn a_segment_has_a_version_a_number_of_documents_and_the_id_that_its_commit_says() {
    let mode = |format, mode| Some((format, mode));
    let speed = |format| mode(format, "BEST_SPEED");
    for (path, version, documents, is_compound, files, attribute) in [
        ("es-1.7.6-updates/_0.si", "4.10.4", 120, true, 3, None),
        ("es-2.4.6-updates/_0.si", "5.5.4", 120, true, 3, speed("Lucene50StoredFieldsFormat.mode")),
        ("es-5.6.16-merged/_8.si", "6.6.1", 119, false, 14, speed("Lucene50StoredFieldsFormat.mode")),
        ("es-6.8.23-updates/_6.si", "7.7.3", 14, true, 3, speed("Lucene50StoredFieldsFormat.mode")),
        ("es-6.8.23-sorted/_0.si", "7.7.3", 40, true, 3, speed("Lucene50StoredFieldsFormat.mode")),
        ("es-7.10.2-updates_hard/_2.si", "8.7.0", 102, false, 17, speed("Lucene87StoredFieldsFormat.mode")),
        ("os-2.9.0-updates/_0.si", "9.7.0", 120, true, 3, speed("Lucene90StoredFieldsFormat.mode")),
        ("os-2.19.1-updates/_0.si", "9.12.1", 120, true, 3, speed("Lucene90StoredFieldsFormat.mode")),
        ("es-9.0.2-updates/_0.si", "10.1.0", 120, true, 3, speed("Lucene90StoredFieldsFormat.mode")),
        ("es-9.0.2-sorted/_0.si", "10.1.0", 40, true, 3, speed("Lucene90StoredFieldsFormat.mode")),
    ] {
        let info = fixture(path).info();
        assert_eq!(
            (info.version.as_str(), info.doc_count, info.is_compound),
            (version, documents, is_compound),
            "{path}"
        );
        assert_eq!(info.files.len(), files, "{path}");
        let attributes: Vec<_> =
            info.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(attributes, Vec::from_iter(attribute), "{path}");
    }
    for (commit, info, segment) in [
        ("es-2.4.6-updates/segments_7", "es-2.4.6-updates/_0.si", 0),
        ("es-5.6.16-merged/segments_9", "es-5.6.16-merged/_8.si", 0),
        ("es-6.8.23-updates/segments_9", "es-6.8.23-updates/_6.si", 1),
        ("es-7.10.2-updates_hard/segments_8", "es-7.10.2-updates_hard/_2.si", 0),
        ("os-2.9.0-updates/segments_8", "os-2.9.0-updates/_0.si", 0),
        ("os-2.19.1-updates/segments_8", "os-2.19.1-updates/_0.si", 0),
        ("es-9.0.2-updates/segments_8", "es-9.0.2-updates/_0.si", 0),
    ] {
        let id = fixture(info).info().id;
        assert!(id.is_some() && id == fixture(commit).commit().segments[segment].id, "{info}");
    }
}

#[test]
fn compound_entries_say_where_each_file_is() {
    for (path, count, first, last, length) in [
        // The last file is the one that ends last; 16 bytes of footer follow.
        ("es-1.7.6-updates/_0.cfe", 11, ("_Lucene410_0.dvm", 31..121), (".fnm", 10655..11461), 11477),
        ("es-2.4.6-updates/_0.cfe", 11, ("_Lucene54_0.dvm", 46..307), (".fnm", 11287..12310), 12326),
        ("es-6.8.23-updates/_6.cfe", 13, (".nvm", 46..146), (".dim", 2882..3237), 3253),
        ("es-7.10.2-updates_hard/_3.cfe", 13, (".fdx", 46..110), ("_Lucene84_0.tip", 3406..3479), 3495),
        ("os-2.9.0-updates/_2.cfe", 13, (".fdx", 48..112), (".fnm", 1952..2614), 2630),
        ("es-9.0.2-updates/_2.cfe", 15, ("_0.tip", 48..111), (".fnm", 2104..2779), 2795),
    ] {
        let entries = fixture(path).entries();
        assert_eq!(entries.iter().count(), count, "{path}");
        assert_eq!(entries.get(first.0), Some(first.1), "{path}");
        assert_eq!(entries.get(last.0), Some(last.1), "{path}");
        assert_eq!(entries.get(".si"), None, "{path}");
        assert_eq!(entries.check_length("_0.cfe", length), Ok(()), "{path}");
        for wrong in [0, length - 16, length - 1, length + 1] {
            assert!(entries.check_length("_0.cfe", wrong).is_err(), "{path} of {wrong} bytes");
        }
    }
    let entries = fixture("es-9.0.2-updates/_2.cfe").entries();
    assert_eq!(
        entries.check_length("_2.cfe", 2779).unwrap_err().to_string(),
        "`_2.cfe`: corrupt at byte 0: the last file, `.fnm`, ends at byte 2779 of a compound file of 2779 bytes, \
         16 should follow"
    );
}

#[test]
fn fields_have_names_numbers_and_generations() {
    // The last field, in the order of the file.
    for (path, count, name, number, generation, is_soft_deletes) in [
        ("es-1.7.6-merged/_4.fnm", 12, "counter", 11, None, false),
        ("es-2.4.6-merged/_5.fnm", 11, "counter", 11, None, false),
        ("es-5.6.16-merged/_8.fnm", 12, "counter", 11, None, false),
        ("es-6.8.23-updates/_6_2.fnm", 10, "__soft_deletes", 13, Some(2), true),
        ("es-7.10.2-updates_hard/_2.fnm", 9, "extra", 8, None, false),
        ("os-2.9.0-updates/_0_3.fnm", 9, "__soft_deletes", 8, Some(3), true),
        ("os-2.19.1-updates/_0_3.fnm", 9, "__soft_deletes", 8, Some(3), true),
        ("es-9.0.2-updates/_0_3.fnm", 9, "__soft_deletes", 8, Some(3), true),
    ] {
        let fields = fixture(path).fields();
        assert_eq!(fields.iter().count(), count, "{path}");
        let last = fields.iter().last().unwrap();
        assert_eq!((last.name.as_str(), last.number), (name, number), "{path}");
        assert_eq!(
            (last.doc_values_generation, last.is_soft_deletes),
            (generation, is_soft_deletes),
            "{path}"
        );
        assert!(fields.iter().all(|field| !field.has_skip_index), "{path}");
        assert_eq!(
            fields.iter().filter(|field| field.is_soft_deletes).count(),
            usize::from(is_soft_deletes),
            "{path}"
        );
        assert_eq!(fields.by_number(number), fields.by_name(name), "{path}");
        assert_eq!((fields.by_number(99), fields.by_name("absent")), (None, None), "{path}");
    }
}

#[test]
fn fields_say_in_which_format_their_doc_values_are() {
    for (path, name, format) in [
        ("es-1.7.6-merged/_4.fnm", "_version", Some("Lucene410")),
        ("es-1.7.6-merged/_4.fnm", "_source", None),
        ("es-2.4.6-merged/_5.fnm", "_version", Some("Lucene54")),
        ("es-6.8.23-updates/_6_2.fnm", "__soft_deletes", Some("Lucene70")),
        ("es-7.10.2-updates_hard/_2.fnm", "_seq_no", Some("Lucene80")),
        ("es-9.0.2-updates/_0_3.fnm", "__soft_deletes", Some("Lucene90")),
        ("es-9.0.2-updates/_0_3.fnm", "_id", None),
    ] {
        let fields = fixture(path).fields();
        let field = fields.by_name(name).unwrap();
        assert_eq!(field.attribute("PerFieldDocValuesFormat.format"), format, "{path} {name}");
        assert_eq!(field.attribute("PerFieldDocValuesFormat.suffix"), format.map(|_| "0"), "{path} {name}");
    }
}

#[test]
fn live_documents_are_the_bits_of_the_file() {
    let live = |path| {
        let file = fixture(path);
        let (documents, deleted) = file.counts();
        live_docs::decode(file.name(), &file.bytes, documents, deleted).unwrap().words().to_vec()
    };
    assert_eq!(live("es-1.7.6-updates/_0_3.del"), [0x6CB4_DB65_A6DB_2D20, 0x005A_6DB2_D36D_969B]);
    assert_eq!(live("es-2.4.6-updates/_0_3.liv"), [0x6CB4_DB65_A6DB_2D34, 0x005A_6DB2_D36D_969B]);
    assert_eq!(live("es-6.8.23-sorted/_0_1.liv"), [0x0000_00FF_FEFF_FFFF]);
    assert_eq!(live("es-7.10.2-updates_hard/_2_1.liv"), [0xFFFF_FFFB_FFFF_FFFF, 0x0000_003F_FFFF_FFFF]);
}

#[test]
fn another_number_of_documents_or_of_deleted_ones_than_the_commit_says_is_corrupt() {
    let file = fixture("es-2.4.6-updates/_0_3.liv");
    let decode = |documents, deleted| live_docs::decode("_0_3.liv", &file.bytes, documents, deleted);
    assert_eq!(decode(120, 53).unwrap().len(), 67);
    assert_eq!(
        decode(120, 54).unwrap_err().to_string(),
        "`_0_3.liv`: corrupt at byte 0: 53 deleted documents, the commit says 54"
    );
    for documents in [0, 64, 119 - 2, 129, u32::MAX] {
        assert!(decode(documents, 53).is_err(), "{documents}");
    }
}
