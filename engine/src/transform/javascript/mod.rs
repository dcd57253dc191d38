//! Scripts in JavaScript, run by QuickJS, with the contract of the Java migrator's `JsonJSTransformerProvider`.

mod engine;
mod helpers;
mod item;
mod limits;
mod message;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use engine::{Engine, Script};
pub(crate) use item::{ScriptInput, ScriptOutput};
pub(crate) use message::{Load, PayloadOutput};
