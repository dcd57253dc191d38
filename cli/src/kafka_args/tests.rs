use super::*;
use clap::Parser;
use engine::target::ExposeSecret;
use std::collections::HashMap;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    kafka: KafkaArgs,
}

const OURS: &str = "--kafka-brokers kafka:9092 --kafka-topic traffic --kafka-group replay";

fn parse(arguments: &str) -> KafkaArgs {
    Command::try_parse_from(std::iter::once("ferry").chain(arguments.split_whitespace())).unwrap().kafka
}

fn options_in(arguments: &str, environment: &[(&str, &str)]) -> Result<Option<KafkaOptions>> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    parse(arguments).options_in(&|name| environment.get(name).map(|value| (*value).to_owned()))
}

fn options(arguments: &str, environment: &[(&str, &str)]) -> KafkaOptions {
    options_in(arguments, environment).unwrap().unwrap()
}

fn refused(arguments: &str, environment: &[(&str, &str)]) -> String {
    options_in(arguments, environment).unwrap_err().to_string()
}

fn login(options: &KafkaOptions) -> (String, String) {
    match &options.auth {
        KafkaAuth::Scram { user, password } => (user.clone(), password.expose_secret().to_owned()),
        auth => panic!("{auth:?}"),
    }
}

fn place(options: &KafkaOptions) -> (&str, &str, Option<&str>) {
    (&options.brokers, &options.topic, options.group.as_deref())
}

#[test]
fn without_brokers_there_is_no_kafka() {
    assert!(options_in("", &[]).unwrap().is_none());
    assert_eq!(
        refused("--kafka-topic traffic", &[]),
        "`--kafka-brokers` is missing: it says where the topic is"
    );
    assert_eq!(
        refused("--kafka-brokers kafka:9092", &[]),
        "`--kafka-topic` is missing: it says which topic has the captured traffic"
    );
}

#[test]
fn the_names_of_the_java_replayer_mean_the_same() {
    let expected = ("kafka:9092", "traffic", Some("replay"));
    assert_eq!(place(&options(OURS, &[])), expected);
    let java = [
        "--kafkaBrokers kafka:9092 --kafkaTopic traffic --kafkaGroupId replay",
        "--kafka-traffic-brokers kafka:9092 --kafka-traffic-topic traffic --kafka-traffic-group-id replay",
        "--kafkaTrafficBrokers kafka:9092 --kafkaTrafficTopic traffic --kafkaTrafficGroupId replay",
    ];
    for arguments in java {
        assert_eq!(place(&options(arguments, &[])), expected, "{arguments}");
    }
    let java = [
        ("TRAFFIC_REPLAYER_KAFKA_TRAFFIC_BROKERS", "kafka:9092"),
        ("TRAFFIC_REPLAYER_KAFKA_TOPIC", "traffic"),
        ("TRAFFIC_REPLAYER_KAFKA_GROUP_ID", "replay"),
    ];
    assert_eq!(place(&options("", &java)), expected);
    assert_eq!(place(&options("--kafka-topic other", &java)).1, "other");
}

#[test]
fn a_password_comes_from_a_file_a_variable_or_as_the_java_replayer_takes_it() {
    let expected = ("replayer".to_owned(), "hunter2".to_owned());
    let arguments = format!("{OURS} --kafka-auth scram-sha-512 --kafka-user replayer");
    for variable in [
        "FERRY_KAFKA_PASSWORD",
        "KAFKA_PASSWORD",
        "TRAFFIC_REPLAYER_KAFKA_PASSWORD",
        "TRAFFIC_REPLAYER_KAFKA_TRAFFIC_PASSWORD",
    ] {
        assert_eq!(login(&options(&arguments, &[(variable, "hunter2")])), expected, "{variable}");
    }
    let file = std::env::temp_dir().join(format!("ferry-kafka-password-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").unwrap();
    let with_file = format!("{arguments} --kafka-password-file {}", file.display());
    assert_eq!(login(&options(&with_file, &[("KAFKA_PASSWORD", "another")])), expected);
    assert_eq!(
        refused(&with_file, &[("FERRY_KAFKA_PASSWORD", "hunter2")]),
        "there is more than one password: `--kafka-password-file`, FERRY_KAFKA_PASSWORD: give one"
    );
    std::fs::remove_file(&file).unwrap();
    let java =
        format!("{OURS} --kafkaAuthType scram-sha-512 --kafkaUserName replayer --kafkaPassword hunter2");
    assert_eq!(login(&options(&java, &[])), expected);
    assert!(!format!("{:?}", parse(&java)).contains("hunter2"));
    assert_eq!(
        refused(&arguments, &[]),
        "the user has no password: give `--kafka-password-file`, or set FERRY_KAFKA_PASSWORD"
    );
}

#[test]
fn a_login_may_stand_in_the_property_file() {
    let options =
        options(&format!("{OURS} --kafkaAuthType scram-sha-512 --kafkaPropertyFile /kafka.properties"), &[]);
    assert!(matches!(options.auth, KafkaAuth::None));
    assert_eq!(options.property_file, Some(PathBuf::from("/kafka.properties")));
    let expected = [("security.protocol", "SASL_SSL"), ("sasl.mechanism", "SCRAM-SHA-512")];
    assert_eq!(options.properties, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn msk_has_a_way_of_its_own() {
    for arguments in [
        "--kafka-auth msk-iam",
        "--kafka-traffic-enable-msk-auth",
        "--kafkaAuthType msk-iam --kafkaTrafficEnableMSKAuth",
    ] {
        let options = options(&format!("{OURS} {arguments} --kafka-aws-region eu-central-1"), &[]);
        assert!(
            matches!(options.auth, KafkaAuth::MskIam { region: Some(region) } if region == "eu-central-1"),
            "{arguments}"
        );
    }
    assert!(
        refused(&format!("{OURS} --kafka-auth none --kafka-traffic-enable-msk-auth"), &[])
            .contains("give one of the two")
    );
    assert!(refused(&format!("{OURS} --kafka-aws-region eu-central-1"), &[]).contains("of no use"));
}

#[test]
fn options_that_only_the_java_replayers_deployment_needs_are_taken() {
    options(&format!("{OURS} --kafkaListenerName plain --kafkaSecretName secret"), &[]);
}

#[test]
fn contradictions_are_refused() {
    assert!(
        refused(&format!("{OURS} --kafka-user replayer"), &[]).contains("give `--kafka-auth scram-sha-512`")
    );
    assert!(
        refused(&format!("{OURS} --kafka-auth scram-sha-512"), &[]).contains("`--kafka-user` is missing")
    );
    assert!(
        refused(&format!("{OURS} --kafka-insecure --kafka-cacert ca.pem"), &[])
            .contains("give one of the two")
    );
    assert!(refused(&format!("{OURS} --kafka-client-cert a.pem"), &[]).contains("give both or neither"));
}

#[test]
fn a_property_with_a_password_is_not_taken_from_the_command_line() {
    let parsed =
        parse(&format!("{OURS} --kafka-property session.timeout.ms=30000 --kafka-property client.rack=a"));
    assert_eq!(parsed.kafka_property.len(), 2);
    let error = refused(&format!("{OURS} --kafka-property ssl.key.password=hunter2"), &[]);
    assert!(
        error.starts_with("`--kafka-property` cannot have `ssl.key.password`") && !error.contains("hunter2"),
        "{error}"
    );
}
