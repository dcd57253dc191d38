//! Which indices of a snapshot are meant.

use regex::Regex;
use std::fmt;
use std::str::FromStr;

/// Indices by name and pattern. Without a pattern: all but system indices.
#[derive(Debug, Clone, Default)]
pub struct IndexSelection {
    patterns: Vec<IndexPattern>,
    with_system: bool,
}

/// One pattern: a name, `*` for any run of characters, `-` before it to exclude, or `regex:` and a regular
/// expression that must match the whole name.
#[derive(Debug, Clone)]
pub struct IndexPattern {
    text: String,
    exclude: bool,
    regex: Regex,
}

/// A text that is not an index pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not an index pattern: {reason}")]
pub struct InvalidPattern {
    pattern: String,
    reason: String,
}

/// Why an index is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// It belongs to the cluster and its tools, not to its users; the rule that says so.
    System(&'static str),
    /// A pattern excludes it, as it was given.
    Pattern(String),
    /// Patterns were given, and none selects it.
    NotSelected,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(rule) => write!(f, "system index (`{rule}`)"),
            Self::Pattern(pattern) => write!(f, "excluded by `{pattern}`"),
            Self::NotSelected => f.write_str("not selected"),
        }
    }
}

/// Names of indices that Elasticsearch, Kibana and their agents make for themselves, as prefixes.
const SYSTEM_PREFIXES: [&str; 21] = [
    ".",
    "kibana",
    "searchguard",
    "sg7-",
    "apm-",
    "behavioral_analytics-",
    "elastic-connectors-",
    "elastic_agent.",
    "ilm-history-",
    "logs-elastic_agent",
    "logs-endpoint.",
    "logs-index_pattern",
    "logs-system.",
    "metricbeat-",
    "metrics-elastic_agent",
    "metrics-endpoint.",
    "metrics-index_pattern",
    "metrics-metadata-",
    "metrics-system.",
    "profiling-",
    "synthetics-",
];

/// As above, whole names.
const SYSTEM_NAMES: [&str; 3] = ["triggered_watches", "watches", "watch_history_3"];

/// The prefix of the indices behind a data stream: hidden, but its users' own data.
const DATA_STREAM_PREFIX: &str = ".ds-";

impl IndexSelection {
    /// A selection by these patterns, in any order: an index is meant when one selects and none excludes it.
    #[must_use]
    pub const fn new(patterns: Vec<IndexPattern>) -> Self {
        Self { patterns, with_system: false }
    }

    /// System indices too, where no pattern says which indices are meant.
    #[must_use]
    pub fn with_system(self) -> Self {
        Self { with_system: true, ..self }
    }

    /// Every index, those of the system too.
    #[must_use]
    pub const fn everything() -> Self {
        Self { patterns: Vec::new(), with_system: true }
    }

    /// Whether an index is meant, or why not.
    pub fn check(&self, index: &str) -> Result<(), Exclusion> {
        let (excluding, selecting): (Vec<_>, Vec<_>) =
            self.patterns.iter().partition(|pattern| pattern.exclude);
        if let Some(pattern) = excluding.iter().find(|pattern| pattern.regex.is_match(index)) {
            return Err(Exclusion::Pattern(pattern.text.clone()));
        }
        if selecting.is_empty() {
            return system_rule(index)
                .filter(|_| !self.with_system)
                .map_or(Ok(()), |rule| Err(Exclusion::System(rule)));
        }
        if selecting.iter().any(|pattern| pattern.regex.is_match(index)) {
            Ok(())
        } else {
            Err(Exclusion::NotSelected)
        }
    }

    /// The selecting patterns that match none of these indices: each is likely a mistake.
    pub fn unmatched<'a>(&'a self, indices: &[&str]) -> Vec<&'a str> {
        let selects_none = |pattern: &&IndexPattern| {
            !pattern.exclude && !indices.iter().any(|index| pattern.regex.is_match(index))
        };
        self.patterns.iter().filter(selects_none).map(|pattern| pattern.text.as_str()).collect()
    }
}

fn system_rule(index: &str) -> Option<&'static str> {
    if index.starts_with(DATA_STREAM_PREFIX) {
        let stream = index.trim_start_matches(DATA_STREAM_PREFIX);
        return system_rule(stream);
    }
    let by_name = SYSTEM_NAMES.into_iter().find(|name| *name == index);
    by_name.or_else(|| SYSTEM_PREFIXES.into_iter().find(|prefix| index.starts_with(prefix)))
}

impl IndexPattern {
    /// Whether it is one that leaves indices out.
    #[must_use]
    pub const fn excludes(&self) -> bool {
        self.exclude
    }
}

impl fmt::Display for IndexPattern {
    /// As it was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for IndexPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidPattern { pattern: text.to_owned(), reason };
        let (exclude, pattern) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if pattern.is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        let expression = match pattern.strip_prefix("regex:") {
            Some(expression) => format!("^(?:{expression})$"),
            None => {
                let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
                format!("^{}$", parts.join(".*"))
            }
        };
        match regex::RegexBuilder::new(&expression).dot_matches_new_line(true).build() {
            Ok(regex) => Ok(Self { text: text.to_owned(), exclude, regex }),
            Err(error) => Err(invalid(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(patterns: &[&str]) -> IndexSelection {
        IndexSelection::new(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect())
    }

    #[test]
    fn without_patterns_system_indices_are_left_out_with_the_rule() {
        let all = selection(&[]);
        assert_eq!(all.check("orders"), Ok(()));
        assert_eq!(all.check(".kibana_1"), Err(Exclusion::System(".")));
        assert_eq!(all.check("watches"), Err(Exclusion::System("watches")));
        assert_eq!(all.check("synthetics-http"), Err(Exclusion::System("synthetics-")));
    }

    #[test]
    fn the_indices_of_a_data_stream_are_its_users_data() {
        let all = selection(&[]);
        assert_eq!(all.check(".ds-logs-app-000001"), Ok(()));
        assert_eq!(
            all.check(".ds-metrics-system.cpu-default-000001"),
            Err(Exclusion::System("metrics-system."))
        );
        assert_eq!(all.check(".ds-.monitoring-es-000001"), Err(Exclusion::System(".")));
    }

    #[test]
    fn with_patterns_only_they_count() {
        let some = selection(&["*", "-.kibana*", "-regex:tmp-[0-9]+"]);
        assert_eq!(some.check(".security"), Ok(()));
        assert_eq!(some.check(".kibana_1"), Err(Exclusion::Pattern("-.kibana*".to_owned())));
        assert_eq!(some.check("tmp-7"), Err(Exclusion::Pattern("-regex:tmp-[0-9]+".to_owned())));
        assert_eq!(some.check("tmp-7a"), Ok(()));
        assert_eq!(selection(&["orders"]).check("orders-2"), Err(Exclusion::NotSelected));
    }

    #[test]
    fn only_exclusions_leave_the_default_in_place() {
        let some = selection(&["-orders"]);
        assert_eq!(some.check("users"), Ok(()));
        assert_eq!(some.check(".kibana"), Err(Exclusion::System(".")));
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_named() {
        assert_eq!(selection(&["orders", "usr*", "-x"]).unmatched(&["orders", "users"]), ["usr*"]);
    }

    #[test]
    fn a_bad_expression_is_refused_with_its_place() {
        let error = "regex:(".parse::<IndexPattern>().unwrap_err().to_string();
        assert!(error.starts_with("`regex:(` is not an index pattern: regex parse error"), "{error}");
        assert_eq!(
            "-".parse::<IndexPattern>().unwrap_err().to_string(),
            "`-` is not an index pattern: it is empty"
        );
    }
}
