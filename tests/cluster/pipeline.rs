//! An index of the target with an ingest pipeline that drops documents: the target calls that a success.

use crate::http;
use crate::job::{Job, number};
use crate::poison::ids;
use crate::server::Server;
use crate::source::Source;
use crate::support::json_of;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_documents_that_a_pipeline_of_the_target_drops_are_failed_documents() {
    let (server, name) = (Server::usual(), "dropping");
    let source = Source::with_deletes(server, name, 1000, 1);
    let drop = json!({"processors": [{"drop": {"if": "ctx.n % 50 == 7"}}]});
    http::json(&server.url, "PUT", "/_ingest/pipeline/drops", &drop);
    let settings = json!({"settings": {"index.default_pipeline": "drops"}});
    http::json(&server.url, "PUT", &format!("/{name}"), &settings);

    let job = Job::new(name, &source.repo, "snap", &server.url);
    let output = job.backfill("");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let total = &json_of(&output)["total"];
    let [written, failed] = ["written", "failed"].map(|what| number(total, what));
    assert_eq!((written + failed, failed), (source.documents(), source.odd.len() as u64));
    assert_eq!(ids(&server.url, name).len() as u64, written);
    let records = job.failed();
    let recorded: BTreeSet<String> =
        records.iter().map(|record| record["_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(recorded, source.odd);
    assert!(records.iter().all(|record| record["error"]["type"] == "dropped_by_pipeline"), "{}", records[0]);
    println!(
        "pipeline: {written} written, {failed} dropped by the target and recorded: {}",
        records[0]["error"]["reason"]
    );

    let accepted = Job { session: "accepted".to_owned(), ..job };
    let output = accepted.backfill("--allow-doc-errors dropped_by_pipeline");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    http::json(&server.url, "DELETE", &format!("/{name}"), &Value::Null);
    http::json(&server.url, "DELETE", "/_ingest/pipeline/drops", &Value::Null);
}
