//! Options and properties become the settings of librdkafka.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use secrecy::ExposeSecret;
use tracing::warn;

use super::options::{KafkaAuth, KafkaOptions};
use super::properties::Properties;
use crate::error::{Error, Result};

/// A member that was not heard of for so long is gone: its partitions stand still for this time. Clients' default is 45 s.
const SESSION_MS: u64 = 15_000;
/// librdkafka's default of how often a member is heard of.
const HEARTBEAT_MS: u64 = 3000;

/// How soon a partition is fetched again whose part of the prefetch was full. librdkafka's own second would set the pace.
const FULL_BACKOFF_MS: &str = "20";
/// Records that may be fetched before they are asked for, in each partition: each costs some memory beside its bytes.
const PREFETCHED_RECORDS: &str = "20000";
/// How often librdkafka says what it knows of the brokers and of the ends of partitions.
const STATISTICS_MS: &str = "2000";
/// Least bytes that are fetched of a partition at once.
const LEAST_FETCH: u64 = 64 << 10;
/// Most bytes of one answer of a broker.
const MOST_FETCH: u64 = 50 << 20;

/// The settings that do not depend on how many partitions there are.
pub(super) struct Settings {
    config: ClientConfig,
    /// Whether an AWS identity is to be shown.
    pub(super) is_msk: bool,
}

impl Settings {
    /// Reads the property file. Warns of what does nothing.
    pub(super) fn new(options: &KafkaOptions) -> Result<Self> {
        let properties = Properties::read(options)?;
        for (property, reason) in &properties.ignored {
            warn!(property, reason, "this Kafka property does nothing here");
        }
        let mut config = ClientConfig::new();
        config.set_log_level(log_level());
        config.set("client.id", &options.client_id);
        config.extend(properties.settings.iter().cloned());
        let is_msk = authorize(&mut config, options, &properties)?;
        tls(&mut config, options)?;
        config.set("bootstrap.servers", &options.brokers);
        Ok(Self { config, is_msk })
    }

    /// The settings of a client that only asks for what there is.
    pub(super) fn of_probe(&self) -> ClientConfig {
        let mut config = self.config.clone();
        // Both belong to a member of a group.
        config.remove("group.instance.id");
        config.set("statistics.interval.ms", STATISTICS_MS);
        config
    }

    /// The settings of a consumer of a topic with so many partitions.
    pub(super) fn of_consumer(&self, group: &str, prefetch: u64, partitions: usize) -> ClientConfig {
        let share = (prefetch / (partitions as u64).max(1)).max(2 * LEAST_FETCH);
        let mut config = self.config.clone();
        let fetch = prefetch.clamp(LEAST_FETCH, MOST_FETCH);
        for (key, value) in
            [("fetch.max.bytes", fetch), ("max.partition.fetch.bytes", (share / 2).min(fetch))]
        {
            if config.get(key).is_none() {
                config.set(key, value.to_string());
            }
        }
        session(&mut config);
        // librdkafka fetches once more while it has less than this: half of the share, and the other half is that fetch.
        config
            .set("queued.max.messages.kbytes", (share / 2 / 1024).clamp(1, 2_097_151).to_string())
            .set("queued.min.messages", PREFETCHED_RECORDS)
            .set("fetch.queue.backoff.ms", FULL_BACKOFF_MS)
            .set("statistics.interval.ms", STATISTICS_MS)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .set("partition.assignment.strategy", "cooperative-sticky");
        config
    }
}

/// Sets how soon a member that is gone is noticed, where that is not said. librdkafka takes no session that is longer than the time
/// between two polls may be, and a member that is heard of too seldom is taken to be gone.
fn session(config: &mut ClientConfig) {
    let given = |config: &ClientConfig, key| config.get(key).and_then(|value| value.parse::<u64>().ok());
    if config.get("session.timeout.ms").is_none() {
        let most = given(config, "max.poll.interval.ms").unwrap_or(u64::MAX);
        config.set("session.timeout.ms", SESSION_MS.min(most).to_string());
    }
    let heartbeat = given(config, "session.timeout.ms").map(|session| (session / 3).max(1));
    if let Some(heartbeat) = heartbeat.filter(|heartbeat| *heartbeat < HEARTBEAT_MS)
        && config.get("heartbeat.interval.ms").is_none()
    {
        config.set("heartbeat.interval.ms", heartbeat.to_string());
    }
}

/// Sets who this client is; whether that is an AWS identity.
fn authorize(config: &mut ClientConfig, options: &KafkaOptions, properties: &Properties) -> Result<bool> {
    let is_msk = match &options.auth {
        KafkaAuth::MskIam { .. } => true,
        KafkaAuth::None => properties.is_msk_iam,
        _ => false,
    };
    match (&options.auth, &properties.login) {
        _ if is_msk => {
            config.set("security.protocol", "sasl_ssl").set("sasl.mechanism", "OAUTHBEARER");
        }
        (KafkaAuth::Scram { user, password }, _) => {
            let protocol = if options.plaintext { "sasl_plaintext" } else { "sasl_ssl" };
            config.set("security.protocol", protocol).set("sasl.mechanism", "SCRAM-SHA-512");
            config.set("sasl.username", user).set("sasl.password", password.expose_secret());
        }
        (KafkaAuth::Ssl, _) => {
            config.set("security.protocol", "ssl").remove("sasl.mechanism");
        }
        (_, Some((user, password))) => {
            config.set("sasl.username", user).set("sasl.password", password.expose_secret());
        }
        _ => {}
    }
    if is_sasl(config) && config.get("sasl.mechanism").is_none() {
        return Err(Error::InvalidOption {
            option: "the Kafka property",
            value: "security.protocol".to_owned(),
            reason: "it asks for a login, but `sasl.mechanism` does not say which".to_owned(),
        });
    }
    Ok(is_msk)
}

fn is_sasl(config: &ClientConfig) -> bool {
    config.get("security.protocol").is_some_and(|protocol| protocol.starts_with("sasl"))
}

fn is_tls(config: &ClientConfig) -> bool {
    config.get("security.protocol").is_some_and(|protocol| protocol.ends_with("ssl"))
}

fn tls(config: &mut ClientConfig, options: &KafkaOptions) -> Result<()> {
    let tls = &options.tls;
    let files = [
        ("the CA file", "ssl.ca.location", &tls.ca_file),
        ("the client certificate", "ssl.certificate.location", &tls.client_certificate),
        ("the client key", "ssl.key.location", &tls.client_key),
    ];
    for (option, key, file) in files {
        let Some(file) = file else { continue };
        let refused =
            |reason: String| Error::InvalidOption { option, value: file.display().to_string(), reason };
        if !is_tls(config) {
            return Err(refused(
                "it is of no use without TLS: say which `--kafka-auth` the brokers want".to_owned(),
            ));
        }
        // librdkafka's own message for a file that is not there has none of this.
        std::fs::metadata(file).map_err(|error| refused(error.to_string()))?;
        config.set(key, file.display().to_string());
    }
    if !is_tls(config) {
        return Ok(());
    }
    if tls.insecure {
        config.set("enable.ssl.certificate.verification", "false");
    } else if config.get("ssl.ca.location").is_none() && config.get("ssl.ca.pem").is_none() {
        // OpenSSL is linked in, and where it was built is not where this system keeps its certificates.
        config.set("ssl.ca.location", "probe");
    }
    Ok(())
}

/// What librdkafka says beyond warnings is for those who look for a fault in it.
fn log_level() -> RDKafkaLogLevel {
    if tracing::enabled!(target: "librdkafka", tracing::Level::DEBUG) {
        RDKafkaLogLevel::Debug
    } else {
        RDKafkaLogLevel::Info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TlsOptions;
    use rdkafka::consumer::BaseConsumer;
    use secrecy::SecretString;

    fn options() -> KafkaOptions {
        KafkaOptions::new("kafka-1:9092,kafka-2:9092", "traffic", Some("replay"))
    }

    fn scram() -> KafkaAuth {
        KafkaAuth::Scram { user: "replayer".to_owned(), password: SecretString::from("hunter2") }
    }

    fn config(options: &KafkaOptions) -> ClientConfig {
        Settings::new(options).unwrap().of_consumer("replay", 16 << 20, 4)
    }

    #[test]
    fn librdkafka_was_built_with_all_that_brokers_may_want() {
        let features = ClientConfig::new().create_native_config().unwrap().get("builtin.features").unwrap();
        let has: Vec<&str> = features.split(',').collect();
        for feature in
            ["ssl", "sasl_plain", "sasl_scram", "sasl_oauthbearer", "gzip", "snappy", "lz4", "zstd"]
        {
            assert!(has.contains(&feature), "{feature} is not in {features}");
        }
    }

    #[test]
    fn the_prefetch_is_shared_by_the_partitions() {
        let config = config(&options());
        assert_eq!(config.get("queued.max.messages.kbytes"), Some("2048"));
        assert_eq!(config.get("max.partition.fetch.bytes"), Some("2097152"));
        assert_eq!(config.get("fetch.max.bytes"), Some("16777216"));
    }

    #[test]
    fn the_partitions_of_a_process_that_is_killed_stand_still_for_less_than_half_a_minute() {
        assert_eq!(config(&options()).get("session.timeout.ms"), Some("15000"));
        let properties = vec![("session.timeout.ms".to_owned(), "45000".to_owned())];
        let config = config(&KafkaOptions { properties, ..options() });
        assert_eq!(config.get("session.timeout.ms"), Some("45000"));
    }

    #[test]
    fn a_short_time_between_polls_makes_the_session_as_short_and_librdkafka_takes_it() {
        for (most, session, heartbeat) in [
            ("300000", Some("15000"), None),
            ("15000", Some("15000"), None),
            ("9000", Some("9000"), None),
            ("6000", Some("6000"), Some("2000")),
            ("1", Some("1"), Some("1")),
        ] {
            let properties = vec![("max.poll.interval.ms".to_owned(), most.to_owned())];
            let config = config(&KafkaOptions { properties, ..options() });
            assert_eq!(config.get("session.timeout.ms"), session, "{most}");
            assert_eq!(config.get("heartbeat.interval.ms"), heartbeat, "{most}");
            config.create::<BaseConsumer>().unwrap();
        }
    }

    #[test]
    fn properties_win_over_defaults_and_not_over_options() {
        let properties = [
            ("fetch.max.bytes", "8388608"),
            ("client.id", "x"),
            ("bootstrap.servers", "y:1"),
            ("group.id", "z"),
        ];
        let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let config = config(&KafkaOptions { properties, ..options() });
        assert_eq!(config.get("fetch.max.bytes"), Some("8388608"));
        assert_eq!(config.get("client.id"), Some("x"));
        assert_eq!(config.get("bootstrap.servers"), Some("kafka-1:9092,kafka-2:9092"));
        assert_eq!(
            (config.get("group.id"), config.get("enable.auto.commit")),
            (Some("replay"), Some("false"))
        );
    }

    #[test]
    fn a_login_is_over_tls_unless_said_otherwise() {
        let over_tls = config(&KafkaOptions { auth: scram(), ..options() });
        assert_eq!(over_tls.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!(over_tls.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert_eq!(
            (over_tls.get("sasl.username"), over_tls.get("sasl.password")),
            (Some("replayer"), Some("hunter2"))
        );
        assert_eq!(over_tls.get("ssl.ca.location"), Some("probe"));
        let plain = config(&KafkaOptions { auth: scram(), plaintext: true, ..options() });
        assert_eq!(
            (plain.get("security.protocol"), plain.get("ssl.ca.location")),
            (Some("sasl_plaintext"), None)
        );
    }

    #[test]
    fn files_for_tls_without_tls_are_refused() {
        let tls = TlsOptions { ca_file: Some("/ca.pem".into()), ..TlsOptions::default() };
        let error = Settings::new(&KafkaOptions { tls: tls.clone(), ..options() }).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use the CA file `/ca.pem`: it is of no use without TLS: say which `--kafka-auth` the brokers want"
        );
        let error =
            Settings::new(&KafkaOptions { tls, auth: KafkaAuth::Ssl, ..options() }).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use the CA file `/ca.pem`: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_login_without_mechanism_is_refused() {
        let properties = vec![("security.protocol".to_owned(), "SASL_SSL".to_owned())];
        let error = Settings::new(&KafkaOptions { properties, ..options() }).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use the Kafka property `security.protocol`: it asks for a login, but `sasl.mechanism` does not say which"
        );
    }

    #[test]
    fn debug_shows_no_password() {
        let properties = vec![("sasl.jaas.config".to_owned(), "hunter3".to_owned())];
        let shown = format!("{:?}", KafkaOptions { auth: scram(), properties, ..options() });
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("replayer") && shown.contains("sasl.jaas.config"), "{shown}");
    }
}
