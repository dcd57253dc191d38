//! Documents as the target should have them, in batches, and their keys.

use super::index::TargetIndex;
use crate::document::Document;
use crate::ndjson::{Unwritable, write_source};
use serde::Serialize;
use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as SipHasher128};
use std::hash::Hasher;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

/// What a document is known by in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    /// Where the target has types and the source gives one.
    pub(super) type_name: Option<String>,
    /// What the target must be asked with: the routing, or the parent, which routes where there is no routing.
    pub(super) routing: Option<String>,
    pub(super) parent: Option<String>,
}

impl Identity {
    /// The key as 128 bits of SipHash. That two of a billion documents have the same is less likely than 10⁻²⁰.
    pub(super) fn key(&self) -> u128 {
        let mut hasher = SipHasher128::new();
        for part in [Some(&self.id), self.type_name.as_ref(), self.routing.as_ref()] {
            // The length before each part, so that no two keys have the same bytes.
            hasher.write_u64(part.map_or(u64::MAX, |text| text.len() as u64));
            hasher.write(part.map_or(&[], |text| text.as_bytes()));
        }
        hasher.finish128().into()
    }
}

/// The hash of a text, for the comparison of documents without ids of their own.
pub(super) fn hash_of(text: &[u8]) -> u128 {
    let mut hasher = SipHasher128::new();
    hasher.write(text);
    hasher.finish128().into()
}

/// A document that the target should have.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) identity: Identity,
    source: Range<usize>,
}

/// Documents that one index of the target should have. Its buffers are made once and used again.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) index: Arc<TargetIndex>,
    /// The index of the source, where that is a living cluster.
    pub(super) origin: Option<Arc<str>>,
    pub(super) documents: Vec<Expected>,
    text: Vec<u8>,
}

impl Batch {
    pub(super) const fn new(index: Arc<TargetIndex>) -> Self {
        Self { index, origin: None, documents: Vec::new(), text: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.documents.clear();
        self.text.clear();
    }

    /// Bytes of all sources.
    pub(super) const fn byte_len(&self) -> usize {
        self.text.len()
    }

    pub(super) const fn capacity(&self) -> usize {
        self.text.capacity()
    }

    pub(super) fn source(&self, document: &Expected) -> &[u8] {
        self.text.get(document.source.clone()).unwrap_or_default()
    }

    /// Adds a document of a snapshot, its source in the text that a backfill sends.
    pub(super) fn add(&mut self, document: &Document<'_>, identity: Identity) -> Result<(), Unwritable> {
        let start = self.text.len();
        write_source(document, &mut self.text)?;
        self.documents.push(Expected { identity, source: start..self.text.len() });
        Ok(())
    }

    /// Adds a document whose source is not needed, or is known as text.
    pub(super) fn add_text(&mut self, identity: Identity, source: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(source);
        self.documents.push(Expected { identity, source: start..self.text.len() });
    }

    /// A few of the documents, with their sources.
    pub(super) fn part(&self, numbers: impl IntoIterator<Item = usize>) -> Self {
        let mut part = Self { origin: self.origin.clone(), ..Self::new(Arc::clone(&self.index)) };
        for document in numbers.into_iter().filter_map(|number| self.documents.get(number)) {
            part.add_text(document.identity.clone(), self.source(document));
        }
        part
    }
}

/// Which documents are looked at: the same ones in every run, chosen by a hash of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Documents whose hash is below this; none for all.
    below: Option<u64>,
}

impl Sample {
    /// Every document.
    pub const ALL: Self = Self { below: None };

    /// Whether documents are left out.
    #[must_use]
    pub const fn is_partial(self) -> bool {
        self.below.is_some()
    }

    pub(super) fn contains(self, id: &str) -> bool {
        self.below.is_none_or(|below| {
            let mut hasher = SipHasher13::new();
            hasher.write(id.as_bytes());
            hasher.finish() < below
        })
    }
}

/// Why a text does not say how large a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a percentage above 0% and up to 100%, such as `1%` or `0.05%`")]
pub struct InvalidSample;

impl FromStr for Sample {
    type Err = InvalidSample;

    fn from_str(text: &str) -> Result<Self, InvalidSample> {
        let percent: f64 =
            text.strip_suffix('%').and_then(|number| number.trim().parse().ok()).ok_or(InvalidSample)?;
        if !(percent > 0.0 && percent <= 100.0) {
            return Err(InvalidSample);
        }
        if percent >= 100.0 {
            return Ok(Self::ALL);
        }
        // Parts of a billion: exact enough for any percentage that one would write.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a billion"
        )]
        let parts = (percent * 1e7).round() as u64;
        Ok(Self { below: Some((u64::MAX / 1_000_000_000).saturating_mul(parts.max(1))) })
    }
}

/// The operation line of `_mget` for a document.
#[derive(Serialize)]
pub(super) struct Asked<'a> {
    #[serde(rename = "_id")]
    pub(super) id: &'a str,
    #[serde(rename = "_type", skip_serializing_if = "Option::is_none")]
    pub(super) type_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) routing: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: &str, type_name: Option<&str>, routing: Option<&str>) -> Identity {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Identity { id: id.to_owned(), type_name: text(type_name), routing: text(routing), parent: None }
    }

    #[test]
    fn keys_differ_when_anything_of_an_identity_does() {
        let keys = [
            identity("1", None, None),
            identity("1", None, Some("")),
            identity("1", None, Some("r")),
            identity("1", Some("r"), None),
            identity("1r", None, None),
            identity("", None, Some("1r")),
        ];
        for (number, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(number + 1).all(|other| other.key() != key.key()), "{key:?}");
        }
    }

    #[test]
    fn keys_and_samples_are_the_same_in_every_run() {
        assert_eq!(
            identity("42", None, Some("r")).key(),
            305_410_353_560_494_085_193_612_488_436_082_364_907
        );
        let ten: Sample = "10%".parse().unwrap();
        let sampled: Vec<u32> = (0..60).filter(|number| ten.contains(&number.to_string())).collect();
        assert_eq!(sampled, [2, 4, 56]);
    }

    #[test]
    fn a_sample_has_about_its_share() {
        for (text, expected) in [("1%", 1000), ("0.1%", 100), ("50%", 50_000), ("100%", 100_000)] {
            let sample: Sample = text.parse().unwrap();
            let found = (0..100_000).filter(|number| sample.contains(&format!("doc-{number}"))).count();
            assert!(found.abs_diff(expected) <= expected / 5, "{text}: {found}");
        }
    }

    #[test]
    fn a_sample_is_a_percentage() {
        for wrong in ["1", "0%", "-1%", "101%", "%", "x%", "NaN%"] {
            assert_eq!(wrong.parse::<Sample>(), Err(InvalidSample), "{wrong}");
        }
        assert!(!"100%".parse::<Sample>().unwrap().is_partial());
        assert!("0.000000001%".parse::<Sample>().unwrap().is_partial());
    }
}
