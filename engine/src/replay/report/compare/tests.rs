//! Pairs of answers, and where they differ.

use super::*;

fn subject(rules: &Rules) -> Subject<'_> {
    Subject { rules, is_document: false, has_server_id: false }
}

fn compared(source: &str, target: &str) -> Comparison {
    compare(subject(&Rules::default()), source.as_bytes(), target.as_bytes())
}

/// The pointers of the differences with both values.
fn differences(source: &str, target: &str) -> Vec<String> {
    let shown = |difference: Difference| {
        let value = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        format!("{}: {} {}", difference.pointer, value(difference.source), value(difference.target))
    };
    compared(source, target).differences.into_iter().map(shown).collect()
}

/// A search answer of hits `id score`.
fn search(total: &str, hits: &[(&str, f64)]) -> String {
    let hit = |(id, score): &(&str, f64)| {
        format!(r#"{{"_index":"i","_id":"{id}","_score":{score},"_source":{{"n":"{id}"}}}}"#)
    };
    let hits: Vec<_> = hits.iter().map(hit).collect();
    format!(r#"{{"took":3,"hits":{{"total":{total},"max_score":1.0,"hits":[{}]}}}}"#, hits.join(","))
}

const NONE: [&str; 0] = [];

#[test]
fn what_no_two_answers_share_is_not_compared() {
    let source = r#"{"took":1,"_shards":{"total":5},"_scroll_id":"a","hits":{"hits":[{"_type":"_doc","_id":"1","_seq_no":4,"_version":1}]},"time_in_millis":1}"#;
    let target = r#"{"took":20,"_shards":{"total":1},"_scroll_id":"b","hits":{"hits":[{"_id":"1","_seq_no":9,"_primary_term":2,"_version":7}]},"time_in_millis":2}"#;
    assert_eq!(differences(source, target), NONE);
}

#[test]
fn documents_are_compared_whole() {
    let source = r#"{"_id":"1","_source":{"took":1,"_version":1,"a":1.0,"gone":null}}"#;
    let target = r#"{"_id":"1","_source":{"took":2,"_version":2,"a":1,"new":[]}}"#;
    let expected =
        ["/_source/_version: 1 2", "/_source/gone: null -", "/_source/new: - []", "/_source/took: 1 2"];
    assert_eq!(differences(source, target), expected);
}

#[test]
fn a_total_is_a_number_or_an_object_and_may_be_a_bound() {
    for (source, target, is_same) in [
        ("3", r#"{"value":3,"relation":"eq"}"#, true),
        ("4", r#"{"value":3,"relation":"eq"}"#, false),
        ("20000", r#"{"value":10000,"relation":"gte"}"#, true),
        ("9999", r#"{"value":10000,"relation":"gte"}"#, false),
        (r#"{"value":10000,"relation":"gte"}"#, r#"{"value":10000,"relation":"gte"}"#, true),
    ] {
        let found = compared(&search(source, &[]), &search(target, &[]));
        assert_eq!(found.differences.is_empty(), is_same, "{source} {target}");
        assert_eq!(found.searches[0].totals_agree, is_same, "{source} {target}");
    }
}

#[test]
fn the_order_of_tied_hits_is_open_and_that_of_others_is_not() {
    let source = search("4", &[("a", 2.0), ("b", 1.0), ("c", 1.0), ("d", 0.5)]);
    let tied = search("4", &[("a", 2.0001), ("c", 1.0), ("b", 1.0), ("d", 0.5)]);
    assert_eq!(differences(&source, &tied), NONE);
    let moved = search("4", &[("b", 1.0), ("a", 2.0), ("c", 1.0), ("d", 0.5)]);
    assert_eq!(differences(&source, &moved), [r#"/hits/hits/0/(place): "a" "b""#]);
    let sorted = |first: &str, second: &str| {
        let hit = |id: &str| format!(r#"{{"_id":"{id}","_score":null,"sort":[{}]}}"#, id.len());
        format!(r#"{{"hits":{{"hits":[{},{}]}}}}"#, hit(first), hit(second))
    };
    assert_eq!(differences(&sorted("a", "b"), &sorted("b", "a")), NONE);
    assert_eq!(differences(&sorted("a", "bb"), &sorted("bb", "a")).len(), 1);
}

#[test]
fn hits_that_are_missing_are_one_difference_and_the_others_are_still_compared() {
    let source = search("3", &[("a", 3.0), ("b", 2.0), ("c", 1.0)]);
    let target = search("3", &[("b", 2.0), ("c", 1.5), ("x", 1.0)]);
    let expected = [r#"/hits/hits/0/_id: "a" "x""#, "/hits/hits/2/_score: 1 1.5"];
    let found = compared(&source, &target);
    assert_eq!(differences(&source, &target), expected);
    assert_eq!(found.searches[0].overlap, Some(2.0 / 3.0));
    assert_eq!(differences(&search("1", &[("a", 1.0)]), &search("1", &[])), [r#"/hits/hits/0/_id: "a" -"#]);
}

#[test]
fn a_page_that_ends_among_tied_hits_may_show_any_of_them() {
    let source = search("9", &[("a", 2.0), ("b", 1.0), ("c", 1.0)]);
    let target = search("9", &[("a", 2.0), ("c", 1.0), ("x", 1.0)]);
    let found = compared(&source, &target);
    assert_eq!(found.differences, []);
    assert!(found.searches[0].is_cut_in_tie);
    // All hits are on the page: nothing is cut.
    let whole = source.replace("\"total\":9", "\"total\":3");
    assert_eq!(differences(&whole, &target.replace("\"total\":9", "\"total\":3")).len(), 1);
    let better = search("9", &[("x", 2.0), ("b", 1.0), ("c", 1.0)]);
    assert_eq!(differences(&source, &better), [r#"/hits/hits/0/_id: "a" "x""#]);
}

#[test]
fn overlap_is_that_of_the_first_hits() {
    let mut rules = Rules::default();
    rules.top_k = 2;
    let source = search("3", &[("a", 3.0), ("b", 2.0), ("c", 1.0)]);
    let target = search("3", &[("a", 3.0), ("c", 2.0), ("b", 1.0)]);
    let found = compare(subject(&rules), source.as_bytes(), target.as_bytes());
    assert_eq!(found.searches[0].overlap, Some(0.5));
    assert_eq!(compared(&search("0", &[]), &search("0", &[])).searches[0].overlap, None);
}

#[test]
fn each_search_of_several_is_one() {
    let both = |second: &str| format!(r#"{{"responses":[{},{second}]}}"#, search("1", &[("a", 1.0)]));
    let found = compared(&both(&search("1", &[("b", 1.0)])), &both(&search("2", &[("b", 1.0)])));
    assert_eq!(found.searches.len(), 2);
    assert_eq!(found.differences[0].pattern, "/responses/*/hits/total");
    assert_eq!(found.differences[0].pointer, "/responses/1/hits/total");
}

#[test]
fn errors_are_the_same_when_their_types_are() {
    let error = |kind: &str, reason: &str| {
        format!(
            r#"{{"error":{{"root_cause":[{{"reason":"{reason}"}}],"type":"{kind}","reason":"{reason}"}},"status":404}}"#
        )
    };
    assert_eq!(differences(&error("a", "one"), &error("a", "two")), NONE);
    assert_eq!(differences(&error("a", "one"), &error("b", "one")), [r#"/error/type: "a" "b""#]);
    assert_eq!(differences(r#"{"error":"Words[a]","status":404}"#, &error("a", "x")), NONE);
}

#[test]
fn sums_of_aggregations_may_differ_in_the_last_digits() {
    let sum = |value: &str| format!(r#"{{"aggregations":{{"s":{{"value":{value}}}}}}}"#);
    assert_eq!(differences(&sum("0.30000000000000004"), &sum("0.3")), NONE);
    assert_eq!(differences(&sum("0.31"), &sum("0.3")).len(), 1);
    assert_eq!(differences(r#"{"value":0.30000000000000004}"#, r#"{"value":0.3}"#).len(), 1);
}

#[test]
fn secrets_are_not_shown() {
    let shown = differences(r#"{"user":{"api_key":"k1"},"a":"s"}"#, r#"{"user":{"api_key":"k2"},"a":"t"}"#);
    assert_eq!(shown, [r#"/a: "s" "t""#, "/user/api_key: REDACTED REDACTED"]);
}

#[test]
fn there_are_no_more_differences_than_are_kept() {
    let object = |value: u32| {
        let members: Vec<_> = (0..100).map(|n| format!(r#""m{n}":{value}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let found = compared(&object(1), &object(2));
    assert!(found.has_more && found.differences.len() == MOST_DIFFERENCES);
    let deep = |value: &str| format!("{}{value}{}", "[".repeat(900), "]".repeat(900));
    assert_eq!(compared(&deep("1"), &deep("2")).differences.len(), 1);
}

#[test]
fn what_is_no_json_is_compared_as_text() {
    assert_eq!(differences("true\n", "true"), NONE);
    assert_eq!(differences("a", "{}"), [": a {}"]);
}

fn bulk_item(id: &str, status: u16, error: &str) -> String {
    let error = if error.is_empty() {
        String::new()
    } else {
        format!(r#","error":{{"type":"{error}","reason":"r"}}"#)
    };
    format!(r#"{{"index":{{"_index":"i","_id":"{id}","_version":1,"status":{status}{error}}}}}"#)
}

fn bulk(items: &[(&str, u16, &str)]) -> String {
    let items: Vec<_> = items.iter().map(|(id, status, error)| bulk_item(id, *status, error)).collect();
    format!(r#"{{"took":1,"errors":true,"items":[{}]}}"#, items.join(","))
}

fn bulk_compared(source: &str, targets: &[&str]) -> Result<BulkComparison, &'static str> {
    let targets: Vec<_> = targets.iter().map(|target| target.as_bytes()).collect();
    compare_bulk(subject(&Rules::default()), source.as_bytes(), &targets)
}

#[test]
fn items_of_bulks_are_compared_by_position() {
    let source = bulk(&[("1", 201, ""), ("2", 201, ""), ("3", 409, "version_conflict")]);
    let target = bulk(&[("1", 201, ""), ("2", 400, "mapper_parsing"), ("3", 409, "version_conflict")]);
    let found = bulk_compared(&source, &[&target]).unwrap();
    assert_eq!((found.items, found.same), (3, 2));
    assert_eq!(found.different, [("index 201".to_owned(), "index 400 mapper_parsing".to_owned())]);
    let patterns: Vec<_> = found.comparison.differences.iter().map(|d| d.pattern.as_str()).collect();
    assert_eq!(patterns, ["/items/*/index/error", "/items/*/index/status"]);
}

#[test]
fn items_that_were_sent_again_take_the_places_of_those_that_had_failed() {
    let source = bulk(&[("1", 201, ""), ("2", 201, ""), ("3", 201, ""), ("4", 400, "bad")]);
    let first = bulk(&[("1", 201, ""), ("2", 429, "busy"), ("3", 429, "busy"), ("4", 400, "bad")]);
    let second = bulk(&[("2", 201, ""), ("3", 429, "busy")]);
    let third = bulk(&[("3", 201, "")]);
    let found = bulk_compared(&source, &[&first, &second, &third]);
    // The third answer is about one of the two that are failed by then: 3 and 4.
    let found = found.unwrap();
    assert_eq!((found.items, found.same, found.comparison.differences.len()), (4, 4, 0));
}

#[test]
fn a_bulk_of_which_items_are_missing_is_different_or_cannot_be_compared() {
    let whole = bulk(&[("1", 201, ""), ("2", 201, "")]);
    let found = bulk_compared(&whole, &[&bulk(&[("1", 201, "")])]).unwrap();
    assert_eq!((found.items, found.comparison.differences.len()), (1, 1));
    assert!(bulk_compared(&whole, &["{}"]).is_err() && bulk_compared("x", &[&whole]).is_err());
    let failed = bulk(&[("1", 429, "busy"), ("2", 429, "busy")]);
    assert!(bulk_compared(&whole, &[&failed, &bulk(&[("9", 201, "")])]).is_err());
}
