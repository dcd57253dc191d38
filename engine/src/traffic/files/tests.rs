//! Files become records.

use super::{FileInput, FileSource};
use crate::flow::MemoryBudget;
use crate::traffic::{Quarantine, RecordStream};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ferry-capture-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A record of connection `c` with this number, and an observation at a second.
fn raw(number: u8, second: u8) -> Vec<u8> {
    vec![0x0A, 1, b'c', 0x12, 4, 0x0A, 2, 0x08, second, 0x18, number]
}

fn open(paths: &[&Path], budget: &MemoryBudget, quarantine: &Quarantine) -> RecordStream {
    let inputs: Vec<_> = paths.iter().map(|path| FileInput::Path(path.to_path_buf())).collect();
    FileSource::find(&inputs).unwrap().read(budget.clone(), quarantine.clone())
}

#[tokio::test]
async fn files_of_a_folder_come_in_order_each_with_its_ledger_and_raw_records_by_their_time() {
    let folder = folder("order");
    fs::create_dir(folder.join("raw")).unwrap();
    for (number, second) in [(1, 9), (2, 7), (10, 8)] {
        fs::write(folder.join(format!("raw/c_{number}.protocap")), raw(number, second)).unwrap();
    }
    fs::write(folder.join("lines-2"), "k|CgFjGAE=\n").unwrap();
    fs::write(folder.join("lines-10"), "CgFjGAE=\n?\nCgFjGAE=\n").unwrap();
    fs::write(folder.join(".hidden"), "CgFjGAE=\n").unwrap();
    let (budget, quarantine) = (MemoryBudget::new(1 << 20), Quarantine::default());
    let mut stream = open(&[&folder], &budget, &quarantine);
    let mut found = Vec::new();
    while let Some(record) = stream.next().await {
        let record = record.unwrap();
        let topic = record.token.ledger().topic().rsplit('/').next().unwrap().to_owned();
        found.push((topic, record.token.offset(), record.value[record.value.len() - 1]));
    }
    let expected = [
        ("lines-2", 0, 1),
        ("lines-10", 0, 1),
        ("lines-10", 2, 1),
        ("raw", 0, 2),
        ("raw", 1, 10),
        ("raw", 2, 1),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(name, offset, number)| (name.to_owned(), offset, number)).collect();
    assert_eq!(found, expected);
    assert_eq!((quarantine.entries(), budget.held()), (1, 0));
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn reading_waits_for_memory_and_what_was_read_before_is_on_its_way_then() {
    let folder = folder("memory");
    fs::write(folder.join("lines"), "CgFjGAE=\n".repeat(10)).unwrap();
    let budget = MemoryBudget::new(3 * 1024); // For three records.
    let mut stream = open(&[&folder.join("lines")], &budget, &Quarantine::default());
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(stream.next().await.unwrap().unwrap());
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), stream.next()).await.is_err());
    for _ in 3..10 {
        held.remove(0);
        held.push(stream.next().await.unwrap().unwrap());
    }
    assert!(stream.next().await.is_none());
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_is_an_error_and_the_next_one_follows() {
    let folder = folder("broken");
    fs::write(folder.join("a.gz"), [0x1F, 0x8B, 8, 0, 0, 0]).unwrap();
    fs::write(folder.join("b"), "CgFjGAE=\n").unwrap();
    let mut stream = open(&[&folder], &MemoryBudget::new(1 << 20), &Quarantine::default());
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), format!("could not read `{}`", folder.join("a.gz").display()));
    assert!(stream.next().await.unwrap().is_ok() && stream.next().await.is_none());
    fs::remove_dir_all(folder).unwrap();
}
