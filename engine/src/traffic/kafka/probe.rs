//! The first contact: whether the brokers take this client, and how many partitions the topic has.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use tracing::{info, warn};

use super::config::Settings;
use super::context::{Client, Context, Said};
use super::msk::MskIdentity;
use super::options::KafkaOptions;
use super::shared::Shared;
use super::trouble::{Connection, failed};
use crate::error::Result;

/// How long a broker may take to say what the topic is made of, before it, or another one, is asked again.
const ANSWER: Duration = Duration::from_secs(5);
/// How soon a topic that is not there is asked for again.
const AGAIN: Duration = Duration::from_secs(2);

/// Tries until the topic is there; none: told to stop. An error: there is no use in trying on.
pub(super) fn partitions(
    options: &KafkaOptions,
    settings: &Settings,
    msk: Option<&Arc<MskIdentity>>,
    shared: &Shared,
    connection: &mut Connection,
) -> Result<Option<Vec<i32>>> {
    let context = Context::new(&options.topic, msk.cloned());
    let client: Client = settings
        .of_probe()
        .create_with_context(context)
        .map_err(|error| failed("make a client", &options.brokers, &error))?;
    let attempt = format!("read topic `{}`", options.topic);
    let mut is_missing = false;
    while !shared.is_stopped() {
        match ask(&client, options, shared, connection, &attempt)? {
            Ok(partitions) => {
                connection.answered();
                if is_missing {
                    info!(topic = options.topic, "the topic is there now");
                }
                return Ok(Some(partitions));
            }
            Err(error) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                    connection.answered();
                    // Nothing is there now, so a reading that ends at what is there now would be done; rather the name is wrong.
                    if options.until_end || options.group.is_none() {
                        return Err(failed(attempt, &options.brokers, &error));
                    }
                    if !std::mem::replace(&mut is_missing, true) {
                        warn!(
                            topic = options.topic,
                            brokers = options.brokers,
                            "there is no such topic, waiting for it"
                        );
                    }
                    shared.alarm.sleep(AGAIN);
                }
                Some(code) => connection.trouble(&attempt, code, &error.to_string())?,
                None => return Err(failed(attempt, &options.brokers, &error)),
            },
        }
    }
    Ok(None)
}

/// Asks once, and hears meanwhile what the client says: it may want a token, or be refused.
fn ask(
    client: &Client,
    options: &KafkaOptions,
    shared: &Shared,
    connection: &mut Connection,
    attempt: &str,
) -> Result<KafkaResult<Vec<i32>>> {
    thread::scope(|scope| {
        let asked = scope.spawn(|| metadata(client, &options.topic));
        let mut hear = || -> Result<()> {
            // What comes out of it is said to the context, too.
            let _ = client.poll(Duration::from_millis(20));
            for said in client.context().take() {
                match said {
                    Said::Trouble { code, reason } => connection.trouble(attempt, code, &reason)?,
                    Said::Stand(stand) if stand.is_connected => connection.answered(),
                    _ => {}
                }
            }
            shared.status().connection = connection.now();
            Ok(())
        };
        while !asked.is_finished() {
            hear()?;
        }
        hear()?;
        Ok(asked.join().unwrap_or(Err(KafkaError::Canceled)))
    })
}

/// The partitions of a topic, as the brokers say. Blocks.
pub(super) fn metadata(client: &Client, topic: &str) -> KafkaResult<Vec<i32>> {
    let metadata = client.fetch_metadata(Some(topic), ANSWER)?;
    let unknown = || KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition);
    let topic = metadata.topics().iter().find(|found| found.name() == topic).ok_or_else(unknown)?;
    if let Some(error) = topic.error() {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    Ok(topic.partitions().iter().map(|partition| partition.id()).collect())
}
