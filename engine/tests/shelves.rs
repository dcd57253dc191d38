//! A module of this crate imports only from earlier shelves.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

const SHELVES: [&[&str]; 5] = [
    &["error", "flow", "aws", "telemetry", "document"],
    &["storage", "target", "transform"],
    &["snapshot", "coordination", "traffic"],
    &["segment", "ndjson", "bulk"],
    &["backfill", "inspect", "verify", "replay"],
];

fn shelf_of(module: &str) -> Option<usize> {
    SHELVES.iter().position(|modules| modules.contains(&module))
}

/// What is wrong with a file: imports of modules on its own shelf or a later one.
fn wrong_imports(path: &Path, module: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let imported = text.split("crate::").skip(1).filter_map(|rest| {
        rest.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').next()
    });
    let is_wrong =
        |other: &&str| *other != module && shelf_of(other) >= shelf_of(module) && shelf_of(other).is_some();
    let own_shelf = |other: &&str| shelf_of(other) != Some(0);
    imported
        .filter(is_wrong)
        .filter(own_shelf)
        .map(|other| format!("{}: crate::{other}", path.display()))
        .collect()
}

fn check(path: &Path, module: &str, wrong: &mut Vec<String>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| check(&entry.unwrap().path(), module, wrong));
    } else {
        wrong.append(&mut wrong_imports(path, module));
    }
}

#[test]
fn modules_import_only_from_earlier_shelves() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        if module != "lib" {
            assert!(shelf_of(module).is_some(), "`{module}` stands on no shelf");
            check(&path, module, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What workers agree on must not depend on what time their machines think it is.
#[test]
fn coordination_reads_no_wall_clock() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/coordination")];
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backfill/cluster"));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for clock in
                ["SystemTime", "UNIX_EPOCH", "OffsetDateTime", "now_utc", "PrimitiveDateTime", "time::Date"]
            {
                assert!(!text.contains(clock), "{}: {clock}", path.display());
            }
        }
    }
}
