//! The job that a session is for.

use super::backend::{Columns, Document};
use super::error::StoreError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Version of what is kept. Another one is refused.
pub(super) const FORMAT: u32 = 2;

/// Name of a session: 1 to 64 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionName {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        let refuse = |reason| Err(StoreError::InvalidSession { name: name.to_owned(), reason });
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match name.len() {
            0 => refuse("it is empty"),
            1..=64 if name.bytes().all(allowed) => Ok(Self(name.to_owned())),
            1..=64 => refuse("it may only have `a` to `z`, `0` to `9` and `-`"),
            _ => refuse("it may have 64 characters at most"),
        }
    }
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Not all items exist.
    Planning,
    /// All items exist.
    Running,
    /// All items are done or quarantined.
    Complete,
}

/// What makes a job this job and no other. URLs are kept without user and password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// URI of the repository.
    pub repository: String,
    /// Name of the snapshot.
    pub snapshot: String,
    /// UUID of the snapshot.
    pub snapshot_uuid: String,
    /// Which indices are copied.
    pub selection: String,
    /// URL of the target.
    pub target: String,
    /// Digest of the transforms; empty without any.
    pub transform: String,
}

impl Fingerprint {
    /// Without what may be secret in URLs.
    pub(super) fn without_credentials(&self) -> Self {
        let (repository, target) = (without_credentials(&self.repository), without_credentials(&self.target));
        Self { repository, target, ..self.clone() }
    }

    /// What differs from the fingerprint in a session, in words; empty when nothing does.
    pub(super) fn differences(&self, session: &Self) -> String {
        let fields = [
            ("repository", &self.repository, &session.repository),
            ("snapshot", &self.snapshot, &session.snapshot),
            ("snapshot uuid", &self.snapshot_uuid, &session.snapshot_uuid),
            ("selection", &self.selection, &session.selection),
            ("target", &self.target, &session.target),
            ("transform", &self.transform, &session.transform),
        ];
        let differ = fields.into_iter().filter(|(_, here, there)| here != there);
        let words = differ.map(|(name, here, there)| format!("{name} is `{there}` there and `{here}` here"));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// The text without user and password, if it is a URL.
fn without_credentials(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            // They fail only for URLs that cannot have a user, and then there is none.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        _ => text.to_owned(),
    }
}

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// How many items.
    pub items: u64,
    /// Documents in the ranges of the items, deleted ones included.
    pub span: u64,
    /// Live documents, about.
    pub documents: u64,
    /// Compressed bytes, about.
    pub bytes: u64,
    /// Digest over ids and ranges.
    pub digest: String,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items with {} documents (digest {})", self.items, self.span, self.digest)
    }
}

/// The session document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    pub(super) id: String,
    pub(super) format: u32,
    pub(super) state: SessionState,
    pub(super) fingerprint: Fingerprint,
    /// Set before the first item is made.
    pub(super) planned: Option<Planned>,
    /// +1 with each write, so that no write looks like one before it.
    pub(super) revision: u64,
}

impl SessionRecord {
    /// Its id; no item can have it.
    pub(super) const ID: &'static str = "session";

    pub(super) fn new(fingerprint: Fingerprint) -> Self {
        let (id, state) = (Self::ID.to_owned(), SessionState::Planning);
        Self { id, format: FORMAT, state, fingerprint, planned: None, revision: 0 }
    }

    /// The same with another state.
    pub(super) fn turned(&self, state: SessionState) -> Self {
        Self { state, revision: self.revision.saturating_add(1), ..self.clone() }
    }

    /// The same with a plan.
    pub(super) fn planned(&self, planned: &Planned) -> Self {
        let planned = Some(planned.clone());
        Self { planned, revision: self.revision.saturating_add(1), ..self.clone() }
    }
}

impl Document for SessionRecord {
    fn id(&self) -> &str {
        &self.id
    }

    fn columns(&self) -> Columns<'_> {
        Columns::default()
    }

    fn check(&self) -> Result<(), String> {
        match self.format {
            FORMAT => Ok(()),
            other => Err(format!("it has format {other}, this version of ferry knows {FORMAT}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_small_letters_digits_and_hyphens() {
        assert_eq!("nightly-0412".parse::<SessionName>().unwrap().as_str(), "nightly-0412");
        for name in ["", "Nightly", "a_b", "ä", &"x".repeat(65)] {
            assert!(name.parse::<SessionName>().is_err(), "{name}");
        }
    }

    #[test]
    fn urls_are_kept_without_user_and_password() {
        assert_eq!(without_credentials("https://me:pass-word@host:9200/x"), "https://host:9200/x");
        assert_eq!(without_credentials("s3://bucket/prefix"), "s3://bucket/prefix");
        assert_eq!(without_credentials("/a path"), "/a path");
    }
}
