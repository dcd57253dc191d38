//! What is wrong with the brokers, in words, and whether it helps to go on trying.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::mem;
use std::time::{Duration, Instant};
use tracing::{debug, info, warn};

use crate::error::{Error, Result};

/// How long what went wrong is remembered while brokers answer: one of several may be gone.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What Kafka, or its client, says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Reason(pub(super) String);

/// An error about the brokers. The text of a cause never has the value of a setting in it.
pub(super) fn failed(attempt: impl Into<String>, brokers: &str, cause: &KafkaError) -> Error {
    let reason = match cause {
        // The message has the value in it, which may be a password.
        KafkaError::ClientConfig(_, _, key, _) => {
            format!("librdkafka does not take the value of the setting `{key}`")
        }
        cause => cause.rdkafka_error_code().map_or_else(|| cause.to_string(), |code| code.to_string()),
    };
    let hint = cause.rdkafka_error_code().and_then(hint);
    Error::Kafka {
        attempt: attempt.into(),
        brokers: brokers.to_owned(),
        source: Box::new(Reason(reason)),
        hint,
    }
}

fn hint(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    Some(match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "check the user and the password, or the AWS identity, and whether the brokers know the mechanism at this port"
        }
        Code::SSL => {
            "check the CA file, the client certificate, and the names of the brokers in their certificates"
        }
        Code::TopicAuthorizationFailed => "the user needs the right to read and to describe the topic",
        Code::GroupAuthorizationFailed => "the user needs the right to read the consumer group",
        Code::InconsistentGroupProtocol => {
            "other members of the group share partitions in another way than `cooperative-sticky`: use a group of your own"
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic => "check the name of the topic",
        Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve => {
            "check the names and ports of the brokers, the network in between, and whether they want TLS or a password"
        }
        _ => return None,
    })
}

/// Whether somebody has to change something: trying again does not help before that.
fn needs_a_hand(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::SSL
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::InvalidTopic
            | Code::InvalidGroupId
            | Code::InconsistentGroupProtocol
            | Code::UnsupportedFeature
    )
}

/// Whether a commit that failed for this reason may succeed later.
pub(super) fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::RebalanceInProgress
            | Code::IllegalGeneration
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::NotEnoughReplicas
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::WaitingForCoordinator
            | Code::MessageTimedOut
            | Code::Retry
    )
}

/// How it stands with the brokers.
#[derive(Debug, Clone)]
pub struct KafkaConnection {
    /// Whether any broker can be reached.
    pub is_up: bool,
    /// Since when.
    pub since: Instant,
    /// What went wrong last, and was not put right or over since.
    pub trouble: Option<String>,
}

/// Follows how it stands with the brokers, and says it once for each change.
pub(super) struct Connection {
    brokers: String,
    now: KafkaConnection,
    /// When something went wrong last.
    last: Instant,
    /// Whether it was said that no broker can be reached, and none was since.
    is_told: bool,
    /// Partitions were read before: what needs a hand may be put right by it, so nothing is given up any more.
    pub(super) has_worked: bool,
}

impl Connection {
    pub(super) fn new(brokers: &str) -> Self {
        let now = KafkaConnection { is_up: false, since: Instant::now(), trouble: None };
        Self { brokers: brokers.to_owned(), now, last: Instant::now(), is_told: false, has_worked: false }
    }

    pub(super) fn now(&self) -> KafkaConnection {
        self.now.clone()
    }

    /// Takes note of what went wrong. An error: there is no use in trying on.
    pub(super) fn trouble(&mut self, attempt: &str, code: RDKafkaErrorCode, reason: &str) -> Result<()> {
        if needs_a_hand(code) && !self.has_worked {
            let source = Box::new(Reason(reason.to_owned()));
            let (attempt, brokers) = (attempt.to_owned(), self.brokers.clone());
            return Err(Error::Kafka { attempt, brokers, source, hint: hint(code) });
        }
        self.last = Instant::now();
        let is_new = self.now.trouble.is_none();
        let brokers = &self.brokers;
        if code == RDKafkaErrorCode::AllBrokersDown && !self.is_told {
            let cause = self.now.trouble.as_deref().unwrap_or(reason);
            let hint = hint(code).unwrap_or_default();
            warn!(brokers, cause, hint, "no Kafka broker can be reached, trying on");
            self.is_told = true;
            self.change(false);
        } else if needs_a_hand(code) && is_new {
            warn!(brokers, cause = reason, "Kafka refuses what it took before, trying on");
        } else {
            debug!(brokers, ?code, reason, "trouble with Kafka");
        }
        if code != RDKafkaErrorCode::AllBrokersDown || self.now.trouble.is_none() {
            self.now.trouble = Some(reason.to_owned());
        }
        Ok(())
    }

    /// Takes note that a broker answers.
    pub(super) fn answered(&mut self) {
        if self.now.is_up {
            if self.last.elapsed() >= REMEMBERED {
                self.now.trouble = None;
            }
            return;
        }
        self.now.trouble = None;
        if mem::take(&mut self.is_told) {
            info!(brokers = self.brokers, "a Kafka broker can be reached again");
        }
        self.change(true);
    }

    fn change(&mut self, is_up: bool) {
        if self.now.is_up != is_up {
            self.now.is_up = is_up;
            self.now.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_password_is_an_error_until_something_was_read() {
        let mut connection = Connection::new("kafka:9092");
        let trouble = |connection: &mut Connection| {
            connection.trouble(
                "read topic `traffic`",
                RDKafkaErrorCode::Authentication,
                "invalid credentials",
            )
        };
        let error = trouble(&mut connection).unwrap_err();
        assert_eq!(
            crate::error::chain(&error),
            "could not read topic `traffic` at the Kafka brokers `kafka:9092`: invalid credentials"
        );
        assert!(error.hint().unwrap().starts_with("check the user and the password"));
        connection.has_worked = true;
        trouble(&mut connection).unwrap();
        assert_eq!(connection.now().trouble.as_deref(), Some("invalid credentials"));
    }

    #[test]
    fn brokers_that_are_down_are_waited_for_and_the_cause_is_kept() {
        let mut connection = Connection::new("kafka:9092");
        connection.answered();
        connection.trouble("", RDKafkaErrorCode::BrokerTransportFailure, "connection refused").unwrap();
        assert!(connection.now().is_up);
        connection.trouble("", RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down").unwrap();
        let now = connection.now();
        assert_eq!((now.is_up, now.trouble.as_deref()), (false, Some("connection refused")));
        connection.answered();
        assert_eq!((connection.now().is_up, connection.now().trouble), (true, None));
    }

    #[test]
    fn brokers_that_never_answered_are_told_once() {
        let mut connection = Connection::new("kafka:9092");
        connection.trouble("", RDKafkaErrorCode::BrokerTransportFailure, "connection refused").unwrap();
        assert!(!connection.is_told);
        connection.trouble("", RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down").unwrap();
        assert!(connection.is_told);
        connection.answered();
        assert!(!connection.is_told);
    }

    #[test]
    fn an_error_has_no_value_of_a_setting_in_it() {
        let config =
            rdkafka::ClientConfig::from_iter([("ssl.key.passwort".to_owned(), "hunter2".to_owned())]);
        let cause = config.create_native_config().map(|_| ()).unwrap_err();
        assert!(cause.to_string().contains("hunter2"));
        let text = crate::error::chain(&failed("connect", "kafka:9092", &cause));
        assert_eq!(
            text,
            "could not connect at the Kafka brokers `kafka:9092`: librdkafka does not take the value of the setting \
             `ssl.key.passwort`"
        );
    }
}
