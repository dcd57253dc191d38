//! Topics, by librdkafka: what is put into them, and what the broker says of their groups.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

/// A topic of a test's own.
#[derive(Debug, Clone)]
pub struct Topic {
    pub brokers: String,
    pub name: String,
    pub partitions: i32,
}

impl Topic {
    pub fn new(brokers: &str, name: &str, partitions: i32) -> Self {
        let topic =
            Self { brokers: brokers.to_owned(), name: format!("{name}-{}", std::process::id()), partitions };
        let admin: AdminClient<DefaultClientContext> = topic.config().create().unwrap();
        let new = NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(1))
            .set("max.message.bytes", "16000000");
        let created = admin.create_topics([&new], &AdminOptions::new().operation_timeout(Some(LONG)));
        let created = tokio_block_on(created).unwrap();
        created.into_iter().for_each(|result| drop(result.unwrap()));
        topic
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("message.max.bytes", "16000000");
        config
    }

    /// Puts records where the Java producer of the capturing proxy would: into the partition of the key.
    pub fn put<'a>(&self, records: impl IntoIterator<Item = &'a (String, Vec<u8>)>) {
        self.put_into(None, records);
    }

    /// Puts records into a partition, if one is given.
    pub fn put_into<'a>(
        &self,
        partition: Option<i32>,
        records: impl IntoIterator<Item = &'a (String, Vec<u8>)>,
    ) {
        let mut config = self.config();
        config.set("partitioner", "murmur2_random").set("linger.ms", "5").set("enable.idempotence", "true");
        let producer: BaseProducer = config.create().unwrap();
        for (key, value) in records {
            let mut record = BaseRecord::to(&self.name).key(key).payload(value);
            record.partition = partition;
            while let Err((_, again)) = producer.send(record) {
                producer.poll(Duration::from_millis(10)); // The queue is full.
                record = again;
            }
            producer.poll(Duration::ZERO);
        }
        producer.flush(LONG).unwrap();
    }

    /// For each partition, how many records there are, and up to where the group has them, as the broker says.
    pub fn progress(&self, group: &str) -> Vec<(i64, i64)> {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.name, 0, self.partitions - 1);
        let start = Instant::now();
        let committed = loop {
            // A broker that has just started makes the topic of its offsets first.
            match consumer.committed_offsets(list.clone(), LONG) {
                Ok(committed) => break committed,
                Err(error) => assert!(start.elapsed() < LONG, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        let of = |partition: i32| {
            let (_, end) = consumer.fetch_watermarks(&self.name, partition, LONG).unwrap();
            let offset = committed.find_partition(&self.name, partition).unwrap().offset();
            (end, if let Offset::Offset(offset) = offset { offset } else { 0 })
        };
        (0..self.partitions).map(of).collect()
    }

    /// What the commits of the group carry beside the offset, for each partition.
    pub fn notes(&self, group: &str) -> Vec<String> {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.name, 0, self.partitions - 1);
        let committed = consumer.committed_offsets(list, LONG).unwrap();
        committed.elements().iter().map(|element| element.metadata().to_owned()).collect()
    }

    /// Records that the group has not committed.
    pub fn lag(&self, group: &str) -> i64 {
        self.progress(group).iter().map(|(end, committed)| end - committed).sum()
    }
}

/// The admin client answers by futures, and this is no other program's thread.
fn tokio_block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
