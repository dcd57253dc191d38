//! `docs/metrics.md` has every metric and every value of a label, and no others.

use engine::replay::Monitor;
use engine::telemetry::{Metric, Page, install};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rows of the table under a heading, without the two of its head.
fn rows(heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with('|'));
    table.take_while(|line| line.starts_with('|')).skip(2).map(str::to_owned).collect()
}

fn row(metric: Metric) -> String {
    let labels: Vec<String> = metric.labels().iter().map(|label| format!("`{label}`")).collect();
    let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
    let (name, kind, unit) = (metric.name(), metric.kind().name(), metric.unit().name());
    format!("| `{name}` | {kind} | {unit} | {labels} | {} |", metric.help())
}

#[test]
fn the_page_has_each_metric_as_it_is_and_no_other() {
    let expected: Vec<String> = Metric::ALL.iter().map(|metric| row(*metric)).collect();
    assert_eq!(rows("Metrics"), expected, "the page should have:\n{}", expected.join("\n"));
}

#[test]
fn every_metric_of_a_replay_is_there_from_the_start_but_those_of_partitions_and_statuses() {
    let mut page = Page::default();
    (Monitor::default().figures())(&mut page);
    let text = page.into_text();
    for metric in Metric::ALL.iter().filter(|metric| metric.is_of_replay()) {
        let comes_later =
            matches!(metric, Metric::ReplayLagRecords | Metric::ReplayLagSeconds | Metric::ReplayStatuses);
        let heads = text.matches(&format!("# TYPE {} {}\n", metric.name(), metric.kind().name())).count();
        assert_eq!(heads, usize::from(!comes_later), "{metric:?}: {text}");
    }
}

#[test]
fn the_page_has_each_value_of_a_label_and_no_other() {
    let mut recorded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut page = Page::default();
    (Monitor::default().figures())(&mut page);
    let text = install().text() + &page.into_text();
    for line in text.lines().filter(|line| !line.starts_with('#') && line.contains('{')) {
        let (name, rest) = line.split_once('{').unwrap();
        for pair in rest.split_once('}').unwrap().0.split(',') {
            let (label, value) = pair.split_once('=').unwrap();
            if !matches!(label, "le" | "version") {
                let name = ["_bucket", "_sum", "_count"].iter().fold(name, |name, part| {
                    name.strip_suffix(part).filter(|name| name.ends_with("_seconds")).unwrap_or(name)
                });
                let key = format!("`{name}` `{label}`");
                recorded.entry(key).or_default().insert(value.trim_matches('"').to_owned());
            }
        }
    }
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows("Labels") {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [label, value, meaning] = cells.as_slice() else { panic!("{row}") };
        assert!(!meaning.is_empty(), "{row}");
        assert!(written.entry((*label).to_owned()).or_default().insert(value.trim_matches('`').to_owned()));
    }
    assert_eq!(written, recorded);
}
