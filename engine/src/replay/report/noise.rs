//! What differs between two answers of the source to the same request: that differs between source and target too.

use super::compare::{Subject, compare};
use super::endpoint::Endpoint;
use std::collections::{BTreeMap, HashMap};

/// Bytes of answers that are kept to be compared with later ones, and the longest of them.
const MOST_KEPT: usize = 64 << 20;
const LONGEST: usize = 256 << 10;

/// How often the answers to one request are compared.
const MOST_REPEATS: u32 = 8;

/// Kinds of noise that are kept.
const MOST_KINDS: usize = 10_000;

/// Steps of a place that hold what a client asked for: they differ between two answers because something was written
/// meanwhile, and that must not excuse the target.
const NEVER_NOISE: [&str; 12] = [
    "_source",
    "_id",
    "_index",
    "fields",
    "highlight",
    "aggregations",
    "aggs",
    "total",
    "error",
    "status",
    "(place)",
    "(text)",
];

/// Places at the top that do so too.
const NEVER_NOISE_AT_TOP: [&str; 4] = ["/count", "/found", "/result", "/matches"];

/// A request that may come again, and what the source answered.
#[derive(Debug)]
pub(super) struct Repeat<'a> {
    /// The request as a hash.
    pub(super) request: u64,
    pub(super) body: std::borrow::Cow<'a, [u8]>,
}

#[derive(Debug)]
struct Known {
    body: Vec<u8>,
    repeats: u32,
}

/// What was learned.
#[derive(Debug, Default)]
pub(super) struct Noise {
    known: HashMap<u64, Known>,
    kept: usize,
    /// By class of request and place: in how many repeats it differed.
    places: BTreeMap<(String, String), u64>,
    repeats: u64,
}

impl Noise {
    /// Compares an answer with the first one to the same request.
    pub(super) fn learn(&mut self, endpoint: &Endpoint, subject: Subject<'_>, repeat: &Repeat<'_>) {
        let Some(known) = self.known.get_mut(&repeat.request) else {
            let length = repeat.body.len();
            if length <= LONGEST && self.kept.saturating_add(length) <= MOST_KEPT {
                self.kept = self.kept.saturating_add(length);
                self.known.insert(repeat.request, Known { body: repeat.body.to_vec(), repeats: 0 });
            }
            return;
        };
        if known.repeats == MOST_REPEATS {
            return;
        }
        known.repeats = known.repeats.saturating_add(1);
        self.repeats = self.repeats.saturating_add(1);
        if known.body == *repeat.body {
            return;
        }
        for difference in compare(subject, &known.body, &repeat.body).differences {
            let place = (endpoint.name.to_string(), difference.pattern);
            if can_be_noise(&place.1) && (self.places.len() < MOST_KINDS || self.places.contains_key(&place))
            {
                let count = self.places.entry(place).or_default();
                *count = count.saturating_add(1);
            }
        }
    }

    pub(super) fn is_noise(&self, endpoint: &str, pattern: &str) -> bool {
        self.places.contains_key(&(endpoint.to_owned(), pattern.to_owned()))
    }

    /// By class of request and place, in how many repeats it differed.
    pub(super) const fn places(&self) -> &BTreeMap<(String, String), u64> {
        &self.places
    }

    /// Requests that came again and whose answers were compared.
    pub(super) const fn repeats(&self) -> u64 {
        self.repeats
    }
}

fn can_be_noise(pattern: &str) -> bool {
    !NEVER_NOISE_AT_TOP.contains(&pattern) && !pattern.split('/').any(|step| NEVER_NOISE.contains(&step))
}

#[cfg(test)]
mod tests {
    use super::super::compare::Rules;
    use super::*;

    fn learned(answers: &[&str]) -> Noise {
        let (rules, endpoint) = (Rules::default(), Endpoint::of("GET", "/_analyze"));
        let mut noise = Noise::default();
        for answer in answers {
            let repeat = Repeat { request: 1, body: answer.as_bytes().into() };
            let subject = Subject { rules: &rules, is_document: false, has_server_id: false };
            noise.learn(&endpoint, subject, &repeat);
        }
        noise
    }

    #[test]
    fn what_differs_between_repeats_is_noise_of_that_class_of_request() {
        let noise = learned(&[r#"{"node":"a","x":1}"#, r#"{"node":"b","x":1}"#, r#"{"node":"a","x":1}"#]);
        assert!(noise.is_noise("_analyze", "/node") && !noise.is_noise("_search", "/node"));
        assert!(!noise.is_noise("_analyze", "/x"));
        assert_eq!(noise.repeats(), 2);
    }

    #[test]
    fn what_a_client_asks_for_is_never_noise() {
        let noise = learned(&[
            r#"{"count":1,"hits":{"total":1,"hits":[{"_id":"1","_source":{"a":1}}]}}"#,
            r#"{"count":2,"hits":{"total":2,"hits":[{"_id":"2","_source":{"a":2}}]}}"#,
        ]);
        assert!(noise.places().is_empty(), "{:?}", noise.places());
    }

    #[test]
    fn one_request_is_compared_only_so_often() {
        let answers: Vec<_> = (0..100).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
        let answers: Vec<_> = answers.iter().map(String::as_str).collect();
        assert_eq!(learned(&answers).repeats(), u64::from(MOST_REPEATS));
    }
}
