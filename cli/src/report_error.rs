//! Errors as a user sees them: what was attempted, the causes, what to do.

use std::io::Write;

/// Prints an error, each of its causes once, and a hint where there is one.
pub(crate) fn report(error: &anyhow::Error) {
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("  cause: {cause}\n"));
    }
    let hint = error.chain().find_map(|cause| match cause.downcast_ref::<engine::verify::Error>() {
        Some(error) => error.hint(),
        None => cause.downcast_ref::<engine::Error>().and_then(engine::Error::hint),
    });
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes()); // Nobody is left to tell.
}
