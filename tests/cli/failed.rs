//! `ferry failed`, on records of ferry and of the Java migrator.

use crate::run_in;
use crate::support::scratch;
use std::fs;
use std::path::PathBuf;

const FERRY: &str = r#"{"session":"s","worker":"w","item":"i1","index":"orders","_id":"1","segment":"_0","document":4,"documents":1,"class":"refused","status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse"},"operation":{"index":{"_id":"1"}},"source":{"n":1e400},"timestamp":"2026-01-01T00:00:00.000Z"}"#;
const JAVA: &str = r#"{"targetIndex":"movies","documentId":"m","failureType":"strict_dynamic_mapping_exception","failureClass":"NON_RETRYABLE","requestItem":{"operation_type":"index","operation":{"_id":"m"},"document":{"a":1}}}"#;

/// A folder with a record of each, one of them twice as after a crash, and a line that is none.
fn folder(name: &str) -> PathBuf {
    let folder = scratch(name);
    let ferry = folder.join("failed/session=s/worker=w");
    let java = folder.join("failed/session=j/index=movies/worker=w");
    fs::create_dir_all(&ferry).unwrap();
    fs::create_dir_all(&java).unwrap();
    fs::write(ferry.join("failed-documents-0-000001.ndjson"), format!("{FERRY}\n{FERRY}\n")).unwrap();
    fs::write(java.join("failed-document-stream-20260101T000000Z-1.ndjson"), format!("{JAVA}\nx\n")).unwrap();
    folder
}

#[test]
fn failed_documents_are_counted_once_and_lines_that_are_no_record_are_named() {
    let folder = folder("failed-list");
    let (status, stdout, stderr) = run_in(&folder, "failed list failed");
    let expected = "\
INDEX   CLASS    ERROR                             DOCUMENTS
movies  refused  strict_dynamic_mapping_exception          1
orders  refused  mapper_parsing_exception                  1
not a record: `session=j/index=movies/worker=w/failed-document-stream-20260101T000000Z-1.ndjson` line 2: expected value at line 1 column 1
2 documents failed: 3 records in 2 files of `file://FOLDER/failed`
";
    let stdout = stdout.replace(folder.to_str().unwrap(), "FOLDER");
    assert_eq!((status, stdout.as_str(), stderr.as_str()), (Some(1), expected, ""));
}

#[test]
fn a_failed_document_is_shown_as_it_was_recorded() {
    let shown = run_in(&folder("failed-show"), "failed show failed/session=s --id 1 --limit 9");
    assert_eq!(shown, (Some(0), format!("{FERRY}\n{FERRY}\n"), String::new()));
}

#[test]
fn an_index_can_be_chosen() {
    let (status, stdout, _) =
        run_in(&folder("failed-index"), "failed list failed/session=s --index other --output json");
    let expected =
        "{\n  \"rows\": [],\n  \"files\": 1,\n  \"records\": 0,\n  \"bad_lines\": 0,\n  \"bad\": []\n}\n";
    assert_eq!((status, stdout.as_str()), (Some(0), expected));
}
