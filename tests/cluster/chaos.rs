//! A target that fails in every way: each document has an end that is in the books.

use crate::http;
use crate::job::{Job, key, number};
use crate::poison::ids;
use crate::proxy::{Done, FAULTS, Fault, Proxy};
use crate::random::Random;
use crate::server::Server;
use crate::source::Source;
use crate::support::json_of;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Each fault happens to so many of a thousand bulk requests.
fn chaos(name: &'static str, documents: u32, permille: u64) {
    let server = Server::usual();
    let source = Source::with_deletes(server, name, documents, 2);
    let settings = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
    http::json(&server.url, "PUT", &format!("/{name}"), &settings);
    let proxy = Proxy::start(&server.url, permille, None, Random::seeded(name));
    let options = "--batch-documents 20 --target-timeout 3 --item-bytes 1MB";
    let job = Job::new(name, &source.repo, "snap", &proxy.url).with(options);
    let output = job.backfill("");
    let (report, done) = (json_of(&output), proxy.done());
    println!("chaos {name}: {} bulk requests, of these {:?}", done.bulks, done.faults);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));

    let total = &report["total"];
    let [selected, written, failed] = ["selected", "written", "failed"].map(|what| number(total, what));
    let worker = &report["report"]["worker"];
    let [busy, faults, resent] = ["busy", "faults", "resent"].map(|what| number(worker, what));
    println!(
        "chaos {name}: {selected} selected = {written} written + {failed} failed; {busy} requests found no room, {faults} had no usable answer, {resent} operations sent again"
    );
    assert_eq!((selected, written + failed), (source.documents(), selected), "the books balance");
    let count = |which: &[Fault]| which.iter().map(|fault| done.faults[fault]).sum::<u64>();
    assert!(FAULTS.iter().all(|fault| done.faults.contains_key(fault)), "each fault has happened");
    assert!(busy >= count(&[Fault::TooMany, Fault::Unavailable]));
    assert!(faults >= count(&[Fault::ResetBefore, Fault::ResetAfter, Fault::Cut, Fault::Late]));
    check_failed(&Job { target: server.url.clone(), ..job }, &source, &done);
    http::json(&server.url, "DELETE", &format!("/{name}"), &Value::Null);
}

/// What was refused is recorded, is not in the target, and is what `verify` finds missing. What was refused after it had
/// been done without a word is recorded as well, and there.
fn check_failed(job: &Job, source: &Source, done: &Done) {
    let name = &job.session;
    let refused: BTreeSet<_> = done.refused.iter().cloned().collect();
    let records = job.failed();
    let recorded: BTreeSet<_> = records.iter().map(|record| key(record)[1].clone()).collect();
    println!("chaos {name}: failed list:\n{}", job.failed_list().trim_end());
    assert_eq!((recorded.len(), &recorded), (records.len(), &refused), "each refusal once");
    assert!(records.iter().all(|record| record["class"] == "refused" && record["status"] == 400));
    let there = ids(&job.target, name);
    assert!(there.is_subset(&source.live));
    let absent: BTreeSet<_> = source.live.difference(&there).cloned().collect();
    assert!(absent.is_subset(&refused), "nothing else is missing");
    let unsaid: BTreeSet<_> = refused.difference(&absent).cloned().collect();
    assert!(unsaid.is_subset(&done.done_unsaid), "these had been done before they were refused");
    let verified = job.verify();
    let missing: BTreeSet<_> = verified.documents("missing").into_iter().map(|[_, id, _]| id).collect();
    assert_eq!(missing, absent, "verify finds missing what was refused");
    let counts = ["different", "extra", "unreadable"].map(|what| verified.count(what));
    assert_eq!((counts, verified.status), ([0; 3], Some(1)));
    println!(
        "chaos {name}: verify: {} missing, 0 different, 0 extra: exactly the refused ones, but for {} that had been done before without a word",
        missing.len(),
        unsaid.len()
    );
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_every_fault_of_a_target_is_in_the_books() {
    chaos("short-chaos", 18_000, 15);
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_all_every_fault_of_a_target_is_in_the_books() {
    chaos("long-chaos", 200_000, 10);
}
