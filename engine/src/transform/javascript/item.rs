//! The shape that documents have for a script: `rfs-opensearch-bulk-v1`.

use super::helpers::Helpers;
use super::limits::Limits;
use super::write::{WriteError, Writer, describe, names, properties};
use crate::transform::Operation;
use crate::transform::json::Node;
use rquickjs::object::Property;
use rquickjs::{Array, Ctx, Object, Value};

const SCHEMA: &str = "rfs-opensearch-bulk-v1";
/// How many documents a script may make of one.
const MAX_OUTPUTS: usize = 10_000;
/// How deep lists of items may be nested: `map` that returns lists gives two levels.
const MAX_LISTS: usize = 8;

/// One document for a script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScriptInput<'a> {
    pub(crate) index: &'a str,
    pub(crate) type_name: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) routing: Option<&'a str>,
    pub(crate) operation: Operation,
    pub(crate) source: &'a [u8],
}

/// One document out of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScriptOutput {
    pub(crate) index: String,
    pub(crate) type_name: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) routing: Option<String>,
    pub(crate) operation: Operation,
    /// `None` when the script never looked at it.
    pub(crate) source: Option<Vec<u8>>,
}

/// The list with one item that the script is called with.
pub(super) fn list<'js>(
    ctx: &Ctx<'js>,
    helpers: &Helpers<'js>,
    input: ScriptInput<'_>,
) -> rquickjs::Result<Value<'js>> {
    let record = helpers.record()?;
    let set = |object: &Object<'js>, name: &str, value: Option<&str>| match value {
        Some(value) => object.prop(name, Property::from(value).writable().enumerable().configurable()),
        None => Ok(()),
    };
    let operation = Object::new_proto(ctx.clone(), Some(&record))?;
    set(&operation, "_id", input.id)?;
    set(&operation, "_index", Some(input.index))?;
    set(&operation, "_type", input.type_name)?;
    set(&operation, "routing", input.routing)?;
    set(&operation, "op_type", (input.operation == Operation::Create).then_some("create"))?;
    let item = Object::new_proto(ctx.clone(), Some(&record))?;
    set(&item, "schema", Some(SCHEMA))?;
    set(&item, "operation_type", Some("index"))?;
    item.prop("include_document", Property::from(true).writable().enumerable().configurable())?;
    item.prop("operation", Property::from(operation).writable().enumerable().configurable())?;
    helpers.prepare(&item, "document")?;
    let list = Array::new(ctx.clone())?;
    list.set(0, item)?;
    Ok(list.into_value())
}

/// Reads what a script returned.
pub(super) struct Collector<'a, 'js> {
    pub(super) helpers: &'a Helpers<'js>,
    pub(super) limits: &'a Limits,
    pub(super) source: &'a [u8],
    pub(super) outputs: Vec<ScriptOutput>,
}

impl<'js> Collector<'_, 'js> {
    /// An item, a list of items, lists in lists; `null` and empty lists are documents that are dropped.
    pub(super) fn collect(&mut self, value: &Value<'js>, depth: usize) -> Result<(), WriteError> {
        let fail = |problem: String| Err(WriteError::Value(problem));
        if value.is_null() {
            return Ok(());
        }
        if let Some(list) = value.as_array() {
            if depth >= MAX_LISTS || list.len() > MAX_OUTPUTS {
                return fail(format!(
                    "the script returned more than {MAX_OUTPUTS} items, or lists in lists in lists"
                ));
            }
            return (0..list.len()).try_for_each(|position| self.collect(&list.get(position)?, depth + 1));
        }
        if value.is_undefined() {
            return fail(
                "the script returned nothing: return the item, or `[]` to drop the document".to_owned(),
            );
        }
        match value.as_object().filter(|_| !value.is_function()) {
            Some(_) if self.outputs.len() >= MAX_OUTPUTS => {
                fail(format!("the script returned more than {MAX_OUTPUTS} items"))
            }
            Some(item) => {
                let output = self.item(item)?;
                self.outputs.push(output);
                Ok(())
            }
            None => fail(format!("the script returned {}, not an item or a list of items", describe(value))),
        }
    }

    fn item(&mut self, item: &Object<'js>) -> Result<ScriptOutput, WriteError> {
        let is_untouched = self.helpers.is_untouched(item, "document")?;
        let (names, values) =
            if is_untouched { all_but(item, "document")? } else { properties(self.helpers, item)? };
        let mut output = None;
        let mut document = None;
        let mut operation_type = Operation::Index;
        for (name, value) in names.iter().zip(values) {
            match name.as_str() {
                "operation" => output = Some(self.operation(&value)?),
                "document" => document = Some(value),
                "operation_type" => operation_type = operation_of(name, &value)?,
                "schema" if text(name, &value)?.as_deref() == Some(SCHEMA) => {}
                "include_document" if value.as_bool() == Some(true) => {}
                "document_path" if value.is_null() || value.is_undefined() => {}
                _ => return Err(not_carried(name, &value)),
            }
        }
        let Some(mut output) = output else {
            return Err(WriteError::Value("the item has no `operation`".to_owned()));
        };
        if operation_type == Operation::Create {
            output.operation = Operation::Create;
        }
        output.source = match document {
            _ if is_untouched => None,
            Some(value) => Some(self.document(&value)?),
            None => return Err(WriteError::Value("the item has no `document`".to_owned())),
        };
        Ok(output)
    }

    fn document(&self, value: &Value<'js>) -> Result<Vec<u8>, WriteError> {
        Writer::new(self.helpers, self.limits, "document").object_of(value, Node::document(self.source).ok())
    }

    fn operation(&self, value: &Value<'js>) -> Result<ScriptOutput, WriteError> {
        let Some(object) = value.as_object().filter(|_| !value.is_array() && !value.is_function()) else {
            return Err(WriteError::Value(format!("`operation` is {}, not an object", describe(value))));
        };
        let (mut index, mut type_name, mut id, mut routing) = (None, None, None, None);
        let mut operation = Operation::Index;
        let (names, values) = properties(self.helpers, object)?;
        for (name, value) in names.iter().zip(values) {
            match name.as_str() {
                "_index" => index = text(name, &value)?,
                "_type" => type_name = text(name, &value)?,
                "_id" => id = text(name, &value)?,
                "routing" => routing = text(name, &value)?,
                "op_type" => operation = operation_of(name, &value)?,
                _ if value.is_null() || value.is_undefined() => {}
                _ => return Err(not_carried(name, &value)),
            }
        }
        match index {
            Some(index) => Ok(ScriptOutput { index, type_name, id, routing, operation, source: None }),
            None => Err(WriteError::Value("`operation` has no `_index`".to_owned())),
        }
    }
}

/// Names and values of an item without one that was never asked for, without asking for it now.
pub(super) fn all_but<'js>(
    item: &Object<'js>,
    left_out: &str,
) -> Result<(Vec<String>, Vec<Value<'js>>), WriteError> {
    let mut names = names(item)?;
    names.retain(|name| name != left_out);
    let values = names.iter().map(|name| item.get(name.as_str()));
    let values = values.collect::<rquickjs::Result<_>>()?;
    Ok((names, values))
}

pub(super) fn not_carried(name: &str, value: &Value<'_>) -> WriteError {
    let value = match value.as_string().and_then(|value| value.to_string().ok()) {
        Some(text) => format!("`{}`", crate::transform::shortened(&text, 50)),
        None => describe(value),
    };
    WriteError::Value(format!("`{name}` is {value}, which cannot be carried to the target"))
}

/// A text; `null` and `undefined` are none.
fn text(name: &str, value: &Value<'_>) -> Result<Option<String>, WriteError> {
    if value.is_null() || value.is_undefined() {
        return Ok(None);
    }
    match value.as_string() {
        Some(text) => Ok(Some(text.to_string()?)),
        None => Err(WriteError::Value(format!("`{name}` is {}, not a string", describe(value)))),
    }
}

fn operation_of(name: &str, value: &Value<'_>) -> Result<Operation, WriteError> {
    match text(name, value)?.as_deref() {
        None | Some("index") => Ok(Operation::Index),
        Some("create") => Ok(Operation::Create),
        Some(_) => Err(not_carried(name, value)),
    }
}
