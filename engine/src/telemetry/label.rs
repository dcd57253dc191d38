//! Values of labels: closed sets, so that the number of time series has a bound.

/// A set of values of one label.
pub(crate) trait Label: Copy + 'static {
    /// All of them, each at the place that its number says.
    const ALL: &'static [Self];

    /// As it is written.
    fn value(self) -> &'static str;

    /// Its number.
    fn place(self) -> usize;
}

macro_rules! label {
    ($(#[doc = $help:literal])+ $set:ident { $($(#[doc = $meaning:literal])+ $variant:ident = $value:literal,)+ }) => {
        $(#[doc = $help])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $set {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl Label for $set {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn value(self) -> &'static str {
                match self { $(Self::$variant => $value,)+ }
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

label! {
    /// Why a document failed; the classes of the failed-document file.
    FailedClass {
        /// The target does not take it.
        Refused = "refused",
        /// It is longer than the target takes.
        TooLarge = "too_large",
        /// The target failed at it each time.
        RetriesExhausted = "retries_exhausted",
        /// A transform failed.
        Transform = "transform",
        /// Its bytes in the snapshot are damaged.
        Unreadable = "unreadable",
        /// The index keeps no `_source`.
        NoSource = "no_source",
        /// Its bytes could not be fetched.
        NotFetched = "not_fetched",
        /// Anything else.
        Other = "other",
    }
}

impl FailedClass {
    /// The class of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = Self::ALL.iter().find(|class| class.value() == name);
        known.copied().unwrap_or(Self::Other)
    }
}

label! {
    /// Why operations are sent again.
    RetryCause {
        /// Status 429.
        TooManyRequests = "too_many_requests",
        /// Status 503, or an error that passes when the cluster has recovered.
        Unavailable = "unavailable",
        /// Any other status from 500 on, and 408.
        ServerError = "server_error",
        /// No answer in time.
        Timeout = "timeout",
        /// No connection, or it was lost.
        Connection = "connection",
        /// The answer was cut, or makes no sense.
        BadAnswer = "bad_answer",
    }
}

label! {
    /// What came of one bulk request.
    RequestOutcome {
        /// Each operation has an answer, and the target had room for all.
        Answered = "answered",
        /// The target had no room for it, or for some of its operations.
        Busy = "busy",
        /// There is no usable answer.
        Fault = "fault",
        /// The whole request is refused.
        Refused = "refused",
    }
}

label! {
    /// What tasks spend their time with.
    Stage {
        /// Bytes come from the repository.
        Fetch = "fetch",
        /// Documents are decoded, transformed and put into batches.
        Decode = "decode",
        /// The target works on a batch.
        Send = "send",
        /// Memory is not free yet.
        WaitForMemory = "wait_memory",
        /// A batch waits for its turn: concurrency limit, rate limit, pause.
        WaitForTurn = "wait_turn",
        /// A batch waits before it is sent again.
        WaitForRetry = "wait_retry",
    }
}

label! {
    /// What happened to a lease.
    LeaseEvent {
        /// This worker took an open item.
        Taken = "taken",
        /// This worker took the item of one that stopped without a word.
        TakenOver = "taken_over",
        /// The lease goes on, and the cursor is saved.
        Renewed = "renewed",
        /// Another worker had taken the item.
        Lost = "lost",
    }
}

label! {
    /// What became of a work item.
    ItemOutcome {
        /// All of its documents are sent or failed.
        Done = "done",
        /// It was given back before its end, on purpose.
        Released = "released",
        /// It was given back with an error, to be tried again.
        Failed = "failed",
        /// It is given up: its attempts are used up.
        Quarantined = "quarantined",
        /// A part of it was cut off for another worker.
        Split = "split",
    }
}

label! {
    /// What came of comparing a document.
    Comparison {
        /// The target holds the same.
        Equal = "equal",
        /// The target does not hold it.
        Missing = "missing",
        /// The target holds something else.
        Different = "different",
        /// The source does not hold it.
        Extra = "extra",
        /// The source does not give it.
        Unreadable = "unreadable",
    }
}

label! {
    /// What came of a request of captured traffic.
    ReplayOutcome {
        /// The target answered, whatever the status.
        Answered = "answered",
        /// There is no answer of the target after the last attempt.
        Unanswered = "unanswered",
        /// It was not selected.
        Skipped = "skipped",
        /// A transform dropped it on purpose.
        Dropped = "dropped",
        /// A transform failed, and it was not sent.
        TransformFailed = "transform_failed",
        /// It is left to another process, or to a later run.
        Abandoned = "abandoned",
    }
}

label! {
    /// Why a replay sends a request again.
    ReplayRetry {
        /// Status 429.
        TooManyRequests = "too_many_requests",
        /// Status 502, 503 or 504.
        Unavailable = "unavailable",
        /// Any other status from 500 on, and 408.
        ServerError = "server_error",
        /// Any other status that the source did not answer with.
        Refused = "refused",
        /// Some operations of a bulk request failed.
        Operations = "operations",
        /// No answer in time.
        Timeout = "timeout",
        /// No connection, or it was lost.
        Connection = "connection",
    }
}

label! {
    /// What happened to a connection of the source.
    ConnectionEvent {
        /// It was heard of for the first time, or again.
        Begun = "begun",
        /// It was closed.
        Closed = "closed",
        /// It was silent for too long.
        Expired = "expired",
        /// It was given up because there were too many.
        CrowdedOut = "crowded_out",
    }
}

label! {
    /// What is in quarantine.
    QuarantinedThing {
        /// A record that is none.
        Record = "record",
        /// A request that cannot be used.
        Request = "request",
    }
}

label! {
    /// What came of a commit of an offset.
    CommitOutcome {
        /// The brokers took note.
        Committed = "committed",
        /// They did not; a later commit has the offset, too.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<L: Label>() {
        let mut values: Vec<_> = L::ALL.iter().map(|label| label.value()).collect();
        assert!(L::ALL.iter().enumerate().all(|(place, label)| label.place() == place), "{values:?}");
        assert!(values.iter().all(|value| value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), L::ALL.len());
    }

    #[test]
    fn every_value_has_its_place_and_is_there_once() {
        check::<FailedClass>();
        check::<RetryCause>();
        check::<RequestOutcome>();
        check::<Stage>();
        check::<LeaseEvent>();
        check::<ItemOutcome>();
        check::<Comparison>();
        check::<ReplayOutcome>();
        check::<ReplayRetry>();
        check::<ConnectionEvent>();
        check::<QuarantinedThing>();
        check::<CommitOutcome>();
    }

    #[test]
    fn a_class_that_is_not_known_is_other() {
        assert_eq!(FailedClass::of("too_large"), FailedClass::TooLarge);
        assert_eq!(FailedClass::of("of a later version"), FailedClass::Other);
    }
}
