//! The shape that requests have for a script.

use super::helpers::Helpers;
use super::item::all_but;
use super::limits::Limits;
use super::read::{self, ReadError};
use super::write::{WriteError, Writer, describe, properties};
use crate::transform::json::Node;
use rquickjs::{Ctx, Value};
use std::sync::Arc;

/// Name of the member that is read when the script asks for it.
const PAYLOAD: &str = "payload";

/// Gives the payload of a request as a JSON object.
pub(crate) type Load = Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>;

/// What a script made of the message of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageOutput {
    /// All members but the payload, as a JSON object.
    pub(crate) head: Vec<u8>,
    pub(crate) payload: PayloadOutput,
}

/// What a script did with the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PayloadOutput {
    /// It never asked for it.
    Untouched,
    /// It took it away.
    Removed,
    /// What it is now, as a JSON object.
    Object(Vec<u8>),
}

/// The message for the script: headers can be found in whatever case, the payload is read later.
pub(super) fn prepare<'js>(
    ctx: &Ctx<'js>,
    helpers: &Helpers<'js>,
    message: &[u8],
    limits: &Limits,
) -> Result<Value<'js>, ReadError> {
    let message = read::from_json(ctx, helpers, message, limits)?;
    if let Some(message) = message.as_object() {
        helpers.with_headers(message)?;
        helpers.prepare(message, PAYLOAD)?;
    }
    Ok(message)
}

/// Reads what a script returned: a message, a list of one, or `null` or an empty list for a request that is dropped.
pub(super) fn collect<'js>(
    helpers: &Helpers<'js>,
    limits: &Limits,
    value: &Value<'js>,
    payload: &[u8],
) -> Result<Option<MessageOutput>, WriteError> {
    let fail = |problem: String| Err(WriteError::Value(problem));
    if value.is_null() {
        return Ok(None);
    }
    if value.is_undefined() {
        return fail(
            "the script returned nothing: return the message, or `null` to drop the request".to_owned(),
        );
    }
    if let Some(list) = value.as_array() {
        return match list.len() {
            0 => Ok(None),
            1 if !list.get::<Value<'js>>(0)?.is_array() => collect(helpers, limits, &list.get(0)?, payload),
            more => fail(format!("the script returned a list of {more}, but one request stays one request")),
        };
    }
    let Some(message) = value.as_object().filter(|_| !value.is_function()) else {
        return fail(format!("the script returned {}, not a message", describe(value)));
    };
    let writer = || Writer::new(helpers, limits, "message");
    if helpers.is_untouched(message, PAYLOAD)? {
        let (names, values) = all_but(message, PAYLOAD)?;
        let head = writer().object_with(&names, &values)?;
        return Ok(Some(MessageOutput { head, payload: PayloadOutput::Untouched }));
    }
    let (mut names, mut values) = properties(helpers, message)?;
    let removed = names.iter().position(|name| name == PAYLOAD).map(|place| {
        names.remove(place);
        values.remove(place)
    });
    let payload = match removed {
        Some(value) if !value.is_null() && !value.is_undefined() => {
            let writer = Writer::new(helpers, limits, PAYLOAD);
            PayloadOutput::Object(writer.object_of(&value, Node::document(payload).ok())?)
        }
        _ => PayloadOutput::Removed,
    };
    Ok(Some(MessageOutput { head: writer().object_with(&names, &values)?, payload }))
}
