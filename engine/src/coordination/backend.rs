//! The two places where documents of a session can be kept, with the few ways to reach them.

use super::error::StoreError;
use super::local::LocalStore;
use super::opensearch::IndexStore;
use super::record::{ItemState, Record};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that is kept: a session or an item.
pub(super) trait Document: Serialize + DeserializeOwned + PartialEq + Sync {
    fn id(&self) -> &str;

    /// What a database looks for and sums up.
    fn columns(&self) -> Columns<'_>;

    /// What is wrong with it, in words.
    fn check(&self) -> Result<(), String>;
}

/// What a database looks for and sums up; a session has none of it.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    pub(super) state: Option<&'static str>,
    pub(super) origin: Option<&'static str>,
    pub(super) index: Option<&'a str>,
    pub(super) split_requested: bool,
    /// Order, remaining, span, documents, bytes, written, excluded, failed, written bytes.
    pub(super) numbers: [u64; 10],
}

/// Which write of a document was the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// `_seq_no`, or the number of the write.
    pub(super) sequence: u64,
    /// `_primary_term`, or 0.
    pub(super) term: u64,
}

/// A document as it was read.
#[derive(Debug, Clone)]
pub(super) struct Stored<T> {
    pub(super) document: T,
    pub(super) version: Version,
}

/// Orders are below it.
pub(super) const ORDERS: u64 = 1 << 62;

/// Which items are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Query {
    /// Those in a state, by their order from one on and before another.
    Ring { state: ItemState, from: u64, before: u64 },
    /// Leased ones that nobody has asked to split, those with most left first.
    LargestLeased,
}

/// What the items of one index in one state and from one origin come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) index: String,
    pub(super) state: String,
    pub(super) origin: String,
    pub(super) items: u64,
    pub(super) span: u64,
    pub(super) documents: u64,
    pub(super) bytes: u64,
    pub(super) written: u64,
    pub(super) excluded: u64,
    pub(super) failed: u64,
    pub(super) written_bytes: u64,
    pub(super) untrusted: u64,
}

/// Where the documents of a session are.
#[derive(Debug)]
pub(super) struct Backend {
    kind: Kind,
    /// In tests, how many writes are left before the process "dies".
    #[cfg(test)]
    pub(super) fuse: std::sync::atomic::AtomicU64,
}

#[derive(Debug)]
enum Kind {
    Local(LocalStore),
    OpenSearch(IndexStore),
}

/// The same call of whichever store it is.
macro_rules! either {
    ($backend:expr, $store:ident => $call:expr) => {
        match &$backend.kind {
            Kind::Local($store) => $call,
            Kind::OpenSearch($store) => $call,
        }
    };
}

impl Backend {
    pub(super) const fn local(store: LocalStore) -> Self {
        Self::new(Kind::Local(store))
    }

    pub(super) const fn opensearch(store: IndexStore) -> Self {
        Self::new(Kind::OpenSearch(store))
    }

    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            #[cfg(test)]
            fuse: std::sync::atomic::AtomicU64::new(u64::MAX),
        }
    }

    /// The place, for messages.
    pub(super) fn name(&self) -> String {
        either!(self, store => store.name())
    }

    /// The document as it is now.
    pub(super) async fn get<T: Document>(&self, id: &str) -> Result<Option<Stored<T>>, StoreError> {
        let found: Option<Stored<T>> = either!(self, store => store.get(id).await)?;
        found.map(|found| self.checked(found)).transpose()
    }

    /// Creates a document; `None` when there is another one with its id.
    pub(super) async fn create<T: Document>(&self, document: &T) -> Result<Option<Version>, StoreError> {
        #[cfg(test)]
        self.burn()?;
        either!(self, store => store.create(document).await)
    }

    /// Creates the documents that do not exist.
    pub(super) async fn create_all(&self, records: &[Record]) -> Result<(), StoreError> {
        const AT_ONCE: usize = 500;
        for some in records.chunks(AT_ONCE) {
            #[cfg(test)]
            self.burn()?;
            either!(self, store => store.create_all(some).await)?;
        }
        Ok(())
    }

    /// Replaces a document that has not been written since; `None` when it has. When an answer was lost, it is
    /// found out whether the write was done.
    pub(super) async fn replace<T: Document>(
        &self,
        version: Version,
        document: &T,
    ) -> Result<Option<Version>, StoreError> {
        #[cfg(test)]
        self.burn()?;
        either!(self, store => store.replace(version, document).await)
    }

    /// Makes everything that is written visible to [`Backend::find`], [`Backend::tally`] and [`Backend::count`].
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        match &self.kind {
            Kind::Local(_) => Ok(()),
            Kind::OpenSearch(store) => store.refresh().await,
        }
    }

    /// Items as they were a moment ago; a write of one that has changed since is refused.
    pub(super) async fn find(&self, query: Query, limit: usize) -> Result<Vec<Stored<Record>>, StoreError> {
        let found = either!(self, store => store.find(query, limit).await)?;
        found.into_iter().map(|found| self.checked(found)).collect()
    }

    /// How many items are in these states, as of a moment ago.
    pub(super) async fn count(&self, states: &[ItemState]) -> Result<u64, StoreError> {
        either!(self, store => store.count(states).await)
    }

    /// What all items come to, as of a moment ago.
    pub(super) async fn tally(&self) -> Result<Vec<Tally>, StoreError> {
        either!(self, store => store.tally().await)
    }

    pub(super) fn inconsistent(&self, id: &str, problem: String) -> StoreError {
        StoreError::Inconsistent { store: self.name(), what: format!("document `{id}`"), problem }
    }

    fn checked<T: Document>(&self, found: Stored<T>) -> Result<Stored<T>, StoreError> {
        match found.document.check() {
            Ok(()) => Ok(found),
            Err(problem) => Err(self.inconsistent(found.document.id(), problem)),
        }
    }

    #[cfg(test)]
    fn burn(&self) -> Result<(), StoreError> {
        use std::sync::atomic::Ordering::SeqCst;
        let burnt = self.fuse.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        burnt.map(drop).map_err(|_| self.inconsistent("fuse", "the process is dead".to_owned()))
    }
}
