//! The store of a session, wherever it is.

use super::backend::{Backend, Stored};
use super::error::StoreError;
use super::local::LocalStore;
use super::observer::Observer;
use super::opensearch::IndexStore;
use super::session::{Fingerprint, SessionName, SessionRecord, SessionState};
use super::status::Status;
use crate::target::Client;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where sessions are kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// `ferry.sqlite` in this directory, on a disk of this machine.
    Local(PathBuf),
    /// The index `ferry-<session>` of this cluster: OpenSearch 1 to 3 or Elasticsearch 7 to 9.
    OpenSearch(Client),
}

/// What all workers of a session should agree on; nothing is lost when they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease must look unchanged before another worker takes the item. A holder saves several times
    /// in this time.
    pub lease: Duration,
    /// Attempts in a row that did not move the cursor, before an item is given up.
    pub max_attempts: u32,
    /// An item with fewer compressed bytes left is not split.
    pub min_split_bytes: u64,
}

impl Default for Settings {
    /// 30 s, 5 attempts, 16 MiB.
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), max_attempts: 5, min_split_bytes: 16 << 20 }
    }
}

/// Who takes items: a name for people, and a random number that no other process has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    name: String,
    instance: String,
}

impl Worker {
    /// A name is cut after so many characters.
    const LONGEST_NAME: usize = 256;

    /// The worker of this process.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = name.chars().take(Self::LONGEST_NAME).collect();
        Self { name, instance: format!("{:032x}", rand::random::<u128>()) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The random number of its process.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }
}

/// The store of one session, for one worker. Clones are the same worker.
#[derive(Debug, Clone)]
pub struct WorkStore(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) backend: Backend,
    pub(super) session: SessionName,
    pub(super) worker: Worker,
    pub(super) settings: Settings,
    /// Whether the session was seen to be planned.
    pub(super) running: AtomicBool,
    pub(super) observer: Mutex<Observer>,
    /// From which order on leases are looked at next.
    pub(super) scan: AtomicU64,
    /// Items that this process holds, or is about to.
    pub(super) held: Arc<Mutex<HashSet<String>>>,
}

/// How often a document is read and written again when others write it too.
pub(super) const CONFLICTS: u32 = 16;

impl WorkStore {
    /// Opens the store, and makes what is missing: directory and database, or index.
    ///
    /// # Errors
    ///
    /// A cluster that cannot coordinate, a file or index that is not ours, and all that concern access.
    pub async fn open(
        place: Place,
        session: SessionName,
        worker: Worker,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let backend = match place {
            Place::Local(directory) => Backend::local(LocalStore::open(directory, &session).await?),
            Place::OpenSearch(client) => Backend::opensearch(IndexStore::open(client, &session).await?),
        };
        Ok(Self::new(backend, session, worker, settings))
    }

    /// How a session is; makes and changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSession`], and those of [`WorkStore::open`].
    pub async fn look(place: Place, session: SessionName) -> Result<Status, StoreError> {
        let backend = match place {
            Place::Local(directory) => LocalStore::look(directory, &session).await?.map(Backend::local),
            Place::OpenSearch(client) => IndexStore::look(client, &session).await?.map(Backend::opensearch),
        };
        let backend =
            backend.map_err(|store| StoreError::NoSession { session: session.to_string(), store })?;
        Self::new(backend, session, Worker::new("status"), Settings::default()).status().await
    }

    fn new(backend: Backend, session: SessionName, worker: Worker, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            backend,
            session,
            worker,
            settings,
            running: AtomicBool::new(false),
            observer: Mutex::default(),
            scan: AtomicU64::new(0),
            held: Arc::default(),
        }))
    }

    /// Starts the session, or joins it when it is that of the same job.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherJob`] names what differs.
    pub async fn join(&self, job: &Fingerprint) -> Result<SessionState, StoreError> {
        let wanted = SessionRecord::new(job.without_credentials());
        if self.backend().create(&wanted).await?.is_some() {
            return Ok(SessionState::Planning);
        }
        let session = self.session_record().await?.document;
        let differences = wanted.fingerprint.differences(&session.fingerprint);
        if !differences.is_empty() {
            let (session, store) = (self.session().to_string(), self.backend().name());
            return Err(StoreError::OtherJob { session, store, differences });
        }
        self.0.running.store(session.state != SessionState::Planning, Ordering::Release);
        Ok(session.state)
    }

    /// Name of the session.
    #[must_use]
    pub fn session(&self) -> &SessionName {
        &self.0.session
    }

    /// The worker.
    #[must_use]
    pub fn worker(&self) -> &Worker {
        &self.0.worker
    }

    /// What was agreed on.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.0.backend
    }

    /// The session document, which must exist.
    pub(super) async fn session_record(&self) -> Result<Stored<SessionRecord>, StoreError> {
        let found = self.backend().get(SessionRecord::ID).await?;
        found.ok_or_else(|| StoreError::NoSession {
            session: self.session().to_string(),
            store: self.backend().name(),
        })
    }

    /// Reads the session and writes what `change` makes of it, again when others write it too. `None`: it is right
    /// as it is.
    pub(super) async fn change_session(
        &self,
        what: &'static str,
        change: impl Fn(&SessionRecord) -> Result<Option<SessionRecord>, StoreError>,
    ) -> Result<Stored<SessionRecord>, StoreError> {
        for _ in 0..CONFLICTS {
            let session = self.session_record().await?;
            let Some(document) = change(&session.document)? else { return Ok(session) };
            if let Some(version) = self.backend().replace(session.version, &document).await? {
                return Ok(Stored { document, version });
            }
        }
        Err(self.contended(what))
    }

    pub(super) fn contended(&self, what: &'static str) -> StoreError {
        StoreError::Contended { what, store: self.backend().name(), attempts: CONFLICTS }
    }
}
