//! Who reads: passwords and certificates.

use crate::broker::{Broker, PASSWORD, USER};
use crate::member::{Member, place};
use crate::topic::{Topic, unique};
use engine::error::chain;
use engine::target::{SecretString, TlsOptions};
use engine::traffic::kafka::{KafkaAuth, KafkaOptions};

fn scram(brokers: &str, topic: &Topic, password: &str) -> KafkaOptions {
    KafkaOptions {
        auth: KafkaAuth::Scram { user: USER.to_owned(), password: SecretString::from(password) },
        ..KafkaOptions::new(brokers, &topic.name, Some(&unique("group")))
    }
}

async fn reads(options: KafkaOptions) {
    let mut member = Member::start(options).await;
    member.assigned().await;
    assert_eq!(place(&member.record().await), (0, 0, 0));
    member.source.close().await;
}

async fn topic(broker: &Broker) -> Topic {
    let topic = Topic::new(&broker.plain(), 1).await;
    topic.put(0, 0..1, |_| b"x".to_vec());
    topic
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_password_is_taken_and_a_wrong_one_is_an_error_without_it() {
    let broker = Broker::usual();
    let topic = topic(broker).await;
    reads(KafkaOptions { plaintext: true, ..scram(&broker.sasl(), &topic, PASSWORD) }).await;

    let wrong = KafkaOptions { plaintext: true, ..scram(&broker.sasl(), &topic, "sesame") };
    let error = Member::start(wrong).await.failed().await;
    let text = chain(&error);
    assert!(text.contains("invalid credentials with SASL mechanism SCRAM-SHA-512"), "{text}");
    assert!(!text.contains("sesame"), "{text}");
    assert!(error.hint().unwrap().starts_with("check the user and the password"));
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_property_file_of_the_java_replayer_logs_in() {
    let broker = Broker::usual();
    let topic = topic(broker).await;
    let file = std::env::temp_dir().join(unique("ferry-kafka.properties"));
    let password = PASSWORD.replace('"', "\\\\\"");
    let text = format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\nfetch.max.bytes=8388608\nmax.partition.fetch.bytes=8388608\n\
         key.deserializer=x\nsasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n \
         username=\"{USER}\" password=\"{password}\";\n"
    );
    std::fs::write(&file, text).unwrap();
    let options = KafkaOptions::new(&broker.sasl(), &topic.name, Some(&unique("group")));
    reads(KafkaOptions { property_file: Some(file.clone()), ..options }).await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_certificates_are_shown_and_checked() {
    let broker = Broker::usual();
    let (certificates, topic) = (&broker.certificates, topic(broker).await);
    let tls = TlsOptions {
        ca_file: Some(certificates.ca.clone()),
        client_certificate: Some(certificates.client.clone()),
        client_key: Some(certificates.client_key.clone()),
        insecure: false,
    };
    let over_tls = KafkaOptions {
        auth: KafkaAuth::Ssl,
        tls: tls.clone(),
        ..KafkaOptions::new(&broker.tls(), &topic.name, Some(&unique("group")))
    };
    reads(over_tls.clone()).await;
    let only_ca = TlsOptions { ca_file: Some(certificates.ca.clone()), ..TlsOptions::default() };
    reads(KafkaOptions { tls: only_ca, ..scram(&broker.sasl_over_tls(), &topic, PASSWORD) }).await;
    let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
    reads(KafkaOptions { tls: insecure, ..scram(&broker.sasl_over_tls(), &topic, PASSWORD) }).await;

    // A CA that did not sign the broker's certificate, and the system's.
    let other = TlsOptions { ca_file: Some(certificates.other_ca.clone()), ..tls };
    for tls in [other, TlsOptions::default()] {
        let error = Member::start(KafkaOptions { tls, ..over_tls.clone() }).await.failed().await;
        assert!(chain(&error).contains("certificate verify failed"), "{}", chain(&error));
        assert!(error.hint().unwrap().starts_with("check the CA file"));
    }
}
