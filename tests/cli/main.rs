//! What a user sees: exit status, standard output and standard error, whole.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod failed;
mod replay_report;
#[path = "../support/mod.rs"]
mod support;
mod telemetry;

use std::path::Path;
use support::{demo, ferry_in, scratch};

/// Exit status and both outputs of a command on the demo repository, with what differs from run to run left out.
fn ferry(name: &str, arguments: &str) -> (Option<i32>, String, String) {
    run_in(&scratch(name), arguments)
}

fn run_in(folder: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let demo = demo();
    let demo = demo.to_str().unwrap();
    let arguments: Vec<String> = arguments.split(' ').map(|word| word.replace("DEMO", demo)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = ferry_in(folder, &arguments);
    let text = |bytes: &[u8]| without_times(&String::from_utf8_lossy(bytes).replace(demo, "DEMO"));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Cuts the seconds and the rate off the line about what was read.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" requests, ") {
        Some((read, _)) if line.starts_with("read ") => format!("{read} requests, …\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_list_of_snapshots() {
    let expected = "\
SNAPSHOT  STATE    MADE BY               STARTED              ENDED                INDICES  SHARDS  MISSING
snap1     SUCCESS  Elasticsearch 7.10.2  2026-11-23 03:51:32  2026-11-23 03:51:36       21      31        0
snap2     SUCCESS  Elasticsearch 7.10.2  2026-11-23 03:51:41  2026-11-23 03:51:41       21      31        0
";
    assert_eq!(ferry("list", "snapshot list --repo DEMO"), (Some(0), expected.to_owned(), String::new()));
}

#[test]
fn a_snapshot_is_shown_with_its_segments() {
    let expected = "\
snapshot `snap1`, made by Elasticsearch 7.10.2
INDEX      SHARDS  SEGMENTS  LIVE  DELETED  STORED FIELDS  ALL FILES
best_comp       1         3   269        4       20.2 KiB   33.4 KiB
join            2         2    20        0        1.1 KiB   10.3 KiB

INDEX      SHARD  SEGMENT  LIVE  DELETED  STORED FIELDS  FORMAT                                  CODEC
best_comp      0  _0        248        2       10.9 KiB  Lucene87StoredFieldsHighData (DEFLATE)  Lucene87
best_comp      0  _1         21        0        9.2 KiB  Lucene87StoredFieldsHighData (DEFLATE)  Lucene87
best_comp      0  _2          0        2          111 B  Lucene87StoredFieldsHighData (DEFLATE)  Lucene87
join           0  _0         12        0          635 B  Lucene87StoredFieldsFastData (LZ4)      Lucene87
join           1  _0          8        0          471 B  Lucene87StoredFieldsFastData (LZ4)      Lucene87
";
    let shown = ferry("show", "snapshot show --repo DEMO --snapshot snap1 --indices join,best_comp");
    assert_eq!(shown, (Some(0), expected.to_owned(), String::new()));
}

#[test]
fn a_whole_repository_has_no_faults() {
    let expected = "\
snapshot `snap1`: 21 indices, 31 shards, 1 683 documents read, checksums of 384 files (543.3 KiB) computed, 0 faults
snapshot `snap2`: 21 indices, 31 shards, 1 695 documents read, checksums of 414 files (590.5 KiB) computed, 0 faults
";
    let checked = ferry("check", "snapshot check --all --repo DEMO");
    assert_eq!(checked, (Some(0), expected.to_owned(), String::new()));
}

#[test]
fn a_snapshot_that_cannot_be_read_does_not_keep_others_from_being_checked() {
    let folder = scratch("check-others");
    support::copy_folder(&demo(), &folder.join("repo"));
    let blob = "snap-XI9xJljzStmJHunPUV5ueQ.dat";
    std::fs::remove_file(folder.join("repo").join(blob)).unwrap();
    let (status, output, errors) = run_in(&folder, "snapshot check --repo repo --indices merged");
    assert_eq!((status, errors.as_str()), (Some(1), ""));
    let lines: Vec<&str> = output.lines().map(|line| line.split("  could not").next().unwrap()).collect();
    let expected = [
        "SNAPSHOT  INDEX  SHARD  BLOB                             OFFSET  PROBLEM",
        "snap1     -          -  snap-XI9xJljzStmJHunPUV5ueQ.dat       -",
        "snapshot `snap1`: 0 indices, 0 shards, 0 documents read, checksums of 0 files (0 B) computed, 1 faults",
    ];
    assert_eq!(lines[..3], expected);
    assert!(lines[3].starts_with("snapshot `snap2`: "), "{output}");
}

#[test]
fn all_snapshots_are_checked_for_an_index_that_only_some_of_them_have() {
    let expected = "\
snapshot `snap1`: 1 indices, 1 shards, 1 documents read, checksums of 4 files (3.2 KiB) computed, 0 faults
snapshot `snap2`: 0 indices, 0 shards, 0 documents read, checksums of 0 files (0 B) computed, 0 faults
";
    let checked = ferry("check", "snapshot check --repo DEMO --indices doomed");
    assert_eq!(checked, (Some(0), expected.to_owned(), String::new()));
    let expected = "\
error: no index of any snapshot of `file://DEMO` matches `nope`; there are: `alldeleted`, `best_comp`, `binary_source`, `doomed`, `empty`, `ids`, `join`, `late`, `lz4`, `merged`, `nested`, `nosource`, `odd_json`, `plain`, `routed`, `sorted`, `source_excludes`, `split`, `split_source`, `updates` and 2 more
";
    let checked = ferry("check", "snapshot check --repo DEMO --indices doomed,nope");
    assert_eq!(checked, (Some(2), String::new(), expected.to_owned()));
}

/// What `--help` of a command lists: every option is a variable too, as the page of the program says.
#[test]
fn every_option_has_its_variable() {
    let commands =
        ["backfill", "backfill status", "verify", "snapshot list", "snapshot show", "snapshot check"];
    for command in commands.into_iter().chain(["replay dump", "replay stats", "replay convert"]) {
        let (status, help, _) = ferry("help", &format!("{command} --help"));
        assert_eq!(status, Some(0));
        let options = help.lines().map(str::trim_start).filter_map(|line| {
            let start = line.find("--").filter(|start| line.starts_with('-') && *start <= 4)?;
            line[start + 2..].split([' ', '\n']).next()
        });
        for option in options.filter(|option| !matches!(*option, "help" | "version")) {
            let variable = format!("FERRY_{}", option.to_uppercase().replace('-', "_"));
            assert!(help.contains(&format!("[env: {variable}=")), "{command}: {variable}\n{help}");
        }
    }
}

#[test]
fn a_run_ends_with_a_table_that_balances() {
    let arguments = "backfill --repo DEMO --snapshot snap1 --indices nested,nosource,-join,source_excludes --target ndjson:out";
    let expected = "\
INDEX            SHARDS  SELECTED  WRITTEN  EXCLUDED  FAILED     BYTES
nested                2       217       35       182       0  11.3 KiB
nosource              1        29        0         0      29       0 B
source_excludes       1        10       10         0       0     680 B
total                 4       256       45       182      29  12.0 KiB
excluded: nested documents, which are part of the documents that they belong to
left out: `join`: excluded by `-join`
left out: 17 indices that no pattern selects
note: `nosource`: the mapping keeps no `_source`: documents without one are reported as failed
note: `source_excludes`: the mapping keeps `_source` in part (without `secret*`): documents are written as stored
failed: `nosource`: 29 documents, no _source
  first: no `_source` is stored
what failed is recorded in `out/failed-documents.ndjson`
read 87.7 KiB in 60 requests, …
complete with failures: selected = written + excluded + failed
";
    let (status, output, errors) = ferry("table", arguments);
    let numbers = |text: &str| {
        text.lines().filter(|line| !line.starts_with("read ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((status, errors.as_str()), (Some(1), ""));
    assert_eq!(numbers(&output), numbers(expected));
}

#[test]
fn documents_go_to_standard_output_and_the_table_to_standard_error() {
    let arguments = "backfill --repo DEMO --snapshot snap1 --indices doomed --target -";
    let (status, output, errors) = ferry("stdout", arguments);
    assert_eq!(
        (status, output.as_str()),
        (Some(0), "{\"_index\":\"doomed\",\"_id\":\"1\",\"_source\":{\"n\":1}}\n")
    );
    assert!(errors.ends_with("complete: selected = written + excluded\n"), "{errors}");
}

#[test]
fn a_bulk_request_has_two_lines_a_document() {
    let arguments = "backfill --repo DEMO --snapshot snap1 --indices doomed --target - --ndjson-format bulk";
    let (_, output, _) = ferry("bulk", arguments);
    assert_eq!(output, "{\"index\":{\"_index\":\"doomed\",\"_id\":\"1\"}}\n{\"n\":1}\n");
}

/// Runs with files of about 1 KiB and reads them back; how many files and lines there are.
fn rotated(method: &str, extension: &str, read: fn(std::fs::File) -> String) -> (usize, usize) {
    let folder = scratch(&format!("rotated-{method}"));
    let arguments =
        "backfill --repo DEMO --snapshot snap1 --indices plain --target ndjson:. --rotate-bytes 1KiB";
    let (status, _, errors) = run_in(&folder, &format!("{arguments} --compression {method}"));
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    let (mut files, mut lines) = (0, 0);
    for entry in std::fs::read_dir(folder.join("plain")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.to_str().unwrap().ends_with(extension), "{}", path.display());
        lines += read(std::fs::File::open(path).unwrap()).lines().count();
        files += 1;
    }
    (files, lines)
}

#[test]
fn files_are_compressed_and_rotated_on_request() {
    let none = rotated("none", ".ndjson", |file| std::io::read_to_string(file).unwrap());
    let gzip = rotated("gzip", ".ndjson.gz", |file| {
        std::io::read_to_string(flate2::read::MultiGzDecoder::new(file)).unwrap()
    });
    let zstd = rotated("zstd", ".ndjson.zst", |file| {
        std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap()
    });
    assert_eq!([none.1, gzip.1, zstd.1], [300; 3]);
    assert!([none.0, gzip.0, zstd.0].iter().all(|files| *files > 1), "{none:?} {gzip:?} {zstd:?}");
}

#[test]
fn lines_of_an_earlier_run_are_kept_unless_they_shall_be_overwritten() {
    let folder = scratch("again");
    let arguments = "backfill --repo DEMO --snapshot snap1 --indices doomed --target ndjson:out";
    assert_eq!(run_in(&folder, arguments).0, Some(0));
    let expected = "\
error: could not write the documents of index `doomed`
  cause: `out/doomed/part-00001.ndjson` is left from an earlier run; choose an empty directory, or overwrite
";
    assert_eq!(run_in(&folder, arguments), (Some(2), String::new(), expected.to_owned()));
    assert_eq!(run_in(&folder, &format!("{arguments} --overwrite")).0, Some(0));
}

#[test]
fn a_plan_writes_nothing() {
    let folder = scratch("plan");
    let arguments = "backfill --repo DEMO --snapshot snap1 --indices join --target ndjson:out --dry-run";
    let expected = "\
INDEX  SHARDS  SEGMENTS  WORK ITEMS  DOCUMENTS  TO FETCH  IN SNAPSHOT
join        2         2           2         20   1.1 KiB     10.3 KiB
total       2         2           2         20   1.1 KiB     10.3 KiB
left out: 20 indices that no pattern selects
nothing was written: this is what would be done
";
    assert_eq!(run_in(&folder, arguments), (Some(0), expected.to_owned(), String::new()));
    assert!(!folder.join("out").exists());
}

#[test]
fn a_report_in_json_has_the_same_counts() {
    let folder = scratch("json");
    let demo = demo();
    let arguments =
        ["backfill", "--repo", demo.to_str().unwrap(), "--snapshot", "snap1", "--indices", "nested"];
    let output = ferry_in(&folder, &[&arguments[..], &["--target", "null:", "--output", "json"]].concat());
    let report = support::json_of(&output);
    assert_eq!(report["outcome"], "complete");
    let total = &report["total"];
    assert_eq!(
        (&total["selected"], &total["written"], &total["excluded"]),
        (&217.into(), &35.into(), &182.into())
    );
}

#[test]
fn errors_say_what_there_is_and_what_to_do() {
    let cases = [
        (
            "backfill --repo DEMO --snapshot nope --target -",
            "error: there is no snapshot `nope` in `file://DEMO`; there are: `snap1`, `snap2`\n",
        ),
        (
            "backfill --repo . --snapshot snap1 --target -",
            "error: `file://HERE` is not a snapshot repository: there is no `index-N` and no `index` in it\n\
             hint: give the location that the repository was registered with, `base_path` included\n",
        ),
        (
            "snapshot list --repo /nowhere",
            "error: could not open `file:///nowhere`: not found\n  \
             cause: No such file or directory (os error 2)\n\
             hint: check the location of the repository; when other blobs of it can be read, this one is missing \
             from the repository\n",
        ),
        (
            "backfill --repo DEMO --snapshot snap1 --target nowhere",
            "error: invalid value 'nowhere' for '--target <TARGET>': expected the URL of a cluster \
             (`https://host:9200`), `ndjson:DIR`, `-`, `null:` or `null-bulk:`\n\nFor more information, try '--help'.\n",
        ),
        (
            "backfill --repo gs://a/b --snapshot snap1 --target -",
            "error: invalid value 'gs://a/b' for '--repo <URI>': `gs://a/b` is not a repository location: there is \
             no storage of this kind; accepted are `file:///path`, a path, and `s3://bucket/prefix`\n\n\
             For more information, try '--help'.\n",
        ),
        (
            "backfill --repo DEMO --snapshot snap1 --target - --memory 12q",
            "error: invalid value '12q' for '--memory <BYTES>': expected a number of bytes, such as `512MiB` or \
             `1GB`\n\nFor more information, try '--help'.\n",
        ),
        (
            "backfill --repo DEMO --snapshot snap1 --target - --source-version seven",
            "error: invalid value 'seven' for '--source-version <VERSION>': `seven` is not a version: expected \
             something like `7.10.2`, `es-7.10` or `os-2.19`\n\nFor more information, try '--help'.\n",
        ),
        (
            "backfill --repo DEMO --snapshot snap1 --target - --transform steps.yaml",
            "error: `--transform` needs a cluster as the target (or `null-bulk:`): for lines of JSON it does nothing, so \
             leave it out\n",
        ),
        (
            "backfill --repo DEMO --snapshot snap1 --target ndjson:lines --coordinator http://127.0.0.1:9200",
            "error: `--coordinator` needs a cluster as the target (or `null-bulk:`): for lines of JSON it does nothing, so \
             leave it out\n",
        ),
    ];
    for (place, (arguments, expected)) in cases.into_iter().enumerate() {
        let folder = scratch(&format!("error-{place}"));
        let (status, output, errors) = run_in(&folder, arguments);
        let errors = errors.replace(folder.to_str().unwrap(), "HERE");
        assert_eq!((status, output.as_str(), errors.as_str()), (Some(2), "", expected), "{arguments}");
    }
}

#[test]
fn a_pattern_without_an_index_is_an_error() {
    let (status, _, errors) =
        ferry("typo", "backfill --repo DEMO --snapshot snap1 --indices join,jion --target -");
    assert_eq!(status, Some(2));
    assert!(
        errors.starts_with("error: no index of snapshot `snap1` matches `jion`; there are: `alldeleted`,"),
        "{errors}"
    );
}

#[test]
fn system_indices_are_left_out_unless_they_are_asked_for() {
    let folder = scratch("system");
    let repository = support::fixture("os-2.19.1").join("repo");
    let arguments = format!("backfill --repo {} --snapshot snap1 --target null:", repository.display());
    let (_, output, _) = run_in(&folder, &arguments);
    let streams = output.lines().filter(|line| line.starts_with(".ds-logs-app-")).count();
    assert!(streams > 0, "the indices of data streams are their users' own: {output}");
    assert!(!output.contains("left out"), "{output}");
}
