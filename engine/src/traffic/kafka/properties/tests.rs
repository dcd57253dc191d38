use super::*;
use secrecy::ExposeSecret;

fn translate(text: &str) -> Result<Properties, (String, String)> {
    Properties::translate(parse::parse(text.as_bytes()).unwrap())
}

fn settings(text: &str) -> Vec<(String, String)> {
    translate(text).map_err(|(key, reason)| format!("{key}: {reason}")).unwrap().settings
}

fn refused(text: &str) -> (String, String) {
    translate(text).map(|_| ()).unwrap_err()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn names_of_java_become_those_of_librdkafka() {
    let text = "security.protocol=SASL_SSL\nfetch.max.wait.ms=200\nclient.id = x\nreceive.buffer.bytes=-1\n\
                ssl.endpoint.identification.algorithm=\nlibrdkafka.debug=cgrp\nsession.timeout.ms=1\nsession.timeout.ms=2\n";
    let expected = pairs([
        ("security.protocol", "sasl_ssl"),
        ("fetch.wait.max.ms", "200"),
        ("client.id", "x"),
        ("socket.receive.buffer.bytes", "0"),
        ("ssl.endpoint.identification.algorithm", "none"),
        ("debug", "cgrp"),
        ("session.timeout.ms", "2"),
    ]);
    assert_eq!(settings(text), expected);
}

#[test]
fn pem_stores_are_files_of_certificates() {
    let text = "ssl.truststore.location=/ca.crt\nssl.truststore.type=PEM\nssl.keystore.type=PEM\nssl.keystore.location=/me.pem\n";
    let expected = pairs([
        ("ssl.ca.location", "/ca.crt"),
        ("ssl.certificate.location", "/me.pem"),
        ("ssl.key.location", "/me.pem"),
    ]);
    assert_eq!(settings(text), expected);
    let text = "ssl.keystore.location=/me.p12\nssl.keystore.password=hunter2\nssl.keystore.type=PKCS12\n";
    assert_eq!(
        settings(text),
        pairs([("ssl.keystore.location", "/me.p12"), ("ssl.keystore.password", "hunter2")])
    );
}

#[test]
fn java_key_stores_are_refused_with_the_way_out() {
    let (key, reason) = refused("ssl.truststore.location=/ca.jks");
    assert_eq!(key, "ssl.truststore.location");
    assert!(
        reason.starts_with("a trust store of type JKS cannot be read: export its certificates with `keytool"),
        "{reason}"
    );
    let (key, reason) = refused("ssl.keystore.location=/me.jks\nssl.keystore.type=jks");
    assert_eq!(key, "ssl.keystore.location");
    assert!(reason.contains("-deststoretype PKCS12"), "{reason}");
}

#[test]
fn a_scram_login_is_taken_out_of_the_jaas_configuration() {
    let text = "sasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n  \
                username=\"replayer\" \\\n  password=\"hunter2\";\n";
    let properties = translate(text).map_err(|(_, reason)| reason).unwrap();
    let (user, password) = properties.login.unwrap();
    assert_eq!((user.as_str(), password.expose_secret()), ("replayer", "hunter2"));
    assert_eq!(properties.settings, pairs([("sasl.mechanism", "SCRAM-SHA-512")]));
}

#[test]
fn msk_is_known_by_its_mechanism() {
    let text = "security.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM\nsasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule \
                required;\nsasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler\n";
    let properties = translate(text).map_err(|(_, reason)| reason).unwrap();
    assert!(properties.is_msk_iam);
    assert_eq!(properties.settings, pairs([("security.protocol", "sasl_ssl")]));
    assert_eq!(properties.ignored, [("sasl.client.callback.handler.class".to_owned(), "it is about Java")]);
}

#[test]
fn an_unknown_property_is_named() {
    let (key, reason) = refused("fetch.max.bites=1");
    assert_eq!(key, "fetch.max.bites");
    assert!(reason.starts_with("it is not known: leave it out"), "{reason}");
    assert_eq!(refused("librdkafka.enable.auto.commit=true").1, "ferry sets it itself: leave it out");
    assert_eq!(refused("sasl.mechanism=GSSAPI").0, "sasl.mechanism");
    assert_eq!(refused("sasl.mechanism=OAUTHBEARER").0, "sasl.mechanism");
}

#[test]
fn the_producers_and_javas_own_do_nothing() {
    let properties = translate("acks=all\nkey.deserializer=x\nenable.auto.commit=true\n")
        .map_err(|(_, reason)| reason)
        .unwrap();
    assert!(properties.settings.is_empty());
    let ignored: Vec<&str> = properties.ignored.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(ignored, ["acks", "key.deserializer", "enable.auto.commit"]);
}
