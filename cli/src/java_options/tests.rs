use super::*;
use crate::args::Cli;
use base64::Engine as _;
use clap::CommandFactory;

fn all(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Vec<String>> {
    let arguments = arguments.iter().map(OsString::from).collect();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let translated = translated(&Cli::command(), arguments, variables)?;
    Ok(translated.into_iter().skip(2).map(|argument| argument.into_string().unwrap()).collect())
}

#[test]
fn options_that_mean_something_else_here_are_translated_and_all_others_stay() {
    let given = [
        "ferry",
        "replay",
        "--targetUri",
        "http://t",
        "--insecure",
        "--sigv4-auth-header-service-region",
        "es,eu-west-1",
        "--target-username=u",
    ];
    assert_eq!(
        all(&given, &[]).unwrap(),
        [
            "--targetUri",
            "http://t",
            "--target-insecure",
            "--target-aws-service=es",
            "--target-aws-region=eu-west-1",
            "--target-user=u"
        ]
    );
    assert_eq!(all(&["ferry", "verify", "--insecure"], &[]).unwrap(), ["--insecure"]);
}

#[test]
fn variables_are_options_that_the_command_line_wins_over() {
    let variables = [
        ("TRAFFIC_REPLAYER_TARGET_URI", "http://t"),
        ("TRAFFIC_REPLAYER_SPEEDUP_FACTOR", "2"),
        ("TRAFFIC_REPLAYER_REMOVE_AUTH_HEADER", "true"),
        ("TRAFFIC_REPLAYER_KAFKA_TRAFFIC_TOPIC", "elsewhere"),
        ("OTHER", "x"),
    ];
    let found = all(&["ferry", "replay", "--speedupFactor", "3"], &variables).unwrap();
    assert_eq!(found, ["--speedupFactor", "3", "--target=http://t", "--remove-auth-header"]);
}

#[test]
fn a_json_of_options_may_be_in_base64() {
    let options =
        r#"{"targetUri":"http://t","maxConcurrentRequests":7,"insecure":true,"removeAuthHeader":false}"#;
    let expected = ["--max-concurrent-requests=7", "--target-insecure", "--target=http://t"];
    let sorted = |form: &str| {
        let mut found = all(&["ferry", "replay", "---INLINE-JSON", form], &[]).unwrap();
        found.sort();
        found
    };
    assert_eq!(sorted(options), expected);
    assert_eq!(sorted(&base64::prelude::BASE64_STANDARD.encode(options)), expected);
    let error = all(&["ferry", "replay", "---INLINE-JSON", r#"{"nonsense":1}"#], &[]).unwrap_err();
    assert_eq!(format!("{error:#}"), "`nonsense`: there is no such option");
}

#[test]
fn what_cannot_be_done_is_refused_with_the_way_to_do_it() {
    for (option, says) in [
        ("--mode", "ferry replay dump"),
        ("--start-offset", "ferry replay dump"),
        ("--target-password", "FERRY_TARGET_PASSWORD"),
        ("--tuple-transformer-config", "credentials are left out"),
        ("--responsePostProcessorConfig", "tuples are not transformed"),
    ] {
        let error = all(&["ferry", "replay", option, "dump-raw"], &[]).unwrap_err();
        assert!(format!("{error:#}").contains(says), "{error:#}");
        assert!(all(&["ferry", "replay"], &[(&format!("TRAFFIC_REPLAYER_{}", plain(option)), "")]).is_ok());
    }
}

#[test]
fn a_bucket_and_a_prefix_are_the_place_of_tuples() {
    let bucket = ["ferry", "replay", "--tupleS3Bucket", "b", "--tuple-s3-endpoint", "http://s"];
    assert_eq!(
        all(&bucket, &[]).unwrap(),
        ["--s3-endpoint=http://s", "--s3-path-style", "--tuples=s3://b/tuples"]
    );
    let prefix = [("TRAFFIC_REPLAYER_TUPLE_S3_PREFIX", "/p/"), ("TRAFFIC_REPLAYER_TUPLE_S3_BUCKET", "b")];
    assert_eq!(all(&["ferry", "replay"], &prefix).unwrap(), ["--tuples=s3://b/p"]);
    assert_eq!(all(&["ferry", "replay", "--tuples", "here"], &prefix).unwrap(), ["--tuples", "here"]);
}

#[test]
fn what_the_command_line_says_under_another_name_wins_too() {
    let variables = [("TRAFFIC_REPLAYER_TARGET_USERNAME", "java"), ("TRAFFIC_REPLAYER_INSECURE", "true")];
    let given = ["ferry", "replay", "--target-user", "u", "--insecure"];
    assert_eq!(all(&given, &variables).unwrap(), ["--target-user", "u", "--target-insecure"]);
}

#[test]
fn what_looks_at_traffic_has_no_options_of_the_java_replayer() {
    let variables = [("TRAFFIC_REPLAYER_TARGET_URI", "http://t")];
    let given = ["ferry", "replay", "dump", "in", "--start-offset", "3"];
    assert_eq!(all(&given, &variables).unwrap(), ["dump", "in", "--start-offset", "3"]);
}

/// All options of the Java replayer that have a meaning while it replays, under both of their names, with a value.
const JAVA: [(&str, &str, &str); 46] = [
    ("target-uri", "targetUri", "http://t"),
    ("mode", "mode", "replay"),
    ("preview-bytes-read", "previewBytesRead", "24"),
    ("preview-bytes-write", "previewBytesWrite", "24"),
    ("insecure", "insecure", ""),
    ("target-username", "targetUsername", "u"),
    ("remove-auth-header", "removeAuthHeader", ""),
    ("sigv4-auth-header-service-region", "sigv4AuthHeaderServiceRegion", "es,us-east-1"),
    ("user-agent", "userAgent", "x"),
    ("transformer-config", "transformerConfig", "NoopTransformerProvider"),
    ("transformer-config-encoded", "transformerConfigEncoded", "Tm9vcFRyYW5zZm9ybWVyUHJvdmlkZXI="),
    ("transformer-config-file", "transformerConfigFile", "f"),
    ("input", "input", "i"),
    ("packet-timeout-seconds", "packetTimeoutSeconds", "70"),
    ("observedPacketConnectionTimeout", "observedPacketConnectionTimeout", "70"),
    ("speedup-factor", "speedupFactor", "1.1"),
    ("lookahead-time-window", "lookaheadTimeWindow", "400"),
    ("lookahead-time-seconds", "lookaheadTimeSeconds", "400"),
    ("max-concurrent-requests", "maxConcurrentRequests", "7"),
    ("num-client-threads", "numClientThreads", "2"),
    ("target-response-timeout", "targetResponseTimeout", "150"),
    ("quiescent-period-ms", "quiescentPeriodMs", "5000"),
    ("kafka-traffic-brokers", "kafkaTrafficBrokers", "b:9092"),
    ("kafka-traffic-topic", "kafkaTrafficTopic", "t"),
    ("kafka-traffic-group-id", "kafkaTrafficGroupId", "g"),
    ("kafkaBrokers", "kafkaBrokers", "b:9092"),
    ("kafkaTopic", "kafkaTopic", "t"),
    ("kafkaGroupId", "kafkaGroupId", "g"),
    ("kafka-traffic-property-file", "kafkaTrafficPropertyFile", "f"),
    ("kafka-traffic-auth-type", "kafkaTrafficAuthType", "scram-sha-512"),
    ("kafka-traffic-user-name", "kafkaTrafficUserName", "u"),
    ("kafka-traffic-password", "kafkaTrafficPassword", "p"),
    ("kafka-traffic-listener-name", "kafkaTrafficListenerName", "l"),
    ("kafka-traffic-secret-name", "kafkaTrafficSecretName", "s"),
    ("kafka-traffic-enable-msk-auth", "kafkaTrafficEnableMSKAuth", ""),
    ("kafkaPropertyFile", "kafkaPropertyFile", "f"),
    ("tuple-s3-bucket", "tupleS3Bucket", "bucket"),
    ("tuple-s3-region", "tupleS3Region", "us-east-1"),
    ("tuple-s3-prefix", "tupleS3Prefix", "tuples/"),
    ("tuple-s3-endpoint", "tupleS3Endpoint", "http://s"),
    ("tuple-max-buffer-seconds", "tupleMaxBufferSeconds", "60"),
    ("tuple-max-file-size-mb", "tupleMaxFileSizeMb", "256"),
    ("tuple-max-per-file", "tupleMaxPerFile", "0"),
    ("non-retryable-doc-exception-types", "nonRetryableDocExceptionTypes", "a_exception,b_exception"),
    ("otel-trace-collector-endpoint", "otelTraceCollectorEndpoint", "http://o"),
    ("otel-metrics-collector-endpoint", "otelMetricsCollectorEndpoint", "http://o"),
];

#[test]
fn defect_18_every_option_of_the_java_replayer_is_taken_under_both_of_its_names() {
    for (name, camel, value) in JAVA {
        for name in [name, camel] {
            let flag = format!("--{name}");
            let mut given = vec!["ferry", "replay", &flag];
            given.extend((!value.is_empty()).then_some(value));
            let arguments: Vec<OsString> = given.iter().map(OsString::from).collect();
            let mut arguments = translated(&Cli::command(), arguments, std::iter::empty())
                .unwrap_or_else(|error| panic!("{given:?}: {error:#}"));
            if plain(name) != "targeturi" {
                arguments.extend(["--target".into(), "http://t".into()]);
            }
            let parsed = Cli::command().try_get_matches_from(arguments);
            assert!(parsed.is_ok(), "{given:?}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn defect_18_every_option_of_the_java_replayer_is_taken_in_json() {
    for (_, name, value) in JAVA.iter().filter(|(_, name, _)| !name.starts_with("kafka")) {
        let value = if value.is_empty() { Value::Bool(true) } else { Value::String((*value).to_owned()) };
        let options = serde_json::json!({ *name: value }).to_string();
        let found = all(&["ferry", "replay", "---INLINE-JSON", &options], &[]);
        assert!(found.is_ok(), "{options}: {:#}", found.unwrap_err());
    }
    let list = r#"{"nonRetryableDocExceptionTypes":["a","b"],"userAgent":null}"#;
    assert_eq!(all(&["ferry", "replay", "---INLINE-JSON", list], &[]).unwrap(), ["--final-errors=a,b"]);
}
