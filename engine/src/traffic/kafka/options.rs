//! What a topic is read with.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use secrecy::SecretString;

use crate::target::TlsOptions;

/// How a topic of Kafka is reached and read.
#[derive(Clone)]
pub struct KafkaOptions {
    /// Some of the brokers, `host:port`, with commas in between.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The consumer group. Without one all partitions are read from [`KafkaOptions::start`] on, and nothing can be committed.
    pub group: Option<String>,
    /// The name by which the brokers know this client.
    pub client_id: String,
    /// Who this client is.
    pub auth: KafkaAuth,
    /// Whose certificate is accepted, and which one is shown.
    pub tls: TlsOptions,
    /// Without TLS even where a password is sent ([`KafkaAuth::Scram`]): whoever is in between can read the traffic.
    pub plaintext: bool,
    /// A file of properties of Kafka's Java client. What is set here wins over it.
    pub property_file: Option<PathBuf>,
    /// More such properties. They win over the file.
    pub properties: Vec<(String, String)>,
    /// Where to begin without a group. A group begins where it was, or at the earliest record.
    pub start: KafkaStart,
    /// Give out what is there now, then say [`Input::CaughtUp`](super::Input::CaughtUp).
    pub until_end: bool,
    /// Bytes that may be fetched before they are asked for; they come on top of the memory budget. `None`: an eighth of it,
    /// from 4 MiB to 64 MiB.
    pub prefetch: Option<u64>,
    /// How long what is under way of a partition may take when the partition goes to another member of the group.
    pub drain: Duration,
}

/// Who a client of Kafka is.
#[derive(Debug, Clone, Default)]
pub enum KafkaAuth {
    /// Nobody; plain TCP, or what the properties say.
    #[default]
    None,
    /// Nobody, or who the client certificate says; over TLS.
    Ssl,
    /// A user with a password, by SASL SCRAM-SHA-512.
    Scram {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// An identity of AWS, at Amazon MSK.
    MskIam {
        /// The region of the brokers, where their names do not say it.
        region: Option<String>,
    },
}

/// Where reading begins, in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KafkaStart {
    /// At the earliest record.
    #[default]
    Earliest,
    /// At this offset.
    Offset(i64),
    /// At the first record with this timestamp or a later one.
    Time(SystemTime),
}

impl KafkaOptions {
    /// How long a partition's drain may take if nothing else is said: others wait for the partition meanwhile.
    pub const DRAIN: Duration = Duration::from_secs(10);

    /// The options without any that has a default.
    #[must_use]
    pub fn new(brokers: &str, topic: &str, group: Option<&str>) -> Self {
        Self {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            group: group.map(str::to_owned),
            client_id: "ferry".to_owned(),
            auth: KafkaAuth::None,
            tls: TlsOptions::default(),
            plaintext: false,
            property_file: None,
            properties: Vec::new(),
            start: KafkaStart::Earliest,
            until_end: false,
            prefetch: None,
            drain: Self::DRAIN,
        }
    }
}

/// No values of properties: passwords may be among them.
impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let properties: Vec<&str> = self.properties.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("KafkaOptions")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("group", &self.group)
            .field("auth", &self.auth)
            .field("tls", &self.tls)
            .field("property_file", &self.property_file)
            .field("properties", &properties)
            .finish_non_exhaustive()
    }
}
