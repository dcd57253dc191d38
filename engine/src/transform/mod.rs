//! Changes documents on their way: a chain of steps out of a file, applied to one document at a time.

mod chain;
mod compile;
pub(crate) mod config;
mod config_error;
pub(crate) mod config_file;
mod field_path;
mod fields;
pub(crate) mod javascript;
pub(crate) mod jq;
pub(crate) mod json;
pub(crate) mod names;
mod steps;
pub(crate) mod worker;

#[cfg(test)]
mod tests;

pub use chain::Chain;
pub(crate) use chain::read;
pub use config_error::ConfigError;
pub use worker::{Failure, Item, Operation, Output, Worker};

use std::borrow::Cow;
use std::time::Duration;

/// Time that the processor has worked for this thread: a limit in it is not reached by a machine that is busy or a
/// process that was stopped.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The text, or its begin and an ellipsis.
pub(crate) fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}
