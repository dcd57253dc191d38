//! Files that `tests/fixtures/tuples/make.py` made, against what it says must be found in them.

use super::*;
use serde_json::{Value, json};

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/tuples")
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixture().join("expected.json")).unwrap()).unwrap()
}

fn found() -> Report {
    report_of(fixture(), Settings::default()).unwrap()
}

#[test]
fn answers_are_counted_as_they_were_made() {
    let (found, expected) = (found(), expected());
    assert_eq!((found.bad_lines, found.files), (0, 3), "{:?}", found.bad);
    let mut statuses: Vec<_> = found
        .statuses
        .iter()
        .map(|pair| json!([pair.source.to_string(), pair.target.to_string(), pair.count]))
        .collect();
    statuses.sort_by_key(Value::to_string);
    assert_eq!(json!(statuses), expected["statuses"]);
    for (name, count) in expected["outcomes"].as_object().unwrap() {
        let of = |outcome: &&OutcomeCount| json!(outcome.outcome) == json!(name);
        assert_eq!(found.outcomes.iter().find(of).map(|o| json!(o.count)).as_ref(), Some(count), "{name}");
    }
    let counts = &expected["counts"];
    assert_eq!(json!(found.tuples), counts["tuples"]);
    assert_eq!(
        (json!(found.attempts), json!(found.retried)),
        (counts["attempts"].clone(), counts["retried"].clone())
    );
    assert_eq!(json!(found.coarse_times), counts["java"]);
    assert_eq!(found.duplicates, Duplicates { tuples: 0, is_exact: true, overlapping_files: 0 });
}

#[test]
fn defect_19_times_of_source_and_target_are_those_that_were_made() {
    let (found, expected) = (found(), expected());
    let expected = expected["latency"].as_object().unwrap();
    assert_eq!(found.latency.len(), expected.len());
    for latency in &found.latency {
        let of_class = &expected[&latency.class];
        assert_eq!(json!(latency.requests), of_class["requests"], "{}", latency.class);
        for (side, quantiles) in [("source", latency.source), ("target", latency.target)] {
            for ((name, _), value) in Latency::QUANTILES.iter().zip(quantiles.all()) {
                let exact = of_class[side][name].as_f64().unwrap();
                assert!(
                    (value / exact - 1.0).abs() < 0.004,
                    "{} {side} {name}: {value} {exact}",
                    latency.class
                );
            }
        }
        let last = latency.distribution.last().unwrap();
        assert_eq!((last.source, last.target), (latency.requests, latency.requests), "{}", latency.class);
    }
}

#[test]
fn bodies_items_and_hits_differ_where_they_were_made_to() {
    let (found, expected) = (found(), expected());
    for class in &found.bodies.classes {
        let of_class = &expected["bodies"][&class.class];
        let counts = (json!(class.compared), json!(class.equal), json!(class.different));
        let made = (of_class["compared"].clone(), of_class["equal"].clone(), of_class["different"].clone());
        assert_eq!(counts, made, "{}", class.class);
    }
    assert_eq!(found.bodies.classes.len(), expected["bodies"].as_object().unwrap().len());
    let counts = &expected["counts"];
    let (bulk, searches) = (&found.bulk, &found.searches);
    assert_eq!(
        json!([bulk.requests, bulk.items, bulk.different]),
        json!([counts["bulks"], counts["items"], counts["items_different"]])
    );
    let kinds: Vec<_> = bulk.kinds.iter().map(|kind| json!([kind.source, kind.target, kind.count])).collect();
    assert_eq!(json!(kinds), expected["items"]);
    assert_eq!(
        json!([searches.searches, searches.totals_agree, searches.totals_more, searches.totals_fewer]),
        json!([counts["searches"], counts["totals_agree"], counts["totals_more"], counts["totals_fewer"]])
    );
    let mean = expected["overlap_mean"].as_f64().unwrap();
    assert!((searches.overlap_mean.unwrap() - mean).abs() < 1e-9);
    assert_eq!(json!(searches.overlap_compared), expected["overlaps"]);
    let mut mismatches: Vec<_> = found
        .mismatches
        .iter()
        .map(|mismatch| json!([mismatch.kind.words(), mismatch.class, mismatch.what, mismatch.count]))
        .collect();
    let mut made = expected["mismatches"].as_array().unwrap().clone();
    mismatches.sort_by_key(Value::to_string);
    made.sort_by_key(Value::to_string);
    assert_eq!(mismatches, made);
    assert!(found.mismatches.iter().all(|mismatch| mismatch.examples.len() as u64 == mismatch.count.min(3)));
}

#[test]
fn defect_19_requests_over_time_are_all_those_that_have_times() {
    let found = found();
    let sum = |series: &Series| series.requests.iter().sum::<u64>();
    assert_eq!(sum(&found.throughput.source), 400);
    let (source, target) = (&found.throughput.source, &found.throughput.target);
    assert_eq!(source.last_ms.unwrap() - source.first_ms.unwrap(), 399 * 20);
    assert!(target.last_ms.unwrap() - target.first_ms.unwrap() <= 399 * 10);
}
