//! One who reads a topic, as the replay does.

use crate::topic::{Topic, number};
use engine::Error;
use engine::flow::MemoryBudget;
use engine::traffic::kafka::{Input, KafkaOptions, KafkaSource};
use engine::traffic::{Ledger, Record};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// When a test gives up waiting: machines are slow, and no test is decided by how slow.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A reader whose inputs are taken by hand.
pub(crate) struct Member {
    pub(crate) source: KafkaSource,
    pub(crate) inputs: mpsc::Receiver<Input>,
}

/// What a group member leaves soon enough for a test.
pub(crate) fn options(topic: &Topic, group: &str) -> KafkaOptions {
    KafkaOptions::new(&topic.brokers, &topic.name, Some(group))
}

pub(crate) fn with(options: KafkaOptions, properties: &[(&str, &str)]) -> KafkaOptions {
    let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    KafkaOptions { properties, ..options }
}

impl Member {
    pub(crate) async fn start(options: KafkaOptions) -> Self {
        Self::with_memory(options, MemoryBudget::new(64 << 20)).await
    }

    pub(crate) async fn with_memory(options: KafkaOptions, memory: MemoryBudget) -> Self {
        let (source, inputs) = KafkaSource::start(options, memory).await.unwrap();
        Self { source, inputs }
    }

    pub(crate) async fn input(&mut self) -> Input {
        timeout(LONG, self.inputs.recv()).await.expect("an input in time").expect("an input")
    }

    /// The next input, which is an assignment.
    pub(crate) async fn assigned(&mut self) -> Ledger {
        match self.input().await {
            Input::Assigned(ledger) => ledger,
            other => panic!("{other:?}"),
        }
    }

    /// The next input, which is a record.
    pub(crate) async fn record(&mut self) -> Record {
        match self.input().await {
            Input::Record(record) => record,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::with_capacity(count);
        while records.len() < count {
            records.push(self.record().await);
        }
        records
    }

    pub(crate) async fn revoked(&mut self) -> (Ledger, oneshot::Sender<()>) {
        loop {
            match self.input().await {
                Input::Revoked(ledger, drained) => return (ledger, drained),
                Input::Record(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn failed(&mut self) -> Error {
        match self.input().await {
            Input::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing comes for a while.
    pub(crate) async fn nothing(&mut self, time: Duration) {
        if let Ok(input) = timeout(time, self.inputs.recv()).await {
            panic!("{input:?}");
        }
    }
}

/// Partition, offset, and the number in the key.
pub(crate) fn place(record: &Record) -> (i32, i64, i64) {
    let partition = record.token.ledger().partition();
    (partition, record.token.offset(), number(record.key.as_deref().unwrap()))
}
