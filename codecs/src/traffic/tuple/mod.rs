//! The tuple: one line of JSON for each request of the source, with what source and target answered.
//!
//! | key                                                    | value                                                                                   |
//! |--------------------------------------------------------|-----------------------------------------------------------------------------------------|
//! | `sourceRequest`, `targetRequest`                       | every header with the list of its values; `Request-URI`, `Method`, `HTTP-Version`, `payload` |
//! | `sourceResponse`, and each of `targetResponses`        | every header; `HTTP-Version`, `Status-Code`, `Reason-Phrase`, `response_time_ms`, `payload` |
//! | `connectionId`                                         | id of the connection, `.`, number of the request in it                                   |
//! | `error`                                                | why there is no answer of the target; only then                                         |
//! | `numRequests`, `numErrors`                             | attempts, and those of them that failed                                                 |
//! | `sourceTimestamp`, `targetTimestamp`                   | when the request started, by the source's clock and by ours: RFC 3339, microseconds     |
//! | `sourceResponseMillis`                                 | `response_time_ms` of the source, with three decimals                                   |
//! | `topic`, `partition`, `offset`                         | where the request's first record is                                                     |
//! | `attempts`                                             | each attempt: `at`, `delay_ms` before it, `status`, `response_time_ms`, `items`, `error`  |
//! | `transformStatus`                                      | what the transforms did                                                                 |
//!
//! Those up to `numErrors` are the keys of opensearch-migrations 3.3.6, in its order; its readers pass over the others.
//! A message that is no HTTP is `{"Exception": "…"}`. The payload is an object of one key:
//!
//! | key                        | body                                                              |
//! |----------------------------|-------------------------------------------------------------------|
//! | `inlinedJsonBody`          | a JSON object or array, its text as it was (without line ends)     |
//! | `inlinedJsonSequenceBodies`| two or more of them, one after the other: a list                   |
//! | `inlinedFormEncodedBody`   | a form: names, each with the list of its values                    |
//! | `inlinedTextBody`          | other text; empty if there is no body                              |
//! | `inlinedBase64Body`        | other bytes                                                        |
//!
//! Bodies of the APIs for users and keys (`_security`) have `REDACTED` instead of the values that are secrets, or instead of all of it
//! where it is no JSON.
//!
//! A compressed body is inflated; its headers then say `transfer-encoding: chunked` instead of `Content-Encoding` and
//! `Content-Length`, as those that Java writes.

mod bodies;
mod form;
mod headers;
mod json;
mod message;
mod payload;
mod read;
mod redact;
mod secrets;
mod time;
mod write;

pub use message::{TupleRequest, TupleResponse};
pub use read::{AttemptRecord, MessageRecord, PayloadRecord, TupleRecord};
pub use time::{parse_timestamp, write_timestamp};
pub use write::{Attempt, Place, Tuple, TupleSettings, write};

#[cfg(test)]
mod tests;
