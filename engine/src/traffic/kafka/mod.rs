//! Records of a topic of Kafka, as a member of a consumer group or without one.
//!
//! | file | what |
//! |---|---|
//! | `options`, `properties`, `config` | from options and Java's properties to the settings of librdkafka |
//! | `probe` | the first contact |
//! | `reader` | the thread that polls |
//! | `outlet`, `caught_up` | it gives out records; whether it has come to their end |
//! | `rebalance`, `place` | partitions come and go; where reading one begins |
//! | `partition`, `commits`, `lag` | what is known of one partition |
//! | `notes` | short texts beside committed offsets, for the members of the group |
//! | `clerk` | a thread for questions that block |
//! | `context`, `trouble` | what librdkafka says, and what is to be made of it |
//! | `msk` | the identity of AWS |
//! | `shared`, `wake` | what the thread and its users tell each other |
//!
//! The thread polls whatever happens, so a member of a group stays one however slow its records are taken. Each partition has a
//! queue of its own in librdkafka, which simply is not asked while the partition is held back, or while memory is short: what was
//! fetched stays there, within [`KafkaOptions::prefetch`], and is not fetched again.

mod caught_up;
mod clerk;
mod commits;
mod config;
mod context;
mod lag;
mod msk;
mod notes;
mod options;
mod outlet;
mod partition;
mod place;
mod probe;
mod properties;
mod reader;
mod rebalance;
mod shared;
mod trouble;
mod wake;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rand::Rng;
use rdkafka::consumer::Consumer;
use tokio::sync::{mpsc, oneshot};

use super::{Ledger, Record};
use crate::error::{Error, Result};
use crate::flow::MemoryBudget;
use clerk::Clerk;
use config::Settings;
use context::{Client, Context};
use msk::MskIdentity;
use outlet::Outlet;
use reader::{Clerks, Reader};
use shared::{Order, Shared};
use trouble::{Connection, failed};

pub use lag::PartitionLag;
pub use options::{KafkaAuth, KafkaOptions, KafkaStart};
pub use shared::KafkaStatus;
pub use trouble::KafkaConnection;

/// Inputs that wait to be taken. Their bytes are bounded by the memory budget.
const QUEUED: usize = 1024;
/// Bounds of the prefetch where it is not given.
const PREFETCH: (u64, u64) = (4 << 20, 64 << 20);

/// What comes of a topic, in order for each partition.
///
/// Inputs are to be taken always: to hold back a partition there is [`KafkaSource::pause`]. Whoever does not take them learns too
/// late of a partition that goes.
#[derive(Debug)]
pub enum Input {
    /// A record.
    Record(Record),
    /// A partition is read from now on, until its ledger is revoked.
    Assigned(Ledger),
    /// A partition goes to another member of the group, and nothing more of this ledger comes.
    ///
    /// By then [`Ledger::begin`] begins nothing: it is so for all partitions that go, whichever of them is taken first.
    /// What is under way may end. Once all of it is done, and recorded, the answer is due: then all that the ledger says is done
    /// is committed. If some of it is rather cancelled, [`Ledger::revoke`] comes before the tokens of that are dropped: then only
    /// what [`KafkaSource::commit`] was asked for is committed. Without an answer within [`KafkaOptions::drain`] the ledger is
    /// revoked, and the other member reads again what was not committed. A ledger that is revoked already is one that was lost:
    /// the other member may be reading.
    Revoked(Ledger, oneshot::Sender<()>),
    /// All was given out that there was when the partitions were assigned ([`KafkaOptions::until_end`]). If partitions come
    /// later, it is said again for all. A member of a group that has no partition says it when none can be on its way any more:
    /// ten seconds after the longest drain.
    CaughtUp,
    /// Nothing more comes.
    Failed(Error),
}

/// Reads a topic. Dropped, it leaves its group, and commits nothing more.
pub struct KafkaSource {
    shared: Arc<Shared>,
    brokers: String,
    thread: Option<JoinHandle<()>>,
}

impl KafkaSource {
    /// Begins to read, in a thread of its own. What is wrong with the brokers, and can be put right, is waited for; what is not
    /// comes as [`Input::Failed`].
    ///
    /// # Errors
    ///
    /// The options cannot be used, or the thread cannot be started.
    pub async fn start(options: KafkaOptions, memory: MemoryBudget) -> Result<(Self, mpsc::Receiver<Input>)> {
        let settings = Settings::new(&options)?;
        let msk = if settings.is_msk {
            let region = match &options.auth {
                KafkaAuth::MskIam { region } => region.clone(),
                _ => None,
            };
            Some(Arc::new(MskIdentity::new(region, &options.brokers).await?))
        } else {
            None
        };
        let (sender, receiver) = mpsc::channel(QUEUED);
        let shared = Arc::new(Shared::new());
        let brokers = options.brokers.clone();
        let reading = Reading {
            options,
            settings,
            msk,
            shared: Arc::clone(&shared),
            outlet: Outlet { memory, sender },
        };
        let thread = std::thread::Builder::new().name("kafka".to_owned()).spawn(move || reading.run());
        let thread = thread.map_err(|error| no_thread(&brokers, &error))?;
        Ok((Self { shared, brokers, thread: Some(thread) }, receiver))
    }

    /// Gives out nothing of this partition until it is resumed, or comes anew.
    pub fn pause(&self, partition: i32) {
        self.shared.pause(partition);
    }

    /// Goes on with this partition.
    pub fn resume(&self, partition: i32) {
        self.shared.resume(partition);
    }

    /// Has the brokers take note that all records of a ledger before `offset` are done with. Returns when they did; what can pass
    /// is tried again for a minute.
    ///
    /// # Errors
    ///
    /// The ledger is revoked, records before the offset are still under way, there is no group, or the brokers refuse.
    pub async fn commit(&self, ledger: &Ledger, offset: i64) -> Result<()> {
        let (reply, result) = oneshot::channel();
        self.shared.order(Order { ledger: ledger.clone(), offset, reply });
        let name = || format!("partition {} of topic `{}`", ledger.partition(), ledger.topic());
        // The thread has ended.
        result.await.unwrap_or_else(|_| Err(commits::revoked(offset, &name(), &self.brokers)))
    }

    /// How far behind the partitions are that are read here. At most half a second old.
    #[must_use]
    pub fn lag(&self) -> Vec<PartitionLag> {
        self.shared.status().partitions.clone()
    }

    /// Whether all that there is of a partition, or of all that are read here, was given out, and more would come by itself. At most
    /// half a second old.
    #[must_use]
    pub fn is_quiet(&self, partition: Option<i32>) -> bool {
        self.shared.status().is_quiet(partition)
    }

    /// How it stands with the reading. At most half a second old.
    #[must_use]
    pub fn status(&self) -> KafkaStatus {
        self.shared.status().clone()
    }

    /// Leaves the group: commits that are under way get some time, what is not committed then is read again by another member.
    pub async fn close(mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // An error: it panicked where it ends, and there is nothing left to close.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSource").field("status", &*self.shared.status()).finish_non_exhaustive()
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// What the thread is started with.
struct Reading {
    options: KafkaOptions,
    settings: Settings,
    msk: Option<Arc<MskIdentity>>,
    shared: Arc<Shared>,
    outlet: Outlet,
}

impl Reading {
    fn run(self) {
        let (shared, sender) = (Arc::clone(&self.shared), self.outlet.sender.clone());
        let brokers = self.options.brokers.clone();
        shared.alarm.belongs_here();
        to_the_end(&shared, &sender, &brokers, || self.read());
    }

    fn read(self) -> Result<()> {
        let Self { options, settings, msk, shared, outlet } = self;
        let mut connection = Connection::new(&options.brokers);
        let found = probe::partitions(&options, &settings, msk.as_ref(), &shared, &mut connection)?;
        let Some(partitions) = found else { return Ok(()) };
        // Without a group librdkafka wants the name of one all the same; nothing is asked or committed under it.
        let group =
            options.group.clone().unwrap_or_else(|| format!("ferry-{:016x}", rand::rng().random::<u64>()));
        let prefetch =
            options.prefetch.unwrap_or_else(|| (outlet.memory.bytes() / 8).clamp(PREFETCH.0, PREFETCH.1));
        let config = settings.of_consumer(&group, prefetch, partitions.len());
        let broken = |error| failed("make a consumer", &options.brokers, &error);
        let mut client: Client =
            config.create_with_context(Context::new(&options.topic, msk)).map_err(broken)?;
        let alarm = shared.alarm.clone();
        client.set_nonempty_callback(move || alarm.ring());
        if options.group.is_some() {
            client.subscribe(&[&options.topic]).map_err(broken)?;
        }
        let client = Arc::new(client);
        let topic: Arc<str> = options.topic.as_str().into();
        let clerk = |name| {
            let (client, shared) = (Arc::clone(&client), Arc::clone(&shared));
            let started = Clerk::start(name, client, topic.clone(), partitions.clone(), shared);
            started.map_err(|error| no_thread(&options.brokers, &error))
        };
        let clerks = Clerks { scout: clerk("kafka-scout")?, committer: clerk("kafka-commit")? };
        let is_group = options.group.is_some();
        let mut reader = Reader::new(options, client, shared, connection, clerks, outlet);
        let read = catch_unwind(AssertUnwindSafe(|| {
            if is_group { Ok(()) } else { reader.come(partitions) }.and_then(|()| reader.run())
        }));
        match read {
            Ok(read) => {
                reader.end();
                read
            }
            Err(panic) => {
                reader.abandon();
                resume_unwind(panic)
            }
        }
    }
}

/// Reads, and has everybody hear of the end: who waits for a reply, and, unless it was asked for, who takes inputs. That there are no
/// more inputs would say that all went well.
fn to_the_end(
    shared: &Shared,
    sender: &mpsc::Sender<Input>,
    brokers: &str,
    read: impl FnOnce() -> Result<()>,
) {
    let read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(panicked(brokers)));
    shared.close();
    let Err(error) = read else { return };
    let mut failed = Input::Failed(error);
    // Whoever is told to stop may not take inputs any more.
    while let Err(mpsc::error::TrySendError::Full(input)) = sender.try_send(failed) {
        if shared.is_stopped() {
            return;
        }
        failed = input;
        shared.alarm.sleep(Duration::from_millis(50));
    }
}

fn panicked(brokers: &str) -> Error {
    let source = Box::new(trouble::Reason("the thread that reads panicked".to_owned()));
    Error::Kafka { attempt: "read".to_owned(), brokers: brokers.to_owned(), source, hint: None }
}

fn no_thread(brokers: &str, error: &std::io::Error) -> Error {
    let source = Box::new(trouble::Reason(error.to_string()));
    Error::Kafka {
        attempt: "start a thread for what is read".to_owned(),
        brokers: brokers.to_owned(),
        source,
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_no_end_of_the_input_and_nobody_waits_for_a_reply_then() {
        let (shared, (sender, mut inputs)) = (Shared::new(), mpsc::channel(1));
        to_the_end(&shared, &sender, "kafka:9092", || panic!("on purpose"));
        let Ok(Input::Failed(error)) = inputs.try_recv() else { panic!("no error") };
        assert_eq!(
            crate::error::chain(&error),
            "could not read at the Kafka brokers `kafka:9092`: the thread that reads panicked"
        );
        let (reply, mut result) = oneshot::channel();
        shared.order(Order { ledger: Ledger::new("t".into(), 0, 0), offset: 1, reply });
        assert!(matches!(result.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        to_the_end(&shared, &sender, "kafka:9092", || Ok(()));
        assert!(inputs.try_recv().is_err());
    }
}
