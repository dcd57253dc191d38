//! How a topic of Kafka is reached: our options, and under the names of the Java replayer too.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use engine::target::{SecretString, TlsOptions, secret};
use engine::traffic::kafka::{KafkaAuth, KafkaOptions};
use tracing::warn;

/// What the Java replayer's environment variables begin with.
const JAVA_PREFIX: &str = "TRAFFIC_REPLAYER_";

/// Where the records of captured traffic are read.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct KafkaArgs {
    /// Some of the Kafka brokers that have the captured traffic
    #[arg(long, value_name = "HOST:PORT,...", env = "FERRY_KAFKA_BROKERS",
        aliases = ["kafkaBrokers", "kafka-traffic-brokers", "kafkaTrafficBrokers"])]
    kafka_brokers: Option<String>,
    /// Topic of the captured traffic
    #[arg(long, value_name = "TOPIC", env = "FERRY_KAFKA_TOPIC",
        aliases = ["kafkaTopic", "kafka-traffic-topic", "kafkaTrafficTopic"])]
    kafka_topic: Option<String>,
    /// Consumer group, which keeps what is done: whoever reads with the same one goes on there, or takes a share
    #[arg(long, value_name = "NAME", env = "FERRY_KAFKA_GROUP",
        aliases = ["kafkaGroupId", "kafka-traffic-group-id", "kafkaTrafficGroupId"])]
    kafka_group: Option<String>,
    /// How the brokers are to know this client [default: not at all, or as the properties say]
    #[arg(long, value_enum, value_name = "HOW", env = "FERRY_KAFKA_AUTH",
        aliases = ["kafkaAuthType", "kafka-traffic-auth-type", "kafkaTrafficAuthType"])]
    kafka_auth: Option<AuthKind>,
    /// User name; the password comes from `--kafka-password-file`, or from FERRY_KAFKA_PASSWORD
    #[arg(long, value_name = "NAME", env = "FERRY_KAFKA_USER",
        aliases = ["kafkaUserName", "kafka-traffic-user-name", "kafkaTrafficUserName"])]
    kafka_user: Option<String>,
    /// File with the password; a newline at its end is cut off
    #[arg(long, value_name = "FILE", env = "FERRY_KAFKA_PASSWORD_FILE")]
    kafka_password_file: Option<PathBuf>,
    /// The password itself, as the Java replayer takes it
    #[arg(long = "kafkaPassword", value_name = "PASSWORD", hide = true, value_parser = secret_value,
        aliases = ["kafka-traffic-password", "kafkaTrafficPassword"])]
    password_in_clear: Option<SecretString>,
    /// CA certificates (PEM) that are trusted, in place of those of the system
    #[arg(long, value_name = "FILE", env = "FERRY_KAFKA_CACERT")]
    kafka_cacert: Option<PathBuf>,
    /// Client certificate (PEM), with those between it and its CA
    #[arg(long, value_name = "FILE", env = "FERRY_KAFKA_CLIENT_CERT")]
    kafka_client_cert: Option<PathBuf>,
    /// Key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", env = "FERRY_KAFKA_CLIENT_KEY")]
    kafka_client_key: Option<PathBuf>,
    /// Accept any certificate: whoever is in between can read and change everything
    #[arg(long, env = "FERRY_KAFKA_INSECURE")]
    kafka_insecure: bool,
    /// Log in without TLS: whoever is in between can read the traffic
    #[arg(long, env = "FERRY_KAFKA_PLAINTEXT")]
    kafka_plaintext: bool,
    /// AWS region of the brokers, for `msk-iam` [default: from their names, the environment or the AWS profile]
    #[arg(long, value_name = "REGION", env = "FERRY_KAFKA_AWS_REGION")]
    kafka_aws_region: Option<String>,
    /// File of properties as Kafka's Java client takes them; options win over it
    #[arg(long, value_name = "FILE", env = "FERRY_KAFKA_PROPERTIES",
        aliases = ["kafkaPropertyFile", "kafka-traffic-property-file", "kafkaTrafficPropertyFile"])]
    kafka_properties: Option<PathBuf>,
    /// One such property, such as `session.timeout.ms=30000`; passwords belong into the file
    #[arg(long, value_name = "KEY=VALUE", value_parser = property, env = "FERRY_KAFKA_PROPERTY")]
    kafka_property: Vec<(String, String)>,
    /// How long the requests under way of a partition may take when another member of the group takes it over
    #[arg(long, value_name = "SECONDS", env = "FERRY_KAFKA_DRAIN", default_value = "10")]
    kafka_drain: NonZeroU32,
    /// The same as `--kafka-auth msk-iam`
    #[arg(long = "kafka-traffic-enable-msk-auth", hide = true,
        aliases = ["kafkaTrafficEnabledMskAuth", "kafkaTrafficEnableMSKAuth"])]
    enable_msk_auth: bool,
    #[arg(long = "kafkaListenerName", value_name = "NAME", hide = true,
        aliases = ["kafka-traffic-listener-name", "kafkaTrafficListenerName"])]
    listener_name: Option<String>,
    #[arg(long = "kafkaSecretName", value_name = "NAME", hide = true,
        aliases = ["kafka-traffic-secret-name", "kafkaTrafficSecretName"])]
    secret_name: Option<String>,
}

/// How the brokers know a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthKind {
    /// Not at all
    None,
    /// By a client certificate, or not at all, over TLS
    Ssl,
    /// By user and password
    #[value(name = "scram-sha-512")]
    Scram,
    /// By the AWS credentials (Amazon MSK)
    MskIam,
}

/// The variables of the environment; a function, for tests.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl KafkaArgs {
    /// How the topic is reached; none: no brokers are given. Reads the password.
    pub(crate) fn options(&self) -> Result<Option<KafkaOptions>> {
        self.options_in(&|name| std::env::var(name).ok())
    }

    fn options_in(&self, environment: Environment<'_>) -> Result<Option<KafkaOptions>> {
        let given = |option: &Option<String>, name: &str| {
            let option = option.clone().or_else(|| java_variable(environment, name));
            option.filter(|value| !value.trim().is_empty())
        };
        let brokers = given(&self.kafka_brokers, "BROKERS");
        let topic = given(&self.kafka_topic, "TOPIC");
        let group = given(&self.kafka_group, "GROUP_ID");
        let (brokers, topic) = match (brokers, topic) {
            (Some(brokers), Some(topic)) => (brokers, topic),
            (None, None) if group.is_none() => return Ok(None),
            (None, _) => bail!("`--kafka-brokers` is missing: it says where the topic is"),
            (_, None) => bail!("`--kafka-topic` is missing: it says which topic has the captured traffic"),
        };
        self.check_properties()?;
        self.warn_of_ignored(environment);
        let property_file = given(&None, "PROPERTY_FILE").map(PathBuf::from);
        let mut options = KafkaOptions {
            property_file: self.kafka_properties.clone().or(property_file),
            properties: self.kafka_property.clone(),
            tls: self.tls()?,
            plaintext: self.kafka_plaintext,
            drain: Duration::from_secs(self.kafka_drain.get().into()),
            ..KafkaOptions::new(&brokers, &topic, group.as_deref())
        };
        self.authorize(&mut options, environment)?;
        Ok(Some(options))
    }

    fn authorize(&self, options: &mut KafkaOptions, environment: Environment<'_>) -> Result<()> {
        let user = self.kafka_user.clone().or_else(|| java_variable(environment, "USER_NAME"));
        let user = user.filter(|user| !user.is_empty());
        options.auth = match self.kind(environment)? {
            None if user.is_some() => {
                bail!(
                    "there is a user (`--kafka-user`), but not how to log in: give `--kafka-auth scram-sha-512`"
                )
            }
            None | Some(AuthKind::None) => KafkaAuth::None,
            Some(AuthKind::Ssl) => KafkaAuth::Ssl,
            Some(AuthKind::MskIam) => KafkaAuth::MskIam { region: self.kafka_aws_region.clone() },
            Some(AuthKind::Scram) => match user {
                Some(user) => KafkaAuth::Scram { user, password: self.password(environment)? },
                None if options.property_file.is_none() => {
                    bail!(
                        "`--kafka-user` is missing: SCRAM needs a user, or `--kafka-properties` with `sasl.jaas.config`"
                    )
                }
                None => {
                    let protocol = if self.kafka_plaintext { "SASL_PLAINTEXT" } else { "SASL_SSL" };
                    let login = [("security.protocol", protocol), ("sasl.mechanism", "SCRAM-SHA-512")];
                    options.properties.extend(login.map(|(key, value)| (key.to_owned(), value.to_owned())));
                    KafkaAuth::None
                }
            },
        };
        if self.kafka_aws_region.is_some() && !matches!(options.auth, KafkaAuth::MskIam { .. }) {
            bail!("`--kafka-aws-region` is of no use without `--kafka-auth msk-iam`");
        }
        Ok(())
    }

    fn kind(&self, environment: Environment<'_>) -> Result<Option<AuthKind>> {
        let variable = java_variable(environment, "AUTH_TYPE").filter(|kind| !kind.trim().is_empty());
        let kind = match (self.kafka_auth, variable) {
            (Some(kind), _) => Some(kind),
            (None, Some(kind)) => match AuthKind::from_str(&kind, false) {
                Ok(kind) => Some(kind),
                Err(_) => {
                    bail!("`{kind}` is not a way to log in at Kafka: use none, ssl, scram-sha-512 or msk-iam")
                }
            },
            (None, None) => None,
        };
        match (self.enable_msk_auth, kind) {
            (true, None) => Ok(Some(AuthKind::MskIam)),
            (true, Some(kind)) if kind != AuthKind::MskIam => {
                bail!(
                    "`--kafka-traffic-enable-msk-auth` asks for `--kafka-auth msk-iam`, and another one is given: give one of the two"
                )
            }
            _ => Ok(kind),
        }
    }

    fn password(&self, environment: Environment<'_>) -> Result<SecretString> {
        let variable = environment("FERRY_KAFKA_PASSWORD").filter(|password| !password.is_empty());
        let sources = [
            (self.kafka_password_file.is_some(), "`--kafka-password-file`"),
            (self.password_in_clear.is_some(), "`--kafkaPassword`"),
            (variable.is_some(), "FERRY_KAFKA_PASSWORD"),
        ];
        let sources: Vec<&str> =
            sources.into_iter().filter_map(|(is_given, source)| is_given.then_some(source)).collect();
        if sources.len() > 1 {
            bail!("there is more than one password: {}: give one", sources.join(", "));
        }
        if let Some(file) = &self.kafka_password_file {
            return Ok(secret::from_file(file)?);
        }
        if let Some(password) = &self.password_in_clear {
            warn!(
                "the password of Kafka is on the command line, where every user of this machine can see it: use `--kafka-password-file`"
            );
            return Ok(password.clone());
        }
        let java = || java_variable(environment, "PASSWORD").or_else(|| environment("KAFKA_PASSWORD"));
        match variable.or_else(java).filter(|password| !password.is_empty()) {
            Some(password) => Ok(SecretString::from(password)),
            None => {
                bail!("the user has no password: give `--kafka-password-file`, or set FERRY_KAFKA_PASSWORD")
            }
        }
    }

    fn tls(&self) -> Result<TlsOptions> {
        if self.kafka_insecure && self.kafka_cacert.is_some() {
            bail!(
                "`--kafka-insecure` accepts any certificate, so `--kafka-cacert` is of no use: give one of the two"
            );
        }
        if self.kafka_client_cert.is_some() != self.kafka_client_key.is_some() {
            bail!("`--kafka-client-cert` and `--kafka-client-key` go together: give both or neither");
        }
        Ok(TlsOptions {
            ca_file: self.kafka_cacert.clone(),
            client_certificate: self.kafka_client_cert.clone(),
            client_key: self.kafka_client_key.clone(),
            insecure: self.kafka_insecure,
        })
    }

    /// Not where the property is parsed: the message would have its value in it.
    fn check_properties(&self) -> Result<()> {
        let is_secret =
            |key: &str| ["password", "jaas", "keystore.key", "secret"].iter().any(|word| key.contains(word));
        match self.kafka_property.iter().find(|(key, _)| is_secret(key)) {
            Some((key, _)) => bail!(
                "`--kafka-property` cannot have `{key}`, which every user of this machine could see: put it into the file of \
                 `--kafka-properties`"
            ),
            None => Ok(()),
        }
    }

    fn warn_of_ignored(&self, environment: Environment<'_>) {
        let ignored = [
            ("kafkaListenerName", &self.listener_name, "LISTENER_NAME"),
            ("kafkaSecretName", &self.secret_name, "SECRET_NAME"),
        ];
        for (option, value, variable) in ignored {
            if value.is_some() || java_variable(environment, variable).is_some() {
                warn!(option, "this option does nothing here: it is about how the Java replayer is deployed");
            }
        }
    }
}

/// The value of an option in the environment of the Java replayer, under either of its names.
fn java_variable(environment: Environment<'_>, option: &str) -> Option<String> {
    let names = [format!("{JAVA_PREFIX}KAFKA_TRAFFIC_{option}"), format!("{JAVA_PREFIX}KAFKA_{option}")];
    names.iter().find_map(|name| environment(name))
}

fn secret_value(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

fn property(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected `KEY=VALUE`")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests;
