use crate::fake::{Fake, Faults, Stored};
use crate::support::truth::{Document, truth};
use crate::support::{copy_folder, demo, fixture, scratch};
use crate::{absent, client, compare, differences, endpoint, numbers, settings};
use engine::transform::Chain;
use engine::verify::{Counts, Dialect, Endpoint, Error, Outcome, Report, probe, resend_by_bulk};
use std::fs;

fn stored(document: &Document, typed: bool) -> Option<Stored> {
    Some(Stored {
        id: document.id.clone(),
        type_name: document.type_name.clone().filter(|_| typed),
        routing: document.routing.clone().or_else(|| document.parent.clone()),
        parent: document.parent.clone().filter(|_| typed),
        source: document.source.clone()?,
    })
}

/// A cluster that holds the truth of a fixture.
async fn holding(name: &str, version: &'static str, opensearch: bool) -> Fake {
    let fake = Fake::start(version, opensearch, 5).await;
    let typed = !opensearch && version < "7";
    for (index, documents) in truth(&fixture(name), "snap1") {
        fake.put(&index, documents.iter().filter_map(|document| stored(document, typed)).collect());
    }
    fake
}

/// A cluster that holds what the demo repository holds, and a comparison of one index with it.
async fn demo_target() -> Fake {
    holding("es-7.10.2", "2.19.1", true).await
}

async fn compare_demo(test: &str, fake: &Fake, index: &str) -> Report {
    compare(&demo(), endpoint(fake).await, &settings(test, &[index])).await.unwrap()
}

/// Compares a whole fixture with its truth: only what has no `_source` is not equal.
async fn whole_fixture(name: &str, version: &'static str, opensearch: bool) {
    let fake = holding(name, version, opensearch).await;
    let settings = settings(&format!("whole-{name}"), &["*"]);
    let report = compare(&fixture(name).join("repo"), endpoint(&fake).await, &settings).await.unwrap();
    let truth = truth(&fixture(name), "snap1");
    let all = truth.values().flatten();
    let (with, without): (Vec<_>, Vec<_>) = all.partition(|document| document.source.is_some());
    let total = report.total();
    assert_eq!(total.equal, with.len() as u64, "{name}: {:?}", differences(&report));
    assert_eq!(
        (total.missing, total.different, total.extra, total.unreadable),
        (0, 0, 0, without.len() as u64),
        "{name}: {:?}",
        differences(&report)
    );
    assert_eq!(total.selected, total.equal + total.unreadable + total.excluded, "{name}");
    let expected = if without.is_empty() { Outcome::Equal } else { Outcome::Different };
    assert_eq!(report.outcome(), expected, "{name}");
}

#[tokio::test]
async fn the_truth_of_every_version_is_equal_to_its_snapshot() {
    whole_fixture("es-7.10.2", "2.19.1", true).await;
    whole_fixture("es-7.17.28", "1.3.13", true).await;
    whole_fixture("es-8.17.4", "3.5.0", true).await;
    whole_fixture("es-9.0.2", "8.17.4", false).await;
    whole_fixture("os-1.3.13", "2.19.1", true).await;
    whole_fixture("os-2.9.0", "7.10.2", false).await;
    whole_fixture("os-3.5.0", "3.5.0", true).await;
}

#[tokio::test]
async fn types_and_parents_are_compared_where_the_target_has_them() {
    whole_fixture("es-1.7.6", "5.6.16", false).await;
    whole_fixture("es-2.4.6", "5.6.16", false).await;
    whole_fixture("es-5.6.16", "5.6.16", false).await;
    whole_fixture("es-6.8.23", "6.8.23", false).await;
}

#[tokio::test]
async fn a_comparison_without_a_difference_makes_no_file() {
    let report = compare_demo("no-file", &demo_target().await, "plain").await;
    assert_eq!((report.outcome(), report.differences), (Outcome::Equal, None));
    assert_eq!(report.indices[0].in_target, Some(300));
    absent(&settings("no-file", &[]).differences);
}

#[tokio::test]
async fn a_document_that_is_not_there_is_missing() {
    let fake = demo_target().await;
    fake.change("plain", |documents| documents.retain(|stored| stored.id != "doc-17"));
    let report = compare_demo("missing", &fake, "plain").await;
    assert_eq!(numbers(&report.total()), [300, 299, 1, 0, 0]);
    assert_eq!(differences(&report), ["missing doc-17 - - - -"]);
    assert_eq!(report.outcome(), Outcome::Different);
}

#[tokio::test]
async fn a_flipped_character_is_found_with_its_pointer() {
    let fake = demo_target().await;
    fake.change("plain", |documents| {
        let stored = documents.iter_mut().find(|stored| stored.id == "doc-254").unwrap();
        let flipped = stored.source.replace(r#""c":254"#, r#""c":255"#);
        assert_ne!(flipped, stored.source);
        stored.source = flipped;
    });
    let report = compare_demo("flipped", &fake, "plain").await;
    assert_eq!(numbers(&report.total()), [300, 299, 0, 1, 0]);
    assert_eq!(differences(&report), ["different doc-254 - /obj/a/b/c 254 255"]);
    assert_eq!(report.examples.len(), 1);
}

#[tokio::test]
async fn a_document_with_another_routing_in_its_shard_is_different_and_not_extra() {
    let fake = demo_target().await;
    let mut before = None;
    fake.change("routed", |documents| {
        let stored = documents.iter_mut().find(|stored| stored.routing.is_some()).unwrap();
        before = Some(stored.clone());
        // Five more bytes of the same value lead to the same of five shards.
        stored.routing = Some(format!("{}aaaaa", stored.routing.as_ref().unwrap()));
    });
    let before = before.unwrap();
    let routing = before.routing.unwrap();
    let report = compare_demo("routing", &fake, "routed").await;
    assert_eq!(numbers(&report.total()), [103, 102, 0, 1, 0]);
    let expected = format!("different {} {routing} /_routing {routing} {routing}aaaaa", before.id);
    assert_eq!(differences(&report), [expected]);
}

#[tokio::test]
async fn a_document_with_a_routing_to_another_shard_is_missing_and_the_other_one_extra() {
    let fake = demo_target().await;
    let mut before = None;
    fake.change("routed", |documents| {
        let stored = documents.iter_mut().find(|stored| stored.routing.is_some()).unwrap();
        before = Some(stored.clone());
        stored.routing = Some(format!("{}\u{1}", stored.routing.as_ref().unwrap()));
    });
    let before = before.unwrap();
    let report = compare_demo("other-shard", &fake, "routed").await;
    assert_eq!(numbers(&report.total()), [103, 102, 1, 0, 1]);
    let routing = before.routing.unwrap();
    let mut expected = [
        format!("missing {} {routing} - - -", before.id),
        format!("extra {} {routing}\u{1} - - -", before.id),
    ];
    expected.sort();
    assert_eq!(differences(&report), expected);
}

#[tokio::test]
async fn one_id_with_two_routings_is_two_documents() {
    let fake = demo_target().await;
    let documents = fake.documents("routed");
    let twice = documents
        .iter()
        .find(|stored| documents.iter().any(|other| other.id == stored.id && other.routing != stored.routing))
        .expect("the fixture has an id with two routings");
    assert_eq!(numbers(&compare_demo("two-routings", &fake, "routed").await.total()), [103, 103, 0, 0, 0]);
    fake.change("routed", |documents| documents.retain(|stored| stored != twice));
    let report = compare_demo("one-routing", &fake, "routed").await;
    assert_eq!(numbers(&report.total()), [103, 102, 1, 0, 0]);
}

#[tokio::test]
async fn extra_documents_are_found_by_their_number_and_listed() {
    for (version, opensearch, faults) in [
        ("2.19.1", true, Faults::default()),
        ("2.19.1", true, Faults { no_point_in_time: true, ..Faults::default() }),
        ("7.17.0", false, Faults::default()),
        ("1.3.13", true, Faults::default()),
    ] {
        let fake = holding("es-7.10.2", version, opensearch).await;
        fake.fail(faults);
        fake.change("plain", |documents| {
            documents.insert(20, Stored::new("new", None, "{}"));
            documents.push(Stored::new("doc-1", Some("elsewhere"), "{}"));
        });
        let report = compare_demo("extra", &fake, "plain").await;
        assert_eq!(numbers(&report.total()), [300, 300, 0, 0, 2], "{version}");
        assert_eq!(differences(&report), ["extra doc-1 elsewhere - - -", "extra new - - - -"]);
        assert_eq!(report.indices[0].in_target, Some(302));
    }
}

#[tokio::test]
async fn a_missing_document_does_not_hide_an_extra_one() {
    let fake = demo_target().await;
    fake.change("plain", |documents| documents[0] = Stored::new("new", None, "{}"));
    let report = compare_demo("hidden", &fake, "plain").await;
    assert_eq!(numbers(&report.total()), [300, 299, 1, 0, 1]);
}

#[tokio::test]
async fn without_a_surplus_the_target_is_not_gone_through() {
    let fake = demo_target().await;
    compare_demo("no-scan", &fake, "plain").await;
    assert!(fake.requests().iter().all(|request| !request.contains("_search")), "{:?}", fake.requests());
}

#[tokio::test]
async fn with_little_memory_keys_are_compared_in_parts() {
    let fake = demo_target().await;
    fake.change("plain", |documents| documents.push(Stored::new("new", None, "{}")));
    let mut settings = settings("parts", &["plain"]);
    settings.memory = 8 << 10; // Keys of 128 documents.
    let report = compare(&demo(), endpoint(&fake).await, &settings).await.unwrap();
    assert_eq!(numbers(&report.total()), [300, 300, 0, 0, 1]);
    let scans = fake.requests().iter().filter(|request| request.ends_with("/_search/point_in_time")).count();
    assert_eq!(scans, 3 * 5 * 2, "three parts of five shards are opened and closed");
}

#[tokio::test]
async fn an_index_that_the_target_does_not_have_is_missing_as_a_whole() {
    let fake = Fake::start("2.19.1", true, 3).await;
    let report = compare_demo("no-index", &fake, "merged").await;
    assert_eq!(numbers(&report.total()), [119, 0, 119, 0, 0]);
    assert_eq!(report.indices[0].in_target, None);
    assert!(fake.requests().iter().all(|request| !request.contains("_mget")));
}

#[tokio::test]
async fn indices_that_belong_in_one_are_compared_together() {
    let fake = demo_target().await;
    let all: Vec<Stored> = ["plain", "merged"].iter().flat_map(|index| fake.documents(index)).collect();
    fake.put("all", all);
    let mut settings = settings("together", &["plain", "merged"]);
    settings.transforms = Some(Chain::from_text("all", "- rename_index: {regex: '.*', to: all}").unwrap());
    let report = compare(&demo(), endpoint(&fake).await, &settings).await.unwrap();
    assert_eq!(numbers(&report.total()), [419, 419, 0, 0, 0]);
    assert_eq!(
        (report.indices.len(), &report.indices[0].sources[..]),
        (1, &["merged".to_owned(), "plain".to_owned()][..])
    );
    fake.change("all", |documents| documents.push(Stored::new("new", None, "{}")));
    let report = compare(&demo(), endpoint(&fake).await, &settings).await.unwrap();
    assert_eq!(differences(&report), ["extra new - - - -"]);
}

#[tokio::test]
async fn a_sample_compares_a_part_and_the_books_balance() {
    let fake = demo_target().await;
    fake.change("plain", |documents| documents.push(Stored::new("new", None, "{}")));
    let mut settings = settings("sample", &["plain"]);
    settings.sample = "10%".parse().unwrap();
    let report = compare(&demo(), endpoint(&fake).await, &settings).await.unwrap();
    let Counts { selected, equal, not_sampled, extra, .. } = report.total();
    assert_eq!((selected, equal + not_sampled, extra), (300, 300, 1));
    assert!((15..=45).contains(&equal), "{equal}");
    let again = compare(&demo(), endpoint(&fake).await, &settings).await.unwrap();
    assert_eq!(again.total(), report.total());
}

#[tokio::test]
async fn a_repair_sends_what_is_wrong_and_looks_again() {
    let fake = demo_target().await;
    let before = fake.documents("routed");
    fake.change("routed", |documents| {
        documents.remove(3);
        documents[9].source = "{\"x\":1}".to_owned();
        documents[40].source = "{}".to_owned();
    });
    let refused = fake.documents("routed")[40].id.clone();
    fake.fail(Faults { refused: Some(refused.clone()), ..Faults::default() });
    let target = endpoint(&fake).await;
    let mut settings = settings("repair", &["routed"]);
    settings.repair = Some(resend_by_bulk(&target));
    let report = compare(&demo(), target.clone(), &settings).await.unwrap();
    assert_eq!((numbers(&report.total()), report.total().repaired), ([103, 102, 0, 1, 0], 2));
    assert!(report.examples[0].reason.as_ref().unwrap().contains("mapper_parsing_exception"));
    fake.fail(Faults::default());
    let report = compare(&demo(), target, &settings).await.unwrap();
    assert_eq!((report.outcome(), report.total().repaired), (Outcome::Equal, 1));
    assert_eq!(fake.documents("routed").len(), before.len());
}

#[tokio::test]
async fn what_the_target_shows_late_is_reported_only_without_live() {
    let fake = demo_target().await;
    fake.fail(Faults { late: 1, ..Faults::default() });
    assert_eq!(compare_demo("late", &fake, "merged").await.total().missing, 1);
    fake.fail(Faults { late: 2, ..Faults::default() });
    let mut settings = settings("live", &["merged"]);
    settings.live = true;
    let report = compare(&demo(), endpoint(&fake).await, &settings).await.unwrap();
    assert_eq!((report.outcome(), report.total().equal), (Outcome::Equal, 119));
}

#[tokio::test]
async fn a_document_that_the_target_could_not_look_for_is_asked_for_again() {
    let fake = demo_target().await;
    fake.fail(Faults { unavailable: 2, ..Faults::default() });
    assert_eq!(compare_demo("unavailable", &fake, "merged").await.outcome(), Outcome::Equal);
    fake.fail(Faults { unavailable: u32::MAX, ..Faults::default() });
    let result = compare(&demo(), endpoint(&fake).await, &settings("never", &["merged"])).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("no_shard_available_action_exception"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_not_whole_stops_the_comparison() {
    let fake = demo_target().await;
    fake.fail(Faults { short: true, ..Faults::default() });
    let result = compare(&demo(), endpoint(&fake).await, &settings("short", &["merged"])).await;
    let error = result.unwrap_err().to_string();
    assert!(error.ends_with("119 documents were asked for, the answer has 118"), "{error}");

    fake.change("merged", |documents| documents.push(Stored::new("new", None, "{}")));
    fake.fail(Faults { failed_shard: true, ..Faults::default() });
    let result = compare(&demo(), endpoint(&fake).await, &settings("failed", &["merged"])).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("some shards failed"), "{error}");
}

#[tokio::test]
async fn credentials_that_are_refused_stop_the_comparison_at_once() {
    let fake = demo_target().await;
    let target = endpoint(&fake).await;
    for (status, hint) in [(401, "user and password"), (403, "`read`")] {
        fake.fail(Faults { status: Some(status), ..Faults::default() });
        let result = compare(&demo(), target.clone(), &settings("refused", &["merged"])).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Refused { status: found, .. } if found == status), "{error}");
        assert!(error.hint().unwrap().contains(hint));
    }
    let error = probe(client(&fake.url)).await.unwrap_err();
    assert!(error.to_string().contains("could not find out the version of the cluster"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url::Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = probe(client(&url)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not find out the version of the cluster `{url}`"));
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn documents_in_a_damaged_file_are_unreadable_and_not_missing() {
    let folder = scratch("verify-damaged-repository");
    copy_folder(&demo(), &folder);
    let largest = largest_blob(&folder);
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xFF);
    fs::write(&largest, bytes).unwrap();
    let fake = demo_target().await;
    let report = compare(&folder, endpoint(&fake).await, &settings("damaged", &["*"])).await.unwrap();
    let total = report.total();
    assert_eq!((total.missing, total.different), (0, 0));
    assert!(total.unreadable > 29, "{total:?}"); // 29 have no `_source`
    assert_eq!(total.unaccounted(), 0);
    assert_eq!(report.outcome(), Outcome::Different);
}

fn largest_blob(folder: &std::path::Path) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    let mut largest = (0, folder.to_owned());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_str().unwrap().starts_with("__") {
                largest = largest.max((entry.metadata().unwrap().len(), entry.path()));
            }
        }
    }
    largest.1
}

#[tokio::test]
async fn where_the_target_makes_ids_sources_are_compared_as_a_set() {
    let fake = Fake::start("2.19.1", true, 1).await;
    let documents = demo_target().await.documents("merged");
    let renamed = documents
        .into_iter()
        .enumerate()
        .map(|(number, stored)| Stored { id: format!("made-{number}"), ..stored });
    fake.put("merged", renamed.collect());
    let target = Endpoint { client: client(&fake.url), dialect: Dialect::serverless(true) };
    let compared = |test| {
        let target = target.clone();
        async move { compare(&demo(), target, &settings(test, &["merged"])).await.unwrap() }
    };
    assert_eq!(numbers(&compared("set").await.total()), [119, 119, 0, 0, 0]);
    fake.change("merged", |documents| {
        let copy = documents[5].clone();
        documents[7].source = copy.source; // One is gone, another one is there twice.
    });
    let report = compared("set-twice").await;
    assert_eq!(numbers(&report.total()), [119, 118, 1, 0, 1]);
    assert_eq!(report.total().unaccounted(), 0);
}

#[tokio::test]
async fn a_wrong_checksum_of_stored_fields_is_told_though_all_documents_are_equal() {
    let folder = scratch("wrong-checksum");
    copy_folder(&demo(), &folder.join("repo"));
    let blob = folder.join("repo/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw");
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 0x10;
    fs::write(&blob, bytes).unwrap();

    let fake = demo_target().await;
    let settings = settings("checksum", &["merged"]);
    let report = compare(&folder.join("repo"), endpoint(&fake).await, &settings).await.unwrap();
    let total = report.total();
    assert_eq!((total.equal, total.unreadable, total.untrusted_segments), (119, 0, 1));
    assert_eq!(report.outcome(), Outcome::Different);
    let record = fs::read_to_string(report.differences.unwrap()).unwrap();
    let expected = r#"
{"kind":"unreadable","index":"merged","reason":"`_7.fdt`: checksum of 5331 bytes is 803254d7, the file says 803254c7: the bytes are damaged; what could be read of this segment is compared, and may not be what was indexed","shard":"shard 0 of index `merged`","segment":"_7","documents":{"start":0,"end":215}}
"#;
    assert_eq!(record, expected.trim_start());
}
