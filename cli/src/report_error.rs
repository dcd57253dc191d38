//! Errors as a user sees them: what was attempted, the causes, what to do.

use crate::telemetry::is_json;
use std::io::Write;

/// Prints an error, each of its causes once, and a hint where there is one.
pub(crate) fn report(error: &anyhow::Error) {
    let hint = error.chain().find_map(hint);
    if is_json() && tracing::enabled!(tracing::Level::ERROR) {
        let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
        return tracing::error!(causes = causes.join(": "), hint, "{error}");
    }
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("  cause: {cause}\n"));
    }
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes()); // Nobody is left to tell.
}

/// What to check, where one of our errors says it. The causes of a transparent error are those of what it wraps.
fn hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    use engine::bulk::{RetryError, SinkError};
    let of_sink = |error: &SinkError| error.hint().map(str::to_owned);
    if let Some(error) = cause.downcast_ref::<RetryError>() {
        return match error {
            RetryError::Storage(error) => error.hint(),
            RetryError::Sink(error) => of_sink(error),
        };
    }
    if let Some(error) = cause.downcast_ref::<SinkError>() {
        return of_sink(error);
    }
    if let Some(error) = cause.downcast_ref::<engine::backfill::cluster::Error>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<engine::telemetry::ListenError>() {
        return error.hint().map(str::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<engine::verify::Error>() {
        return error.hint();
    }
    cause.downcast_ref::<engine::Error>().and_then(engine::Error::hint)
}
