//! What source and target answered, side by side.

use serde::{Serialize, Serializer};
use std::fmt;

/// What one of both answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// Nothing, or what is no HTTP.
    Missing,
    /// It was not asked.
    NotSent,
}

impl Answer {
    /// The status.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status),
            Self::Missing | Self::NotSent => None,
        }
    }
}

impl Answer {
    /// What the source answered, in words: of that a tuple may not know.
    #[must_use]
    pub fn of_source(self) -> String {
        if self == Self::Missing { "not known".to_owned() } else { self.to_string() }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "{status}"),
            Self::Missing => formatter.write_str("no answer"),
            Self::NotSent => formatter.write_str("not sent"),
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Status(status) => serializer.serialize_u16(*status),
            Self::Missing => serializer.serialize_str("no_answer"),
            Self::NotSent => serializer.serialize_str("not_sent"),
        }
    }
}

/// How the answers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The same status.
    SameStatus,
    /// Another status with the same first digit.
    SameClass,
    /// The target did it and the source did not, or its refusal is the milder one.
    Better,
    /// The other way round.
    Worse,
    /// The target did not answer.
    NoAnswer,
    /// The request was not sent to the target.
    NotSent,
    /// The answer of the source is not known.
    NoSourceAnswer,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SameStatus,
        Self::SameClass,
        Self::Better,
        Self::Worse,
        Self::NoAnswer,
        Self::NotSent,
        Self::NoSourceAnswer,
    ];

    pub(super) fn of(source: Answer, target: Answer) -> Self {
        match (source, target) {
            (_, Answer::NotSent) => Self::NotSent,
            (_, Answer::Missing) => Self::NoAnswer,
            (Answer::Missing | Answer::NotSent, _) => Self::NoSourceAnswer,
            (Answer::Status(source), Answer::Status(target)) => match (source / 100, target / 100) {
                _ if source == target => Self::SameStatus,
                (left, right) if left == right => Self::SameClass,
                (left, right) if severity(right) < severity(left) => Self::Better,
                _ => Self::Worse,
            },
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SameStatus => "same status",
            Self::SameClass => "same class, other status",
            Self::Better => "target better",
            Self::Worse => "target worse",
            Self::NoAnswer => "no answer of the target",
            Self::NotSent => "not sent to the target",
            Self::NoSourceAnswer => "answer of the source not known",
        }
    }
}

const fn severity(class: u16) -> u16 {
    match class {
        2 => 0,
        1 | 3 => 1,
        4 => 2,
        _ => 3,
    }
}

/// Kinds of errors for which there is no answer, by what their texts say: those of ferry and of Java.
pub(super) fn error_kind(error: &str) -> &'static str {
    const KINDS: [(&str, &[&str]); 9] = [
        ("timeout", &["timeout", "timed out", "no answer for", "timeoutexception"]),
        ("tls", &["certificate", "tls", "ssl", "handshake", "trusted connection"]),
        ("name not found", &["resolve", "dns", "unknownhost", "lookup address"]),
        ("given up", &["given up", "gave up", "could not be reached for", "circuit"]),
        ("connection refused", &["refused"]),
        ("connection failed", &["could not connect", "connectexception", "unreachable"]),
        ("connection lost", &["lost", "reset", "broken pipe", "closed", "end of file", "eof"]),
        ("answer not usable", &["answer has more than", "encoded as", "redirect", "not http", "decod"]),
        ("request not sendable", &["cannot be sent", "credentials", "invalid"]),
    ];
    let error = error.to_ascii_lowercase();
    let is_of = |(_, words): &&(&str, &[&str])| words.iter().any(|word| error.contains(word));
    KINDS.iter().find(is_of).map_or("other", |(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_by_status_and_then_by_class() {
        use Answer::{Missing, NotSent, Status};
        for (source, target, expected) in [
            (Status(200), Status(200), Outcome::SameStatus),
            (Status(201), Status(200), Outcome::SameClass),
            (Status(404), Status(400), Outcome::SameClass),
            (Status(404), Status(200), Outcome::Better),
            (Status(503), Status(429), Outcome::Better),
            (Status(200), Status(301), Outcome::Worse),
            (Status(404), Status(500), Outcome::Worse),
            (Status(200), Missing, Outcome::NoAnswer),
            (Missing, Missing, Outcome::NoAnswer),
            (Missing, Status(200), Outcome::NoSourceAnswer),
            (Missing, NotSent, Outcome::NotSent),
        ] {
            assert_eq!(Outcome::of(source, target), expected, "{source} {target}");
        }
    }

    #[test]
    fn errors_are_told_apart_by_their_words() {
        for (text, kind) in [
            ("no answer for 150 s", "timeout"),
            ("io.netty.handler.timeout.ReadTimeoutException", "timeout"),
            ("could not connect: Connection refused (os error 111)", "connection refused"),
            ("the connection was lost: connection reset", "connection lost"),
            ("no trusted connection: invalid peer certificate", "tls"),
            ("the target could not be reached for 60 s", "given up"),
            ("java.nio.channels.ClosedChannelException", "connection lost"),
            ("something else", "other"),
        ] {
            assert_eq!(error_kind(text), kind, "{text}");
        }
    }
}
