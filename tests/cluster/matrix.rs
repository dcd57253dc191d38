//! Every version of a source into every version of a target.

use crate::http;
use crate::indices::{Made, make, manifest};
use crate::job::{Job, key, number};
use crate::server::Server;
use crate::support::truth::{Document, truth};
use crate::support::{SNAPSHOTS, fixture, json_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Index, id and routing.
type Key = [String; 3];

/// What became of one fixture in one target.
struct Row {
    source: &'static str,
    target: &'static str,
    made: Made,
    selected: u64,
    written: u64,
    excluded: u64,
    failed: BTreeMap<Key, String>,
    missing: BTreeSet<Key>,
    different: BTreeSet<Key>,
    extra: u64,
    /// Documents without `_source`: nothing of them can be copied or compared.
    unreadable: BTreeSet<Key>,
    /// Documents of indices with several types, which went into an index for each type.
    by_type: u64,
    /// Documents with an `_id` that another document of the index has too.
    ambiguous: BTreeSet<Key>,
}

impl Row {
    fn new(source: &'static str, server: &Server) -> Self {
        server.clear();
        let folder = fixture(source);
        let made = make(server, &folder, "snap1");
        let name = format!("{source}-{}", server.version).replace(['.', '_'], "-");
        let job = Job::new(&name, &folder.join("repo"), "snap1", &server.url);
        let typed = if server.version.starts_with("es-6") { BTreeMap::new() } else { several_types(&folder) };
        let by_type = typed.iter().map(|(index, types)| copy_by_type(&job, &folder, index, types)).sum();
        let without: String = typed.keys().map(|index| format!(",-{index}")).collect();
        let job = job.of_indices(&format!("*{without}"));
        let output = job.backfill("");
        let report = json_of(&output);
        let total = &report["total"];
        let failed = job.failed();
        assert_eq!(output.status.code(), Some(i32::from(!failed.is_empty())), "{total}");
        let verified = job.verify();
        Self {
            source,
            target: server.version,
            made,
            selected: number(total, "selected"),
            written: number(total, "written"),
            excluded: number(total, "excluded"),
            failed: failed.iter().map(|record| (key(record), reason(record))).collect(),
            missing: verified.documents("missing"),
            different: verified.documents("different"),
            extra: verified.count("extra"),
            unreadable: verified.documents("unreadable"),
            by_type,
            ambiguous: ambiguous(&truth(&folder, "snap1")),
        }
    }

    fn print(&self) {
        let Made { same, translated, dynamic } = self.made;
        println!(
            "matrix | {} | {} | {same}/{translated}/{dynamic} | {} | {} | {} | {} | {} | {} | {} | {}",
            self.source,
            self.target,
            self.selected - self.excluded + self.by_type,
            self.written + self.by_type,
            self.failed.len() - self.without_source().len(),
            self.without_source().len(),
            self.missing.len(),
            self.different.len(),
            self.extra,
            self.outcome()
        );
        if self.by_type > 0 {
            println!(
                "matrix |   {} with equal ids in several types went into an index for each type",
                self.by_type
            );
        }
        let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for ([index, ..], reason) in &self.failed {
            *reasons.entry((index, reason)).or_default() += 1;
        }
        reasons.retain(|(_, reason), _| !reason.starts_with("no_source"));
        for ((index, reason), count) in reasons {
            println!("matrix |   {count} of {index}: {reason}");
        }
        for [index, id, routing] in &self.different {
            println!(
                "matrix |   different: `{id}` (routing `{routing}`) of {index}, which has this id with another routing or type too"
            );
        }
    }

    fn outcome(&self) -> &'static str {
        match (self.missing.is_empty(), self.different.is_empty()) {
            (true, true) => "equal",
            (false, true) => "as refused",
            (_, false) => "not equal, for equal ids",
        }
    }

    /// Documents of which the source stored nothing that could be copied.
    fn without_source(&self) -> BTreeSet<Key> {
        let failed = self.failed.iter().filter(|(_, reason)| reason.starts_with("no_source"));
        failed.map(|(key, _)| key.clone()).collect()
    }
}

/// Class, type and reason of a failure, without what differs from document to document.
fn reason(record: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, words) = (text(&record["error"]["type"]), text(&record["error"]["reason"]));
    let words: String = words.split('[').next().unwrap_or_default().chars().take(100).collect();
    format!("{} {kind}: {words}", text(&record["class"])).trim_end().to_owned()
}

/// Documents of an index that have the `_id` of another one: with another type, or with another routing.
fn ambiguous(truth: &BTreeMap<String, Vec<Document>>) -> BTreeSet<Key> {
    let mut ambiguous = BTreeSet::new();
    for (index, documents) in truth {
        let mut of_id: BTreeMap<&str, u32> = BTreeMap::new();
        documents.iter().for_each(|document| *of_id.entry(&document.id).or_default() += 1);
        let twice = documents.iter().filter(|document| of_id[document.id.as_str()] > 1);
        let key = |document: &Document| {
            [index.clone(), document.id.clone(), document.routing.clone().unwrap_or_default()]
        };
        ambiguous.extend(twice.map(key));
    }
    ambiguous
}

/// The types of each index that has several.
fn several_types(fixture: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (index, documents) in truth(fixture, "snap1") {
        types
            .entry(index)
            .or_default()
            .extend(documents.into_iter().filter_map(|document| document.type_name));
    }
    types.retain(|index, types| types.len() > 1 && index == "types");
    types
}

/// Sends the documents of each type to an index of its own, where a target has no types; how many there are.
fn copy_by_type(job: &Job, fixture: &Path, index: &str, types: &BTreeSet<String>) -> u64 {
    let lines = types.iter().map(|name| format!("      {name}: {index}-{name}\n"));
    let steps = format!(
        "- types:\n    static_mappings:\n      {index}:\n{}",
        lines.map(|line| format!("  {line}")).collect::<String>()
    );
    std::fs::write(job.folder.join("types.yaml"), steps).unwrap();
    let session = format!("{}-{index}", job.session);
    let job = Job { session, ..job.clone() }.of_indices(index).with("--transform types.yaml");
    let output = job.backfill("");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let mut documents = 0;
    for name in types {
        let hits = http::hits(&job.target, &format!("{index}-{name}"), true);
        let found: BTreeMap<_, _> =
            hits.iter().map(|hit| (hit["_id"].as_str().unwrap(), &hit["_source"])).collect();
        let of_type = truth(fixture, "snap1").remove(index).unwrap();
        let of_type = of_type.into_iter().filter(|document| document.type_name.as_ref() == Some(name));
        let expected: Vec<(String, Value)> = of_type
            .map(|document| (document.id, serde_json::from_str(&document.source.unwrap()).unwrap()))
            .collect();
        let expected: BTreeMap<_, _> = expected.iter().map(|(id, source)| (id.as_str(), source)).collect();
        assert_eq!(found, expected, "{index}-{name}");
        documents += hits.len() as u64;
        http::json(&job.target, "DELETE", &format!("/{index}-{name}"), &Value::Null);
    }
    documents
}

fn matrix(target: &'static str, sources: &[&'static str]) {
    let started;
    let server = if target == crate::server::USUAL {
        Server::usual()
    } else {
        started = Server::start(target);
        &started
    };
    println!(
        "matrix | source | target | mappings same/translated/dynamic | documents | written | refused | without _source | missing | different | extra |"
    );
    let mut wrong = Vec::new();
    for source in sources {
        let row = Row::new(source, server);
        row.print();
        wrong.extend(check(&row));
    }
    server.clear();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with a row.
fn check(row: &Row) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |is_so: bool, what: String| {
        if !is_so {
            wrong.push(format!("{} into {}: {what}", row.source, row.target));
        }
    };
    let counts = manifest(&fixture(row.source));
    let truth: u64 = counts["counts"]["snap1"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    expect(row.selected - row.excluded + row.by_type == truth, format!("{truth} documents in truth"));
    expect(row.written + row.failed.len() as u64 + row.excluded == row.selected, "the books".to_owned());
    let failed: BTreeSet<_> = row.failed.keys().cloned().collect();
    let absent: BTreeSet<_> = row.missing.union(&row.unreadable).cloned().collect();
    let not_recorded: Vec<_> = absent.difference(&failed).collect();
    expect(not_recorded.is_empty(), format!("missing and not recorded as failed: {not_recorded:?}"));
    let not_missing: Vec<_> = failed.difference(&absent).collect();
    expect(not_missing.is_empty(), format!("recorded as failed and not missing: {not_missing:?}"));
    let different: Vec<_> = row.different.difference(&row.ambiguous).collect();
    expect(different.is_empty(), format!("different: {different:?}"));
    expect(
        row.unreadable == row.without_source(),
        "other documents are unreadable than those without source".to_owned(),
    );
    expect(row.extra == 0, format!("{} extra documents", row.extra));
    wrong
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_matrix_of_three_sources_into_os_2_19() {
    matrix("os-2.19.1", &["es-1.7.6", "es-7.10.2", "os-2.19.1"]);
}

macro_rules! matrix {
    ($($name:ident $target:literal)*) => {
        $(
            #[test]
            #[ignore = "needs a JDK and Maven"]
            fn $name() {
                matrix($target, &SNAPSHOTS);
            }
        )*
    };
}

matrix! {
    cluster_all_matrix_into_os_1_3 "os-1.3.13"
    cluster_all_matrix_into_os_2_19 "os-2.19.1"
    cluster_all_matrix_into_os_3_5 "os-3.5.0"
    cluster_all_matrix_into_es_6_8 "es-6.8.23"
    cluster_all_matrix_into_es_7_10 "es-7.10.2"
    cluster_all_matrix_into_es_7_17 "es-7.17.28"
}
