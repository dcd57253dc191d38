//! Topics, and what is put into them, by librdkafka's producer.

use crate::member::LONG;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A topic of a test's own.
#[derive(Clone)]
pub(crate) struct Topic {
    pub(crate) brokers: String,
    pub(crate) name: String,
}

/// A name that nothing else has.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("message.max.bytes", "16000000");
    config
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    config(brokers).create().unwrap()
}

impl Topic {
    pub(crate) async fn new(brokers: &str, partitions: i32) -> Self {
        let topic = Self { brokers: brokers.to_owned(), name: unique("traffic") };
        topic.create(partitions).await;
        topic
    }

    pub(crate) async fn create(&self, partitions: i32) {
        let topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1))
            .set("max.message.bytes", "16000000");
        let options = AdminOptions::new().operation_timeout(Some(LONG));
        let results = admin(&self.brokers).create_topics([&topic], &options).await.unwrap();
        for result in results {
            result.unwrap();
        }
    }

    pub(crate) async fn delete(&self) {
        let options = AdminOptions::new().operation_timeout(Some(LONG));
        for result in admin(&self.brokers).delete_topics(&[&self.name], &options).await.unwrap() {
            result.unwrap();
        }
    }

    /// Deletes the records of a partition that come before an offset, as their age would.
    pub(crate) async fn delete_before(&self, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Offset(offset)).unwrap();
        let options = AdminOptions::new().operation_timeout(Some(LONG));
        let deleted = admin(&self.brokers).delete_records(&list, &options).await.unwrap();
        for element in deleted.elements() {
            element.error().unwrap();
        }
    }

    /// Puts records into a partition: the key is `key-OFFSET`, the value as said. Returns when the broker has them.
    pub(crate) fn put(
        &self,
        partition: i32,
        keys: impl Iterator<Item = i64>,
        value: impl Fn(i64) -> Vec<u8>,
    ) {
        let producer = self.producer();
        for key in keys {
            put_one(&producer, &self.name, partition, key, &value(key));
        }
        producer.flush(LONG).unwrap();
    }

    pub(crate) fn producer(&self) -> BaseProducer {
        // Otherwise what is sent again may come twice, or out of its order.
        config(&self.brokers).set("linger.ms", "5").set("enable.idempotence", "true").create().unwrap()
    }

    /// The offset that the group has, as the brokers say.
    pub(crate) fn committed(&self, group: &str, partition: i32) -> Option<i64> {
        let consumer: BaseConsumer = config(&self.brokers).set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.name, partition);
        let list = consumer.committed_offsets(list, LONG).unwrap();
        let elements = list.elements();
        match elements[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }
}

/// Queues one record.
pub(crate) fn put_one(producer: &BaseProducer, topic: &str, partition: i32, key: i64, value: &[u8]) {
    let key = format!("key-{key}");
    let mut record = BaseRecord::to(topic).partition(partition).key(&key).payload(value);
    while let Err((error, again)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(rdkafka::error::RDKafkaErrorCode::QueueFull), "{error}");
        producer.poll(Duration::from_millis(10));
        record = again;
    }
    producer.poll(Duration::ZERO);
}

/// The number in a key that [`Topic::put`] made.
pub(crate) fn number(key: &[u8]) -> i64 {
    std::str::from_utf8(key).unwrap().strip_prefix("key-").unwrap().parse().unwrap()
}

#[test]
fn messages_have_keys() {
    assert_eq!(number(b"key-17"), 17);
    let _: fn(&rdkafka::message::OwnedMessage) -> Option<&[u8]> = Message::key;
}
