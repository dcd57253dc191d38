//! What of two answers is not compared, or not to the last digit.

use std::fmt;
use std::str::FromStr;

/// Names that are not compared wherever they stand outside of documents; a `*` at the start is any text.
const IGNORED: [&str; 15] = [
    "took",
    "_shards",
    "_scroll_id",
    "pit_id",
    "_type",
    "_seq_no",
    "_primary_term",
    "_version",
    "ingest_took",
    "profile",
    "num_reduce_phases",
    "creation_time",
    "*_in_millis",
    "*_in_nanos",
    "*_millis",
];

/// The member of error objects that is compared: the others are words, and where in the cluster it happened.
const OF_ERRORS: &str = "type";

/// What is compared, and how exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    ignored: Vec<IgnoredPath>,
    /// How far scores may be apart, as a share of the larger one.
    pub score_tolerance: f64,
    /// The same of numbers in aggregations, whose sums are made in any order.
    pub aggregation_tolerance: f64,
    /// How many of the first hits are looked at for their overlap.
    pub top_k: usize,
}

impl Default for Rules {
    fn default() -> Self {
        let ignored = IGNORED.iter().map(|name| IgnoredPath::name(name)).collect();
        Self { ignored, score_tolerance: 0.001, aggregation_tolerance: 1e-9, top_k: 10 }
    }
}

impl Rules {
    /// Does not compare this either.
    pub fn ignore(&mut self, path: IgnoredPath) {
        self.ignored.push(path);
    }

    /// Compares what is not compared without being asked for, such as `_version`. Whether there is such a rule.
    pub fn compare(&mut self, name: &str) -> bool {
        let before = self.ignored.len();
        self.ignored.retain(|path| *path != IgnoredPath::name(name));
        self.ignored.len() < before
    }

    /// What is not compared, in words.
    #[must_use]
    pub fn ignored(&self) -> Vec<String> {
        self.ignored.iter().map(ToString::to_string).collect()
    }

    pub(super) fn ignores(&self, path: &[Step<'_>], in_document: bool) -> bool {
        self.ignored.iter().any(|rule| rule.matches(path, in_document))
    }

    /// Whether a member of an error object is compared.
    pub(super) fn compares_of_error(name: &str) -> bool {
        name == OF_ERRORS
    }
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step<'j> {
    /// Into a member of an object.
    Name(std::borrow::Cow<'j, str>),
    /// Into an element of an array.
    Index(usize),
}

/// A place in answers that is not compared, with all that is in it.
///
/// A name, such as `took`, is meant wherever it stands outside of documents (`_source` and `fields`). A path begins with a
/// slash, such as `/hits/hits/*/_source/price`: `*` is any one step, `**` any number of them, and a step that begins with
/// `*` is any name with this end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredPath {
    steps: Vec<String>,
    is_name: bool,
}

impl IgnoredPath {
    fn name(name: &str) -> Self {
        Self { steps: vec![name.to_owned()], is_name: true }
    }

    fn matches(&self, path: &[Step<'_>], in_document: bool) -> bool {
        if !self.is_name {
            return matches_path(&self.steps, path);
        }
        let (Some(name), Some(step)) = (self.steps.first(), path.last()) else { return false };
        !in_document && matches!(step, Step::Name(_)) && matches_step(name, step)
    }
}

impl FromStr for IgnoredPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text == "/" {
            return Err("expected a name such as `took`, or a path such as `/hits/hits/*/_score`".to_owned());
        }
        let Some(path) = text.strip_prefix('/') else {
            return if text.contains('/') {
                Err(format!("a path begins with a slash: `/{text}`"))
            } else {
                Ok(Self::name(text))
            };
        };
        let unescaped = |step: &str| step.replace("~1", "/").replace("~0", "~");
        Ok(Self { steps: path.split('/').map(unescaped).collect(), is_name: false })
    }
}

impl fmt::Display for IgnoredPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_name {
            return formatter.write_str(self.steps.first().map_or("", String::as_str));
        }
        self.steps
            .iter()
            .try_for_each(|step| write!(formatter, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

fn matches_path(steps: &[String], path: &[Step<'_>]) -> bool {
    match steps.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=path.len()).any(|skipped| path.get(skipped..).is_some_and(|path| matches_path(rest, path)))
        }
        Some((first, rest)) => path
            .split_first()
            .is_some_and(|(step, path)| matches_step(first, step) && matches_path(rest, path)),
    }
}

fn matches_step(pattern: &str, step: &Step<'_>) -> bool {
    match (pattern.strip_prefix('*'), step) {
        (Some(""), _) => true,
        (Some(end), Step::Name(name)) => name.ends_with(end),
        (None, Step::Name(name)) => name == pattern,
        (_, Step::Index(index)) => pattern.parse() == Ok(*index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Step<'_>> {
        let step =
            |step: &'_ str| step.parse().map_or_else(|_| Step::Name(step.to_owned().into()), Step::Index);
        text.split('/').skip(1).map(step).collect()
    }

    fn ignores(rule: &str, at: &str) -> bool {
        rule.parse::<IgnoredPath>().unwrap().matches(&path(at), at.contains("/_source/"))
    }

    #[test]
    fn a_name_is_ignored_anywhere_but_in_documents() {
        assert!(ignores("took", "/took") && ignores("took", "/responses/3/took"));
        assert!(!ignores("took", "/hits/hits/0/_source/took") && !ignores("took", "/tooks"));
        assert!(ignores("*_in_millis", "/a/time_in_millis") && !ignores("0", "/a/0"));
    }

    #[test]
    fn a_path_is_ignored_where_it_stands() {
        assert!(ignores("/hits/hits/*/_source/price", "/hits/hits/12/_source/price"));
        assert!(!ignores("/hits/hits/*/_source/price", "/hits/hits/12/_source/price/x"));
        assert!(
            ignores("/**/key", "/a/b/0/key") && ignores("/**/key", "/key") && !ignores("/**/key", "/a/keys")
        );
        assert!(ignores("/a/1", "/a/1") && !ignores("/a/1", "/a/2"));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "/", "hits/hits"] {
            assert!(text.parse::<IgnoredPath>().is_err(), "{text}");
        }
        assert_eq!("/a~1b/*/c".parse::<IgnoredPath>().unwrap().to_string(), "/a~1b/*/c");
    }

    #[test]
    fn what_is_ignored_without_being_asked_for_can_be_compared() {
        let mut rules = Rules::default();
        assert!(rules.ignores(&path("/_version"), false));
        assert!(rules.compare("_version") && !rules.compare("_version"));
        assert!(!rules.ignores(&path("/_version"), false));
    }
}
