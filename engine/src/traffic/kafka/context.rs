//! What librdkafka says while it is polled, kept for the thread that polls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};
use serde::Deserialize;
use tracing::{debug, info, warn};

use super::msk::MskIdentity;

/// A broker that has nothing to give out answers twice a second; one that is silent for so many microseconds is not heard of.
const SILENT: i64 = 5_000_000;

/// The consumer that is polled.
pub(super) type Client = BaseConsumer<Context>;

/// Receives what librdkafka says.
pub(super) struct Context {
    topic: String,
    msk: Option<Arc<MskIdentity>>,
    said: Mutex<Vec<Said>>,
    /// Goes up with everything that is said: the result of a poll does not tell whether there may be more.
    count: AtomicU64,
    /// Nobody takes what is said any more: partitions are given back at once.
    closing: AtomicBool,
}

/// What librdkafka said.
#[derive(Debug)]
pub(super) enum Said {
    /// These partitions are to be read from now on. They are not read before librdkafka is told to.
    Assigned(Vec<i32>),
    /// These partitions are for others. They stay here until librdkafka is told that they are given up.
    Revoked {
        partitions: Vec<i32>,
        /// They are gone already.
        lost: bool,
    },
    /// Something went wrong. librdkafka goes on trying.
    Trouble { code: RDKafkaErrorCode, reason: String },
    /// What was to be read next is not there any more, and the earliest record is read next.
    Reset { partition: i32 },
    /// How things stand.
    Stand(Stand),
}

/// What the statistics say of what matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stand {
    /// Whether there is a connection to any broker.
    pub(super) is_connected: bool,
    /// The ends of partitions: the offset after the last record.
    pub(super) ends: Vec<(i32, i64)>,
    /// Partitions that are fetched from a broker that answers.
    pub(super) followed: Vec<i32>,
}

/// The part of librdkafka's statistics that matters here.
///
/// Spec: [`STATISTICS.md`](https://github.com/confluentinc/librdkafka/blob/v2.12.1/STATISTICS.md)
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawStatistics {
    brokers: HashMap<String, RawBroker>,
    topics: HashMap<String, RawTopic>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawBroker {
    nodeid: i64,
    state: String,
    /// Microseconds since something came from it; negative: nothing ever did.
    rxidle: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawTopic {
    partitions: HashMap<String, RawPartition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPartition {
    hi_offset: i64,
    /// The broker that it is fetched from.
    broker: i64,
    fetch_state: String,
}

impl Context {
    pub(super) fn new(topic: &str, msk: Option<Arc<MskIdentity>>) -> Self {
        let (said, count, closing) = (Mutex::default(), AtomicU64::new(0), AtomicBool::new(false));
        Self { topic: topic.to_owned(), msk, said, count, closing }
    }

    /// Takes what was said, in its order.
    pub(super) fn take(&self) -> Vec<Said> {
        std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How much was said so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// From now on partitions are given back at once.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    fn say(&self, said: Said) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }

    /// The partition in `traffic [3]: offset reset (at offset 17 …`.
    fn reset_partition(&self, line: &str) -> Option<i32> {
        let (_, rest) = line.split_once(&format!("{} [", self.topic))?;
        let (partition, rest) = rest.split_once(']')?;
        rest.contains("offset reset").then(|| partition.parse().ok()).flatten()
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if facility == "OFFSET"
            && let Some(partition) = self.reset_partition(line)
        {
            self.say(Said::Reset { partition });
        }
        match level {
            // Each attempt to connect is a line of these: one line for each change is written elsewhere.
            _ if matches!(facility, "FAIL" | "ERROR") => debug!(target: "librdkafka", facility, "{line}"),
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => warn!(target: "librdkafka", facility, "{line}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                info!(target: "librdkafka", facility, "{line}")
            }
            RDKafkaLogLevel::Debug => debug!(target: "librdkafka", facility, "{line}"),
        }
    }

    /// Not used: only a small part of the statistics is decoded.
    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, json: &[u8]) {
        self.count.fetch_add(1, Ordering::Relaxed);
        match serde_json::from_slice(json) {
            Ok(statistics) => self.say(Said::Stand(stand(&statistics, &self.topic))),
            Err(error) => debug!(%error, "could not decode librdkafka's statistics"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        match error.rdkafka_error_code() {
            None | Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(code) => self.say(Said::Trouble { code, reason: reason.to_owned() }),
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.msk.as_ref().ok_or("no AWS identity is configured")?.token()
    }
}

impl ConsumerContext for Context {
    /// Only takes note: the thread that polls does what is to be done when it can be done, and polls on meanwhile.
    fn rebalance(&self, consumer: &Client, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let partitions: Vec<i32> = list.elements().iter().map(|element| element.partition()).collect();
        let is_assignment = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            let done = match consumer.rebalance_protocol() {
                RebalanceProtocol::Cooperative if is_assignment => {
                    consumer.incremental_assign(&TopicPartitionList::new())
                }
                RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
                _ => consumer.unassign(),
            };
            if let Err(error) = done {
                debug!(%error, "could not give back the partitions while closing");
            }
        } else if is_assignment {
            self.say(Said::Assigned(partitions));
        } else {
            self.say(Said::Revoked { partitions, lost: consumer.assignment_lost() });
        }
    }
}

fn stand(statistics: &RawStatistics, topic: &str) -> Stand {
    let is_connected = statistics.brokers.values().any(|broker| broker.state == "UP");
    let partitions = statistics.topics.get(topic).map(|topic| &topic.partitions);
    let end = |(number, partition): (&String, &RawPartition)| {
        // Beside the partitions there is one of number -1, for none; an end that is not known is negative too.
        let number: i32 = number.parse().ok().filter(|number| *number >= 0)?;
        (partition.hi_offset >= 0).then_some((number, partition.hi_offset))
    };
    let mut ends: Vec<_> = partitions.into_iter().flatten().filter_map(end).collect();
    ends.sort_unstable();
    let followed = partitions.into_iter().flatten().filter(|(_, partition)| statistics.answers(partition));
    let mut followed: Vec<i32> = followed.filter_map(|(number, _)| number.parse().ok()).collect();
    followed.sort_unstable();
    Stand { is_connected, ends, followed }
}

impl RawStatistics {
    /// Whether the partition is fetched from a broker that answers.
    fn answers(&self, partition: &RawPartition) -> bool {
        let is_heard = |broker: &RawBroker| broker.state == "UP" && (0..SILENT).contains(&broker.rxidle);
        partition.fetch_state == "active"
            && self.brokers.values().any(|broker| broker.nodeid == partition.broker && is_heard(broker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_say_whether_there_is_a_connection_and_where_partitions_end() {
        let json = r#"{"name": "x", "brokers": {"a:1/1": {"nodeid": 1, "state": "DOWN", "rxidle": 1},
            "b:1/2": {"nodeid": 2, "state": "UP", "rxidle": 400000}, "c:1/3": {"nodeid": 3, "state": "UP", "rxidle": 9000000}},
            "topics": {"other": {"partitions": {"0": {"hi_offset": 9}}},
            "traffic": {"partitions": {"1": {"hi_offset": 5, "broker": 2, "fetch_state": "active"},
            "0": {"hi_offset": 7, "broker": 1, "fetch_state": "active"}, "4": {"broker": 2, "fetch_state": "offset-query", "hi_offset": -1},
            "2": {"hi_offset": -1001, "broker": 3, "fetch_state": "active"}, "-1": {"hi_offset": 3}}}}}"#;
        let found = stand(&serde_json::from_str(json).unwrap(), "traffic");
        assert_eq!(found, Stand { is_connected: true, ends: vec![(0, 7), (1, 5)], followed: vec![1] });
        assert_eq!(stand(&serde_json::from_str("{}").unwrap(), "traffic"), Stand::default());
    }

    #[test]
    fn a_reset_is_known_by_its_line() {
        let context = Context::new("traffic", None);
        let line = "[thrd:main]: traffic [12]: offset reset (at offset 17 (leader epoch 0), broker 1) to offset BEGINNING: x: y";
        assert_eq!(context.reset_partition(line), Some(12));
        assert_eq!(context.reset_partition("[thrd:main]: traffic [12]: offset validation"), None);
        assert_eq!(context.reset_partition("[thrd:main]: other [12]: offset reset"), None);
    }
}
