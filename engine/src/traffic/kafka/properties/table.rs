//! What becomes of each property.

/// Before the name of a setting of librdkafka's own.
pub(super) const NATIVE: &str = "librdkafka.";

/// What becomes of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// librdkafka has it under the same name.
    Same,
    /// librdkafka has it under this name.
    Renamed(&'static str),
    /// A size of a buffer: -1 is the system's there, 0 here.
    Buffer(&'static str),
    /// It does nothing here, for this reason.
    Ignored(&'static str),
    /// It cannot be what it is in Java: what to do.
    Refused(&'static str),
    Protocol,
    HostNameCheck,
    Mechanism,
    Jaas,
    TrustStore,
    KeyStore,
    /// Goes with a store.
    StoreType,
    /// After a prefix: librdkafka's own.
    Native,
}

const OURS: &str = "ferry sets it itself";
const JAVA: &str = "it is about Java";
const PRODUCER: &str = "it is about producers";
const UNKNOWN: &str =
    "it is not known: leave it out, or, if it is a setting of librdkafka, put `librdkafka.` before its name";

/// What becomes of the property of this name.
pub(super) fn meaning(key: &str) -> Meaning {
    match key {
        "client.id"
        | "client.rack"
        | "client.dns.lookup"
        | "fetch.min.bytes"
        | "fetch.max.bytes"
        | "max.partition.fetch.bytes"
        | "session.timeout.ms"
        | "heartbeat.interval.ms"
        | "max.poll.interval.ms"
        | "group.instance.id"
        | "metadata.max.age.ms"
        | "reconnect.backoff.ms"
        | "reconnect.backoff.max.ms"
        | "retry.backoff.ms"
        | "retry.backoff.max.ms"
        | "connections.max.idle.ms"
        | "isolation.level"
        | "check.crcs"
        | "ssl.cipher.suites"
        | "ssl.keystore.password"
        | "ssl.key.password"
        | "socket.connection.setup.timeout.ms"
        | "metadata.recovery.strategy" => Meaning::Same,
        "fetch.max.wait.ms" => Meaning::Renamed("fetch.wait.max.ms"),
        "request.timeout.ms" => Meaning::Renamed("socket.timeout.ms"),
        "receive.buffer.bytes" => Meaning::Buffer("socket.receive.buffer.bytes"),
        "send.buffer.bytes" => Meaning::Buffer("socket.send.buffer.bytes"),
        "ssl.truststore.certificates" => Meaning::Renamed("ssl.ca.pem"),
        "ssl.keystore.certificate.chain" => Meaning::Renamed("ssl.certificate.pem"),
        "ssl.keystore.key" => Meaning::Renamed("ssl.key.pem"),
        "security.protocol" => Meaning::Protocol,
        "ssl.endpoint.identification.algorithm" => Meaning::HostNameCheck,
        "sasl.mechanism" => Meaning::Mechanism,
        "sasl.jaas.config" => Meaning::Jaas,
        "ssl.truststore.location" => Meaning::TrustStore,
        "ssl.keystore.location" => Meaning::KeyStore,
        "ssl.truststore.type" | "ssl.keystore.type" => Meaning::StoreType,
        "ssl.truststore.password" => Meaning::Ignored("certificates in PEM need no password"),
        "bootstrap.servers"
        | "group.id"
        | "enable.auto.commit"
        | "auto.commit.interval.ms"
        | "auto.offset.reset"
        | "partition.assignment.strategy"
        | "max.poll.records"
        | "group.protocol"
        | "allow.auto.create.topics"
        | "exclude.internal.topics"
        | "default.api.timeout.ms"
        | "enable.metrics.push" => Meaning::Ignored(OURS),
        "acks"
        | "linger.ms"
        | "batch.size"
        | "compression.type"
        | "delivery.timeout.ms"
        | "max.request.size"
        | "max.block.ms"
        | "buffer.memory"
        | "enable.idempotence"
        | "retries"
        | "max.in.flight.requests.per.connection"
        | "key.serializer"
        | "value.serializer"
        | "partitioner.class" => Meaning::Ignored(PRODUCER),
        "config.providers" => {
            Meaning::Refused("values from config providers are not supported: write the values themselves")
        }
        "sasl.login.callback.handler.class" | "sasl.client.callback.handler.class" => Meaning::Ignored(JAVA),
        key if is_java(key) => Meaning::Ignored(JAVA),
        key if key.starts_with(NATIVE) => native(key.trim_start_matches(NATIVE)),
        _ => Meaning::Refused(UNKNOWN),
    }
}

fn is_java(key: &str) -> bool {
    matches!(
        key,
        "key.deserializer"
            | "value.deserializer"
            | "interceptor.classes"
            | "metric.reporters"
            | "auto.include.jmx.reporter"
            | "security.providers"
            | "ssl.protocol"
            | "ssl.enabled.protocols"
            | "ssl.provider"
            | "ssl.keymanager.algorithm"
            | "ssl.trustmanager.algorithm"
            | "ssl.secure.random.implementation"
            | "ssl.engine.factory.class"
    ) || key.starts_with("metrics.")
}

/// What would take away what ferry relies on, or would load code, cannot be set.
fn native(name: &str) -> Meaning {
    match name {
        "enable.auto.commit"
        | "enable.auto.offset.store"
        | "auto.offset.reset"
        | "group.id"
        | "bootstrap.servers"
        | "metadata.broker.list"
        | "partition.assignment.strategy"
        | "group.protocol"
        | "log.queue"
        | "statistics.interval.ms"
        | "enable.partition.eof"
        | "queued.max.messages.kbytes"
        | "plugin.library.paths"
        | "enabled_events" => Meaning::Refused("ferry sets it itself: leave it out"),
        _ => Meaning::Native,
    }
}
