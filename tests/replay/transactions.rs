//! What is found in captures is what was said on their connections.

use crate::capture::{Found, SCENARIOS, expected, file, folder, read, sort};
use crate::support::{ferry_in, scratch};
use serde_json::{Value, json};
use std::path::Path;

/// Finds all transactions of a scenario, with their bytes, times and records, and what was counted.
fn check(scenario: &str) -> Found {
    let expected = expected(scenario);
    let found = read(&[&file(scenario, "keyed")]);
    let mut transactions: Vec<Value> = expected["transactions"].as_array().unwrap().clone();
    sort(&mut transactions);
    for (found, expected) in found.transactions().iter().zip(&transactions) {
        assert_eq!(found, expected, "{scenario}");
    }
    assert_eq!(found.pairs.len(), transactions.len(), "{scenario}");
    let counts = json!(found.counts);
    for (name, expected) in expected["counts"].as_object().unwrap() {
        assert_eq!(counts[name], *expected, "{scenario}: {name}");
    }
    assert_eq!(counts["records"], expected["records"], "{scenario}");
    found
}

/// The record is held by the transactions with bytes of it, until the last of them has an outcome.
fn check_tokens(scenario: &str, found: Found) {
    let [ledger] = found.ledgers.as_slice() else { panic!("{scenario}: one file has one ledger") };
    let (ledger, held) = (ledger.clone(), found.held());
    let records = i64::try_from(found.counts.records).unwrap();
    assert_eq!(ledger.under_way(), held.len(), "{scenario}");
    assert_eq!(ledger.done(), held.first().copied().unwrap_or(records), "{scenario}");
    let memory = found.memory.clone();
    drop(found);
    assert_eq!((ledger.done(), ledger.under_way(), memory.held()), (records, 0, 0), "{scenario}");
}

#[test]
fn every_scenario_is_one_of_the_folder() {
    let names =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.filter_map(|name| name.split_once(".keyed").map(|(name, _)| name.to_owned())).collect();
    names.sort_unstable();
    assert_eq!(names, SCENARIOS);
}

#[test]
fn every_transaction_of_every_scenario_is_found_and_its_records_are_held_by_it_alone() {
    for scenario in SCENARIOS {
        check_tokens(scenario, check(scenario));
    }
}

#[test]
fn defect_3_missing_records_are_counted_and_nothing_is_put_together_across_the_gap() {
    let counts = check("gap").counts;
    assert_eq!((counts.gaps, counts.missing, counts.resumed, counts.responses.gap), (1, 1, 1, 1));
}

#[test]
fn defect_5_responses_to_head_and_interim_ones_do_not_shift_the_ones_after_them() {
    check("bodiless");
}

#[test]
fn defect_6_records_that_are_none_are_passed_over_and_pin_nothing() {
    let folder = scratch("poison");
    let lines = std::fs::read_to_string(file("segments", "keyed")).unwrap();
    let lines: Vec<String> =
        lines.lines().map(|line| format!("key|AAAA\n{line}\nno base64\nkey|\n")).collect();
    std::fs::write(folder.join("poison"), lines.concat()).unwrap();
    let found = read(&[&folder.join("poison")]);
    let requests: Vec<_> = found.transactions().iter().map(|one| one["request"].clone()).collect();
    let expected = expected("segments");
    let expected: Vec<_> =
        expected["transactions"].as_array().unwrap().iter().map(|one| one["request"].clone()).collect();
    assert_eq!(requests, expected);
    let poisoned = lines.len() as u64;
    assert_eq!((found.counts.quarantined, found.quarantine.entries()), (2 * poisoned, 3 * poisoned));
    let ledger = found.ledgers[0].clone();
    drop(found);
    assert_eq!((ledger.done(), ledger.under_way()), (i64::try_from(4 * poisoned).unwrap(), 0));
}

#[test]
fn defect_7_records_without_observations_are_passed_over() {
    assert_eq!(check("empty").counts.empty_records, 1);
}

#[test]
fn defect_8_a_record_is_not_done_with_before_every_transaction_in_it() {
    let found = check("dropped"); // A response, then a request that is taken back: nothing is under way at the end of the record.
    let ledger = found.ledgers[0].clone();
    let Found { mut pairs, closed, .. } = found;
    drop(closed);
    assert_eq!(ledger.done(), 0);
    let first = pairs.remove(0);
    drop(pairs);
    assert_eq!(ledger.done(), 0);
    drop(first);
    assert_eq!(ledger.done(), 3);
}

#[test]
fn defect_12_a_response_is_complete_before_anything_follows_it() {
    let found = check("golden");
    assert_eq!(found.counts.responses.complete, 1);
}

#[test]
fn defect_14_pipelined_requests_are_told_apart() {
    check("pipelining");
}

/// The requests and responses of transactions, without where they came from.
fn said(found: &Found) -> Vec<Value> {
    let mut said = found.transactions();
    for one in &mut said {
        let one = one.as_object_mut().unwrap();
        one.remove("request_offsets");
        one.remove("response_offsets");
    }
    said
}

fn convert(folder: &Path, arguments: &[&str], input: &Path) {
    let output = ferry_in(folder, &[&["replay", "convert"], arguments, &[input.to_str().unwrap()]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
}

#[test]
fn what_is_said_is_the_same_in_every_form() {
    let folder = scratch("forms");
    let input = file("random-cuts", "keyed");
    let expected = said(&read(&[&input]));
    for (form, more) in
        [("base64", None), ("keyed", Some("--gzip")), ("delimited", None), ("delimited", Some("--gzip"))]
    {
        let name = format!("{form}{}", more.unwrap_or_default());
        let arguments: Vec<_> = ["--form", form, "--to", &name].into_iter().chain(more).collect();
        convert(&folder, &arguments, &input);
        assert_eq!(said(&read(&[&folder.join(name)])), expected, "{form} {more:?}");
    }
    convert(&folder, &["--form", "raw", "--to", "raw"], &input);
    convert(&folder, &["--form", "raw", "--to", "raw-gzip", "--gzip"], &folder.join("raw"));
    convert(&folder, &["--form", "keyed", "--to", "again"], &folder.join("raw-gzip"));
    for name in ["raw", "raw-gzip", "again"] {
        assert_eq!(said(&read(&[&folder.join(name)])), expected, "{name}");
    }
}
