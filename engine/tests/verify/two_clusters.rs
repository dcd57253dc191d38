use crate::fake::{Fake, Faults, Stored};
use crate::{compare_clusters, differences, numbers, settings};
use engine::verify::Outcome;

fn documents() -> Vec<Stored> {
    let source = |number: u32| format!("{{\"n\":{number},\"text\":\"{}\"}}", "x".repeat(50));
    let mut documents: Vec<Stored> =
        (0..60).map(|number| Stored::new(&format!("{number}"), None, &source(number))).collect();
    documents.push(Stored::new("7", Some("r2"), "{\"a\" : 1 /* as it came */ }"));
    documents
}

async fn two() -> (Fake, Fake) {
    let (source, target) = (Fake::start("6.8.23", false, 2).await, Fake::start("2.19.1", true, 3).await);
    source.put("i", documents());
    target.put("i", documents());
    (source, target)
}

#[tokio::test]
async fn two_clusters_with_the_same_documents_are_equal() {
    let (source, target) = two().await;
    let report = compare_clusters(&source, &target, &settings("clusters", &["i"])).await.unwrap();
    assert_eq!((report.outcome(), numbers(&report.total())), (Outcome::Equal, [61, 61, 0, 0, 0]));
    // And the other way round, by points in time.
    let report = compare_clusters(&target, &source, &settings("clusters-back", &["i"])).await.unwrap();
    assert_eq!((report.outcome(), numbers(&report.total())), (Outcome::Equal, [61, 61, 0, 0, 0]));
}

#[tokio::test]
async fn what_differs_between_two_clusters_is_found() {
    let (source, target) = two().await;
    target.change("i", |documents| {
        documents[3].source = "{\"n\":4}".to_owned();
        documents.remove(9);
        documents.push(Stored::new("new", None, "{}"));
    });
    let report = compare_clusters(&source, &target, &settings("clusters-differ", &["i"])).await.unwrap();
    assert_eq!(numbers(&report.total()), [61, 59, 1, 1, 1]);
    assert_eq!(differences(&report), ["different 3 - /n 3 4", "extra new - - - -", "missing 9 - - - -"]);
}

#[tokio::test]
async fn a_scan_of_the_source_that_is_not_whole_stops_the_comparison() {
    let (source, target) = two().await;
    source.fail(Faults { failed_shard: true, ..Faults::default() });
    let result = compare_clusters(&source, &target, &settings("clusters-failed", &["i"])).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("some shards failed"), "{error}");
}

#[tokio::test]
async fn a_document_of_the_source_that_it_could_not_look_for_is_asked_for_again() {
    let (source, target) = two().await;
    source.fail(Faults { unavailable: 2, ..Faults::default() });
    let report = compare_clusters(&source, &target, &settings("clusters-again", &["i"])).await.unwrap();
    assert_eq!(report.outcome(), Outcome::Equal);
}

#[tokio::test]
async fn a_document_that_the_source_deleted_meanwhile_is_left_out() {
    let (source, target) = two().await;
    source.fail(Faults { late: 1, ..Faults::default() });
    target.change("i", |documents| documents.retain(|stored| stored.id == "7" || stored.id.len() > 1));
    let report = compare_clusters(&source, &target, &settings("clusters-gone", &["i"])).await.unwrap();
    let total = report.total();
    assert_eq!((total.selected, total.excluded, total.unaccounted()), (61, 1, 0));
}

#[tokio::test]
async fn an_index_that_no_cluster_has_is_named() {
    let (source, target) = two().await;
    let result = compare_clusters(&source, &target, &settings("clusters-none", &["nothing"])).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("matches `nothing`"), "{error}");
}
