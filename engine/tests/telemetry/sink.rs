//! What the bulk sink records.

use super::cluster::{Cluster, batch, done, items, refusal, send, settings};
use engine::telemetry::install;
use std::collections::BTreeMap;

/// All values by the name of their series.
fn values() -> BTreeMap<String, f64> {
    let text = install().text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().unwrap()))
        })
        .collect()
}

#[tokio::test]
async fn a_batch_that_is_sent_again_counts_by_cause() {
    let before = values();
    let cluster = Cluster::start(|number, seen| match number {
        0 => refusal(429, "es_rejected_execution_exception"),
        1 => items(&[(201, ""), (429, "es_rejected_execution_exception"), (500, "null_pointer_exception")]),
        2 => refusal(503, "cluster_block_exception"),
        _ => done(seen),
    })
    .await;
    let sink = cluster.sink(settings());
    assert_eq!(send(&sink, batch(3)).await.unwrap().0, 3);
    let after = values();
    let grown = |series: &str| after[series] - before[series];
    assert_eq!(grown("ferry_operations_retried_total{cause=\"too_many_requests\"}"), 3.0 + 1.0);
    assert_eq!(grown("ferry_operations_retried_total{cause=\"server_error\"}"), 1.0);
    assert_eq!(grown("ferry_operations_retried_total{cause=\"unavailable\"}"), 2.0);
    assert_eq!(grown("ferry_target_throttled_total"), 2.0);
    assert_eq!(grown("ferry_bulk_request_seconds_count{outcome=\"busy\"}"), 3.0);
    assert_eq!(grown("ferry_bulk_request_seconds_count{outcome=\"answered\"}"), 1.0);
    assert_eq!(grown("ferry_batch_seconds_count"), 1.0);
    assert_eq!(grown("ferry_stage_seconds_count{stage=\"send\"}"), 4.0);
    assert_eq!(grown("ferry_stage_seconds_count{stage=\"wait_turn\"}"), 4.0);
    assert_eq!(grown("ferry_stage_seconds_count{stage=\"wait_retry\"}"), 3.0);
    assert_eq!(after["ferry_requests_in_flight"], 0.0);
    assert_eq!(after["ferry_concurrency_limit"], sink.limit().limit() as f64);
    assert!(after["ferry_last_progress_timestamp_seconds"] > 1.7e9);
}
