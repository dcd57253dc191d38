//! The version numbers in snapshots and in index settings.

use std::fmt;
use std::str::FromStr;

/// Set in the ids of OpenSearch, to keep them apart from those of Elasticsearch.
const OPENSEARCH_MASK: u64 = 0x0800_0000;
/// From here on, ids of Elasticsearch that do not end with `99` are versions of the index format.
const FIRST_INDEX_VERSION: u64 = 8_500_000;
const RELEASE: u64 = 99;

/// Who wrote a snapshot or created an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch, also of Amazon.
    OpenSearch,
}

/// A version of a server, as an id such as `7100299` (7.10.2).
///
/// | id                | digits        | example   | meaning                                                   |
/// |-------------------|---------------|-----------|-----------------------------------------------------------|
/// | below 8500000     | `MMmmrrbb`    | 7100299   | Elasticsearch 7.10.2; `bb` is 99 for a release            |
/// | from 8500000 on   | `MMnnnspp`    | 9009000   | index version of Elasticsearch 8.11 and later, not a release |
/// | with bit 27       | `MMmmrrbb`    | 136407927 | OpenSearch 2.19.1                                         |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    id: u64,
}

impl Version {
    /// The version with this id, as it stands in the file.
    #[must_use]
    pub const fn from_id(id: u64) -> Self {
        Self { id }
    }

    /// The id as it stands in the file.
    #[must_use]
    pub const fn id(self) -> u64 {
        self.id
    }

    /// Elasticsearch or OpenSearch.
    #[must_use]
    pub const fn product(self) -> Product {
        if self.id & OPENSEARCH_MASK == 0 { Product::Elasticsearch } else { Product::OpenSearch }
    }

    const fn number(self) -> u64 {
        match self.product() {
            Product::Elasticsearch => self.id,
            Product::OpenSearch => self.id ^ OPENSEARCH_MASK,
        }
    }

    /// Whether the id counts changes of the index format: it tells the major version, but not the release.
    #[must_use]
    pub const fn is_index_version(self) -> bool {
        matches!(self.product(), Product::Elasticsearch)
            && self.id >= FIRST_INDEX_VERSION
            && self.id % 100 != RELEASE
    }

    /// The first number of the version.
    #[must_use]
    pub const fn major(self) -> u64 {
        self.number() / 1_000_000
    }

    /// The second number; `None` for an index version.
    #[must_use]
    pub const fn minor(self) -> Option<u64> {
        if self.is_index_version() { None } else { Some(self.number() / 10_000 % 100) }
    }

    /// The third number; `None` for an index version.
    #[must_use]
    pub const fn revision(self) -> Option<u64> {
        if self.is_index_version() { None } else { Some(self.number() / 100 % 100) }
    }
}

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version: expected something like `7.10.2`, `es-7.10` or `os-2.19`")]
pub struct InvalidVersion(String);

impl FromStr for Version {
    type Err = InvalidVersion;

    /// Understands `7.10.2`, `es-7.10`, `ES_7.10` (Elasticsearch) and `os-2.19.1`, `OS_2.19` (OpenSearch).
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let lower = text.to_ascii_lowercase();
        let (mask, numbers) = match (lower.strip_prefix("es"), lower.strip_prefix("os")) {
            (Some(rest), _) => (0, rest.trim_start_matches(['-', '_'])),
            (_, Some(rest)) => (OPENSEARCH_MASK, rest.trim_start_matches(['-', '_'])),
            _ => (0, lower.as_str()),
        };
        let parts: Option<Vec<u64>> =
            numbers.split('.').map(|part| part.parse().ok().filter(|n| *n < 100)).collect();
        let id = match parts.as_deref() {
            Some([major, rest @ ..]) if rest.len() <= 2 && *major > 0 => {
                let part = |at: usize| rest.get(at).copied().unwrap_or(0);
                major * 1_000_000 + part(0) * 10_000 + part(1) * 100 + RELEASE
            }
            _ => return Err(InvalidVersion(text.to_owned())),
        };
        Ok(Self::from_id(id ^ mask))
    }
}

impl fmt::Display for Version {
    /// `7.10.2`, `5.0.0-alpha3`, or `9 (index version 9009000)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let major = self.major();
        let (Some(minor), Some(revision)) = (self.minor(), self.revision()) else {
            return write!(f, "{major} (index version {})", self.id);
        };
        write!(f, "{major}.{minor}.{revision}")?;
        // Before 5, there were no alpha versions, and beta versions counted from 0.
        let is_old = major < 5 && self.product() == Product::Elasticsearch;
        match self.number() % 100 {
            build @ 0..25 if !is_old => write!(f, "-alpha{build}"),
            build @ 0..50 if is_old => write!(f, "-beta{build}"),
            build @ 25..50 => write!(f, "-beta{}", build.saturating_sub(25)),
            build @ 50..99 => write!(f, "-rc{}", build.saturating_sub(50)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_understood_as_people_write_it() {
        let version =
            |text: &str| text.parse::<Version>().map(|version| (version.product(), version.to_string()));
        assert_eq!(version("7.10.2"), Ok((Product::Elasticsearch, "7.10.2".to_owned())));
        assert_eq!(version("ES_6.8"), Ok((Product::Elasticsearch, "6.8.0".to_owned())));
        assert_eq!(version("os-2.19.1"), Ok((Product::OpenSearch, "2.19.1".to_owned())));
        for text in ["", "es", "7.x", "7.10.2.1", "0.9", "7.100"] {
            assert!(version(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_is_a_release_of_a_product() {
        let cases = [
            (1_070_699, "1.7.6", Product::Elasticsearch),
            (5_061_699, "5.6.16", Product::Elasticsearch),
            (7_172_899, "7.17.28", Product::Elasticsearch),
            (8_170_499, "8.17.4", Product::Elasticsearch),
            (135_249_127, "1.3.13", Product::OpenSearch),
            (136_407_927, "2.19.1", Product::OpenSearch),
            (137_267_827, "3.5.0", Product::OpenSearch),
        ];
        for (id, text, product) in cases {
            assert_eq!(Version::from_id(id).to_string(), text);
            assert_eq!(Version::from_id(id).product(), product);
        }
    }

    #[test]
    fn an_index_version_tells_only_the_major_version() {
        let version = Version::from_id(8_521_000);
        assert_eq!((version.major(), version.minor(), version.revision()), (8, None, None));
        assert_eq!(Version::from_id(9_009_000).to_string(), "9 (index version 9009000)");
    }

    #[test]
    fn what_came_before_a_release_has_a_suffix() {
        assert_eq!(Version::from_id(5_000_003).to_string(), "5.0.0-alpha3");
        assert_eq!(Version::from_id(6_000_026).to_string(), "6.0.0-beta1");
        assert_eq!(Version::from_id(6_000_052).to_string(), "6.0.0-rc2");
        assert_eq!(Version::from_id(2_000_001).to_string(), "2.0.0-beta1");
    }
}
